//! The contract of a loaded model version.

use std::sync::Arc;

use arrow_array::ArrayRef;
use serde::{Deserialize, Serialize};

use crate::catalog::CatalogSnapshot;
use crate::error::Result;

/// What kind of answer a model gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// One of several labels.
    Classification,
    /// A number.
    Regression,
}

/// The type of an input of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputType {
    /// UTF-8 text; null counts as the empty text.
    Text,
    /// A 64-bit float; null is a missing value.
    Number,
    /// One of the categories seen in training, as text; others are missing values.
    Category,
}

/// An input of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInput {
    /// Its name, that of the column in training.
    pub name: String,
    /// Its type.
    pub r#type: InputType,
}

/// What goes into a model and what comes out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Inputs in the order in which `score` takes them.
    pub inputs: Vec<ModelInput>,
    /// The kind of answer.
    pub task: Task,
    /// Labels in the order of the scores; empty for regression.
    pub labels: Vec<String>,
}

/// Answers for a batch of rows.
#[derive(Debug, Clone)]
pub struct Predictions {
    /// The label as text, or the number as `Float64`; one for each row.
    pub labels: ArrayRef,
    /// Scores row by row, `labels` of the signature each; empty for regression.
    pub scores: Vec<f64>,
}

/// A model version that is loaded. Pure: no I/O, the same rows give the same answers.
pub trait Scorer: Send + Sync + std::fmt::Debug {
    /// The registered model.
    fn model(&self) -> &str;
    /// The version.
    fn version(&self) -> u64;
    /// Inputs and outputs.
    fn signature(&self) -> &Signature;
    /// Scores rows: one array for each input of the signature, all of one length.
    fn score(&self, inputs: &[ArrayRef]) -> Result<Predictions>;
}

/// Finds model versions: `tagger@champion`, `tagger@3`, or `tagger` for its champion.
pub trait Models: Send + Sync + std::fmt::Debug {
    /// The version that a reference names in a snapshot, loaded; kept loaded for later calls.
    fn resolve(&self, reference: &str, catalog: &CatalogSnapshot) -> Result<Arc<dyn Scorer>>;
}
