//! Conditions over several triggers, against a plain reading of what they mean.

use std::collections::BTreeMap;

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_project::schedule::Condition;

use super::super::{
    Decision, Observed, ScheduleState, Seen, Situation, VersionAt, decide, evaluate,
};
use super::{Random, at, later, schedule};

#[test]
fn an_explanation_says_what_is_there_and_what_is_missing() {
    let schedule = schedule(
        "all_of: [{asset: orders}, {cron: \"0 6 * * *\", }, {any_of: [{asset: page, newer_than: orders}, {file: in/*.csv}]}], zone: Europe/Paris, select: report",
    );
    let mut world = World { now: at("2026-11-21T04:00:00Z"), ..World::default() };
    world.publish("orders", "2026-11-20T23:00:00Z");
    let state = world.decide(&schedule, &ScheduleState::default()).state;
    world.publish("orders", "2026-11-21T04:30:00Z");
    world.now = at("2026-11-21T05:30:00Z");
    let decision = world.decide(&schedule, &state);
    assert_eq!(decision.starts, []);
    assert_eq!(
        decision.why.to_string(),
        "no  all of: 2 of 3
  yes a new version of main.orders: it has version 2 of 2026-11-21T04:30:00Z
  yes 0 6 * * * Europe/Paris: it was 2026-11-21 06:00:00 +01:00
  no  any of: 0 of 2
    no  main.page is newer than main.orders: main.page has no version yet
    no  a file `in/*.csv`: nothing has come yet
"
    );
    world.come(&schedule, "file:in/*.csv", "in/a.csv", "2026-11-21T05:20:00Z");
    let decision = world.decide(&schedule, &state);
    let [start] = decision.starts.as_slice() else { panic!("one run starts") };
    assert_eq!(start.at, at("2026-11-21T05:20:00Z"));
    assert_eq!(
        start.cause,
        "it has version 2 of 2026-11-21T04:30:00Z; it was 2026-11-21 06:00:00 +01:00; in/a.csv came \
         at 2026-11-21T05:20:00Z"
    );
    assert_eq!(world.decide(&schedule, &decision.state).starts, [], "all of it is handled");
}

#[test]
fn one_asset_newer_than_another_starts_once_for_each_version() {
    let schedule = schedule("asset: orders, newer_than: report, select: report");
    let mut world = World { now: at("2026-11-21T04:00:00Z"), ..World::default() };
    world.publish("orders", "2026-11-21T01:00:00Z");
    let first = world.decide(&schedule, &ScheduleState::default());
    assert_eq!(first.starts.len(), 1, "it is newer, whenever it became so");
    let again = world.decide(&schedule, &first.state);
    assert_eq!(again.starts, [], "the run has not ended yet");
    world.publish("report", "2026-11-21T05:00:00Z");
    world.publish("orders", "2026-11-21T04:00:00Z");
    assert_eq!(world.decide(&schedule, &again.state).starts, [], "the report is newer");
    world.publish("orders", "2026-11-21T06:00:00Z");
    assert_eq!(world.decide(&schedule, &again.state).starts.len(), 1);
}

/// Random trees over ten topics, evaluated after random messages.
#[test]
fn conditions_mean_what_their_words_say() {
    for seed in 0..500 {
        let mut random = Random(seed);
        let condition = tree(&mut random, 3);
        let empty = World::default();
        let mut state = ScheduleState::default();
        state.adopt(&condition, &empty.observed());
        let mut world = World { now: at("2026-11-21T00:00:00Z"), ..World::default() };
        for topic in 0..10 {
            if random.below(2) == 1 {
                let when = later(world.now, -random.below(1000) - 1);
                let key = Condition::Topic(format!("t{topic}")).key();
                let seen = Seen { position: 1, at: when, what: String::new() };
                world.seen.insert(key, seen);
            }
        }
        let explained = evaluate(&condition, &state, &world.observed());
        assert_eq!(explained.since, plain(&condition, &world), "seed {seed}: {condition:?}");
    }
}

fn tree(random: &mut Random, depth: usize) -> Condition {
    let parts = |random: &mut Random| {
        let count = 1 + random.below(3);
        (0..count).map(|_| tree(random, depth - 1)).collect()
    };
    match random.below(if depth == 0 { 1 } else { 3 }) {
        0 => Condition::Topic(format!("t{}", random.below(10))),
        1 => Condition::AllOf(parts(random)),
        _ => Condition::AnyOf(parts(random)),
    }
}

/// Since when it holds: the last of all, or the first of any.
fn plain(condition: &Condition, world: &World) -> Option<Timestamp> {
    match condition {
        Condition::AllOf(parts) => {
            let all: Option<Vec<_>> = parts.iter().map(|part| plain(part, world)).collect();
            all?.into_iter().max()
        }
        Condition::AnyOf(parts) => parts.iter().filter_map(|part| plain(part, world)).min(),
        leaf => world.seen.get(&leaf.key()).map(|seen| seen.at),
    }
}

/// The world around a schedule.
pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) running: usize,
    pub(super) queued: usize,
    pub(super) seen: BTreeMap<millstream_project::schedule::TriggerKey, Seen>,
    pub(super) versions: BTreeMap<AssetKey, VersionAt>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            now: at("2026-11-21T00:00:00Z"),
            running: 0,
            queued: 0,
            seen: BTreeMap::new(),
            versions: BTreeMap::new(),
        }
    }
}

impl World {
    fn observed(&self) -> Observed<'_> {
        Observed { now: self.now, seen: &self.seen, versions: &self.versions }
    }

    pub(super) fn decide(
        &self,
        schedule: &millstream_project::schedule::Schedule,
        state: &ScheduleState,
    ) -> Decision {
        let (running, queued) = (self.running, self.queued);
        decide(schedule, state, &Situation { observed: self.observed(), running, queued })
    }

    /// A model has a new version.
    pub(super) fn publish(&mut self, model: &str, when: &str) {
        let key: AssetKey = format!("table:main.{model}").parse().unwrap();
        let version = self.versions.get(&key).map_or(1, |found| found.version + 1);
        self.versions.insert(key, VersionAt { version, at: at(when) });
    }

    /// Something comes for the trigger of this key.
    fn come(
        &mut self,
        schedule: &millstream_project::schedule::Schedule,
        key: &str,
        what: &str,
        when: &str,
    ) {
        let keys = schedule.condition.leaves().into_iter().map(Condition::key);
        let key = keys.into_iter().find(|it| it.to_string() == key).unwrap();
        let position = self.seen.get(&key).map_or(1, |seen| seen.position + 1);
        self.seen.insert(key, Seen { position, at: at(when), what: what.to_owned() });
    }
}
