//! The ledger itself: one writer, some readers, the present names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_core::clock::{Clock, Timestamp};
use millstream_core::id::AttemptId;
use rusqlite::Connection;

use crate::audit::Actor;
use crate::catalog::Names;
use crate::error::{LedgerError, Result};
use crate::lease::Moment;
use crate::open;
use crate::readers::Readers;
use crate::writer::{Durable, Writer};

/// The book of record of one environment. Cheap to clone; clones share everything.
///
/// Writes are asynchronous and return when they are durable; claims, which publish nothing, are so
/// with the intent that follows them, and so are commits that recovery could make again. A write
/// whose future is dropped may still happen. Reads are synchronous and take well under a millisecond unless they return much.
/// Several processes may have the same ledger open.
#[derive(Clone, Debug)]
pub struct Ledger {
    inner: Arc<Inner>,
    actor: Option<Arc<Actor>>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    environment: String,
    clock: Clock,
    owner: String,
    writer: Writer,
    readers: Readers,
    names: Names,
}

impl Ledger {
    /// Opens the ledger of an environment; makes it, and never its folder, if there is none.
    ///
    /// Fails with `ledger.newer_format`, `ledger.other_environment`, `ledger.not_a_ledger`,
    /// `ledger.damaged` or `ledger.cannot_open`.
    pub async fn open(path: &Path, environment: &str, clock: Clock) -> Result<Self> {
        let (path, environment) = (path.to_owned(), environment.to_owned());
        tokio::task::spawn_blocking(move || Self::open_here(path, environment, clock))
            .await
            .map_err(|_| LedgerError::Closed)?
    }

    fn open_here(path: PathBuf, environment: String, clock: Clock) -> Result<Self> {
        let connection = open::open_or_create(&path, &environment)?;
        let inner = Inner {
            writer: Writer::start(connection)?,
            readers: Readers::new(&path),
            names: Names::new(&path),
            owner: AttemptId::new().to_string(),
            path,
            environment,
            clock,
        };
        Ok(Self { inner: Arc::new(inner), actor: None })
    }

    /// The same ledger in the name of somebody: what is done through it is in the audit record.
    #[must_use]
    pub fn acting_for(&self, actor: Actor) -> Self {
        Self { inner: Arc::clone(&self.inner), actor: Some(Arc::new(actor)) }
    }

    /// The environment whose ledger this is.
    pub fn environment(&self) -> &str {
        &self.inner.environment
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Reads the whole file and fails with `ledger.damaged` if anything contradicts itself.
    pub fn check_integrity(&self) -> Result<()> {
        self.read(open::check_integrity)
    }

    /// In whose name this handle writes.
    pub(crate) fn actor(&self) -> Option<Arc<Actor>> {
        self.actor.clone()
    }

    /// Now, by the clock with which it was opened.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Now, by the clock and since the machine began.
    pub(crate) fn moment(&self) -> Moment {
        Moment::of(&self.inner.clock)
    }

    /// The name under which this handle claims. Every handle has its own, so that a process that
    /// lost an attempt to another cannot write for it.
    pub(crate) fn owner(&self) -> &str {
        &self.inner.owner
    }

    /// What the catalog keeps between two looks.
    pub(crate) fn names(&self) -> &Names {
        &self.inner.names
    }

    /// Reads from one state.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.inner.readers.read(work)
    }

    /// Writes; durable when it returns.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.inner.writer.write(Durable::Now, work).await
    }

    /// Writes what says nothing to the outside: durable before anything that is written after it.
    pub(crate) async fn write_ahead<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.inner.writer.write(Durable::WithTheNext, work).await
    }
}
