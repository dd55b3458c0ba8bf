//! From Arrow to the rows that macros read.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    SchemaRef, UInt8Type, UInt16Type, UInt32Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use millstream_core::error::{Plain, Result};
use millstream_core::sql::{SqlAnswer, SqlColumn, SqlValue};

/// Days and moments as Python writes them.
const FORMAT: FormatOptions<'static> = FormatOptions::new()
    .with_date_format(Some("%Y-%m-%d"))
    .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"))
    .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f%:z"));

/// The answer to a query.
pub fn of_rows(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<SqlAnswer> {
    let columns = schema.fields().iter().map(|field| SqlColumn {
        name: field.name().clone(),
        data_type: sql_type(field.data_type()),
    });
    let mut rows = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for batch in batches {
        let values: Vec<Vec<SqlValue>> =
            batch.columns().iter().map(values).collect::<Result<_>>()?;
        let mut values: Vec<_> = values.into_iter().map(Vec::into_iter).collect();
        for _ in 0..batch.num_rows() {
            rows.push(values.iter_mut().filter_map(Iterator::next).collect());
        }
    }
    let count = rows.len();
    Ok(SqlAnswer {
        columns: columns.collect(),
        rows,
        code: "SELECT".to_owned(),
        status: format!("SELECT {count}"),
        rows_affected: Some(count as u64),
    })
}

/// The name of a type in SQL.
pub fn sql_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "smallint".to_owned(),
        DataType::Int32 | DataType::UInt16 => "integer".to_owned(),
        DataType::Int64 | DataType::UInt32 => "bigint".to_owned(),
        DataType::UInt64 => "numeric(20,0)".to_owned(),
        DataType::Float16 | DataType::Float32 => "real".to_owned(),
        DataType::Float64 => "double precision".to_owned(),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => format!("numeric({precision},{scale})"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
            "text".to_owned()
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "bytea".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Time32(_) | DataType::Time64(_) => "time without time zone".to_owned(),
        DataType::Timestamp(_, None) => "timestamp without time zone".to_owned(),
        DataType::Timestamp(_, Some(_)) => "timestamp with time zone".to_owned(),
        DataType::Interval(_) | DataType::Duration(_) => "interval".to_owned(),
        DataType::List(item) | DataType::LargeList(item) => {
            format!("{}[]", sql_type(item.data_type()))
        }
        DataType::Dictionary(_, value) => sql_type(value),
        other => other.to_string().to_lowercase(),
    }
}

fn values(array: &ArrayRef) -> Result<Vec<SqlValue>> {
    Ok(match array.data_type() {
        DataType::Boolean => present(array, |at| SqlValue::Bool(array.as_boolean().value(at))),
        DataType::Int8 => integers::<Int8Type>(array),
        DataType::Int16 => integers::<Int16Type>(array),
        DataType::Int32 => integers::<Int32Type>(array),
        DataType::Int64 => integers::<Int64Type>(array),
        DataType::UInt8 => integers::<UInt8Type>(array),
        DataType::UInt16 => integers::<UInt16Type>(array),
        DataType::UInt32 => integers::<UInt32Type>(array),
        DataType::Float16 => present(array, |at| {
            SqlValue::Float(array.as_primitive::<Float16Type>().value(at).to_f64())
        }),
        DataType::Float32 => present(array, |at| {
            SqlValue::Float(f64::from(array.as_primitive::<Float32Type>().value(at)))
        }),
        DataType::Float64 => {
            present(array, |at| SqlValue::Float(array.as_primitive::<Float64Type>().value(at)))
        }
        DataType::UInt64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => written(array, SqlValue::Decimal)?,
        DataType::Date32 | DataType::Date64 => written(array, SqlValue::Date)?,
        DataType::Timestamp(..) => written(array, SqlValue::Timestamp)?,
        _ => written(array, SqlValue::Text)?,
    })
}

fn integers<T>(array: &ArrayRef) -> Vec<SqlValue>
where
    T: arrow::datatypes::ArrowPrimitiveType,
    i64: From<T::Native>,
{
    present(array, |at| SqlValue::Int(i64::from(array.as_primitive::<T>().value(at))))
}

fn present(array: &ArrayRef, value: impl Fn(usize) -> SqlValue) -> Vec<SqlValue> {
    (0..array.len()).map(|at| if array.is_null(at) { SqlValue::Null } else { value(at) }).collect()
}

fn written(array: &ArrayRef, value: impl Fn(String) -> SqlValue) -> Result<Vec<SqlValue>> {
    let formatter = ArrayFormatter::try_new(array.as_ref(), &FORMAT)
        .map_err(|error| Plain::internal("warehouse.answer", error.to_string()))?;
    Ok(present(array, |at| value(formatter.value(at).to_string())))
}
