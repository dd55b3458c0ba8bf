//! A look at a stream without keeping anything.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::StreamExt;
use millstream_core::error::Result;
use millstream_core::spec::StreamSpec;

use crate::raw::RawLoad;
use crate::source::{RefusedRecord, Source, SourceEvent};

/// The first rows of a stream.
#[derive(Debug)]
pub struct Preview {
    /// The schema of the rows.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// Records that did not fit, met on the way.
    pub refused: Vec<RefusedRecord>,
}

/// The first rows of a stream, as a sync would type them. Keeps nothing; a stream whose types are
/// discovered is read whole.
pub async fn preview(
    source: &Arc<dyn Source>,
    stream: &StreamSpec,
    rows_max: usize,
) -> Result<Preview> {
    let load = RawLoad::scratch()?;
    let mut read = source.read(stream, None, &load).await?;
    let schema = Arc::clone(&read.schema);
    let mut preview = Preview { schema, batches: Vec::new(), refused: Vec::new() };
    let mut missing = rows_max;
    while missing > 0
        && let Some(event) = read.events.next().await.transpose()?
    {
        match event {
            SourceEvent::Rows(batch) => {
                let count = batch.num_rows().min(missing);
                missing -= count;
                preview.batches.push(batch.slice(0, count));
            }
            SourceEvent::Refused(refused) => {
                let room = rows_max.saturating_sub(preview.refused.len());
                preview.refused.extend(refused.into_iter().take(room));
            }
            SourceEvent::Checkpoint(_) => {}
        }
    }
    Ok(preview)
}
