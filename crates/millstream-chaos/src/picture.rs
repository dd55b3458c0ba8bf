//! What an environment holds: named facts about each asset.

use std::collections::BTreeMap;

use serde_json::Value;

/// Facts, by the asset that they are about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picture(BTreeMap<String, BTreeMap<String, String>>);

impl Picture {
    /// Notes a fact about an asset.
    pub fn note(&mut self, asset: &str, fact: &str, value: impl ToString) {
        self.0.entry(asset.to_owned()).or_default().insert(fact.to_owned(), value.to_string());
    }

    /// Notes every value of a piece of JSON as a fact of its own, so that one which is made of the
    /// clock does not keep the others from being compared.
    pub fn note_all(&mut self, asset: &str, fact: &str, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.note_all(asset, &format!("{fact} {name}"), value);
                }
            }
            Value::Array(items) => {
                for (position, value) in items.iter().enumerate() {
                    self.note_all(asset, &format!("{fact} {position}"), value);
                }
            }
            single => self.note(asset, fact, single),
        }
    }

    /// The value of a fact.
    pub fn fact(&self, asset: &str, fact: &str) -> Option<&str> {
        self.0.get(asset)?.get(fact).map(String::as_str)
    }

    /// Every fact, as asset, name and value.
    pub(crate) fn facts(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.0.iter().flat_map(|(asset, facts)| {
            facts.iter().map(move |(fact, value)| (asset.as_str(), fact.as_str(), value.as_str()))
        })
    }

    /// The assets that it is about.
    pub fn assets(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_noted_piece_by_piece() {
        let mut picture = Picture::default();
        picture.note_all("topic:t", "offset", &json!({"at": 7, "parts": [{"end": "x"}, null]}));
        let facts: Vec<_> = picture.facts().collect();
        let wanted = [
            ("topic:t", "offset at", "7"),
            ("topic:t", "offset parts 0 end", "\"x\""),
            ("topic:t", "offset parts 1", "null"),
        ];
        assert_eq!(facts, wanted);
        assert_eq!(picture.assets().collect::<Vec<_>>(), ["topic:t"]);
    }
}
