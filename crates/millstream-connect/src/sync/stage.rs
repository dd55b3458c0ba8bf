//! Staging: rows stream into the table, refused records into the quarantine table, both at once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::StreamExt;
use millstream_core::asset::AssetKey;
use millstream_core::batch::BatchStream;
use millstream_core::clock::Timestamp;
use millstream_core::crash;
use millstream_core::error::{Error, Result};
use millstream_core::log::Level;
use millstream_core::spec::{StreamSpec, SyncMode};
use millstream_core::step::{Attempt, Refresh, Staged, StepStats, Target};
use millstream_core::table::{StagedTable, TablePayload, WriteMode, WriteRequest};
use serde_json::Value;
use tokio::sync::mpsc;

use super::contract::{
    RowRules, SyncCheckpoint, TableChange, compare, marks, refuse_change, with_declared,
};
use super::latest::{Latest, LatestRows};
use super::rows::{Shaper, table_schema};
use super::{SyncStep, quarantine};
use crate::error::SyncError;
use crate::raw::{RawLoad, Retention};
use crate::source::{RefusedRecord, Source, SourceEvent, SourceRead};

/// Batches of refused records that wait for the quarantine table.
const QUARANTINE_BATCHES_WAITING: usize = 4;

/// Stages what the source has.
pub(super) async fn from_source(step: &SyncStep, attempt: &Attempt) -> Result<Staged> {
    let load = begin(step, attempt).await?;
    let previous = match attempt.refresh {
        Refresh::Incremental => SyncCheckpoint::read(attempt.previous.checkpoint.as_ref()),
        Refresh::Full => SyncCheckpoint::default(),
    };
    match &previous.source {
        Some(checkpoint) => {
            attempt.log.tell(Level::Info, format!("goes on from the checkpoint {checkpoint}"));
        }
        None => attempt.log.tell(Level::Info, "reads from the beginning"),
    }
    let read = step.source.read(&step.stream, previous.source.as_ref(), &load).await?;
    let change = compare(step, &previous)?;
    let declared = with_declared(&step.stream, &read.schema)?;
    refuse_change(&step.stream, &previous.columns, &declared)?;
    let schema = table_schema(step, &declared)?;
    let basis = previous.source.as_ref().map(Value::to_string).unwrap_or_default();
    let shaper = Shaper::new(step, &schema, &load.id(), attempt.claimed_at, &basis);
    let parts = VecDeque::from([Part::Open(Opened { read, shaper })]);
    let work = Work {
        schema,
        parts,
        mode: write_mode(step, attempt.refresh),
        keeps_unchanged: attempt.previous.version > 0 && change == TableChange::None,
        scratch: load.scratch_path("latest"),
    };
    let outcome = Box::pin(stage(step, attempt, work)).await?;
    end(step, load).await?;
    crash::point("sync.raw_sealed");
    let columns = match outcome.main {
        Some(_) => marks(&declared),
        None => previous.columns,
    };
    let source = outcome.checkpoint.clone().or(previous.source);
    let checkpoint = SyncCheckpoint { columns, rules: Some(RowRules::of(step)), source };
    Ok(outcome.into_staged(step, Some(checkpoint.to_value())))
}

/// What is to be staged.
pub(super) struct Work {
    pub schema: SchemaRef,
    pub parts: VecDeque<Part>,
    pub mode: WriteMode,
    /// Whether the table stays as it is when there is no row, unless it is replaced.
    pub keeps_unchanged: bool,
    /// A file for rows that do not fit into memory.
    pub scratch: std::path::PathBuf,
}

/// One load of rows.
#[expect(clippy::large_enum_variant, reason = "a step has few of them")]
pub(super) enum Part {
    /// Already open.
    Open(Opened),
    /// Kept input, opened when its turn comes, so that one load at a time is in memory.
    Kept(KeptPart),
}

/// Rows that are coming.
pub(super) struct Opened {
    pub read: SourceRead,
    pub shaper: Shaper,
}

/// Kept input.
pub(super) struct KeptPart {
    pub source: Arc<dyn Source>,
    pub stream: StreamSpec,
    pub load: RawLoad,
    pub shaper: Shaper,
}

/// What staging gave.
#[derive(Default)]
pub(super) struct Outcome {
    main: Option<Arc<StagedTable>>,
    quarantine: Option<Arc<StagedTable>>,
    rows_in: u64,
    rows_refused: u64,
    checkpoint: Option<Value>,
}

impl Outcome {
    /// The intent.
    pub(super) fn into_staged(self, step: &SyncStep, checkpoint: Option<Value>) -> Staged {
        let written = || self.main.iter().chain(&self.quarantine);
        let stats = StepStats {
            rows_in: self.rows_in + self.rows_refused,
            rows_out: self.main.as_ref().map_or(0, |staged| staged.rows),
            rows_quarantined: self.rows_refused,
            bytes_out: written().map(|staged| staged.bytes).sum(),
        };
        let targets = written().map(|staged| Target {
            asset: AssetKey::table(&staged.relation),
            payload: TablePayload::Files(StagedTable::clone(staged)).to_value(),
        });
        let note = (self.rows_refused > 0).then(|| format!("see {}", step.relation.quarantine()));
        Staged { targets: targets.collect(), stats, checkpoint, note, ..Staged::default() }
    }
}

/// Stages rows and refused records.
pub(super) async fn stage(step: &SyncStep, attempt: &Attempt, work: Work) -> Result<Outcome> {
    let (refused, waiting) = mpsc::channel(QUARANTINE_BATCHES_WAITING);
    let tally = Arc::new(Mutex::new(Outcome::default()));
    let (mode, keeps_unchanged, schema) = (work.mode.clone(), work.keeps_unchanged, work.schema);
    let incoming = Incoming { parts: work.parts, current: None, refused, tally: tally.clone() };
    let main = async {
        let mut rows = match step.stream.sync {
            SyncMode::Merge => {
                let latest = collect(incoming, &schema, work.scratch).await?;
                Rows::Latest(Box::new(latest))
            }
            SyncMode::Replace | SyncMode::Append => Rows::Incoming(Box::new(incoming)),
        };
        let first = rows.next().await?;
        if first.is_none() && keeps_unchanged && mode != WriteMode::Replace {
            return Ok(None);
        }
        let first = futures::stream::iter(first.map(Ok));
        let rest = futures::stream::unfold(rows, |mut rows| async {
            let batch = rows.next().await.transpose()?;
            Some((batch, rows))
        });
        let batches = BatchStream { schema: schema.clone(), batches: Box::pin(first.chain(rest)) };
        let request = WriteRequest::new(step.relation.clone(), mode, attempt.id);
        step.warehouse.stage_batches(batches, &request).await.map(Some)
    };
    let (main, quarantine) =
        futures::future::try_join(main, stage_refused(step, attempt, waiting)).await?;
    crash::point("sync.staged");
    let mut outcome = std::mem::take(&mut *tally.lock().unwrap_or_else(PoisonError::into_inner));
    (outcome.main, outcome.quarantine) = (main, quarantine);
    Ok(outcome)
}

/// Stages refused records, if there is any.
async fn stage_refused(
    step: &SyncStep,
    attempt: &Attempt,
    mut waiting: mpsc::Receiver<RecordBatch>,
) -> Result<Option<Arc<StagedTable>>> {
    let Some(first) = waiting.recv().await else { return Ok(None) };
    let rest = futures::stream::unfold(waiting, |mut waiting| async {
        let batch = waiting.recv().await?;
        Some((Ok::<_, Error>(batch), waiting))
    });
    let batches = Box::pin(futures::stream::iter([Ok(first)]).chain(rest));
    let rows = BatchStream { schema: quarantine::schema(), batches };
    let quarantine = step.relation.quarantine();
    let request = WriteRequest::new(quarantine, WriteMode::Append, attempt.id);
    step.warehouse.stage_batches(rows, &request).await.map(Some)
}

/// Rows as the table gets them.
enum Rows {
    Incoming(Box<Incoming>),
    Latest(Box<LatestRows>),
}

impl Rows {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        match self {
            Self::Incoming(incoming) => incoming.next().await,
            // Reads from memory, or from a file that was just written.
            Self::Latest(rows) => Ok(rows.next()?),
        }
    }
}

async fn collect(
    mut incoming: Incoming,
    schema: &SchemaRef,
    scratch: std::path::PathBuf,
) -> Result<LatestRows> {
    let mut latest = Latest::new(schema, scratch);
    while let Some(batch) = incoming.next().await? {
        latest = blocking(move || latest.push(batch).map(|()| latest)).await?;
    }
    Ok(blocking(move || latest.finish()).await?)
}

/// Rows as they come; sends refused records on and notes the rest.
struct Incoming {
    parts: VecDeque<Part>,
    current: Option<Opened>,
    refused: mpsc::Sender<RecordBatch>,
    tally: Arc<Mutex<Outcome>>,
}

impl Incoming {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.current.is_none() {
                let Some(part) = self.parts.pop_front() else { return Ok(None) };
                self.current = Some(part.open().await?);
            }
            let Some(current) = &mut self.current else { return Ok(None) };
            let Some(event) = current.read.events.next().await.transpose()? else {
                self.current = None;
                continue;
            };
            let refused = match event {
                SourceEvent::Checkpoint(checkpoint) => {
                    self.tally(|tally| tally.checkpoint = Some(checkpoint));
                    continue;
                }
                SourceEvent::Refused(refused) => refused,
                SourceEvent::Rows(batch) => {
                    let (batch, refused) = current.shaper.shape(&batch)?;
                    self.tally(|tally| tally.rows_in += batch.num_rows() as u64);
                    if refused.is_empty() {
                        return Ok(Some(batch));
                    }
                    self.refuse(&refused).await?;
                    return Ok(Some(batch));
                }
            };
            self.refuse(&refused).await?;
        }
    }

    async fn refuse(&mut self, refused: &[RefusedRecord]) -> Result<()> {
        let Some(current) = self.current.as_ref().filter(|_| !refused.is_empty()) else {
            return Ok(());
        };
        self.tally(|tally| tally.rows_refused += refused.len() as u64);
        let batch = current.shaper.refused(refused)?;
        // Closed means that the quarantine failed; its error is the one that counts.
        let _ = self.refused.send(batch).await;
        Ok(())
    }

    fn tally(&self, change: impl FnOnce(&mut Outcome)) {
        change(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Part {
    async fn open(self) -> Result<Opened> {
        match self {
            Self::Open(opened) => Ok(opened),
            Self::Kept(KeptPart { source, stream, load, shaper }) => {
                let read = source.replay(&stream, &load).await?;
                Ok(Opened { read, shaper })
            }
        }
    }
}

fn write_mode(step: &SyncStep, refresh: Refresh) -> WriteMode {
    match (refresh, step.stream.sync) {
        (Refresh::Full, _) | (_, SyncMode::Replace) => WriteMode::Replace,
        (_, SyncMode::Append) => WriteMode::Append,
        (_, SyncMode::Merge) => WriteMode::merge(step.key.clone()),
    }
}

async fn begin(step: &SyncStep, attempt: &Attempt) -> Result<RawLoad> {
    let (raw, retention) = (step.raw.clone(), step.retention);
    let (source, stream) = (step.source_name.clone(), step.stream.name.clone());
    let (id, at): (_, Timestamp) = (attempt.id, attempt.claimed_at);
    let begun = blocking(move || {
        raw.expire(&source, &stream, at, retention)?;
        raw.begin(&source, &stream, id, at, retention)
    });
    Ok(begun.await?)
}

async fn end(step: &SyncStep, load: RawLoad) -> Result<()> {
    let (raw, retention) = (step.raw.clone(), step.retention);
    let (source, stream) = (step.source_name.clone(), step.stream.name.clone());
    let ended = blocking(move || match retention {
        Retention::Nothing => raw.remove(&source, &stream, &load.id()),
        Retention::For(_) => load.seal(),
    });
    Ok(ended.await?)
}

/// Runs work that blocks on a thread for it.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SyncError> + Send + 'static,
) -> Result<T, SyncError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| SyncError::Worker { message: error.to_string() })?
}
