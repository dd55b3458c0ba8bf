//! Rows of a source become rows of its table: the table's columns, the load, the id.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use millstream_core::clock::Timestamp;
use millstream_core::spec::SyncMode;

use super::row_ids::RowIds;
use super::{LOAD_ID, LOADED_AT, ROW_ID, SyncStep, quarantine};
use crate::columns::timestamptz;
use crate::error::SyncError;
use crate::source::RefusedRecord;

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
            return Err(SyncError::MissingColumn {
                place: step.relation.to_string(),
                column: column.clone(),
                known: source.fields().iter().map(|field| field.name().clone()).collect(),
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
    row_ids: RowIds,
    refuses_null_keys: bool,
    load_id: String,
    at: Timestamp,
    /// Columns that are the same in every row of the load, as long as the longest batch.
    load_columns: Option<(ArrayRef, ArrayRef)>,
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
        Self {
            schema: Arc::clone(schema),
            key: step.key.clone(),
            row_ids: RowIds::new(step, basis),
            refuses_null_keys: step.stream.sync == SyncMode::Merge,
            load_id: load_id.to_owned(),
            at,
            load_columns: None,
        }
    }

    /// The rows of a batch as the table has them, and those whose key is missing.
    pub(super) fn shape(
        &mut self,
        batch: &RecordBatch,
    ) -> Result<(RecordBatch, Vec<RefusedRecord>), SyncError> {
        let ids = self.row_ids.of(batch)?;
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
