//! Whether a candidate is worse than the champion: a paired bootstrap on the same held-out rows.

use serde::{Deserialize, Serialize};

use crate::held_out::{HeldOut, Outcome};
use crate::metrics::{classification, ranking::Ranking, smaller_is_better};
use crate::rng::Random;

/// Resamples of a comparison.
pub const RESAMPLES: usize = 2000;
/// Share of resamples in which a candidate must be worse to be refused.
pub const CONFIDENCE: f64 = 0.95;
/// Most rows of a comparison. Of more, the first are taken: rows stand in the order of their
/// hashes, so that these are a random choice.
pub const ROWS_MAX: usize = 50_000;

/// Metrics that can be compared.
const COMPARABLE: &[&str] =
    &["accuracy", "f1_macro", "f1_weighted", "log_loss", "mae", "rmse", "roc_auc"];

/// The result of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The metric compared.
    pub metric: String,
    /// The candidate's value on the held-out rows.
    pub candidate: f64,
    /// The champion's value on the same rows.
    pub champion: f64,
    /// Share of resamples in which the candidate is worse.
    pub worse_share: f64,
    /// Resamples drawn.
    pub resamples: usize,
}

impl Comparison {
    /// Whether the candidate is worse with the confidence of [`CONFIDENCE`], one-sided.
    pub fn is_worse(&self) -> bool {
        self.worse_share >= CONFIDENCE
    }
}

/// Compares by the preferred metric if that is defined for both, else by `f1_weighted` or `rmse`.
/// `None` if the two did not answer the same question.
pub(crate) fn compare(
    candidate: &HeldOut,
    champion: &HeldOut,
    preferred: Option<&str>,
    seed: u64,
) -> Option<Comparison> {
    let fallback = match candidate.outcome {
        Outcome::Classes { .. } => "f1_weighted",
        Outcome::Numbers { .. } => "rmse",
    };
    let wanted = preferred.filter(|metric| COMPARABLE.contains(metric));
    wanted.into_iter().chain([fallback]).find_map(|metric| {
        let (ours, theirs) =
            (candidate.metrics.values.get(metric)?, champion.metrics.values.get(metric)?);
        let pair = (Sampled::new(candidate, metric)?, Sampled::new(champion, metric)?);
        Some(Comparison {
            metric: metric.to_owned(),
            candidate: *ours,
            champion: *theirs,
            worse_share: worse_share(
                &pair,
                candidate.outcome.len(),
                smaller_is_better(metric),
                seed,
            ),
            resamples: RESAMPLES,
        })
    })
}

fn worse_share(
    (candidate, champion): &(Sampled<'_>, Sampled<'_>),
    rows: usize,
    smaller_is_better: bool,
    seed: u64,
) -> f64 {
    let rows = rows.min(ROWS_MAX);
    let mut random = Random::new(seed);
    let mut counts = vec![0_u32; rows];
    let mut worse = 0;
    for _ in 0..RESAMPLES {
        counts.fill(0);
        for _ in 0..rows {
            counts[random.below(rows)] += 1;
        }
        // A resample in which the metric is not defined speaks for nobody.
        let values = candidate.value(&counts).zip(champion.value(&counts));
        let is_worse =
            values.is_some_and(
                |(ours, theirs)| {
                    if smaller_is_better { ours > theirs } else { ours < theirs }
                },
            );
        worse += usize::from(is_worse);
    }
    worse as f64 / RESAMPLES as f64
}

/// A metric prepared so that a resample costs one pass over the rows.
enum Sampled<'a> {
    /// The mean of a value of each row; its root orders alike.
    Mean(Vec<f64>),
    F1 {
        truth: &'a [u32],
        predicted: &'a [u32],
        labels: usize,
        weighted: bool,
    },
    Area(Vec<Ranking>),
}

impl<'a> Sampled<'a> {
    fn new(held_out: &'a HeldOut, metric: &str) -> Option<Self> {
        let mut sampled = match &held_out.outcome {
            Outcome::Numbers { truth, predicted } => {
                let errors = truth.iter().zip(predicted).map(|(t, p)| t - p);
                match metric {
                    "rmse" => Self::Mean(errors.map(|error| error * error).collect()),
                    "mae" => Self::Mean(errors.map(f64::abs).collect()),
                    _ => return None,
                }
            }
            Outcome::Classes { truth, predicted, scores, score_labels, labels } => match metric {
                "accuracy" => {
                    let hits =
                        truth.iter().zip(predicted).map(|(t, p)| f64::from(u8::from(t == p)));
                    Self::Mean(hits.collect())
                }
                "log_loss" => Self::Mean(classification::log_losses(truth, scores, score_labels)?),
                "roc_auc" => Self::Area(rankings(truth, scores, score_labels)),
                "f1_weighted" | "f1_macro" => {
                    let (labels, weighted) = (*labels, metric == "f1_weighted");
                    Self::F1 { truth, predicted, labels, weighted }
                }
                _ => return None,
            },
        };
        if let Self::Mean(values) = &mut sampled {
            values.truncate(ROWS_MAX);
        }
        Some(sampled)
    }

    fn value(&self, counts: &[u32]) -> Option<f64> {
        match self {
            Self::Mean(values) => {
                let sum: f64 =
                    values.iter().zip(counts).map(|(v, &count)| v * f64::from(count)).sum();
                Some(sum / counts.len() as f64)
            }
            Self::F1 { truth, predicted, labels, weighted } => {
                Some(f1(truth, predicted, counts, *labels, *weighted))
            }
            Self::Area(rankings) => {
                let areas: Option<Vec<f64>> =
                    rankings.iter().map(|ranking| ranking.area(Some(counts))).collect();
                areas.map(|areas| areas.iter().sum::<f64>() / areas.len() as f64)
            }
        }
    }
}

fn rankings(truth: &[u32], scores: &[f64], score_labels: &[u32]) -> Vec<Ranking> {
    let width = score_labels.len();
    let positives = if width == 2 { 1..2 } else { 0..width };
    let ranking = |at: usize| {
        let rows = truth.iter().zip(scores.chunks_exact(width)).take(ROWS_MAX);
        Ranking::new(rows.map(|(&label, scores)| (scores[at], label == score_labels[at])))
    };
    positives.map(ranking).collect()
}

/// F1 of rows that count as often as `counts` says.
fn f1(truth: &[u32], predicted: &[u32], counts: &[u32], labels: usize, weighted: bool) -> f64 {
    let mut sums = vec![(0_u64, 0_u64, 0_u64); labels];
    for ((&t, &p), &count) in truth.iter().zip(predicted).zip(counts) {
        let count = u64::from(count);
        sums[t as usize].1 += count;
        sums[p as usize].2 += count;
        if t == p {
            sums[t as usize].0 += count;
        }
    }
    let (mut sum, mut weights) = (0.0, 0.0);
    for (hits, support, given) in sums.into_iter().filter(|(_, s, g)| s + g > 0) {
        let weight = if weighted { support as f64 } else { 1.0 };
        sum += weight * (2 * hits) as f64 / (support + given) as f64;
        weights += weight;
    }
    if weights > 0.0 { sum / weights } else { 0.0 }
}
