//! Compiles and runs nodes in a warehouse.
//!
//! Reading order: `job` is what a command does; `queue` and `pool` say which node runs next and on
//! which thread; `node` takes one node to its end, by the macros of its materialization or, where
//! the warehouse can, without (`native`).

mod hook;
mod job;
pub mod lines;
mod native;
mod node;
mod pool;
mod queue;
mod tests;
mod unit;

pub use job::{Job, JobEnd, OnFailure, is_failure};
pub use node::{Done, Purpose};
