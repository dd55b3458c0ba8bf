//! What makes a partition due.

use std::time::Duration;

use millstream_core::execution::Execution;
use millstream_core::id::{AttemptId, RunId};
use millstream_core::partition::{Grain, PartitionedBy, TimePartitions};
use millstream_core::step::{Edge, Prints, Receipt, StepKind, StepStats};
use serde_json::Value;

use super::*;
use crate::testing::asset;

/// 2026-01-04 12:00 UTC.
const NOW: Timestamp = Timestamp::from_micros(1_767_528_000_000_000);

fn by_time(grain: Grain) -> Partitions {
    let time = TimePartitions::new(grain, "2026-01-01", None, None, 1).expect("it is right");
    Partitions { column: "at".to_owned(), by: PartitionedBy::Time(time) }
}

fn spec(name: &str, definition: &str, grain: Grain, inputs: &[&str]) -> StepSpec {
    StepSpec {
        kind: StepKind::Model,
        outputs: vec![asset(name)],
        inputs: inputs.iter().map(|name| Input { asset: asset(name), edge: Edge::Data }).collect(),
        definition: ContentHash::of(definition.as_bytes()),
        timeout: Duration::from_mins(1),
        execution: Execution::default(),
        partitions: Some(by_time(grain)),
        flow: millstream_core::flow::Flow::default(),
    }
}

/// An environment of which every part can be set.
struct Place {
    versions: BTreeMap<AssetKey, AssetVersion>,
    divisions: BTreeMap<AssetKey, Partitions>,
    divided: Divided,
    now: Timestamp,
}

impl Place {
    fn new(specs: &[&StepSpec]) -> Self {
        let divisions =
            specs.iter().filter_map(|spec| Some((spec.asset().clone(), spec.partitions.clone()?)));
        let divided = Divided::default();
        Self { versions: BTreeMap::new(), divisions: divisions.collect(), divided, now: NOW }
    }

    fn world(&self) -> World<'_> {
        let (versions, divisions, divided) = (&self.versions, &self.divisions, &self.divided);
        World { versions, divisions, divided, now: self.now }
    }

    /// An asset gets another version.
    fn publish(&mut self, name: &str) {
        let version = self.versions.get(&asset(name)).map_or(1, |version| version.version + 1);
        let hash = ContentHash::of(name.as_bytes());
        let published = AssetVersion {
            asset: asset(name),
            version,
            sequence: version,
            memo_key: hash,
            definition: hash,
            basis: ContentHash::of(version.to_string().as_bytes()),
            probe: None,
            inputs: Vec::new(),
            checkpoint: None,
            receipt: Receipt { version, detail: Value::Null },
            stats: StepStats::default(),
            checks: Vec::new(),
            note: None,
            run: RunId::new(),
            attempt: AttemptId::new(),
            at: self.now,
            rekeyed: None,
        };
        self.versions.insert(asset(name), published);
    }

    /// The rows of an input have these fingerprints.
    fn print(&mut self, input: &str, prints: &[(&str, &str)]) {
        let prints = prints
            .iter()
            .map(|(key, print)| (PartitionKey::new(*key), ContentHash::of(print.as_bytes())));
        let prints: Prints = prints.collect();
        self.divided.prints.get_or_insert_default().insert(asset(input), prints);
    }

    fn plan(&self, spec: &StepSpec) -> PartitionPlan {
        self.plan_with(spec, Refresh::Incremental, &Changing::new())
    }

    fn plan_with(&self, spec: &StepSpec, refresh: Refresh, changing: &Changing) -> PartitionPlan {
        let partitions = spec.partitions.as_ref().expect("it is divided");
        decide(spec, partitions, self.world(), refresh, changing, None)
    }

    /// Makes what is due, as the executor would. Gives what that was.
    fn make(&mut self, spec: &StepSpec) -> Vec<String> {
        let partitions = spec.partitions.as_ref().expect("it is divided");
        let plan = self.plan(spec);
        let recalled = recalled(spec, partitions, self.world(), &plan);
        let memos: Vec<(PartitionKey, Memo)> = plan
            .due
            .iter()
            .map(|due| due.partition.clone())
            .map(|key| (key.clone(), memo_of(spec, partitions, self.world(), &key)))
            .collect();
        let names = memos.iter().map(|(key, _)| key.to_string()).collect();
        for (key, memo) in memos {
            self.publish(spec.asset().name.trim_start_matches("main."));
            let version = self.versions[spec.asset()].version;
            let record = PartitionRecord {
                version,
                sequence: version,
                rows: 1,
                memo,
                attempt: AttemptId::new(),
                at: self.now,
            };
            self.divided.records.entry(spec.asset().clone()).or_default().insert(key, record);
        }
        for (key, memo) in recalled {
            let of_asset = self.divided.records.get_mut(spec.asset()).expect("they were made");
            of_asset.get_mut(&key).expect("it was made").memo = memo;
        }
        self.divided.prints = None;
        names
    }
}

const DAYS: [&str; 4] = ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"];

#[test]
fn new_ones_are_made_once_and_each_day_there_is_another() {
    let days = spec("days", "select 1", Grain::Day, &[]);
    let mut place = Place::new(&[&days]);
    assert_eq!(place.make(&days), DAYS);
    assert_eq!(place.make(&days), [""; 0]);
    place.now = Timestamp::from_micros(NOW.as_micros() + 86_400_000_000);
    assert_eq!(place.make(&days), ["2026-01-05"]);
}

#[test]
fn rows_that_changed_make_their_own_partition_due() {
    let days = spec("days", "select 1", Grain::Day, &["raw"]);
    let mut place = Place::new(&[&days]);
    place.publish("raw");
    place.print("raw", &[("2026-01-01", "a"), ("2026-01-02", "b")]);
    assert_eq!(place.make(&days), DAYS);
    place.publish("raw");
    place.print("raw", &[("2026-01-01", "a"), ("2026-01-02", "late")]);
    let plan = place.plan(&days);
    assert_eq!(
        plan.due,
        [DuePartition { partition: PartitionKey::new("2026-01-02"), reason: PartReason::Rows }]
    );
    assert_eq!(place.make(&days), ["2026-01-02"]);
    // Nothing has changed since, so that nobody looks at the rows again.
    assert_eq!(place.make(&days), [""; 0]);
    place.publish("raw");
    place.print("raw", &[("2026-01-01", "a"), ("2026-01-02", "late"), ("2026-01-04", "d")]);
    assert_eq!(place.make(&days), ["2026-01-04"]);
}

#[test]
fn only_young_ones_mind_what_changed_nobody_knows_where() {
    let days = spec("days", "select 1", Grain::Day, &["rates"]);
    let mut place = Place::new(&[&days]);
    place.publish("rates");
    place.divided.prints = Some(BTreeMap::new());
    assert_eq!(place.make(&days), DAYS);
    place.publish("rates");
    place.divided.prints = Some(BTreeMap::new());
    assert_eq!(place.make(&days), ["2026-01-03", "2026-01-04"]);
    // What grows old keeps what it was made from.
    place.now = Timestamp::from_micros(NOW.as_micros() + 10 * 86_400_000_000);
    place.divided.prints = Some(BTreeMap::new());
    assert_eq!(place.make(&days).len(), 10, "the new ones alone");
}

#[test]
fn a_month_is_due_when_one_of_its_days_changed() {
    let days = spec("days", "select 1", Grain::Day, &["raw"]);
    let months = spec("months", "select 2", Grain::Month, &["days"]);
    let mut place = Place::new(&[&days, &months]);
    place.publish("raw");
    place.print("raw", &[]);
    place.make(&days);
    assert_eq!(place.make(&months), ["2026-01"]);
    assert_eq!(place.make(&months), [""; 0]);
    place.publish("raw");
    place.print("raw", &[("2026-01-02", "late")]);
    let change = place.plan(&days).change().expect("a day is due");
    let changing = Changing::from([(asset("days"), change)]);
    let planned = place.plan_with(&months, Refresh::Incremental, &changing);
    assert_eq!(planned.described(), "partition 2026-01: main.days will change");
    place.make(&days);
    assert_eq!(place.make(&months), ["2026-01"]);
}

#[test]
fn a_changed_definition_makes_no_past_partition_due() {
    let days = spec("days", "select 1", Grain::Day, &[]);
    let mut place = Place::new(&[&days]);
    place.make(&days);
    let changed = spec("days", "select 2", Grain::Day, &[]);
    let plan = place.plan(&changed);
    assert_eq!((plan.due.len(), plan.older, plan.total), (1, 3, 4));
    assert_eq!(plan.due[0].reason, PartReason::Definition, "the one that is going on");
    assert_eq!(place.make(&changed), ["2026-01-04"]);
    assert_eq!(place.plan(&changed).due, []);
    let all = place.plan_with(&changed, Refresh::Full, &Changing::new());
    assert_eq!((all.due.len(), all.older), (4, 0));
}

#[test]
fn what_will_change_nobody_knows_where_is_decided_later() {
    let days = spec("days", "select 1", Grain::Day, &["raw"]);
    let mut place = Place::new(&[&days]);
    place.publish("raw");
    place.print("raw", &[]);
    place.make(&days);
    let changing = Changing::from([(asset("raw"), Change::Whole)]);
    let plan = place.plan_with(&days, Refresh::Incremental, &changing);
    assert_eq!((plan.due.len(), plan.undecided.as_ref()), (0, Some(&asset("raw"))));
    assert_eq!(plan.described(), "main.raw will change");
    assert_eq!(plan.change(), Some(Change::Whole));
}
