//! Plain data as it stands in files.

use serde_json::{Map, Value};

/// The list of a key; one value counts as a list.
pub(super) fn listed(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        Value::Null => Vec::new(),
        other => vec![other.clone()],
    }
}

/// The texts of a key; one text counts as a list.
pub(super) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().filter_map(as_text).collect(),
        other => as_text(other).into_iter().collect(),
    }
}

/// A text, or a number or boolean as text.
pub(super) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// The map of a key; empty where there is none.
pub(super) fn map_of(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// Takes a text out of a map.
pub(super) fn take_text(map: &mut Map<String, Value>, key: &str) -> Option<String> {
    map.remove(key).as_ref().and_then(as_text)
}

/// Python's `str` of data.
pub(super) fn python_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => python_repr(other),
    }
}

/// Python's `repr` of data.
pub(super) fn python_repr(value: &Value) -> String {
    millstream_jinja::Value::from_json(value).to_repr().unwrap_or_default()
}
