//! Traces: runs, steps and attempts as spans, sent to a collector by OTLP/HTTP (OpenTelemetry
//! protocol 1, in its JSON encoding).
//!
//! Nothing is measured while steps work: spans are made of what the ledger says, once a run has
//! ended. So a run costs nothing, none is lost with its process, and whoever exports it gives all
//! of its parts the same names. What waits to be exported are the changes of the ledger.
//!
//! Reading order: `target`, `span`, `otlp`, `send`, `exporter`.

mod error;
mod explain;
mod exporter;
mod otlp;
mod send;
mod span;
mod target;

pub use error::TraceError;
pub use explain::EXPLANATIONS;
pub use exporter::{Exporter, ExporterConfig};
pub use target::{Asked, Target};
