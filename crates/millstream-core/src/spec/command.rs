//! `steps/*.yml`

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::execution::ExecutionSpec;
use crate::flow::{Answer, Approver, Rule};
use crate::secret::SecretRef;

/// A step that runs a command as a process of its own, in the folder of the project, or calls a
/// function in Python.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandSpec {
    /// Name of the step.
    pub name: String,
    /// What it does, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The program and its arguments, as `[python, scripts/train.py]`. No shell is between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Vec<String>>,
    /// A line for `sh`, in place of `run`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// A file in Python whose `main` is called in place of a command, in a process that is forked from
    /// a warm one: `scripts/report.py`, or `scripts/report.py:send` for another function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Arguments of that function, by the names of its parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub with: BTreeMap<String, Value>,
    /// Variables of its environment: texts, or secrets by reference, as `{env: NAME}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, VariableSpec>,
    /// What it reads: `ref('orders')`, `source('shop', 'orders')`, `step:NAME`, `model:NAME`. A new
    /// version makes it due.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// What must be made before it in the same run, written as `inputs`. A new version makes
    /// nothing due.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// Files of the project that decide what it does, beside those that `run` names. A change makes
    /// it due.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Files that it writes, which must be there once it has ended well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<String>,
    /// Exit statuses that say that there was nothing to do. The default is 99.
    #[serde(default = "default_skip")]
    pub skip_on: Vec<u8>,
    /// Exit statuses after which it is tried again. The default is 75.
    #[serde(default = "default_retry")]
    pub retry_on: Vec<u8>,
    /// It runs only while this is true, as `step.check.result.rows > 0`: an expression of Jinja over
    /// the results of other steps, which become inputs. Otherwise it is skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// What must have become of the steps before it. The default is `all_success`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rule: Rule,
    /// It runs once for each item: of a list, or of an expression that gives one, as
    /// `step.files.result`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<ForEachSpec>,
    /// How many items are worked on at the same time. The default is 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub max_parallel: Option<u32>,
    /// In place of a command: the step waits for the word of a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approve: Option<ApproveSpec>,
    /// What it may take of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsSpec>,
    /// What it shares with others while it runs, how urgent it is, when it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<ExecutionSpec>,
}

/// The items for each of which a step runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ForEachSpec {
    /// An expression over the results of other steps.
    Expression(String),
    /// The items themselves.
    Items(Vec<Value>),
}

/// What a person is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveSpec {
    /// Who may answer, and whoever may do more: `operator`, `author` or `admin`. The default is
    /// `operator`.
    #[serde(default)]
    pub role: Approver,
    /// What is asked, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How long it waits, as `24h`; for ever when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// What holds if nobody answers in time: `reject` or `approve`. The default is `reject`.
    #[serde(default = "default_answer")]
    pub on_timeout: Answer,
}

/// A variable of the environment of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum VariableSpec {
    /// A text.
    Text(String),
    /// A secret by reference, which is not shown in logs.
    Secret(SecretRef),
}

/// What a command may take of the machine, where Linux has control groups of version 2 that
/// Millstream may make. Elsewhere the log says that it has no limits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsSpec {
    /// Memory of all its processes together, as `2GiB`. Above it they are killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// Processors, as `1.5`. It is slowed down to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01))]
    pub cpu: Option<f64>,
}

impl LimitsSpec {
    /// The limit of memory in bytes.
    pub fn memory_bytes(&self) -> Option<u64> {
        self.memory.as_deref().and_then(bytes_of)
    }
}

/// Reads a size such as `512MiB`, `2 GB` or `1024`.
pub fn bytes_of(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..split].parse().ok()?;
    let factor: u64 = match text[split..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" | "k" => 1 << 10,
        "mib" | "m" => 1 << 20,
        "gib" | "g" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor).filter(|bytes| *bytes > 0)
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn default_answer() -> Answer {
    Answer::Reject
}

fn default_skip() -> Vec<u8> {
    vec![99]
}

fn default_retry() -> Vec<u8> {
    vec![75]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, expected) in [
            ("512MiB", Some(512 << 20)),
            ("2 GB", Some(2_000_000_000)),
            ("1024", Some(1024)),
            ("0", None),
            ("many", None),
            ("99999999999GiB", None),
        ] {
            assert_eq!(bytes_of(text), expected, "of {text}");
        }
    }
}
