//! dbt projects: read, selected, rendered, run, and described in dbt's artifacts.
//!
//! Reading order: [`parse`] makes a [`Manifest`] of a project folder; [`context`] is what templates
//! see, while a project is read and while it runs; [`select`] finds the nodes that a command is
//! about; `run` compiles and runs them in a [`millstream_core::sql::SqlWarehouse`]; `artifacts`
//! writes what dbt's own tools read.

pub mod adapter;
pub mod artifacts;
mod comments;
pub mod context;
pub mod deps;
mod explanations;
mod line_ends;
pub mod macros;
pub mod manifest;
pub mod parse;
pub mod programs;
pub mod python;
pub mod run;
pub mod select;
pub mod step;
pub mod target;
pub mod version;

pub use comments::comments_of;
pub use explanations::EXPLANATIONS;
pub use manifest::Manifest;

/// The release of dbt whose behaviour is matched, and which artifacts and templates are told.
pub const DBT_VERSION: &str = "1.12.6";
