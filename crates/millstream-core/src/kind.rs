//! What the project's reader must know of things that plug in by name: connectors and trainers.

use serde_json::{Map, Value};

use crate::spec::{StreamSpec, TrainingSpec};

/// A connector or trainer, as the reader of the project sees it.
#[derive(Debug, Clone)]
pub struct KindInfo {
    /// Its name in the files.
    pub kind: &'static str,
    /// JSON Schema of its own settings.
    pub schema: Value,
    /// JSON Schema of its settings per stream; `None` for trainers.
    pub stream_schema: Option<Value>,
    /// Checks settings without I/O: all problems at once.
    pub validate: Validate,
    /// Checks what a file declares beside the settings, without I/O: all problems at once.
    pub review: fn(declaration: Declaration<'_>) -> Vec<SettingProblem>,
}

/// Checks the settings of a connector or trainer, and those of one stream if there is one.
pub type Validate =
    fn(settings: &Map<String, Value>, stream: Option<&Map<String, Value>>) -> Vec<SettingProblem>;

/// What a file declares for a connector or trainer.
#[derive(Debug, Clone, Copy)]
pub enum Declaration<'a> {
    /// A stream, for a connector.
    Stream(&'a StreamSpec),
    /// A training, for a trainer.
    Training(&'a TrainingSpec),
}

/// A problem with one setting, or with another value of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingProblem {
    /// The key, or the way to it, as `columns/1/type`.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}
