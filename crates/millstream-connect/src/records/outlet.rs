//! Where a reading thread puts records: they are kept as they were read, so that a replay needs no
//! source, then fitted to the stream's columns and handed on.
//!
//! Beside the source's columns each kept batch has one more, [`NOTE`]: records that the source's own
//! types could not hold, and the checkpoint at the end, are notes in rows of their own. So one file
//! in the order of reading holds all that was read.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use millstream_core::error::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fit::Fit;
use super::handover::{self, Emitter, Stop};
use crate::SyncError;
use crate::raw::{RawLoad, RecordWriter};
use crate::source::{RefusedRecord, SourceEvent};

/// The column of notes. No name of a column in a table is like it.
pub(super) const NOTE: &str = "$note";

/// Takes what a source reads: keeps it, fits it, hands it on. For threads.
#[derive(Debug)]
pub(crate) struct Outlet<'a> {
    emitter: &'a Emitter,
    fit: &'a Fit,
    keeper: Keeper,
    row: u64,
}

impl<'a> Outlet<'a> {
    /// An outlet for records of a source's schema. `origin` is the table.
    pub(crate) fn new(
        emitter: &'a Emitter,
        fit: &'a Fit,
        raw: &RawLoad,
        origin: &str,
        schema: &SchemaRef,
    ) -> Result<Self> {
        Ok(Self { emitter, fit, keeper: Keeper::new(raw, origin, schema)?, row: 0 })
    }

    /// Rows of the source's schema.
    pub(crate) fn rows(&mut self, batch: RecordBatch) -> Result<(), Stop> {
        self.keeper.rows(&batch)?;
        handover::emit_fitted(self.emitter, self.fit, SourceEvent::Rows(batch), &mut self.row)
    }

    /// Records that the source's schema cannot hold.
    pub(crate) fn refused(&mut self, records: Vec<RefusedRecord>) -> Result<(), Stop> {
        if records.is_empty() {
            return Ok(());
        }
        self.keeper.notes(records.iter().map(|record| Note::Refused {
            place: record.place.clone(),
            code: record.code.to_owned(),
            reason: record.reason.clone(),
            raw: record.raw.clone(),
        }))?;
        self.emitter.emit(SourceEvent::Refused(records))
    }

    /// The end: all that came before is covered by the checkpoint.
    pub(crate) fn end(mut self, checkpoint: Value) -> Result<(), Stop> {
        self.keeper.notes([Note::Checkpoint(checkpoint.clone())])?;
        self.keeper.writer.finish()?;
        self.emitter.emit(SourceEvent::Checkpoint(checkpoint))
    }
}

/// What is kept of a reading besides rows.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Note {
    Refused { place: String, code: String, reason: String, raw: String },
    Checkpoint(Value),
}

#[derive(Debug)]
struct Keeper {
    writer: RecordWriter,
    schema: SchemaRef,
}

impl Keeper {
    fn new(raw: &RawLoad, origin: &str, source: &SchemaRef) -> Result<Self> {
        // Rows of notes have no values.
        let fields = source.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
        let mut fields: Vec<Field> = fields.collect();
        fields.push(Field::new(NOTE, DataType::Utf8, true));
        let schema = Arc::new(Schema::new(fields));
        Ok(Self { writer: raw.keep_records(origin, &schema)?, schema })
    }

    fn rows(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut columns = batch.columns().to_vec();
        columns.push(new_null_array(&DataType::Utf8, batch.num_rows()));
        let kept = RecordBatch::try_new(Arc::clone(&self.schema), columns);
        Ok(self.writer.write(&kept.map_err(SyncError::shape)?)?)
    }

    fn notes(&mut self, notes: impl IntoIterator<Item = Note>) -> Result<()> {
        let texts = notes.into_iter().map(|note| serde_json::to_string(&note));
        let texts = texts.collect::<Result<Vec<_>, _>>().map_err(SyncError::shape)?;
        let mut columns: Vec<_> = self.schema.fields()[..self.schema.fields().len() - 1]
            .iter()
            .map(|field| new_null_array(field.data_type(), texts.len()))
            .collect();
        columns.push(Arc::new(StringArray::from(texts)));
        let kept = RecordBatch::try_new(Arc::clone(&self.schema), columns);
        Ok(self.writer.write(&kept.map_err(SyncError::shape)?)?)
    }
}
