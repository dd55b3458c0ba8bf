//! A few connections for reading. Readers never wait for the writer, only for each other when
//! there are more of them than connections.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

use rusqlite::Connection;

use crate::error::Result;
use crate::open;

/// Connections that may be open for reading.
const READERS_MAX: usize = 4;

/// The pool. Connections are opened when they are first needed.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Connection>,
    reading: usize,
}

impl Readers {
    /// An empty pool.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), pool: Mutex::default(), returned: Condvar::new() }
    }

    /// Reads from one state of the ledger, however many statements the work has.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let mut place = self.place();
        let connection = match place.idle.take() {
            Some(connection) => connection,
            None => open::open_reader(&self.path)?,
        };
        let transaction = connection.unchecked_transaction()?;
        let outcome = work(&transaction);
        drop(transaction);
        place.idle = Some(connection);
        outcome
    }

    /// Waits until fewer than the allowed number read.
    fn place(&self) -> Place<'_> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        while pool.reading >= READERS_MAX {
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
        pool.reading += 1;
        Place { readers: self, idle: pool.idle.pop() }
    }
}

/// The right to read, and a connection that is open already. Given back when dropped, also by a
/// panic.
struct Place<'a> {
    readers: &'a Readers,
    idle: Option<Connection>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.pool.lock().unwrap_or_else(PoisonError::into_inner);
        pool.reading -= 1;
        pool.idle.extend(self.idle.take());
        drop(pool);
        self.readers.returned.notify_one();
    }
}
