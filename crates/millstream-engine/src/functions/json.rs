//! JSON in text columns: `->`, `->>`, `#>>` and the functions behind them.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray, Int32Array, StringArray};
use arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use serde_json::Value;

use super::columnar::columnar;
use crate::error::relay;
use crate::types::cast_column;

/// What `->` calls.
pub(super) const GET: &str = "json_extract_path";
/// What `->>` calls.
pub(super) const GET_TEXT: &str = "json_extract_path_text";

pub(super) fn functions() -> Vec<ScalarUDF> {
    use DataType::{Int32, Utf8};
    let mut functions = vec![
        path(Found::Json).with_aliases(["jsonb_extract_path"]),
        path(Found::Text).with_aliases(["jsonb_extract_path_text"]),
    ];
    let array_length = columnar("json_array_length", &[Utf8], Int32, array_length);
    functions.push(array_length.with_aliases(["jsonb_array_length"]));
    let type_of = columnar("json_typeof", &[Utf8], Utf8, type_of);
    functions.push(type_of.with_aliases(["jsonb_typeof"]));
    functions
}

/// One of the two functions that follow a path.
pub(super) fn path(found: Found) -> ScalarUDF {
    let signature = Signature::variadic_any(Volatility::Immutable);
    ScalarUDF::from(Path { found, signature })
}

/// What is given of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Found {
    /// The value as JSON.
    Json,
    /// Text without its quotes; null of null.
    Text,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Path {
    found: Found,
    signature: Signature,
}

impl ScalarUDFImpl for Path {
    fn name(&self) -> &'static str {
        match self.found {
            Found::Json => GET,
            Found::Text => GET_TEXT,
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let texts: millstream_core::error::Result<Vec<ArrayRef>> =
            arrays.iter().map(|array| cast_column(array, &DataType::Utf8)).collect();
        let texts = texts.map_err(relay)?;
        let texts: Vec<&StringArray> = texts.iter().map(AsArray::as_string).collect();
        let Some((documents, steps)) = texts.split_first() else {
            return Err(DataFusionError::Plan(format!("`{}` takes JSON first", self.name())));
        };
        let found = documents.iter().enumerate().map(|(row, document)| {
            let Some(document) = document else { return Ok(None) };
            let document = parse(document)?;
            let steps = steps.iter().map(|step| step.is_valid(row).then(|| step.value(row)));
            Ok(follow(&document, steps).and_then(|value| self.found.show(value)))
        });
        Ok(ColumnarValue::Array(Arc::new(found.collect::<Result<StringArray>>()?)))
    }
}

impl Found {
    fn show(self, value: &Value) -> Option<String> {
        match (self, value) {
            (Self::Text, Value::Null) => None,
            (Self::Text, Value::String(text)) => Some(text.clone()),
            _ => Some(value.to_string()),
        }
    }
}

/// A step is a key, a place in a list, or several of them as in `{a,b}`.
fn follow<'v, 's>(
    document: &'v Value,
    steps: impl Iterator<Item = Option<&'s str>>,
) -> Option<&'v Value> {
    let mut value = document;
    for step in steps {
        let step = step?;
        let several = step.strip_prefix('{').and_then(|step| step.strip_suffix('}'));
        value = match several {
            Some(steps) => {
                steps.split(',').try_fold(value, |value, step| get(value, step.trim()))?
            }
            None => get(value, step)?,
        };
    }
    Some(value)
}

fn get<'v>(value: &'v Value, step: &str) -> Option<&'v Value> {
    match value {
        Value::Object(fields) => fields.get(step),
        Value::Array(items) => {
            let place: i64 = step.parse().ok()?;
            let place = if place < 0 { place + items.len() as i64 } else { place };
            items.get(usize::try_from(place).ok()?)
        }
        _ => None,
    }
}

fn parse(document: &str) -> Result<Value> {
    serde_json::from_str(document)
        .map_err(|error| DataFusionError::Execution(format!("not JSON: {error}")))
}

fn array_length(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let lengths = columns[0].as_string::<i32>().iter().map(|document| {
        let Some(document) = document else { return Ok(None) };
        match parse(document)? {
            Value::Array(items) => Ok(i32::try_from(items.len()).ok()),
            _ => Err(DataFusionError::Execution("not a JSON array".to_owned())),
        }
    });
    Ok(Arc::new(lengths.collect::<Result<Int32Array>>()?))
}

fn type_of(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let types = columns[0].as_string::<i32>().iter().map(|document| {
        let Some(document) = document else { return Ok(None) };
        Ok(Some(match parse(document)? {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }))
    });
    Ok(Arc::new(types.collect::<Result<StringArray>>()?))
}
