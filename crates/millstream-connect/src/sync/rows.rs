//! Rows of a source become rows of its table: the table's columns, the load, the id.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use millstream_core::clock::Timestamp;
use millstream_core::hash::ContentHash;
use millstream_core::spec::SyncMode;

use super::{LOAD_ID, LOADED_AT, ROW_FIRST, ROW_ID, ROW_PREFIX, SyncStep, quarantine};
use crate::columns::timestamptz;
use crate::error::SyncError;
use crate::source::RefusedRecord;

/// Bytes of a key's hash that make a row id; 128 bits never meet by chance.
const KEY_HASH_BYTES: usize = 16;

/// The schema of a table: the source's columns, then those that every synced row has.
pub(super) fn table_schema(step: &SyncStep, source: &Schema) -> Result<SchemaRef, SyncError> {
    let own = [
        Field::new(LOAD_ID, DataType::Utf8, true),
        Field::new(LOADED_AT, timestamptz(), true),
        Field::new(ROW_ID, DataType::Utf8, true),
    ];
    for field in &own {
        if source.column_with_name(field.name()).is_some() {
            return Err(SyncError::ColumnCollision {
                name: field.name().clone(),
                first: field.name().clone(),
                second: "a column that every synced table has".to_owned(),
            });
        }
    }
    for column in &step.key {
        if source.column_with_name(column).is_none() {
            let names: Vec<&str> = source.fields().iter().map(|f| f.name().as_str()).collect();
            return Err(SyncError::MissingColumn {
                place: step.relation.to_string(),
                column: column.clone(),
                known: names.join(", "),
            });
        }
    }
    let fields = source.fields().iter().map(|field| field.as_ref().clone()).chain(own);
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

/// Shapes the rows of one load.
#[derive(Debug)]
pub(super) struct Shaper {
    schema: SchemaRef,
    key: Vec<String>,
    key_hasher: blake3::Hasher,
    refuses_null_keys: bool,
    load_id: String,
    at: Timestamp,
    /// Columns that are the same in every row of the load, as long as the longest batch.
    load_columns: Option<(ArrayRef, ArrayRef)>,
    /// Prefix and number of rows that come without a place.
    fallback_prefix: String,
    fallback_rows: u64,
}

impl Shaper {
    /// Shapes rows of a load into a table. `basis` is what the input depends on besides the
    /// source: its checkpoint.
    pub(super) fn new(
        step: &SyncStep,
        schema: &SchemaRef,
        load_id: &str,
        at: Timestamp,
        basis: &str,
    ) -> Self {
        let parts = [step.source_name.as_str(), step.stream.name.as_str()];
        let stream = ContentHash::of_parts(parts);
        let mut key_hasher = blake3::Hasher::new();
        key_hasher.update(stream.as_bytes());
        Self {
            schema: Arc::clone(schema),
            key: step.key.clone(),
            key_hasher,
            refuses_null_keys: step.stream.sync == SyncMode::Merge,
            load_id: load_id.to_owned(),
            at,
            load_columns: None,
            fallback_prefix: ContentHash::of_parts([stream.as_bytes(), basis.as_bytes()]).short(),
            fallback_rows: 0,
        }
    }

    /// The rows of a batch as the table has them, and those whose key is missing.
    pub(super) fn shape(
        &mut self,
        batch: &RecordBatch,
    ) -> Result<(RecordBatch, Vec<RefusedRecord>), SyncError> {
        let ids = self.row_ids(batch)?;
        let (load_ids, times) = self.load_columns(batch.num_rows());
        let width = self.schema.fields().len();
        let mut columns = Vec::with_capacity(width);
        for field in self.schema.fields().iter().take(width - 3) {
            columns.push(column_as(batch, field)?);
        }
        columns.extend([load_ids, times, ids]);
        let shaped = RecordBatch::try_new(Arc::clone(&self.schema), columns);
        let shaped = shaped.map_err(SyncError::shape)?;
        if self.refuses_null_keys {
            return self.without_null_keys(shaped);
        }
        Ok((shaped, Vec::new()))
    }

    /// Refused records of the load as rows of the quarantine table.
    pub(super) fn refused(&self, refused: &[RefusedRecord]) -> Result<RecordBatch, SyncError> {
        quarantine::batch(&self.load_id, self.at, refused)
    }

    fn without_null_keys(
        &self,
        batch: RecordBatch,
    ) -> Result<(RecordBatch, Vec<RefusedRecord>), SyncError> {
        let keys = self.key.iter().filter_map(|column| batch.column_by_name(column));
        let keys: Vec<&ArrayRef> = keys.filter(|column| column.null_count() > 0).collect();
        if keys.is_empty() {
            return Ok((batch, Vec::new()));
        }
        let mut kept = Vec::with_capacity(batch.num_rows());
        let mut refused = Vec::new();
        for row in 0..batch.num_rows() {
            let is_whole = keys.iter().all(|key| key.is_valid(row));
            kept.push(is_whole);
            if !is_whole {
                refused.push(RefusedRecord {
                    place: format!("row {}", row + 1),
                    code: "sync.null_value",
                    reason: format!("the key `{}` has no value", self.key.join("`, `")),
                    raw: row_text(&batch, row),
                });
            }
        }
        let batch = filter_record_batch(&batch, &BooleanArray::from(kept));
        Ok((batch.map_err(SyncError::shape)?, refused))
    }

    /// The two columns of the load, sliced from longer ones.
    fn load_columns(&mut self, rows: usize) -> (ArrayRef, ArrayRef) {
        let long_enough =
            self.load_columns.as_ref().filter(|(load_ids, _)| load_ids.len() >= rows).cloned();
        let (load_ids, times) = long_enough.unwrap_or_else(|| {
            let load_ids = StringArray::from_iter_values((0..rows).map(|_| &self.load_id));
            let times = TimestampMicrosecondArray::from_value(self.at.as_micros(), rows);
            (Arc::new(load_ids), Arc::new(times.with_data_type(timestamptz())))
        });
        let slices = (load_ids.slice(0, rows), times.slice(0, rows));
        self.load_columns = Some((load_ids, times));
        slices
    }

    fn row_ids(&mut self, batch: &RecordBatch) -> Result<ArrayRef, SyncError> {
        if !self.key.is_empty() {
            return self.ids_of_keys(batch);
        }
        let schema = batch.schema();
        let place = schema.metadata().get(ROW_PREFIX).zip(schema.metadata().get(ROW_FIRST));
        if let Some((prefix, first)) = place
            && let Ok(first) = first.parse()
        {
            return numbered(prefix, first, batch.num_rows());
        }
        let first = self.fallback_rows;
        self.fallback_rows += batch.num_rows() as u64;
        numbered(&self.fallback_prefix, first, batch.num_rows())
    }

    fn ids_of_keys(&self, batch: &RecordBatch) -> Result<ArrayRef, SyncError> {
        let columns = self.key.iter().map(|name| key_column(batch, name));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let options = FormatOptions::default();
        let formatters = columns
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<Result<Vec<_>, _>>()
            .map_err(SyncError::shape)?;
        let mut ids = arrow::array::StringBuilder::with_capacity(
            batch.num_rows(),
            batch.num_rows() * 2 * KEY_HASH_BYTES,
        );
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            let mut hasher = self.key_hasher.clone();
            for (formatter, column) in formatters.iter().zip(&columns) {
                text.clear();
                if column.is_valid(row) {
                    formatter.value(row).write(&mut text).map_err(SyncError::shape)?;
                }
                // The length keeps `a, bc` and `ab, c` apart; no text is as long as null.
                let length = if column.is_valid(row) { text.len() as u64 } else { u64::MAX };
                hasher.update(&length.to_le_bytes());
                hasher.update(text.as_bytes());
            }
            ids.append_value(&hasher.finalize().to_hex()[..2 * KEY_HASH_BYTES]);
        }
        Ok(Arc::new(ids.finish()))
    }
}

/// A key column in a form whose text depends on the value alone.
fn key_column(batch: &RecordBatch, name: &str) -> Result<ArrayRef, SyncError> {
    let column = batch
        .column_by_name(name)
        .ok_or_else(|| SyncError::shape(format!("the source left out the key `{name}`")))?;
    match column.data_type() {
        DataType::Timestamp(..) => cast(column, &DataType::Int64).map_err(SyncError::shape),
        _ => Ok(Arc::clone(column)),
    }
}

/// `prefix-number` for consecutive numbers.
fn numbered(prefix: &str, first: u64, rows: usize) -> Result<ArrayRef, SyncError> {
    let mut bytes = Vec::with_capacity(rows * (prefix.len() + 9));
    let mut offsets: Vec<i32> = Vec::with_capacity(rows + 1);
    offsets.push(0);
    let mut digits = [0_u8; 20];
    for number in (first..).take(rows) {
        bytes.extend_from_slice(prefix.as_bytes());
        bytes.push(b'-');
        let mut rest = number;
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        bytes.extend_from_slice(&digits[start..]);
        offsets.push(i32::try_from(bytes.len()).map_err(SyncError::shape)?);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let ids = StringArray::try_new(offsets, Buffer::from_vec(bytes), None);
    Ok(Arc::new(ids.map_err(SyncError::shape)?))
}

fn column_as(batch: &RecordBatch, field: &Field) -> Result<ArrayRef, SyncError> {
    match batch.column_by_name(field.name()) {
        None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        Some(column) if column.data_type() == field.data_type() => Ok(Arc::clone(column)),
        Some(column) => cast(column, field.data_type()).map_err(SyncError::shape),
    }
}

/// A row for people.
pub(crate) fn row_text(batch: &RecordBatch, row: usize) -> String {
    let options = FormatOptions::default().with_null("null");
    let schema = batch.schema();
    let values = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        // A zone needs a table of zones to be shown; all of ours are UTC.
        let column = match column.data_type() {
            DataType::Timestamp(unit, Some(_)) => {
                cast(column, &DataType::Timestamp(*unit, None)).unwrap_or_else(|_| column.clone())
            }
            _ => column.clone(),
        };
        let value = ArrayFormatter::try_new(column.as_ref(), &options)
            .and_then(|formatter| formatter.value(row).try_to_string());
        format!("{}={}", field.name(), value.unwrap_or_else(|_| "?".to_owned()))
    });
    values.collect::<Vec<_>>().join(" ")
}
