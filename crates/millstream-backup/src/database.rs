//! A `SQLite` database as it is at one moment, copied while others write to it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::error::{BackupError, Result};

/// How long a lock of another process is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// Pages that are copied at once.
const PAGES: i32 = 1024;

/// A database to which nobody else writes for as long as this lives.
#[derive(Debug)]
pub struct HeldDatabase {
    connection: Connection,
    path: PathBuf,
}

impl HeldDatabase {
    /// Waits until nobody writes, and lets nobody begin. `None` if there is no such file.
    pub fn hold(path: &Path) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let connection = open(path)?;
        connection.execute_batch("BEGIN IMMEDIATE").map_err(failed(path))?;
        Ok(Some(Self { connection, path: path.to_owned() }))
    }

    /// The database as it is now.
    pub fn freeze(&self) -> Result<FrozenDatabase> {
        FrozenDatabase::of(&self.path)
    }

    /// Lets others write again.
    pub fn release(self) -> Result<()> {
        self.connection.execute_batch("ROLLBACK").map_err(failed(&self.path))
    }
}

/// A database as it was at one moment. Others may write meanwhile; what they write is not seen.
#[derive(Debug)]
pub struct FrozenDatabase {
    connection: Connection,
    path: PathBuf,
}

impl FrozenDatabase {
    /// The database as it is now.
    pub fn of(path: &Path) -> Result<Self> {
        let connection = open(path)?;
        // A transaction sees the state of its first read.
        connection
            .execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema;")
            .map_err(failed(path))?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Writes it as a file of its own, which must not exist; durable when this returns, its name
    /// apart.
    pub fn copy_to(&self, target: &Path) -> Result<()> {
        let mut copy = Connection::open(target).map_err(failed(target))?;
        // Whoever is killed here leaves a file that nothing names.
        copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
            .map_err(failed(target))?;
        let backup = Backup::new(&self.connection, &mut copy).map_err(failed(&self.path))?;
        loop {
            match backup.step(PAGES).map_err(failed(&self.path))? {
                StepResult::Done => break,
                StepResult::Busy | StepResult::Locked => {
                    let reason = "another process keeps it locked".to_owned();
                    return Err(BackupError::Database { path: self.path.clone(), reason });
                }
                _ => {}
            }
        }
        drop(backup);
        copy.close().map_err(|(_, error)| failed(target)(error))?;
        File::open(target).and_then(|file| file.sync_all()).map_err(BackupError::io(target))
    }
}

fn open(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed(path))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed(path))?;
    Ok(connection)
}

fn failed(path: &Path) -> impl FnOnce(rusqlite::Error) -> BackupError {
    let path = path.to_owned();
    move |error| BackupError::Database { path, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &Path) -> i64 {
        let connection = Connection::open(path).unwrap();
        connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_copy_is_of_the_moment_of_freezing() {
        let folder = tempfile::tempdir().unwrap();
        let (path, copy) = (folder.path().join("a.db"), folder.path().join("copy.db"));
        let writer = Connection::open(&path).unwrap();
        writer.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x);").unwrap();
        writer.execute_batch("INSERT INTO t VALUES (1)").unwrap();
        let held = HeldDatabase::hold(&path).unwrap().unwrap();
        writer.busy_timeout(Duration::ZERO).unwrap();
        assert!(writer.execute_batch("INSERT INTO t VALUES (2)").is_err(), "it is held");
        let frozen = held.freeze().unwrap();
        held.release().unwrap();
        writer.execute_batch("INSERT INTO t VALUES (2), (3)").unwrap();
        frozen.copy_to(&copy).unwrap();
        assert_eq!((count(&copy), count(&path)), (1, 3));
    }

    #[test]
    fn a_database_that_is_not_there_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none.db");
        assert!(HeldDatabase::hold(&path).unwrap().is_none());
        assert!(!path.exists());
    }
}
