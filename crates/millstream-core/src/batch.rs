//! Streams of Arrow batches, the unit in which data moves between rooms.

use std::pin::Pin;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use futures_core::Stream;

use crate::error::Result;

/// A future on the heap, for contracts that are called through `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Batches of one schema, produced as they are asked for.
pub struct BatchStream {
    /// The schema of every batch.
    pub schema: SchemaRef,
    /// The batches.
    pub batches: Pin<Box<dyn Stream<Item = Result<RecordBatch>> + Send>>,
}

impl std::fmt::Debug for BatchStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchStream").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// Rows that can be read more than once: a topic, a system table, the records of a function.
pub trait Scan: Send + Sync + std::fmt::Debug {
    /// The schema of every batch.
    fn schema(&self) -> SchemaRef;
    /// Reads all rows from the start.
    fn scan(&self) -> Result<BatchStream>;
}
