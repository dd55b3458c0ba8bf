//! Settings of `text_linear`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most terms of a vocabulary unless the settings say otherwise.
pub(crate) const MAX_FEATURES_DEFAULT: usize = 200_000;
/// Longest run of words that counts as one term.
pub(crate) const NGRAM_LENGTH_MAX: usize = 5;

/// Settings of the trainer `text_linear`: TF-IDF over words and runs of words, and a linear model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TextLinearSettings {
    /// Linear model: `svm` or `logistic`. The default is `svm`.
    pub model: LinearModel,
    /// Shortest and longest run of words that counts as a term. The default is `[1, 2]`.
    pub ngrams: [usize; 2],
    /// Whether the n-th occurrence of a term in a text counts less than the first: `1 + ln(n)`
    /// instead of `n`. The default is `true`.
    pub sublinear_tf: bool,
    /// Most terms; the most frequent are kept. The default is 200000.
    pub max_features: usize,
    /// Texts in which a term must occur. The default is 1.
    pub min_df: u32,
    /// Price of an error against the simplicity of the model. The default is 1.
    pub c: f64,
    /// Whether labels count alike (`balanced`), so that rare ones are not overlooked, or as often as
    /// they occur (`none`). The default is `balanced`.
    pub class_weight: ClassWeight,
    /// Precision at which the fit ends. The default is 0.0001.
    pub tolerance: f64,
    /// Most passes of the fit. The default is 1000.
    pub max_iterations: usize,
}

/// The linear model of `text_linear`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinearModel {
    /// One support vector machine with squared hinge loss for each label against the rest. Its
    /// scores are the softmax of the margins, sharpened by one factor that is fitted on rows held
    /// out within the training rows: they sum to 1, and the highest is that of the largest margin.
    #[default]
    Svm,
    /// Multinomial logistic regression. Its scores are its probabilities.
    Logistic,
}

/// How much the labels count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeight {
    /// Each row counts alike.
    #[default]
    None,
    /// Each label counts alike: a row counts for the inverse of its label's share.
    Balanced,
}

impl Default for TextLinearSettings {
    fn default() -> Self {
        Self {
            model: LinearModel::default(),
            ngrams: [1, 2],
            sublinear_tf: true,
            max_features: MAX_FEATURES_DEFAULT,
            min_df: 1,
            c: 1.0,
            class_weight: ClassWeight::Balanced,
            tolerance: 1e-4,
            max_iterations: 1000,
        }
    }
}

impl TextLinearSettings {
    /// What is wrong with the values: the key and why.
    pub(crate) fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let mut check = |key, good: bool, message: String| {
            if !good {
                problems.push((key, message));
            }
        };
        let [shortest, longest] = self.ngrams;
        check(
            "ngrams",
            1 <= shortest && shortest <= longest && longest <= NGRAM_LENGTH_MAX,
            format!("must be two lengths from 1 to {NGRAM_LENGTH_MAX}, the shorter first"),
        );
        check("max_features", self.max_features >= 1, "must be at least 1".to_owned());
        check("min_df", self.min_df >= 1, "must be at least 1".to_owned());
        check("c", self.c > 0.0 && self.c.is_finite(), "must be above 0".to_owned());
        check(
            "tolerance",
            self.tolerance > 0.0 && self.tolerance < 1.0,
            "must lie between 0 and 1".to_owned(),
        );
        check("max_iterations", self.max_iterations >= 1, "must be at least 1".to_owned());
        problems
    }
}
