//! What a change of a project means for those who read its tables.

mod query;

use std::collections::BTreeMap;

use super::state::{Comparison, PreviousManifest};
use super::tokens::tokens;
use super::{Entry, Graph};
use crate::manifest::{NodeKind, UniqueId};

/// What a change of a query means for those who read its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SqlChange {
    /// Nothing: comments, spaces, the case of keywords.
    None,
    /// There are new columns behind those that were there, and nothing else is different.
    Additive,
    /// Rows or columns that were there may be different.
    Breaking,
}

/// A change of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The node.
    pub id: UniqueId,
    /// What it means.
    pub means: SqlChange,
    /// What is different, in dbt's words: `new`, `removed`, `body`, `configs`, `relation`,
    /// `macros`, `contract`.
    pub of: Vec<&'static str>,
    /// What reads it, directly or not, in the order of the ids.
    pub downstream: Vec<UniqueId>,
}

/// Compares two versions of a query by their syntax. What cannot be told is breaking.
pub fn compare_sql(old: &str, new: &str) -> SqlChange {
    if old == new {
        return SqlChange::None;
    }
    query::compare(&tokens(old), &tokens(new))
}

/// The models, seeds and snapshots that are different from those of a previous manifest.
/// `compiled` are the queries as they run, where they are known; else the templates are compared.
pub fn changes(
    graph: &Graph<'_>,
    previous: &PreviousManifest,
    compiled: &BTreeMap<UniqueId, String>,
) -> Vec<Change> {
    let comparison = Comparison::new(graph.manifest(), previous);
    let mut changes: Vec<Change> = graph
        .entries()
        .filter_map(|(_, entry)| {
            let change = change(&comparison, entry, compiled)?;
            let one = graph.of_ids([entry.id().as_str()]);
            let downstream = graph.ids(&graph.descendants(&one, None));
            Some(Change { downstream, ..change })
        })
        .collect();
    let gone = previous.tables().filter(|id| graph.position(id).is_none());
    changes.extend(gone.map(|id| Change {
        id: UniqueId::new(id),
        means: SqlChange::Breaking,
        of: vec!["removed"],
        downstream: previous.downstream(id).into_iter().map(UniqueId::new).collect(),
    }));
    changes.sort_by(|left, right| left.id.cmp(&right.id));
    changes
}

fn change(
    comparison: &Comparison<'_>,
    entry: Entry<'_>,
    compiled: &BTreeMap<UniqueId, String>,
) -> Option<Change> {
    let Entry::Node(node) = entry else { return None };
    if !matches!(node.kind, NodeKind::Model | NodeKind::Seed { .. } | NodeKind::Snapshot) {
        return None;
    }
    let of = comparison.differences(entry);
    if of.is_empty() {
        return None;
    }
    let mut means = SqlChange::None;
    let previous = comparison.previous_node(entry);
    if of.contains(&"new") {
        means = SqlChange::Additive;
    } else if of.iter().any(|what| matches!(*what, "relation" | "contract")) {
        means = SqlChange::Breaking;
    } else if let Some(previous) = previous {
        let is_sql = !matches!(node.kind, NodeKind::Seed { .. });
        let touched = of.contains(&"body") || of.contains(&"macros");
        means = match (compiled.get(&node.unique_id), &previous.compiled_code) {
            (Some(new), Some(old)) if is_sql => compare_sql(old, new),
            _ if of.contains(&"macros") || (touched && !is_sql) => SqlChange::Breaking,
            _ if touched => compare_sql(previous.code(), &node.raw_code),
            _ => SqlChange::None,
        };
    }
    Some(Change { id: node.unique_id.clone(), means, of, downstream: Vec::new() })
}
