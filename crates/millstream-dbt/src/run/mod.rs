//! Compiles and runs nodes in a warehouse.
//!
//! Reading order: `job` is what a command does; `queue` and `pool` say which node runs next and on
//! which thread; `node` takes one node to its end, by the macros of its materialization or, where
//! the warehouse can, without (`native`, and `question` for tests).

mod batches;
mod contract;
pub mod event_time;
mod freshness;
mod function;
mod hook;
mod job;
pub mod lines;
mod microbatch;
mod native;
mod node;
mod pointer;
mod pool;
mod question;
mod queue;
mod tests;
mod unit;

pub use freshness::{FreshnessJob, has_failed};
pub use job::{Job, JobEnd, OnFailure, is_failure};
pub use node::{Done, Purpose};
