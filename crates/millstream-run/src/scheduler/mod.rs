//! Starts what is due, on time: the loop of a server around [`crate::schedule`].
//!
//! What a schedule decides is written to the ledger as a whole, with the runs that it has to start;
//! those wait there until one server begins them. So a server may die at any point, and several may
//! look after the same schedules: each fire has one run.

mod fresh;
mod start;
mod world;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use millstream_core::clock::{Clock, Timestamp};
use millstream_core::error::Result;
use millstream_core::topic::Topic;
use millstream_ledger::{
    Fire, FireDecision, Ledger, LedgerError, NewFire, RunState, ScheduleRecord, SkippedFires,
};
use millstream_project::Graph;
use millstream_project::schedule::{Condition, Schedule, TriggerKey};
use tokio_util::sync::CancellationToken;

pub use self::fresh::FoundFresh;

use self::fresh::Freshness;
use self::start::Starter;
use self::world::{Found, World};
use crate::conductor::Conductor;
use crate::schedule::{Decision, Observed, ScheduleState, Seen, Situation, decide};

/// How often triggers from outside and what other processes did are looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How often runs of other processes are looked at, whether those still live.
const MARK: Duration = Duration::from_secs(10);

/// What a scheduler is given.
#[derive(Debug, Clone)]
pub struct SchedulerConfig {
    /// The project's folder, where patterns of files start.
    pub root: PathBuf,
    /// What runs by itself.
    pub schedules: Vec<Schedule>,
    /// The steps, some of which may say how old their assets may become.
    pub graph: Graph,
    /// The topics that schedules watch.
    pub topics: Vec<Arc<dyn Topic>>,
    /// The time.
    pub clock: Clock,
}

/// Looks after the schedules of a project.
#[derive(Debug)]
pub struct Scheduler {
    ledger: Ledger,
    clock: Clock,
    watched: Vec<Watched>,
    world: World,
    starter: Starter,
    fresh: Freshness,
}

/// A schedule and when to decide over it again.
#[derive(Debug)]
struct Watched {
    schedule: Schedule,
    /// Whether only the clock and people can make it due.
    only_time: bool,
    /// What was known when it was decided last.
    record: Option<ScheduleRecord>,
    /// What its file says; people may say otherwise.
    declared_paused: bool,
    wake_at: Option<Timestamp>,
}

impl Scheduler {
    /// One that has not begun.
    pub fn new(ledger: Ledger, conductor: Conductor, config: SchedulerConfig) -> Self {
        let SchedulerConfig { root, schedules, graph, topics, clock } = config;
        let fresh = Freshness::new(ledger.clone(), conductor.clone(), clock.clone(), graph);
        let world = World::new(ledger.clone(), clock.clone(), root, topics, &schedules);
        let starter = Starter::new(ledger.clone(), conductor);
        let watched = schedules.into_iter().map(Watched::new).collect();
        Self { ledger, clock, watched, world, starter, fresh }
    }

    /// Remembers from where triggers count that were not there before: what comes after this
    /// counts. A server does so before it takes the first request.
    pub async fn begin(&self) -> Result<()> {
        let records = self.ledger.schedules()?;
        let found = self.world.look().await?;
        let mut begun = Vec::new();
        for Watched { schedule, .. } in &self.watched {
            let record = records.get(&schedule.name).cloned().unwrap_or_default();
            let seen = found.seen(schedule, &record);
            let now = self.clock.now();
            let observed = Observed { now, seen: &seen, versions: &found.versions };
            let (before, mut state) = (remembered(&record), remembered(&record));
            state.adopt(&schedule.condition, &observed);
            if state != before {
                begun.push((
                    schedule.name.clone(),
                    FireDecision {
                        from: record.state,
                        to: serde_json::to_value(&state).unwrap_or_default(),
                        starts: Vec::new(),
                        skipped: Vec::new(),
                    },
                ));
            }
        }
        self.write_down(begun).await
    }

    /// What it finds fresh without a record, also later.
    pub fn found_fresh(&self) -> FoundFresh {
        self.fresh.found()
    }

    /// Starts what is due until told to stop; runs that are going are not its concern then.
    pub async fn run(mut self, stop: CancellationToken) {
        if self.watched.is_empty() && self.fresh.is_idle() {
            return;
        }
        let mut marked: Option<Timestamp> = None;
        while !stop.is_cancelled() {
            let now = self.clock.now();
            if marked.is_none_or(|at| now.micros_since(at).unsigned_abs() > micros(MARK)) {
                marked = Some(now);
                if let Err(error) = self.ledger.mark_interrupted().await {
                    tracing::warn!(%error, "dead runs cannot be marked");
                }
            }
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "schedules cannot be decided now");
            }
            tokio::select! {
                () = tokio::time::sleep(self.pause()) => {}
                () = self.starter.changed() => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// What a schedule would start now, and why; `None` if there is no such schedule. Nothing is
    /// started or written.
    pub async fn explain(mut self, schedule: &str) -> Result<Option<Decision>> {
        let records = self.ledger.schedules()?;
        let found = self.world.look().await?;
        let live = by_schedule(self.ledger.live_fires()?);
        let watched = self.watched.iter_mut().find(|it| it.schedule.name == schedule);
        let Some(watched) = watched else { return Ok(None) };
        let record = records.get(schedule).cloned().unwrap_or_default();
        let live = live.get(schedule).map(Vec::as_slice).unwrap_or_default();
        let seen = found.seen(&watched.schedule, &record);
        let situation = situation(&found, &seen, live, self.clock.now());
        Ok(Some(watched.decision(&record, &situation)))
    }

    /// Decides over every schedule once, and starts the runs that wait.
    async fn look(&mut self) -> Result<()> {
        self.fresh.look()?;
        let records = self.ledger.schedules()?;
        let found = self.world.look().await?;
        let live = by_schedule(self.ledger.live_fires()?);
        let mut decisions = Vec::new();
        for watched in &mut self.watched {
            let name = &watched.schedule.name;
            let record = records.get(name).cloned().unwrap_or_default();
            if !watched.is_quiet(&record, self.clock.now()) {
                let live = live.get(name).map(Vec::as_slice).unwrap_or_default();
                let seen = found.seen(&watched.schedule, &record);
                let situation = situation(&found, &seen, live, self.clock.now());
                decisions.extend(watched.decide(record, &situation));
            }
        }
        let live = if decisions.is_empty() {
            live
        } else {
            self.write_down(decisions).await?;
            by_schedule(self.ledger.live_fires()?)
        };
        for watched in &self.watched {
            if let Some(fires) = live.get(&watched.schedule.name) {
                self.starter.start(&watched.schedule, fires).await?;
            }
        }
        Ok(())
    }

    /// Writes down what schedules decided, all of it with few syncs.
    async fn write_down(&self, decisions: Vec<(String, FireDecision)>) -> Result<()> {
        let write = |(schedule, decision): (String, FireDecision)| async move {
            self.ledger.decide_schedule(&schedule, decision).await
        };
        for written in join_all(decisions.into_iter().map(write)).await {
            match written {
                // Another server decided; its decision is seen at the next look.
                Ok(()) | Err(LedgerError::FireTaken { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Until the next time of a schedule, at most until the next look.
    fn pause(&self) -> Duration {
        let now = self.clock.now();
        let next = self.watched.iter().filter_map(|watched| watched.wake_at).min();
        let left = next.map(|at| Duration::from_micros(at.micros_since(now).max(0).unsigned_abs()));
        left.unwrap_or(LOOK).min(LOOK)
    }
}

impl Watched {
    fn new(schedule: Schedule) -> Self {
        let leaves = schedule.condition.leaves();
        let only_time = leaves.iter().all(|leaf| matches!(leaf, Condition::Time(_)));
        let declared_paused = schedule.paused;
        Self { schedule, only_time, declared_paused, record: None, wake_at: None }
    }

    /// Whether nothing can have become due since it was decided.
    fn is_quiet(&self, record: &ScheduleRecord, now: Timestamp) -> bool {
        self.only_time
            && self.record.as_ref() == Some(record)
            && self.wake_at.is_some_and(|at| now < at)
    }

    fn decision(&mut self, record: &ScheduleRecord, situation: &Situation<'_>) -> Decision {
        self.schedule.paused = record.paused.unwrap_or(self.declared_paused);
        decide(&self.schedule, &remembered(record), situation)
    }

    /// Decides, and gives what is to be written down, if anything. It then decides anew over what
    /// was written.
    fn decide(
        &mut self,
        record: ScheduleRecord,
        situation: &Situation<'_>,
    ) -> Option<(String, FireDecision)> {
        let decision = self.decision(&record, situation);
        self.wake_at = decision.wake_at;
        let written = to_write(&record, &decision);
        self.record = if written.is_none() { Some(record) } else { None };
        written.map(|written| (self.schedule.name.clone(), written))
    }
}

fn situation<'a>(
    found: &'a Found,
    seen: &'a BTreeMap<TriggerKey, Seen>,
    live: &[Fire],
    now: Timestamp,
) -> Situation<'a> {
    let observed = Observed { now, seen, versions: &found.versions };
    let running = live.iter().filter(|fire| is_running(fire)).count();
    Situation { observed, running, queued: live.len() - running }
}

/// What the schedule remembers; nothing if that was written by a version that kept it otherwise.
fn remembered(record: &ScheduleRecord) -> ScheduleState {
    let state = record.state.clone();
    state.and_then(|state| serde_json::from_value(state).ok()).unwrap_or_default()
}

/// What is to be written down, if anything.
fn to_write(record: &ScheduleRecord, decision: &Decision) -> Option<FireDecision> {
    let idle = decision.starts.is_empty() && decision.skipped.is_empty();
    if idle && decision.state == remembered(record) {
        return None;
    }
    let starts = decision.starts.iter().map(|start| NewFire {
        fire: start.key.clone(),
        at: start.at,
        cause: start.cause.clone(),
    });
    let skipped = decision
        .skipped
        .iter()
        .map(|skipped| SkippedFires { last: skipped.last, reason: skipped.to_string() });
    Some(FireDecision {
        from: record.state.clone(),
        to: serde_json::to_value(&decision.state).unwrap_or_default(),
        starts: starts.collect(),
        skipped: skipped.collect(),
    })
}

fn by_schedule(fires: Vec<Fire>) -> BTreeMap<String, Vec<Fire>> {
    let mut by: BTreeMap<String, Vec<Fire>> = BTreeMap::new();
    for fire in fires {
        by.entry(fire.schedule.clone()).or_default().push(fire);
    }
    by
}

fn is_running(fire: &Fire) -> bool {
    fire.run_state == Some(RunState::Running)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
