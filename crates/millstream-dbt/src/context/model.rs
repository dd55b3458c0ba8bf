//! What `model` is.

use std::sync::Arc;

use serde_json::{Value, json};

use super::worker::{Batch, CompiledNode};
use crate::artifacts::{Compiled, Shape, entry_dict, node_dict};
use crate::manifest::{MacroDef, Node, SourceTable};
use crate::select::Entry;

/// `model` in the text of a node, or in its materialization. What is nothing is left out.
pub(super) fn of_node(
    node: &Arc<Node>,
    compiled: Option<&CompiledNode>,
    batch: Option<&Batch>,
) -> Value {
    let made = compiled.map(|compiled| Compiled {
        code: Some(Arc::from(compiled.code.as_str())),
        extra_ctes: compiled
            .ctes
            .iter()
            .map(|cte| (cte.id.clone(), Arc::from(cte.sql.as_str())))
            .collect(),
        compiled_path: compiled.path.as_ref().map(|path| path.display().to_string()),
        build_path: None,
    });
    let mut model = without_nothing(node_dict(node, made.as_ref()));
    if let Some(map) = model.as_object_mut() {
        if let Some(compiled) = compiled {
            map.insert("compiled_sql".to_owned(), json!(compiled.code));
            if let Some(name) = &compiled.relation_name {
                map.insert("relation_name".to_owned(), json!(name));
            }
        }
        if node.unique_id.resource_type() == "unit_test" {
            map.insert("resource_type".to_owned(), json!("unit_test"));
        }
        if let Some(batch) = batch {
            map.insert("batch".to_owned(), batch.described());
        }
    }
    model
}

/// `model` in the query that says how old a source is.
pub(super) fn of_source(source: &Arc<SourceTable>) -> Value {
    without_nothing(entry_dict(Entry::Source(source), Shape::Template))
}

/// `model` in a macro that is called by itself.
pub(super) fn of_macro(found: &MacroDef) -> Value {
    json!({
        "name": found.name, "resource_type": "macro", "package_name": found.package_name,
        "unique_id": found.unique_id, "meta": found.meta, "description": found.description,
        "original_file_path": found.original_file_path.to_string_lossy(),
    })
}

/// Keys whose values belong to the project, which may say that something is nothing.
const KEPT_WHOLE: &[&str] = &["meta", "test_metadata", "config_call_dict"];

fn without_nothing(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    let kept = map.into_iter().filter(|(_, value)| !value.is_null());
    let inner = |(key, value): (String, Value)| {
        let value = if KEPT_WHOLE.contains(&key.as_str()) { value } else { without_nothing(value) };
        (key, value)
    };
    Value::Object(kept.map(inner).collect())
}
