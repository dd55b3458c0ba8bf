//! The only place that names implementations: reads the project, opens what its environment
//! names, and makes the steps of its graph.

mod explanations;
mod folder;
mod git;
mod opened;
mod optimize;
mod project;
mod secrets;
mod steps;
mod syntax;

pub use explanations::explanations;
pub use opened::{Opened, open_ledger, token_record};
pub use optimize::optimize;
pub use project::{read_project, required_project};
