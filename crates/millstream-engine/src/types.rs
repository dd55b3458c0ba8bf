//! The types that a lake table keeps, and how others become them.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use millstream_core::error::Result;

use crate::comments::COMMENT_KEY;
use crate::error::{EngineError, from_arrow};

/// The time zone of all stored moments.
const UTC: &str = "UTC";
/// The most digits that a decimal has in Delta.
const DECIMAL_DIGITS_MAX: u8 = 38;

/// The schema of a table that keeps rows of this schema. Every column may be null: what may not
/// be is checked before, not declared here, so that a table can grow columns.
pub(crate) fn lake_schema(schema: &Schema) -> Result<SchemaRef> {
    let mut fields = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let repeated = |other: &FieldRef| other.name().eq_ignore_ascii_case(field.name());
        if fields.iter().any(repeated) {
            return Err(EngineError::DuplicateColumn { column: field.name().clone() }.into());
        }
        fields.push(lake_field(field, field.name())?);
    }
    Ok(Arc::new(Schema::new(fields)))
}

fn lake_field(field: &Field, column: &str) -> Result<FieldRef> {
    let data_type = lake_type(field.data_type(), column)?;
    let own = |key: &str| {
        !key.starts_with("PARQUET:") && !key.starts_with("ARROW:") && key != COMMENT_KEY
    };
    let metadata = field.metadata().iter().filter(|(key, _)| own(key));
    let metadata = metadata.map(|(key, value)| (key.clone(), value.clone())).collect();
    Ok(Arc::new(Field::new(field.name(), data_type, true).with_metadata(metadata)))
}

/// The type that keeps values of a type; `column` is for the message.
pub(crate) fn lake_type(data_type: &DataType, column: &str) -> Result<DataType> {
    let refused = || EngineError::UnsupportedType {
        column: column.to_owned(),
        data_type: data_type.to_string(),
    };
    Ok(match data_type {
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Date32
        | DataType::Utf8
        | DataType::Binary => data_type.clone(),
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 => DataType::Float32,
        DataType::Date64 => DataType::Date32,
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(_, Some(_)) => {
            DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))
        }
        DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Null
        | DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Interval(_)
        | DataType::Duration(_) => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            DataType::Binary
        }
        DataType::Decimal32(digits, scale)
        | DataType::Decimal64(digits, scale)
        | DataType::Decimal128(digits, scale)
        | DataType::Decimal256(digits, scale)
            if *digits <= DECIMAL_DIGITS_MAX && *scale >= 0 =>
        {
            DataType::Decimal128(*digits, *scale)
        }
        DataType::Dictionary(_, value) => lake_type(value, column)?,
        DataType::RunEndEncoded(_, value) => lake_type(value.data_type(), column)?,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => {
            let item_type = lake_type(item.data_type(), column)?;
            DataType::List(Arc::new(Field::new("element", item_type, true)))
        }
        DataType::Struct(fields) => {
            let fields: Result<Vec<FieldRef>> =
                fields.iter().map(|field| lake_field(field, column)).collect();
            DataType::Struct(Fields::from(fields?))
        }
        DataType::Map(entries, sorted) => lake_map(entries, *sorted, column)?,
        _ => return Err(refused().into()),
    })
}

fn lake_map(entries: &FieldRef, sorted: bool, column: &str) -> Result<DataType> {
    let DataType::Struct(fields) = entries.data_type() else {
        let data_type = entries.data_type().to_string();
        return Err(EngineError::UnsupportedType { column: column.to_owned(), data_type }.into());
    };
    let key = lake_type(fields[0].data_type(), column)?;
    let value = lake_type(fields[1].data_type(), column)?;
    let fields = vec![Field::new("key", key, false), Field::new("value", value, true)];
    let entries = Field::new("key_value", DataType::Struct(fields.into()), false);
    Ok(DataType::Map(Arc::new(entries), sorted))
}

/// The batch in another schema: columns by name, those that are missing null, types cast.
pub(crate) fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.schema_ref() == schema {
        return Ok(batch.clone());
    }
    let mut columns = Vec::with_capacity(schema.fields().len());
    for (index, field) in schema.fields().iter().enumerate() {
        let present = match batch.schema_ref().fields().get(index) {
            Some(same) if same.name() == field.name() => Some(batch.column(index)),
            _ => batch.column_by_name(field.name()),
        };
        columns.push(match present {
            Some(column) => cast_column(column, field.data_type())?,
            None => arrow::array::new_null_array(field.data_type(), batch.num_rows()),
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(from_arrow)
}

/// The column in another type; a value that does not fit is an error.
pub(crate) fn cast_column(column: &ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    if column.data_type() == data_type {
        return Ok(Arc::clone(column));
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(column, data_type, &options).map_err(from_arrow)
}

/// The schema of query results as other rooms see it: text and bytes in their plain layout.
pub(crate) fn plain_schema(schema: &SchemaRef) -> SchemaRef {
    if schema.fields().iter().all(|field| plain_type(field.data_type()) == *field.data_type()) {
        return Arc::clone(schema);
    }
    let fields = schema
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_data_type(plain_type(field.data_type())));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Dictionary(_, value) => plain_type(value),
        other => other.clone(),
    }
}
