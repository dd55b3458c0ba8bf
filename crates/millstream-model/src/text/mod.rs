//! `text_linear`: TF-IDF and a linear model, for labels of texts.

pub(crate) mod calibrate;
pub(crate) mod logistic;
pub(crate) mod settings;
pub(crate) mod svm;
pub(crate) mod tfidf;
pub(crate) mod tokens;
pub(crate) mod vocabulary;

#[cfg(test)]
mod peer_tests;
#[cfg(test)]
mod tests;

use tracing::warn;

use self::settings::{ClassWeight, LinearModel, TextLinearSettings};
use self::tfidf::{SparseRow, SparseRows, Tfidf, TfidfSettings};
use self::tokens::Words;
use crate::codec::{Reader, Writer};
use crate::error::ModelError;

/// Parts into which the rows are cut to fit the sharpness of the scores of an SVM.
const CALIBRATION_FOLDS: usize = 3;
/// Most weights of a model, labels times terms: 512 MiB.
const WEIGHTS_MAX: usize = 64 << 20;

/// Memory of one document's words and weights, used again for the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    words: Words,
    row: SparseRow,
}

/// A fitted text model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TextModel {
    tfidf: Tfidf,
    /// Classes; at least 2.
    classes: usize,
    /// For each term the weight of each plane, the intercepts last.
    weights: Vec<f64>,
    /// By how much margins are sharpened before the softmax.
    sharpness: f64,
}

impl TextModel {
    /// Learns from documents and their classes, which are below `classes`.
    pub(crate) fn fit<'a>(
        documents: impl Iterator<Item = &'a str> + Clone,
        truth: &[u32],
        classes: usize,
        settings: &TextLinearSettings,
        seed: u64,
    ) -> Result<Self, ModelError> {
        let tfidf = Tfidf::fit(documents.clone(), TfidfSettings::from(settings))?;
        if (tfidf.width() + 1).saturating_mul(classes) > WEIGHTS_MAX {
            return Err(ModelError::TooLarge {
                what: format!("{} terms for {classes} labels", tfidf.width()),
            });
        }
        let rows = tfidf.rows(documents);
        let weights = fit_planes(&rows, truth, classes, settings, seed);
        let sharpness = match settings.model {
            // Two classes share one plane: their margins are its value and the negative.
            LinearModel::Logistic if classes == 2 => 0.5,
            LinearModel::Logistic => 1.0,
            LinearModel::Svm => fit_sharpness(&rows, truth, classes, settings, seed),
        };
        Ok(Self { tfidf, classes, weights, sharpness })
    }

    /// Number of classes.
    pub(crate) fn classes(&self) -> usize {
        self.classes
    }

    /// Scores of one document, one for each class, appended to `scores`.
    pub(crate) fn score(&self, document: &str, scratch: &mut Scratch, scores: &mut Vec<f64>) {
        let start = scores.len();
        self.margins(document, scratch, scores);
        calibrate::softmax(&mut scores[start..], self.sharpness);
    }

    /// Margins of one document, appended: what scikit-learn calls the decision function. With two
    /// classes the second's margin is the value there, and the first's its negative.
    pub(crate) fn margins(&self, document: &str, scratch: &mut Scratch, margins: &mut Vec<f64>) {
        let Scratch { words, row } = scratch;
        words.read(document);
        self.tfidf.row(words, row);
        push_margins(&self.weights, self.classes, &row.columns, &row.values, margins);
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        self.tfidf.write(out);
        out.u32(self.classes as u32);
        out.f64s(&self.weights);
        out.f64(self.sharpness);
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Self, ModelError> {
        let tfidf = Tfidf::read(input)?;
        let classes = input.u32()? as usize;
        let weights = input.f64s()?;
        let sharpness = input.f64()?;
        let fits = classes >= 2 && weights.len() == (tfidf.width() + 1) * planes(classes);
        if !fits {
            return Err(ModelError::corrupt("the weights do not fit the terms"));
        }
        Ok(Self { tfidf, classes, weights, sharpness })
    }
}

impl From<&TextLinearSettings> for TfidfSettings {
    fn from(settings: &TextLinearSettings) -> Self {
        Self {
            ngrams: settings.ngrams,
            sublinear: settings.sublinear_tf,
            max_features: settings.max_features,
            min_documents: settings.min_df,
        }
    }
}

fn planes(classes: usize) -> usize {
    if classes == 2 { 1 } else { classes }
}

/// Margins of a sparse row, appended in the order of the classes.
fn push_margins(
    weights: &[f64],
    classes: usize,
    columns: &[u32],
    values: &[f64],
    margins: &mut Vec<f64>,
) {
    let planes = planes(classes);
    let start = margins.len();
    margins.extend_from_slice(&weights[weights.len() - planes..]);
    for (&column, value) in columns.iter().zip(values) {
        let at = column as usize * planes;
        for (margin, weight) in margins[start..].iter_mut().zip(&weights[at..at + planes]) {
            *margin += value * weight;
        }
    }
    if planes == 1 {
        let margin = margins[start];
        margins[start] = -margin;
        margins.push(margin);
    }
}

/// Weights term by term, the intercepts last.
fn fit_planes(
    rows: &SparseRows,
    truth: &[u32],
    classes: usize,
    settings: &TextLinearSettings,
    seed: u64,
) -> Vec<f64> {
    let class_weights = class_weights(truth, classes, settings.class_weight);
    let by_plane = match settings.model {
        LinearModel::Svm => fit_svms(rows, truth, &class_weights, settings, seed),
        LinearModel::Logistic => {
            let fitted = logistic::fit(&logistic::Problem {
                rows,
                classes: truth,
                class_weights: &class_weights,
                c: settings.c,
                tolerance: settings.tolerance,
                iterations_max: settings.max_iterations,
            });
            warn_unless(fitted.converged, settings);
            fitted.weights
        }
    };
    let width = rows.width + 1;
    (0..width).flat_map(|term| by_plane.iter().map(move |plane| plane[term])).collect()
}

/// One plane for each class against the rest; for two classes one plane alone.
fn fit_svms(
    rows: &SparseRows,
    truth: &[u32],
    class_weights: &[f64],
    settings: &TextLinearSettings,
    seed: u64,
) -> Vec<Vec<f64>> {
    let two = class_weights.len() == 2;
    let classes = if two { 1..2 } else { 0..class_weights.len() };
    let mut converged = true;
    let planes = classes
        .map(|class| {
            // As liblinear has it, the rest keeps its plain price when there are several classes.
            let rest = if two { class_weights[0] } else { 1.0 };
            let plane = svm::fit(&svm::Problem {
                rows,
                positive: truth.iter().map(|&of| of as usize == class).collect(),
                costs: [settings.c * rest, settings.c * class_weights[class]],
                tolerance: settings.tolerance,
                iterations_max: settings.max_iterations,
                seed,
            });
            converged &= plane.converged;
            plane.weights
        })
        .collect();
    warn_unless(converged, settings);
    planes
}

fn warn_unless(converged: bool, settings: &TextLinearSettings) {
    if !converged {
        warn!(max_iterations = settings.max_iterations, "linear model did not converge");
    }
}

/// Weight of each class: 1, or rows divided by classes times rows of the class.
fn class_weights(truth: &[u32], classes: usize, rule: ClassWeight) -> Vec<f64> {
    if rule == ClassWeight::None {
        return vec![1.0; classes];
    }
    let mut counts = vec![0_usize; classes];
    for &class in truth {
        counts[class as usize] += 1;
    }
    let present = counts.iter().filter(|&&count| count > 0).count();
    counts
        .into_iter()
        .map(|count| truth.len() as f64 / (present as f64 * count.max(1) as f64))
        .collect()
}

/// Fits the sharpness on margins of rows that their planes had not seen. The terms are those of
/// all rows, since an idf says nothing of labels.
fn fit_sharpness(
    rows: &SparseRows,
    truth: &[u32],
    classes: usize,
    settings: &TextLinearSettings,
    seed: u64,
) -> f64 {
    let mut margins = Vec::with_capacity(rows.len() * classes);
    let mut margins_truth = Vec::with_capacity(rows.len());
    for fold in 0..CALIBRATION_FOLDS {
        let inside = |row: &usize| row % CALIBRATION_FOLDS != fold;
        let kept: Vec<usize> = (0..rows.len()).filter(inside).collect();
        let kept_truth: Vec<u32> = kept.iter().map(|&row| truth[row]).collect();
        if kept_truth.iter().all(|class| Some(class) == kept_truth.first()) {
            continue;
        }
        let weights = fit_planes(&rows.select(&kept), &kept_truth, classes, settings, seed);
        for row in (0..rows.len()).filter(|row| !inside(row)) {
            let (columns, values) = rows.row(row);
            push_margins(&weights, classes, columns, values, &mut margins);
            margins_truth.push(truth[row]);
        }
    }
    if margins_truth.is_empty() { 1.0 } else { calibrate::fit(&margins, &margins_truth, classes) }
}
