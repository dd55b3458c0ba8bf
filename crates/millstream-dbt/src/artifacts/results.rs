//! `run_results.json`: what a command did, and how it went.

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::meta::{Artifact, Metadata, Moment, Plain};
use crate::manifest::UniqueId;

/// The results of a command.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RunResults {
    /// The command.
    pub metadata: Metadata,
    /// What it did, in the order in which it ended.
    pub results: Vec<RunResult>,
    /// Seconds that it took.
    pub elapsed_time: f64,
    /// Its flags, with `which` for the command's word; [`super::Secrets`] must be taken out.
    pub args: Map<String, Value>,
}

/// What became of one node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunResult {
    /// How it ended.
    pub status: Status,
    /// Its steps.
    pub timing: Vec<Timing>,
    /// The thread that did it.
    pub thread_id: String,
    /// Seconds that it took.
    pub execution_time: f64,
    /// What the warehouse said: `_message`, `code`, `rows_affected`.
    #[serde(deserialize_with = "or_default")]
    pub adapter_response: Map<String, Value>,
    /// What to tell the user.
    pub message: Option<String>,
    /// Rows that failed a test.
    pub failures: Option<i64>,
    /// The node.
    pub unique_id: UniqueId,
    /// Whether it was compiled; `None` for what cannot be.
    pub compiled: Option<bool>,
    /// The query.
    pub compiled_code: Option<String>,
    /// The relation that was made.
    pub relation_name: Option<String>,
    /// Of a microbatch model what became of its batches.
    pub batch_results: Option<BatchResults>,
    /// Of a function what became of its overloads.
    pub overload_results: Option<OverloadResults>,
}

/// How a node ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A node was made.
    #[default]
    Success,
    /// It could not be.
    Error,
    /// A test found rows.
    Fail,
    /// A test found rows, which only warns.
    Warn,
    /// Something before it failed.
    Skipped,
    /// Some batches were made.
    #[serde(rename = "partial success")]
    PartialSuccess,
    /// A test found nothing.
    Pass,
    /// A source could not be asked.
    #[serde(rename = "runtime error")]
    RuntimeError,
    /// There was nothing to do.
    #[serde(rename = "no-op")]
    NoOp,
    /// What was there is still right.
    Reused,
}

impl Status {
    /// dbt's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Skipped => "skipped",
            Self::PartialSuccess => "partial success",
            Self::Pass => "pass",
            Self::RuntimeError => "runtime error",
            Self::NoOp => "no-op",
            Self::Reused => "reused",
        }
    }
}

/// A step of a node: `compile` or `execute`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timing {
    /// The step.
    pub name: String,
    /// When it began.
    pub started_at: Option<Moment>,
    /// When it ended.
    pub completed_at: Option<Moment>,
}

/// Batches, each from one moment to another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BatchResults {
    /// Those that were made.
    pub successful: Vec<(Moment, Moment)>,
    /// Those that failed.
    pub failed: Vec<(Moment, Moment)>,
}

/// Overloads of a function, by the files that they are in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OverloadResults {
    /// Those that were made.
    pub successful: Vec<String>,
    /// Those that failed.
    pub failed: Vec<String>,
}

impl RunResults {
    /// From the text of a `run_results.json`.
    pub fn read(json: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(json)
    }

    /// What a `retry` does again. Hooks of the project run anyway and are not retried.
    pub fn to_retry(&self) -> impl Iterator<Item = &RunResult> {
        let which = self.args.get("which").and_then(Value::as_str);
        let with_operations = which == Some("run-operation");
        self.results.iter().filter(move |result| {
            let is_open = matches!(
                result.status,
                Status::Error
                    | Status::Fail
                    | Status::Skipped
                    | Status::RuntimeError
                    | Status::PartialSuccess
            );
            is_open && (with_operations || result.unique_id.resource_type() != "operation")
        })
    }

    /// The nodes that ended in a way.
    pub fn with_status(&self, word: &str) -> impl Iterator<Item = &str> {
        let ended = self.results.iter().filter(move |result| result.status.word() == word);
        ended.map(|result| result.unique_id.as_str())
    }
}

impl Serialize for RunResults {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("metadata", &Plain(&self.metadata, Artifact::RunResults))?;
        map.serialize_entry("results", &self.results)?;
        map.serialize_entry("elapsed_time", &self.elapsed_time)?;
        map.serialize_entry("args", &self.args)?;
        map.end()
    }
}

/// `null` is what nothing is.
fn or_default<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Map<String, Value>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
