//! The hash of what decides the rows of a model and the results of a check. The time of the run does
//! not count, nor what is said for people.

use std::collections::{BTreeMap, BTreeSet};

use millstream_core::ContentHash;
use millstream_dbt::manifest::{Language, Node, NodeKind, UniqueId};
use serde_json::Value;

use super::DbtProject;

/// Settings that decide how rows are kept.
const KEEPING: &[&str] = &[
    "check_cols",
    "dbt_valid_to_current",
    "hard_deletes",
    "incremental_predicates",
    "incremental_strategy",
    "invalidate_hard_deletes",
    "materialized",
    "merge_exclude_columns",
    "merge_update_columns",
    "on_schema_change",
    "partition_by",
    "snapshot_meta_column_names",
    "strategy",
    "unique_key",
    "updated_at",
];
/// Settings for people and for the command line.
const FOR_PEOPLE: &[&str] = &[
    "access",
    "contract",
    "description",
    "docs",
    "enabled",
    "execution",
    "fresh_within",
    "full_refresh",
    "grants",
    "group",
    "limits",
    "meta",
    "persist_docs",
    "post_hook",
    "pre_hook",
    "tags",
];

/// Settings that say which partitions there are, not what is in them.
const DIVIDING: &[&str] = &["batch_size", "begin", "lookback", "partitions"];

/// Of texts that are known, and how their rows are kept. A text that calls a function in Python
/// has the version of that in it.
pub(super) fn of_texts(project: &DbtProject, texts: &[String], node: &Node) -> ContentHash {
    let mut parts = texts.to_vec();
    parts.push(settings(node, |key| KEEPING.contains(&key)));
    parts.extend(behind(project, node));
    ContentHash::of_parts(parts)
}

/// What decides the rows of a model in Python beside its text.
fn behind(project: &DbtProject, node: &Node) -> Vec<String> {
    match node.language {
        Language::Python => project.around.modules.behind(&node.raw_code),
        Language::Sql | Language::JavaScript => Vec::new(),
    }
}

/// Of a template that is rendered when it runs: all that it is rendered with.
pub(super) fn of_template(project: &DbtProject, node: &Node) -> ContentHash {
    let mut parts = vec![node.raw_code.to_string()];
    parts.push(settings(node, |key| !FOR_PEOPLE.contains(&key) && !DIVIDING.contains(&key)));
    parts.push(sorted(&Value::Object(project.around.vars.merged(&node.package_name))).to_string());
    parts.extend(project.inputs(node).iter().map(ToString::to_string));
    parts.extend(functions(project, node));
    parts.extend(macros(project, node));
    parts.extend(behind(project, node));
    ContentHash::of_parts(parts)
}

/// The texts of functions that a node calls, also of those that they call.
fn functions(project: &DbtProject, node: &Node) -> Vec<String> {
    let mut found = BTreeMap::new();
    let mut open: Vec<&UniqueId> = node.depends_on.nodes.iter().collect();
    while let Some(id) = open.pop() {
        let Some(parent) = project.manifest.nodes.get(id) else { continue };
        if let NodeKind::Function(function) = &parent.kind
            && !found.contains_key(id)
        {
            let modules = behind(project, parent);
            let text = format!("{} {function:?} {}", parent.raw_code, modules.join("\n"));
            found.insert(id, text);
            open.extend(&parent.depends_on.nodes);
        }
    }
    found.into_values().collect()
}

fn settings(node: &Node, counts: impl Fn(&str) -> bool) -> String {
    let said = node.config.0.iter().filter(|(key, value)| counts(key) && !value.is_null());
    let said: BTreeMap<&str, Value> =
        said.map(|(key, value)| (key.as_str(), sorted(value))).collect();
    let lines: Vec<String> = said.iter().map(|(key, value)| format!("{key}={value}")).collect();
    lines.join("\n")
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let map: BTreeMap<&String, &Value> = map.iter().collect();
            map.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// The texts of all macros that a node calls, directly or not, in the order of their ids.
fn macros(project: &DbtProject, node: &Node) -> Vec<String> {
    let mut open: Vec<&UniqueId> = node.depends_on.macros.iter().collect();
    let mut seen: BTreeSet<&UniqueId> = BTreeSet::new();
    while let Some(id) = open.pop() {
        let Some(found) = project.manifest.macros.get(id) else { continue };
        if seen.insert(id) {
            open.extend(&found.depends_on);
        }
    }
    let text = |id: &UniqueId| {
        let found = project.manifest.macros.get(id)?;
        Some(found.program.source()[found.definition.range()].to_owned())
    };
    seen.into_iter().filter_map(text).collect()
}
