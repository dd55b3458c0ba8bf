//! Checks the settings of any connector against the struct that they are read into.

use millstream_core::kind::SettingProblem;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

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

fn names<T: JsonSchema>() -> Vec<String> {
    let schema = schema::<T>();
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
}
