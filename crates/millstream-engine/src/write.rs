//! The one writer of data files. Row groups are encoded in parallel and put into files in the
//! order of their rows, so that the same rows make the same files.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use futures::StreamExt as _;
use millstream_core::batch::BatchStream;
use millstream_core::error::Result;
use millstream_core::table::DataFile;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::encode::{EncodedGroup, Encoder};
use crate::file_target::{FileTarget, FileTargets};
use crate::lake::Lake;
use crate::making::{Making, stopped};

/// Rows that a row group has at least, unless they are very wide.
const GROUP_ROWS_MIN: usize = 128 * 1024;
/// Rows that a row group has at most.
const GROUP_ROWS_MAX: usize = 1024 * 1024;
/// Bytes in memory at which a row group of enough rows is closed.
const GROUP_BYTES_TARGET: usize = 32 * 1024 * 1024;
/// Bytes in memory at which any row group is closed.
const GROUP_BYTES_MAX: usize = 96 * 1024 * 1024;
/// Batches that wait for the encoder of their row group; all of a group, so that the next group
/// can begin meanwhile.
const GROUP_BATCHES_MAX: usize = GROUP_ROWS_MAX / millstream_core::limits::BATCH_ROWS;

/// Bytes of the first rows that are held before encoders are started.
const HELD_BYTES_MAX: usize = 1024 * 1024;

/// Writes all rows of a stream as files of a schema, which nothing names yet. They are durable when
/// [`Lake::settle`] returns.
pub(crate) async fn write_files(
    lake: &Arc<Lake>,
    target: &FileTarget,
    schema: &SchemaRef,
    rows: BatchStream,
    threads: usize,
) -> Result<Vec<DataFile>> {
    let mut writer = FileWriter::start(lake, target, schema, threads)?;
    let fed = writer.push_all(rows).await;
    writer.settle(fed).await
}

type PendingGroup = oneshot::Receiver<Result<EncodedGroup>>;

/// Files that rows are added to. Every writer ends with `settle`.
///
/// The first rows are held: most tables of a project have no more, and one thread makes their file
/// sooner than several that hand work to each other.
pub(crate) struct FileWriter {
    making: Making,
    threads: usize,
    held: Vec<RecordBatch>,
    held_bytes: usize,
    pipeline: Option<Pipeline>,
}

impl FileWriter {
    pub(crate) fn start(
        lake: &Arc<Lake>,
        target: &FileTarget,
        schema: &SchemaRef,
        threads: usize,
    ) -> Result<Self> {
        let making = Making {
            lake: Arc::clone(lake),
            target: target.clone(),
            encoder: Arc::new(Encoder::new(Arc::clone(schema))?),
            runtime: Handle::current(),
        };
        Ok(Self { making, threads, held: Vec::new(), held_bytes: 0, pipeline: None })
    }

    pub(crate) async fn push_all(&mut self, mut rows: BatchStream) -> Result<()> {
        while let Some(batch) = rows.batches.next().await {
            self.push(batch?).await?;
        }
        Ok(())
    }

    /// Hands a batch to the encoder of its row group; waits while all encoders are busy.
    pub(crate) async fn push(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        if let Some(pipeline) = &mut self.pipeline {
            return pipeline.push(batch).await;
        }
        self.held_bytes += batch_bytes(&batch);
        self.held.push(batch);
        if self.held_bytes <= HELD_BYTES_MAX {
            return Ok(());
        }
        let pipeline = self.pipeline.insert(Pipeline::start(&self.making, self.threads));
        for batch in std::mem::take(&mut self.held) {
            pipeline.push(batch).await?;
        }
        Ok(())
    }

    /// Ends the files. When feeding failed nothing is finished, so that no file appears after
    /// the attempt was discarded; an error of the writer itself is the one to tell.
    pub(crate) async fn settle(self, fed: Result<()>) -> Result<Vec<DataFile>> {
        if let Some(pipeline) = self.pipeline {
            return pipeline.settle(fed).await;
        }
        fed?;
        if self.held.is_empty() {
            return Ok(Vec::new());
        }
        let (making, held) = (self.making, self.held);
        let made = tokio::task::spawn_blocking(move || making.one_file(held)).await;
        made.unwrap_or_else(|_| Err(stopped("the writer").into()))
    }
}

/// Encoders of row groups that work at the same time, and one who puts what they make into files.
struct Pipeline {
    encoder: Arc<Encoder>,
    groups: mpsc::Sender<PendingGroup>,
    assembler: JoinHandle<Result<Vec<DataFile>>>,
    open: Option<OpenGroup>,
    group_rows_max: usize,
    /// An encoder or the assembler has stopped; its own error says why.
    broken: bool,
}

impl Pipeline {
    fn start(making: &Making, threads: usize) -> Self {
        let (groups, mut in_order) = mpsc::channel::<PendingGroup>(threads.max(1));
        let encoder = Arc::clone(&making.encoder);
        let group_rows_max = GROUP_ROWS_MAX.min(FileTargets::of(making.target.size).rows);
        let making = making.clone();
        let assembler = tokio::task::spawn_blocking(move || {
            let finished = std::iter::from_fn(|| {
                let group = in_order.blocking_recv()?.blocking_recv();
                Some(group.unwrap_or_else(|_| Err(stopped("an encoder").into())))
            });
            making.files(finished)
        });
        Self { encoder, groups, assembler, open: None, group_rows_max, broken: false }
    }

    async fn push(&mut self, batch: RecordBatch) -> Result<()> {
        let opened = match self.open.take() {
            Some(group) => Some(group),
            None => OpenGroup::start(&self.encoder, &self.groups).await,
        };
        let Some(mut group) = opened else { return Err(self.broken()) };
        group.count(&batch);
        if group.batches.send(batch).await.is_err() {
            return Err(self.broken());
        }
        if !group.is_full(self.group_rows_max) {
            self.open = Some(group);
        }
        Ok(())
    }

    fn broken(&mut self) -> millstream_core::Error {
        self.broken = true;
        stopped("the writer").into()
    }

    async fn settle(mut self, fed: Result<()>) -> Result<Vec<DataFile>> {
        self.open = None;
        if fed.is_err() {
            let (_, abandoned) = oneshot::channel();
            // A stopped assembler needs no telling.
            let _ = self.groups.send(abandoned).await;
        }
        drop(self.groups);
        let files = self.assembler.await.unwrap_or_else(|_| Err(stopped("the writer").into()));
        match (files, fed) {
            (files, Ok(())) => files,
            (Err(error), Err(_)) if self.broken => Err(error),
            (_, Err(error)) => Err(error),
        }
    }
}

struct OpenGroup {
    batches: mpsc::Sender<RecordBatch>,
    rows: usize,
    bytes: usize,
}

impl OpenGroup {
    async fn start(encoder: &Arc<Encoder>, groups: &mpsc::Sender<PendingGroup>) -> Option<Self> {
        let place = groups.reserve().await.ok()?;
        let (batches, received) = mpsc::channel(GROUP_BATCHES_MAX);
        let (done, pending) = oneshot::channel();
        let encoder = Arc::clone(encoder);
        tokio::task::spawn_blocking(move || {
            // Nobody waits any more when the write has failed elsewhere.
            let _ = done.send(encoder.encode(received));
        });
        place.send(pending);
        Some(Self { batches, rows: 0, bytes: 0 })
    }

    fn count(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows();
        self.bytes += batch_bytes(batch);
    }

    fn is_full(&self, rows_max: usize) -> bool {
        self.rows >= rows_max
            || self.bytes >= GROUP_BYTES_MAX
            || (self.rows >= GROUP_ROWS_MIN && self.bytes >= GROUP_BYTES_TARGET)
    }
}

/// Bytes of the rows of a batch, without what it shares with other batches.
pub(crate) fn batch_bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(column_bytes).sum()
}

/// Bytes of the values of a column, without what it shares with others.
pub(crate) fn column_bytes(column: &ArrayRef) -> usize {
    let bytes = column.to_data().get_slice_memory_size();
    bytes.unwrap_or_else(|_| column.get_array_memory_size())
}
