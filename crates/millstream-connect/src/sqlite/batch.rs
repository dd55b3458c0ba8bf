//! Rows of SQLite on their way into a batch.

use arrow::datatypes::SchemaRef;
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::values::{Cells, in_words};
use crate::records::gather::{Fits, Gathering};
use crate::records::handover::Stop;
use crate::records::outlet::Outlet;

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

    pub(super) fn is_full(&self) -> bool {
        self.rows.is_full()
    }

    pub(super) fn push(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        let (mut bytes, mut misfit) = (0, None);
        for (place, cells) in self.cells.iter_mut().enumerate() {
            let value = row.get_ref(place)?;
            bytes += match value {
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
                _ => size_of::<i64>(),
            };
            if cells.push(value) == Fits::No {
                misfit.get_or_insert(place);
            }
        }
        match misfit {
            None => self.rows.take_in(bytes),
            Some(column) => {
                let words = (0..self.cells.len()).map(|place| Ok(in_words(row.get_ref(place)?)));
                self.rows.refuse(bytes, column, words.collect::<rusqlite::Result<Vec<_>>>()?);
            }
        }
        Ok(())
    }

    pub(super) fn hand_on(&mut self, outlet: &mut Outlet<'_>) -> Result<(), Stop> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let columns = self.cells.iter_mut().map(Cells::finish).collect();
        let (batch, refused) = self.rows.finish(columns)?;
        outlet.rows(batch)?;
        outlet.refused(refused)
    }
}
