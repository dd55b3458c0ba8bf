//! The words of runs, steps and attempts, as they are written and read.

use std::collections::BTreeMap;

use millstream_core::clock::Timestamp;
use millstream_core::id::{AttemptId, RunId};
use millstream_core::partition::PartitionKey;
use millstream_core::step::{CheckResult, InputVersion, StepKind, StepStats};
use millstream_core::trace::TraceParent;
use millstream_core::{AssetKey, ContentHash, Error, Fault, Retry};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::approvals::ApprovalRecord;
use crate::audit::Actor;
use crate::fires::FireKey;
use crate::holder::Holder;

/// What a run was asked to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunCause {
    /// The command, for people.
    pub command: String,
    /// The selector that was given.
    pub selection: Option<String>,
    /// The plan, in the words of the planner.
    pub plan: Value,
    /// What a schedule had to start, if it started the run.
    pub fire: Option<FireKey>,
    /// Who asked for it, if somebody did.
    pub by: Option<Actor>,
    /// What it belongs to where traces are collected, if to anything.
    pub trace_parent: Option<TraceParent>,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It is at work.
    Running,
    /// Everything it selected is up to date.
    Succeeded,
    /// Something failed.
    Failed,
    /// Somebody stopped it.
    Cancelled,
    /// It took longer than a run may.
    TimedOut,
    /// Its process died.
    Interrupted,
}

impl RunState {
    /// All states.
    pub const ALL: [Self; 5] =
        [Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled, Self::Interrupted];
}

/// How a step of a run, or an attempt, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// It waits: for slots of a pool, for a mutex, or for a person.
    Waiting,
    /// It is at work, or its process died and nobody has recovered it yet.
    Running,
    /// It is committed.
    Succeeded,
    /// It failed.
    Failed,
    /// A check or a gate refused what was staged, or a person what was asked.
    Refused,
    /// Somebody stopped it.
    Cancelled,
    /// It took too long.
    TimedOut,
    /// Not run: nothing has changed.
    UpToDate,
    /// Not run: something before it failed.
    Upstream,
    /// Not run: its condition is false, or its rule is not met.
    Skipped,
}

/// Why a step was not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipState {
    /// Nothing has changed.
    UpToDate,
    /// Something before it failed.
    Upstream,
    /// The run was stopped before its turn.
    Cancelled,
    /// Its condition is false, or its rule is not met.
    Skipped,
    /// A person said no.
    Refused,
    /// It failed before it could begin.
    Failed,
}

impl From<SkipState> for StepState {
    fn from(state: SkipState) -> Self {
        match state {
            SkipState::UpToDate => Self::UpToDate,
            SkipState::Upstream => Self::Upstream,
            SkipState::Cancelled => Self::Cancelled,
            SkipState::Skipped => Self::Skipped,
            SkipState::Refused => Self::Refused,
            SkipState::Failed => Self::Failed,
        }
    }
}

/// How an attempt ended that published nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailState {
    /// It failed.
    Failed,
    /// A check or a gate refused what was staged.
    Refused,
    /// Somebody stopped it.
    Cancelled,
    /// It took too long.
    TimedOut,
}

impl From<FailState> for StepState {
    fn from(state: FailState) -> Self {
        match state {
            FailState::Failed => Self::Failed,
            FailState::Refused => Self::Refused,
            FailState::Cancelled => Self::Cancelled,
            FailState::TimedOut => Self::TimedOut,
        }
    }
}

/// The error of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepError {
    /// Its stable code.
    pub code: String,
    /// What happened.
    pub message: String,
    /// Who has to act.
    pub fault: Fault,
    /// Whether trying again can help.
    pub retry: Retry,
    /// What to do about it.
    pub hint: Option<String>,
}

impl From<&Error> for StepError {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code().to_owned(),
            message: error.chain(),
            fault: error.fault(),
            retry: error.retry(),
            hint: error.hint(),
        }
    }
}

/// What decides whether a step has to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memo {
    /// The memo key: all of the below, and the asset.
    pub key: ContentHash,
    /// Hash of the step's definition.
    pub definition: ContentHash,
    /// What the inputs rest on, feedback left out.
    pub basis: ContentHash,
    /// The versions of the inputs.
    pub inputs: Vec<InputVersion>,
    /// Fingerprint of what lies outside the graph.
    pub probe: Option<ContentHash>,
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSummary {
    /// Its id.
    pub run: RunId,
    /// The command, for people.
    pub command: String,
    /// The selector that was given.
    pub selection: Option<String>,
    /// How it stands.
    pub state: RunState,
    /// The process that runs or ran it.
    pub holder: Holder,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; absent while it runs and when its process died.
    pub ended_at: Option<Timestamp>,
    /// How many of its steps are in which state.
    pub counts: BTreeMap<StepState, u64>,
}

/// A run with everything that happened in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunDetail {
    /// The run.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// The plan, in the words of the planner.
    pub plan: Value,
    /// Its steps, in the order in which they were first recorded.
    pub steps: Vec<StepDetail>,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepDetail {
    /// The asset after which it is named.
    pub asset: AssetKey,
    /// The kind of work.
    pub kind: StepKind,
    /// What it writes.
    pub outputs: Vec<AssetKey>,
    /// How it stands.
    pub state: StepState,
    /// Why it ran, or did not.
    pub reason: String,
    /// When its first attempt was claimed.
    pub started_at: Option<Timestamp>,
    /// When its last attempt ended.
    pub ended_at: Option<Timestamp>,
    /// Its attempts, the first one first.
    pub attempts: Vec<AttemptDetail>,
    /// What it asked, of a step that waits for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalRecord>,
}

/// An attempt of a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttemptDetail {
    /// Its id.
    pub attempt: AttemptId,
    /// Its number in the step, from 1.
    pub number: u32,
    /// The partition that it makes, of an asset that is divided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<PartitionKey>,
    /// How it stands.
    pub state: StepState,
    /// Why it was made.
    pub reason: String,
    /// The process that made it, or recovered it.
    pub holder: Holder,
    /// When it was claimed.
    pub claimed_at: Timestamp,
    /// When it was clear what would be published.
    pub intended_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Counts.
    pub stats: StepStats,
    /// Results of the checks.
    pub checks: Vec<CheckResult>,
    /// One line for people.
    pub note: Option<String>,
    /// Its error.
    pub error: Option<StepError>,
    /// The versions that it made.
    pub published: Vec<InputVersion>,
    /// What it has given to those behind it, of a step that gives something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
}
