//! Reads a table in one transaction: first the types of what is to be read, then the rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use millstream_core::error::Result;
use millstream_core::name::snake_case;
use millstream_core::spec::{StreamSpec, SyncMode};
use rusqlite::Connection;
use rusqlite::types::{Value as SqlValue, ValueRef};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::batch::Batch;
use super::database::{Database, Declared, Reader, quoted};
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
use crate::source::{DiscoveredColumn, DiscoveredStream, SourceRead};

/// The copy of the rows of a database that is not in WAL mode.
const COPY: &str = "temp.\"millstream_rows\"";

/// What a sync read, for the next one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SqliteCheckpoint {
    table: String,
    /// The cursor column, and its greatest value that was seen.
    pub(super) cursor: Option<(String, CursorValue)>,
    /// Types of the columns, by name in the source: later rows never make them narrower.
    types: BTreeMap<String, String>,
}

/// A cursor's value, exactly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum CursorValue {
    Integer(i64),
    /// The bits of a double, since its decimal text may be read back as its neighbor.
    Real(u64),
    Text(String),
}

impl CursorValue {
    pub(super) fn of(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Integer(number) => Some(Self::Integer(number)),
            ValueRef::Real(number) => Some(Self::Real(number.to_bits())),
            ValueRef::Text(bytes) => String::from_utf8(bytes.to_vec()).ok().map(Self::Text),
            ValueRef::Null | ValueRef::Blob(_) => None,
        }
    }

    pub(super) fn to_sql(&self) -> SqlValue {
        match self {
            Self::Integer(number) => SqlValue::Integer(*number),
            Self::Real(bits) => SqlValue::Real(f64::from_bits(*bits)),
            Self::Text(text) => SqlValue::Text(text.clone()),
        }
    }
}

/// A read that can start.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The open transaction and its query; none while the table does not exist.
    query: Option<(Reader, String, Option<CursorValue>)>,
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
    stream: StreamSpec,
    checkpoint: Option<&Value>,
    raw: RawLoad,
) -> Result<Prepared> {
    if stream.sync == SyncMode::Append {
        return Err(SourceError::BadMode { stream: stream.name }.into());
    }
    if presence == Presence::Later && !database.exists() {
        return not_there_yet(stream, raw);
    }
    let reader = database.connect()?;
    reader.ask(|connection| connection.execute_batch("begin"))?;
    let table = table_of(&stream).to_owned();
    let columns = reader.columns(&table)?;
    if columns.is_empty() {
        return match presence {
            Presence::Later => not_there_yet(stream, raw),
            Presence::Required => Err(missing_table(&reader, &stream)?.into()),
        };
    }
    let cursor = stream.cursor.as_deref().filter(|_| stream.sync == SyncMode::Merge);
    let cursor = cursor.map(|name| cursor_column(&columns, &stream, name)).transpose()?;
    let mut last = last(&stream, checkpoint);
    let from = last.as_mut().and_then(|last| last.cursor.take()).map(|(_, value)| value);
    let mut query = select(&columns, &quoted(&table), cursor, from.as_ref());
    let mut parameter = from.clone();
    if !reader.is_wal()? {
        reader.ask(|connection| {
            let sql = format!("create temp table \"millstream_rows\" as {query}");
            connection
                .execute(&sql, rusqlite::params_from_iter(from.iter().map(CursorValue::to_sql)))?;
            connection.execute_batch("commit; begin")
        })?;
        query = format!("select * from {COPY}");
        parameter = None;
    }
    let before = last.map(|last| last.types).unwrap_or_default();
    let surveys = survey(&reader, &columns, &query, parameter.as_ref())?;
    let types: Vec<DataType> = surveys
        .iter()
        .zip(&columns)
        .map(|(survey, column)| {
            let before = before.get(&column.name).and_then(|name| parse_type(name).ok());
            survey.data_type(before.as_ref())
        })
        .collect();
    let schema = schema(&columns, &types);
    let fit = Fit::new(&schema, &stream)?;
    let greatest = match cursor {
        Some(place) => {
            refuse_cursor(&stream, &columns[place], &types[place])?;
            let value = greatest(&reader, &query, &columns[place].name, parameter.as_ref())?;
            let name = stream.cursor.clone().unwrap_or_default();
            value.or(from).map(|value| (name, value))
        }
        None => None,
    };
    let named = columns.iter().map(|column| column.name.clone());
    let checkpoint = SqliteCheckpoint {
        table,
        cursor: greatest,
        types: named.zip(types.iter().map(type_name)).collect(),
    };
    let query = Some((reader, query, parameter));
    Ok(Prepared { query, schema, fit, raw, stream: stream.name, checkpoint })
}

/// Starts to read on a thread.
pub(super) fn start(prepared: Prepared) -> SourceRead {
    let schema = prepared.fit.schema();
    let stream = prepared.stream.clone();
    let events = handover::from_thread(&stream, move |emitter| run(&prepared, emitter));
    SourceRead { schema, events }
}

/// All tables with the types of all their values.
pub(super) fn discover(database: &Database) -> Result<Vec<DiscoveredStream>> {
    let reader = database.connect()?;
    reader.ask(|connection| connection.execute_batch("begin"))?;
    let mut streams = Vec::new();
    for table in reader.tables()? {
        let columns = reader.columns(&table)?;
        let query = select(&columns, &quoted(&table), None, None);
        let surveys = survey(&reader, &columns, &query, None)?;
        let count = format!("select count(*) from {}", quoted(&table));
        let rows =
            |connection: &Connection| connection.query_row(&count, [], |row| row.get::<_, i64>(0));
        let rows = reader.ask(rows)?.unsigned_abs();
        let discovered = columns.iter().zip(&surveys).map(|(column, survey)| DiscoveredColumn {
            name: snake_case(&column.name),
            original: column.name.clone(),
            data_type: type_name(&survey.data_type(None)),
            nullable: !column.not_null && column.key_place == 0,
        });
        let mut key: Vec<_> = columns.iter().filter(|column| column.key_place > 0).collect();
        key.sort_by_key(|column| column.key_place);
        streams.push(DiscoveredStream {
            name: table,
            columns: discovered.collect(),
            key: key.into_iter().map(|column| snake_case(&column.name)).collect(),
            rows: Some(rows),
        });
    }
    Ok(streams)
}

fn run(prepared: &Prepared, emitter: &Emitter) -> Result<(), Stop> {
    let Prepared { schema, fit, raw, checkpoint, .. } = prepared;
    let mut outlet = Outlet::new(emitter, fit, raw, &checkpoint.table, schema)?;
    if let Some((reader, query, parameter)) = &prepared.query {
        let failed = |cause| reader.failure(cause);
        let mut statement = reader.connection.prepare(query).map_err(failed)?;
        let parameters = rusqlite::params_from_iter(parameter.iter().map(CursorValue::to_sql));
        let mut rows = statement.query(parameters).map_err(failed)?;
        let mut batch = Batch::new(schema);
        while let Some(row) = rows.next().map_err(failed)? {
            batch.push(row).map_err(failed)?;
            if batch.is_full() {
                batch.hand_on(&mut outlet)?;
            }
        }
        batch.hand_on(&mut outlet)?;
    }
    let checkpoint = serde_json::to_value(checkpoint).map_err(SyncError::shape)?;
    outlet.end(checkpoint)
}

fn not_there_yet(stream: StreamSpec, raw: RawLoad) -> Result<Prepared> {
    let schema = declared_schema(&stream)?;
    let fit = Fit::new(&schema, &stream)?;
    let table = table_of(&stream).to_owned();
    let checkpoint = SqliteCheckpoint { table, cursor: None, types: BTreeMap::new() };
    Ok(Prepared { query: None, schema, fit, raw, stream: stream.name, checkpoint })
}

fn missing_table(reader: &Reader, stream: &StreamSpec) -> Result<SourceError> {
    let stream = table_of(stream).to_owned();
    Ok(SourceError::MissingTable { stream, known: reader.tables()? })
}

fn cursor_column(
    columns: &[Declared],
    stream: &StreamSpec,
    name: &str,
) -> Result<usize, SourceError> {
    let is_named = |column: &Declared| column.name == name || snake_case(&column.name) == name;
    columns.iter().position(is_named).ok_or_else(|| SourceError::MissingCursor {
        stream: stream.name.clone(),
        column: name.to_owned(),
        known: columns.iter().map(|column| column.name.clone()).collect(),
    })
}

fn refuse_cursor(
    stream: &StreamSpec,
    column: &Declared,
    data_type: &DataType,
) -> Result<(), SourceError> {
    match data_type {
        DataType::Boolean | DataType::Binary => Err(SourceError::BadCursor {
            stream: stream.name.clone(),
            column: column.name.clone(),
            data_type: type_name(data_type),
        }),
        _ => Ok(()),
    }
}

/// The query of a table's rows, from a cursor's value on if there is one.
pub(super) fn select(
    columns: &[Declared],
    table: &str,
    cursor: Option<usize>,
    from: Option<&CursorValue>,
) -> String {
    let names: Vec<_> = columns.iter().map(|column| quoted(&column.name)).collect();
    let all = format!("select {} from {table}", names.join(", "));
    match (cursor, from) {
        (Some(place), Some(_)) => {
            let name = &names[place];
            format!("{all} where {name} >= ?1 or {name} is null")
        }
        _ => all,
    }
}

fn survey(
    reader: &Reader,
    columns: &[Declared],
    query: &str,
    parameter: Option<&CursorValue>,
) -> Result<Vec<Survey>> {
    let mut surveys: Vec<_> = columns.iter().map(|column| Survey::new(&column.data_type)).collect();
    reader.ask(|connection| {
        let mut statement = connection.prepare(query)?;
        let parameters = rusqlite::params_from_iter(parameter.into_iter().map(CursorValue::to_sql));
        let mut rows = statement.query(parameters)?;
        while let Some(row) = rows.next()? {
            for (place, survey) in surveys.iter_mut().enumerate() {
                survey.see(row.get_ref(place)?);
            }
        }
        Ok(())
    })?;
    Ok(surveys)
}

fn greatest(
    reader: &Reader,
    query: &str,
    column: &str,
    parameter: Option<&CursorValue>,
) -> Result<Option<CursorValue>> {
    let sql = format!("select max({}) from ({query})", quoted(column));
    let ask = |connection: &Connection| {
        let parameters = rusqlite::params_from_iter(parameter.into_iter().map(CursorValue::to_sql));
        connection.query_row(&sql, parameters, |row| Ok(CursorValue::of(row.get_ref(0)?)))
    };
    reader.ask(ask)
}

fn schema(columns: &[Declared], types: &[DataType]) -> SchemaRef {
    let fields =
        columns.iter().zip(types).map(|(column, data_type)| field(&column.name, data_type.clone()));
    Arc::new(Schema::new(fields.collect::<Vec<Field>>()))
}
