//! Makes the partitions of an asset that are due, one after the other: a table has one writer at a
//! time, and the query of a partition has all cores.

use millstream_core::error::Result;
use millstream_core::partition::{PartitionKey, Partitions};
use millstream_core::step::{CheckResult, StepStats};
use millstream_ledger::{Memo, StepError, StepState};
use serde::Serialize;
use serde_json::Value;

use super::decide::{Changing, PartitionPlan, World, decide, memo_of, recalled};
use super::look::{divisions, look};
use crate::attempt::{Decided, Ended};
use crate::driver::{CANCELLED, StepDriver};
use crate::plan::Known;
use crate::report::{StepOutcome, StepReport};

/// After so many failures without a success between them the others are not tried: what is wrong
/// is not in the partition.
const FAILURES_IN_A_ROW_MAX: usize = 3;

/// What of an asset is made.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "a step has one at a time")]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// All of it, with what a person has answered or its items have given.
    Given(Box<Decided>),
    /// One partition, which was decided.
    One(DecidedPart),
}

/// A partition that is to be made, or an item that is to be done.
#[derive(Debug, Clone)]
pub(crate) struct DecidedPart {
    pub(crate) key: PartitionKey,
    pub(crate) memo: Memo,
    pub(crate) reason: String,
    /// The item, of a list.
    pub(crate) item: Option<Value>,
    /// The sequence of the attempt that made it last when that was decided, 0 if none had.
    pub(crate) sequence: u64,
}

/// The end of one partition, or of one item.
#[derive(Debug, Clone, Serialize)]
pub struct PartitionReport {
    /// Its name.
    pub partition: PartitionKey,
    /// How it ended.
    pub outcome: StepOutcome,
    /// Why it was made.
    pub reason: String,
    /// Counts.
    pub stats: StepStats,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<StepError>,
}

impl StepDriver {
    /// Takes all partitions that are due to their end.
    pub(crate) async fn partitioned(&self, partitions: &Partitions) -> Result<StepReport> {
        let spec = self.step.spec();
        let ledger = &self.context.ledger;
        let divisions = divisions(&self.steps.project);
        let known = Known::read(ledger)?;
        let now = ledger.now();
        let looked = look(ledger, &*self.step, &divisions, &known.versions, now).await;
        let divided = match looked {
            Ok(divided) => divided,
            Err(error) => return self.report(Ended::Failed(error), String::new(), 0),
        };
        let (versions, divisions) = (&known.versions, &divisions);
        let world = World { versions, divisions, divided: &divided, now };
        let refresh = self.context.refresh;
        let asked = self.asked_partitions.as_deref();
        let plan = decide(spec, partitions, world, refresh, &Changing::default(), asked);
        let recalled = recalled(spec, partitions, world, &plan);
        if !recalled.is_empty() {
            ledger.recall_partitions(spec.asset(), recalled).await?;
        }
        let mut made = Made::default();
        for due in &plan.due {
            if self.context.cancel.is_cancelled() || self.context.hold.is_cancelled() {
                break;
            }
            let memo = memo_of(spec, partitions, world, &due.partition);
            let (key, reason) = (due.partition.clone(), due.reason.to_string());
            let made_before = divided.record(spec.asset(), &key);
            let part = DecidedPart {
                key: key.clone(),
                memo,
                reason: reason.clone(),
                item: None,
                sequence: made_before.map_or(0, |record| record.sequence),
            };
            let part = Part::One(part);
            let report = self.attempts_of(&part).await?;
            made.add(key, reason, report);
            if made.failures_in_a_row >= FAILURES_IN_A_ROW_MAX {
                break;
            }
        }
        self.conclude(&plan, made).await
    }

    /// The end of the step, from the ends of its partitions.
    async fn conclude(&self, plan: &PartitionPlan, made: Made) -> Result<StepReport> {
        let is_stopped = self.context.cancel.is_cancelled();
        let left = plan.due.len() - made.reports.len() - made.by_others;
        let Some(total) = made.total else {
            return match (is_stopped, left) {
                (true, _) => self.skip(StepOutcome::Cancelled, CANCELLED).await,
                (false, 0) => self.skip(StepOutcome::UpToDate, "up to date").await,
                (false, _) => self.skip(StepOutcome::UpToDate, "held back").await,
            };
        };
        let failed: Vec<&PartitionReport> =
            made.reports.iter().filter(|it| !it.is_good()).collect();
        let outcome = failed.first().map(|first| first.outcome);
        let outcome =
            outcome.unwrap_or(if is_stopped { StepOutcome::Cancelled } else { total.outcome });
        let state = match outcome {
            StepOutcome::Failed => StepState::Failed,
            StepOutcome::Refused => StepState::Refused,
            StepOutcome::Cancelled => StepState::Cancelled,
            _ => StepState::Succeeded,
        };
        let reason = plan.described();
        let asset = self.step.spec().asset();
        self.context.ledger.conclude_step(self.context.run, asset, state, &reason).await?;
        let note = note(left, &made.reports, &failed);
        let error = failed.first().and_then(|first| first.error.clone());
        let version = self.version()?;
        let partitions = made.reports;
        let checks = made.checks_failed.unwrap_or(total.checks);
        let note = Some(note);
        Ok(StepReport { outcome, reason, version, checks, note, error, partitions, ..total })
    }
}

/// `3 partitions`, `2 of 5 partitions failed: 2026-11-19, 2026-11-21`.
fn note(left: usize, made: &[PartitionReport], failed: &[&PartitionReport]) -> String {
    /// The most names that a line lists.
    const NAMES_MAX: usize = 5;
    let count = |count: usize| match count {
        1 => "1 partition".to_owned(),
        count => format!("{count} partitions"),
    };
    let mut text = match failed {
        [] => count(made.len()),
        failed => {
            let names: Vec<&str> =
                failed.iter().take(NAMES_MAX).map(|report| report.partition.as_str()).collect();
            let more = match failed.len() - names.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("{} of {} failed: {}{more}", failed.len(), count(made.len()), names.join(", "))
        }
    };
    if left > 0 {
        text.push_str(&format!(", {left} not tried"));
    }
    text
}

impl PartitionReport {
    pub(crate) fn is_good(&self) -> bool {
        self.outcome.lets_pass()
    }
}

/// What was made so far.
#[derive(Debug, Default)]
struct Made {
    reports: Vec<PartitionReport>,
    total: Option<StepReport>,
    /// Those that somebody else made since they were decided.
    by_others: usize,
    failures_in_a_row: usize,
    /// The checks of the first that failed.
    checks_failed: Option<Vec<CheckResult>>,
}

impl Made {
    fn add(&mut self, partition: PartitionKey, reason: String, report: StepReport) {
        let (outcome, stats, error) = (report.outcome, report.stats, report.error.clone());
        if outcome == StepOutcome::Cancelled {
            self.total.get_or_insert(report);
            return;
        }
        if outcome == StepOutcome::UpToDate {
            self.by_others += 1;
            return;
        }
        self.failures_in_a_row = if outcome.lets_pass() { 0 } else { self.failures_in_a_row + 1 };
        if !outcome.lets_pass() {
            self.checks_failed.get_or_insert_with(|| report.checks.clone());
        }
        self.reports.push(PartitionReport { partition, outcome, reason, stats, error });
        let published = self.total.as_ref().map(|total| total.outcome);
        let mut total = match self.total.take() {
            Some(before) => before.followed_by(report),
            None => report,
        };
        if published == Some(StepOutcome::Published) {
            total.outcome = StepOutcome::Published;
        }
        self.total = Some(total);
    }
}
