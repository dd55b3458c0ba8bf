//! What Millstream makes beside dbt's tables, and its tables by their own names.

use serde_json::Value;

use super::super::glob::Glob;
use super::super::{Entry, Graph};
use crate::manifest::NodeKind;

/// Kinds of steps that are no resource types of dbt.
pub(super) const KINDS: &[&str] =
    &["deployment", "function", "scoring", "stream", "sync", "training"];

/// Whether an entry is what a method such as `training` or `table` looks for.
pub(super) fn is_match(entry: Entry<'_>, word: &str, glob: &Glob) -> bool {
    match word {
        "kind" => kinds(entry).iter().any(|kind| glob.matches(kind)),
        "model" => {
            matches!(entry.resource_type(), "model" | "training") && glob.matches(entry.name())
        }
        "training" | "deployment" | "function" => {
            entry.resource_type() == word && glob.matches(entry.name())
        }
        "table" => {
            relation(entry).is_some_and(|name| glob.matches(&name))
                || made(entry, "table").any(|name| glob.matches(name))
        }
        _ => made(entry, word).any(|name| glob.matches(name)),
    }
}

/// Whether this is a name of an entry, or of what it makes, that dbt does not know.
pub(super) fn is_named(graph: &Graph<'_>, entry: Entry<'_>, glob: &Glob) -> bool {
    match entry {
        Entry::Source(source) => {
            graph.is_filled(entry)
                && (glob.matches(&source.source_name)
                    || glob.matches(&format!("{}.{}", source.source_name, source.name)))
        }
        Entry::Node(_) => relation(entry).is_some_and(|name| glob.matches(&name)),
        _ => assets(entry).any(|(_, name)| {
            glob.matches(name) || name.rsplit('.').next().is_some_and(|last| glob.matches(last))
        }),
    }
}

fn kinds(entry: Entry<'_>) -> &'static [&'static str] {
    match entry.resource_type() {
        "source" => &["sync", "source", "stream"],
        "training" => &["training"],
        "deployment" => &["scoring", "deployment"],
        "function" => &["function"],
        "seed" => &["seed"],
        "model" => &["model"],
        "snapshot" => &["snapshot"],
        _ => &[],
    }
}

/// The name of the table of an entry: `main.orders`.
fn relation(entry: Entry<'_>) -> Option<String> {
    match entry {
        Entry::Node(node) => {
            let is_table =
                matches!(node.kind, NodeKind::Model | NodeKind::Seed { .. } | NodeKind::Snapshot);
            is_table.then(|| format!("{}.{}", node.schema, node.alias))
        }
        Entry::Source(source) => Some(format!("{}.{}", source.schema, source.identifier)),
        _ => None,
    }
}

fn made<'e>(entry: Entry<'e>, kind: &'e str) -> impl Iterator<Item = &'e str> {
    assets(entry).filter(move |(word, _)| *word == kind).map(|(_, name)| name)
}

/// What a use says that it makes: the kind and the name of each asset.
fn assets(entry: Entry<'_>) -> impl Iterator<Item = (&str, &str)> {
    let listed = match entry {
        Entry::Exposure(found) => found.properties.get("assets").and_then(Value::as_array),
        _ => None,
    };
    listed.into_iter().flatten().filter_map(|asset| asset.as_str()?.split_once(':'))
}
