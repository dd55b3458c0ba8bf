//! Nodes and sources as templates see them, with the keys of dbt's manifest.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::manifest::{Column, DependsOn, Node, NodeKind, SourceTable, TestOf, UniqueId};

/// What `model` and `graph.nodes` say of a node.
pub fn of(node: &Node) -> Map<String, Value> {
    let mut map = object(json!({
        "database": node.database,
        "schema": node.schema,
        "name": node.name,
        "resource_type": node.kind.word(),
        "package_name": node.package_name,
        "path": node.path.to_string_lossy(),
        "original_file_path": node.original_file_path.to_string_lossy(),
        "unique_id": node.unique_id,
        "fqn": node.fqn,
        "alias": node.alias,
        "checksum": node.checksum,
        "config": config(node),
        "tags": node.config.tags(),
        "description": node.description,
        "columns": columns(&node.columns),
        "meta": node.config.get("meta").cloned().unwrap_or_else(|| json!({})),
        "group": node.group,
        "docs": node.config.get("docs").cloned().unwrap_or_else(|| json!({"show": true})),
        "patch_path": node.patch_path,
        "unrendered_config": node.unrendered_config,
        "created_at": node.created_at,
        "relation_name": node.relation_name,
        "raw_code": &*node.raw_code,
        "language": node.language.word(),
        "refs": node.refs,
        "sources": node.sources.iter().map(|it| [&it.source, &it.table]).collect::<Vec<_>>(),
        "metrics": node.metrics,
        "depends_on": depends_on(&node.depends_on),
    }));
    match &node.kind {
        NodeKind::Model => map.extend(object(json!({
            "access": node.access,
            "constraints": node.constraints,
            "version": node.version,
            "latest_version": node.latest_version,
            "deprecation_date": node.deprecation_date,
            "primary_key": node.primary_key,
            "contract": node.config.get("contract").cloned()
                .unwrap_or_else(|| json!({"enforced": false, "alias_types": true})),
        }))),
        NodeKind::Seed { root_path } => {
            map.insert("root_path".to_owned(), json!(root_path.to_string_lossy()));
        }
        NodeKind::Test(TestOf::Generic(test)) => map.extend(object(json!({
            "test_metadata": {
                "name": test.name, "namespace": test.namespace, "kwargs": test.kwargs,
            },
            "column_name": test.column_name,
            "attached_node": test.attached_node,
            "file_key_name": test.file_key_name,
        }))),
        NodeKind::Operation { index } => {
            map.insert("index".to_owned(), json!(index));
        }
        NodeKind::Snapshot | NodeKind::Test(TestOf::Singular) | NodeKind::Analysis => {}
    }
    map
}

/// What `graph.sources` says of a source.
pub fn of_source(source: &SourceTable) -> Map<String, Value> {
    object(json!({
        "database": source.database,
        "schema": source.schema,
        "name": source.name,
        "resource_type": "source",
        "package_name": source.package_name,
        "path": source.original_file_path.to_string_lossy(),
        "original_file_path": source.original_file_path.to_string_lossy(),
        "unique_id": source.unique_id,
        "fqn": source.fqn,
        "source_name": source.source_name,
        "source_description": source.source_description,
        "source_meta": source.source_meta,
        "loader": source.loader,
        "identifier": source.identifier,
        "quoting": source.quoting,
        "loaded_at_field": source.loaded_at_field,
        "loaded_at_query": source.loaded_at_query,
        "freshness": source.freshness,
        "external": source.external,
        "description": source.description,
        "columns": columns(&source.columns),
        "meta": source.config.get("meta").cloned().unwrap_or_else(|| json!({})),
        "tags": source.config.tags(),
        "config": source.config,
        "relation_name": source.relation_name,
        "unrendered_config": source.unrendered_config,
    }))
}

fn columns(columns: &IndexMap<String, Column>) -> Map<String, Value> {
    columns.iter().map(|(name, column)| (name.clone(), json!(column))).collect()
}

/// What something depends on.
pub(super) fn depends_on(depends_on: &DependsOn) -> Value {
    let ids = |ids: &[UniqueId]| json!(ids);
    json!({"macros": ids(&depends_on.macros), "nodes": ids(&depends_on.nodes)})
}

/// dbt writes the two keys of hooks with a hyphen.
fn config(node: &Node) -> Map<String, Value> {
    let hyphened = |key: &String| match key.as_str() {
        "pre_hook" | "post_hook" => key.replace('_', "-"),
        _ => key.clone(),
    };
    node.config.0.iter().map(|(key, value)| (hyphened(key), value.clone())).collect()
}

pub(super) fn object(value: impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}
