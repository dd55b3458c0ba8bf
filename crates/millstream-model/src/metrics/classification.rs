//! Accuracy, precision, recall and F1, confusion and log loss.

use serde::{Deserialize, Serialize};

/// Rows by true label (first) and predicted label. Only labels that occur in one of the two are
/// listed, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// The labels, in order.
    pub labels: Vec<String>,
    /// For each true label the number of rows by predicted label.
    pub rows: Vec<Vec<u64>>,
}

/// Counts of one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassReport {
    /// The label.
    pub label: String,
    /// Rows that have it and were given it.
    pub hits: u64,
    /// Rows that have it.
    pub support: u64,
    /// Rows that were given it.
    pub predicted: u64,
}

impl ClassReport {
    /// Share of the rows given the label that have it; 0 when there are none.
    pub fn precision(&self) -> f64 {
        ratio(self.hits, self.predicted)
    }

    /// Share of the rows with the label that were given it; 0 when there are none.
    pub fn recall(&self) -> f64 {
        ratio(self.hits, self.support)
    }

    /// Harmonic mean of precision and recall; 0 when there is neither.
    pub fn f1(&self) -> f64 {
        ratio(2 * self.hits, self.support + self.predicted)
    }
}

impl Confusion {
    /// Counts rows. Truth and predictions are positions in `labels`.
    pub fn new(labels: &[String], truth: &[u32], predicted: &[u32]) -> Self {
        let mut all = vec![vec![0; labels.len()]; labels.len()];
        for (&t, &p) in truth.iter().zip(predicted) {
            all[t as usize][p as usize] += 1;
        }
        let occurs: Vec<usize> = (0..labels.len())
            .filter(|&at| all[at].iter().any(|&n| n > 0) || all.iter().any(|row| row[at] > 0))
            .collect();
        Self {
            labels: occurs.iter().map(|&at| labels[at].clone()).collect(),
            rows: occurs.iter().map(|&t| occurs.iter().map(|&p| all[t][p]).collect()).collect(),
        }
    }

    /// Share of rows that were given their label.
    pub fn accuracy(&self) -> f64 {
        let hits = (0..self.rows.len()).map(|at| self.rows[at][at]).sum();
        ratio(hits, self.rows.iter().flatten().sum())
    }

    /// Counts by label.
    pub fn report(&self) -> Vec<ClassReport> {
        let class = |at: usize| ClassReport {
            label: self.labels[at].clone(),
            hits: self.rows[at][at],
            support: self.rows[at].iter().sum(),
            predicted: self.rows.iter().map(|row| row[at]).sum(),
        };
        (0..self.rows.len()).map(class).collect()
    }
}

/// The mean over labels, each counting alike.
pub fn macro_mean(report: &[ClassReport], of: fn(&ClassReport) -> f64) -> f64 {
    report.iter().map(of).sum::<f64>() / report.len().max(1) as f64
}

/// The mean over labels, each counting as often as it occurs.
pub fn weighted_mean(report: &[ClassReport], of: fn(&ClassReport) -> f64) -> f64 {
    let rows: u64 = report.iter().map(|class| class.support).sum();
    let sum: f64 = report.iter().map(|class| of(class) * class.support as f64).sum();
    sum / rows.max(1) as f64
}

/// The mean negative logarithm of the score of the true label, scores being kept a float's
/// precision away from 0 and 1. `None` when a row's label has no score.
///
/// `score_labels` are the labels of the scores of a row, ascending.
pub fn log_loss(truth: &[u32], scores: &[f64], score_labels: &[u32]) -> Option<f64> {
    let losses: Option<Vec<f64>> = log_losses(truth, scores, score_labels);
    let losses = losses.filter(|losses| !losses.is_empty())?;
    Some(losses.iter().sum::<f64>() / losses.len() as f64)
}

/// The log loss of each row.
pub(crate) fn log_losses(truth: &[u32], scores: &[f64], score_labels: &[u32]) -> Option<Vec<f64>> {
    let width = score_labels.len().max(1);
    let rows = truth.iter().zip(scores.chunks_exact(width));
    rows.map(|(label, scores)| {
        let at = score_labels.binary_search(label).ok()?;
        Some(-scores[at].clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln())
    })
    .collect()
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
