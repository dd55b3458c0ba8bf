//! Rows of tables and of queries, as JSON.

use std::time::Instant;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Schema, SchemaRef, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use axum::extract::State;
use axum::{Extension, Json};
use futures::StreamExt;
use millstream_core::error::Plain;
use millstream_core::warehouse::Query;
use millstream_guard::{Object, Principal};
use millstream_ledger::{Action, Deed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::Refusal;
use super::page::limit_within;
use super::{Answer, Api, actor};
use crate::execute::millis_since;

/// Rows of an answer, unless the request says otherwise.
const ROWS: usize = 1000;
/// The most rows of an answer.
const ROWS_MAX: usize = 10_000;
/// The most characters of all values of an answer, about; rows after them are left out.
const ANSWER_CHARS_MAX: usize = 16 << 20;
/// Integers up to here are exact as numbers of JavaScript (ECMA-262, `MAX_SAFE_INTEGER`).
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// A query.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Asked {
    /// One statement that only reads.
    sql: String,
    /// The most rows that are wanted.
    #[schemars(range(min = 1, max = 10000))]
    limit: Option<usize>,
}

/// Rows, with their columns.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Rows {
    columns: Vec<Column>,
    /// One list for each row. Integers that JavaScript cannot hold, decimals and moments are text.
    rows: Vec<Vec<Value>>,
    /// Whether there are more rows.
    truncated: bool,
    took_ms: u64,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Column {
    pub(super) name: String,
    /// Its SQL type.
    #[serde(rename = "type")]
    kind: String,
    nullable: bool,
}

/// Runs SQL over all assets, which only reads.
pub(super) async fn query(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Json(Object(asked)): Json<Object<Asked>>,
) -> Answer<Rows> {
    let limit = limit_within("limit", asked.limit, ROWS, ROWS_MAX)?;
    let target = format!("environment:{}", api.ledger().environment());
    let deed = Deed::new(Action::Query, target).with(&asked.sql);
    // Before it runs: whoever asks may be gone before it ends.
    api.ledger().record(actor(&principal), deed).await?;
    Ok(Json(api.rows(asked.sql, limit).await?))
}

impl Api {
    /// The first rows of a query.
    pub(super) async fn rows(&self, sql: String, limit: usize) -> Result<Rows, Refusal> {
        let began = Instant::now();
        let mut stream = self.config.warehouse.query(&self.query(sql)?).await?;
        let columns = columns_of(&stream.schema);
        let (mut rows, mut chars) = (Vec::new(), 0);
        while rows.len() <= limit && chars <= ANSWER_CHARS_MAX {
            let Some(batch) = stream.batches.next().await else { break };
            let batch = batch?;
            let wanted = batch.num_rows().min(limit + 1 - rows.len());
            chars += add_rows(&mut rows, &batch.slice(0, wanted))?;
        }
        let truncated = rows.len() > limit || chars > ANSWER_CHARS_MAX;
        rows.truncate(limit);
        Ok(Rows { columns, rows, truncated, took_ms: millis_since(began) })
    }

    /// The columns of a query.
    pub(super) async fn schema(&self, sql: &str) -> Result<SchemaRef, Refusal> {
        Ok(self.config.warehouse.schema(&self.query(sql.to_owned())?).await?)
    }

    fn query(&self, sql: String) -> Result<Query, Refusal> {
        let catalog = (self.config.names)()?;
        Ok(Query { sql, catalog, now: self.config.clock.now() })
    }
}

/// The columns of a schema.
pub(super) fn columns_of(schema: &Schema) -> Vec<Column> {
    let column = |field: &arrow::datatypes::FieldRef| Column {
        name: field.name().clone(),
        kind: sql_type(field.data_type()),
        nullable: field.is_nullable(),
    };
    schema.fields().iter().map(column).collect()
}

/// The word of SQL for a type.
fn sql_type(kind: &DataType) -> String {
    match kind {
        DataType::Boolean => "boolean",
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "smallint",
        DataType::Int32 | DataType::UInt16 => "integer",
        DataType::Int64 | DataType::UInt32 => "bigint",
        DataType::Float16 | DataType::Float32 => "real",
        DataType::Float64 => "double",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "bytea",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Timestamp(TimeUnit::Microsecond, None) => "timestamp",
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "timestamptz",
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            return format!("decimal({precision},{scale})");
        }
        DataType::Dictionary(_, values) => return sql_type(values),
        other => return other.to_string().to_lowercase(),
    }
    .to_owned()
}

/// Adds the rows of a batch; gives how many characters they have.
fn add_rows(rows: &mut Vec<Vec<Value>>, batch: &RecordBatch) -> Result<usize, Refusal> {
    let options = FormatOptions::default().with_null("");
    let unreadable = |error: arrow::error::ArrowError| {
        let message = format!("a value cannot be shown: {error}");
        millstream_core::Error::from(Plain::internal("api.defect", message))
    };
    let columns: Vec<(&dyn Array, ArrayFormatter<'_>)> = batch
        .columns()
        .iter()
        .map(|column| Ok((&**column, ArrayFormatter::try_new(column, &options)?)))
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    let mut chars = 0;
    for row in 0..batch.num_rows() {
        let mut values = Vec::with_capacity(columns.len());
        for (column, formatter) in &columns {
            let text = formatter.value(row).try_to_string().map_err(unreadable)?;
            chars += text.len();
            values.push(value(*column, row, text));
        }
        rows.push(values);
    }
    Ok(chars)
}

/// A value, which is written as this text.
fn value(column: &dyn Array, row: usize, text: String) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Boolean => Value::Bool(column.as_boolean().value(row)),
        kind if kind.is_integer() => match text.parse::<i64>() {
            Ok(number) if number.unsigned_abs() <= SAFE_INTEGER_MAX => Value::from(number),
            _ => Value::String(text),
        },
        kind if kind.is_floating() => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Value::from(number),
            _ => Value::String(text),
        },
        _ => Value::String(text),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, Float64Array, Int64Array, StringArray};
    use serde_json::json;

    use super::*;

    #[test]
    fn no_number_loses_digits() {
        let safe = i64::try_from(SAFE_INTEGER_MAX).unwrap();
        let batch = RecordBatch::try_from_iter([
            ("n", Arc::new(Int64Array::from(vec![Some(-safe), Some(safe + 1), None])) as _),
            ("x", Arc::new(Float64Array::from(vec![0.5, f64::NAN, 3.0])) as _),
            ("t", Arc::new(StringArray::from(vec![Some("a"), None, Some("1")])) as _),
            ("b", Arc::new(BooleanArray::from(vec![true, false, true])) as _),
        ])
        .unwrap();
        let mut rows = Vec::new();
        add_rows(&mut rows, &batch).unwrap();
        assert_eq!(json!(rows[0]), json!([-safe, 0.5, "a", true]));
        assert_eq!(json!(rows[1]), json!(["9007199254740992", "NaN", null, false]));
        assert_eq!(json!(rows[2]), json!([null, 3.0, "1", true]));
        let kinds: Vec<String> = columns_of(&batch.schema()).into_iter().map(|c| c.kind).collect();
        assert_eq!(kinds, ["bigint", "double", "text", "boolean"]);
    }
}
