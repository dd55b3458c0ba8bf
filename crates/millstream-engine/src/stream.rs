//! Between DataFusion's streams and those of the contracts.

use std::pin::Pin;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::{Stream, StreamExt as _};
use millstream_core::batch::{BatchStream, Scan};
use millstream_core::error::Result;

use crate::error::{from_datafusion, relay};
use crate::types::{conform, plain_schema};

/// Rows of a query for other rooms.
pub(crate) fn to_batches(stream: SendableRecordBatchStream) -> BatchStream {
    let schema = plain_schema(&stream.schema());
    let target = Arc::clone(&schema);
    let batches = stream.map(move |batch| conform(&batch.map_err(from_datafusion)?, &target));
    BatchStream { schema, batches: Box::pin(batches) }
}

/// Rows of another room for a query.
#[derive(Debug)]
pub(crate) struct ScanPartition {
    scan: Arc<dyn Scan>,
    schema: SchemaRef,
}

impl ScanPartition {
    pub(crate) fn new(scan: Arc<dyn Scan>) -> Self {
        let schema = scan.schema();
        Self { scan, schema }
    }

    pub(crate) fn schema_ref(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

impl PartitionStream for ScanPartition {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows: Pin<Box<dyn Stream<Item = Result<RecordBatch>> + Send>> = match self.scan.scan() {
            Ok(stream) => stream.batches,
            Err(error) => Box::pin(futures::stream::iter([Err(error)])),
        };
        let rows = rows.map(|batch| batch.map_err(relay));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
    }
}
