//! The step of a function: events since the checkpoint, through SQL, into the operational
//! database, once.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use millstream_core::asset::AssetKey;
use millstream_core::batch::BoxFuture;
use millstream_core::effect::EffectId;
use millstream_core::error::Result;
use millstream_core::hash::ContentHash;
use millstream_core::id::AttemptId;
use millstream_core::name::{Relation, is_name};
use millstream_core::operational::OperationalDatabase;
use millstream_core::spec::FunctionSpec;
use millstream_core::step::{
    Attempt, Previous, Receipt, Refresh, Staged, Step, StepSpec, StepStats, Target,
};
use millstream_core::topic::Topic;
use millstream_core::warehouse::Warehouse;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::dead_letters;
use super::error::FunctionError;
use super::staging::{self, StagingWriter};
use super::work::Work;
use crate::operational::OPERATIONAL_SCHEMA;

/// Most events of one attempt; the next attempt goes on where it ended.
const ATTEMPT_EVENTS_MAX: u64 = 100_000;
/// Most events of one batch.
const BATCH_EVENTS_MAX: usize = 10_000;

/// What a function step is made of.
#[derive(Debug)]
pub struct FunctionParts {
    /// The step as the graph has it: of kind function, one output.
    pub spec: StepSpec,
    /// The function as the project has it.
    pub function: FunctionSpec,
    /// The topic of `on`.
    pub topic: Arc<dyn Topic>,
    /// Runs the SQL.
    pub warehouse: Arc<dyn Warehouse>,
    /// Takes the rows.
    pub database: Arc<dyn OperationalDatabase>,
    /// Folder of the environment: staging lies in `functions/.staging/<attempt>`, events that
    /// cannot be read in `topics/.dead/<function>.jsonl`.
    pub environment: PathBuf,
}

/// Handles the new events of a topic. A row is written once for each key, whatever crashes.
#[derive(Debug)]
pub struct FunctionStep {
    parts: FunctionParts,
    table: Relation,
    /// Where the attempt is to end, as the last probe saw it: the fingerprint of the probe and
    /// the checkpoint then agree, although events arrive meanwhile.
    planned_end: Mutex<Option<u64>>,
}

/// Where the next attempt goes on.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Checkpoint {
    /// The first event that is not handled.
    offset: u64,
    /// The topic; a checkpoint of an earlier version does not say it.
    #[serde(default)]
    topic: Option<String>,
    /// The attempt ended before the place that its probe had named.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    short: bool,
}

/// Whether an attempt ended before the place that its probe had named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Short {
    Yes,
    No,
}

/// What is published.
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    table: Relation,
    key: String,
    /// Folder of the attempt, relative to that of all attempts.
    folder: String,
    /// Files of rows in it, in order.
    parts: Vec<String>,
    /// File of events that could not be read.
    dead: Option<String>,
    /// The first event.
    from: u64,
    /// The offset after the last event.
    to: u64,
}

impl FunctionStep {
    /// A step of these parts, or what is wrong with the function.
    pub fn new(parts: FunctionParts) -> Result<Self> {
        let FunctionSpec { name, into, on, .. } = &parts.function;
        if !is_name(name) {
            return Err(FunctionError::Name { name: name.clone() }.into());
        }
        let invalid = || FunctionError::Into { function: name.clone(), into: into.clone() };
        let table: Relation = into.parse().map_err(|_| invalid())?;
        if table.schema() != OPERATIONAL_SCHEMA {
            return Err(invalid().into());
        }
        if !(1..=BATCH_EVENTS_MAX).contains(&on.batch) {
            return Err(FunctionError::Batch { function: name.clone(), batch: on.batch }.into());
        }
        Ok(Self { parts, table, planned_end: Mutex::new(None) })
    }

    /// Where the last attempt ended; nowhere, if that was in another topic.
    fn checkpoint(&self, previous: &Previous) -> Result<Checkpoint> {
        let Some(kept) = &previous.checkpoint else { return Ok(Checkpoint::default()) };
        let kept = Checkpoint::deserialize(kept);
        let kept = kept.map_err(|error| self.unreadable("checkpoint", &error))?;
        let is_other = kept.topic.as_ref().is_some_and(|topic| topic != self.parts.topic.name());
        Ok(if is_other { Checkpoint::default() } else { kept })
    }

    /// A checkpoint in the topic, as the ledger keeps it.
    fn checkpoint_at(&self, offset: u64, short: Short) -> Result<Value> {
        let topic = Some(self.parts.topic.name().to_owned());
        let checkpoint = Checkpoint { offset, topic, short: short == Short::Yes };
        Ok(serde_json::to_value(checkpoint).map_err(|e| self.unreadable("checkpoint", &e))?)
    }

    fn payload(&self, target: &Target) -> Result<Payload> {
        Ok(Payload::deserialize(&target.payload)
            .map_err(|error| self.unreadable("target", &error))?)
    }

    fn unreadable(&self, what: &'static str, error: &serde_json::Error) -> FunctionError {
        let function = self.parts.function.name.clone();
        FunctionError::Kept { function, what, reason: error.to_string() }
    }

    fn staging_root(&self) -> PathBuf {
        self.parts.environment.join("functions").join(".staging")
    }

    fn dead_file(&self) -> PathBuf {
        let name = format!("{}.jsonl", self.parts.function.name);
        self.parts.environment.join("topics").join(".dead").join(name)
    }

    /// The end of the topic, which must not lie before what was handled.
    async fn end_after(&self, handled: u64) -> Result<u64> {
        let end = self.parts.topic.end().await?;
        if end >= handled {
            return Ok(end);
        }
        let function = self.parts.function.name.clone();
        let topic = self.parts.topic.name().to_owned();
        Err(FunctionError::TopicShrank { function, topic, end, handled }.into())
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Option<u64>> {
        self.planned_end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fingerprint(&self, previous: &Previous) -> Result<ContentHash> {
        let checkpoint = self.checkpoint(previous)?;
        let end = self.end_after(checkpoint.offset).await?;
        let planned = end.min(checkpoint.offset + ATTEMPT_EVENTS_MAX);
        *self.plan() = Some(planned);
        let mut parts = vec![self.parts.topic.name().as_bytes().to_vec()];
        parts.push(planned.to_be_bytes().to_vec());
        if checkpoint.short && checkpoint.offset < planned {
            parts.push(checkpoint.offset.to_be_bytes().to_vec());
        }
        Ok(ContentHash::of_parts(parts))
    }

    async fn stage_events(&self, attempt: &Attempt) -> Result<Staged> {
        let start = match attempt.refresh {
            Refresh::Incremental => self.checkpoint(&attempt.previous)?.offset,
            Refresh::Full => 0,
        };
        let end = self.end_after(start).await?;
        let limit = end.min(start + ATTEMPT_EVENTS_MAX);
        let planned = self.plan().filter(|&planned| planned >= start);
        let to = planned.map_or(limit, |planned| planned.min(limit));
        if to == start {
            let checkpoint = Some(self.checkpoint_at(start, Short::No)?);
            return Ok(Staged { checkpoint, note: self.silence(end), ..Staged::default() });
        }
        let folder = attempt.id.to_string();
        let mut work = Work {
            parts: &self.parts,
            table: &self.table,
            attempt,
            writer: self.start_staging(&folder).await?,
            stats: StepStats::default(),
        };
        let reached = work.handle(start, to).await?;
        let Work { writer, mut stats, .. } = work;
        let files = blocking(|| writer.finish()).await?;
        stats.bytes_out = files.bytes;
        let payload = Payload {
            table: self.table.clone(),
            key: self.parts.function.key.clone(),
            folder,
            parts: files.parts,
            dead: files.dead,
            from: start,
            to: reached,
        };
        let payload = serde_json::to_value(payload).map_err(|e| self.unreadable("target", &e))?;
        let short = if reached < to { Short::Yes } else { Short::No };
        Ok(Staged {
            targets: vec![Target { asset: self.parts.spec.asset().clone(), payload }],
            stats,
            checkpoint: Some(self.checkpoint_at(reached, short)?),
            note: self.note(end, reached),
            ..Staged::default()
        })
    }

    async fn start_staging(&self, folder: &str) -> Result<StagingWriter> {
        let folder = self.staging_root().join(folder);
        blocking(|| StagingWriter::create(folder)).await
    }

    /// What is to be said of a topic without events: its name may be misspelled.
    fn silence(&self, end: u64) -> Option<String> {
        (end == 0).then(|| format!("topic `{}` has had no event yet", self.parts.topic.name()))
    }

    fn note(&self, end: u64, reached: u64) -> Option<String> {
        let left = end - reached;
        (left > 0).then(|| format!("{left} events of `{}` wait", self.parts.topic.name()))
    }

    async fn publish_rows(&self, target: &Target, effect: &EffectId) -> Result<Receipt> {
        let payload = self.payload(target)?;
        let folder = self.staging_root().join(&payload.folder);
        let files: Vec<_> = payload.parts.iter().map(|part| folder.join(part)).collect();
        let staged_dead = payload.dead.as_ref().map(|dead| folder.join(dead));
        let dead_file = self.dead_file();
        let rows = blocking(move || {
            if let Some(staged) = staged_dead {
                dead_letters::keep(&staged, &dead_file)
                    .map_err(|error| FunctionError::io(&dead_file, error))?;
            }
            staging::read_parts(&files)
        })
        .await?;
        let Payload { table, key, .. } = &payload;
        let inserted = self.parts.database.insert_once(table, key, rows, effect).await;
        let inserted =
            inserted.map_err(|cause| FunctionError::refused(&self.parts.function.name, cause))?;
        Ok(receipt(&payload, effect, inserted))
    }
}

/// Works on files without holding up the runtime.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FunctionError> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    let closing = |error| FunctionError::io(Path::new("staging"), io::Error::other(error));
    Ok(done.map_err(closing)??)
}

/// What the database answered.
fn receipt(payload: &Payload, effect: &EffectId, rows: u64) -> Receipt {
    let detail = json!({ "rows": rows, "from": payload.from, "to": payload.to });
    Receipt { version: effect.sequence, detail }
}

impl Step for FunctionStep {
    fn spec(&self) -> &StepSpec {
        &self.parts.spec
    }

    fn probe<'a>(&'a self, previous: &'a Previous) -> BoxFuture<'a, Result<Option<ContentHash>>> {
        Box::pin(async move { Ok(Some(self.fingerprint(previous).await?)) })
    }

    fn stage<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Staged>> {
        Box::pin(self.stage_events(attempt))
    }

    fn publish<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Receipt>> {
        Box::pin(self.publish_rows(target, effect))
    }

    fn find<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Option<Receipt>>> {
        Box::pin(async move {
            let payload = self.payload(target)?;
            let rows = self.parts.database.find(effect).await?;
            Ok(rows.map(|rows| receipt(&payload, effect, rows)))
        })
    }

    fn sequence<'a>(
        &'a self,
        _output: &'a AssetKey,
        application: &'a str,
    ) -> BoxFuture<'a, Result<u64>> {
        self.parts.database.sequence(application)
    }

    fn discard(&self, attempt: AttemptId) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let folder = self.staging_root().join(attempt.to_string());
            blocking(move || staging::discard(&folder)).await
        })
    }

    fn clean(&self, attempt: AttemptId) -> BoxFuture<'_, Result<()>> {
        self.discard(attempt)
    }
}
