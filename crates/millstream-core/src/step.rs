//! The contract of a step: what the executor drives through claim, run, intent, publish and commit
//! without knowing what kind of step it is (DESIGN 2).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::asset::AssetKey;
use crate::batch::BoxFuture;
use crate::catalog::CatalogSnapshot;
use crate::clock::Timestamp;
use crate::comments::Comments;
use crate::effect::EffectId;
use crate::error::Result;
use crate::execution::Execution;
use crate::flow::{Flow, Results};
use crate::hash::ContentHash;
use crate::id::{AttemptId, RunId};
use crate::log::AttemptLog;
use crate::partition::{PartitionKey, Partitions};
use crate::slot::Weight;
use crate::trace::{SpanId, TraceId, TraceParent};

/// What kind of work a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Moves one stream of a source into a table.
    Sync,
    /// Makes a table of a CSV file of the project.
    Seed,
    /// Runs the SQL of a model.
    Model,
    /// Trains a model version and takes it through its gate.
    Training,
    /// Scores a relation into a table.
    Scoring,
    /// Handles the events of a topic.
    Function,
    /// Runs a command as a process of its own.
    Command,
    /// Waits for the word of a person.
    Approval,
    /// Runs a statement that somebody wrote: no file of the project declares what it changes.
    Statement,
}

impl StepKind {
    /// The word shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Seed => "seed",
            Self::Model => "model",
            Self::Training => "training",
            Self::Scoring => "scoring",
            Self::Function => "function",
            Self::Command => "command",
            Self::Approval => "approval",
            Self::Statement => "statement",
        }
    }
}

/// How a step depends on an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// A new version of the input makes the step due.
    Data,
    /// Through a topic or an operational table: followed once per run, breaks cycles.
    Feedback,
    /// Only the order: a check of the step reads it. A new version makes nothing due.
    After,
    /// As `Data`, but changes that reach the input only through feedback make nothing due; for
    /// trainings.
    Basis,
}

/// An input of a step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Input {
    /// The asset read.
    pub asset: AssetKey,
    /// How.
    pub edge: Edge,
}

/// What is known of a step before it runs.
#[derive(Debug, Clone, Serialize)]
pub struct StepSpec {
    /// The kind of work.
    pub kind: StepKind,
    /// What it writes; the first is the asset that the step is named after. Published in this
    /// order.
    pub outputs: Vec<AssetKey>,
    /// What it reads.
    pub inputs: Vec<Input>,
    /// Hash of everything in the project that decides what the step does.
    pub definition: ContentHash,
    /// Longest time of one attempt.
    pub timeout: Duration,
    /// What it shares with others, how urgent it is, when it is tried again.
    pub execution: Execution,
    /// How the asset is divided, if each of its partitions is made on its own.
    pub partitions: Option<Partitions>,
    /// Whether, and how often, it runs.
    pub flow: Flow,
}

impl StepSpec {
    /// The asset that the step is named after.
    pub fn asset(&self) -> &AssetKey {
        &self.outputs[0]
    }
}

/// What the step published last, as far as it concerns the next attempt.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Previous {
    /// Version of the asset in the ledger, 0 before the first.
    pub version: u64,
    /// Definition with which it was made.
    pub definition: Option<ContentHash>,
    /// Checkpoint that was committed with it.
    pub checkpoint: Option<Value>,
    /// Receipt of the target.
    pub receipt: Option<Receipt>,
}

/// What an attempt is given.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Its run.
    pub run: RunId,
    /// Its own id; names the staging.
    pub id: AttemptId,
    /// The moment of the claim; `now()` of the step.
    pub claimed_at: Timestamp,
    /// The names as they were at the claim.
    pub catalog: CatalogSnapshot,
    /// The versions of the inputs, in the order of the inputs of the spec.
    pub inputs: Vec<InputVersion>,
    /// What was published last.
    pub previous: Previous,
    /// Whether what was published before is to be ignored (`--full-refresh`).
    pub refresh: Refresh,
    /// Takes what people may want to read of it later.
    pub log: AttemptLog,
    /// The partition that it makes, of an asset that is divided.
    pub partition: Option<PartitionKey>,
    /// What the steps that it reads have given.
    pub results: Results,
    /// What it is about: the item of a list, or the answer of a person.
    pub given: Option<Value>,
    /// What its run belongs to where traces are collected, if to anything.
    pub trace_parent: Option<TraceParent>,
}

/// Where a checkpoint keeps the print of comments.
const DESCRIBED: &str = "described";

/// A checkpoint that tells with which comments its attempt worked.
pub fn described(checkpoint: Option<Value>, comments: &Comments) -> Option<Value> {
    let print = comments.print().map(|print| json!(print));
    match (checkpoint, print) {
        (Some(Value::Object(mut fields)), print) => {
            fields.remove(DESCRIBED);
            fields.extend(print.map(|print| (DESCRIBED.to_owned(), print)));
            Some(Value::Object(fields))
        }
        (None, Some(print)) => Some(json!({ DESCRIBED: print })),
        (checkpoint, _) => checkpoint,
    }
}

impl Previous {
    /// Whether comments differ from those that its attempt was given, which keeps their print
    /// with its checkpoint.
    pub fn is_redescribed(&self, comments: &Comments) -> bool {
        self.version > 0 && comments.print() != self.described()
    }

    /// What tells the comments that its attempt was given from others; nothing if there were none.
    pub fn described(&self) -> Option<ContentHash> {
        self.checkpoint.as_ref()?.get(DESCRIBED)?.as_str()?.parse().ok()
    }

    /// The version whose rows are the present ones; nothing before the first.
    pub fn rows_version(&self) -> Option<u64> {
        let receipt = self.receipt.as_ref()?;
        Some(receipt.rows_of().unwrap_or(self.version))
    }
}

impl Attempt {
    /// To what belongs that it starts elsewhere.
    pub fn as_trace_parent(&self) -> TraceParent {
        let trace = TraceId::of(self.run, self.trace_parent);
        TraceParent { trace, span: SpanId::of_attempt(self.id) }
    }
}

/// Whether a step builds on what it published before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refresh {
    /// Builds on it.
    Incremental,
    /// Starts over.
    Full,
}

/// A version of an input that a step read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputVersion {
    /// The asset.
    pub asset: AssetKey,
    /// Its version in the ledger; 0 when it does not exist yet.
    pub version: u64,
}

/// One publication that an attempt intends. Complete in itself: recovery publishes it in another
/// process, from this alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// What is published.
    pub asset: AssetKey,
    /// What and where, in the words of the step that made it.
    pub payload: Value,
}

/// What a target answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The target's own version: of the Delta log, of the registry, the end offset of a topic.
    pub version: u64,
    /// More that readers of the asset need, as the SQL of a view or the metrics of a model.
    pub detail: Value,
}

impl Receipt {
    /// The query, if it is that of a view.
    pub fn view(&self) -> Option<&str> {
        self.detail.get("view")?.as_str()
    }

    /// The version of the asset that has the same rows, if this one was made for something else:
    /// other files, other comments.
    pub fn rows_of(&self) -> Option<u64> {
        self.detail.get("rows_of")?.as_u64()
    }

    /// What a step has given to those behind it, if it is one that gives something.
    pub fn result(&self) -> Option<&Value> {
        self.detail.get("result")
    }
}

/// Counts of an attempt, shown by `runs show`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepStats {
    /// Rows read.
    pub rows_in: u64,
    /// Rows written.
    pub rows_out: u64,
    /// Rows kept in quarantine.
    pub rows_quarantined: u64,
    /// Bytes written.
    pub bytes_out: u64,
}

/// Result of one check on what was staged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Its name.
    pub name: String,
    /// How it went.
    pub outcome: CheckOutcome,
    /// Rows that fail it.
    pub failures: u64,
    /// What a reader should know.
    pub message: Option<String>,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// No row fails it.
    Pass,
    /// Rows fail it, severity `warn`.
    Warn,
    /// Rows fail it, severity `error`: nothing is published.
    Fail,
}

/// A move of an alias, committed together with the version it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasMove {
    /// The registered model.
    pub model: String,
    /// The alias.
    pub alias: String,
    /// Why, for the record.
    pub reason: String,
}

/// What running a step gave. It is written to the ledger as the intent before anything is
/// published.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Staged {
    /// What to publish, in the order of the outputs of the spec; outputs with nothing new are
    /// left out. Empty: nothing changes, and the asset keeps its version.
    pub targets: Vec<Target>,
    /// Counts.
    pub stats: StepStats,
    /// Results of the checks. One that failed stops the attempt: nothing is published.
    pub checks: Vec<CheckResult>,
    /// Where the next attempt goes on.
    pub checkpoint: Option<Value>,
    /// An alias that moves to the new version at the commit.
    pub alias: Option<AliasMove>,
    /// One line for people: the gate's verdict, the metric.
    pub note: Option<String>,
    /// Columns that are described and that the relation will not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_columns: Vec<String>,
    /// What an attempt on one item of a list gives, which publishes nothing by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
}

/// What tells, after a crash, whether an attempt has published. It decides what has to be on the
/// disk before the next thing may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The ledger alone: nothing lies outside of it, as for a view. What a power cut takes from
    /// the ledger was never published.
    Ledger,
    /// The targets, for good. The intent is on the disk before they are asked to publish; a commit
    /// that a power cut takes is made again by recovery.
    Targets,
    /// The targets, or what the attempt left until it is cleaned: the commit is on the disk before
    /// that.
    Leftovers,
    /// Nothing: what it did lies where nobody can look, as that of a command, and is done again
    /// unless the ledger has it. Intent and commit are on the disk at once.
    Nothing,
}

/// For every partition the fingerprint of those rows of an input that belong to it.
pub type Prints = BTreeMap<PartitionKey, ContentHash>;

/// A step of a run. The executor owns the protocol; the step only works.
///
/// Every method may be called again after a crash, in another process. `publish` is atomic at the
/// target and carries the effect id; `find` recognises it.
pub trait Step: Send + Sync + std::fmt::Debug {
    /// What is known before it runs.
    fn spec(&self) -> &StepSpec;

    /// Fingerprint of what lies outside the asset graph: files, a remote table, the end of a
    /// topic. `None` for steps that read assets only. Must be cheap: `plan` calls it.
    fn probe<'a>(&'a self, _previous: &'a Previous) -> BoxFuture<'a, Result<Option<ContentHash>>> {
        Box::pin(async { Ok(None) })
    }

    /// Which rows of an input belong to which partition of the asset, as fingerprints: equal ones
    /// mean that nothing of it has changed. `None` if nobody can tell. For assets that are divided.
    fn prints<'a>(
        &'a self,
        _input: &'a AssetKey,
        _catalog: &'a CatalogSnapshot,
        _now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Prints>>> {
        Box::pin(async { Ok(None) })
    }

    /// Whether readers of the asset are to be told something else of it than is published, while
    /// its rows stay. Must be cheap: `plan` calls it.
    fn is_redescribed(&self, _previous: &Previous) -> bool {
        false
    }

    /// Stages what readers are told of the asset, whose rows stay as they are published.
    fn describe<'a>(&'a self, _attempt: &'a Attempt) -> BoxFuture<'a, Result<Staged>> {
        Box::pin(async { Ok(Staged::default()) })
    }

    /// Works into staging named after the attempt.
    fn stage<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Staged>>;

    /// Publishes one target under an effect id. Fails if the target has seen this sequence or a
    /// higher one.
    fn publish<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Receipt>>;

    /// Whether the effect is at the target, and what it answered then.
    fn find<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Option<Receipt>>>;

    /// What it takes of the machine while it works.
    fn weight(&self) -> Weight {
        Weight::Heavy
    }

    /// What tells after a crash whether this was published.
    fn evidence(&self, _staged: &Staged) -> Evidence {
        Evidence::Leftovers
    }

    /// The highest sequence that the target of this output has seen of the application.
    fn sequence<'a>(
        &'a self,
        output: &'a AssetKey,
        application: &'a str,
    ) -> BoxFuture<'a, Result<u64>>;

    /// Removes all that the attempt left, which has published nothing. Harmless when there is
    /// nothing.
    fn discard(&self, attempt: AttemptId) -> BoxFuture<'_, Result<()>>;

    /// Removes what recovery would have needed, once the attempt is committed. What lasts, as raw
    /// input, stays.
    fn clean(&self, _attempt: AttemptId) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}
