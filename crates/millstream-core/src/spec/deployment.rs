//! `deployments/*.yml`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::execution::ExecutionSpec;

/// A deployment: which model version is served, how, and where its predictions are recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeploymentSpec {
    /// Name of the deployment; the `{name}` of its routes.
    pub name: String,
    /// What it is for, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Model and alias or version: `tagger@champion`, `tagger@3`.
    pub model: String,
    /// Answers requests under `serve`.
    #[serde(default)]
    pub realtime: bool,
    /// Scores a relation into a table with every run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchScoring>,
    /// Where predictions are recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordSpec>,
    /// What it shares with others while it runs, how urgent it is, when it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<ExecutionSpec>,
}

/// Scoring of a relation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchScoring {
    /// The rows to score: `ref('model')` or `source('source', 'stream')`.
    pub over: String,
    /// Column that identifies a row.
    pub key: String,
    /// Table of the answers.
    pub into: String,
}

/// Recording of predictions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordSpec {
    /// Topic to which each answer is appended before it is given.
    pub topic: String,
}
