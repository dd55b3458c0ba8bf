//! Which partitions are meant, and in which order they are made. Pure.

use std::collections::{BTreeMap, BTreeSet};

use millstream_core::asset::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::partition::{Mapped, PartitionError, PartitionKey, PartitionedBy, Partitions};
use millstream_core::step::StepSpec;

use super::error::BackfillError;

/// Which partitions are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Those from that of a time on, up to and with that of another.
    Range {
        /// The first; from the begin on if left out.
        from: Option<String>,
        /// The last; up to now if left out.
        to: Option<String>,
    },
    /// These.
    Named(Vec<String>),
    /// Those that were never made.
    Missing,
    /// Those whose last attempt failed.
    Failed,
    /// All that there are.
    All,
}

/// Which of two partitions is made first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The older one.
    OldestFirst,
    /// The newer one.
    NewestFirst,
}

/// An asset whose partitions are chosen.
#[derive(Debug, Clone)]
pub struct Chosen<'a> {
    /// Its step.
    pub spec: &'a StepSpec,
    /// How it is divided.
    pub partitions: &'a Partitions,
    /// The partitions that were made.
    pub made: BTreeSet<PartitionKey>,
    /// Those whose last attempt failed.
    pub failed: BTreeSet<PartitionKey>,
}

/// The partitions that are meant of assets, which come upstream first. Of two of which one is made
/// from the other, that other comes first.
pub fn choose(
    assets: &[Chosen<'_>],
    choice: &Choice,
    direction: Direction,
    now: Timestamp,
) -> Result<Vec<(AssetKey, PartitionKey)>, BackfillError> {
    let mut meant: Vec<Vec<PartitionKey>> = Vec::with_capacity(assets.len());
    let mut refused = None;
    for asset in assets {
        match keys(asset, choice, now) {
            Ok(keys) => meant.push(keys),
            Err(error) => {
                let asset = asset.spec.asset().clone();
                refused.get_or_insert(BackfillError::Partition { asset, error });
                meant.push(Vec::new());
            }
        }
    }
    if meant.iter().all(Vec::is_empty) {
        return Err(refused.unwrap_or(BackfillError::Nothing(why_nothing(choice))));
    }
    // A name that one of several assets has is meant of that one. Anything else is a mistake.
    if let Some(error) = refused.filter(|error| !is_of_another(error)) {
        return Err(error);
    }
    Ok(ordered(assets, &meant, direction))
}

fn is_of_another(error: &BackfillError) -> bool {
    let BackfillError::Partition { error, .. } = error else { return false };
    matches!(
        error,
        PartitionError::Unknown { .. } | PartitionError::NoOrder | PartitionError::NoMoment { .. }
    )
}

fn why_nothing(choice: &Choice) -> &'static str {
    match choice {
        Choice::Missing => "all were made",
        Choice::Failed => "none has failed",
        Choice::Range { .. } => "there is none in that time",
        Choice::Named(_) | Choice::All => "there is none yet",
    }
}

fn keys(
    asset: &Chosen<'_>,
    choice: &Choice,
    now: Timestamp,
) -> Result<Vec<PartitionKey>, PartitionError> {
    let partitions = asset.partitions;
    let all = || partitions.keys(now).into_iter();
    Ok(match choice {
        Choice::All => all().collect(),
        Choice::Missing => all().filter(|key| !asset.made.contains(key)).collect(),
        Choice::Failed => all().filter(|key| asset.failed.contains(key)).collect(),
        Choice::Range { from, to } => partitions.between(from.as_deref(), to.as_deref(), now)?,
        Choice::Named(names) => {
            let mut found = Vec::with_capacity(names.len());
            for name in names {
                let key = partitions.find(name, now)?;
                if !found.contains(&key) {
                    found.push(key);
                }
            }
            found
        }
    })
}

/// The rank of every partition is its own place in time, or that of what it is made from, if that
/// comes later.
fn ordered(
    assets: &[Chosen<'_>],
    meant: &[Vec<PartitionKey>],
    direction: Direction,
) -> Vec<(AssetKey, PartitionKey)> {
    let mut ranks: BTreeMap<(&AssetKey, &PartitionKey), i64> = BTreeMap::new();
    let mut all: Vec<(i64, usize, i64, usize)> = Vec::new();
    for (position, (asset, keys)) in assets.iter().zip(meant).enumerate() {
        for (index, key) in keys.iter().enumerate() {
            let own = place(asset.partitions, key, direction);
            let before = asset.spec.inputs.iter().filter_map(|input| {
                let other = assets.iter().find(|other| *other.spec.asset() == input.asset)?;
                rank_before(&ranks, asset.partitions.reads(key, other.partitions), &input.asset)
            });
            let rank = before.max().map_or(own, |before| before.max(own));
            ranks.insert((asset.spec.asset(), key), rank);
            all.push((rank, position, own, index));
        }
    }
    all.sort_unstable();
    let part = |(_, position, _, index): (i64, usize, i64, usize)| {
        (assets[position].spec.asset().clone(), meant[position][index].clone())
    };
    all.into_iter().map(part).collect()
}

fn rank_before(
    ranks: &BTreeMap<(&AssetKey, &PartitionKey), i64>,
    read: Mapped,
    asset: &AssetKey,
) -> Option<i64> {
    match read {
        Mapped::These(keys) => {
            keys.iter().filter_map(|key| ranks.get(&(asset, key))).copied().max()
        }
        Mapped::All => {
            let of_asset = ranks.iter().filter(|((other, _), _)| *other == asset);
            of_asset.map(|(_, rank)| *rank).max()
        }
    }
}

/// Where a partition stands among those of its asset.
fn place(partitions: &Partitions, key: &PartitionKey, direction: Direction) -> i64 {
    match &partitions.by {
        PartitionedBy::Values { values } => {
            let place = values.iter().position(|value| value == key).unwrap_or_default();
            i64::try_from(place).unwrap_or(i64::MAX)
        }
        PartitionedBy::Time(time) => match (time.stretch(key), direction) {
            (Some(stretch), Direction::OldestFirst) => stretch.end.as_micros(),
            (Some(stretch), Direction::NewestFirst) => -stretch.start.as_micros(),
            (None, _) => 0,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use millstream_core::execution::Execution;
    use millstream_core::hash::ContentHash;
    use millstream_core::partition::{Grain, TimePartitions};
    use millstream_core::step::{Edge, Input, StepKind};

    use super::*;

    fn asset(name: &str) -> AssetKey {
        format!("table:main.{name}").parse().expect("it is a key")
    }

    fn spec(name: &str, input: Option<&str>, grain: Grain) -> StepSpec {
        let time = TimePartitions::new(grain, "2026-01-01", None, None, 1).unwrap();
        let by = PartitionedBy::Time(time);
        StepSpec {
            kind: StepKind::Model,
            outputs: vec![asset(name)],
            inputs: input
                .map(|name| Input { asset: asset(name), edge: Edge::Data })
                .into_iter()
                .collect(),
            definition: ContentHash::of(b"select 1"),
            timeout: Duration::from_mins(1),
            execution: Execution::default(),
            partitions: Some(Partitions { column: "at".to_owned(), by }),
            flow: millstream_core::flow::Flow::default(),
        }
    }

    fn chosen(spec: &StepSpec) -> Chosen<'_> {
        let partitions = spec.partitions.as_ref().unwrap();
        Chosen { spec, partitions, made: BTreeSet::new(), failed: BTreeSet::new() }
    }

    fn now() -> Timestamp {
        // 2026-03-02 12:00 UTC.
        Timestamp::from_micros(1_772_452_800_000_000)
    }

    fn shown(parts: &[(AssetKey, PartitionKey)]) -> Vec<String> {
        parts.iter().map(|(asset, key)| format!("{} {key}", asset.name)).collect()
    }

    #[test]
    fn a_month_is_made_after_its_days_in_both_directions() {
        let (days, months) =
            (spec("days", None, Grain::Day), spec("months", Some("days"), Grain::Month));
        let assets = [chosen(&days), chosen(&months)];
        for direction in [Direction::OldestFirst, Direction::NewestFirst] {
            let parts = shown(&choose(&assets, &Choice::All, direction, now()).unwrap());
            assert_eq!(parts.len(), 61 + 3);
            let at = |name: &str| parts.iter().position(|part| part == name).unwrap();
            for day in ["2026-01-01", "2026-01-15", "2026-01-31"] {
                assert!(
                    at(&format!("main.days {day}")) < at("main.months 2026-01"),
                    "{direction:?}"
                );
            }
            let is_old_first = at("main.days 2026-01-01") < at("main.days 2026-03-02");
            assert_eq!(is_old_first, direction == Direction::OldestFirst);
        }
    }

    #[test]
    fn a_day_is_made_after_its_month() {
        let (months, days) =
            (spec("months", None, Grain::Month), spec("days", Some("months"), Grain::Day));
        let assets = [chosen(&months), chosen(&days)];
        let range = Choice::Range { from: Some("2026-01".into()), to: Some("2026-02-28".into()) };
        let parts = shown(&choose(&assets, &range, Direction::OldestFirst, now()).unwrap());
        assert_eq!(parts[0], "main.months 2026-01");
        assert_eq!(parts[1], "main.days 2026-01-01");
        assert_eq!(parts.len(), 2 + 59);
    }

    #[test]
    fn what_is_missing_or_failed_is_what_the_ledger_says() {
        let days = spec("days", None, Grain::Day);
        let mut one = chosen(&days);
        one.made = days.partitions.as_ref().unwrap().keys(now()).into_iter().collect();
        one.made.remove(&PartitionKey::new("2026-02-03"));
        one.failed.insert(PartitionKey::new("2026-02-04"));
        let all = |choice: Choice| choose(&[one.clone()], &choice, Direction::OldestFirst, now());
        assert_eq!(shown(&all(Choice::Missing).unwrap()), ["main.days 2026-02-03"]);
        assert_eq!(shown(&all(Choice::Failed).unwrap()), ["main.days 2026-02-04"]);
        let future = Choice::Range { from: Some("2027-01-01".into()), to: None };
        assert_eq!(
            all(future).unwrap_err().to_string(),
            "there is no partition to make: there is none in that time"
        );
    }
}
