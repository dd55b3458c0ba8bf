//! What a backfill would make, and how long that would take by what it took before. Pure.

use millstream_core::asset::AssetKey;
use millstream_core::partition::PartitionKey;
use millstream_ledger::PartitionHistory;
use serde::Serialize;

/// What a backfill would make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// By asset, upstream first.
    pub assets: Vec<AssetPreview>,
    /// Partitions of all assets.
    pub partitions: usize,
    /// How long that would take in milliseconds; absent if an asset has no past.
    pub millis: Option<u64>,
    /// How many rows would be written; absent if an asset has no past.
    pub rows: Option<u64>,
}

/// What a backfill would make of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AssetPreview {
    /// The asset.
    pub asset: AssetKey,
    /// How many partitions.
    pub partitions: usize,
    /// The one whose name sorts first.
    pub first: PartitionKey,
    /// The one whose name sorts last.
    pub last: PartitionKey,
    /// What one takes, the median of the last ones, in milliseconds.
    pub millis_each: Option<u64>,
    /// What one has, the median of the last ones.
    pub rows_each: Option<u64>,
}

/// What making these partitions would take. `history` has what the last ones of an asset took.
pub fn preview(
    parts: &[(AssetKey, PartitionKey)],
    parallel: usize,
    history: impl Fn(&AssetKey) -> Vec<PartitionHistory>,
) -> Preview {
    let mut assets: Vec<AssetPreview> = Vec::new();
    for (asset, key) in parts {
        if let Some(preview) = assets.iter_mut().find(|preview| preview.asset == *asset) {
            preview.partitions += 1;
            preview.first = preview.first.clone().min(key.clone());
            preview.last = preview.last.clone().max(key.clone());
            continue;
        }
        let past = history(asset);
        let micros = median(past.iter().map(|made| made.micros));
        assets.push(AssetPreview {
            asset: asset.clone(),
            partitions: 1,
            first: key.clone(),
            last: key.clone(),
            millis_each: micros.map(|micros| micros.div_ceil(1000)),
            rows_each: median(past.iter().map(|made| made.rows)),
        });
    }
    let sum = |each: fn(&AssetPreview) -> Option<u64>| -> Option<Vec<u64>> {
        assets.iter().map(|preview| Some(each(preview)? * preview.partitions as u64)).collect()
    };
    let rows = sum(|preview| preview.rows_each).map(|rows| rows.iter().sum());
    // Partitions of one asset follow each other; only different assets are made at the same time.
    let millis = sum(|preview| preview.millis_each).map(|millis| {
        let together = millis.iter().sum::<u64>().div_ceil(parallel.max(1) as u64);
        together.max(millis.iter().copied().max().unwrap_or(0))
    });
    Preview { partitions: parts.len(), assets, millis, rows }
}

fn median(values: impl Iterator<Item = u64>) -> Option<u64> {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(name: &str) -> AssetKey {
        format!("table:main.{name}").parse().expect("it is a key")
    }

    fn part(name: &str, key: &str) -> (AssetKey, PartitionKey) {
        (asset(name), PartitionKey::new(key))
    }

    #[test]
    fn the_median_of_the_past_is_expected_of_the_future() {
        let parts = [part("a", "2026-01-02"), part("a", "2026-01-01"), part("b", "2026-01")];
        let past = |asset: &AssetKey| match asset.name.as_str() {
            "main.a" => [10, 900_000, 20]
                .map(|millis| PartitionHistory { micros: millis * 1000, rows: 7 })
                .to_vec(),
            _ => vec![PartitionHistory { micros: 5_000, rows: 100 }],
        };
        let one = preview(&parts, 1, past);
        assert_eq!((one.partitions, one.millis, one.rows), (3, Some(45), Some(114)));
        assert_eq!(
            (one.assets[0].first.as_str(), one.assets[0].last.as_str()),
            ("2026-01-01", "2026-01-02")
        );
        assert_eq!(
            preview(&parts, 4, past).millis,
            Some(40),
            "those of one asset follow each other"
        );
        assert_eq!(preview(&parts, 1, |_| Vec::new()).millis, None, "nobody knows");
    }
}
