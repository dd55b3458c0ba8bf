//! How every asset stands, made of one look at the ledger and kept until the ledger changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use millstream_core::asset::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::step::CheckOutcome;
use millstream_ledger::{AssetStatus, LastStep, StepState};
use millstream_project::Node;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Api;
use super::error::{Refusal, word};
use super::facts::{Fact, Facts};
use super::moment::{Moment, millis_between};
use crate::schedule::{StepHistory, freshness_of};

/// How an asset stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub(super) enum AssetState {
    /// All is well.
    Current,
    /// It has no version yet.
    NeverMade,
    /// It is older than its target allows.
    Late,
    /// Its last step failed, was refused, or timed out.
    Failing,
    /// Its last step waited for one that failed.
    Blocked,
}

/// An asset, and how it stands.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct Asset {
    /// `kind:name`.
    pub(super) key: String,
    pub(super) kind: String,
    pub(super) name: String,
    /// The kind of step that makes it; null if none does.
    pub(super) step: Option<String>,
    /// The asset after which that step is named.
    of: String,
    /// The file that declares it.
    file: Option<String>,
    description: Option<String>,
    materialized: Option<String>,
    pub(super) tags: BTreeSet<String>,
    pub(super) owner: Option<String>,
    pub(super) state: AssetState,
    /// Whether its step is at work.
    pub(super) running: bool,
    /// The current version; 0 before the first.
    pub(super) version: u64,
    made_at: Option<Moment>,
    /// The run that made the version.
    made_by: Option<String>,
    /// Rows that the step wrote.
    rows: Option<u64>,
    /// Null without a target.
    freshness: Option<Freshness>,
    /// The newest step of it in any run.
    pub(super) last_step: Option<NewestStep>,
    /// Checks of the version.
    checks: CheckCounts,
}

/// How fresh an asset is, and has to be.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct Freshness {
    within_ms: u64,
    /// When the run began that last brought it and all before it up to date.
    as_of: Option<Moment>,
    fresh_until: Option<Moment>,
    late_by_ms: u64,
}

/// The newest step of an asset.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct NewestStep {
    pub(super) run: String,
    pub(super) state: String,
    reason: String,
    at: Moment,
}

/// How many checks went how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct CheckCounts {
    pass: u64,
    warn: u64,
    fail: u64,
}

impl CheckCounts {
    pub(super) fn of(checks: &[millstream_core::step::CheckResult]) -> Self {
        let count = |outcome| checks.iter().filter(|check| check.outcome == outcome).count() as u64;
        let (pass, warn) = (count(CheckOutcome::Pass), count(CheckOutcome::Warn));
        Self { pass, warn, fail: count(CheckOutcome::Fail) }
    }
}

/// What a look at the ledger found.
#[derive(Debug)]
pub(super) struct Board {
    /// The number of the latest change that is in it.
    pub(super) sequence: u64,
    versions: BTreeMap<AssetKey, AssetStatus>,
    last: BTreeMap<AssetKey, LastStep>,
    /// By the position of the step in the graph.
    as_of: Vec<Option<Timestamp>>,
}

/// The last look. A new one is made when the ledger has changed.
#[derive(Debug, Default)]
pub(super) struct BoardCache(Mutex<Option<Arc<Board>>>);

impl Api {
    /// How all assets stand now. May block.
    pub(super) fn board(&self) -> Result<Arc<Board>, Refusal> {
        // Only one looks; others wait for what it finds.
        let mut kept = self.board.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sequence = self.ledger().last_change()?;
        let fresh = self.config.fresh.moments();
        let same = |board: &&Arc<Board>| board.sequence == sequence && fresh.is_empty();
        if let Some(board) = kept.as_ref().filter(same) {
            return Ok(Arc::clone(board));
        }
        let board = Arc::new(self.look(sequence, fresh)?);
        *kept = Some(Arc::clone(&board));
        Ok(board)
    }

    fn look(&self, sequence: u64, fresh: BTreeMap<AssetKey, Timestamp>) -> Result<Board, Refusal> {
        let (ledger, graph) = (self.ledger(), &self.project().graph);
        let steps: Vec<&AssetKey> = graph.nodes().iter().map(Node::asset).collect();
        let mut history = StepHistory { as_of: ledger.settled_since()?, ..StepHistory::default() };
        for (asset, at) in fresh {
            let known = history.as_of.entry(asset).or_insert(at);
            *known = at.max(*known);
        }
        Ok(Board {
            sequence,
            versions: ledger.asset_statuses()?,
            last: ledger.last_steps(&steps)?,
            as_of: freshness_of(graph, &history),
        })
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.graph.facts
    }

    /// An asset as it stands on a board.
    pub(super) fn asset(&self, fact: &Fact, board: &Board) -> Asset {
        let now = self.config.clock.now();
        let status = board.versions.get(&fact.key);
        let last = board.last.get(&fact.of);
        let freshness = board.freshness(fact, now);
        Asset {
            key: fact.key.to_string(),
            kind: fact.key.kind.word().to_owned(),
            name: fact.key.name.clone(),
            step: fact.step.map(|step| step.word().to_owned()),
            of: fact.of.to_string(),
            file: fact.file.clone(),
            description: fact.description.clone(),
            materialized: fact.materialized.clone(),
            tags: fact.tags.clone(),
            owner: fact.owner.clone(),
            state: board.state(fact, now),
            running: board.is_running(fact),
            version: status.map_or(0, |status| status.version),
            made_at: status.map(|status| Moment(status.at)),
            made_by: status.map(|status| status.run.to_string()),
            rows: status.map(|status| status.stats.rows_out),
            freshness,
            last_step: last.map(|last| NewestStep {
                run: last.run.to_string(),
                state: word(&last.state),
                reason: last.reason.clone(),
                at: Moment(last.at),
            }),
            checks: status.map(|status| CheckCounts::of(&status.checks)).unwrap_or_default(),
        }
    }
}

impl Board {
    /// How an asset stands.
    pub(super) fn state(&self, fact: &Fact, now: Timestamp) -> AssetState {
        match self.last.get(&fact.of).map(|last| last.state) {
            Some(StepState::Failed | StepState::Refused | StepState::TimedOut) => {
                AssetState::Failing
            }
            Some(StepState::Upstream) => AssetState::Blocked,
            _ if self.is_missing(fact) => AssetState::NeverMade,
            _ if self.freshness(fact, now).is_some_and(|fresh| fresh.late_by_ms > 0) => {
                AssetState::Late
            }
            _ => AssetState::Current,
        }
    }

    /// Whether it has no version and should have one. What a step writes beside its asset, as a
    /// quarantine, may never be needed.
    fn is_missing(&self, fact: &Fact) -> bool {
        let beside = fact.key != fact.of && self.last.contains_key(&fact.of);
        fact.node.is_some() && !beside && !self.versions.contains_key(&fact.key)
    }

    /// Whether its step is at work.
    pub(super) fn is_running(&self, fact: &Fact) -> bool {
        self.last.get(&fact.of).is_some_and(|last| last.state == StepState::Running)
    }

    /// The newest step of an asset.
    pub(super) fn last(&self, fact: &Fact) -> Option<&LastStep> {
        self.last.get(&fact.of)
    }

    fn freshness(&self, fact: &Fact, now: Timestamp) -> Option<Freshness> {
        let within = fact.fresh_within?;
        let as_of = self.as_of.get(fact.node?).copied().flatten();
        let until = as_of.map(|at| Timestamp::from_micros(at.as_micros() + within.micros()));
        Some(Freshness {
            within_ms: within.seconds().unsigned_abs() * 1000,
            as_of: as_of.map(Moment),
            fresh_until: until.map(Moment),
            late_by_ms: until.map_or(0, |until| millis_between(until, now)),
        })
    }
}
