//! Which partitions run again with the steps of a past run. Pure.

use std::collections::{BTreeMap, BTreeSet};

use millstream_core::AssetKey;
use millstream_core::partition::{Mapped, PartitionKey, Partitions};
use millstream_core::step::StepSpec;
use millstream_ledger::{RunDetail, StepState};

use crate::memo::counts;
use crate::partitions::Asked;
use crate::rerun::{RerunScope, RerunSteps};

/// Which partitions run again, besides those that the past run made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RerunBeside {
    /// Also the earlier ones of the same asset.
    pub past: bool,
    /// Also the later ones.
    pub future: bool,
}

/// What a past run is rerun in.
#[derive(Debug, Clone, Copy)]
pub struct RerunWorld<'a> {
    /// The steps that run again, upstream first.
    pub specs: &'a [&'a StepSpec],
    /// The partitions that the past run tried, each as often as it did.
    pub ran: &'a BTreeMap<AssetKey, Vec<(PartitionKey, StepState)>>,
    /// The partitions of assets that were ever tried.
    pub tried: &'a BTreeMap<AssetKey, BTreeSet<PartitionKey>>,
}

impl RerunScope {
    /// The partitions that run again of assets that are divided: those of the past run that are
    /// meant, those beside them, and where the scope reaches further, what is made from them and
    /// what they are made from.
    pub fn partitions(&self, beside: RerunBeside, world: RerunWorld<'_>) -> Asked {
        let mut asked: BTreeMap<AssetKey, BTreeSet<PartitionKey>> = BTreeMap::new();
        for (spec, partitions) in divided(world) {
            let tried = world.tried.get(spec.asset());
            let mut keys = self.of_run(spec.asset(), world);
            extend(&mut keys, tried, beside);
            if self.downstream {
                let behind = tried.into_iter().flatten().filter(|key| {
                    sources(spec, world).any(|(asset, input)| {
                        let before = asked.get(asset);
                        before.is_some_and(|before| reads(partitions, key, input, before))
                    })
                });
                keys.extend(behind.cloned());
            }
            asked.insert(spec.asset().clone(), keys);
        }
        if self.upstream {
            for (spec, partitions) in divided(world).collect::<Vec<_>>().into_iter().rev() {
                let own = asked.get(spec.asset()).cloned().unwrap_or_default();
                for (asset, input) in sources(spec, world) {
                    let tried = world.tried.get(asset).into_iter().flatten();
                    let read = tried.filter(|key| {
                        let one = BTreeSet::from([PartitionKey::clone(key)]);
                        own.iter().any(|own| reads(partitions, own, input, &one))
                    });
                    asked.entry(asset.clone()).or_default().extend(read.cloned());
                }
            }
        }
        let asked = asked.into_iter().filter(|(_, keys)| !keys.is_empty());
        asked.map(|(asset, keys)| (asset, keys.into_iter().collect())).collect()
    }

    /// The partitions that the past run made and that are meant, each by its last attempt.
    fn of_run(self, asset: &AssetKey, world: RerunWorld<'_>) -> BTreeSet<PartitionKey> {
        let attempts = world.ran.get(asset).into_iter().flatten();
        let last: BTreeMap<&PartitionKey, StepState> =
            attempts.map(|(key, state)| (key, *state)).collect();
        let is_meant =
            |state: StepState| self.steps == RerunSteps::All || state != StepState::Succeeded;
        let meant = last.into_iter().filter(|(_, state)| is_meant(*state));
        meant.map(|(key, _)| key.clone()).collect()
    }
}

/// The partitions that a run tried, each as often as it did.
pub(crate) fn tried_in(run: &RunDetail) -> BTreeMap<AssetKey, Vec<(PartitionKey, StepState)>> {
    let mut tried: BTreeMap<AssetKey, Vec<(PartitionKey, StepState)>> = BTreeMap::new();
    for step in &run.steps {
        let attempts = step.attempts.iter();
        let parts = attempts.filter_map(|it| Some((it.partition.clone()?, it.state)));
        tried.entry(step.asset.clone()).or_default().extend(parts);
    }
    tried
}

fn divided(world: RerunWorld<'_>) -> impl Iterator<Item = (&StepSpec, &Partitions)> {
    world.specs.iter().filter_map(|spec| Some((*spec, spec.partitions.as_ref()?)))
}

/// The inputs of a step that run again and are divided.
fn sources<'a>(
    spec: &'a StepSpec,
    world: RerunWorld<'a>,
) -> impl Iterator<Item = (&'a AssetKey, &'a Partitions)> {
    let inputs = spec.inputs.iter().filter(|input| counts(input)).map(|input| &input.asset);
    inputs.filter_map(move |asset| {
        let (_, partitions) = divided(world).find(|(spec, _)| spec.asset() == asset)?;
        Some((asset, partitions))
    })
}

fn reads(
    partitions: &Partitions,
    key: &PartitionKey,
    input: &Partitions,
    wanted: &BTreeSet<PartitionKey>,
) -> bool {
    match partitions.reads(key, input) {
        Mapped::All => !wanted.is_empty(),
        Mapped::These(keys) => keys.iter().any(|key| wanted.contains(key)),
    }
}

/// Adds the earlier and the later ones. Names of stretches sort as the stretches do.
fn extend(
    keys: &mut BTreeSet<PartitionKey>,
    tried: Option<&BTreeSet<PartitionKey>>,
    beside: RerunBeside,
) {
    let (Some(first), Some(last)) = (keys.first().cloned(), keys.last().cloned()) else { return };
    let more = tried
        .into_iter()
        .flatten()
        .filter(|key| (beside.past && **key < first) || (beside.future && **key > last));
    keys.extend(more.cloned());
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use millstream_core::execution::Execution;
    use millstream_core::hash::ContentHash;
    use millstream_core::partition::{Grain, PartitionedBy, TimePartitions};
    use millstream_core::step::{Edge, Input, StepKind};

    use super::*;
    use crate::testing::asset;

    fn spec(name: &str, input: Option<&str>, grain: Grain) -> StepSpec {
        let time = TimePartitions::new(grain, "2026-01-01", None, None, 1).expect("it is right");
        let inputs = input.map(|name| Input { asset: asset(name), edge: Edge::Data });
        StepSpec {
            kind: StepKind::Model,
            outputs: vec![asset(name)],
            inputs: inputs.into_iter().collect(),
            definition: ContentHash::of(b"select 1"),
            timeout: Duration::from_mins(1),
            execution: Execution::default(),
            partitions: Some(Partitions { column: "at".to_owned(), by: PartitionedBy::Time(time) }),
            flow: millstream_core::flow::Flow::default(),
        }
    }

    /// Days whose second one failed, and months behind them.
    fn asked(scope: RerunScope, beside: RerunBeside) -> Vec<String> {
        let specs = [spec("days", None, Grain::Day), spec("months", Some("days"), Grain::Month)];
        let specs: Vec<&StepSpec> = specs.iter().collect();
        let keys = |names: &[&str]| names.iter().copied().map(PartitionKey::new).collect();
        let days = ["2026-01-30", "2026-01-31", "2026-02-01", "2026-02-02"];
        let tried = BTreeMap::from([
            (asset("days"), keys(&days)),
            (asset("months"), keys(&["2026-01", "2026-02"])),
        ]);
        let state = |name: &str| match name {
            "2026-01-31" => StepState::Failed,
            _ => StepState::Succeeded,
        };
        let in_run = days[1..3].iter().map(|day| (PartitionKey::new(*day), state(day)));
        let ran = BTreeMap::from([(asset("days"), in_run.collect())]);
        let world = RerunWorld { specs: &specs, ran: &ran, tried: &tried };
        let asked = scope.partitions(beside, world).into_iter();
        asked.flat_map(|(_, keys)| keys).map(|key| key.to_string()).collect()
    }

    const FAILED: RerunScope =
        RerunScope { steps: RerunSteps::Failed, upstream: false, downstream: false };

    #[test]
    fn those_that_failed_run_again_and_those_beside_them_if_asked() {
        let beside = |past, future| asked(FAILED, RerunBeside { past, future });
        assert_eq!(beside(false, false), ["2026-01-31"]);
        assert_eq!(beside(true, false), ["2026-01-30", "2026-01-31"]);
        assert_eq!(beside(false, true), ["2026-01-31", "2026-02-01", "2026-02-02"]);
        let all = RerunScope { steps: RerunSteps::All, ..FAILED };
        assert_eq!(asked(all, RerunBeside::default()), ["2026-01-31", "2026-02-01"]);
    }

    #[test]
    fn what_is_made_from_them_runs_again() {
        let behind = RerunScope { downstream: true, ..FAILED };
        assert_eq!(asked(behind, RerunBeside::default()), ["2026-01-31", "2026-01"]);
        let future = RerunBeside { past: false, future: true };
        assert_eq!(
            asked(behind, future),
            ["2026-01-31", "2026-02-01", "2026-02-02", "2026-01", "2026-02"]
        );
    }
}
