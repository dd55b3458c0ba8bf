//! The threads on which queries run.
//!
//! A query may keep a thread busy for a long time between two batches: a join without keys does so
//! for a whole batch of one side. On threads of their own they hold up no one else: leases are
//! renewed, requests answered, and runs cancelled meanwhile.

use std::sync::Arc;

use datafusion::error::Result as DataFusionResult;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt as _;
use millstream_core::error::Result;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::from_io;

/// Batches of a query that wait for whoever asked.
const BATCHES_WAITING_MAX: usize = 2;
/// Threads for each on which one query may run. A query that keeps all of its own busy leaves the
/// others to the next, and the system shares the cores among them.
const THREADS_PER_CORE: usize = 4;
/// What the threads are called.
const THREAD_NAME: &str = "millstream-query";

/// The threads of an engine. What runs on them ends with the engine.
#[derive(Debug)]
pub(crate) struct Workers {
    /// Taken when they end.
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Workers {
    /// Starts enough for several queries that take `threads` each.
    pub(crate) fn start(threads: usize) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1) * THREADS_PER_CORE)
            .thread_name(THREAD_NAME)
            .enable_all()
            .build()
            .map_err(|error| from_io(&error))?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// A way to them.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}

/// Whether this thread is there for queries, and may be kept busy.
pub(crate) fn is_query_thread() -> bool {
    std::thread::current().name() == Some(THREAD_NAME)
}

impl Drop for Workers {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for a query that is busy is what they are there to avoid.
            runtime.shutdown_background();
        }
    }
}

/// Runs a plan on the workers. Dropping the stream stops it at its next batch.
pub(crate) fn run_on(
    workers: &Handle,
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
) -> SendableRecordBatchStream {
    let mut builder = RecordBatchReceiverStream::builder(plan.schema(), BATCHES_WAITING_MAX);
    let batches = builder.tx();
    let run = async move {
        let mut stream = execute_stream(plan, context)?;
        while let Some(batch) = stream.next().await {
            if batches.send(batch).await.is_err() {
                break;
            }
        }
        DataFusionResult::Ok(())
    };
    builder.spawn_on(run, workers);
    builder.build()
}
