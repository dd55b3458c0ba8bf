//! Tuples of PostgreSQL on their way into a batch.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;

use super::cells::Cells;
use crate::SyncError;
use crate::records::gather::{Fits, Gathering};
use crate::source::RefusedRecord;

/// The rows of a batch that is not yet full.
#[derive(Debug)]
pub(super) struct Batch {
    rows: Gathering,
    cells: Vec<Cells>,
}

impl Batch {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        let cells = schema.fields().iter().map(|field| Cells::new(field.data_type())).collect();
        Self { rows: Gathering::new(schema), cells }
    }

    /// The number of columns.
    pub(super) fn width(&self) -> usize {
        self.cells.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows.is_full()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn push(&mut self, tuple: &[Option<Bytes>]) {
        let bytes = tuple.iter().flatten().map(Bytes::len).sum();
        let mut misfit = None;
        for (place, (cells, value)) in self.cells.iter_mut().zip(tuple).enumerate() {
            if cells.push(value.as_deref()) == Fits::No {
                misfit.get_or_insert(place);
            }
        }
        let Some(column) = misfit else { return self.rows.take_in(bytes) };
        let values = self.cells.iter().zip(tuple);
        let words = values.map(|(cells, value)| value.as_deref().map(|bytes| cells.words(bytes)));
        self.rows.refuse(bytes, column, words);
    }

    /// The rows that fit, and those that do not.
    pub(super) fn take(&mut self) -> Result<(RecordBatch, Vec<RefusedRecord>), SyncError> {
        let columns = self.cells.iter_mut().map(Cells::finish).collect();
        self.rows.finish(columns)
    }
}
