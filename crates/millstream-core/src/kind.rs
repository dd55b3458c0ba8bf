//! What the project's reader must know of things that plug in by name: connectors and trainers.

use serde_json::{Map, Value};

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
}

/// Checks the settings of a connector or trainer, and those of one stream if there is one.
pub type Validate =
    fn(settings: &Map<String, Value>, stream: Option<&Map<String, Value>>) -> Vec<SettingProblem>;

/// A problem with one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingProblem {
    /// The key.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}
