//! Programs in Python whose rows are those of a relation: dbt's Python models.
//!
//! One Python process has imported what models need; it forks a process for each model. That
//! process asks for the rows of queries, and gives those of the model, as Arrow batches in frames
//! over a socket of Unix. Nothing starts before the first model runs.
//!
//! Reading order: `pool` is what is seen from outside; `zygote` is the process that is warm;
//! `task` talks with the process of one model, whose rows `rows` streams; `wire` and `batches` are
//! the frames and what is in them; `worker` holds the side that is written in Python.

mod batches;
mod door;
mod error;
mod explain;
mod interpreter;
mod log;
mod pool;
mod preload;
mod rows;
mod task;
#[cfg(test)]
mod tests;
mod wire;
mod worker;
mod zygote;

pub use error::PythonError;
pub use explain::EXPLANATIONS;
pub use interpreter::interpreter;
pub use log::LineSink;
pub use pool::{PythonPool, PythonSettings};
