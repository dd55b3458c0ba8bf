//! `functions/*.yml`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::execution::ExecutionSpec;

/// A function: what handles the events of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionSpec {
    /// Name of the function.
    pub name: String,
    /// What it does, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The events that start it.
    pub on: FunctionTrigger,
    /// Query over `records`, the events of one batch. Event fields are columns.
    pub sql: String,
    /// Table of the operational database that takes the rows: `operational.predictions`. Made if
    /// it is missing.
    pub into: String,
    /// Column that identifies a row. The default is `event_id`.
    #[serde(default = "default_key")]
    pub key: String,
    /// What it shares with others while it runs, how urgent it is, when it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<ExecutionSpec>,
}

/// The events that start a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionTrigger {
    /// Topic to read.
    pub topic: String,
    /// Most events of one batch. The default is 1000.
    #[serde(default = "default_batch")]
    pub batch: usize,
}

fn default_key() -> String {
    "event_id".to_owned()
}

fn default_batch() -> usize {
    1000
}
