//! `sources/*.yml`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::execution::ExecutionSpec;

/// A source: where records come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceSpec {
    /// Name of the source; the schema of its tables.
    pub name: String,
    /// Connector that reads it: `file`, `sqlite`, `postgres` or `demo_shop`.
    pub connector: String,
    /// What the source is, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Streams to sync. Each becomes the table `<source>.<stream>`.
    pub streams: Vec<StreamSpec>,
    /// How long raw input is kept, as `30d`; `0d` keeps none. The default is `30d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_raw: Option<String>,
    /// How old its tables may become, as `1h`: what brings them up to date then runs by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh_within: Option<String>,
    /// What it shares with others while it runs, how urgent it is, when it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<ExecutionSpec>,
    /// Settings of the connector itself.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

/// A stream: one named sequence of records of a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StreamSpec {
    /// Name of the stream and of its table.
    pub name: String,
    /// What the stream holds, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How new records meet those of the table. The default is `replace`.
    #[serde(default)]
    pub sync: SyncMode,
    /// Column or columns that identify a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Keys>,
    /// Column by which a database source finds what changed since the last sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Columns to keep, by name, or with a declared type. All when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<Columns>>,
    /// What happens when the source's columns change. The default is `evolve`.
    #[serde(default)]
    pub contract: ContractMode,
    /// How old its table may become, if that is not said of the whole source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh_within: Option<String>,
    /// If that is not said of the whole source: what it shares with others while it runs, how urgent it is, when it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<ExecutionSpec>,
    /// Settings of the connector for this stream.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

/// How new records meet those of the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SyncMode {
    /// The records are the table.
    #[default]
    Replace,
    /// New records are added; of files, only those not read before.
    Append,
    /// A record takes the place of the one with the same key.
    Merge,
}

/// One column name or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Keys {
    /// One column.
    One(String),
    /// Several columns, together.
    Many(Vec<String>),
}

impl Keys {
    /// The columns.
    pub fn columns(&self) -> &[String] {
        match self {
            Self::One(column) => std::slice::from_ref(column),
            Self::Many(columns) => columns,
        }
    }
}

/// A column to keep: its name, or its declaration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Columns {
    /// Only its name; the type is discovered.
    Name(String),
    /// With a declared type.
    Declared(ColumnSpec),
}

/// A declared column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnSpec {
    /// Name of the column as the table has it, in `snake_case`.
    pub name: String,
    /// SQL type: `text`, `bigint`, `integer`, `double`, `decimal(15,2)`, `boolean`, `date`,
    /// `timestamp` (without zone) or `timestamptz`. Discovered when left out.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub data_type: Option<String>,
    /// Rows without a value go to quarantine.
    #[serde(default)]
    pub not_null: bool,
}

/// What happens when the source's columns change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContractMode {
    /// New columns are added, types widen.
    #[default]
    Evolve,
    /// A changed column is an error, and the last good version stays.
    Freeze,
}
