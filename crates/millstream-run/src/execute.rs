//! The executor: drives the selected steps through the protocol, in parallel where the graph
//! allows it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream_core::asset::AssetKey;
use millstream_core::error::{Error, Result, Retry};
use millstream_core::step::{Refresh, Step, StepKind, StepStats};
use millstream_ledger::{Holder, Ledger, RunCause, RunState, SkipState, StepError};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::attempt::{Context, Decided, Ended, make_attempt};
use crate::memo::{MemoInputs, memo};
use crate::plan::{Decision, Known, Plan, Probe, decide, plan};
use crate::recover::recover;
use crate::report::{Progress, RunReport, StepOutcome, StepReport};

/// The first pause before a failed attempt is tried again; it doubles each time.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause between attempts.
const RETRY_PAUSE_MAX: Duration = Duration::from_mins(1);
/// How often a step looks whether the asset that another process holds is free.
const HELD_POLL: Duration = Duration::from_millis(50);
/// Messages to the watcher of a run that may wait.
const PROGRESS_MESSAGES_MAX: usize = 1024;

/// How fast and how patient an executor is.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Steps that run at the same time.
    pub parallel_steps: usize,
    /// How long a lease lasts without being renewed.
    pub lease: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { parallel_steps: 2, lease: Duration::from_secs(15) }
    }
}

/// What a run is asked for.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// What started it, for the record.
    pub cause: String,
    /// The selection as written, for the record.
    pub selection: Option<String>,
    /// The assets whose steps run; others are left alone.
    pub selected: BTreeSet<AssetKey>,
    /// Whether steps start over.
    pub refresh: Refresh,
}

/// Runs steps against one environment.
#[derive(Debug, Clone)]
pub struct Executor {
    ledger: Ledger,
    steps: Arc<Vec<Arc<dyn Step>>>,
    holder: Holder,
    pace: Pace,
}

impl Executor {
    /// An executor of these steps, which must come upstream first.
    pub fn new(ledger: Ledger, steps: Vec<Arc<dyn Step>>, holder: Holder, pace: Pace) -> Self {
        Self { ledger, steps: Arc::new(steps), holder, pace }
    }

    /// The same executor with one step in the place of that of the same asset.
    #[must_use]
    pub fn with_step(mut self, step: Arc<dyn Step>) -> Self {
        let asset = step.spec().asset().clone();
        let mut steps = Vec::clone(&self.steps);
        if let Some(old) = steps.iter_mut().find(|old| *old.spec().asset() == asset) {
            *old = step;
        }
        self.steps = Arc::new(steps);
        self
    }

    /// The steps, upstream first.
    pub fn steps(&self) -> &[Arc<dyn Step>] {
        &self.steps
    }

    /// What a run would do.
    pub async fn plan(&self, request: &RunRequest) -> Result<Plan> {
        let selected = self.selected(request);
        let known = Known::read(&self.ledger)?;
        let mut probes = BTreeMap::new();
        for step in &selected {
            let asset = step.spec().asset().clone();
            let previous = self.ledger.previous(&asset)?;
            let probe = Probe::of(step.spec().kind, step.probe(&previous).await?);
            probes.insert(asset, probe);
        }
        let specs: Vec<_> = selected.iter().map(|step| step.spec()).collect();
        Ok(plan(&specs, &known, &probes, request.refresh))
    }

    /// Recovers what dead processes left, then brings the selected assets up to date. Progress
    /// goes to `watcher`. Ends early, with everything settled, when `cancel` is cancelled.
    ///
    /// # Errors
    /// Those of the ledger. A step that fails is part of the report.
    pub async fn run(
        &self,
        request: &RunRequest,
        cancel: &CancellationToken,
        mut watcher: impl FnMut(Progress) + Send,
    ) -> Result<RunReport> {
        let begun = Instant::now();
        recover(&self.ledger, &self.steps, &self.holder, self.pace.lease).await?;
        // A source that cannot be asked fails its own step, not the run.
        let plan = self.plan(request).await.ok();
        if let Some(plan) = plan.as_ref().filter(|plan| plan.is_up_to_date()) {
            return Ok(nothing_to_do(plan, begun));
        }
        let run = self
            .ledger
            .begin_run(RunCause {
                command: request.cause.clone(),
                selection: request.selection.clone(),
                plan: serde_json::to_value(&plan).unwrap_or_default(),
            })
            .await?;
        let context = Context {
            ledger: self.ledger.clone(),
            run,
            holder: self.holder.clone(),
            lease: self.pace.lease,
            refresh: request.refresh,
            cancel: cancel.clone(),
        };
        let steps = self.drive(request, &context, &mut watcher).await?;
        let report = RunReport { run: Some(run), steps, millis: millis_since(begun) };
        self.ledger.end_run(run, run_state(&report, cancel)).await?;
        Ok(report)
    }

    /// Starts every selected step as soon as those before it have ended.
    async fn drive(
        &self,
        request: &RunRequest,
        context: &Context,
        watcher: &mut (impl FnMut(Progress) + Send),
    ) -> Result<Vec<StepReport>> {
        let selected = self.selected(request);
        let (progress, mut messages) = mpsc::channel(PROGRESS_MESSAGES_MAX);
        let slots = Arc::new(Semaphore::new(self.pace.parallel_steps.max(1)));
        let mut tasks = JoinSet::new();
        let mut ends: BTreeMap<AssetKey, Vec<End>> = BTreeMap::new();
        for (position, step) in selected.iter().enumerate() {
            let spec = step.spec();
            let before: Vec<_> = spec
                .inputs
                .iter()
                .filter_map(|input| ends.get_key_value(&input.asset))
                .flat_map(|(asset, ends)| ends.iter().map(|end| (asset.clone(), end.clone())))
                .collect();
            let (end, ended) = watch::channel(None);
            for output in &spec.outputs {
                // A topic may have several writers.
                ends.entry(output.clone()).or_default().push(ended.clone());
            }
            let driver = StepDriver {
                context: context.clone(),
                step: Arc::clone(step),
                steps: Arc::clone(&self.steps),
                slots: Arc::clone(&slots),
                progress: progress.clone(),
            };
            tasks.spawn(async move {
                let report = driver.drive(before).await;
                let outcome = report.as_ref().map_or(StepOutcome::Failed, |report| report.outcome);
                // Nobody may be waiting for this step.
                let _ = end.send(Some(outcome));
                (position, report)
            });
        }
        drop(progress);
        while let Some(message) = messages.recv().await {
            watcher(message);
        }
        let mut reports = BTreeMap::new();
        while let Some(joined) = tasks.join_next().await {
            let (position, report) = joined.expect("a driver catches the panics of its step");
            reports.insert(position, report?);
        }
        Ok(reports.into_values().collect())
    }

    fn selected(&self, request: &RunRequest) -> Vec<Arc<dyn Step>> {
        self.steps
            .iter()
            .filter(|step| request.selected.contains(step.spec().asset()))
            .cloned()
            .collect()
    }
}

/// Takes one step to its end.
struct StepDriver {
    context: Context,
    step: Arc<dyn Step>,
    /// All steps, to recover what another process left.
    steps: Arc<Vec<Arc<dyn Step>>>,
    slots: Arc<Semaphore>,
    progress: mpsc::Sender<Progress>,
}

/// What the watcher was told of a step last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Started,
    Waiting,
}

type End = watch::Receiver<Option<StepOutcome>>;
type Before = Vec<(AssetKey, End)>;

impl StepDriver {
    async fn drive(self, before: Before) -> Result<StepReport> {
        let blocked = wait_for(before).await;
        let begun = Instant::now();
        let mut report = match blocked {
            Some(asset) => {
                self.skip(StepOutcome::Waits, &format!("{asset} did not succeed")).await?
            }
            None => self.attempts().await?,
        };
        report.millis = millis_since(begun);
        self.say(Progress::Finished(report.clone())).await;
        Ok(report)
    }

    /// Decides and attempts until the step has an end.
    async fn attempts(&self) -> Result<StepReport> {
        let _slot = self.slots.acquire().await.expect("the semaphore is never closed");
        let mut number = 1;
        let mut told = Told::Nothing;
        let mut done: Option<StepReport> = None;
        let mut context = self.context.clone();
        loop {
            if self.context.cancel.is_cancelled() {
                return self.or_skip(done, StepOutcome::Cancelled, "the run was cancelled").await;
            }
            let decided = match self.decide(context.refresh).await {
                Ok(Some(decided)) => decided,
                Ok(None) => return self.or_skip(done, StepOutcome::UpToDate, "up to date").await,
                Err(error) if self.tries_again(&error, number) => {
                    self.pause(&error, number).await;
                    number += 1;
                    continue;
                }
                Err(error) => return self.report(Ended::Failed(error), String::new(), number),
            };
            if told == Told::Nothing {
                self.say_started(&decided).await;
                told = Told::Started;
            }
            match make_attempt(&context, &*self.step, &decided, number).await? {
                Ended::Superseded => {}
                Ended::Held(holder) => {
                    if told != Told::Waiting {
                        self.say_waiting(&holder).await;
                        told = Told::Waiting;
                    }
                    self.wait_for_holder().await?;
                }
                Ended::Failed(error) if self.tries_again(&error, number) => {
                    self.pause(&error, number).await;
                    number += 1;
                }
                // A function takes a long backlog in several attempts; only the first starts over.
                ended @ Ended::Committed { .. } if self.step.spec().kind == StepKind::Function => {
                    context.refresh = Refresh::Incremental;
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
        let context = &self.context;
        recover(&context.ledger, &self.steps, &context.holder, context.lease).await?;
        Ok(())
    }

    /// What to do now: `None` when there is nothing.
    async fn decide(&self, refresh: Refresh) -> Result<Option<Decided>> {
        let spec = self.step.spec();
        let ledger = &self.context.ledger;
        let known = Known::read(ledger)?;
        let previous = ledger.previous(spec.asset())?;
        let probe = Probe::of(spec.kind, self.step.probe(&previous).await?);
        let decision = decide(spec, &known, probe, refresh, &BTreeSet::new());
        let Decision::Run(reason) = decision else { return Ok(None) };
        let memo = memo(spec, &MemoInputs { current: &known.versions, probe: probe.print() });
        Ok(Some(Decided { memo, reason: reason.to_string(), version: previous.version }))
    }

    fn tries_again(&self, error: &Error, number: u32) -> bool {
        error.retry() == Retry::Backoff && number <= self.step.spec().retries
    }

    async fn pause(&self, error: &Error, number: u32) {
        let pause = RETRY_PAUSE.saturating_mul(1 << (number - 1).min(16)).min(RETRY_PAUSE_MAX);
        let error = StepError::from(error);
        self.say(Progress::Retrying { asset: self.asset(), error, pause }).await;
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.context.cancel.cancelled() => {}
        }
    }

    /// Records that the step did not run.
    async fn skip(&self, outcome: StepOutcome, reason: &str) -> Result<StepReport> {
        let state = match outcome {
            StepOutcome::UpToDate => SkipState::UpToDate,
            StepOutcome::Waits => SkipState::Upstream,
            _ => SkipState::Cancelled,
        };
        let context = &self.context;
        context.ledger.skip_step(context.run, self.step.spec(), state, reason).await?;
        let mut report = self.blank(outcome, reason.to_owned(), 0)?;
        report.version = self.context.ledger.previous(self.step.spec().asset())?.version;
        Ok(report)
    }

    fn report(&self, ended: Ended, reason: String, attempts: u32) -> Result<StepReport> {
        let mut report = self.blank(StepOutcome::Cancelled, reason, attempts)?;
        match ended {
            Ended::Committed { staged, versions } => {
                report.outcome = StepOutcome::Unchanged;
                let own = versions.iter().find(|version| version.asset == report.asset);
                if let Some(version) = own {
                    report.outcome = StepOutcome::Published;
                    report.version = version.version;
                }
                report.stats = staged.stats;
                report.checks = staged.checks;
                report.note = staged.note;
            }
            Ended::Refused(staged) => {
                report.outcome = StepOutcome::Refused;
                report.stats = staged.stats;
                report.checks = staged.checks;
                report.note = staged.note;
            }
            Ended::Failed(error) => {
                report.outcome = StepOutcome::Failed;
                report.error = Some(StepError::from(&error));
            }
            Ended::Cancelled | Ended::Held(_) | Ended::Superseded => {}
        }
        Ok(report)
    }

    fn blank(&self, outcome: StepOutcome, reason: String, attempts: u32) -> Result<StepReport> {
        let spec = self.step.spec();
        Ok(StepReport {
            asset: spec.asset().clone(),
            kind: spec.kind,
            outcome,
            reason,
            version: self.context.ledger.previous(spec.asset())?.version,
            stats: StepStats::default(),
            checks: Vec::new(),
            note: None,
            error: None,
            millis: 0,
            attempts,
        })
    }

    fn asset(&self) -> AssetKey {
        self.step.spec().asset().clone()
    }

    async fn say_waiting(&self, holder: &Holder) {
        let asset = self.asset();
        self.say(Progress::Waiting { asset, holder: holder.to_string() }).await;
    }

    async fn say_started(&self, decided: &Decided) {
        let kind = self.step.spec().kind;
        let reason = decided.reason.clone();
        self.say(Progress::Started { asset: self.asset(), kind, reason }).await;
    }

    async fn say(&self, progress: Progress) {
        // The watcher may have gone; the step goes on.
        let _ = self.progress.send(progress).await;
    }
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

fn nothing_to_do(plan: &Plan, begun: Instant) -> RunReport {
    let steps = plan.entries.iter().map(|entry| StepReport {
        asset: entry.asset.clone(),
        kind: entry.kind,
        outcome: StepOutcome::UpToDate,
        reason: "up to date".to_owned(),
        version: entry.version,
        stats: StepStats::default(),
        checks: Vec::new(),
        note: None,
        error: None,
        millis: 0,
        attempts: 0,
    });
    RunReport { run: None, steps: steps.collect(), millis: millis_since(begun) }
}

fn run_state(report: &RunReport, cancel: &CancellationToken) -> RunState {
    if report.succeeded() {
        RunState::Succeeded
    } else if cancel.is_cancelled() {
        RunState::Cancelled
    } else {
        RunState::Failed
    }
}

fn millis_since(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}
