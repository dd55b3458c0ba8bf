//! The executor: drives the selected steps through the protocol, in parallel where the graph
//! allows it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use millstream_core::asset::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::error::Result;
use millstream_core::step::{Refresh, Step, StepSpec, StepStats};
use millstream_core::trace::TraceParent;
use millstream_ledger::{Actor, FireKey, Holder, Ledger, RunCause};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::attempt::Context;
use crate::directed::DirectedRun;
use crate::driver::{End, Numbers, StepDriver};
use crate::logs::Logs;
use crate::open_run::{Begun, OpenRun};
use crate::partitions::{Asked, divisions, look};
use crate::plan::{Decision, Due, Known, Plan, Probe, plan};
use crate::recover::{Steps, recover};
use crate::report::{Progress, RunReport, StepOutcome, StepReport};
use crate::slots::Slots;
use crate::turn::Turns;

/// Messages to the watcher of a run that may wait.
const PROGRESS_MESSAGES_MAX: usize = 1024;

/// How fast and how patient an executor is.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Steps that work at the same time; those that wait for the disk are not counted, nor, above
    /// one, those that are light.
    pub parallel_steps: usize,
    /// How long a lease lasts without being renewed.
    pub lease: Duration,
    /// The longest that a run may take, if there is a limit.
    pub run_timeout: Option<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { parallel_steps: 2, lease: Duration::from_secs(15), run_timeout: None }
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
    /// Which of the selected steps run.
    pub due: Due,
    /// What a schedule had to start, if it started the run.
    pub fire: Option<FireKey>,
    /// Who asked for it, if somebody did.
    pub by: Option<Actor>,
    /// When steps have to begin so that what rests on them stays fresh. Of those that wait, the
    /// ones that are due sooner begin first.
    pub due_at: BTreeMap<AssetKey, Timestamp>,
    /// The partitions that are made whether or not they are due, of assets that are divided. Of
    /// others those that are due.
    pub partitions: Asked,
    /// Once cancelled, partitions that were begun end, and no other begins.
    pub hold: CancellationToken,
    /// What it belongs to where traces are collected, if to anything.
    pub trace_parent: Option<TraceParent>,
}

impl RunRequest {
    /// Brings these assets up to date where anything has changed.
    pub fn new(cause: impl Into<String>, selected: BTreeSet<AssetKey>) -> Self {
        Self {
            cause: cause.into(),
            selection: None,
            selected,
            refresh: Refresh::Incremental,
            due: Due::WhenChanged,
            fire: None,
            by: None,
            due_at: BTreeMap::new(),
            partitions: Asked::new(),
            hold: CancellationToken::new(),
            trace_parent: None,
        }
    }
}

/// Runs steps against one environment.
#[derive(Debug, Clone)]
pub struct Executor {
    ledger: Ledger,
    steps: Steps,
    holder: Holder,
    pace: Pace,
    logs: Logs,
}

impl Executor {
    /// An executor of the steps of the project, which must come upstream first. What they say is
    /// kept nowhere.
    pub fn new(ledger: Ledger, steps: Steps, holder: Holder, pace: Pace) -> Self {
        Self { ledger, steps, holder, pace, logs: Logs::nowhere() }
    }

    /// The same executor, which keeps what its steps say.
    #[must_use]
    pub fn with_logs(mut self, logs: Logs) -> Self {
        self.logs = logs;
        self
    }

    /// The same executor with one step in the place of that of the same asset.
    #[must_use]
    pub fn with_step(mut self, step: Arc<dyn Step>) -> Self {
        let asset = step.spec().asset().clone();
        let mut steps = Vec::clone(&self.steps.project);
        if let Some(old) = steps.iter_mut().find(|old| *old.spec().asset() == asset) {
            *old = step;
        }
        self.steps.project = Arc::new(steps);
        self
    }

    /// The steps, upstream first.
    pub fn steps(&self) -> &[Arc<dyn Step>] {
        &self.steps.project
    }

    /// How fast and how patient it is.
    pub(crate) fn pace(&self) -> Pace {
        self.pace
    }

    /// What a run would do.
    pub async fn plan(&self, request: &RunRequest) -> Result<Plan> {
        let selected = self.selected(request);
        let mut known = Known::read(&self.ledger)?;
        self.look_at_partitions(request, &selected, &mut known).await?;
        let mut probes = BTreeMap::new();
        for step in &selected {
            let asset = step.spec().asset().clone();
            let previous = self.ledger.previous(&asset)?;
            let probe = Probe::of(step.spec().kind, step.probe(&previous).await?);
            if step.is_redescribed(&previous) {
                known.redescribed.insert(asset.clone());
            }
            probes.insert(asset, probe);
        }
        let specs: Vec<_> = selected.iter().map(|step| step.spec()).collect();
        Ok(plan(&specs, &known, &probes, request.refresh, request.due, &request.partitions))
    }

    /// Looks up what decides about partitions.
    async fn look_at_partitions(
        &self,
        request: &RunRequest,
        steps: &[Arc<dyn Step>],
        known: &mut Known,
    ) -> Result<()> {
        known.divisions = divisions(&self.steps.project);
        known.now = self.ledger.now();
        // Those that somebody asks for are made whatever there is.
        let is_decided = |spec: &StepSpec| {
            spec.partitions.is_some() && !request.partitions.contains_key(spec.asset())
        };
        for step in steps.iter().filter(|step| is_decided(step.spec())) {
            let (divisions, versions) = (&known.divisions, &known.versions);
            let divided = look(&self.ledger, &**step, divisions, versions, known.now).await?;
            known.divided.insert(step.spec().asset().clone(), divided);
        }
        Ok(())
    }

    /// The ledger of its environment.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The same executor with another handle of the ledger, as one that acts for somebody.
    #[must_use]
    pub fn with_ledger(mut self, ledger: Ledger) -> Self {
        self.ledger = ledger;
        self
    }

    /// How many steps it has at work at the same time.
    pub fn parallel_steps(&self) -> usize {
        self.pace.parallel_steps
    }

    /// The same executor with so many steps at the same time.
    #[must_use]
    pub fn with_parallel_steps(mut self, parallel_steps: usize) -> Self {
        self.pace.parallel_steps = parallel_steps;
        self
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
        watcher: impl FnMut(Progress) + Send,
    ) -> Result<RunReport> {
        match self.begin(request, cancel).await? {
            Begun::UpToDate(report) => Ok(report),
            Begun::Run(run) => run.drive(watcher).await,
        }
    }

    /// Recovers what dead processes left, and records the run if there is anything to do. Its steps
    /// begin with [`OpenRun::drive`].
    ///
    /// Fails with `ledger.fire_taken` if a schedule's run was started already.
    pub async fn begin(&self, request: &RunRequest, cancel: &CancellationToken) -> Result<Begun> {
        let begun = Instant::now();
        self.recover().await?;
        // A source that cannot be asked fails its own step, not the run.
        let plan = self.plan(request).await.ok();
        if let Some(plan) = plan.as_ref().filter(|plan| plan.is_up_to_date()) {
            return Ok(Begun::UpToDate(nothing_to_do(plan, begun)));
        }
        let plan = serde_json::to_value(&plan).unwrap_or_default();
        let context = self.context(request, plan, cancel.child_token()).await?;
        let request = request.clone();
        Ok(Begun::Run(Box::new(OpenRun { executor: self.clone(), request, context, begun })))
    }

    /// Settles what dead processes left.
    pub async fn recover(&self) -> Result<()> {
        let Self { ledger, steps, logs, holder, pace } = self;
        recover(ledger, steps, logs, holder, pace.lease).await?;
        Ok(())
    }

    /// Records that a run begins.
    async fn context(
        &self,
        request: &RunRequest,
        plan: serde_json::Value,
        cancel: CancellationToken,
    ) -> Result<Context> {
        let cause = RunCause {
            command: request.cause.clone(),
            selection: request.selection.clone(),
            plan,
            fire: request.fire.clone(),
            by: request.by.clone(),
            trace_parent: request.trace_parent,
        };
        let run = self.ledger.begin_run(cause).await?;
        self.logs.begin_day();
        Ok(Context {
            run,
            ledger: self.ledger.clone(),
            holder: self.holder.clone(),
            lease: self.pace.lease,
            refresh: request.refresh,
            due_at: Arc::new(request.due_at.clone()),
            turns: Turns::default(),
            logs: self.logs.clone(),
            log: self.logs.of_run(run),
            cancel,
            hold: request.hold.clone(),
            trace_parent: request.trace_parent,
        })
    }

    /// Begins a run whose steps somebody else chooses and orders, after recovering what dead
    /// processes left.
    pub async fn direct(
        &self,
        request: &RunRequest,
        cancel: &CancellationToken,
    ) -> Result<DirectedRun> {
        self.recover().await?;
        let context = self.context(request, serde_json::Value::Null, cancel.clone()).await?;
        Ok(DirectedRun::new(context, self.steps.clone()))
    }

    /// Starts every selected step as soon as those before it have ended.
    pub(crate) async fn drive(
        &self,
        request: &RunRequest,
        context: &Context,
        watcher: &mut (impl FnMut(Progress) + Send),
    ) -> Result<Vec<StepReport>> {
        let selected = self.selected(request);
        let (progress, mut messages) = mpsc::channel(PROGRESS_MESSAGES_MAX);
        let slots = Slots::shared(self.pace.parallel_steps);
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
                steps: self.steps.clone(),
                slots: slots.clone(),
                progress: progress.clone(),
                due: request.due,
                asked_partitions: request.partitions.get(spec.asset()).cloned(),
                numbers: Numbers::default(),
                begun: OnceLock::new(),
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
            .project
            .iter()
            .filter(|step| request.selected.contains(step.spec().asset()))
            .cloned()
            .collect()
    }
}

fn nothing_to_do(plan: &Plan, begun: Instant) -> RunReport {
    let end = |decision: &Decision| match decision {
        Decision::Skip(reason) => (StepOutcome::Skipped, reason.clone()),
        _ => (StepOutcome::UpToDate, "up to date".to_owned()),
    };
    let steps = plan.entries.iter().map(|entry| (entry, end(&entry.decision)));
    let steps = steps.map(|(entry, (outcome, reason))| StepReport {
        asset: entry.asset.clone(),
        kind: entry.kind,
        outcome,
        reason,
        version: entry.version,
        stats: StepStats::default(),
        checks: Vec::new(),
        note: None,
        missing_columns: Vec::new(),
        error: None,
        millis: 0,
        attempts: 0,
        partitions: Vec::new(),
    });
    RunReport { run: None, steps: steps.collect(), millis: millis_since(begun) }
}

pub(crate) fn millis_since(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "flow_tests.rs"]
mod flow_tests;
#[cfg(test)]
#[path = "execute_tests.rs"]
mod tests;
