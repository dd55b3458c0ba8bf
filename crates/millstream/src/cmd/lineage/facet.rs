//! `OpenLineage`'s `columnLineage` facet, version 1-2-0: the edges of one step.

use std::collections::BTreeMap;

use millstream_core::AssetKind;
use millstream_core::lineage::{ConditionKind, Edge, EdgeKind, Edges, Origin, ValueKind};
use serde_json::{Map, Value, json};

use super::assets::Assets;

const PRODUCER: &str = concat!("urn:millstream:", env!("CARGO_PKG_VERSION"));
const SCHEMA: &str = "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json\
    #/$defs/ColumnLineageDatasetFacet";
/// Stands for a field where an asset is meant as a whole: `OpenLineage` knows only fields.
const WHOLE: &str = "*";

/// The asset as a data set with the facet; `None` if nothing is known of it. What holds for all
/// fields stands under `dataset`.
pub(super) fn dataset(
    (project, environment): (&str, &str),
    target: &Origin,
    assets: &Assets,
) -> Option<Value> {
    let lineage = &assets.get(&target.asset)?.lineage;
    let namespace = format!("millstream://{project}/{environment}");
    let asked = target.column.as_ref().map(millstream_core::lineage::ColumnPath::name);
    let columns = lineage.columns.iter();
    let columns = columns.filter(|column| asked.is_none_or(|asked| asked == column.name));
    let fields: Map<String, Value> = columns
        .filter(|column| !column.lineage.edges.is_empty())
        .map(|column| {
            let inputs = input_fields(&namespace, &column.lineage.edges);
            (column.name.clone(), json!({"inputFields": inputs}))
        })
        .collect();
    Some(json!({
        "namespace": namespace,
        "name": name(target),
        "facets": {"columnLineage": {
            "_producer": PRODUCER,
            "_schemaURL": SCHEMA,
            "fields": fields,
            "dataset": input_fields(&namespace, &lineage.rows),
        }},
    }))
}

fn input_fields(namespace: &str, edges: &Edges) -> Vec<Value> {
    let mut by_origin: BTreeMap<&Origin, Vec<Value>> = BTreeMap::new();
    for edge in edges.iter() {
        by_origin.entry(edge.from).or_default().push(transformation(&edge));
    }
    let fields = by_origin.into_iter().map(|(origin, transformations)| {
        let field = origin.column.as_ref().map_or(WHOLE.to_owned(), ToString::to_string);
        json!({"namespace": namespace, "name": name(origin), "field": field,
            "transformations": transformations})
    });
    fields.collect()
}

fn transformation(edge: &Edge<'_>) -> Value {
    let (role, subtype) = match edge.kind {
        EdgeKind::Value(ValueKind::Copy) => ("DIRECT", "IDENTITY"),
        EdgeKind::Value(ValueKind::Derived) => ("DIRECT", "TRANSFORMATION"),
        EdgeKind::Value(ValueKind::Aggregated) => ("DIRECT", "AGGREGATION"),
        EdgeKind::Condition(kind) => ("INDIRECT", condition(kind)),
    };
    let description = edge.inexact.map_or(String::new(), |why| format!("inexact: {}", why.word()));
    json!({"type": role, "subtype": subtype, "description": description, "masking": false})
}

fn condition(kind: ConditionKind) -> &'static str {
    match kind {
        ConditionKind::Filter => "FILTER",
        // A list is joined with its row.
        ConditionKind::Join | ConditionKind::Unnest => "JOIN",
        ConditionKind::GroupBy => "GROUP_BY",
        ConditionKind::Order => "SORT",
        ConditionKind::Window => "WINDOW",
        ConditionKind::Case => "CONDITIONAL",
    }
}

fn name(origin: &Origin) -> String {
    match origin.asset.kind {
        AssetKind::Table => origin.asset.name.clone(),
        _ => origin.asset.to_string(),
    }
}
