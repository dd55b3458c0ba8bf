//! Steps that run a command as a process of its own, or call a function of a file in Python in one
//! that is forked from a warm one.
//!
//! The command leads a group of processes that ends with it, with its time-out, with the run that is
//! stopped, and with Millstream, however that ends: a line of `sh` in the same group reads a pipe
//! from Millstream and kills the group when nobody holds the other end any more. What a group is
//! called stands in a file before the command begins, so that whoever recovers the attempt can see
//! to it that the group is gone before the command runs again.
//!
//! A function leads a group as well, which the warm process ends in the place of that line of `sh`.
//!
//! A step of `steps/` may also wait for a person in place of running anything: `approval`.
//!
//! Reading order: `step`, `process`, `group`, `limits`, `files`, `item`, `result`, `python`, `approval`, `error`.

mod approval;
mod error;
mod files;
mod group;
mod item;
mod limits;
mod process;
mod python;
mod result;
mod step;
#[cfg(test)]
mod tests;

pub use approval::ApprovalStep;
pub use error::{CommandError, EXPLANATIONS};
pub use python::PythonTask;
pub use step::{CommandConfig, CommandStep, Secrets};
