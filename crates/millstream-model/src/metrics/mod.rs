//! Metrics as scikit-learn defines them with its default arguments.
//!
//! A metric that is not defined, as the area under the curve of rows of one class, is left out.

pub mod classification;
pub mod ranking;
pub mod regression;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use millstream_core::model::Task;
use serde::{Deserialize, Serialize};

pub use self::classification::{ClassReport, Confusion};

/// Metrics of one model on rows that it had not seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Every metric that is defined, by its name as gates use it: `accuracy`, `f1_weighted`,
    /// `f1[label]`, `rmse` and so on.
    pub values: BTreeMap<String, f64>,
    /// Rows by true and predicted label; for classes only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confusion: Option<Confusion>,
}

/// Names of metrics of classifiers; besides there is `f1[label]`, `precision[label]` and
/// `recall[label]`.
pub const CLASSIFICATION: &[&str] = &[
    "accuracy",
    "f1_macro",
    "f1_weighted",
    "log_loss",
    "precision_macro",
    "precision_weighted",
    "recall_macro",
    "recall_weighted",
    "roc_auc",
];
/// Names of metrics of regressions.
pub const REGRESSION: &[&str] = &["mae", "r2", "rmse"];
/// Metrics that exist for each label.
pub const PER_LABEL: &[&str] = &["f1", "precision", "recall"];

/// The task whose metric this is.
pub(crate) fn task_of(metric: &str) -> Task {
    if REGRESSION.contains(&metric) { Task::Regression } else { Task::Classification }
}

/// Whether a smaller value of the metric is better.
pub fn smaller_is_better(metric: &str) -> bool {
    matches!(metric, "log_loss" | "mae" | "rmse")
}

/// Metrics of a classifier. `labels` are sorted; truth and predictions are positions in them.
/// `scores` has one value for each of the `score_labels`, row by row; those are ascending positions
/// too, and fewer than the labels when some occur in the truth only.
pub fn of_classes(
    labels: &[String],
    truth: &[u32],
    predicted: &[u32],
    scores: &[f64],
    score_labels: &[u32],
) -> Metrics {
    let confusion = Confusion::new(labels, truth, predicted);
    let report = confusion.report();
    let mut values = BTreeMap::new();
    values.insert("accuracy".to_owned(), confusion.accuracy());
    for (name, of) in [
        ("precision", ClassReport::precision as fn(&ClassReport) -> f64),
        ("recall", ClassReport::recall),
        ("f1", ClassReport::f1),
    ] {
        values.insert(format!("{name}_macro"), classification::macro_mean(&report, of));
        values.insert(format!("{name}_weighted"), classification::weighted_mean(&report, of));
        for class in &report {
            values.insert(format!("{name}[{}]", class.label), of(class));
        }
    }
    if let Some(auc) = ranking::roc_auc(truth, scores, score_labels) {
        values.insert("roc_auc".to_owned(), auc);
    }
    if let Some(loss) = classification::log_loss(truth, scores, score_labels) {
        values.insert("log_loss".to_owned(), loss);
    }
    Metrics { values, confusion: Some(confusion) }
}

/// Metrics of a regression.
pub fn of_numbers(truth: &[f64], predicted: &[f64]) -> Metrics {
    let mut values = BTreeMap::new();
    values.insert("rmse".to_owned(), regression::rmse(truth, predicted));
    values.insert("mae".to_owned(), regression::mae(truth, predicted));
    if let Some(r2) = regression::r2(truth, predicted) {
        values.insert("r2".to_owned(), r2);
    }
    Metrics { values, confusion: None }
}
