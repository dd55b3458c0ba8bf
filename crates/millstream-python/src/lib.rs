//! What a project has in Python: dbt's Python models, whose rows are those of a relation,
//! functions that queries call, and functions that steps call.
//!
//! One Python process has imported what they need; it forks a process for each. That process asks
//! for the rows of queries and gives those of the model, or is given the arguments of calls and
//! gives the results, as Arrow batches in frames over a socket of Unix. Nothing starts before the
//! first is needed.
//!
//! Reading order: `pool`, `functions` and `call` are what is seen from outside; `interpreter` says which
//! Python runs, and `locked` makes the one that uv has locked; `host` keeps `zygote`, the process
//! that is warm, and a `forked` one for the next task; `process` is one with its task, with which
//! `task` talks as a model, whose rows `rows` streams; `wire` and `batches` are the frames and what is in them; `worker` holds the side
//! that is written in Python.

mod batches;
mod call;
mod door;
mod error;
mod explain;
mod forked;
mod functions;
mod host;
mod interpreter;
mod locked;
mod log;
mod pool;
mod preload;
mod process;
mod rows;
mod task;
#[cfg(test)]
mod tests;
mod wire;
mod worker;
mod zygote;

pub use call::{Called, Caller, Keeper, PythonCall};
pub use error::PythonError;
pub use explain::EXPLANATIONS;
pub use functions::PythonFunctions;
pub use host::{PythonHost, PythonSettings, Warm};
pub use interpreter::{Interpreter, interpreter};
pub use locked::{LockedEnvironment, MadeEnvironment};
pub use log::LineSink;
pub use pool::PythonPool;
