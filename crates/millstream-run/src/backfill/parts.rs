//! The partitions that a selection means, by what the ledger knows of them.

use std::collections::BTreeSet;

use millstream_core::asset::AssetKey;
use millstream_core::error::Result;
use millstream_core::partition::PartitionKey;

use super::choose::{Choice, Chosen, Direction, choose};
use super::error::BackfillError;
use crate::execute::Executor;

/// Past partitions of an asset by which the next ones are expected.
pub const HISTORY: usize = 50;

/// The partitions that are meant of the selected assets, in the order in which they are made.
///
/// Fails with `backfill.not_partitioned` if none of the assets is divided, `backfill.nothing` if no
/// partition is meant, and the errors of a partition that cannot be meant.
pub fn parts_of(
    executor: &Executor,
    selected: &BTreeSet<AssetKey>,
    choice: &Choice,
    direction: Direction,
) -> Result<Vec<(AssetKey, PartitionKey)>> {
    let ledger = executor.ledger();
    let mut assets = Vec::new();
    for step in executor.steps().iter().filter(|step| selected.contains(step.spec().asset())) {
        let spec = step.spec();
        let Some(partitions) = &spec.partitions else { continue };
        let made: BTreeSet<PartitionKey> = ledger.partitions(spec.asset())?.into_keys().collect();
        let last = ledger.last_attempts(spec.asset())?;
        let failed = last.into_iter().filter(|(_, last)| last.has_failed()).map(|(key, _)| key);
        assets.push(Chosen { spec, partitions, made, failed: failed.collect() });
    }
    if assets.is_empty() {
        return Err(BackfillError::NotPartitioned(selected.iter().cloned().collect()).into());
    }
    Ok(choose(&assets, choice, direction, ledger.now())?)
}
