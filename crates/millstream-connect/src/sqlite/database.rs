//! A SQLite file, opened to be read only.

use std::path::PathBuf;
use std::time::Duration;

use millstream_core::error::Result;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::SyncError;
use crate::records::error::SourceError;

/// How long a reader waits for a writer that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// Where a database lies.
#[derive(Debug, Clone)]
pub(super) struct Database {
    path: PathBuf,
}

/// An open database.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) connection: Connection,
    what: String,
}

/// A column of a table as it is declared.
#[derive(Debug, Clone)]
pub(super) struct Declared {
    pub(super) name: String,
    /// The type in capitals; may be anything, or nothing.
    pub(super) data_type: String,
    pub(super) not_null: bool,
    /// Place in the primary key, from 1; 0 if it is not part of it.
    pub(super) key_place: u32,
}

impl Database {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Opens the file.
    pub(super) fn connect(&self) -> Result<Reader> {
        if !self.exists() {
            let path = self.path.display().to_string();
            return Err(SyncError::NotFound { path, near: None }.into());
        }
        let what = format!("SQLite database `{}`", self.path.display());
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(&self.path, flags).and_then(|connection| {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            // The file is only read when the first question is asked.
            connection.query_row("select count(*) from sqlite_schema", [], |_| Ok(()))?;
            Ok(connection)
        });
        match opened {
            Ok(connection) => Ok(Reader { connection, what }),
            Err(cause) => match cause.sqlite_error_code() {
                Some(ErrorCode::NotADatabase) => Err(SyncError::OtherContent {
                    path: self.path.display().to_string(),
                    format: "SQLite",
                    content: "another kind of file, or encrypted",
                    remedy: "check `path`; a relative path starts at the project's folder",
                }
                .into()),
                _ => Err(SourceError::Unreachable { what, cause: cause.into() }.into()),
            },
        }
    }
}

impl Reader {
    /// Tables and views, by name.
    pub(super) fn tables(&self) -> Result<Vec<String>> {
        let sql = "select name from sqlite_schema where type in ('table', 'view') \
                   and name not like 'sqlite\\_%' escape '\\' order by name";
        self.ask(|connection| {
            let mut statement = connection.prepare(sql)?;
            let names = statement.query_map([], |row| row.get(0))?;
            names.collect()
        })
    }

    /// Columns of a table or view; none if it does not exist.
    pub(super) fn columns(&self, table: &str) -> Result<Vec<Declared>> {
        // Hidden columns of virtual tables are 1; generated ones are 2 and 3.
        let sql = "select name, upper(type), \"notnull\", pk from pragma_table_xinfo(?1) \
                   where hidden <> 1 order by cid";
        self.ask(|connection| {
            let mut statement = connection.prepare(sql)?;
            let columns = statement.query_map([table], |row| {
                Ok(Declared {
                    name: row.get(0)?,
                    data_type: row.get(1)?,
                    not_null: row.get(2)?,
                    key_place: row.get(3)?,
                })
            })?;
            columns.collect()
        })
    }

    /// Begins to read one state of the database.
    pub(super) fn begin(&self) -> Result<()> {
        self.ask(|connection| connection.execute_batch("begin"))
    }

    /// The number of rows of a table.
    pub(super) fn count(&self, table: &str) -> Result<u64> {
        let sql = format!("select count(*) from {}", quoted(table));
        self.ask(|connection| {
            connection.query_row(&sql, [], |row| Ok(row.get::<_, i64>(0)?.unsigned_abs()))
        })
    }

    /// Whether readers and the writer do not meet.
    pub(super) fn is_wal(&self) -> Result<bool> {
        let ask = |connection: &Connection| {
            connection.query_row("pragma journal_mode", [], |row| row.get::<_, String>(0))
        };
        Ok(self.ask(ask)?.eq_ignore_ascii_case("wal"))
    }

    /// Asks something; an error becomes one of the source.
    pub(super) fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        Ok(question(&self.connection).map_err(|cause| self.failure(cause))?)
    }

    pub(super) fn failure(&self, cause: rusqlite::Error) -> SourceError {
        SourceError::Read { what: self.what.clone(), cause: cause.into() }
    }
}

/// A name in SQL text.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
