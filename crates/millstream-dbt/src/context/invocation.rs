//! The command that a project is read or run for.

use serde_json::{Map, Value};

use super::Warnings;

/// The version of dbt that projects see; packages refuse to work with one that is too old or new.
pub const DBT_VERSION: &str = "1.12.6";

/// The command that a project is read or run for.
#[derive(Debug, Clone, Default)]
pub struct Invocation {
    /// A UUID.
    pub id: String,
    /// When it began, in microseconds since 1970.
    pub started_at_micros: i64,
    /// dbt's word for the command: `run`, `build`, `run-operation`.
    pub which: String,
    /// What `invocation_args_dict` shows: flags by their names in lower case.
    pub args: Map<String, Value>,
    /// Which warnings are errors.
    pub warnings: Warnings,
    /// `DBT_ENV_CUSTOM_ENV_...` without the prefix, which `dbt_metadata_envs` shows.
    pub metadata_envs: Map<String, Value>,
}

impl Invocation {
    /// Whether a flag is set: `full_refresh`.
    pub fn is_set(&self, flag: &str) -> bool {
        self.args.get(flag).and_then(Value::as_bool).unwrap_or(false)
    }
}
