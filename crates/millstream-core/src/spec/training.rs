//! `training/*.yml`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::execution::ExecutionSpec;

/// A training: what is learned from what, and the gate before promotion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainingSpec {
    /// Name of the training and of the registered model that it makes.
    pub name: String,
    /// What the model is for, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The rows to learn from: `ref('model')` or `source('source', 'stream')`.
    pub data: String,
    /// Column to predict. Rows without it are left out.
    pub label: String,
    /// Column that identifies a row; decides its side of the split. All inputs together when left
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Columns to learn from.
    pub inputs: TrainingInputs,
    /// Trainer: `text_linear` or `tabular_gbdt`.
    pub trainer: String,
    /// Settings of the trainer.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// How rows are held out for the gate.
    #[serde(default)]
    pub split: SplitSpec,
    /// What a version must pass before `champion` moves to it: `METRIC >= NUMBER` (or `>`, `<=`,
    /// `<`) and `not worse than champion`.
    #[serde(default)]
    pub gate: Vec<String>,
    /// Whether changes that come back through predictions make the training due. The default is
    /// `false`.
    #[serde(default)]
    pub retrain: bool,
    /// What it shares with others while it runs, how urgent it is, when it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<ExecutionSpec>,
}

/// Columns by what they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainingInputs {
    /// Columns of text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub text: Vec<String>,
    /// Columns of numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numeric: Vec<String>,
    /// Columns of categories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categorical: Vec<String>,
}

/// How rows are held out. A row's side depends on the seed and its key alone, so that new rows
/// move no old one across.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitSpec {
    /// Share of rows held out, between 0 and 1.
    #[serde(default = "default_test_share")]
    pub test: f64,
    /// Seed of the split and of the trainer.
    #[serde(default)]
    pub seed: u64,
    /// Column whose values are held out in equal shares; the label as a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stratify: Option<String>,
    /// Column of time: the newest rows are held out, instead of chosen ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

impl Default for SplitSpec {
    fn default() -> Self {
        Self { test: default_test_share(), seed: 0, stratify: None, time: None }
    }
}

fn default_test_share() -> f64 {
    0.2
}
