//! Compiles and runs nodes in a warehouse.
