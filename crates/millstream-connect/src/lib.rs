//! Sources, one folder each, the sync step and the seed step.
//!
//! A [`source::Source`] brings records in; [`raw`] keeps what it sent; [`sync::SyncStep`] types,
//! checks and stages them through the warehouse. [`registry`] makes a source from its file.
//! [`seed::SeedStep`] makes a table of a CSV file of the project, as dbt does.
//!
//! Not here: tables, the ledger, the reading of YAML.

pub mod columns;
pub mod demo_shop;
mod error;
mod explain;
pub mod file;
mod hints;
pub mod postgres;
mod preview;
pub mod raw;
mod records;
pub mod registry;
mod review;
pub mod seed;
pub mod settings;
pub mod source;
pub mod sqlite;
pub mod sync;
#[cfg(test)]
mod testing;

pub use error::SyncError;
pub use explain::EXPLANATIONS;
pub use preview::{Preview, preview};
