//! Relations of which only the columns are known.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use futures::StreamExt as _;
use millstream_core::batch::{BatchStream, Scan};
use millstream_core::catalog::CatalogEntry;
use millstream_core::error::Result;

/// A relation of these columns, for plans that never run.
pub(super) fn entry(schema: SchemaRef) -> CatalogEntry {
    CatalogEntry::Scan(Arc::new(Columns(schema)))
}

/// The names of the columns, if any are known.
pub(super) fn names(schema: Option<&SchemaRef>) -> Vec<String> {
    let fields = schema.into_iter().flat_map(|schema| schema.fields().iter());
    fields.map(|field| field.name().clone()).collect()
}

#[derive(Debug)]
struct Columns(SchemaRef);

impl Scan for Columns {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.0)
    }

    fn scan(&self) -> Result<BatchStream> {
        Ok(BatchStream { schema: self.schema(), batches: futures::stream::empty().boxed() })
    }
}
