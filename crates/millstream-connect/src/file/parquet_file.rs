//! Parquet: the file says its types; those that tables do not have become ones that they have.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, SchemaRef, TimeUnit, TimestampNanosecondType};
use arrow::util::display::FormatOptions;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::block::{ParsedBlock, Refusal, null_rows, without_rows};
use super::input::{Input, InputState};
use super::pipeline::{Feed, Stop};
use super::read::Plan;
use super::shape::{Known, Shape};
use crate::columns::{KeptColumn, timestamptz, type_name};
use crate::error::SyncError;
use crate::raw::{RawEntry, RawLoad};
use crate::sync::row_text;

/// Reads a file into the feed. Blocking.
pub(crate) fn read(
    plan: &Plan,
    input: Input,
    load: &RawLoad,
    feed: &Feed,
) -> Result<RawEntry, Stop> {
    let input = input.keep(load)?;
    let builder = open(&input)?;
    let names = names(builder.schema());
    let columns = plan.columns_of(&plan.resolve(&input.place, &names)?);
    let roots = columns.iter().flatten().map(|column| column.position);
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    let reader = builder
        .with_projection(mask)
        .with_batch_size(millstream_core::limits::BATCH_ROWS)
        .build()
        .map_err(|error| bad(&input.place, error))?;
    feed.file(&input.place, input.identity()?, 0)?;
    for batch in reader {
        let batch = batch.map_err(|error| bad(&input.place, error))?;
        feed.parsed(convert(plan, &input.place, &columns, &batch)?)?;
    }
    match input.state {
        InputState::Kept(entry) => Ok(entry),
        InputState::Outside => unreachable!("`keep` gives a kept input"),
    }
}

/// Adds what a file shows to the shape and keeps the file. Gives the kept file and the number of
/// its rows. Blocking.
pub(crate) fn discover(
    plan: &Plan,
    input: Input,
    load: &RawLoad,
    shape: &mut Shape,
) -> Result<(Input, u64), SyncError> {
    let input = input.keep(load)?;
    let builder = open(&input)?;
    let schema = builder.schema();
    for column in plan.resolve(&input.place, &names(schema))? {
        let known = match column.data_type {
            Some(data_type) => Known::Declared(data_type),
            None => Known::Typed(table_type(schema.field(column.position).data_type())),
        };
        shape.add(&column.name, &column.original, known)?;
    }
    let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or_default();
    Ok((input, rows))
}

fn open(input: &Input) -> Result<ParquetRecordBatchReaderBuilder<File>, SyncError> {
    let file = File::open(&input.path).map_err(|error| SyncError::io(&input.place, error))?;
    if file.metadata().is_ok_and(|data| data.len() == 0) {
        return Err(SyncError::Empty { path: input.place.clone() });
    }
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| bad(&input.place, error))
}

fn names(schema: &SchemaRef) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
}

fn bad(place: &str, error: impl std::fmt::Display) -> SyncError {
    let message = error.to_string();
    SyncError::BadFormat { path: place.to_owned(), format: "Parquet", message }
}

/// The type in which a table keeps the values of a type.
fn table_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Int8 | DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 => DataType::Float32,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Timestamp(_, None) | DataType::Date64 => {
            DataType::Timestamp(TimeUnit::Microsecond, None)
        }
        DataType::Timestamp(_, Some(_)) => timestamptz(),
        DataType::FixedSizeBinary(_) | DataType::LargeBinary | DataType::BinaryView => {
            DataType::Binary
        }
        DataType::Dictionary(_, value) => table_type(value),
        DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Null
        | DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Duration(_)
        | DataType::Interval(_)
        | DataType::Decimal256(..) => DataType::Utf8,
        other => other.clone(),
    }
}

fn convert(
    plan: &Plan,
    place: &str,
    columns: &[Option<KeptColumn>],
    batch: &RecordBatch,
) -> Result<ParsedBlock, SyncError> {
    let rows = batch.num_rows();
    let mut arrays = Vec::with_capacity(columns.len());
    let mut bad_rows: Vec<(usize, &'static str, String)> = Vec::new();
    for (column, field) in columns.iter().zip(plan.schema.fields()) {
        let Some(column) = column else {
            arrays.push(arrow::array::new_null_array(field.data_type(), rows));
            continue;
        };
        let source = batch.column_by_name(&column.original).ok_or_else(|| {
            SyncError::shape(format!("the reader left out `{}`", column.original))
        })?;
        refuse_zone_change(place, column, source.data_type(), field.data_type())?;
        let array = cast(source, field.data_type())?;
        for row in misfits(source, &array) {
            let data_type = type_name(field.data_type());
            let reason = format!("`{}` is not a {data_type}", field.name());
            bad_rows.push((row, "sync.bad_value", reason));
        }
        if column.required {
            let reason = || format!("`{}` has no value", field.name());
            bad_rows.extend(null_rows(source).map(|row| (row, "sync.null_value", reason())));
        }
        arrays.push(array);
    }
    bad_rows.sort_by_key(|(row, ..)| *row);
    bad_rows.dedup_by_key(|(row, ..)| *row);
    let refused = bad_rows.iter().map(|(row, code, reason)| Refusal {
        line: *row as u64,
        code,
        reason: reason.clone(),
        raw: row_text(batch, *row),
    });
    let refused = refused.collect();
    let left_out: Vec<usize> = bad_rows.iter().map(|(row, ..)| *row).collect();
    let batch = without_rows(&plan.schema, arrays, rows, &left_out)?;
    Ok(ParsedBlock { batch, refused, lines: rows as u64 })
}

fn cast(source: &ArrayRef, target: &DataType) -> Result<ArrayRef, SyncError> {
    if source.data_type() == target {
        return Ok(Arc::clone(source));
    }
    let options = CastOptions { safe: true, format_options: FormatOptions::default() };
    cast_with_options(source, target, &options).map_err(SyncError::shape)
}

/// Rows whose value the cast lost: it became null, or its nanoseconds were cut off.
fn misfits(source: &ArrayRef, cast: &ArrayRef) -> Vec<usize> {
    if Arc::ptr_eq(source, cast) {
        return Vec::new();
    }
    let mut rows: Vec<usize> = Vec::new();
    if cast.null_count() > source.logical_null_count() {
        let nulls = source.logical_nulls();
        let was_null = |row| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        rows.extend(null_rows(cast).filter(|row| !was_null(*row)));
    }
    if matches!(source.data_type(), DataType::Timestamp(TimeUnit::Nanosecond, _)) {
        let nanos = source.as_primitive::<TimestampNanosecondType>();
        let cut =
            nanos.iter().enumerate().filter(|(_, nanos)| nanos.is_some_and(|n| n % 1000 != 0));
        rows.extend(cut.map(|(row, _)| row));
    }
    rows
}

/// A time without zone is no moment; no declaration makes it one.
fn refuse_zone_change(
    place: &str,
    column: &KeptColumn,
    source: &DataType,
    target: &DataType,
) -> Result<(), SyncError> {
    let zoned = |data_type: &DataType| match data_type {
        DataType::Timestamp(_, zone) => Some(zone.is_some()),
        _ => None,
    };
    match (zoned(source), zoned(target)) {
        (Some(from), Some(to)) if from != to => {
            let (from, to) = (type_name(source), type_name(target));
            let message = format!("`{}` is a {from}, but is declared {to}", column.original);
            Err(bad(place, message))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        DictionaryArray, Int64Array, RecordBatch, TimestampNanosecondArray, UInt64Array,
    };
    use arrow::datatypes::Int32Type;
    use parquet::arrow::ArrowWriter;
    use serde_json::json;

    use super::*;
    use crate::testing::Project;

    fn file() -> Vec<u8> {
        let words: DictionaryArray<Int32Type> = ["x", "y", "x"].into_iter().collect();
        let nanos = TimestampNanosecondArray::from(vec![1000, 1001, 2000]).with_timezone("UTC");
        let batch = RecordBatch::try_from_iter([
            ("Big ID", Arc::new(UInt64Array::from(vec![1, 2, u64::MAX])) as ArrayRef),
            ("at", Arc::new(nanos)),
            ("word", Arc::new(words)),
            ("small", Arc::new(Int64Array::from(vec![Some(1), Some(2), None]))),
        ])
        .unwrap();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    }

    #[tokio::test]
    async fn types_become_those_of_tables_and_losses_are_refused() {
        let project = Project::new(&[("in.parquet", &file())]);
        let seen = project.read(json!({"path": "in.parquet"}), None).await.unwrap();
        let expected = ["big_id decimal(20,0)", "at timestamptz", "word text", "small bigint"];
        assert_eq!(seen.types, expected);
        assert_eq!(
            seen.rows,
            [
                ["1", "1970-01-01T00:00:00.000001", "x", "1"],
                ["18446744073709551615", "1970-01-01T00:00:00.000002", "x", "~"]
            ]
        );
        assert_eq!(seen.refused.len(), 1);
        assert_eq!(seen.refused[0].place, "in.parquet:2");
        assert_eq!(seen.refused[0].reason, "`at` is not a timestamptz");
    }

    #[tokio::test]
    async fn declared_columns_alone_are_read() {
        let project = Project::new(&[("in.parquet", &file())]);
        let columns = json!([{"name": "small", "type": "integer", "not_null": true}]);
        let stream = json!({"path": "in.parquet", "columns": columns});
        let seen = project.read(stream, None).await.unwrap();
        assert_eq!((seen.types, seen.rows.len()), (vec!["small integer".to_owned()], 2));
        assert_eq!(seen.refused[0].code, "sync.null_value");
        let columns = json!([{"name": "at", "type": "timestamp"}]);
        let stream = json!({"path": "in.parquet", "columns": columns});
        assert_eq!(project.error(stream).await.code(), "sync.bad_format");
    }
}
