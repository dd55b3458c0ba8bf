//! dbt's property files, as `models/schema.yml`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A property file of dbt: descriptions, configuration and tests of models and sources.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "dbt's keys that have no effect here are known, not refused")]
pub(crate) struct PropertiesFile {
    /// Version of the file's format. Has no effect.
    #[serde(default)]
    version: Value,
    /// Models.
    #[serde(default)]
    pub(crate) models: Vec<ModelProperties>,
    /// Seeds.
    #[serde(default)]
    pub(crate) seeds: Vec<ModelProperties>,
    /// Sources; each stream is declared in `sources/*.yml`, or lies in the `schema` that is said.
    #[serde(default)]
    pub(crate) sources: Vec<SourceProperties>,
    /// Macros, for people.
    #[serde(default)]
    macros: Value,
    /// Uses outside the project, for people.
    #[serde(default)]
    exposures: Value,
    /// Groups, for people.
    #[serde(default)]
    groups: Value,
    /// Analyses, for people.
    #[serde(default)]
    analyses: Value,
    /// Places for anchors of YAML.
    #[serde(default)]
    anchors: Value,
    /// Semantic models. Has no effect yet.
    #[serde(default)]
    semantic_models: Value,
    /// Metrics. Has no effect yet.
    #[serde(default)]
    metrics: Value,
    /// Saved queries. Has no effect yet.
    #[serde(default)]
    saved_queries: Value,
    /// Unit tests. Has no effect yet.
    #[serde(default)]
    unit_tests: Value,
    /// Snapshots. Has no effect yet.
    #[serde(default)]
    snapshots: Value,
    /// Functions that models call: arguments, and what they return.
    #[serde(default)]
    functions: Value,
    /// Settings of single tests. Has no effect.
    #[serde(default)]
    data_tests: Value,
}

/// What is said of a model or seed.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "dbt's keys that have no effect here are known, not refused")]
pub(crate) struct ModelProperties {
    /// Its name.
    pub(crate) name: String,
    /// What it is, for people.
    #[serde(default)]
    pub(crate) description: Option<String>,
    /// Configuration, as in `config()`.
    #[serde(default)]
    pub(crate) config: Map<String, Value>,
    /// Columns.
    #[serde(default)]
    pub(crate) columns: Vec<ColumnProperties>,
    /// Tests of the whole model.
    #[serde(default)]
    tests: Vec<Value>,
    /// Tests of the whole model.
    #[serde(default)]
    data_tests: Vec<Value>,
    /// Tags.
    #[serde(default)]
    pub(crate) tags: Value,
    /// Anything, for people.
    #[serde(default)]
    meta: Value,
    /// Options of dbt's documentation. Has no effect.
    #[serde(default)]
    docs: Value,
    /// Constraints. Has no effect.
    #[serde(default)]
    constraints: Value,
    /// Access. Has no effect.
    #[serde(default)]
    access: Value,
    /// Group. Has no effect.
    #[serde(default)]
    group: Value,
    /// Newest version of the model. Has no effect yet.
    #[serde(default)]
    latest_version: Value,
    /// When the model will go away. Has no effect.
    #[serde(default)]
    deprecation_date: Value,
    /// Column of time for metrics. Has no effect.
    #[serde(default)]
    time_spine: Value,
}

/// What is said of a column.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "dbt's keys that have no effect here are known, not refused")]
pub(crate) struct ColumnProperties {
    /// Name of the column.
    pub(crate) name: String,
    /// What the column is, for people.
    #[serde(default)]
    pub(crate) description: Option<String>,
    /// SQL type, for people.
    #[serde(default)]
    pub(crate) data_type: Option<String>,
    /// Tests of the column.
    #[serde(default)]
    tests: Vec<Value>,
    /// Tests of the column.
    #[serde(default)]
    data_tests: Vec<Value>,
    /// Anything, for people.
    #[serde(default)]
    meta: Value,
    /// Tags. Has no effect.
    #[serde(default)]
    tags: Value,
    /// Whether the name is quoted. Has no effect.
    #[serde(default)]
    quote: Value,
    /// Constraints. Has no effect.
    #[serde(default)]
    constraints: Value,
    /// Configuration of the column. Has no effect.
    #[serde(default)]
    config: Value,
    /// Granularity of a column of time. Has no effect.
    #[serde(default)]
    granularity: Value,
}

/// What is said of a source.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "dbt's keys that have no effect here are known, not refused")]
pub(crate) struct SourceProperties {
    /// Name of the source.
    pub(crate) name: String,
    /// What the source is, for people.
    #[serde(default)]
    description: Option<String>,
    /// Streams of the source.
    #[serde(default)]
    pub(crate) tables: Vec<TableProperties>,
    /// Schema of the tables, where no file under `sources/` declares the source.
    #[serde(default)]
    schema: Value,
    /// Database of the tables. Has no effect.
    #[serde(default)]
    database: Value,
    /// Freshness. Has no effect yet.
    #[serde(default)]
    freshness: Value,
    /// Column that says how fresh a row is. Has no effect yet.
    #[serde(default)]
    loaded_at_field: Value,
    /// What loads the source, for people.
    #[serde(default)]
    loader: Value,
    /// Anything, for people.
    #[serde(default)]
    meta: Value,
    /// Tags. Has no effect.
    #[serde(default)]
    tags: Value,
    /// Configuration of the source. Has no effect.
    #[serde(default)]
    config: Value,
    /// Quoting of names. Has no effect: names are always quoted.
    #[serde(default)]
    quoting: Value,
}

/// What is said of a stream.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "dbt's keys that have no effect here are known, not refused")]
pub(crate) struct TableProperties {
    /// Name of the stream.
    pub(crate) name: String,
    /// Name of the table, if it is not that of the stream.
    #[serde(default)]
    identifier: Value,
    /// Where the table lies outside the warehouse. Has no effect.
    #[serde(default)]
    external: Value,
    /// Quoting of names. Has no effect: names are always quoted.
    #[serde(default)]
    quoting: Value,
    /// What the stream holds, for people.
    #[serde(default)]
    description: Option<String>,
    /// Columns.
    #[serde(default)]
    columns: Vec<ColumnProperties>,
    /// Tests of the whole table.
    #[serde(default)]
    tests: Vec<Value>,
    /// Tests of the whole table.
    #[serde(default)]
    data_tests: Vec<Value>,
    /// Freshness. Has no effect yet.
    #[serde(default)]
    freshness: Value,
    /// Column that says how fresh a row is. Has no effect yet.
    #[serde(default)]
    loaded_at_field: Value,
    /// Anything, for people.
    #[serde(default)]
    meta: Value,
    /// Tags. Has no effect.
    #[serde(default)]
    tags: Value,
    /// Configuration of the table. Has no effect.
    #[serde(default)]
    config: Value,
}
