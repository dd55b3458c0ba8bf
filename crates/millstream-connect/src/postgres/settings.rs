//! Settings of a `postgres` source.

use millstream_core::kind::SettingProblem;
use millstream_core::secret::SecretRef;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::settings::problem;
use crate::settings::problems;

/// The schema of tables when the source names none.
pub(crate) const SCHEMA_DEFAULT: &str = "public";

/// Settings of a `postgres` source.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PostgresSettings {
    /// Where the address of the database is found: `{env: NAME}` or `{file: PATH}`. The address is
    /// `postgres://user:password@host:5432/database?sslmode=verify-full`; `sslmode` is `disable`,
    /// `prefer` (the default), `require`, `verify-ca` or `verify-full`, and only the last two check
    /// who answers; `sslrootcert` names the certificates to trust instead of the system's.
    #[serde(deserialize_with = "reference")]
    #[schemars(schema_with = "reference_schema")]
    pub(super) url: Option<SecretRef>,
    /// Reads the environment's operational database, to which functions write.
    pub(super) operational: bool,
    /// Schema of the tables; `public` when left out.
    pub(super) schema: Option<String>,
}

/// Settings of one stream of a `postgres` source.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PostgresStreamSettings {
    /// Table or view to read; the stream's name when left out.
    pub(super) table: Option<String>,
}

/// All problems of the settings of a source, or of one of its streams.
pub(super) fn validate(
    settings: &Map<String, Value>,
    stream: Option<&Map<String, Value>>,
) -> Vec<SettingProblem> {
    let mut all = problems::<PostgresSettings>(settings, &[]);
    let is_operational = settings.get("operational").and_then(Value::as_bool) == Some(true);
    match (settings.contains_key("url"), is_operational) {
        (false, false) => {
            let hint = "write `url: {env: NAME}`, or `operational: true`";
            all.push(problem("url", "no database is named", Some(hint)));
        }
        (true, true) => {
            let message = "`url` and `operational` each name a database";
            all.push(problem("url", message, Some("keep one of them")));
        }
        _ => {}
    }
    if let Some(stream) = stream {
        all.extend(problems::<PostgresStreamSettings>(stream, &[]));
    }
    all
}

/// Reads a reference. Its error never repeats what was written, which may be an address with a
/// password where a reference belongs.
fn reference<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretRef>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    serde_json::from_value(value).map(Some).map_err(|_| {
        serde::de::Error::custom("an address is a secret: write `{env: NAME}` or `{file: PATH}`")
    })
}

fn reference_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "oneOf": [
            {"type": "object", "properties": {"env": {"type": "string"}},
             "required": ["env"], "additionalProperties": false},
            {"type": "object", "properties": {"file": {"type": "string"}},
             "required": ["file"], "additionalProperties": false},
        ]
    })
}
