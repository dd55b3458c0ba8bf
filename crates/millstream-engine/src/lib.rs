//! Lake tables and SQL: DataFusion and Delta behind our own types.
//!
//! Entry point: [`Engine`], which implements [`millstream_core::warehouse::Warehouse`]. A write is
//! two steps, as the recovery protocol needs: staging writes durable files that nothing names
//! (`stage`, `merge`, `write`), publishing adds one log entry that names them (`publish`). A read
//! resolves names against a frozen catalog (`session`, `resolve`) and lowers a table version to a plain
//! Parquet scan (`provider`).
//!
//! Not here: which step runs when, what a catalog entry is, where models are kept.

mod clean;
mod column_facts;
mod columns_of;
mod comments;
mod content;
mod describe;
mod dialect;

mod effort;
mod encode;
mod engine;
mod error;
mod evolve;
mod explain;
mod extent;
mod file_target;
mod folders;
mod functions;
mod incoming;
mod information_schema;
mod lake;
mod lateral;
mod lineage;
mod log;
mod making;
mod memory;
mod merge;
mod moment;
mod optimize;
mod outside;
mod overwrite;
mod postgres;
mod predict;
mod provider;
mod publish;
mod resolve;
mod session;
mod spill;
mod sql_types;
mod stage;
mod statements;
mod stats;
mod store;
mod stream;
mod syncs;
mod syntax;
mod types;
mod workers;
mod write;

pub use clean::VacuumReport;
pub use engine::{Engine, EngineConfig};
pub use error::EngineError;
pub use explain::EXPLANATIONS;
pub use extent::{Publications, TableExtent, TableFile};
pub use lineage::QueryLineage;
pub use sql_types::check_type;
pub use statements::read_statements;
pub use store::LakeLocation;
pub use syntax::{SyntaxProblem, check_syntax};

#[cfg(test)]
mod tests;
