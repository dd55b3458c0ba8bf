//! The operational database in a SQLite file.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::array::{Array, RecordBatch};
use arrow::array::{AsArray as _, BooleanArray};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use millstream_core::batch::BoxFuture;
use millstream_core::clock::Clock;
use millstream_core::effect::EffectId;
use millstream_core::error::Result;
use millstream_core::name::Relation;
use millstream_core::operational::OperationalDatabase;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Transaction, TransactionBehavior};

use super::EFFECTS_TABLE;
use super::error::{Misfit, OperationalError};
use super::fit::{NeededColumn, cast_hint, needed};
use super::rows::{Column, ColumnType, Rows, moment, quoted, table_name};
use crate::log::{create_directory, sync_directory};

/// How long a write waits for one of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// A SQLite file with one connection, used by one call at a time.
#[derive(Debug)]
pub(super) struct SqliteDatabase {
    connection: Arc<Mutex<Connection>>,
    clock: Clock,
}

impl SqliteDatabase {
    pub(super) async fn open(path: PathBuf, clock: Clock) -> Result<Self, OperationalError> {
        let opened = tokio::task::spawn_blocking(move || connect(&path)).await;
        let connection = opened.map_err(|_| closing())??;
        Ok(Self { connection: Arc::new(Mutex::new(connection)), clock })
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, OperationalError> + Send + 'static,
    ) -> Result<T> {
        let connection = Arc::clone(&self.connection);
        let done = tokio::task::spawn_blocking(move || {
            work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        Ok(done.await.map_err(|_| closing())??)
    }
}

impl OperationalDatabase for SqliteDatabase {
    fn insert_once<'a>(
        &'a self,
        table: &'a Relation,
        key: &'a str,
        rows: Vec<RecordBatch>,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let insert = Insert {
                table: table_name(table)?.to_owned(),
                key: key.to_owned(),
                effect: effect.clone(),
                at: moment(self.clock.now().as_micros()),
            };
            self.with(move |connection| insert.run(connection, &rows)).await
        })
    }

    fn find<'a>(&'a self, effect: &'a EffectId) -> BoxFuture<'a, Result<Option<u64>>> {
        let EffectId { application, sequence } = effect.clone();
        Box::pin(self.with(move |connection| {
            let found = mark(connection, &application)?.filter(|&(last, _)| last == sequence);
            if found.is_some() {
                // Its writer may have been killed before it could sync what we see.
                sync_log(connection)?;
            }
            Ok(found.map(|(_, rows)| rows))
        }))
    }

    fn sequence<'a>(&'a self, application: &'a str) -> BoxFuture<'a, Result<u64>> {
        let application = application.to_owned();
        Box::pin(self.with(move |connection| {
            Ok(mark(connection, &application)?.map_or(0, |(sequence, _)| sequence))
        }))
    }
}

fn connect(path: &Path) -> Result<Connection, OperationalError> {
    let unavailable =
        |error: std::io::Error| OperationalError::Unavailable { reason: error.to_string() };
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    create_directory(folder).map_err(unavailable)?;
    let failed = |error| failure(EFFECTS_TABLE, &error);
    let connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    let create = format!(
        "create table if not exists {EFFECTS_TABLE} (application text primary key not null, \
         sequence integer not null, rows integer not null, at text not null)"
    );
    connection.execute_batch(&create).map_err(failed)?;
    sync_directory(folder).map_err(unavailable)?;
    Ok(connection)
}

/// Syncs SQLite's write-ahead log: what is in the file of the database was synced before it came
/// there.
fn sync_log(connection: &Connection) -> Result<(), OperationalError> {
    let Some(path) = connection.path() else { return Ok(()) };
    match File::open(format!("{path}-wal")).and_then(|log| log.sync_all()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(OperationalError::Unavailable { reason: error.to_string() })
        }
        _ => Ok(()),
    }
}

/// Sequence and rows of the last effect of an application.
fn mark(
    connection: &Connection,
    application: &str,
) -> Result<Option<(u64, u64)>, OperationalError> {
    let sql = format!("select sequence, rows from {EFFECTS_TABLE} where application = ?1");
    connection
        .query_row(&sql, [application], |row| {
            Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64))
        })
        .optional()
        .map_err(|error| failure(EFFECTS_TABLE, &error))
}

/// One publication.
struct Insert {
    table: String,
    key: String,
    effect: EffectId,
    at: String,
}

impl Insert {
    fn run(
        &self,
        connection: &mut Connection,
        batches: &[RecordBatch],
    ) -> Result<u64, OperationalError> {
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| self.failure(&error))?;
        if let Some((last, _)) = mark(&transaction, &self.effect.application)?
            && last >= self.effect.sequence
        {
            return Err(OperationalError::Fenced { effect: self.effect.to_string(), last });
        }
        let batches = Rows::all(&self.table, &self.key, batches)?;
        self.fit_table(&transaction, &needed(&batches))?;
        let declared = self.columns(&transaction).map_err(|error| self.failure(&error))?;
        let mut inserted = 0;
        for rows in batches {
            let rows = self.fit_rows(rows, &declared)?;
            inserted += self.insert(&transaction, &rows).map_err(|error| self.failure(&error))?;
        }
        self.write_mark(&transaction, inserted).map_err(|error| self.failure(&error))?;
        transaction.commit().map_err(|error| self.failure(&error))?;
        Ok(inserted)
    }

    /// Makes the table, or adds the columns that it lacks.
    fn fit_table(
        &self,
        transaction: &Transaction<'_>,
        needed: &[NeededColumn],
    ) -> Result<(), OperationalError> {
        let failed = |error| self.failure(&error);
        let present = self.columns(transaction).map_err(failed)?;
        let is_missing =
            |column: &&NeededColumn| !present.contains_key(&column.name.to_lowercase());
        let missing = needed.iter().filter(is_missing).map(|column| self.definition(column));
        let table = quoted(&self.table);
        if present.is_empty() && !needed.is_empty() {
            let definitions: Vec<_> = missing.collect();
            let sql = format!("create table {table} ({})", definitions.join(", "));
            return transaction.execute_batch(&sql).map_err(failed);
        }
        for definition in missing {
            let sql = format!("alter table {table} add column {definition}");
            transaction.execute_batch(&sql).map_err(failed)?;
        }
        Ok(())
    }

    /// The declared types, by name in small letters.
    fn columns(&self, transaction: &Transaction<'_>) -> rusqlite::Result<BTreeMap<String, String>> {
        let mut statement =
            transaction.prepare("select lower(name), upper(type) from pragma_table_info(?1)")?;
        let columns = statement.query_map([&self.table], |row| Ok((row.get(0)?, row.get(1)?)))?;
        columns.collect()
    }

    fn definition(&self, column: &NeededColumn) -> String {
        let key = if column.name == self.key { " primary key not null" } else { "" };
        format!("{} {}{key}", quoted(&column.name), declared_type(column.kind))
    }

    /// The rows as the columns of the table hold them.
    fn fit_rows(
        &self,
        rows: Rows,
        declared: &BTreeMap<String, String>,
    ) -> Result<Rows, OperationalError> {
        let fit = |column: Column| match declared.get(&column.name.to_lowercase()) {
            Some(declared) => self.fit_column(column, declared),
            None => Ok(column),
        };
        let columns = rows.columns.into_iter().map(fit).collect::<Result<_, _>>()?;
        Ok(Rows { columns, count: rows.count })
    }

    /// SQLite would keep any value in any column; a column of ours keeps one type. Only numbers mix
    /// without loss: a double stays one in a column of integers, and is read as one again. The key
    /// is not among them, since one of integers takes nothing else.
    fn fit_column(&self, column: Column, declared: &str) -> Result<Column, OperationalError> {
        let Some(kind) = kept_type(declared) else { return Ok(column) };
        match column.held_as(kind) {
            Ok(held) => Ok(held),
            Err(_) if mixes(column.kind, kind) && column.name != self.key => Ok(column),
            Err(value) => Err(OperationalError::Column(Box::new(Misfit {
                table: self.table.clone(),
                present: declared.to_owned(),
                wanted: column.kind.word(),
                value,
                remedy: cast_hint(&column.name, kind.word()),
                column: column.name,
            }))),
        }
    }

    fn insert(&self, transaction: &Transaction<'_>, rows: &Rows) -> rusqlite::Result<u64> {
        let names: Vec<_> = rows.columns.iter().map(|column| quoted(&column.name)).collect();
        let places = vec!["?"; names.len()].join(", ");
        let sql = format!(
            "insert into {} ({}) values ({places}) on conflict ({}) do nothing",
            quoted(&self.table),
            names.join(", "),
            quoted(&self.key)
        );
        let mut statement = transaction.prepare(&sql)?;
        let mut inserted = 0;
        for row in 0..rows.count {
            let values = rows.columns.iter().map(|column| value(column, row));
            inserted += statement.execute(rusqlite::params_from_iter(values))? as u64;
        }
        Ok(inserted)
    }

    fn write_mark(&self, transaction: &Transaction<'_>, rows: u64) -> rusqlite::Result<usize> {
        let sql = format!(
            "insert into {EFFECTS_TABLE} (application, sequence, rows, at) values (?1, ?2, ?3, ?4) \
             on conflict (application) do update set \
             sequence = excluded.sequence, rows = excluded.rows, at = excluded.at"
        );
        let EffectId { application, sequence } = &self.effect;
        transaction.execute(&sql, (application, *sequence as i64, rows as i64, &self.at))
    }

    fn failure(&self, error: &rusqlite::Error) -> OperationalError {
        failure(&self.table, error)
    }
}

/// Whether a column of numbers keeps other numbers as they are.
fn mixes(values: ColumnType, column: ColumnType) -> bool {
    values == ColumnType::Double && column == ColumnType::Bigint
}

/// The type whose values a declared type is for; none for types that are not ours.
fn kept_type(declared: &str) -> Option<ColumnType> {
    Some(match declared {
        "TEXT" => ColumnType::Text,
        "INTEGER" => ColumnType::Bigint,
        "REAL" => ColumnType::Double,
        "BOOLEAN" => ColumnType::Boolean,
        "TIMESTAMPTZ" => ColumnType::Timestamp,
        _ => return None,
    })
}

/// SQLite knows no booleans and no moments: they are numbers and texts to it. The declared name
/// says what they are, so that a source reads them as such again.
fn declared_type(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Text => "TEXT",
        ColumnType::Bigint => "INTEGER",
        ColumnType::Double => "REAL",
        ColumnType::Boolean => "BOOLEAN",
        ColumnType::Timestamp => "TIMESTAMPTZ",
    }
}

fn value(column: &Column, row: usize) -> Value {
    let values = &column.values;
    if values.is_null(row) {
        return Value::Null;
    }
    match column.kind {
        ColumnType::Text => Value::Text(values.as_string::<i32>().value(row).to_owned()),
        ColumnType::Bigint => Value::Integer(values.as_primitive::<Int64Type>().value(row)),
        ColumnType::Double => Value::Real(values.as_primitive::<Float64Type>().value(row)),
        ColumnType::Boolean => {
            let booleans: &BooleanArray = values.as_boolean();
            Value::Integer(i64::from(booleans.value(row)))
        }
        ColumnType::Timestamp => {
            Value::Text(moment(values.as_primitive::<TimestampMicrosecondType>().value(row)))
        }
    }
}

pub(super) fn failure(table: &str, error: &rusqlite::Error) -> OperationalError {
    let reason = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            OperationalError::Access { reason }
        }
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::DiskFull
            | ErrorCode::OutOfMemory
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase,
        ) => OperationalError::Unavailable { reason },
        _ => OperationalError::Refused { table: table.to_owned(), reason },
    }
}

fn closing() -> OperationalError {
    OperationalError::Unavailable { reason: "the process is closing".to_owned() }
}
