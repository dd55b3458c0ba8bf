//! Which rows are held out.
//!
//! A row's side depends on the seed and its key alone: the hash of both, taken as a fraction, is
//! below the share of the held-out rows or it is not. So new rows move no old row across, and rows
//! with one key stay together. The price is that the share holds on average only. With `stratify`
//! the same rule decides within each stratum, so that each is held out in the same share on
//! average; an exact share would have to move rows when others arrive.
//!
//! With `time` the newest rows are held out, all rows of the boundary's moment on the same side.
//! There new rows do move old ones from the held-out side to the other: that is what the choice
//! means.

use std::collections::BTreeMap;

use arrow_array::Array;
use serde::{Deserialize, Serialize};

use crate::error::ModelError;
use crate::frame::{Frame, Target};

/// Rows by their side, each ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) training: Vec<usize>,
    pub(crate) held_out: Vec<usize>,
}

/// How many rows of a stratum are on each side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StratumCount {
    /// Rows to learn from.
    pub training: u64,
    /// Rows held out.
    pub held_out: u64,
}

/// Whether a row with this hash of seed and key is held out at this share.
pub fn is_held_out(hash: u64, share: f64) -> bool {
    // 53 bits, so that the fraction is exact.
    ((hash >> 11) as f64) * (1.0 / (1_u64 << 53) as f64) < share
}

/// Splits the rows of a frame; each side has a row, and the training side two labels.
pub(crate) fn split(frame: &Frame, share: f64) -> Result<Split, ModelError> {
    let out: Vec<bool> = match &frame.times {
        Some(times) => newest(times, share),
        None => frame.hashes.iter().map(|&hash| is_held_out(hash, share)).collect(),
    };
    let (held_out, training): (Vec<usize>, Vec<usize>) =
        (0..frame.len()).partition(|&row| out[row]);
    if held_out.is_empty() || training.is_empty() {
        return Err(ModelError::TooFewRows {
            rows: frame.len(),
            training: training.len(),
            held_out: held_out.len(),
        });
    }
    if let Target::Classes { labels, of } = &frame.target {
        let first = of[training[0]];
        if training.iter().all(|&row| of[row] == first) {
            return Err(ModelError::OneClass {
                label: labels[first as usize].clone(),
                of: " to learn from",
            });
        }
    }
    Ok(Split { training, held_out })
}

/// Counts the sides of each stratum.
pub(crate) fn strata(frame: &Frame, split: &Split) -> BTreeMap<String, StratumCount> {
    let mut counts: BTreeMap<String, StratumCount> = BTreeMap::new();
    let Some(strata) = &frame.strata else { return counts };
    let name = |row: usize| {
        if strata.is_valid(row) { strata.value(row).to_owned() } else { "null".to_owned() }
    };
    for &row in &split.training {
        counts.entry(name(row)).or_default().training += 1;
    }
    for &row in &split.held_out {
        counts.entry(name(row)).or_default().held_out += 1;
    }
    counts
}

/// The newest rows: as many as the share asks for, and those of the same moment as the oldest of
/// them. Rows without a moment are old.
fn newest(times: &[Option<i64>], share: f64) -> Vec<bool> {
    let mut sorted: Vec<Option<i64>> = times.to_vec();
    sorted.sort_unstable();
    let wanted = ((share * times.len() as f64).ceil() as usize).clamp(1, times.len());
    let boundary = sorted[times.len() - wanted];
    times.iter().map(|time| time.is_some() && *time >= boundary).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_holds_on_average() {
        let mut random = crate::rng::Random::new(3);
        let out = (0..100_000).filter(|_| is_held_out(random.next(), 0.2)).count();
        assert!((19_500..20_500).contains(&out), "{out}");
        assert!(!is_held_out(0, 0.0));
        assert!(is_held_out(u64::MAX, 1.0));
    }

    #[test]
    fn the_newest_moments_stay_together() {
        let times = [Some(1), Some(3), None, Some(2), Some(3)];
        assert_eq!(newest(&times, 0.2), [false, true, false, false, true]);
        assert_eq!(newest(&times, 0.6), [false, true, false, true, true]);
    }
}
