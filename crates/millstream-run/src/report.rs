//! What happened in a run, while it goes on and afterwards.

use std::time::Duration;

use millstream_core::asset::AssetKey;
use millstream_core::flow::Before;
use millstream_core::id::RunId;
use millstream_core::step::{CheckResult, Staged, StepKind, StepStats};
use millstream_ledger::StepError;
use serde::Serialize;

use crate::partitions::PartitionReport;

/// Something that a person who watches a run wants to see.
#[derive(Debug, Clone)]
pub enum Progress {
    /// A step began to work.
    Started {
        /// Its asset.
        asset: AssetKey,
        /// Its kind.
        kind: StepKind,
        /// Why it runs.
        reason: String,
    },
    /// A step waits: for whoever works on its asset, for slots of a pool, for a mutex.
    Waiting {
        /// Its asset.
        asset: AssetKey,
        /// For what, and who has it.
        on: String,
    },
    /// A step waits for the word of a person.
    Asking {
        /// Its asset.
        asset: AssetKey,
        /// Who is asked what, and how it is answered.
        whom: String,
    },
    /// An attempt failed and is tried again.
    Retrying {
        /// Its asset.
        asset: AssetKey,
        /// What went wrong.
        error: StepError,
        /// The pause before the next attempt.
        pause: Duration,
    },
    /// A step ended.
    Finished(StepReport),
}

/// The end of one step.
#[derive(Debug, Clone, Serialize)]
pub struct StepReport {
    /// Its asset.
    pub asset: AssetKey,
    /// Its kind.
    pub kind: StepKind,
    /// How it ended.
    pub outcome: StepOutcome,
    /// Why it ran or did not.
    pub reason: String,
    /// Version of the asset after the step; 0 if there is none.
    pub version: u64,
    /// Counts.
    pub stats: StepStats,
    /// Checks that were made.
    pub checks: Vec<CheckResult>,
    /// A line for people.
    pub note: Option<String>,
    /// Columns that are described and that the relation does not have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_columns: Vec<String>,
    /// What went wrong.
    pub error: Option<StepError>,
    /// Wall time in milliseconds.
    pub millis: u64,
    /// Attempts made.
    pub attempts: u32,
    /// What became of its partitions, of an asset that is divided.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<PartitionReport>,
}

impl StepReport {
    /// With the counts, the checks and the line of what was staged.
    pub(crate) fn of(self, staged: Staged) -> Self {
        let Staged { stats, checks, note, missing_columns, .. } = staged;
        Self { stats, checks, note, missing_columns, ..self }
    }

    /// This and a later attempt of the same step, as one.
    pub(crate) fn followed_by(self, later: Self) -> Self {
        let (a, b) = (self.stats, later.stats);
        let stats = StepStats {
            rows_in: a.rows_in + b.rows_in,
            rows_out: a.rows_out + b.rows_out,
            rows_quarantined: a.rows_quarantined + b.rows_quarantined,
            bytes_out: a.bytes_out + b.bytes_out,
        };
        Self { stats, reason: self.reason, attempts: self.attempts + later.attempts, ..later }
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// A new version was published.
    Published,
    /// It ran and nothing changed.
    Unchanged,
    /// There was nothing to do.
    UpToDate,
    /// A check refused what was staged; the last good version stays.
    Refused,
    /// It failed; the last good version stays.
    Failed,
    /// A step before it did not succeed.
    Waits,
    /// The run was cancelled.
    Cancelled,
    /// Its condition is false, or its rule is not met.
    Skipped,
}

impl StepOutcome {
    /// Whether steps after it may run.
    pub fn lets_pass(self) -> bool {
        matches!(self, Self::Published | Self::Unchanged | Self::UpToDate)
    }

    /// How it stands for those behind it.
    pub(crate) fn before(self) -> Before {
        match self {
            Self::Skipped => Before::Skipped,
            outcome if outcome.lets_pass() => Before::Succeeded,
            _ => Before::Failed,
        }
    }
}

/// A whole run.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// Its id; `None` when there was nothing to do, and so nothing to record.
    pub run: Option<RunId>,
    /// Steps in the order of the graph.
    pub steps: Vec<StepReport>,
    /// Wall time in milliseconds.
    pub millis: u64,
}

impl RunReport {
    /// Steps with this outcome.
    pub fn count(&self, outcome: StepOutcome) -> usize {
        self.steps.iter().filter(|step| step.outcome == outcome).count()
    }

    /// Whether no step failed.
    pub fn succeeded(&self) -> bool {
        self.steps.iter().all(|step| step.outcome.before() != Before::Failed)
    }
}
