//! Contracts of models: what they promised in another run, and promise no more.

use serde_json::Value;

use super::super::error::{SelectError, listed};
use super::previous::{PreviousManifest, PreviousNode};
use crate::manifest::{Manifest, Node, NodeKind};

/// Whether the contract of a node is what it was.
pub(super) fn is_same(node: &Node, old: &PreviousNode) -> bool {
    if node.kind != NodeKind::Model {
        return true;
    }
    match (old.contract.enforced, node.config.has_contract()) {
        (false, false) => true,
        (true, true) => {
            let new_kind = node.config.materialized();
            same_columns(node, old)
                && (!enforces(new_kind)
                    || (new_kind == old_materialized(old)
                        && same_constraints(&node.constraints, &old.constraints)))
        }
        _ => false,
    }
}

/// What breaks the contracts of models. Of versioned models that is an error, of others a warning.
pub(super) fn broken(
    manifest: &Manifest,
    previous: &PreviousManifest,
) -> Result<Vec<String>, SelectError> {
    let mut contracted: Vec<_> = previous
        .nodes()
        .filter(|(_, old)| old.contract.enforced && old.resource_type == "model")
        .collect();
    contracted.sort_by_key(|(id, _)| *id);
    let mut warnings = Vec::new();
    for (id, old) in contracted {
        let breaks = match manifest.nodes.get(id) {
            Some(node) => breaks(node, old),
            None if manifest.disabled.contains_key(id) => {
                vec![format!("Contracted model '{id}' was disabled.")]
            }
            None => vec![format!("Contracted model '{id}' was deleted or renamed.")],
        };
        if breaks.is_empty() {
            continue;
        }
        let reasons = breaks.join("\n  - ");
        if old.version.is_some() {
            return Err(SelectError::Value(format!(
                "While comparing to previous project state, dbt detected a breaking change to an \
                 enforced contract.\n  - {reasons}\nConsider making an additive (non-breaking) \
                 change instead, if possible.\nOtherwise, create a new model version: \
                 https://docs.getdbt.com/docs/collaborate/govern/model-versions"
            )));
        }
        warnings.push(format!(
            "Breaking change to contracted, unversioned model {} ({})\nWhile comparing to previous \
             project state, dbt detected a breaking change to an unversioned model.\n  - \
             {reasons}\n",
            old.name, old.original_file_path
        ));
    }
    Ok(warnings)
}

fn breaks(node: &Node, old: &PreviousNode) -> Vec<String> {
    let mut found = Vec::new();
    if !node.config.has_contract() {
        found.push(
            "Contract enforcement was removed: Previously, this model had an enforced contract. It \
             is no longer configured to enforce its contract, and this is a breaking change."
                .to_owned(),
        );
    }
    let mut names: Vec<&String> = old.columns.keys().collect();
    names.sort();
    let removed: Vec<String> = names
        .iter()
        .filter(|name| !node.columns.contains_key(**name))
        .map(|n| (*n).clone())
        .collect();
    push(&mut found, "Columns were removed", &removed);
    let changed: Vec<String> = names
        .iter()
        .filter_map(|name| {
            let before = old.columns[*name].data_type.as_deref().unwrap_or("None");
            let after = node.columns.get(*name)?.data_type.as_deref().unwrap_or("None");
            (base_type(before) != base_type(after)).then(|| format!("{name} ({before} -> {after})"))
        })
        .collect();
    push(&mut found, "Columns with data_type changes", &changed);
    if enforces(old_materialized(old)) {
        let of_columns: Vec<String> = names
            .iter()
            .filter_map(|name| Some((name, &node.columns.get(*name)?.constraints)))
            .flat_map(|(name, kept)| {
                let gone = lost(&old.columns[*name].constraints, kept);
                gone.map(move |constraint| {
                    format!("'{}' constraint on column {name}", called(constraint))
                })
            })
            .collect();
        push(&mut found, "Enforced column level constraints were removed", &of_columns);
        let of_model: Vec<String> = lost(&old.constraints, &node.constraints)
            .map(|constraint| {
                let columns = constraint.get("columns").and_then(Value::as_array);
                let columns = columns.into_iter().flatten().filter_map(Value::as_str);
                let columns = listed(&columns.collect::<Vec<_>>());
                format!("'{}' constraint on columns {columns}", called(constraint))
            })
            .collect();
        push(&mut found, "Enforced model level constraints were removed", &of_model);
    }
    let has_constraints = !old.constraints.is_empty()
        || old.columns.values().any(|column| !column.constraints.is_empty());
    let (before, after) = (old_materialized(old), node.config.materialized());
    if enforces(before) && !enforces(after) && has_constraints {
        let what = [format!("{before} -> {after}")];
        push(&mut found, "Materialization changed with enforced constraints", &what);
    }
    found
}

/// Whether relations made this way hold the constraints of their model.
fn enforces(materialized: &str) -> bool {
    matches!(materialized, "table" | "incremental")
}

/// Constraints that were enforced and are no more.
fn lost<'o>(old: &'o [Value], new: &'o [Value]) -> impl Iterator<Item = &'o Value> {
    let is_kept = |old: &Value| {
        new.iter().any(|new| same_constraints(std::slice::from_ref(new), std::slice::from_ref(old)))
    };
    let is_enforced = |old: &Value| old.get("type").and_then(Value::as_str) != Some("custom");
    old.iter().filter(move |old| is_enforced(old) && !is_kept(old))
}

/// The name of a constraint, or else its type.
fn called(constraint: &Value) -> &str {
    let text = |key: &str| constraint.get(key).and_then(Value::as_str);
    text("name").or_else(|| text("type")).unwrap_or_default()
}

fn push(found: &mut Vec<String>, what: &str, items: &[String]) {
    if !items.is_empty() {
        found.push(format!("{what}: \n    - {}", items.join("\n    - ")));
    }
}

fn old_materialized(old: &PreviousNode) -> &str {
    old.config.get("materialized").and_then(Value::as_str).unwrap_or("view")
}

fn same_columns(node: &Node, old: &PreviousNode) -> bool {
    node.columns.len() == old.columns.len()
        && node.columns.iter().all(|(name, column)| {
            old.columns.get(name).is_some_and(|old| {
                old.data_type == column.data_type
                    && same_constraints(&column.constraints, &old.constraints)
            })
        })
}

/// Whether constraints say the same; what is not said is what dbt writes for it.
fn same_constraints(new: &[Value], old: &[Value]) -> bool {
    let keys = ["type", "name", "expression", "to", "to_columns", "columns"];
    let is_said =
        |value: &&Value| !value.is_null() && value.as_array().is_none_or(|a| !a.is_empty());
    let part = |value: &Value, key: &str| value.get(key).filter(is_said).cloned();
    new.len() == old.len()
        && new
            .iter()
            .zip(old)
            .all(|(new, old)| keys.iter().all(|key| part(new, key) == part(old, key)))
}

/// A type without its size: a longer text is no breaking change.
fn base_type(data_type: &str) -> String {
    data_type.split('(').next().unwrap_or_default().trim().to_lowercase()
}
