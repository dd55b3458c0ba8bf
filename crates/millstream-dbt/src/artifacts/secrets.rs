//! Keeps secrets of the environment out of what is written.

use std::borrow::Cow;

use serde_json::Value;

/// The beginning of the names of variables whose values are secrets.
const PREFIX: &str = "DBT_ENV_SECRET";

/// What stands in place of a secret.
const STARS: &str = "*****";

/// The secrets of the environment.
#[derive(Clone, Default)]
pub struct Secrets(Vec<String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

impl Secrets {
    /// The secrets among variables, which have names that begin with `DBT_ENV_SECRET`.
    pub fn new(variables: impl Iterator<Item = (String, String)>) -> Self {
        let is_secret =
            |(name, value): &(String, String)| name.starts_with(PREFIX) && !value.trim().is_empty();
        let mut values: Vec<String> = variables.filter(is_secret).map(|(_, value)| value).collect();
        // A secret that is a part of another must not break it apart.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.dedup();
        Self(values)
    }

    /// A text without secrets.
    pub fn scrub<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let found = self.0.iter().filter(|secret| text.contains(secret.as_str()));
        found.fold(Cow::Borrowed(text), |text, secret| {
            Cow::Owned(text.replace(secret.as_str(), STARS))
        })
    }

    /// Takes secrets out of all texts of a value, keys included. What a variable of the project
    /// with the name of a secret says is one.
    pub fn scrub_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.scrub(text).into_owned()),
            Value::Array(items) => items.iter().map(|item| self.scrub_value(item)).collect(),
            Value::Object(fields) => {
                let field = |(key, value): (&String, &Value)| {
                    let is_secret = key.starts_with(PREFIX) && value.is_string();
                    let value = if is_secret { STARS.into() } else { self.scrub_value(value) };
                    (self.scrub(key).into_owned(), value)
                };
                Value::Object(fields.iter().map(field).collect())
            }
            other => other.clone(),
        }
    }
}
