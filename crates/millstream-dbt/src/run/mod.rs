//! Compiles and runs nodes in a warehouse.

pub mod lines;
mod pool;
mod queue;

pub use pool::{Event, Verdict, work_off};
pub use queue::{Ended, Queue};
