//! What makes a step due.

use millstream_core::clock::Timestamp;
use millstream_core::id::{AttemptId, RunId};
use millstream_core::step::{Receipt, StepStats};
use std::time::Duration;

use super::*;

fn table(name: &str) -> AssetKey {
    format!("table:main.{name}").parse().expect("a key")
}

fn spec(
    asset: AssetKey,
    kind: StepKind,
    definition: &str,
    inputs: &[(AssetKey, Edge)],
) -> StepSpec {
    StepSpec {
        kind,
        outputs: vec![asset],
        inputs: inputs
            .iter()
            .map(|(asset, edge)| Input { asset: asset.clone(), edge: *edge })
            .collect(),
        definition: ContentHash::of(definition.as_bytes()),
        timeout: Duration::from_secs(1),
        execution: millstream_core::execution::Execution::default(),
        partitions: None,
        flow: millstream_core::flow::Flow::default(),
    }
}

/// Runs steps as the executor would: decides, and remembers what ran.
#[derive(Default)]
struct World {
    known: Known,
}

impl World {
    fn decide(&self, spec: &StepSpec, probe: Probe) -> Decision {
        decide(spec, &self.known, probe, Refresh::Incremental, &BTreeSet::new())
    }

    fn run(&mut self, spec: &StepSpec, probe: Probe) {
        let inputs =
            MemoInputs { current: &self.known.versions, probe: probe.print(), items: None };
        let memo = memo(spec, &inputs);
        let before = self.known.versions.get(spec.asset()).map_or(0, |version| version.version);
        let version = AssetVersion {
            asset: spec.asset().clone(),
            version: before + 1,
            sequence: before + 1,
            memo_key: memo.key,
            definition: memo.definition,
            basis: memo.basis,
            probe: memo.probe,
            inputs: memo.inputs.clone(),
            checkpoint: None,
            receipt: Receipt { version: before, detail: serde_json::Value::Null },
            stats: StepStats::default(),
            checks: Vec::new(),
            note: None,
            run: RunId::new(),
            attempt: AttemptId::new(),
            at: Timestamp::from_micros(0),
            rekeyed: None,
        };
        self.known.versions.insert(spec.asset().clone(), version);
        self.known.memos.insert(spec.asset().clone(), memo);
    }
}

fn print(text: &str) -> Probe {
    Probe::Print(ContentHash::of(text.as_bytes()))
}

#[test]
fn the_same_again_is_up_to_date() {
    let sync = spec(table("raw"), StepKind::Sync, "sync", &[]);
    let model = spec(table("mart"), StepKind::Model, "select 1", &[(table("raw"), Edge::Data)]);
    let mut world = World::default();
    assert_eq!(world.decide(&sync, print("a")), Decision::Run(Reason::First));
    world.run(&sync, print("a"));
    world.run(&model, Probe::Inside);
    assert_eq!(world.decide(&sync, print("a")), Decision::UpToDate);
    assert_eq!(world.decide(&model, Probe::Inside), Decision::UpToDate);
}

#[test]
fn a_change_names_its_reason() {
    let sync = spec(table("raw"), StepKind::Sync, "sync", &[]);
    let model = spec(table("mart"), StepKind::Model, "select 1", &[(table("raw"), Edge::Data)]);
    let mut world = World::default();
    world.run(&sync, print("a"));
    world.run(&model, Probe::Inside);
    assert_eq!(world.decide(&sync, print("b")), Decision::Run(Reason::Outside));
    assert_eq!(world.decide(&sync, Probe::Unknown), Decision::Run(Reason::Unknown));
    let other = spec(table("mart"), StepKind::Model, "select 2", &[(table("raw"), Edge::Data)]);
    assert_eq!(world.decide(&other, Probe::Inside), Decision::Run(Reason::Definition));
    world.run(&sync, print("b"));
    let reason = Reason::Input { asset: table("raw"), from: 1, to: 2 };
    assert_eq!(world.decide(&model, Probe::Inside), Decision::Run(reason));
}

#[test]
fn what_follows_is_planned_with_it() {
    let sync = spec(table("raw"), StepKind::Sync, "sync", &[]);
    let model = spec(table("mart"), StepKind::Model, "select 1", &[(table("raw"), Edge::Data)]);
    let ordered = spec(table("other"), StepKind::Model, "select 3", &[(table("raw"), Edge::After)]);
    let mut world = World::default();
    for step in [&sync, &model, &ordered] {
        world.run(step, Probe::Inside);
    }
    let probes = BTreeMap::from([(table("raw"), print("new"))]);
    let plan = plan(
        &[&sync, &model, &ordered],
        &world.known,
        &probes,
        Refresh::Incremental,
        Due::WhenChanged,
        &Asked::new(),
    );
    let decisions: Vec<_> = plan.entries.iter().map(|entry| entry.decision.clone()).collect();
    let upstream = Decision::Run(Reason::Upstream { asset: table("raw") });
    assert_eq!(decisions[1], upstream);
    assert_eq!(decisions[2], Decision::UpToDate, "an order alone makes nothing due");
}

/// Predictions come back into the table that a training reads: it is not due for that alone.
#[test]
fn feedback_makes_no_training_due() {
    let written = AssetKey::operational("predictions");
    let back = spec(table("predictions"), StepKind::Sync, "back", &[(written, Edge::Feedback)]);
    let source = spec(table("raw"), StepKind::Sync, "sync", &[]);
    let inputs = [(table("raw"), Edge::Data), (table("predictions"), Edge::Data)];
    let joined = spec(table("joined"), StepKind::Model, "join", &inputs);
    let model = AssetKey::model("m");
    let training =
        |edge| spec(model.clone(), StepKind::Training, "fit", &[(table("joined"), edge)]);
    let mut world = World::default();
    world.run(&source, print("a"));
    world.run(&back, print("0"));
    world.run(&joined, Probe::Inside);
    world.run(&training(Edge::Basis), Probe::Inside);

    world.run(&back, print("764"));
    world.run(&joined, Probe::Inside);
    assert_eq!(world.decide(&training(Edge::Basis), Probe::Inside), Decision::UpToDate);
    assert_ne!(world.decide(&training(Edge::Data), Probe::Inside), Decision::UpToDate);

    world.run(&source, print("b"));
    world.run(&joined, Probe::Inside);
    assert_ne!(world.decide(&training(Edge::Basis), Probe::Inside), Decision::UpToDate);
}

#[test]
fn what_is_said_of_an_asset_makes_it_due_and_nothing_else() {
    let raw = spec(table("raw"), StepKind::Seed, "select 0", &[]);
    let model = spec(table("mart"), StepKind::Model, "select 1", &[(table("raw"), Edge::Data)]);
    let mut world = World::default();
    for step in [&raw, &model] {
        world.run(step, Probe::Inside);
    }
    world.known.redescribed.insert(table("raw"));
    let decisions = |world: &World| -> Vec<Decision> {
        let (specs, asked) = ([&raw, &model], Asked::new());
        let refresh = Refresh::Incremental;
        let due = Due::WhenChanged;
        let plan = plan(&specs, &world.known, &BTreeMap::new(), refresh, due, &asked);
        plan.entries.into_iter().map(|entry| entry.decision).collect()
    };
    let described = Decision::Run(Reason::Description);
    assert_eq!(decisions(&world), [described, Decision::UpToDate]);
    world.run(&raw, Probe::Inside);
    world.known.redescribed.clear();
    let version = world.known.versions.get_mut(&table("raw")).expect("a version");
    version.receipt.detail = serde_json::json!({"rows_of": 1});
    assert_eq!(version.version, 2);
    assert_eq!(decisions(&world), [Decision::UpToDate, Decision::UpToDate]);
}
