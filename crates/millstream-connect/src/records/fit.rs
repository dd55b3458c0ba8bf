//! Fits records of a source to the columns that a stream keeps: selection, declared types, keys and
//! columns that need a value. What does not fit is refused with its reason, never bent.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{CastOptions, can_cast_types, cast_with_options, filter_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use millstream_core::error::{Error, Result};
use millstream_core::name::snake_case;
use millstream_core::spec::StreamSpec;

use super::error::SourceError;
use crate::SyncError;
use crate::columns::{self, KeptColumn, ORIGINAL, Selection, type_name};
use crate::source::RefusedRecord;

/// Code of a value that does not fit its column.
pub(crate) const BAD_VALUE: &str = "sync.bad_value";
/// Code of a value that is missing where one is needed.
pub(crate) const NULL_VALUE: &str = "sync.null_value";
/// Bytes of a refused record that are kept.
const RAW_BYTES_MAX: usize = 64 * 1024;

/// A field of a source's column, under its name in the table.
pub(crate) fn field(original: &str, data_type: DataType) -> Field {
    columns::field(&snake_case(original), original, data_type)
}

/// Name of a column in the source.
pub(crate) fn original(field: &Field) -> &str {
    field.metadata().get(ORIGINAL).map_or(field.name(), String::as_str)
}

/// How records of one schema become those of another.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    columns: Vec<FitColumn>,
    schema: SchemaRef,
    /// Places of key columns in the output.
    key: Vec<usize>,
}

#[derive(Debug, Clone)]
struct FitColumn {
    source: usize,
    field: Field,
    needs_value: bool,
}

impl Fit {
    /// Plans the columns that a stream keeps of a source's.
    pub(crate) fn new(source: &Schema, stream: &StreamSpec) -> Result<Self> {
        let originals: Vec<&str> = source.fields().iter().map(|field| original(field)).collect();
        let kept = Selection::of(stream)?.resolve(&stream.name, &originals)?;
        let columns = kept
            .into_iter()
            .map(|column| fit_column(source, stream, column))
            .collect::<Result<Vec<_>, SourceError>>()?;
        let mut key = Vec::new();
        for name in stream.key.as_ref().map_or(&[][..], |key| key.columns()) {
            let place = columns.iter().position(|column| is_named(&column.field, name));
            let Some(place) = place else {
                return Err(key_error(source, stream, name));
            };
            key.push(place);
        }
        let fields: Vec<_> = columns.iter().map(|column| column.field.clone()).collect();
        Ok(Self { columns, schema: Arc::new(Schema::new(fields)), key })
    }

    /// The schema of the rows that fit.
    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The rows that fit, and those that do not. `first_row` is the number of the batch's first
    /// row, for records without a key.
    pub(crate) fn apply(
        &self,
        batch: &RecordBatch,
        first_row: u64,
    ) -> Result<(RecordBatch, Vec<RefusedRecord>), ArrowError> {
        let mut reasons: BTreeMap<usize, (&'static str, String)> = BTreeMap::new();
        let mut arrays = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let from = batch.column(column.source);
            let to = convert(from, column.field.data_type())?;
            for row in misfits(from, &to)? {
                let value = || text(from, row).unwrap_or_default();
                let reason = || (BAD_VALUE, bad_value(&value(), &column.field));
                reasons.entry(row).or_insert_with(reason);
            }
            if column.needs_value && to.null_count() > 0 {
                for row in (0..to.len()).filter(|row| to.is_null(*row)) {
                    let reason = format!("column `{}` needs a value", column.field.name());
                    reasons.entry(row).or_insert((NULL_VALUE, reason));
                }
            }
            arrays.push(to);
        }
        let rows = RecordBatch::try_new(self.schema(), arrays)?;
        if reasons.is_empty() {
            return Ok((rows, Vec::new()));
        }
        let fits = (0..rows.num_rows()).map(|row| Some(!reasons.contains_key(&row)));
        let rows = filter_record_batch(&rows, &fits.collect::<BooleanArray>())?;
        let refused = reasons.into_iter().map(|(row, (code, reason))| RefusedRecord {
            place: self.place(batch, row, first_row),
            code,
            reason,
            raw: record(batch, row),
        });
        Ok((rows, refused.collect()))
    }

    fn place(&self, batch: &RecordBatch, row: usize, first_row: u64) -> String {
        let keyed = self.key.iter().map(|place| {
            let column = &self.columns[*place];
            let value = text(batch.column(column.source), row);
            format!("{}={}", column.field.name(), value.unwrap_or_default())
        });
        if self.key.is_empty() {
            format!("row {}", first_row + row as u64 + 1)
        } else {
            keyed.collect::<Vec<_>>().join(", ")
        }
    }
}

/// The column of a name, in the table or in the source.
pub(crate) fn find(source: &Schema, name: &str) -> Option<usize> {
    source.fields().iter().position(|field| is_named(field, name))
}

/// Names of all columns, for hints.
pub(crate) fn names(source: &Schema) -> Vec<String> {
    source.fields().iter().map(|field| field.name().clone()).collect()
}

fn is_named(field: &Field, name: &str) -> bool {
    *field.name() == snake_case(name) || original(field) == name
}

fn fit_column(
    source: &Schema,
    stream: &StreamSpec,
    column: KeptColumn,
) -> Result<FitColumn, SourceError> {
    let from = source.field(column.position).data_type();
    let to = column.data_type.unwrap_or_else(|| from.clone());
    if !converts(from, &to) {
        return Err(SourceError::NoConversion {
            stream: stream.name.clone(),
            column: column.name,
            from: type_name(from),
            to: type_name(&to),
        });
    }
    Ok(FitColumn {
        source: column.position,
        field: columns::field(&column.name, &column.original, to),
        needs_value: column.required,
    })
}

fn key_error(source: &Schema, stream: &StreamSpec, name: &str) -> Error {
    if find(source, name).is_some() {
        return SourceError::KeyDropped { stream: stream.name.clone(), column: name.to_owned() }
            .into();
    }
    let known = names(source);
    SyncError::MissingColumn { place: stream.name.clone(), column: name.to_owned(), known }.into()
}

/// Bytes are no text, and a number is no moment: Arrow would convert, but not what was meant.
fn converts(from: &DataType, to: &DataType) -> bool {
    let is_time = |t: &DataType| matches!(t, DataType::Date32 | DataType::Timestamp(..));
    from == to
        || (can_cast_types(from, to)
            && (!is_time(to) || is_time(from) || from == &DataType::Utf8)
            && (!is_time(from) || is_time(to) || to == &DataType::Utf8)
            && (from == &DataType::Binary) == (to == &DataType::Binary))
}

fn convert(from: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    if from.data_type() == to {
        return Ok(Arc::clone(from));
    }
    let (from, wanted) =
        (with_zone(from, OFFSET), if is_moment(to) { offset() } else { to.clone() });
    let options = CastOptions { safe: true, ..CastOptions::default() };
    Ok(with_zone(&cast_with_options(&from, &wanted, &options)?, UTC))
}

/// Arrow reads and writes moments in `UTC` only where it was built with all zones of the world; as
/// an offset it always can.
const OFFSET: &str = "+00:00";
const UTC: &str = "UTC";

fn offset() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(OFFSET.into()))
}

fn is_moment(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, Some(_)))
}

/// The same moments under another name of their zone.
fn with_zone(array: &ArrayRef, zone: &str) -> ArrayRef {
    match array.as_primitive_opt::<TimestampMicrosecondType>() {
        Some(moments) if is_moment(array.data_type()) => {
            Arc::new(moments.clone().with_timezone(zone))
        }
        _ => Arc::clone(array),
    }
}

/// Rows whose value was lost or changed on the way.
fn misfits(from: &ArrayRef, to: &ArrayRef) -> Result<Vec<usize>, ArrowError> {
    if from.data_type() == to.data_type() {
        return Ok(Vec::new());
    }
    let lost = |row: &usize| from.is_valid(*row) && to.is_null(*row);
    let mut rows: Vec<usize> = (0..from.len()).filter(lost).collect();
    if to.data_type() == &DataType::Utf8 {
        return Ok(rows);
    }
    let changed: Vec<usize> = match (from.data_type(), to.data_type()) {
        (DataType::Utf8, DataType::Decimal128(_, scale)) => {
            let digits = *scale as usize;
            let rounds = |row: &usize| text(from, *row).is_some_and(|v| fraction(&v) > digits);
            (0..from.len()).filter(rounds).collect()
        }
        (DataType::Utf8, _) => Vec::new(),
        _ => {
            let back = convert(to, from.data_type())?;
            let equal = arrow::compute::kernels::cmp::not_distinct(&back, from)?;
            (0..from.len()).filter(|row| !equal.value(*row)).collect()
        }
    };
    rows.extend(changed);
    Ok(rows)
}

/// Digits after the point that matter.
fn fraction(value: &str) -> usize {
    let mantissa = value.split(['e', 'E']).next().unwrap_or(value);
    mantissa.split_once('.').map_or(0, |(_, digits)| digits.trim_end_matches('0').len())
}

/// Why a value is refused.
pub(super) fn bad_value(value: &str, field: &Field) -> String {
    const SHOWN_MAX: usize = 80;
    let shown: String = value.chars().take(SHOWN_MAX).collect();
    let (name, wanted) = (field.name(), type_name(field.data_type()));
    format!("column `{name}`: `{shown}` is not {wanted}")
}

/// A value as text; `None` is null.
pub(crate) fn text(array: &ArrayRef, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    // One value, so that a whole column is not named anew for it.
    let (array, row) = (with_zone(&array.slice(row, 1), OFFSET), 0);
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options).ok()?;
    formatter.value(row).try_to_string().ok()
}

/// The record as JSON, with the source's names and every value as text.
fn record(batch: &RecordBatch, row: usize) -> String {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let values = columns.map(|(field, array)| {
        (original(field).to_owned(), text(array, row).map_or_else(Default::default, Into::into))
    });
    let mut json = serde_json::Value::Object(values.collect()).to_string();
    if json.len() > RAW_BYTES_MAX {
        let end = (0..=RAW_BYTES_MAX).rev().find(|end| json.is_char_boundary(*end));
        json.truncate(end.unwrap_or(0));
    }
    json
}

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
