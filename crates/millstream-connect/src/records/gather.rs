//! Rows of a source on their way into a batch, and those whose values their columns cannot hold.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use millstream_core::limits::BATCH_ROWS;
use serde_json::{Map, Value};

use super::fit::{BAD_VALUE, bad_value};
use crate::SyncError;
use crate::source::RefusedRecord;

/// Bytes of values after which a batch is handed on, whatever its rows.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Whether a value fitted its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fits {
    Yes,
    No,
}

/// The rows of a batch that is not yet full; their values are in cells of the source's own.
#[derive(Debug)]
pub(crate) struct Gathering {
    schema: SchemaRef,
    fits: Vec<bool>,
    refused: Vec<RefusedRecord>,
    bytes: usize,
    /// Rows of the batches before.
    rows_before: u64,
}

impl Gathering {
    pub(crate) fn new(schema: &SchemaRef) -> Self {
        let schema = Arc::clone(schema);
        Self { schema, fits: Vec::new(), refused: Vec::new(), bytes: 0, rows_before: 0 }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.fits.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES_MAX
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fits.is_empty()
    }

    /// Counts a row that its columns hold.
    pub(crate) fn take_in(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.fits.push(true);
    }

    /// Counts a row that is refused for the value in one column. `words` are all values in words.
    pub(crate) fn refuse(
        &mut self,
        bytes: usize,
        column: usize,
        words: impl IntoIterator<Item = Option<String>>,
    ) {
        self.bytes += bytes;
        self.fits.push(false);
        let named = self.schema.fields().iter().zip(words);
        let record: Map<String, Value> = named
            .map(|(field, value)| (field.name().clone(), value.map_or(Value::Null, Value::String)))
            .collect();
        let field = self.schema.field(column);
        let value = record.get(field.name()).and_then(Value::as_str).unwrap_or_default();
        self.refused.push(RefusedRecord {
            place: format!("row {}", self.rows_before + self.fits.len() as u64),
            code: BAD_VALUE,
            reason: bad_value(value, field),
            raw: Value::Object(record).to_string(),
        });
    }

    /// The rows that fit, of the columns of all, and those that do not. Begins the next batch.
    pub(crate) fn finish(
        &mut self,
        columns: Vec<ArrayRef>,
    ) -> Result<(RecordBatch, Vec<RefusedRecord>), SyncError> {
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns);
        let mut batch = batch.map_err(SyncError::shape)?;
        self.rows_before += self.fits.len() as u64;
        self.bytes = 0;
        let fits = BooleanArray::from(std::mem::take(&mut self.fits));
        if !self.refused.is_empty() {
            batch = filter_record_batch(&batch, &fits).map_err(SyncError::shape)?;
        }
        Ok((batch, std::mem::take(&mut self.refused)))
    }
}

/// Appends a value to a column, or null where it does not fit. Tells which.
pub(crate) fn append<T>(value: Option<T>, push: impl FnOnce(Option<T>)) -> Fits {
    let fits = if value.is_some() { Fits::Yes } else { Fits::No };
    push(value);
    fits
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    #[test]
    fn refused_rows_are_left_out_and_numbered_across_batches() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
        let column = || -> Vec<ArrayRef> { vec![Arc::new(Int64Array::from(vec![1, 2]))] };
        let mut rows = Gathering::new(&schema);
        for expected in ["row 2", "row 4"] {
            rows.take_in(8);
            rows.refuse(1, 0, [Some("x".repeat(100))]);
            let (batch, refused) = rows.finish(column()).unwrap();
            assert_eq!((batch.num_rows(), refused.len()), (1, 1));
            assert_eq!(refused[0].place, expected);
            let shown = "x".repeat(80);
            assert_eq!(refused[0].reason, format!("column `n`: `{shown}` is not bigint"));
            assert!(rows.is_empty());
        }
        rows.take_in(BATCH_BYTES_MAX);
        assert!(rows.is_full());
    }
}
