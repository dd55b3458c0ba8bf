//! Reads again what an [`super::outlet::Outlet`] kept.

use arrow::array::{Array, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Schema;
use millstream_core::error::Result;
use millstream_core::spec::StreamSpec;

use super::error::unreadable;
use super::fit::{BAD_VALUE, Fit, NULL_VALUE};
use super::handover::{self, Emitter, Stop, blocking};
use super::outlet::{NOTE, Note};
use crate::SyncError;
use crate::raw::{EntryKind, RawLoad, RecordReader};
use crate::source::{RefusedRecord, SourceEvent, SourceRead};

/// Reads a stream from its kept records.
pub(crate) async fn replay(raw: &RawLoad, stream: &StreamSpec) -> Result<SourceRead> {
    let entries = raw.entries();
    let kept = entries.into_iter().find(|entry| entry.kind == EntryKind::Records);
    let entry = kept.ok_or_else(|| unreadable(stream, "there are none"))?;
    let raw = raw.clone();
    let reader = blocking(&stream.name, move || Ok(raw.records(&entry)?)).await?;
    let kept = reader.schema();
    let source = kept.fields().iter().filter(|field| field.name() != NOTE).cloned();
    let source = Schema::new(source.collect::<Vec<_>>());
    if source.fields().len() + 1 != kept.fields().len() {
        return Err(unreadable(stream, "they were kept by another connector").into());
    }
    let fit = Fit::new(&source, stream)?;
    let schema = fit.schema();
    let stream_spec = stream.clone();
    let events = handover::from_thread(&stream.name, move |emitter| {
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
            handover::emit_fitted(emitter, fit, SourceEvent::Rows(rows), &mut row)?;
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
