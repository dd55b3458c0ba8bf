//! Blocks are read by one thread, parsed by several, and given out in the order of the input.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use futures::Stream;
use millstream_core::error::{Error, Result};
use millstream_core::hash::ContentHash;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use super::block::ParsedBlock;
use crate::error::SyncError;
use crate::source::{RefusedRecord, SourceEvent};
use crate::sync::{ROW_FIRST, ROW_PREFIX};

/// Events in order.
pub(crate) type Events = Pin<Box<dyn Stream<Item = Result<SourceEvent>> + Send>>;

/// Parses a block.
pub(crate) type Parse = Arc<dyn Fn(Vec<u8>) -> Result<ParsedBlock, SyncError> + Send + Sync>;

/// Most blocks between reader and consumer, whatever the number of cores; bounds the memory.
const BLOCKS_IN_FLIGHT_MAX: usize = 8;

/// Runs work that reads, on a thread of its own, and gives what it sends. The work ends early when
/// the events are dropped.
pub(crate) fn run(work: impl FnOnce(&Feed) -> Result<(), Stop> + Send + 'static) -> Events {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let (sender, receiver) = mpsc::channel((cores + 2).min(BLOCKS_IN_FLIGHT_MAX));
    spawn_blocking(move || {
        let feed = Feed { sender };
        if let Err(Stop::Failed(error)) = work(&feed) {
            // Nobody listens any more: then nobody needs the error.
            let _ = feed.send(Slot::Failed(error));
        }
    });
    let state = Consumer { receiver, file: FileState::default(), ready: VecDeque::new() };
    Box::pin(futures::stream::unfold(state, |mut state| async {
        let event = state.next().await?;
        Some((event, state))
    }))
}

/// Why reading stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It failed.
    Failed(Error),
    /// Nobody wants more.
    Unwanted,
}

impl From<SyncError> for Stop {
    fn from(error: SyncError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Takes what the reading thread has, and makes it wait when the consumer is slow.
#[derive(Debug)]
pub(crate) struct Feed {
    sender: mpsc::Sender<Slot>,
}

#[derive(Debug)]
enum Slot {
    File { place: String, prefix: String, lines: u64 },
    Block(JoinHandle<Result<ParsedBlock, SyncError>>),
    Parsed(ParsedBlock),
    Event(SourceEvent),
    Failed(Error),
}

impl Feed {
    /// Starts a file: what follows is placed in it. `lines` come before its first block.
    pub(crate) fn file(&self, place: &str, identity: ContentHash, lines: u64) -> Result<(), Stop> {
        // 48 bits keep the files of one table apart.
        let prefix = identity.short();
        self.send(Slot::File { place: place.to_owned(), prefix, lines })
    }

    /// Adds a block, to be parsed by another thread.
    pub(crate) fn block(&self, bytes: Vec<u8>, parse: &Parse) -> Result<(), Stop> {
        let parse = Arc::clone(parse);
        // The permit comes first, so that no more blocks are being parsed than have a place.
        let permit = futures::executor::block_on(self.sender.reserve());
        let permit = permit.map_err(|_| Stop::Unwanted)?;
        permit.send(Slot::Block(spawn_blocking(move || parse(bytes))));
        Ok(())
    }

    /// Adds a block that is parsed already.
    pub(crate) fn parsed(&self, block: ParsedBlock) -> Result<(), Stop> {
        self.send(Slot::Parsed(block))
    }

    /// Adds an event as it is.
    pub(crate) fn event(&self, event: SourceEvent) -> Result<(), Stop> {
        self.send(Slot::Event(event))
    }

    fn send(&self, slot: Slot) -> Result<(), Stop> {
        self.sender.blocking_send(slot).map_err(|_| Stop::Unwanted)
    }
}

struct Consumer {
    receiver: mpsc::Receiver<Slot>,
    file: FileState,
    ready: VecDeque<SourceEvent>,
}

/// Where in which file the next block starts.
#[derive(Default)]
struct FileState {
    place: String,
    prefix: String,
    lines: u64,
    rows: u64,
}

impl Consumer {
    async fn next(&mut self) -> Option<Result<SourceEvent>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            match self.receiver.recv().await? {
                Slot::File { place, prefix, lines } => {
                    self.file = FileState { place, prefix, lines, rows: 0 };
                }
                Slot::Event(event) => return Some(Ok(event)),
                Slot::Failed(error) => return Some(Err(error)),
                Slot::Parsed(block) => self.take(block),
                Slot::Block(worker) => match finished(worker).await {
                    Err(error) => return Some(Err(error.into())),
                    Ok(block) => self.take(block),
                },
            }
        }
    }

    fn take(&mut self, block: ParsedBlock) {
        if block.batch.num_rows() > 0 {
            self.ready.push_back(SourceEvent::Rows(self.file.numbered(block.batch)));
        }
        if !block.refused.is_empty() {
            let refused = block.refused.into_iter().map(|refusal| RefusedRecord {
                place: format!("{}:{}", self.file.place, self.file.lines + refusal.line + 1),
                code: refusal.code,
                reason: refusal.reason,
                raw: refusal.raw,
            });
            self.ready.push_back(SourceEvent::Refused(refused.collect()));
        }
        self.file.lines += block.lines;
    }
}

impl FileState {
    /// The batch with the place of its rows in the file, from which their ids are made.
    fn numbered(&mut self, batch: RecordBatch) -> RecordBatch {
        let place = [
            (ROW_PREFIX.to_owned(), self.prefix.clone()),
            (ROW_FIRST.to_owned(), self.rows.to_string()),
        ];
        self.rows += batch.num_rows() as u64;
        let schema = Schema::new_with_metadata(batch.schema().fields().clone(), place.into());
        batch.with_schema(Arc::new(schema)).expect("the same fields fit the same columns")
    }
}

async fn finished<T>(worker: JoinHandle<Result<T, SyncError>>) -> Result<T, SyncError> {
    worker.await.unwrap_or_else(|error| Err(SyncError::Worker { message: error.to_string() }))
}

/// Does work on many blocks in parallel while they are read, and folds the results in their order.
/// Blocking.
pub(crate) fn fold_blocks<B: Send + 'static, T: Send + 'static>(
    mut next: impl FnMut() -> Result<Option<B>, SyncError>,
    work: impl Fn(B) -> Result<T, SyncError> + Send + Sync + 'static,
    mut fold: impl FnMut(T),
) -> Result<(), SyncError> {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let in_flight_max = (cores + 1).min(BLOCKS_IN_FLIGHT_MAX);
    let work = Arc::new(work);
    let mut in_flight = VecDeque::new();
    loop {
        let block = next()?;
        let ended = block.is_none();
        if let Some(block) = block {
            let work = Arc::clone(&work);
            in_flight.push_back(spawn_blocking(move || work(block)));
        }
        while in_flight.len() >= in_flight_max || (ended && !in_flight.is_empty()) {
            let Some(worker) = in_flight.pop_front() else { break };
            fold(futures::executor::block_on(finished(worker))?);
        }
        if ended {
            return Ok(());
        }
    }
}
