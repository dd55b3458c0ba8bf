//! Rows of SQLite on their way into a batch.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use millstream_core::limits::BATCH_ROWS;
use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde_json::Value;

use super::values::{Cells, Fits, in_words};
use crate::SyncError;
use crate::columns::type_name;
use crate::records::fit::BAD_VALUE;
use crate::records::handover::Stop;
use crate::records::outlet::Outlet;
use crate::source::RefusedRecord;

/// Bytes of values after which a batch is handed on, whatever its rows.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The rows of a batch that is not yet full.
#[derive(Debug)]
pub(super) struct Batch {
    schema: SchemaRef,
    cells: Vec<Cells>,
    fits: Vec<bool>,
    refused: Vec<RefusedRecord>,
    bytes: usize,
    /// Rows of the batches before.
    rows_before: u64,
}

impl Batch {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        let cells = schema.fields().iter().map(|field| Cells::new(field.data_type())).collect();
        let schema = Arc::clone(schema);
        Self { schema, cells, fits: Vec::new(), refused: Vec::new(), bytes: 0, rows_before: 0 }
    }

    pub(super) fn is_full(&self) -> bool {
        self.fits.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES_MAX
    }

    pub(super) fn push(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        let mut misfit = None;
        for (place, cells) in self.cells.iter_mut().enumerate() {
            let value = row.get_ref(place)?;
            self.bytes += match value {
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
                _ => size_of::<i64>(),
            };
            if cells.push(value) == Fits::No {
                misfit.get_or_insert(place);
            }
        }
        self.fits.push(misfit.is_none());
        if let Some(place) = misfit {
            let refused = self.refuse(row, place)?;
            self.refused.push(refused);
        }
        Ok(())
    }

    fn refuse(&self, row: &Row<'_>, place: usize) -> rusqlite::Result<RefusedRecord> {
        let mut record = serde_json::Map::new();
        for (index, field) in self.schema.fields().iter().enumerate() {
            let value = in_words(row.get_ref(index)?).map_or(Value::Null, Value::String);
            record.insert(field.name().clone(), value);
        }
        let field = self.schema.field(place);
        let (name, data_type) = (field.name(), type_name(field.data_type()));
        Ok(RefusedRecord {
            place: format!("row {}", self.rows_before + self.fits.len() as u64),
            code: BAD_VALUE,
            reason: format!("column `{name}`: the value is not {data_type}"),
            raw: Value::Object(record).to_string(),
        })
    }

    pub(super) fn hand_on(&mut self, outlet: &mut Outlet<'_>) -> Result<(), Stop> {
        if self.fits.is_empty() {
            return Ok(());
        }
        let arrays = self.cells.iter_mut().map(Cells::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays);
        let mut batch = batch.map_err(SyncError::shape)?;
        self.rows_before += self.fits.len() as u64;
        if !self.refused.is_empty() {
            let fits = BooleanArray::from(std::mem::take(&mut self.fits));
            batch = filter_record_batch(&batch, &fits).map_err(SyncError::shape)?;
        }
        self.fits.clear();
        self.bytes = 0;
        outlet.rows(batch)?;
        outlet.refused(std::mem::take(&mut self.refused))
    }
}
