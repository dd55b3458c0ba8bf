//! A fingerprint of what a sync would read.
//!
//! With a cursor it is made of the number of rows, the greatest cursor and the content of the rows
//! that have it: a new row changes the number, a row whose cursor moves on changes the greatest
//! cursor or the rows that have it. Without a cursor only the content itself tells; of a large
//! table nothing does cheaply.

use blake3::Hasher;
use millstream_core::error::Result;
use millstream_core::hash::ContentHash;
use millstream_core::spec::StreamSpec;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};

use super::cursor::{self, CursorValue};
use super::database::{Database, Declared, Reader, quoted};
use super::read::table_of;
use super::scan::{select, select_from};
use crate::records::presence::Presence;

/// The largest number of rows whose content is hashed.
const HASHED_ROWS_MAX: u64 = 100_000;

/// The fingerprint; `None` if it would not be cheap.
pub(super) fn probe(
    database: &Database,
    presence: Presence,
    stream: &StreamSpec,
) -> Result<Option<ContentHash>> {
    let absent = Ok(Some(ContentHash::of(b"absent")));
    if presence == Presence::Later && !database.exists() {
        return absent;
    }
    let reader = database.connect()?;
    reader.begin()?;
    let table = table_of(stream);
    let columns = reader.columns(table)?;
    if columns.is_empty() {
        // If the table has to be there, the read says what is wrong.
        return if presence == Presence::Later { absent } else { Ok(None) };
    }
    let mut hasher = Hasher::new();
    for column in &columns {
        hash_text(&mut hasher, &column.name);
        hash_text(&mut hasher, &column.data_type);
    }
    let cursor = cursor::of_stream(stream).and_then(|name| cursor::find(&columns, name));
    let told = match cursor {
        Some(place) => with_cursor(&reader, &columns, table, place, &mut hasher)?,
        None => hash_rows(&reader, &select(&columns, table), None, &mut hasher)?,
    };
    Ok(told.then(|| ContentHash::from_bytes(*hasher.finalize().as_bytes())))
}

fn with_cursor(
    reader: &Reader,
    columns: &[Declared],
    table: &str,
    cursor: usize,
    hasher: &mut Hasher,
) -> Result<bool> {
    let name = quoted(&columns[cursor].name);
    let sql = format!("select count(*), max({name}) from {}", quoted(table));
    let ask = |connection: &Connection| {
        connection.query_row(&sql, [], |row| {
            Ok((row.get::<_, i64>(0)?, CursorValue::of(row.get_ref(1)?)))
        })
    };
    let (count, greatest) = reader.ask(ask)?;
    hasher.update(&count.to_le_bytes());
    let Some(greatest) = greatest else { return Ok(count == 0) };
    hash_rows(reader, &select_from(columns, table, cursor), Some(&greatest), hasher)
}

/// Hashes rows in the order in which they lie; false if they are too many.
fn hash_rows(
    reader: &Reader,
    sql: &str,
    parameter: Option<&CursorValue>,
    hasher: &mut Hasher,
) -> Result<bool> {
    let sql = format!("{sql} limit {}", HASHED_ROWS_MAX + 1);
    reader.ask(|connection| {
        let mut statement = connection.prepare(&sql)?;
        let width = statement.column_count();
        let mut rows =
            statement.query(params_from_iter(parameter.into_iter().map(CursorValue::to_sql)))?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            count += 1;
            if count > HASHED_ROWS_MAX {
                return Ok(false);
            }
            for place in 0..width {
                hash_value(hasher, row.get_ref(place)?);
            }
        }
        Ok(true)
    })
}

fn hash_value(hasher: &mut Hasher, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => hasher.update(&[0]),
        ValueRef::Integer(number) => hasher.update(&[1]).update(&number.to_le_bytes()),
        ValueRef::Real(number) => hasher.update(&[2]).update(&number.to_bits().to_le_bytes()),
        ValueRef::Text(bytes) => {
            hasher.update(&[3]).update(&(bytes.len() as u64).to_le_bytes()).update(bytes)
        }
        ValueRef::Blob(bytes) => {
            hasher.update(&[4]).update(&(bytes.len() as u64).to_le_bytes()).update(bytes)
        }
    };
}

fn hash_text(hasher: &mut Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
}
