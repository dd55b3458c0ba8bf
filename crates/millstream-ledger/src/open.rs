//! Opening the file: settings of a connection, making the tables, refusing what is not ours.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use millstream_core::ContentHash;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::error::{LedgerError, Result};

/// The format that this program writes.
pub(crate) const FORMAT: i64 = 1;
/// What a new file gets.
const SCHEMA: &str = include_str!("schema.sql");
/// Marks the file as ours: `MILL` in ASCII.
const APPLICATION: i64 = 0x4D49_4C4C;
/// Larger ledgers are not read through at every start; `check_integrity` does it on demand.
const QUICK_CHECK_BYTES_MAX: u64 = 256 * 1024;
/// How often a process asks for a lock that another one has, a millisecond or more apart, before
/// it gives up.
const LOCK_TRIES_MAX: i32 = 4000;
/// Statements kept prepared by each connection.
const STATEMENTS_KEPT: usize = 128;
/// Pages of 4 KiB in the write-ahead log after which it is checkpointed: a page that many
/// transactions write is written back once.
const LOG_PAGES: i64 = 4096;
/// The write-ahead log is cut back to this size when it has been checkpointed.
const LOG_BYTES_KEPT: i64 = LOG_PAGES * 4096;

/// Opens the ledger for writing; makes it if there is none.
pub(crate) fn open_or_create(path: &Path, environment: &str) -> Result<Connection> {
    let mut connection = open_file(path, OpenFlags::SQLITE_OPEN_CREATE)?;
    expect_ours(&connection, path).map_err(|error| foreign(error, path))?;
    match format(&connection)? {
        0 => create(&mut connection, path, environment)?,
        FORMAT => {}
        found => return Err(LedgerError::NewerFormat { found, known: FORMAT }),
    }
    expect_tables(&connection)?;
    expect_environment(&connection, environment)?;
    quick_check(&connection, path)?;
    Ok(connection)
}

/// Opens one more connection to a ledger that exists, for reading.
pub(crate) fn open_reader(path: &Path) -> Result<Connection> {
    let connection = open_file(path, OpenFlags::empty())?;
    connection.execute_batch("PRAGMA query_only = ON")?;
    Ok(connection)
}

/// Opens the copy of a ledger, of whichever environment.
pub(crate) fn open_copy(path: &Path) -> Result<Connection> {
    let connection = open_file(path, OpenFlags::empty())?;
    expect_ours(&connection, path).map_err(|error| foreign(error, path))?;
    match format(&connection)? {
        FORMAT => expect_tables(&connection).map(|()| connection),
        found => Err(LedgerError::NewerFormat { found, known: FORMAT }),
    }
}

/// Reads the whole file and reports what contradicts itself.
pub(crate) fn check_integrity(connection: &Connection) -> Result<()> {
    expect_ok(connection, "PRAGMA integrity_check(1)")?;
    let orphan: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM pragma_foreign_key_check)",
        [],
        |row| row.get(0),
    )?;
    if orphan {
        return Err(LedgerError::Damaged { detail: "a row refers to one that is missing".into() });
    }
    Ok(())
}

fn open_file(path: &Path, more: OpenFlags) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let cannot = |error: rusqlite::Error| LedgerError::Open {
        path: path.to_owned(),
        detail: error.to_string(),
    };
    let mut connection = Connection::open_with_flags(path, flags).map_err(cannot)?;
    connection.busy_handler(Some(wait_for_lock))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // Without it, every new value of a parameter makes a prepared statement be prepared again
    // (`SQLite`, "query planner stability guarantee").
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(cannot)?;
    // `fullfsync` reaches the disk itself on macOS, where a plain sync does not; it is nothing
    // elsewhere. What undoes one of several writes is kept in memory: otherwise it is a file each.
    connection
        .execute_batch(&format!(
            "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON; \
         PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; \
         PRAGMA wal_autocheckpoint = {LOG_PAGES}; PRAGMA journal_size_limit = {LOG_BYTES_KEPT};"
        ))
        .map_err(|error| foreign(error.into(), path))?;
    Ok(connection)
}

/// Waits in short and even steps: writers hold the lock for milliseconds, and the growing pauses of
/// `SQLite`'s own handler would keep a second process waiting long after the lock is free.
fn wait_for_lock(tries: i32) -> bool {
    std::thread::sleep(Duration::from_millis(if tries < 100 { 1 } else { 5 }));
    tries < LOCK_TRIES_MAX
}

fn create(connection: &mut Connection, path: &Path, environment: &str) -> Result<()> {
    use_write_ahead_log(connection)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    if format(&transaction)? == 0 {
        transaction.execute_batch(SCHEMA)?;
        transaction.execute(
            "INSERT INTO ledger (environment, tables) VALUES (?1, ?2)",
            [environment, &tables()],
        )?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
    }
    transaction.commit()?;
    sync_folder(path)
}

/// Changing the mode needs the file for oneself and does not wait for a lock on its own.
pub(crate) fn use_write_ahead_log(connection: &Connection) -> Result<()> {
    for tries in 0.. {
        let mode: rusqlite::Result<String> =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0));
        match mode.map_err(LedgerError::from) {
            Ok(mode) if mode.eq_ignore_ascii_case("wal") => return Ok(()),
            Err(LedgerError::Busy) | Ok(_) if wait_for_lock(tries) => {}
            Err(error) => return Err(error),
            Ok(mode) => {
                let detail = format!("the file system does not allow a write-ahead log ({mode})");
                return Err(LedgerError::Io { detail });
            }
        }
    }
    Err(LedgerError::Busy)
}

/// Makes the file's name durable, as its content is.
fn sync_folder(path: &Path) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| LedgerError::Io { detail: error.to_string() })
}

fn format(connection: &Connection) -> Result<i64> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// An empty database may become a ledger; another program's may not.
fn expect_ours(connection: &Connection, path: &Path) -> Result<()> {
    let mark: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if mark == APPLICATION || (mark == 0 && tables == 0) {
        return Ok(());
    }
    Err(LedgerError::NotALedger { path: path.to_owned() })
}

/// The hash of the tables, without what is said of them.
fn tables() -> String {
    let lines = SCHEMA.lines().map(str::trim).filter(|line| !line.starts_with("--"));
    ContentHash::of_parts(lines).to_string()
}

fn expect_tables(connection: &Connection) -> Result<()> {
    let found: rusqlite::Result<String> =
        connection.query_row("SELECT tables FROM ledger", [], |row| row.get(0));
    match found {
        Ok(found) if found == tables() => Ok(()),
        // An older one does not even say.
        Ok(_) | Err(rusqlite::Error::SqlInputError { .. }) => Err(LedgerError::OtherTables),
        Err(error) => Err(error.into()),
    }
}

fn expect_environment(connection: &Connection, wanted: &str) -> Result<()> {
    let found: String =
        connection.query_row("SELECT environment FROM ledger", [], |row| row.get(0))?;
    if found == wanted {
        return Ok(());
    }
    Err(LedgerError::OtherEnvironment { found, wanted: wanted.to_owned() })
}

fn quick_check(connection: &Connection, path: &Path) -> Result<()> {
    let bytes = std::fs::metadata(path).map_or(0, |file| file.len());
    if bytes > QUICK_CHECK_BYTES_MAX {
        return Ok(());
    }
    expect_ok(connection, "PRAGMA quick_check(1)")
}

fn expect_ok(connection: &Connection, pragma: &str) -> Result<()> {
    let answer: String = connection.query_row(pragma, [], |row| row.get(0))?;
    if answer == "ok" { Ok(()) } else { Err(LedgerError::Damaged { detail: answer }) }
}

/// A file that `SQLite` does not know as a database is not a damaged ledger but something else.
fn foreign(error: LedgerError, path: &Path) -> LedgerError {
    match error {
        LedgerError::Damaged { .. } => LedgerError::NotALedger { path: path.to_owned() },
        LedgerError::Io { detail } => LedgerError::Open { path: path.to_owned(), detail },
        other => other,
    }
}
