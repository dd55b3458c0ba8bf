//! `semantic_manifest.json`: what the semantic layer reads.

use serde_json::{Value, json};

use super::fields::only;
use super::semantic::resource;
use crate::Manifest;
use crate::manifest::{Node, NodeKind};

/// The model that is a time spine without saying so.
const LEGACY_TIME_SPINE: &str = "metricflow_time_spine";

/// What the semantic layer reads of a project.
pub fn semantic_manifest(manifest: &Manifest) -> Value {
    let of_kind = |kind: &'static str, shape: fn(&Value) -> Value| {
        let found = manifest.semantic.values().filter(|f| f.unique_id.resource_type() == kind);
        found.map(|found| shape(&resource(found, 0.0))).collect::<Vec<Value>>()
    };
    let semantic_models = of_kind("semantic_model", semantic_model);
    let legacy = if semantic_models.is_empty() { Vec::new() } else { legacy_time_spines(manifest) };
    json!({
        "semantic_models": semantic_models,
        "metrics": of_kind("metric", metric),
        "project_configuration": {
            "time_spine_table_configurations": legacy,
            "metadata": null,
            "dsi_package_version": {
                "major_version": "0", "minor_version": "213", "patch_version": "0"
            },
            "time_spines": time_spines(manifest),
        },
        "saved_queries": of_kind("saved_query", saved_query),
    })
}

fn semantic_model(found: &Value) -> Value {
    let usual = json!({
        "name": null, "defaults": null, "description": null, "node_relation": null,
        "primary_entity": null, "label": null, "metadata": null
    });
    let mut model = only(found, usual);
    let config = || json!({"meta": {}});
    let entity = json!({
        "name": null, "description": null, "type": null, "role": null, "expr": null,
        "metadata": null, "label": null, "config": config()
    });
    let measure = json!({
        "name": null, "agg": null, "description": null, "create_metric": false, "expr": null,
        "agg_params": null, "metadata": null, "non_additive_dimension": null,
        "agg_time_dimension": null, "label": null, "config": config()
    });
    let dimension = json!({
        "name": null, "description": null, "type": null, "datatype": null, "is_partition": false,
        "type_params": null, "expr": null, "metadata": null, "label": null, "config": config()
    });
    model["entities"] = each(&found["entities"], &entity);
    model["measures"] = each(&found["measures"], &measure);
    model["dimensions"] = each(&found["dimensions"], &dimension);
    model["config"] = meta_only(found);
    model
}

fn metric(found: &Value) -> Value {
    let usual = json!({
        "name": null, "description": null, "type": null, "datatype": null, "type_params": {},
        "filter": null, "metadata": null, "label": null, "time_granularity": null
    });
    let mut metric = only(found, usual);
    metric["config"] = meta_only(found);
    metric
}

fn saved_query(found: &Value) -> Value {
    let usual = json!({
        "name": null, "query_params": {}, "description": null, "metadata": null, "label": null,
        "tags": []
    });
    let mut query = only(found, usual);
    let exports = found["exports"].as_array().map(Vec::as_slice).unwrap_or_default();
    query["exports"] = exports
        .iter()
        .map(|export| {
            let usual = json!({"export_as": null, "schema_name": null, "alias": null});
            json!({"name": export["name"], "config": only(&export["config"], usual)})
        })
        .collect();
    query
}

fn each(items: &Value, usual: &Value) -> Value {
    let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().map(|item| only(item, usual.clone())).collect()
}

fn meta_only(found: &Value) -> Value {
    json!({"meta": found["config"]["meta"]})
}

fn time_spines(manifest: &Manifest) -> Vec<Value> {
    manifest.nodes_of(|kind| *kind == NodeKind::Model).filter_map(|node| time_spine(node)).collect()
}

fn time_spine(node: &Node) -> Option<Value> {
    let spine = node.time_spine.as_ref()?;
    let column = spine.get("standard_granularity_column")?.as_str()?;
    let granularity = node.columns.get(column).and_then(|column| column.extra.get("granularity"));
    let custom = spine.get("custom_granularities").filter(|custom| custom.is_array());
    Some(json!({
        "node_relation": {
            "alias": node.alias,
            "schema_name": node.schema,
            "database": node.database,
            "relation_name": node.relation_name,
        },
        "primary_column": {"name": column, "time_granularity": granularity},
        "custom_granularities": each(
            custom.unwrap_or(&Value::Null),
            &json!({"name": null, "column_name": null}),
        ),
    }))
}

fn legacy_time_spines(manifest: &Manifest) -> Vec<Value> {
    let is_legacy = |node: &&std::sync::Arc<Node>| {
        node.kind == NodeKind::Model && node.name == LEGACY_TIME_SPINE && node.time_spine.is_none()
    };
    let found = manifest.nodes.values().find(is_legacy);
    let entry = |node: &std::sync::Arc<Node>| json!({"location": node.relation_name, "column_name": "date_day", "grain": "day"});
    found.map(entry).into_iter().collect()
}
