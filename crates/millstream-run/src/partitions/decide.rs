//! Which partitions of an asset are due, and why. Pure.
//!
//! A partition is due when it was never made, or when what it is made from has changed: partitions
//! of inputs that are divided, rows of those that are not, by their fingerprints, and where nobody
//! can tell which rows changed, the inputs as a whole, for young partitions alone. A changed
//! definition makes the partition due that is going on, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use millstream_core::asset::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::hash::ContentHash;
use millstream_core::partition::{Mapped, PartitionKey, Partitions};
use millstream_core::step::{Input, InputVersion, Refresh, StepSpec};
use millstream_ledger::{AssetVersion, Memo, PartitionRecord};
use serde::Serialize;

use super::look::Divided;
use crate::memo::{MemoInputs, counts, memo};

/// The partitions that somebody asks for, by asset; they are made in this order, due or not.
pub type Asked = BTreeMap<AssetKey, Vec<PartitionKey>>;

/// What the steps before will change.
pub type Changing = BTreeMap<AssetKey, Change>;

/// What a step will change of an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nobody knows what.
    Whole,
    /// These partitions.
    Parts(BTreeSet<PartitionKey>),
}

/// What is known when partitions are decided.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// The current versions of assets.
    pub versions: &'a BTreeMap<AssetKey, AssetVersion>,
    /// How assets are divided, of those that are.
    pub divisions: &'a BTreeMap<AssetKey, Partitions>,
    /// What is known of the partitions of the asset and of its inputs.
    pub divided: &'a Divided,
    /// Now.
    pub now: Timestamp,
}

/// What is due of an asset that is divided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PartitionPlan {
    /// The partitions that would be made, in this order.
    pub due: Vec<DuePartition>,
    /// All partitions that there are now.
    pub total: usize,
    /// Those that were made by an older definition and stay as they are.
    pub older: usize,
    /// The input that will change before it is decided which partitions that concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undecided: Option<AssetKey>,
}

/// A partition that would be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DuePartition {
    /// Its name.
    pub partition: PartitionKey,
    /// Why.
    #[serde(flatten)]
    pub reason: PartReason,
}

/// Why a partition is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum PartReason {
    /// It was never made.
    New,
    /// Asked for by `--full-refresh`.
    FullRefresh,
    /// Somebody asked for this very partition.
    Asked,
    /// The definition changed while it is going on.
    Definition,
    /// Its rows of an input changed.
    Rows,
    /// What it is made from changed.
    Input {
        /// The input.
        asset: AssetKey,
    },
    /// A step before it changes what it is made from.
    Upstream {
        /// The input that will change.
        asset: AssetKey,
    },
}

impl fmt::Display for PartReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("new"),
            Self::FullRefresh => f.write_str("full refresh"),
            Self::Asked => f.write_str("asked for"),
            Self::Definition => f.write_str("definition changed"),
            Self::Rows => f.write_str("its rows changed"),
            Self::Input { asset } => write!(f, "{} changed", asset.name),
            Self::Upstream { asset } => write!(f, "{} will change", asset.name),
        }
    }
}

impl PartitionPlan {
    /// `3 partitions, 2026-11-19 to 2026-11-21: its rows changed`, for people.
    pub fn described(&self) -> String {
        let names = match self.due.as_slice() {
            [] => String::new(),
            [one] => format!("partition {}", one.partition),
            [first, .., last] => {
                let (a, b) = (&first.partition, &last.partition);
                format!("{} partitions, {} to {}", self.due.len(), a.min(b), a.max(b))
            }
        };
        match (self.due.first(), &self.undecided) {
            (Some(first), _) if self.due.iter().all(|due| due.reason == first.reason) => {
                format!("{names}: {}", first.reason)
            }
            (Some(_), _) => names,
            (None, Some(asset)) => format!("{} will change", asset.name),
            (None, None) => "up to date".to_owned(),
        }
    }

    /// What it will change, for those behind it.
    pub fn change(&self) -> Option<Change> {
        match (&self.undecided, self.due.is_empty()) {
            (Some(_), _) => Some(Change::Whole),
            (None, true) => None,
            (None, false) => {
                let keys = self.due.iter().map(|due| due.partition.clone());
                Some(Change::Parts(keys.collect()))
            }
        }
    }
}

/// Decides which partitions of an asset are due. `asked` are those that somebody asks for instead.
pub fn decide(
    spec: &StepSpec,
    partitions: &Partitions,
    world: World<'_>,
    refresh: Refresh,
    changing: &Changing,
    asked: Option<&[PartitionKey]>,
) -> PartitionPlan {
    let keys = partitions.keys(world.now);
    let total = keys.len();
    if let Some(asked) = asked {
        let due = |partition: &PartitionKey| DuePartition {
            partition: partition.clone(),
            reason: PartReason::Asked,
        };
        return PartitionPlan { due: asked.iter().map(due).collect(), total, ..Default::default() };
    }
    let one = One { spec, partitions, world, young: partitions.young(world.now) };
    let mut plan =
        PartitionPlan { total, undecided: undecided(spec, changing), ..Default::default() };
    for partition in keys {
        let reason = one.reason(&partition, refresh, changing);
        if reason.is_none() && one.is_older(&partition) {
            plan.older += 1;
        }
        plan.due.extend(reason.map(|reason| DuePartition { partition, reason }));
    }
    plan
}

/// An input of which it shows only later what changes.
fn undecided(spec: &StepSpec, changing: &Changing) -> Option<AssetKey> {
    let mut read = spec.inputs.iter().filter(|input| counts(input)).map(|input| &input.asset);
    read.find(|asset| changing.get(*asset) == Some(&Change::Whole)).cloned()
}

/// The memo of a partition if it were made now.
pub fn memo_of(
    spec: &StepSpec,
    partitions: &Partitions,
    world: World<'_>,
    partition: &PartitionKey,
) -> Memo {
    let one = One { spec, partitions, world, young: BTreeSet::new() };
    let last = one.record(partition).and_then(|record| record.memo.probe);
    let probe = one.probe_or(partition, last);
    let inputs = MemoInputs { current: world.versions, probe, items: None };
    let whole = memo(spec, &inputs);
    let key = one.key(partition, spec.definition, probe, &whole.inputs);
    Memo { key, ..whole }
}

/// The partitions that are up to date, with what is known of their inputs now, where that is more
/// than was known when they were made.
pub(super) fn recalled(
    spec: &StepSpec,
    partitions: &Partitions,
    world: World<'_>,
    plan: &PartitionPlan,
) -> Vec<(PartitionKey, Memo)> {
    let Some(prints) = &world.divided.prints else { return Vec::new() };
    let due: BTreeSet<&PartitionKey> = plan.due.iter().map(|due| &due.partition).collect();
    let one = One { spec, partitions, world, young: BTreeSet::new() };
    let of_own = world.divided.of(spec.asset());
    let mut recalled = Vec::new();
    for (partition, record) in of_own.filter(|(partition, _)| !due.contains(partition)) {
        let mut memo = record.memo.clone();
        for read in memo.inputs.iter_mut().filter(|read| prints.contains_key(&read.asset)) {
            read.version = world.versions.get(&read.asset).map_or(0, AssetVersion::rows_version);
        }
        if memo != record.memo {
            memo.key = one.key(partition, memo.definition, memo.probe, &memo.inputs);
            recalled.push((partition.clone(), memo));
        }
    }
    recalled
}

/// One asset whose partitions are decided.
struct One<'a> {
    spec: &'a StepSpec,
    partitions: &'a Partitions,
    world: World<'a>,
    young: BTreeSet<PartitionKey>,
}

impl One<'_> {
    fn record(&self, partition: &PartitionKey) -> Option<&PartitionRecord> {
        self.world.divided.record(self.spec.asset(), partition)
    }

    fn reason(
        &self,
        partition: &PartitionKey,
        refresh: Refresh,
        changing: &Changing,
    ) -> Option<PartReason> {
        let Some(record) = self.record(partition) else { return Some(PartReason::New) };
        if refresh == Refresh::Full {
            return Some(PartReason::FullRefresh);
        }
        if let Some(asset) = self.changes_before(partition, changing) {
            return Some(PartReason::Upstream { asset: asset.clone() });
        }
        let last = &record.memo;
        let probe = self.probe_or(partition, last.probe);
        let versions = self.versions_to_compare(partition, &last.inputs);
        if self.key(partition, last.definition, probe, &versions) != last.key {
            return Some(if probe == last.probe {
                PartReason::Input { asset: self.changed(last)? }
            } else {
                PartReason::Rows
            });
        }
        let is_changed_now = last.definition != self.spec.definition
            && self.partitions.is_open(partition, self.world.now);
        is_changed_now.then_some(PartReason::Definition)
    }

    fn is_older(&self, partition: &PartitionKey) -> bool {
        let record = self.record(partition);
        record.is_some_and(|record| record.memo.definition != self.spec.definition)
    }

    /// The input that a step before changes where this partition reads it.
    fn changes_before<'c>(
        &self,
        partition: &PartitionKey,
        changing: &'c Changing,
    ) -> Option<&'c AssetKey> {
        let read = self.inputs().filter_map(|input| changing.get_key_value(&input.asset));
        let mut touched = read.filter(|(asset, change)| match change {
            // Shown by the fingerprints once it has changed.
            Change::Whole => false,
            Change::Parts(parts) => match self.reads(partition, asset) {
                Some(Mapped::These(keys)) => keys.iter().any(|key| parts.contains(key)),
                Some(Mapped::All) | None => true,
            },
        });
        touched.next().map(|(asset, _)| asset)
    }

    fn inputs(&self) -> impl Iterator<Item = &Input> {
        self.spec.inputs.iter().filter(|input| counts(input))
    }

    fn reads(&self, partition: &PartitionKey, asset: &AssetKey) -> Option<Mapped> {
        let input = self.world.divisions.get(asset)?;
        Some(self.partitions.reads(partition, input))
    }

    /// The fingerprint of the rows of a partition in all inputs that have one.
    fn probe(&self, partition: &PartitionKey) -> Option<ContentHash> {
        let prints = self.world.divided.prints.as_ref().filter(|prints| !prints.is_empty())?;
        let lines = prints.iter().map(|(asset, prints)| {
            let print = prints.get(partition).map(ToString::to_string);
            format!("{asset} {}", print.unwrap_or_default())
        });
        Some(ContentHash::of_parts(lines))
    }

    /// That fingerprint, or the last one if nobody had to look.
    fn probe_or(&self, partition: &PartitionKey, last: Option<ContentHash>) -> Option<ContentHash> {
        match self.world.divided.prints {
            Some(_) => self.probe(partition),
            None => last,
        }
    }

    /// The versions of the inputs with which a partition is compared. Of an input whose rows have
    /// fingerprints they do not count; an old partition does not mind that an input has changed of
    /// which nobody knows where.
    fn versions_to_compare(
        &self,
        partition: &PartitionKey,
        last: &[InputVersion],
    ) -> Vec<InputVersion> {
        let is_young = self.young.contains(partition);
        let counted = |read: &InputVersion| {
            let counts = is_young && !self.world.divided.has_prints(&read.asset);
            let version = match self.world.versions.get(&read.asset) {
                Some(now) if counts => now.rows_version(),
                _ => read.version,
            };
            InputVersion { asset: read.asset.clone(), version }
        };
        last.iter().map(counted).collect()
    }

    /// The memo key of a partition.
    fn key(
        &self,
        partition: &PartitionKey,
        definition: ContentHash,
        probe: Option<ContentHash>,
        versions: &[InputVersion],
    ) -> ContentHash {
        let asset = self.spec.asset();
        let mut parts = vec![asset.to_string(), partition.to_string(), definition.to_string()];
        for input in self.inputs() {
            parts.extend(self.key_of_input(partition, &input.asset, versions));
        }
        parts.extend(probe.map(|probe| probe.to_string()));
        ContentHash::of_parts(parts)
    }

    fn key_of_input(
        &self,
        partition: &PartitionKey,
        asset: &AssetKey,
        versions: &[InputVersion],
    ) -> Vec<String> {
        match self.reads(partition, asset) {
            Some(Mapped::These(keys)) => {
                let record = |key| self.world.divided.record(asset, key);
                let version = |key| record(key).map_or(0, |record| record.version);
                keys.iter().map(|key| format!("{asset}/{key}@{}", version(key))).collect()
            }
            Some(Mapped::All) | None => {
                let read = versions.iter().find(|read| read.asset == *asset);
                vec![format!("{asset}@{}", read.map_or(0, |read| read.version))]
            }
        }
    }

    /// The first input that is another than it was.
    fn changed(&self, last: &Memo) -> Option<AssetKey> {
        let is_changed = |asset: &AssetKey| {
            let now = self.world.versions.get(asset).map_or(0, AssetVersion::rows_version);
            let then = last.inputs.iter().find(|read| read.asset == *asset);
            then.map_or(0, |read| read.version) != now
        };
        let inputs: Vec<&AssetKey> = self.inputs().map(|input| &input.asset).collect();
        let found = inputs.iter().find(|asset| is_changed(asset));
        found.or(inputs.first()).map(|asset| AssetKey::clone(asset))
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
