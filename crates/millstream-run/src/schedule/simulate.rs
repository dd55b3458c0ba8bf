//! What schedules do in a stretch of virtual time: the same decisions as a server takes, on a clock
//! that jumps from one moment to the next at which something happens.
//!
//! A run takes as long as it is told to, and at its end all that it makes has a new version. Ages
//! that assets may have start nothing here.

use std::collections::{BTreeMap, VecDeque};

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_project::Graph;
use millstream_project::schedule::TriggerKey;
use millstream_project::schedule::{Condition, Event, Happening, Period, Scenario, Schedule};
use serde::Serialize;

use super::decide::{Decision, How, Situation, Start, decide};
use super::due::Skipped;
use super::state::{Observed, ScheduleState, Seen, VersionAt};

/// The most runs of one simulation.
pub const SIMULATED_RUNS_MAX: usize = 100_000;

/// What schedules did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Simulated {
    /// The runs, in the order in which they began.
    pub runs: Vec<SimulatedRun>,
    /// The fires that began none.
    pub skipped: Vec<SimulatedSkip>,
    /// Whether it ended early, with [`SIMULATED_RUNS_MAX`] runs.
    pub cut_off: bool,
}

/// A run that a schedule began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SimulatedRun {
    /// The schedule.
    pub schedule: String,
    /// When it began.
    pub at: Timestamp,
    /// Why.
    pub cause: String,
}

/// Fires that began no run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedSkip {
    /// The schedule.
    pub schedule: String,
    /// Which, and why.
    pub skipped: Skipped,
}

/// Lets schedules act from the beginning of a scenario to its end.
pub fn simulate(graph: &Graph, schedules: &[Schedule], scenario: &Scenario) -> Simulated {
    let mut simulation = Simulation::new(graph, schedules, scenario);
    let mut happenings = scenario.happenings.iter().peekable();
    while simulation.now <= scenario.to && !simulation.found.cut_off {
        while let Some(happening) = happenings.next_if(|it| it.at <= simulation.now) {
            simulation.happen(happening);
        }
        simulation.settle();
        let next = happenings.peek().map(|happening| happening.at);
        let Some(next) = [next, simulation.next()].into_iter().flatten().min() else { break };
        simulation.now = next;
    }
    simulation.found
}

struct Simulation<'a> {
    graph: &'a Graph,
    now: Timestamp,
    watched: Vec<Watched<'a>>,
    versions: BTreeMap<AssetKey, VersionAt>,
    messages: BTreeMap<&'a str, u64>,
    /// Until when the server is away.
    down_until: Option<Timestamp>,
    found: Simulated,
}

/// A schedule and how it stands with it.
struct Watched<'a> {
    schedule: Schedule,
    takes: Option<&'a Period>,
    state: ScheduleState,
    seen: BTreeMap<TriggerKey, Seen>,
    requests: i64,
    /// When the run that is going ends.
    running: Option<Timestamp>,
    waiting: VecDeque<Start>,
    wake_at: Option<Timestamp>,
}

impl<'a> Simulation<'a> {
    fn new(graph: &'a Graph, schedules: &[Schedule], scenario: &'a Scenario) -> Self {
        let watched = schedules.iter().map(|schedule| Watched {
            schedule: schedule.clone(),
            takes: scenario.takes.get(&schedule.name),
            state: ScheduleState::default(),
            seen: BTreeMap::new(),
            requests: 0,
            running: None,
            waiting: VecDeque::new(),
            wake_at: None,
        });
        let mut simulation = Self {
            graph,
            now: scenario.from,
            watched: watched.collect(),
            versions: BTreeMap::new(),
            messages: BTreeMap::new(),
            down_until: None,
            found: Simulated::default(),
        };
        // What a schedule sees first is where it begins.
        simulation.settle();
        simulation
    }

    fn happen(&mut self, happening: &'a Happening) {
        let at = happening.at;
        match &happening.what {
            Event::Version(asset) => self.publish(asset.clone(), at),
            Event::Message(topic) => {
                let end = self.messages.entry(topic).or_default();
                *end += 1;
                let (position, what) = (*end as i64, format!("{end} messages"));
                let key = Condition::Topic(topic.clone()).key();
                self.watched.iter_mut().for_each(|watched| {
                    watched.seen.insert(key.clone(), Seen { position, at, what: what.clone() });
                });
            }
            Event::File(path) => {
                self.watched.iter_mut().for_each(|watched| watched.file(path, at));
            }
            // Nobody answers it while the server is away.
            Event::Request(_) if self.down_until.is_some() => {}
            Event::Request(name) => self.each(name, |watched| watched.request(at)),
            Event::Paused(name) => self.each(name, |watched| watched.schedule.paused = true),
            Event::Resumed(name) => self.each(name, |watched| watched.schedule.paused = false),
            Event::Down(period) => {
                self.down_until = Some(Timestamp::from_micros(at.as_micros() + period.micros()));
                self.watched.iter_mut().for_each(|watched| watched.running = None);
            }
        }
    }

    fn each(&mut self, name: &str, change: impl Fn(&mut Watched<'a>)) {
        self.watched.iter_mut().filter(|it| it.schedule.name == name).for_each(change);
    }

    fn publish(&mut self, asset: AssetKey, at: Timestamp) {
        let version = self.versions.get(&asset).map_or(0, |version| version.version) + 1;
        self.versions.insert(asset, VersionAt { version, at });
    }

    /// Ends, decides and begins until nothing more happens at this moment.
    fn settle(&mut self) {
        if self.down_until.is_some_and(|until| self.now < until) {
            return;
        }
        self.down_until = None;
        loop {
            self.end_runs();
            let began = (0..self.watched.len()).filter(|&place| self.decide(place)).count();
            self.found.cut_off = self.found.runs.len() >= SIMULATED_RUNS_MAX;
            if began == 0 || self.found.cut_off {
                return;
            }
        }
    }

    fn end_runs(&mut self) {
        let now = self.now;
        let mut made = Vec::new();
        for watched in &mut self.watched {
            if watched.running.take_if(|ends_at| *ends_at <= now).is_some() {
                let nodes = watched.schedule.assets.iter().filter_map(|it| self.graph.node(it));
                made.extend(nodes.flat_map(|node| node.outputs.iter().cloned()));
            }
        }
        for asset in made {
            self.publish(asset, now);
        }
    }

    /// Lets one schedule decide; tells whether a run began.
    fn decide(&mut self, place: usize) -> bool {
        let watched = &mut self.watched[place];
        let observed = Observed { now: self.now, seen: &watched.seen, versions: &self.versions };
        let (running, queued) = (usize::from(watched.running.is_some()), watched.waiting.len());
        let situation = Situation { observed, running, queued };
        let Decision { starts, skipped, state, wake_at, .. } =
            decide(&watched.schedule, &watched.state, &situation);
        (watched.state, watched.wake_at) = (state, wake_at);
        let schedule = watched.schedule.name.clone();
        let skips = skipped.into_iter();
        self.found
            .skipped
            .extend(skips.map(|skipped| SimulatedSkip { schedule: schedule.clone(), skipped }));
        let Some(begun) = watched.begin(starts, self.now) else { return false };
        self.found.runs.push(SimulatedRun { schedule, at: self.now, cause: begun.cause });
        true
    }

    /// The next moment at which the clock alone changes something.
    fn next(&self) -> Option<Timestamp> {
        if self.down_until.is_some() {
            return self.down_until;
        }
        let moments = self.watched.iter().flat_map(|it| [it.running, it.wake_at]);
        // What is to be decided again at once is decided.
        let soonest = Timestamp::from_micros(self.now.as_micros() + 1);
        moments.flatten().map(|at| at.max(soonest)).min()
    }
}

impl Watched<'_> {
    fn file(&mut self, path: &str, at: Timestamp) {
        for leaf in self.schedule.condition.leaves() {
            let Condition::File(pattern) = leaf else { continue };
            if glob::Pattern::new(pattern).is_ok_and(|pattern| pattern.matches(path)) {
                let seen = Seen { position: at.as_micros(), at, what: path.to_owned() };
                self.seen.insert(leaf.key(), seen);
            }
        }
    }

    fn request(&mut self, at: Timestamp) {
        self.requests += 1;
        for leaf in self.schedule.condition.leaves() {
            if let Condition::Webhook { .. } = leaf {
                let seen = Seen { position: self.requests, at, what: "a request".to_owned() };
                self.seen.insert(leaf.key(), seen);
            }
        }
    }

    /// Begins what may begin, one run after another.
    fn begin(&mut self, starts: Vec<Start>, now: Timestamp) -> Option<Start> {
        for start in starts {
            if start.how == How::CancelOthers {
                self.running = None;
                self.waiting.clear();
            }
            self.waiting.push_back(start);
        }
        if self.running.is_some() {
            return None;
        }
        let begun = self.waiting.pop_front()?;
        let takes = self.takes.map_or(0, |period| period.micros());
        self.running = Some(Timestamp::from_micros(now.as_micros() + takes));
        Some(begun)
    }
}
