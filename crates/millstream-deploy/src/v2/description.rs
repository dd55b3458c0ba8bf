//! What answers to requests for inference look like. They are written straight into bytes
//! ([`super::response`]), so that only their description has a type.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::tensor::Datatype;

/// Predictions.
#[derive(JsonSchema)]
#[schemars(rename = "InferenceAnswer", example = example())]
#[expect(dead_code, reason = "only its schema counts")]
pub(super) struct InferAnswer {
    /// The deployment.
    model_name: String,
    /// The version that gave the answer.
    model_version: String,
    /// The id of the request, if it had one.
    id: Option<String>,
    /// Of a single row that is recorded: `event_id`.
    parameters: Option<AnswerParameters>,
    outputs: Vec<AnswerTensor>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema counts")]
struct AnswerParameters {
    /// The id of the event that records the prediction.
    event_id: String,
}

/// One output for all rows.
#[derive(JsonSchema)]
#[schemars(rename = "InferenceOutput")]
#[expect(dead_code, reason = "only its schema counts")]
struct AnswerTensor {
    /// `label`, `scores` or `event_id`.
    name: String,
    datatype: Datatype,
    shape: Vec<u64>,
    parameters: Option<PackedSize>,
    /// The values row by row; left out of a tensor that is packed.
    data: Option<Vec<Value>>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema counts")]
struct PackedSize {
    /// How many of the bytes behind the JSON are of this tensor.
    binary_data_size: u64,
}

/// JSON, and behind it tensors that are packed in little-endian bytes.
pub(super) struct Packed;

impl JsonSchema for Packed {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Packed".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "binary"})
    }
}

fn example() -> Value {
    json!({
        "model_name": "buys_again",
        "model_version": "3",
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [1], "data": ["yes"]},
            {"name": "scores", "datatype": "FP64", "shape": [1, 2], "data": [0.25, 0.75]},
        ],
    })
}
