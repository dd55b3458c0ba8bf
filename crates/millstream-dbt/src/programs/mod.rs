//! What a project has in Python, beside the texts that `parse` reads: functions that queries call,
//! the modules that texts import, and what their processes may take.

mod functions;
mod limits;
mod modules;

pub(crate) use functions::entry_point;
pub use functions::{python_function, python_functions};
pub use limits::{limits_of, memory_problem};
pub use modules::Modules;
