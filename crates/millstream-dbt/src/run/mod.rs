//! Compiles and runs nodes in a warehouse.

mod queue;

pub use queue::{Ended, Queue};
