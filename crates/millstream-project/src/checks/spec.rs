//! What property files and `config()` say of a test.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::project::CheckSeverity;

/// What a generic test says. Its arguments stand beside its settings, or under `arguments`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TestSpec {
    /// Name of the test. Made of what it tests when left out.
    pub(super) name: Option<String>,
    /// What the test is for, for people.
    pub(super) description: Option<String>,
    /// Arguments.
    pub(super) arguments: Option<Arguments>,
    /// Settings.
    pub(super) config: Option<TestConfig>,
    /// Column to test; for tests of a whole model.
    pub(super) column_name: Option<String>,
    /// Values that a column may have.
    pub(super) values: Option<Vec<Value>>,
    /// Whether the values are text. The default is `true`.
    pub(super) quote: Option<bool>,
    /// Table that must have the value: `ref('model')` or `source('source', 'stream')`.
    pub(super) to: Option<String>,
    /// Column of that table.
    pub(super) field: Option<String>,
    /// `error` or `warn`.
    pub(super) severity: Option<SeveritySpec>,
    /// Condition that rows must meet to be tested.
    pub(super) r#where: Option<String>,
    /// Number of failures from which on it warns, as `> 10`.
    pub(super) warn_if: Option<String>,
    /// Number of failures from which on it fails, as `> 10`.
    pub(super) error_if: Option<String>,
    /// The most failures that are looked for.
    pub(super) limit: Option<u64>,
    /// Whether the test runs. The default is `true`.
    pub(super) enabled: Option<bool>,
    /// Tags. Has no effect.
    pub(super) tags: Value,
    /// Anything, for people.
    pub(super) meta: Value,
}

/// Arguments of a generic test.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Arguments {
    /// Column to test; for tests of a whole model.
    pub(super) column_name: Option<String>,
    /// Values that a column may have.
    pub(super) values: Option<Vec<Value>>,
    /// Whether the values are text. The default is `true`.
    pub(super) quote: Option<bool>,
    /// Table that must have the value: `ref('model')` or `source('source', 'stream')`.
    pub(super) to: Option<String>,
    /// Column of that table.
    pub(super) field: Option<String>,
}

/// Settings of a test.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TestConfig {
    /// `error` or `warn`.
    pub(crate) severity: Option<SeveritySpec>,
    /// Condition that rows must meet to be tested.
    pub(crate) r#where: Option<String>,
    /// Number of failures from which on it warns, as `> 10`.
    pub(crate) warn_if: Option<String>,
    /// Number of failures from which on it fails, as `> 10`.
    pub(crate) error_if: Option<String>,
    /// The most failures that are looked for.
    pub(crate) limit: Option<u64>,
    /// Whether the test runs. The default is `true`.
    pub(crate) enabled: Option<bool>,
    /// Tags. Has no effect.
    tags: Value,
    /// Anything, for people.
    meta: Value,
    /// Whether failures are kept. Has no effect yet.
    store_failures: Value,
    /// How failures are kept. Has no effect yet.
    store_failures_as: Value,
    /// What counts failures, as `sum(n)`. Rows are counted when left out.
    pub(crate) fail_calc: Option<String>,
    /// Schema of kept failures. Has no effect yet.
    schema: Value,
    /// Table of kept failures. Has no effect yet.
    alias: Value,
    /// Database of kept failures. Has no effect.
    database: Value,
    /// Group. Has no effect.
    group: Value,
    /// SQL before the query. Has no effect yet.
    sql_header: Value,
}

/// The worst that a failure can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SeveritySpec {
    /// Nothing is published.
    #[serde(alias = "ERROR")]
    Error,
    /// A warning.
    #[serde(alias = "WARN")]
    Warn,
}

impl From<SeveritySpec> for CheckSeverity {
    fn from(spec: SeveritySpec) -> Self {
        match spec {
            SeveritySpec::Error => Self::Error,
            SeveritySpec::Warn => Self::Warn,
        }
    }
}

/// One level of arguments and settings.
pub(super) fn merge(spec: TestSpec) -> TestSpec {
    let arguments = spec.arguments.clone().unwrap_or_default();
    let config = spec.config.clone().unwrap_or_default();
    TestSpec {
        column_name: arguments.column_name.or(spec.column_name),
        values: arguments.values.or(spec.values),
        quote: arguments.quote.or(spec.quote),
        to: arguments.to.or(spec.to),
        field: arguments.field.or(spec.field),
        severity: config.severity.or(spec.severity),
        r#where: config.r#where.or(spec.r#where),
        warn_if: config.warn_if.or(spec.warn_if),
        error_if: config.error_if.or(spec.error_if),
        limit: config.limit.or(spec.limit),
        enabled: config.enabled.or(spec.enabled),
        arguments: None,
        config: None,
        ..spec
    }
}
