//! Functions: SQL over the events of a topic, whose rows go to the operational database.
//!
//! Reading order: `step`, `work`, `records`, `staging`, `dead_letters`.

mod dead_letters;
mod error;
mod records;
mod staging;
mod step;
mod work;

#[cfg(test)]
mod tests;

pub use error::FunctionError;
pub use step::{FunctionParts, FunctionStep};
