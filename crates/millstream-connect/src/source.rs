//! The contract of a source: what a connector implements.

use std::pin::Pin;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::Stream;
use millstream_core::batch::BoxFuture;
use millstream_core::error::Result;
use millstream_core::hash::ContentHash;
use millstream_core::spec::StreamSpec;
use serde::Serialize;
use serde_json::Value;

use crate::raw::RawLoad;

/// A connector that is configured for one source.
pub trait Source: Send + Sync + std::fmt::Debug {
    /// Reaches the outside system and says in one line what was found.
    fn check(&self) -> BoxFuture<'_, Result<String>>;

    /// The streams that the source offers.
    fn discover(&self) -> BoxFuture<'_, Result<Vec<DiscoveredStream>>>;

    /// Fingerprint of what a sync would read now; equal to the last one means there is nothing to
    /// do. `None` when the source cannot tell cheaply: then the sync always runs.
    fn probe<'a>(
        &'a self,
        stream: &'a StreamSpec,
        checkpoint: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Option<ContentHash>>>;

    /// Opens a stream from a checkpoint on. Bytes that come from outside go through `raw`, which
    /// keeps them unchanged.
    fn read<'a>(
        &'a self,
        stream: &'a StreamSpec,
        checkpoint: Option<&'a Value>,
        raw: &'a RawLoad,
    ) -> BoxFuture<'a, Result<SourceRead>>;

    /// Reads a stream again from what `raw` kept of one load.
    fn replay<'a>(
        &'a self,
        stream: &'a StreamSpec,
        raw: &'a RawLoad,
    ) -> BoxFuture<'a, Result<SourceRead>>;
}

/// A stream as the source offers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiscoveredStream {
    /// Its name.
    pub name: String,
    /// Columns with their SQL types, in order.
    pub columns: Vec<DiscoveredColumn>,
    /// Columns that identify a record, if the source says so.
    pub key: Vec<String>,
    /// Rows, if the source says so cheaply.
    pub rows: Option<u64>,
}

/// A column as the source offers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiscoveredColumn {
    /// Name in the table, in `snake_case`.
    pub name: String,
    /// Name in the source.
    pub original: String,
    /// SQL type, as in `ColumnSpec`.
    pub data_type: String,
    /// Whether a value may be missing.
    pub nullable: bool,
}

/// An open stream.
pub struct SourceRead {
    /// The schema of the rows: the source's columns after selection, typed, in `snake_case`; the
    /// original name of a renamed column is in its field metadata under `millstream.original`.
    pub schema: SchemaRef,
    /// What is read, in order.
    pub events: Pin<Box<dyn Stream<Item = Result<SourceEvent>> + Send>>,
}

impl std::fmt::Debug for SourceRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceRead").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// Something read from a source.
#[derive(Debug)]
pub enum SourceEvent {
    /// Rows of the schema.
    Rows(RecordBatch),
    /// Records that do not fit the schema.
    Refused(Vec<RefusedRecord>),
    /// All rows before this are covered by this checkpoint.
    Checkpoint(Value),
}

/// A record that does not fit, for the quarantine table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRecord {
    /// Where it was found: file and line, or key.
    pub place: String,
    /// Code of the reason, as `sync.bad_value`.
    pub code: &'static str,
    /// The reason in words, with the column.
    pub reason: String,
    /// The record as it came; lossy where it is not UTF-8.
    pub raw: String,
}
