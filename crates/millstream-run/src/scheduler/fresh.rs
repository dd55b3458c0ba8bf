//! Keeps assets as fresh as their `fresh_within` asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millstream_core::AssetKey;
use millstream_core::clock::{Clock, Timestamp};
use millstream_core::error::Result;
use millstream_ledger::Ledger;
use millstream_project::{Depth, Graph};

use crate::conductor::{Conductor, Started};
use crate::execute::RunRequest;
use crate::schedule::{FreshnessRun, StepHistory, deadlines, due_for_freshness, typical};

/// How often targets are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// The pause of a target whose run did not succeed.
const RETRY_PAUSE: Duration = Duration::from_mins(1);
/// The latest versions of an asset that say how long its step takes.
const VERSIONS_MAX: usize = 20;

/// Starts the runs that targets ask for.
#[derive(Debug)]
pub(super) struct Freshness {
    ledger: Ledger,
    conductor: Conductor,
    clock: Clock,
    graph: Graph,
    /// All that some target rests on, the targets included.
    watched: BTreeSet<AssetKey>,
    looked_at: Option<Timestamp>,
    known: Arc<Mutex<Known>>,
}

/// What the runs of this process found.
#[derive(Debug, Default)]
struct Known {
    /// When a run began that found the asset up to date, which leaves no record.
    up_to_date: BTreeMap<AssetKey, Timestamp>,
    /// Targets whose run is going.
    going: BTreeSet<AssetKey>,
    /// Targets that rest, and until when.
    rests: BTreeMap<AssetKey, Timestamp>,
}

/// What a scheduler found fresh without a record: a run that finds nothing to do leaves none.
#[derive(Debug, Clone, Default)]
pub struct FoundFresh(Arc<Mutex<Known>>);

impl FoundFresh {
    /// When the runs began that found so.
    pub fn moments(&self) -> BTreeMap<AssetKey, Timestamp> {
        lock(&self.0).up_to_date.clone()
    }
}

impl Freshness {
    /// What it finds, from now on too.
    pub(super) fn found(&self) -> FoundFresh {
        FoundFresh(Arc::clone(&self.known))
    }

    pub(super) fn new(ledger: Ledger, conductor: Conductor, clock: Clock, graph: Graph) -> Self {
        let targets = graph.nodes().iter().filter(|node| node.fresh_within.is_some());
        let mut watched = BTreeSet::new();
        for target in targets.map(|node| node.asset().clone()) {
            watched.extend(graph.upstream(&target, Depth::All));
            watched.insert(target);
        }
        let (looked_at, known) = (None, Arc::default());
        Self { ledger, conductor, clock, graph, watched, looked_at, known }
    }

    /// Whether no asset has a target.
    pub(super) fn is_idle(&self) -> bool {
        self.watched.is_empty()
    }

    /// Starts what must start now so that targets are kept.
    pub(super) fn look(&mut self) -> Result<()> {
        let now = self.clock.now();
        let pause = LOOK.as_micros() as i64;
        if self.is_idle() || self.looked_at.is_some_and(|at| now.micros_since(at).abs() < pause) {
            return Ok(());
        }
        let is_first = self.looked_at.replace(now).is_none();
        let history = self.history()?;
        if is_first {
            self.warn_of_impossible(&history, now);
        }
        for run in due_for_freshness(&self.graph, &history, now) {
            let mut known = lock(&self.known);
            let rests = known.rests.get(&run.target).is_some_and(|until| now < *until);
            if !rests && known.going.insert(run.target.clone()) {
                drop(known);
                self.begin(run, now);
            }
        }
        Ok(())
    }

    /// Tells of targets that cannot be kept.
    fn warn_of_impossible(&self, history: &StepHistory, now: Timestamp) {
        for impossible in deadlines(&self.graph, history, now).infeasible {
            let way: Vec<&str> = impossible.way.iter().map(|asset| asset.name.as_str()).collect();
            let (target, within) = (&impossible.target.name, impossible.fresh_within);
            let seconds = impossible.takes / 1_000_000;
            let way = way.join(", ");
            tracing::warn!("{target} cannot be fresh within {within}: {way} take {seconds} s");
        }
    }

    fn history(&self) -> Result<StepHistory> {
        let known = lock(&self.known);
        let mut history = StepHistory::default();
        for asset in &self.watched {
            let times = self.ledger.step_times(asset, VERSIONS_MAX)?;
            history.takes.extend(typical(&times.took).map(|micros| (asset.clone(), micros)));
            let as_of = times.as_of.max(known.up_to_date.get(asset).copied());
            history.as_of.extend(as_of.map(|at| (asset.clone(), at)));
        }
        Ok(history)
    }

    fn begin(&self, run: FreshnessRun, now: Timestamp) {
        tracing::info!(cause = run.cause, "a run is due");
        let cause = format!("fresh_within of {}", run.target.name);
        let request = RunRequest { due_at: run.start_by, ..RunRequest::new(cause, run.assets) };
        let (conductor, clock) = (self.conductor.clone(), self.clock.clone());
        let known = Arc::clone(&self.known);
        tokio::spawn(async move {
            let fresh = fresh_after(&conductor, &request).await;
            let mut known = lock(&known);
            known.going.remove(&run.target);
            if !fresh.contains(&run.target) {
                let pause = RETRY_PAUSE.as_micros() as i64;
                let until = Timestamp::from_micros(clock.now().as_micros() + pause);
                known.rests.insert(run.target, until);
            }
            known.up_to_date.extend(fresh.into_iter().map(|asset| (asset, now)));
        });
    }
}

/// Runs it, and gives the assets that are up to date after it.
async fn fresh_after(conductor: &Conductor, request: &RunRequest) -> BTreeSet<AssetKey> {
    match conductor.start(request).await {
        Ok(Started::UpToDate) => request.selected.clone(),
        Ok(Started::Run(_, ended)) => {
            let steps = ended.await.map(|report| report.steps).unwrap_or_default();
            let fresh = steps.into_iter().filter(|step| step.outcome.lets_pass());
            fresh.map(|step| step.asset).collect()
        }
        Err(error) => {
            tracing::warn!(cause = request.cause, %error, "a run could not begin");
            BTreeSet::new()
        }
    }
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}
