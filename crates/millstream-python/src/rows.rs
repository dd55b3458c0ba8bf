//! The rows of a program, as they come.

use std::pin::Pin;

use arrow::array::RecordBatch;
use futures::{Stream, stream};
use millstream_core::batch::BatchStream;
use millstream_core::error::Result;

use crate::task::{Said, Task};

/// The rows of a program that has begun.
pub(crate) async fn of(mut task: Task) -> Result<BatchStream> {
    match task.next().await? {
        // Rows that Python only names need not pass through it.
        Said::Query(sql) => {
            task.settle().await;
            task.query(sql).await
        }
        Said::Schema(schema) => {
            let batches: Pin<Box<dyn Stream<Item = Result<RecordBatch>> + Send>> =
                Box::pin(stream::try_unfold(task, next));
            Ok(BatchStream { schema, batches })
        }
        Said::Batches(_) | Said::Done => Err(task.nonsense("rows without columns").into()),
    }
}

async fn next(mut task: Task) -> Result<Option<(RecordBatch, Task)>> {
    loop {
        if let Some(batch) = task.received.pop_front() {
            return Ok(Some((batch, task)));
        }
        match task.next().await? {
            Said::Batches(batches) => task.received.extend(batches),
            Said::Done => {
                task.settle().await;
                return Ok(None);
            }
            Said::Schema(_) | Said::Query(_) => {
                return Err(task.nonsense("columns among rows").into());
            }
        }
    }
}
