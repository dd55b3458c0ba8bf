//! Reads a table in one transaction: first the types of what is to be read, then the rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use millstream_core::error::Result;
use millstream_core::spec::{StreamSpec, SyncMode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::batch::Batch;
use super::cursor::{self, CursorValue};
use super::database::{Database, Declared, Reader};
use super::scan::Scan;
use super::survey::Survey;
use crate::SyncError;
use crate::columns::{parse_type, type_name};
use crate::raw::RawLoad;
use crate::records::checkpoint::restore;
use crate::records::error::SourceError;
use crate::records::fit::{Fit, field};
use crate::records::handover::{self, Emitter, Stop};
use crate::records::outlet::Outlet;
use crate::records::presence::{Presence, declared_schema};
use crate::source::SourceRead;

/// What a sync read, for the next one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SqliteCheckpoint {
    table: String,
    /// The cursor column, and its greatest value that was seen.
    pub(super) cursor: Option<(String, CursorValue)>,
    /// Types of the columns, by name in the source: later rows never make them narrower.
    types: BTreeMap<String, String>,
}

/// A read that can start.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The open transaction and the rows in it; none while the table does not exist.
    scan: Option<(Reader, Scan)>,
    schema: SchemaRef,
    fit: Fit,
    raw: RawLoad,
    stream: String,
    checkpoint: SqliteCheckpoint,
}

/// The table of a stream.
pub(super) fn table_of(stream: &StreamSpec) -> &str {
    stream.settings.get("table").and_then(Value::as_str).unwrap_or(&stream.name)
}

/// The last checkpoint, if it is of the same table and cursor.
pub(super) fn last(stream: &StreamSpec, checkpoint: Option<&Value>) -> Option<SqliteCheckpoint> {
    let last: SqliteCheckpoint = restore(checkpoint)?;
    let same_cursor = last.cursor.is_none()
        || last.cursor.as_ref().map(|(column, _)| column) == stream.cursor.as_ref();
    let merges = stream.sync == SyncMode::Merge;
    (merges && last.table == table_of(stream) && same_cursor).then_some(last)
}

/// Opens the transaction, and learns the types.
pub(super) fn prepare(
    database: &Database,
    presence: Presence,
    stream: &StreamSpec,
    checkpoint: Option<&Value>,
    raw: RawLoad,
) -> Result<Prepared> {
    if stream.sync == SyncMode::Append {
        return Err(SourceError::BadMode { stream: stream.name.clone() }.into());
    }
    if presence == Presence::Later && !database.exists() {
        return not_there_yet(stream, raw);
    }
    let reader = database.connect()?;
    reader.begin()?;
    let columns = reader.columns(table_of(stream))?;
    if columns.is_empty() {
        return match presence {
            Presence::Later => not_there_yet(stream, raw),
            Presence::Required => Err(missing_table(&reader, stream)?.into()),
        };
    }
    prepare_scan(reader, columns, stream, last(stream, checkpoint), raw)
}

/// Learns what is read of a table that is there.
fn prepare_scan(
    reader: Reader,
    columns: Vec<Declared>,
    stream: &StreamSpec,
    last: Option<SqliteCheckpoint>,
    raw: RawLoad,
) -> Result<Prepared> {
    let table = table_of(stream);
    let cursor = cursor::place(&columns, stream)?;
    let (before, from) = last.map(|last| (last.types, last.cursor)).unwrap_or_default();
    let from = from.map(|(_, value)| value);
    let scan = match cursor.zip(from.clone()) {
        Some((place, value)) => Scan::from(columns, table, place, value),
        None => Scan::all(columns, table),
    };
    let scan = if reader.is_wal()? { scan } else { scan.copied(&reader)? };
    let types = types(&scan, &reader, &before)?;
    let schema = schema(&scan.columns, &types);
    let fit = Fit::new(&schema, stream)?;
    let mut greatest = None;
    if let Some(place) = cursor {
        cursor::refuse_unsuitable(stream, &scan.columns[place], &types[place])?;
        let value = scan.greatest(&reader, place)?.or(from);
        greatest = stream.cursor.clone().zip(value);
    }
    let names = scan.columns.iter().map(|column| column.name.clone());
    let checkpoint = SqliteCheckpoint {
        table: table.to_owned(),
        cursor: greatest,
        types: names.zip(types.iter().map(type_name)).collect(),
    };
    let scan = Some((reader, scan));
    Ok(Prepared { scan, schema, fit, raw, stream: stream.name.clone(), checkpoint })
}

/// The types of the columns: of what is read now, and no narrower than they were.
fn types(scan: &Scan, reader: &Reader, before: &BTreeMap<String, String>) -> Result<Vec<DataType>> {
    let surveys = scan.survey(reader)?;
    let columns = surveys.iter().zip(&scan.columns);
    let data_type = |(survey, column): (&Survey, &Declared)| {
        let before = before.get(&column.name).and_then(|name| parse_type(name).ok());
        survey.data_type(before.as_ref())
    };
    Ok(columns.map(data_type).collect())
}

/// Starts to read on a thread.
pub(super) fn start(prepared: Prepared) -> SourceRead {
    let schema = prepared.fit.schema();
    let stream = prepared.stream.clone();
    let events = handover::from_thread(&stream, move |emitter| run(&prepared, emitter));
    SourceRead { schema, events }
}

fn run(prepared: &Prepared, emitter: &Emitter) -> Result<(), Stop> {
    let Prepared { schema, fit, raw, checkpoint, .. } = prepared;
    let mut outlet = Outlet::new(emitter, fit, raw, &checkpoint.table, schema)?;
    if let Some((reader, scan)) = &prepared.scan {
        let mut batch = Batch::new(schema);
        scan.each(reader, |row| -> Result<(), Stop> {
            batch.push(row).map_err(|cause| reader.failure(cause))?;
            if batch.is_full() { batch.hand_on(&mut outlet) } else { Ok(()) }
        })?;
        batch.hand_on(&mut outlet)?;
    }
    let checkpoint = serde_json::to_value(checkpoint).map_err(SyncError::shape)?;
    outlet.end(checkpoint)
}

fn not_there_yet(stream: &StreamSpec, raw: RawLoad) -> Result<Prepared> {
    let schema = declared_schema(stream)?;
    let fit = Fit::new(&schema, stream)?;
    let table = table_of(stream).to_owned();
    let checkpoint = SqliteCheckpoint { table, cursor: None, types: BTreeMap::new() };
    Ok(Prepared { scan: None, schema, fit, raw, stream: stream.name.clone(), checkpoint })
}

fn missing_table(reader: &Reader, stream: &StreamSpec) -> Result<SourceError> {
    let stream = table_of(stream).to_owned();
    Ok(SourceError::MissingTable { stream, known: reader.tables()? })
}

fn schema(columns: &[Declared], types: &[DataType]) -> SchemaRef {
    let fields =
        columns.iter().zip(types).map(|(column, data_type)| field(&column.name, data_type.clone()));
    Arc::new(Schema::new(fields.collect::<Vec<Field>>()))
}
