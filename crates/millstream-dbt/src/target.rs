//! Where a project runs: one output of a profile.

use millstream_core::name::DEFAULT_SCHEMA;
use serde_json::{Map, Value};

/// The warehouse that a profile's output names, and what it says of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Target {
    /// The profile.
    pub profile_name: String,
    /// The output: `dev`.
    pub name: String,
    /// Its type as templates see it (`target.type`): `postgres`.
    pub kind: String,
    /// The default database.
    pub database: String,
    /// The default schema.
    pub schema: String,
    /// Nodes that run at the same time.
    pub threads: usize,
    /// Everything that the output says, passwords included.
    pub fields: Map<String, Value>,
}

impl Target {
    /// Its type as the profile writes it: `duckdb`, for which the embedded engine stands in.
    pub fn written_kind(&self) -> &str {
        self.fields.get("type").and_then(Value::as_str).unwrap_or(&self.kind)
    }

    /// The embedded engine, where no profile says anything else.
    pub fn embedded(name: &str, threads: usize) -> Self {
        Self {
            profile_name: "millstream".to_owned(),
            name: name.to_owned(),
            kind: "millstream".to_owned(),
            database: "millstream".to_owned(),
            schema: DEFAULT_SCHEMA.to_owned(),
            threads,
            fields: Map::new(),
        }
    }
}
