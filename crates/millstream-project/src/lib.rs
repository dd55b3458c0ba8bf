//! The project folder in, the resolved asset graph out.
