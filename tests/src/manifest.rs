//! Compares manifests that two programs wrote of one project: real dbt and ours.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Map, Value};

/// What cannot be the same in two manifests, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("metadata.generated_at", "the moment of the command"),
    ("metadata.invocation_started_at", "the moment of the command"),
    ("metadata.run_started_at", "the moment of the command"),
    ("metadata.invocation_id", "the id of the command"),
    ("metadata.user_id", "a cookie of dbt's own statistics"),
    ("metadata.send_anonymous_usage_stats", "nothing is ever sent"),
    ("*.created_at", "the moment at which a file was read"),
    ("*.root_path", "the place of the project"),
    ("*.config_call_dict", "of dbt's own process; it is in the manifest by accident"),
    ("macros.PACKAGES_OF_DBT", "their SQL is ours: what calls them is compared"),
    ("docs.PACKAGES_OF_DBT", "their text is ours"),
];

/// Lists that dbt makes of sets, or in an order that depends on when files were read.
const SETS: &[(&str, &str)] = &[
    ("tags", "a set of Python"),
    ("sources", "a set of Python in texts that are not rendered"),
    ("nodes", "process by process: sources, refs, metrics"),
    ("macros", "the order in which names were first looked up"),
    ("primary_key", "tests are read in the order of a set"),
    ("group_map", "nodes are listed as files were read"),
    ("semantic_manifest", "folders are read in the order of the operating system"),
    ("parent_map", "a graph has no order"),
    ("child_map", "a graph has no order"),
];

/// The packages that come with dbt or stand in their place.
const PACKAGES_OF_DBT: [&str; 4] = ["dbt", "dbt_postgres", "dbt_duckdb", "dbt_millstream"];

/// A manifest in which every resource is a line: its section, its id and what is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalized(BTreeMap<String, Value>);

impl Normalized {
    /// Of a manifest as a program wrote it.
    pub fn of(manifest: &Value) -> Self {
        let mut lines = BTreeMap::new();
        for (section, content) in manifest.as_object().into_iter().flatten() {
            match content {
                Value::Object(resources) if section != "metadata" => {
                    for (id, resource) in resources.iter().filter(|(id, _)| !is_dbts(section, id)) {
                        lines.insert(format!("{section} {id}"), normal(section, section, resource));
                    }
                }
                other => {
                    lines.insert(section.clone(), normal(section, section, other));
                }
            }
        }
        Self(lines)
    }

    /// Of the manifest and the semantic manifest in a folder of artifacts.
    pub fn read(artifacts: &Path) -> anyhow::Result<Self> {
        let read = |name: &str| -> anyhow::Result<Value> {
            let file = artifacts.join(name);
            let text = std::fs::read(&file).with_context(|| file.display().to_string())?;
            Ok(serde_json::from_slice(&text)?)
        };
        let mut manifest = read("manifest.json")?;
        manifest["semantic_manifest"] = read("semantic_manifest.json")?;
        Ok(Self::of(&manifest))
    }

    /// Of the text that [`Self::text`] gave.
    pub fn parse(text: &str) -> Self {
        let line = |line: &str| {
            let (name, json) = line.split_once('\t').expect("a line has a name");
            (name.to_owned(), serde_json::from_str(json).expect("a line has JSON"))
        };
        Self(text.lines().map(line).collect())
    }

    /// One line for each resource.
    pub fn text(&self) -> String {
        let line =
            |(name, value): (&String, &Value)| [name, "\t", &value.to_string(), "\n"].concat();
        self.0.iter().map(line).collect()
    }

    /// Every place at which another manifest differs from this one.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, expected) in &self.0 {
            match other.0.get(name) {
                Some(actual) => compare(name, expected, actual, &mut found),
                None => found.push(format!("{name}: is missing")),
            }
        }
        let unknown = other.0.keys().filter(|name| !self.0.contains_key(*name));
        found.extend(unknown.map(|name| format!("{name}: is not dbt's")));
        found
    }
}

fn is_dbts(section: &str, id: &str) -> bool {
    let package = id.split('.').nth(1).unwrap_or_default();
    matches!(section, "macros" | "docs") && PACKAGES_OF_DBT.contains(&package)
}

fn is_left_out(section: &str, key: &str) -> bool {
    LEFT_OUT.iter().any(|(place, _)| match place.split_once('.') {
        Some(("*", left_out)) => left_out == key,
        Some((of, left_out)) => of == section && left_out == key,
        None => false,
    })
}

/// A value with its keys in order and without what cannot be the same.
fn normal(section: &str, key: &str, value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut fields: Vec<(&String, &Value)> =
                map.iter().filter(|(key, _)| !is_left_out(section, key)).collect();
            fields.sort_by_key(|(key, _)| *key);
            let fields = fields.into_iter();
            let fields = fields.map(|(key, value)| (key.clone(), normal(section, key, value)));
            Value::Object(fields.collect::<Map<String, Value>>())
        }
        Value::Array(items) => {
            let mut items: Vec<Value> =
                items.iter().map(|item| normal(section, "", item)).collect();
            if SETS.iter().any(|(set, _)| *set == key) {
                items.sort_by_key(|item| (item["name"].to_string(), item.to_string()));
            }
            Value::Array(items)
        }
        other => other.clone(),
    }
}

fn compare(at: &str, expected: &Value, actual: &Value, found: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            for key in expected.keys().chain(actual.keys().filter(|k| !expected.contains_key(*k))) {
                let at = format!("{at}.{key}");
                match (expected.get(key), actual.get(key)) {
                    (Some(expected), Some(actual)) => compare(&at, expected, actual, found),
                    (expected, _) if expected.is_some() => found.push(format!("{at}: is missing")),
                    _ => found.push(format!("{at}: is not dbt's")),
                }
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (expected, actual)) in left.iter().zip(right).enumerate() {
                compare(&format!("{at}[{index}]"), expected, actual, found);
            }
        }
        _ if expected == actual => {}
        _ => found.push(format!("{at}:\n  - {expected}\n  + {actual}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_agree_is_left_out_and_all_else_is_compared() {
        let manifest = |moment: &str, tags: Value| {
            json!({
                "metadata": {"generated_at": moment, "adapter_type": "postgres"},
                "nodes": {"model.a.b": {"created_at": moment, "tags": tags, "fqn": ["a", "b"]}},
                "macros": {"macro.dbt.x": {"macro_sql": moment}, "macro.a.x": {"macro_sql": "x"}},
            })
        };
        let one = Normalized::of(&manifest("1", json!(["x", "y"])));
        assert_eq!(one, Normalized::of(&manifest("2", json!(["y", "x"]))));
        assert_eq!(one, Normalized::parse(&one.text()));
        let other = Normalized::of(&manifest("1", json!(["x", "z"])));
        assert_eq!(one.differences(&other), ["nodes model.a.b.tags[1]:\n  - \"y\"\n  + \"z\""]);
        let nothing = Normalized::of(&json!({"sources": {"source.a.b.c": {}}}));
        let missing = one.differences(&nothing);
        assert_eq!(missing.len(), 4);
        assert_eq!(missing[3], "sources source.a.b.c: is not dbt's");
    }
}
