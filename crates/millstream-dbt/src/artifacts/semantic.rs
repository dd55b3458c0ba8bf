//! Metrics, semantic models and saved queries as `manifest.json` has them.

use serde_json::{Map, Value, json};

use super::fields::{complete, path_text};
use super::resources::{below_its_folder, config, with};
use crate::manifest::Semantic;

/// A metric, semantic model or saved query.
pub(super) fn resource(found: &Semantic, created_at: f64) -> Value {
    let kind = found.unique_id.resource_type();
    let usual_config = match kind {
        "saved_query" => json!({
            "enabled": true, "group": null, "meta": {}, "export_as": null, "schema": null,
            "cache": {"enabled": false}
        }),
        _ => json!({"enabled": true, "group": null, "meta": {}}),
    };
    let mut fields = complete(&found.properties, defaults(kind));
    match kind {
        "metric" => metric(&mut fields),
        "semantic_model" => semantic_model(&mut fields),
        _ => saved_query(&mut fields),
    }
    if let Some(refs) = fields.get_mut("refs") {
        over_each(refs, &json!({"name": null, "package": null, "version": null}));
    }
    let own = json!({
        "name": found.name,
        "resource_type": kind,
        "package_name": found.package_name,
        "path": below_its_folder(&found.original_file_path),
        "original_file_path": path_text(&found.original_file_path),
        "unique_id": found.unique_id,
        "fqn": found.fqn,
        "config": with(usual_config, &config(&found.config)),
        "depends_on": {"macros": found.depends_on.macros, "nodes": found.depends_on.nodes},
        "created_at": created_at,
    });
    with(own, &Value::Object(fields))
}

fn defaults(kind: &str) -> Value {
    match kind {
        "metric" => json!({
            "description": "", "label": null, "type": null, "type_params": {}, "filter": null,
            "metadata": null, "time_granularity": null, "unrendered_config": {}, "sources": [],
            "refs": [], "metrics": [], "group": null, "meta": {}, "tags": []
        }),
        "semantic_model" => json!({
            "model": null, "node_relation": null, "description": null, "label": null,
            "defaults": null, "entities": [], "measures": [], "dimensions": [], "metadata": null,
            "refs": [], "unrendered_config": {}, "primary_entity": null, "group": null
        }),
        _ => json!({
            "query_params": {}, "exports": [], "description": null, "label": null,
            "metadata": null, "unrendered_config": {}, "group": null, "refs": [], "tags": []
        }),
    }
}

fn metric(fields: &mut Map<String, Value>) {
    let usual = json!({
        "measure": null, "input_measures": [], "numerator": null, "denominator": null,
        "expr": null, "window": null, "grain_to_date": null, "metrics": [],
        "conversion_type_params": null, "cumulative_type_params": null,
        "metric_aggregation_params": null, "fill_nulls_with": null, "join_to_timespine": false,
        "is_private": null
    });
    let mut params = with(usual, &fields["type_params"]);
    let measure = json!({
        "name": null, "filter": null, "alias": null, "join_to_timespine": false,
        "fill_nulls_with": null
    });
    let input = json!({
        "name": null, "filter": null, "alias": null, "offset_window": null,
        "offset_to_grain": null
    });
    over(&mut params["measure"], &measure);
    over_each(&mut params["input_measures"], &measure);
    over(&mut params["numerator"], &input);
    over(&mut params["denominator"], &input);
    over_each(&mut params["metrics"], &input);
    let cumulative =
        json!({"window": null, "grain_to_date": null, "period_agg": "first", "metric": null});
    over(&mut params["cumulative_type_params"], &cumulative);
    fields.insert("type_params".to_owned(), params);
}

fn semantic_model(fields: &mut Map<String, Value>) {
    let element = json!({"name": null, "description": null, "label": null, "expr": null});
    let entity = with(element.clone(), &json!({"type": null, "role": null}));
    let measure = json!({
        "agg": null, "create_metric": false, "agg_params": null, "non_additive_dimension": null,
        "agg_time_dimension": null
    });
    let dimension = json!({
        "type": null, "is_partition": false, "type_params": null, "metadata": null,
        "datatype": null
    });
    let elements = [
        ("entities", entity),
        ("measures", with(element.clone(), &measure)),
        ("dimensions", with(element, &dimension)),
    ];
    for (key, mut usual) in elements {
        usual["config"] = json!({"meta": {}});
        if let Some(items) = fields.get_mut(key) {
            over_each(items, &usual);
        }
    }
    for measure in fields.get_mut("measures").and_then(Value::as_array_mut).into_iter().flatten() {
        over(
            &mut measure["agg_params"],
            &json!({
                "percentile": null, "use_discrete_percentile": false,
                "use_approximate_percentile": false
            }),
        );
        over(
            &mut measure["non_additive_dimension"],
            &json!({"name": null, "window_choice": "min", "window_groupings": []}),
        );
    }
    for dimension in
        fields.get_mut("dimensions").and_then(Value::as_array_mut).into_iter().flatten()
    {
        over(&mut dimension["type_params"], &json!({"validity_params": null}));
    }
}

fn saved_query(fields: &mut Map<String, Value>) {
    let query =
        json!({"metrics": [], "group_by": [], "where": null, "order_by": [], "limit": null});
    if let Some(params) = fields.get_mut("query_params") {
        over(params, &query);
    }
    let export = json!({"name": null, "config": {}, "unrendered_config": {}});
    if let Some(exports) = fields.get_mut("exports") {
        over_each(exports, &export);
    }
}

/// Puts an object over the usual one; nothing stays nothing.
fn over(value: &mut Value, usual: &Value) {
    if value.is_object() {
        *value = with(usual.clone(), value);
    }
}

fn over_each(items: &mut Value, usual: &Value) {
    items.as_array_mut().into_iter().flatten().for_each(|item| over(item, usual));
}
