//! Takes one step to its end: decides, attempts, waits for whoever holds its asset, tries again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream_core::asset::AssetKey;
use millstream_core::error::{Error, Result};
use millstream_core::hash::ContentHash;
use millstream_core::id::AttemptId;
use millstream_core::partition::PartitionKey;
use millstream_core::step::{Refresh, Step, StepKind, StepStats};
use millstream_ledger::{SkipState, StepError};
use tokio::sync::{mpsc, watch};

use crate::attempt::{Context, Decided, Ended, make_attempt};
use crate::execute::millis_since;
use crate::logs::told;
use crate::memo::{MemoInputs, memo};
use crate::partitions::Part;
use crate::plan::{Decision, Due, Known, Probe, Reason, decide};
use crate::recover::{Steps, recover};
use crate::report::{Progress, StepOutcome, StepReport};
use crate::slots::{Slots, Urgency};

/// How often a step looks whether the asset that another process holds is free.
const HELD_POLL: Duration = Duration::from_millis(50);

/// Why a step of a cancelled run was not made.
pub(crate) const CANCELLED: &str = "the run was cancelled";

/// Takes one step to its end.
pub(crate) struct StepDriver {
    pub(crate) context: Context,
    pub(crate) step: Arc<dyn Step>,
    /// All steps, to recover what another process left.
    pub(crate) steps: Steps,
    pub(crate) slots: Slots,
    pub(crate) progress: mpsc::Sender<Progress>,
    pub(crate) due: Due,
    /// The partitions that somebody asks for.
    pub(crate) asked_partitions: Option<Vec<PartitionKey>>,
}

/// What the watcher was told of a step last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Started,
    Waiting,
}

pub(crate) type End = watch::Receiver<Option<StepOutcome>>;
pub(crate) type Before = Vec<(AssetKey, End)>;

impl StepDriver {
    /// Waits for the steps before it, then attempts it until it has an end.
    pub(crate) async fn drive(self, before: Before) -> Result<StepReport> {
        let blocked = wait_for(before).await;
        let begun = Instant::now();
        let mut report = match blocked {
            Some(asset) => {
                self.skip(StepOutcome::Waits, &format!("{asset} did not succeed")).await?
            }
            None => self.attempts().await?,
        };
        report.millis = millis_since(begun);
        self.say_finished(&report).await;
        Ok(report)
    }

    /// Decides and attempts until the step has an end.
    pub(crate) async fn attempts(&self) -> Result<StepReport> {
        match &self.step.spec().partitions {
            Some(partitions) => self.partitioned(partitions).await,
            None => self.attempts_of(&Part::Whole, 1).await,
        }
    }

    /// Decides and attempts a part of the step until it has an end. The first attempt has this
    /// number.
    pub(crate) async fn attempts_of(&self, part: &Part, first: u32) -> Result<StepReport> {
        let mut number = 1;
        let mut told = Told::Nothing;
        let mut done: Option<StepReport> = None;
        let mut context = self.context.clone();
        let mut due = self.due;
        loop {
            if self.context.cancel.is_cancelled() {
                return match part {
                    Part::Whole => self.or_skip(done, StepOutcome::Cancelled, CANCELLED).await,
                    Part::One(_) => self.report(Ended::Cancelled, CANCELLED.to_owned(), number - 1),
                };
            }
            let slot = self.slots.take(self.urgency()).await;
            let decided = match self.decide_part(part, context.refresh, due).await {
                Ok(Some(decided)) => decided,
                Ok(None) => return self.or_skip(done, StepOutcome::UpToDate, "up to date").await,
                Err(error) => {
                    drop(slot);
                    if self.pauses_to_try_again(&error, number).await {
                        number += 1;
                        continue;
                    }
                    return self.report(Ended::Failed(error), String::new(), number);
                }
            };
            if told == Told::Nothing {
                self.say_started(&decided, number).await;
                told = Told::Started;
            }
            match make_attempt(&context, &*self.step, &decided, first + number - 1, slot).await? {
                Ended::Superseded => {}
                Ended::Held(holder) => {
                    if told != Told::Waiting {
                        self.say_waiting(format!("held by {holder}"), number).await;
                        told = Told::Waiting;
                    }
                    self.wait_for_holder().await?;
                }
                Ended::Waits(wait) => {
                    if told != Told::Waiting {
                        self.say_waiting(wait.to_string(), number).await;
                        told = Told::Waiting;
                    }
                    self.wait_for_turn().await?;
                }
                Ended::Failed(error) => {
                    if !self.pauses_to_try_again(&error, number).await {
                        return self.report(Ended::Failed(error), decided.reason, number);
                    }
                    number += 1;
                }
                // A function takes a long backlog in several attempts; only the first starts over.
                ended @ Ended::Committed { .. } if self.step.spec().kind == StepKind::Function => {
                    context.refresh = Refresh::Incremental;
                    due = Due::WhenChanged;
                    let report = self.report(ended, decided.reason, number)?;
                    done = Some(match done {
                        Some(before) => before.followed_by(report),
                        None => report,
                    });
                }
                ended => return self.report(ended, decided.reason, number),
            }
        }
    }

    /// What was done before, or the record that nothing was.
    async fn or_skip(
        &self,
        done: Option<StepReport>,
        outcome: StepOutcome,
        reason: &str,
    ) -> Result<StepReport> {
        match done {
            Some(done) => Ok(done),
            None => self.skip(outcome, reason).await,
        }
    }

    /// A little later; recovers the holder's attempt if its process has died.
    async fn wait_for_holder(&self) -> Result<()> {
        tokio::time::sleep(HELD_POLL).await;
        let Context { ledger, logs, holder, lease, .. } = &self.context;
        recover(ledger, &self.steps, logs, holder, *lease).await?;
        Ok(())
    }

    /// Waits until the pools and mutexes that the step wants have a place for it, or the run is
    /// stopped.
    async fn wait_for_turn(&self) -> Result<()> {
        let Context { ledger, lease, run, turns, cancel, .. } = &self.context;
        tokio::select! {
            turn = turns.wait(ledger, *lease, *run, self.step.spec().asset()) => turn,
            () = cancel.cancelled() => Ok(()),
        }
    }

    fn urgency(&self) -> Urgency {
        let spec = self.step.spec();
        Urgency::new(spec.execution.priority, self.context.due_at.get(spec.asset()).copied())
    }

    async fn decide_part(
        &self,
        part: &Part,
        refresh: Refresh,
        due: Due,
    ) -> Result<Option<Decided>> {
        let Part::One(part) = part else { return self.decide(refresh, due).await };
        Ok(Some(Decided {
            memo: part.memo.clone(),
            reason: format!("{}: {}", part.key, part.reason),
            version: self.version()?,
            partition: Some(part.key.clone()),
        }))
    }

    /// What to do now: `None` when there is nothing.
    async fn decide(&self, refresh: Refresh, due: Due) -> Result<Option<Decided>> {
        if due == Due::Always {
            return self.asked().await.map(Some);
        }
        let spec = self.step.spec();
        let ledger = &self.context.ledger;
        let known = Known::of_step(ledger, spec)?;
        let previous = ledger.previous(spec.asset())?;
        let probe = Probe::of(spec.kind, self.step.probe(&previous).await?);
        let decision = decide(spec, &known, probe, refresh, &BTreeSet::new());
        let Decision::Run(reason) = decision else { return Ok(None) };
        let memo = memo(spec, &MemoInputs { current: &known.versions, probe: probe.print() });
        let (reason, version) = (reason.to_string(), previous.version);
        Ok(Some(Decided { memo, reason, version, partition: None }))
    }

    async fn asked(&self) -> Result<Decided> {
        let spec = self.step.spec();
        let ledger = &self.context.ledger;
        let known = Known::of_step(ledger, spec)?;
        let previous = ledger.previous(spec.asset())?;
        let probe = Probe::of(spec.kind, self.step.probe(&previous).await?);
        let memo = memo(spec, &MemoInputs { current: &known.versions, probe: probe.print() });
        let (reason, version) = (Reason::Asked.to_string(), previous.version);
        Ok(Decided { memo, reason, version, partition: None })
    }

    /// Whether another attempt follows one that failed; then after the pause before it.
    async fn pauses_to_try_again(&self, error: &Error, number: u32) -> bool {
        let retries = &self.step.spec().execution.retries;
        let Some(pause) = retries.next(error, number, jitter()) else { return false };
        let error = StepError::from(error);
        self.say(Progress::Retrying { asset: self.asset(), error, pause }, number).await;
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.context.cancel.cancelled() => {}
        }
        true
    }

    /// Records that the step did not run.
    pub(crate) async fn skip(&self, outcome: StepOutcome, reason: &str) -> Result<StepReport> {
        let state = match outcome {
            StepOutcome::UpToDate => SkipState::UpToDate,
            StepOutcome::Waits => SkipState::Upstream,
            _ => SkipState::Cancelled,
        };
        let context = &self.context;
        context.ledger.skip_step(context.run, self.step.spec(), state, reason).await?;
        Ok(self.blank(outcome, reason.to_owned(), 0, self.version()?))
    }

    pub(crate) fn report(&self, ended: Ended, reason: String, attempts: u32) -> Result<StepReport> {
        let blank = |outcome, version| self.blank(outcome, reason, attempts, version);
        Ok(match ended {
            Ended::Committed { staged, versions } => {
                let own = versions.iter().find(|version| version.asset == self.asset());
                let report = match own {
                    Some(version) => blank(StepOutcome::Published, version.version),
                    None => blank(StepOutcome::Unchanged, self.version()?),
                };
                report.of(staged)
            }
            Ended::Refused(staged) => blank(StepOutcome::Refused, self.version()?).of(staged),
            Ended::Failed(error) => {
                let error = Some(StepError::from(&error));
                StepReport { error, ..blank(StepOutcome::Failed, self.version()?) }
            }
            Ended::Cancelled | Ended::Held(_) | Ended::Waits(_) | Ended::Superseded => {
                blank(StepOutcome::Cancelled, self.version()?)
            }
        })
    }

    fn blank(
        &self,
        outcome: StepOutcome,
        reason: String,
        attempts: u32,
        version: u64,
    ) -> StepReport {
        let spec = self.step.spec();
        StepReport {
            asset: spec.asset().clone(),
            kind: spec.kind,
            outcome,
            reason,
            version,
            stats: StepStats::default(),
            checks: Vec::new(),
            note: None,
            error: None,
            millis: 0,
            attempts,
            partitions: Vec::new(),
        }
    }

    /// The current version of the step's asset, 0 before the first.
    pub(crate) fn version(&self) -> Result<u64> {
        Ok(self.context.ledger.previous(self.step.spec().asset())?.version)
    }

    fn asset(&self) -> AssetKey {
        self.step.spec().asset().clone()
    }

    /// Tells the watcher and the log how the step ended.
    pub(crate) async fn say_finished(&self, report: &StepReport) {
        self.say(Progress::Finished(report.clone()), report.attempts).await;
    }

    async fn say_waiting(&self, on: String, number: u32) {
        self.say(Progress::Waiting { asset: self.asset(), on }, number).await;
    }

    async fn say_started(&self, decided: &Decided, number: u32) {
        let kind = self.step.spec().kind;
        let reason = decided.reason.clone();
        self.say(Progress::Started { asset: self.asset(), kind, reason }, number).await;
    }

    /// Tells it of the attempt of a number.
    async fn say(&self, progress: Progress, number: u32) {
        for line in told(&progress) {
            self.context.log.say(self.step.spec().asset(), number, line);
        }
        // The watcher may have gone; the step goes on.
        let _ = self.progress.send(progress).await;
    }
}

/// A number between 0 and 1 that differs each time.
fn jitter() -> f64 {
    let hash = ContentHash::of(AttemptId::new().to_string().as_bytes());
    f64::from(hash.as_bytes()[0]) / f64::from(u8::MAX)
}

/// Waits for the steps before; gives the first asset that did not succeed.
async fn wait_for(before: Before) -> Option<AssetKey> {
    let mut blocked = None;
    for (asset, mut end) in before {
        let outcome = end.wait_for(Option::is_some).await.ok().and_then(|outcome| *outcome);
        if !outcome.is_some_and(StepOutcome::lets_pass) && blocked.is_none() {
            blocked = Some(asset);
        }
    }
    blocked
}
