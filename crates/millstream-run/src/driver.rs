//! Takes one step to its end: decides, attempts, waits for whoever holds its asset, tries again.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures::future::select_all;
use millstream_core::asset::AssetKey;
use millstream_core::error::{Error, Result};
use millstream_core::flow::{Before, Rule, Turn};
use millstream_core::hash::ContentHash;
use millstream_core::id::AttemptId;
use millstream_core::partition::PartitionKey;
use millstream_core::step::{Refresh, Step, StepKind, StepStats};
use millstream_ledger::{SkipState, StepError, place_of};
use tokio::sync::{mpsc, watch};

use crate::attempt::{Context, Decided, Ended, Makes, make_attempt};
use crate::execute::millis_since;
use crate::logs::told;
use crate::mapped;
use crate::memo::{MemoInputs, memo};
use crate::partitions::Part;
use crate::plan::{Decision, Due, Known, Probe, Reason, decide, is_false, unmet};
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
    pub(crate) numbers: Numbers,
    /// When it had its place for the first time, and something to do.
    pub(crate) begun: OnceLock<Instant>,
}

/// Gives the attempts of a step their numbers, from 1.
#[derive(Debug, Default)]
pub(crate) struct Numbers(AtomicU32);

impl Numbers {
    fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// What the watcher was told of a step last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Started,
    Waiting,
}

pub(crate) type End = watch::Receiver<Option<StepOutcome>>;
/// The steps before a step, each with what it makes.
pub(crate) type Ends = Vec<(AssetKey, End)>;

/// What is to be done with a step now.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Nothing: nothing has changed.
    UpToDate,
    /// Nothing, for this reason.
    Skip(String),
    /// An attempt.
    Go(Box<Decided>),
}

impl StepDriver {
    /// Waits for the steps before it, then attempts it until it has an end.
    pub(crate) async fn drive(mut self, mut before: Ends) -> Result<StepReport> {
        let rule = self.step.spec().flow.rule;
        let turn = wait_for(rule, &mut before).await;
        let failed = before.iter().find(|(_, end)| stand(end) == Before::Failed);
        let mut report = match (turn, failed) {
            (Turn::Blocked, Some((asset, _))) => {
                self.skip(StepOutcome::Waits, &format!("{asset} did not succeed")).await?
            }
            (Turn::Skip, _) => {
                let stands = before.iter().map(|(asset, end)| (asset, stand(end)));
                self.skip(StepOutcome::Skipped, &unmet(rule, stands)).await?
            }
            (_, failed) => {
                // What failed has no new version by which it could be seen.
                if failed.is_some() {
                    self.due = Due::Always;
                }
                self.attempts().await?
            }
        };
        report.millis = self.begun.get().copied().map_or(0, millis_since);
        self.say_finished(&report).await;
        Ok(report)
    }

    /// Decides and attempts until the step has an end.
    pub(crate) async fn attempts(&self) -> Result<StepReport> {
        let spec = self.step.spec();
        if let Some(partitions) = &spec.partitions {
            return self.partitioned(partitions).await;
        }
        match (&spec.flow.approval, &spec.flow.for_each) {
            (Some(approval), _) => self.approved(approval).await,
            (None, Some(mapping)) => self.mapped(mapping).await,
            (None, None) => self.attempts_of(&Part::Whole).await,
        }
    }

    /// Decides and attempts a part of the step until it has an end.
    pub(crate) async fn attempts_of(&self, part: &Part) -> Result<StepReport> {
        let mut number = 1;
        let mut own = self.numbers.next();
        let mut told = Told::Nothing;
        let mut done: Option<StepReport> = None;
        let mut context = self.context.clone();
        let mut due = self.due;
        loop {
            if self.context.cancel.is_cancelled() {
                return match part {
                    Part::Whole | Part::Given(_) => {
                        self.or_skip(done, StepOutcome::Cancelled, CANCELLED).await
                    }
                    Part::One(_) => self.report(Ended::Cancelled, CANCELLED.to_owned(), number - 1),
                };
            }
            let slot = self.slots.take(self.step.weight(), self.urgency()).await;
            let decided = match self.decide_part(part, context.refresh, due).await {
                Ok(Verdict::Go(decided)) => decided,
                Ok(Verdict::UpToDate) if matches!(part, Part::One(_)) => {
                    let report = self.blank(StepOutcome::UpToDate, String::new(), 0, 0);
                    return Ok(report);
                }
                Ok(Verdict::UpToDate) => {
                    return self.or_skip(done, StepOutcome::UpToDate, "up to date").await;
                }
                Ok(Verdict::Skip(reason)) => {
                    return self.or_skip(done, StepOutcome::Skipped, &reason).await;
                }
                Err(error) => {
                    drop(slot);
                    if self.pauses_to_try_again(&error, number, own).await {
                        (number, own) = (number + 1, self.numbers.next());
                        continue;
                    }
                    return self.undecided(error, number).await;
                }
            };
            if told == Told::Nothing {
                self.say_started(&decided, own).await;
                told = Told::Started;
            }
            match make_attempt(&context, &*self.step, &decided, own, slot).await? {
                Ended::Superseded => {}
                Ended::Held(holder) => {
                    if told != Told::Waiting {
                        self.say_waiting(format!("held by {holder}"), own).await;
                        told = Told::Waiting;
                    }
                    self.wait_for_holder().await?;
                }
                Ended::Waits(wait) => {
                    if told != Told::Waiting {
                        self.say_waiting(wait.to_string(), own).await;
                        told = Told::Waiting;
                    }
                    self.wait_for_turn(&decided).await?;
                }
                Ended::Failed(error) => {
                    if !self.pauses_to_try_again(&error, number, own).await {
                        return self.report(Ended::Failed(error), decided.reason, number);
                    }
                    (number, own) = (number + 1, self.numbers.next());
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

    /// The end of a step that failed before it could begin.
    pub(crate) async fn undecided(&self, error: Error, number: u32) -> Result<StepReport> {
        let (context, spec) = (&self.context, self.step.spec());
        let reason = error.chain();
        context.ledger.skip_step(context.run, spec, SkipState::Failed, &reason).await?;
        self.report(Ended::Failed(error), String::new(), number)
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
    async fn wait_for_turn(&self, decided: &Decided) -> Result<()> {
        let Context { ledger, lease, run, turns, cancel, .. } = &self.context;
        let place = place_of(self.step.spec().asset(), decided.partition.as_ref());
        tokio::select! {
            turn = turns.wait(ledger, *lease, *run, &place) => turn,
            () = cancel.cancelled() => Ok(()),
        }
    }

    fn urgency(&self) -> Urgency {
        let spec = self.step.spec();
        Urgency::new(spec.execution.priority, self.context.due_at.get(spec.asset()).copied())
    }

    async fn decide_part(&self, part: &Part, refresh: Refresh, due: Due) -> Result<Verdict> {
        let part = match part {
            Part::Whole => return self.decide(refresh, due).await,
            Part::Given(decided) => return Ok(Verdict::Go(decided.clone())),
            Part::One(part) => part,
        };
        let (ledger, asset) = (&self.context.ledger, self.step.spec().asset());
        let sequence = ledger.partition_sequence(asset, &part.key)?;
        // Somebody else made it since it was decided, perhaps of something older.
        if sequence != part.sequence {
            let made = ledger.partitions(asset)?.remove(&part.key);
            if made.is_some_and(|made| made.memo.key == part.memo.key) {
                return Ok(Verdict::UpToDate);
            }
        }
        Ok(Verdict::Go(Box::new(Decided {
            memo: part.memo.clone(),
            reason: format!("{}: {}", part.key, part.reason),
            makes: Makes::Rows,
            version: sequence,
            partition: Some(part.key.clone()),
            given: part.item.clone(),
        })))
    }

    /// What to do now.
    pub(crate) async fn decide(&self, refresh: Refresh, due: Due) -> Result<Verdict> {
        let spec = self.step.spec();
        let (mut known, previous) = Known::of_step(&self.context.ledger, spec)?;
        if self.step.is_redescribed(&previous) {
            known.redescribed.insert(spec.asset().clone());
        }
        let probe = Probe::of(spec.kind, self.step.probe(&previous).await?);
        let decision = match due {
            Due::Always => Decision::Run(Reason::Asked),
            Due::WhenChanged => decide(spec, &known, probe, refresh, &BTreeSet::new()),
        };
        let Decision::Run(reason) = decision else { return Ok(Verdict::UpToDate) };
        if let Some(when) = &spec.flow.when
            && !when.is_true(&known.results(when.reads()))?
        {
            return Ok(Verdict::Skip(is_false(when)));
        }
        let items = mapped::print(spec, &known);
        let inputs = MemoInputs { current: &known.versions, probe: probe.print(), items };
        let memo = memo(spec, &inputs);
        let makes = match reason {
            Reason::Description => Makes::Description,
            _ => Makes::Rows,
        };
        let (reason, version) = (reason.to_string(), previous.version);
        let decided = Decided { memo, reason, makes, version, partition: None, given: None };
        Ok(Verdict::Go(Box::new(decided)))
    }

    /// Whether another attempt follows one that failed; then after the pause before it.
    async fn pauses_to_try_again(&self, error: &Error, number: u32, own: u32) -> bool {
        let retries = &self.step.spec().execution.retries;
        let Some(pause) = retries.next(error, number, jitter()) else { return false };
        let error = StepError::from(error);
        self.say(Progress::Retrying { asset: self.asset(), error, pause }, own).await;
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
            StepOutcome::Skipped => SkipState::Skipped,
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

    pub(crate) fn blank(
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
            missing_columns: Vec::new(),
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

    pub(crate) fn asset(&self) -> AssetKey {
        self.step.spec().asset().clone()
    }

    /// Tells the watcher and the log how the step ended.
    pub(crate) async fn say_finished(&self, report: &StepReport) {
        self.say(Progress::Finished(report.clone()), report.attempts).await;
    }

    pub(crate) async fn say_waiting(&self, on: String, number: u32) {
        self.say(Progress::Waiting { asset: self.asset(), on }, number).await;
    }

    pub(crate) async fn say_asking(&self, whom: String, number: u32) {
        self.say(Progress::Asking { asset: self.asset(), whom }, number).await;
    }

    async fn say_started(&self, decided: &Decided, number: u32) {
        self.begun.get_or_init(Instant::now);
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

/// Waits until it is clear what becomes of a step by its rule.
async fn wait_for(rule: Rule, before: &mut Ends) -> Turn {
    if !rule.is_early() {
        for (_, end) in before.iter_mut() {
            // One that went away without an end has failed.
            let _ = end.wait_for(Option::is_some).await;
        }
    }
    loop {
        let stands: Vec<Before> = before.iter().map(|(_, end)| stand(end)).collect();
        match rule.turn(&stands) {
            Turn::Wait => {}
            turn => return turn,
        }
        let open = before.iter_mut().filter(|(_, end)| stand(end) == Before::Open);
        let _ = select_all(open.map(|(_, end)| Box::pin(end.changed()))).await;
    }
}

/// How a step before stands.
fn stand(end: &End) -> Before {
    let outcome = *end.borrow();
    match outcome {
        Some(outcome) => outcome.before(),
        None if end.has_changed().is_err() => Before::Failed,
        None => Before::Open,
    }
}
