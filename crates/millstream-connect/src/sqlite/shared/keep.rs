//! Keeps records as they were read, so that a replay needs no source.
//!
//! Beside the source's columns each batch has one more, [`NOTE`]: records that the source's own
//! types could not hold, and the checkpoint at the end, are notes in rows of their own. So one file
//! in the order of reading holds all that was read.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch, StringArray, new_null_array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use millstream_core::error::Result;
use millstream_core::spec::StreamSpec;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::TableError;
use super::fit::{BAD_VALUE, Fit, NULL_VALUE};
use super::flow::{self, Emitter, Stop};
use crate::SyncError;
use crate::raw::{EntryKind, RawLoad, RecordReader, RecordWriter};
use crate::source::{RefusedRecord, SourceEvent, SourceRead};

/// The column of notes. No name of a column in a table is like it.
const NOTE: &str = "$note";

#[derive(Debug, Serialize, Deserialize)]
enum Note {
    Refused { place: String, code: String, reason: String, raw: String },
    Checkpoint(Value),
}

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
        flow::emit_fitted(self.emitter, self.fit, SourceEvent::Rows(batch), &mut self.row)
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

/// Reads again what an outlet kept.
pub(crate) async fn replay(raw: &RawLoad, stream: &StreamSpec) -> Result<SourceRead> {
    let entries = raw.entries();
    let kept = entries.into_iter().find(|entry| entry.kind == EntryKind::Records);
    let entry = kept.ok_or_else(|| unreadable(stream, "there are none"))?;
    let raw = raw.clone();
    let reader = blocking(stream, move || Ok(raw.records(&entry)?)).await?;
    let kept = reader.schema();
    let source = kept.fields().iter().filter(|field| field.name() != NOTE).cloned();
    let source = Schema::new(source.collect::<Vec<_>>());
    if source.fields().len() + 1 != kept.fields().len() {
        return Err(unreadable(stream, "they were kept by another connector").into());
    }
    let fit = Fit::new(&source, stream)?;
    let schema = fit.schema();
    let stream_spec = stream.clone();
    let events = flow::from_thread(&stream.name, move |emitter| {
        replay_all(reader, &fit, &stream_spec, emitter)
    });
    Ok(SourceRead { schema, events })
}

fn replay_all(
    reader: RecordReader,
    fit: &Fit,
    stream: &StreamSpec,
    emitter: &Emitter,
) -> Result<(), Stop> {
    let mut row = 0;
    for batch in reader {
        let batch = batch?;
        let (rows, notes) = split(&batch, stream)?;
        if rows.num_rows() > 0 {
            flow::emit_fitted(emitter, fit, SourceEvent::Rows(rows), &mut row)?;
        }
        let mut refused = Vec::new();
        for note in notes {
            match note {
                Note::Checkpoint(checkpoint) => {
                    emitter.emit(SourceEvent::Checkpoint(checkpoint))?;
                }
                Note::Refused { place, code, reason, raw } => {
                    let code = if code == NULL_VALUE { NULL_VALUE } else { BAD_VALUE };
                    refused.push(RefusedRecord { place, code, reason, raw });
                }
            }
        }
        if !refused.is_empty() {
            emitter.emit(SourceEvent::Refused(refused))?;
        }
    }
    Ok(())
}

/// The rows of a kept batch without its notes, and the notes.
fn split(batch: &RecordBatch, stream: &StreamSpec) -> Result<(RecordBatch, Vec<Note>)> {
    let last = batch.num_columns() - 1;
    let notes = batch.column(last).as_any().downcast_ref::<StringArray>();
    let notes = notes.ok_or_else(|| unreadable(stream, "the notes are not text"))?;
    let columns: Vec<usize> = (0..last).collect();
    let rows = batch.project(&columns).map_err(SyncError::shape)?;
    if notes.null_count() == notes.len() {
        return Ok((rows, Vec::new()));
    }
    let is_row = arrow::compute::is_null(notes).map_err(SyncError::shape)?;
    let rows = filter_record_batch(&rows, &is_row).map_err(SyncError::shape)?;
    let parsed = notes.iter().flatten().map(serde_json::from_str);
    let parsed = parsed.collect::<Result<_, _>>();
    Ok((rows, parsed.map_err(|error| unreadable(stream, &error.to_string()))?))
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

/// Keeps a small note instead of records, for a source that can make them again.
pub(crate) async fn keep_note<T: Serialize>(
    raw: &RawLoad,
    stream: &StreamSpec,
    note: &T,
) -> Result<()> {
    let text = serde_json::to_vec(note).map_err(SyncError::shape)?;
    let (raw, origin) = (raw.clone(), stream.name.clone());
    let write = move || {
        let mut file = raw.keep_bytes(&origin, "note.json")?;
        file.write_all(&text).map_err(|error| SyncError::io("note.json", error))?;
        file.finish(None)?;
        Ok(())
    };
    blocking(stream, write).await
}

/// The note that was kept.
pub(crate) async fn kept_note<T: DeserializeOwned>(
    raw: &RawLoad,
    stream: &StreamSpec,
) -> Result<T> {
    let entry = raw.entries().into_iter().next().ok_or_else(|| unreadable(stream, "no note"))?;
    let path = raw.path(&entry);
    let text = blocking(stream, move || {
        Ok(std::fs::read(&path).map_err(|error| SyncError::io(path.display(), error))?)
    });
    let note = serde_json::from_slice(&text.await?);
    Ok(note.map_err(|error| unreadable(stream, &error.to_string()))?)
}

/// Runs what blocks on a thread for it.
pub(crate) async fn blocking<T: Send + 'static>(
    stream: &StreamSpec,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| TableError::ReaderGone { stream: stream.name.clone() })?
}

fn unreadable(stream: &StreamSpec, message: &str) -> TableError {
    TableError::Kept { stream: stream.name.clone(), message: message.to_owned() }
}
