//! The area under the receiver operating characteristic.

/// The area for two labels, or the mean over labels of each against the rest. `None` unless every
/// scored label occurs in the truth and no other does: else it is not defined.
///
/// `score_labels` are the labels of the scores of a row, ascending; the second is the positive one
/// of two.
pub fn roc_auc(truth: &[u32], scores: &[f64], score_labels: &[u32]) -> Option<f64> {
    let width = score_labels.len();
    let known = truth.iter().all(|label| score_labels.binary_search(label).is_ok());
    if width < 2 || !known || scores.len() != truth.len() * width {
        return None;
    }
    let area = |at: usize| {
        let order = Ranking::new(
            truth
                .iter()
                .zip(scores.chunks_exact(width))
                .map(|(&label, scores)| (scores[at], label == score_labels[at])),
        );
        order.area(None)
    };
    if width == 2 {
        return area(1);
    }
    let areas: Option<Vec<f64>> = (0..width).map(area).collect();
    areas.map(|areas| areas.iter().sum::<f64>() / width as f64)
}

/// Rows by falling score, those of one score together.
#[derive(Debug)]
pub(crate) struct Ranking {
    rows: Vec<RankedRow>,
}

#[derive(Debug)]
struct RankedRow {
    row: u32,
    positive: bool,
    /// Whether the next row has a lower score.
    last_of_score: bool,
}

impl Ranking {
    pub(crate) fn new(rows: impl Iterator<Item = (f64, bool)>) -> Self {
        let mut rows: Vec<(f64, bool, u32)> = rows
            .enumerate()
            .map(|(row, (score, positive))| (score, positive, row as u32))
            .collect();
        rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let last = |at: usize| rows.get(at + 1).is_none_or(|next| next.0 < rows[at].0);
        let ranked = rows.iter().enumerate().map(|(at, &(_, positive, row))| RankedRow {
            row,
            positive,
            last_of_score: last(at),
        });
        Self { rows: ranked.collect() }
    }

    /// The area, each row counting as often as `counts` says. A tie counts half. `None` when one
    /// side has no row.
    pub(crate) fn area(&self, counts: Option<&[u32]>) -> Option<f64> {
        let (mut positives, mut negatives, mut area) = (0.0, 0.0, 0.0);
        let (mut up, mut along) = (0.0, 0.0);
        for row in &self.rows {
            let count = counts.map_or(1.0, |counts| f64::from(counts[row.row as usize]));
            if row.positive {
                up += count;
            } else {
                along += count;
            }
            if row.last_of_score {
                area += along * (positives + 0.5 * up);
                positives += up;
                negatives += along;
                (up, along) = (0.0, 0.0);
            }
        }
        let whole = positives * negatives;
        (whole > 0.0).then(|| area / whole)
    }
}
