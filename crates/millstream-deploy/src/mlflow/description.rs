//! What the tables that MLflow's clients send look like, and what they are answered.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// A table in one of the shapes of [`super::frame::Frame`].
pub(super) struct TableAsked;

impl JsonSchema for TableAsked {
    fn schema_name() -> Cow<'static, str> {
        "TableToScore".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let shapes = [
            ("dataframe_split", split()),
            ("dataframe_records", json!({"type": "array", "minItems": 1})),
            ("instances", json!({"type": "array", "minItems": 1})),
            ("inputs", json!({"anyOf": [{"type": "array", "minItems": 1}, {"type": "object"}]})),
        ];
        let shapes: Vec<Value> = shapes
            .into_iter()
            .map(|(field, schema)| json!({"required": [field], "properties": {field: schema}}))
            .collect();
        json_schema!({
            "description": "Rows to be scored: a data frame in one of pandas' two orientations, \
                rows (`instances`), or columns (`inputs`). A column `key` says what each row is.",
            "type": "object",
            "properties": {"params": {"type": ["object", "null"]}},
            "oneOf": shapes,
            "examples": [
                {"dataframe_split": {"columns": ["country", "revenue"], "data": [["fr", 129.5]]}},
                {"dataframe_records": [{"country": "fr", "revenue": 129.5}]},
                {"inputs": {"country": ["fr"], "revenue": [129.5]}},
            ],
        })
    }
}

fn split() -> Value {
    json!({
        "type": "object",
        "required": ["columns", "data"],
        "properties": {
            "columns": {"type": "array", "items": {"type": "string"}},
            "data": {"type": "array", "items": {"type": "array"}},
        },
    })
}

/// A table with a header.
pub(super) struct Csv;

impl JsonSchema for Csv {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Csv".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "examples": ["country,revenue\nfr,129.5\n"]})
    }
}

/// Predictions.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema counts")]
pub(super) struct Predictions {
    /// The label of each row.
    predictions: Vec<Value>,
}
