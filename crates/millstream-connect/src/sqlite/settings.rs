//! Settings of a `sqlite` source.

use std::path::PathBuf;

use millstream_core::kind::SettingProblem;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::settings::problem;
use crate::settings::problems;

/// Settings of a `sqlite` source.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SqliteSettings {
    /// File of the database; a relative path starts at the project's folder.
    pub(super) path: Option<PathBuf>,
    /// Reads the environment's operational database, to which functions write, instead of a file.
    pub(super) operational: bool,
}

/// Settings of one stream of a `sqlite` source.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SqliteStreamSettings {
    /// Table or view to read; the stream's name when left out.
    pub(super) table: Option<String>,
}

/// All problems of the settings of a source, or of one of its streams.
pub(super) fn validate(
    settings: &Map<String, Value>,
    stream: Option<&Map<String, Value>>,
) -> Vec<SettingProblem> {
    let mut all = problems::<SqliteSettings>(settings, &[]);
    let is_operational = settings.get("operational").and_then(Value::as_bool) == Some(true);
    match (settings.contains_key("path"), is_operational) {
        (false, false) => {
            let hint = "write the database's file, or `operational: true`";
            all.push(problem("path", "no database is named", Some(hint)));
        }
        (true, true) => {
            let message = "`path` and `operational` each name a database";
            all.push(problem("path", message, Some("keep one of them")));
        }
        _ => {}
    }
    if let Some(stream) = stream {
        all.extend(problems::<SqliteStreamSettings>(stream, &[]));
    }
    all
}
