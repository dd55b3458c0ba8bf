//! Topics, functions and the operational database.
