//! Configuration of a SQL model from its folders, its properties and its file, each with its
//! place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use millstream_core::diagnostic::Place;
use serde_json::{Map, Value};

use crate::project::{Materialization, Strategy};
use millstream_files::yaml::{Document, Entry, Kind, Node};
use millstream_files::{Report, closest};

/// Configuration that has an effect, or that dbt knows.
const KNOWN: &[&str] = &[
    "access",
    "alias",
    "batch_size",
    "column_types",
    "contract",
    "database",
    "delimiter",
    "description",
    "docs",
    "enabled",
    "event_time",
    "full_refresh",
    "grants",
    "group",
    "incremental_predicates",
    "incremental_strategy",
    "indexes",
    "lookback",
    "materialized",
    "meta",
    "on_schema_change",
    "persist_docs",
    "post_hook",
    "pre_hook",
    "quote_columns",
    "schema",
    "sql_header",
    "tags",
    "unique_key",
];

/// One setting and where it was said.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) value: Value,
    pub(crate) place: Place,
}

/// The configuration of a model.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    settings: BTreeMap<String, Setting>,
    tags: BTreeSet<String>,
}

impl Config {
    /// Adds a setting that stands above those that are there; tags add up.
    pub(crate) fn set(&mut self, key: &str, setting: Setting) {
        if key == "tags" {
            self.tags.extend(strings(&setting.value));
        } else {
            self.settings.insert(key.to_owned(), setting);
        }
    }

    /// The plain settings, tags included.
    pub(crate) fn to_map(&self) -> Map<String, Value> {
        let mut map: Map<String, Value> =
            self.settings.iter().map(|(key, set)| (key.clone(), set.value.clone())).collect();
        if !self.tags.is_empty() {
            map.insert("tags".to_owned(), self.tags.iter().cloned().collect());
        }
        map
    }

    /// The tags.
    pub(crate) fn tags(&self) -> &BTreeSet<String> {
        &self.tags
    }

    /// The settings.
    pub(crate) fn settings(&self) -> &BTreeMap<String, Setting> {
        &self.settings
    }

    /// The text of a setting; anything else is reported.
    pub(crate) fn text(&self, key: &str, report: &mut Report) -> Option<&str> {
        let setting = self.settings.get(key)?;
        match &setting.value {
            Value::String(text) => Some(text),
            Value::Null => None,
            _ => {
                let message = format!("`{key}` must be text");
                report.error("model.config", setting.place.clone(), message, None);
                None
            }
        }
    }

    /// Whether the model is enabled.
    pub(crate) fn enabled(&self) -> bool {
        self.flag("enabled") != Some(false)
    }

    /// A setting that is true or false, also as the text that a template gives.
    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        match &self.settings.get(key)?.value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
            _ => None,
        }
    }

    /// Whether the model has no table of its own.
    pub(crate) fn is_ephemeral(&self) -> bool {
        self.settings.get("materialized").is_some_and(|kind| kind.value == "ephemeral")
    }

    /// How the rows are kept; problems are reported.
    pub(crate) fn materialization(&self, report: &mut Report) -> Option<Materialization> {
        match self.text("materialized", report) {
            None | Some("view") => Some(Materialization::View),
            Some("table") => Some(Materialization::Table),
            Some("incremental") => {
                self.strategy(report).map(|strategy| Materialization::Incremental { strategy })
            }
            Some(other) => {
                let hint = match closest(other, ["view", "table", "incremental"]) {
                    Some(word) => format!("did you mean `{word}`?"),
                    None => "one of: view, table, incremental".to_owned(),
                };
                self.refuse("materialized", other, hint, report);
                None
            }
        }
    }

    fn strategy(&self, report: &mut Report) -> Option<Strategy> {
        let key = match self.settings.get("unique_key") {
            Some(setting) => strings(&setting.value),
            None => Vec::new(),
        };
        let strategy = self.text("incremental_strategy", report);
        match (strategy, key.is_empty()) {
            (None, true) | (Some("append"), _) => Some(Strategy::Append),
            (None | Some("merge"), false) => Some(Strategy::Merge { unique_key: key }),
            (Some("merge"), true) => {
                let hint = "name the columns that identify a row: unique_key='id'".to_owned();
                self.refuse("incremental_strategy", "merge", hint, report);
                None
            }
            (Some(other), _) => {
                let hint = "one of: append, merge".to_owned();
                self.refuse("incremental_strategy", other, hint, report);
                None
            }
        }
    }

    fn refuse(&self, key: &str, value: &str, hint: String, report: &mut Report) {
        let place = self.settings.get(key).map(|setting| setting.place.clone());
        report.error("model.config", place, format!("`{key}` cannot be `{value}`"), hint);
    }

    /// Warns of keys that were probably meant to be others.
    pub(crate) fn check_keys(&self, report: &mut Report) {
        for (key, setting) in &self.settings {
            if KNOWN.contains(&key.as_str()) {
                if matches!(key.as_str(), "pre_hook" | "post_hook" | "sql_header") {
                    let message = format!("`{key}` has no effect yet");
                    report.warning("project.not_read", setting.place.clone(), message, None);
                }
            } else if let Some(meant) = closest(key, KNOWN.iter().copied()) {
                let message = format!("unknown configuration `{key}`");
                let hint = format!("did you mean `{meant}`?");
                report.warning("model.config", setting.place.clone(), message, hint);
            }
        }
    }
}

/// One text, or a list of them.
pub(crate) fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// The settings that a tree of `dbt_project.yml`, as `models`, gives to a file of this path below
/// its folder of models, from the outermost folder inward.
pub(crate) fn of_folders(
    document: &Document,
    tree: &str,
    projects: &[String],
    below: &Path,
) -> Config {
    let mut config = Config::default();
    let Some(tree) = document.root.get(tree) else { return config };
    apply_level(&mut config, document, tree, projects);
    let own = projects.iter().find_map(|name| tree.get(name));
    let mut level = own;
    let stem = below.with_extension("");
    let mut parts = stem.iter().filter_map(|part| part.to_str());
    while let Some(node) = level {
        apply_level(&mut config, document, node, &[]);
        level = parts.next().and_then(|part| node.get(part));
    }
    config
}

fn apply_level(config: &mut Config, document: &Document, node: &Node, projects: &[String]) {
    for entry in node.entries() {
        if let Some(key) = setting_key(entry, projects) {
            let place = document.place(&entry.value);
            config.set(key, Setting { value: entry.value.to_json(), place });
        }
    }
}

/// The key without its `+`; `None` for a folder.
fn setting_key<'a>(entry: &'a Entry, projects: &[String]) -> Option<&'a str> {
    match entry.key.strip_prefix('+') {
        Some(key) => Some(key),
        None if projects.contains(&entry.key) => None,
        None if matches!(entry.value.kind, Kind::Map(_)) => None,
        None => Some(&entry.key),
    }
}
