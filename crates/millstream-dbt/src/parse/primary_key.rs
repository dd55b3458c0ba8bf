//! Columns that are the key of a model, as far as constraints and tests say.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::values::texts;
use crate::manifest::{Node, NodeKind, TestOf, TestTarget, UniqueId};

/// Tests of a model that speak of keys.
#[derive(Debug, Default)]
struct Tested {
    unique: Vec<String>,
    unique_but_disabled: Vec<String>,
    not_null: Vec<String>,
}

/// Notes the keys of models.
pub(super) fn infer(nodes: &mut [Arc<Node>]) {
    let mut tested: HashMap<UniqueId, Tested> = HashMap::new();
    for node in nodes.iter() {
        let NodeKind::Test(TestOf::Generic(test)) = &node.kind else { continue };
        let Some(model) = &test.attached_node else { continue };
        let is_unique = matches!(test.name.as_str(), "unique" | "unique_combination_of_columns");
        if !is_unique && test.name != "not_null" {
            continue;
        }
        let of_model = tested.entry(model.clone()).or_default();
        let list = match (is_unique, node.config.enabled()) {
            (false, _) => &mut of_model.not_null,
            (true, true) => &mut of_model.unique,
            (true, false) => &mut of_model.unique_but_disabled,
        };
        for column in columns(test) {
            if !list.contains(&column) {
                list.push(column);
            }
        }
    }
    let is_made = |node: &&mut Arc<Node>| node.kind == NodeKind::Model && node.config.enabled();
    for node in nodes.iter_mut().filter(is_made) {
        let key = by_constraint(node).or_else(|| tested.get(&node.unique_id).map(by_tests));
        if let Some(key) = key {
            Arc::make_mut(node).primary_key = key;
        }
    }
}

fn columns(test: &TestTarget) -> Vec<String> {
    match (test.kwargs.get("column_name"), test.kwargs.get("combination_of_columns")) {
        (Some(Value::String(column)), _) => vec![column.clone()],
        (_, Some(list @ Value::Array(_))) => texts(list),
        _ => Vec::new(),
    }
}

fn by_constraint(node: &Node) -> Option<Vec<String>> {
    let is_key = |one: &&Value| one.get("type").and_then(Value::as_str) == Some("primary_key");
    if let Some(key) = node.constraints.iter().find(is_key) {
        return Some(key.get("columns").map(texts).unwrap_or_default());
    }
    let mut columns = node.columns.values();
    let column = columns.find(|column| column.constraints.iter().any(|one| is_key(&one)))?;
    Some(vec![column.name.clone()])
}

fn by_tests(tested: &Tested) -> Vec<String> {
    let is_unique = |column: &&String| {
        tested.unique.contains(column) || tested.unique_but_disabled.contains(column)
    };
    let both: Vec<String> = tested.not_null.iter().filter(is_unique).cloned().collect();
    let candidates = [&both, &tested.unique, &tested.unique_but_disabled];
    candidates.into_iter().find(|list| !list.is_empty()).cloned().unwrap_or_default()
}
