//! What is looked up before partitions are decided.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use millstream_core::asset::AssetKey;
use millstream_core::catalog::Catalog;
use millstream_core::clock::Timestamp;
use millstream_core::error::Result;
use millstream_core::partition::{PartitionKey, Partitions};
use millstream_core::step::{Prints, Step, StepSpec};
use millstream_ledger::{AssetVersion, Ledger, PartitionRecord, RunDetail};

use super::decide::Asked;
use crate::execute::Executor;
use crate::memo::counts;
use crate::rerun::RerunScope;
use crate::rerun_partitions::{RerunBeside, RerunWorld, tried_in};

/// What is known of the partitions of an asset and of its inputs.
#[derive(Debug, Clone, Default)]
pub struct Divided {
    /// The partitions that were made, by asset.
    pub records: BTreeMap<AssetKey, BTreeMap<PartitionKey, PartitionRecord>>,
    /// The fingerprints of the rows of inputs that have some; `None` if nothing has changed since
    /// they were last looked at.
    pub prints: Option<BTreeMap<AssetKey, Prints>>,
}

impl Divided {
    /// The partitions of an asset that were made.
    pub fn of(&self, asset: &AssetKey) -> impl Iterator<Item = (&PartitionKey, &PartitionRecord)> {
        self.records.get(asset).into_iter().flatten()
    }

    /// A partition of an asset, if it was made.
    pub fn record(&self, asset: &AssetKey, partition: &PartitionKey) -> Option<&PartitionRecord> {
        self.records.get(asset)?.get(partition)
    }

    /// Whether the rows of an input have fingerprints.
    pub fn has_prints(&self, input: &AssetKey) -> bool {
        self.prints.as_ref().is_some_and(|prints| prints.contains_key(input))
    }
}

/// How assets are divided, of those that are.
pub fn divisions(steps: &[Arc<dyn Step>]) -> BTreeMap<AssetKey, Partitions> {
    let specs = steps.iter().map(|step| step.spec());
    specs.filter_map(|spec| Some((spec.asset().clone(), spec.partitions.clone()?))).collect()
}

/// Looks up what decides about the partitions of a step. Rows are only read if an input has another
/// version than when they were last read.
pub async fn look(
    ledger: &Ledger,
    step: &dyn Step,
    divisions: &BTreeMap<AssetKey, Partitions>,
    versions: &BTreeMap<AssetKey, AssetVersion>,
    now: Timestamp,
) -> Result<Divided> {
    let spec = step.spec();
    let mut divided = Divided::default();
    let (inside, outside): (Vec<_>, Vec<_>) = spec
        .inputs
        .iter()
        .filter(|input| counts(input))
        .map(|input| &input.asset)
        .partition(|asset| divisions.contains_key(*asset));
    for asset in inside.into_iter().chain([spec.asset()]) {
        divided.records.insert(asset.clone(), ledger.partitions(asset)?);
    }
    if !has_news(spec, &outside, &divided, versions, now) {
        return Ok(divided);
    }
    let catalog = ledger.snapshot()?;
    let mut prints = BTreeMap::new();
    for asset in outside {
        let found = step.prints(asset, &catalog, now).await?;
        prints.extend(found.map(|found| (asset.clone(), found)));
    }
    divided.prints = Some(prints);
    Ok(divided)
}

/// The partitions that run again with steps of a past run, of those that are divided.
pub fn partitions_again(
    executor: &Executor,
    past: &RunDetail,
    selected: &BTreeSet<AssetKey>,
    scope: RerunScope,
    beside: RerunBeside,
) -> Result<Asked> {
    let specs = executor.steps().iter().map(|step| step.spec());
    let specs: Vec<_> = specs.filter(|spec| selected.contains(spec.asset())).collect();
    let mut tried = BTreeMap::new();
    for spec in specs.iter().filter(|spec| spec.partitions.is_some()) {
        let last = executor.ledger().last_attempts(spec.asset())?;
        tried.insert(spec.asset().clone(), last.into_keys().collect());
    }
    let ran = tried_in(past);
    let world = RerunWorld { specs: &specs, ran: &ran, tried: &tried };
    Ok(scope.partitions(beside, world))
}

/// Whether a partition was never made, or not from the versions that inputs have now.
fn has_news(
    spec: &StepSpec,
    inputs: &[&AssetKey],
    divided: &Divided,
    versions: &BTreeMap<AssetKey, AssetVersion>,
    now: Timestamp,
) -> bool {
    let keys = spec.partitions.as_ref().map(|partitions| partitions.keys(now)).unwrap_or_default();
    keys.iter().any(|key| {
        let Some(record) = divided.record(spec.asset(), key) else { return true };
        inputs.iter().any(|asset| {
            let read = record.memo.inputs.iter().find(|read| read.asset == **asset);
            let now = versions.get(*asset).map_or(0, AssetVersion::rows_version);
            read.is_none_or(|read| read.version != now)
        })
    })
}
