//! Settings of any connector: checked against the struct that they are read into, and read.

use millstream_core::kind::SettingProblem;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::SyncError;

/// Everything wrong with some settings. All fields of `T` must have a default (`#[serde(default)]`
/// on the struct), so that each can be read alone; those that have to be set are `required`.
pub fn problems<T: DeserializeOwned + JsonSchema>(
    settings: &Map<String, Value>,
    required: &[&str],
) -> Vec<SettingProblem> {
    let known = names::<T>();
    let mut problems = Vec::new();
    for (key, value) in settings {
        let problem = |message, hint| SettingProblem { key: key.clone(), message, hint };
        if !known.contains(key) {
            let hint = if known.is_empty() {
                "it has no settings".to_owned()
            } else {
                format!("its settings are: {}", known.join(", "))
            };
            problems.push(problem(format!("there is no setting `{key}`"), Some(hint)));
            continue;
        }
        let alone = Map::from_iter([(key.clone(), value.clone())]);
        if let Err(error) = serde_json::from_value::<T>(Value::Object(alone)) {
            problems.push(problem(error.to_string(), None));
        }
    }
    for key in required.iter().filter(|key| !settings.contains_key(**key)) {
        let message = format!("`{key}` is missing");
        problems.push(SettingProblem { key: (*key).to_owned(), message, hint: None });
    }
    problems
}

/// The JSON Schema of settings.
pub fn schema<T: JsonSchema>() -> Value {
    schemars::schema_for!(T).to_value()
}

/// Reads settings, or says what is wrong first.
pub(crate) fn parse<T: DeserializeOwned>(settings: &Map<String, Value>) -> Result<T, SyncError> {
    let parsed = serde_json::from_value(Value::Object(settings.clone()));
    parsed.map_err(|error| bad_setting("settings", error.to_string()))
}

/// The first problem as an error.
pub(crate) fn first_error(problems: Vec<SettingProblem>) -> SyncError {
    match problems.into_iter().next() {
        Some(first) => bad_setting(&first.key, first.message),
        None => bad_setting("settings", "they cannot be read".to_owned()),
    }
}

/// A setting that cannot be used.
pub(crate) fn bad_setting(key: &str, message: String) -> SyncError {
    SyncError::BadSetting { key: key.to_owned(), message }
}

/// A problem with a key.
pub(crate) fn problem(key: &str, message: &str, hint: Option<&str>) -> SettingProblem {
    SettingProblem {
        key: key.to_owned(),
        message: message.to_owned(),
        hint: hint.map(str::to_owned),
    }
}

fn names<T: JsonSchema>() -> Vec<String> {
    let schema = schema::<T>();
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
}
