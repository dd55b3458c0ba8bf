//! Checks on what a step has staged, before it is published.
//!
//! Not here: how a check is written (the project's room) and what a failed one does to a run (the
//! executor's).

pub mod audit;

pub use audit::{Audited, CheckSpec};
