//! The configuration of a resource: what folders, properties and the file itself say, merged.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A configuration. Keys are those of dbt, with `_` (`pre_hook`); any other key is kept as it is.
/// Most nodes of a large project have one of few configurations, which they share.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Config(pub Arc<Map<String, Value>>);

impl From<Map<String, Value>> for Config {
    fn from(map: Map<String, Value>) -> Self {
        Self(Arc::new(map))
    }
}

impl Config {
    /// Sets a value, for this configuration alone.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        Arc::make_mut(&mut self.0).insert(key.to_owned(), value.into());
    }

    /// Sets several values, for this configuration alone.
    pub fn extend(&mut self, more: Map<String, Value>) {
        Arc::make_mut(&mut self.0).extend(more);
    }

    /// A value.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    /// A value that is text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_str)
    }

    /// A value that is true or false; text such as `"True"` counts.
    pub fn bool(&self, key: &str) -> Option<bool> {
        match self.get(key)? {
            Value::Bool(value) => Some(*value),
            Value::String(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Some(true),
                "false" | "no" | "off" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// A value that is one text or a list of them.
    pub fn texts(&self, key: &str) -> Vec<Cow<'_, str>> {
        match self.get(key) {
            Some(Value::Array(items)) => items.iter().map(plain).collect(),
            Some(value) => vec![plain(value)],
            None => Vec::new(),
        }
    }

    /// How it is materialized; `view` unless something is said.
    pub fn materialized(&self) -> &str {
        self.text("materialized").unwrap_or("view")
    }

    /// Whether its contract is enforced.
    pub fn has_contract(&self) -> bool {
        let enforced = self.get("contract").and_then(|contract| contract.get("enforced"));
        enforced.and_then(Value::as_bool) == Some(true)
    }

    /// Its tags.
    pub fn tags(&self) -> Vec<Cow<'_, str>> {
        self.texts("tags")
    }

    /// Whether it is enabled.
    pub fn enabled(&self) -> bool {
        self.bool("enabled").unwrap_or(true)
    }
}

fn plain(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}
