//! Settings of `tabular_gbdt`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::settings::ClassWeight;

/// Most categories of a column that keep a code of their own.
pub(crate) const CATEGORIES_MAX: usize = 4096;

/// Settings of the trainer `tabular_gbdt`: gradient-boosted decision trees over numbers and
/// categories. Missing values are allowed in both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TabularGbdtSettings {
    /// What is predicted: `auto`, `classification` or `regression`. With `auto`, a label of text,
    /// whole numbers or booleans is a class, and one of floats or decimals is a number. The
    /// default is `auto`.
    pub task: TaskChoice,
    /// How much work goes into the fit, above 0 and at most 3. More fits finer. The default is
    /// 0.5.
    pub budget: f32,
    /// Most bins into which the values of a column are sorted, 2 to 4096. The default is 256.
    pub max_bins: u16,
    /// Most categories of a column; the most frequent are kept, the others count as missing. The
    /// default is 256.
    pub max_categories: usize,
    /// Whether labels count alike (`balanced`) or as often as they occur (`none`); for classes
    /// only. The default is `none`.
    pub class_weight: ClassWeight,
}

/// What `tabular_gbdt` predicts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskChoice {
    /// By the type of the label.
    #[default]
    Auto,
    /// One of several labels.
    Classification,
    /// A number.
    Regression,
}

impl Default for TabularGbdtSettings {
    fn default() -> Self {
        Self {
            task: TaskChoice::default(),
            budget: 0.5,
            max_bins: 256,
            max_categories: 256,
            class_weight: ClassWeight::default(),
        }
    }
}

impl TabularGbdtSettings {
    /// What is wrong with the values: the key and why.
    pub(crate) fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if !(self.budget > 0.0 && self.budget <= 3.0) {
            problems.push(("budget", "must be above 0 and at most 3".to_owned()));
        }
        if !(2..=4096).contains(&self.max_bins) {
            problems.push(("max_bins", "must lie between 2 and 4096".to_owned()));
        }
        if !(1..=CATEGORIES_MAX).contains(&self.max_categories) {
            problems.push(("max_categories", format!("must lie between 1 and {CATEGORIES_MAX}")));
        }
        problems
    }
}
