//! The one writer: a thread that puts all waiting writes into one transaction, syncs once, and
//! only then answers.

use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::error::{LedgerError, Result};

/// Writes that may wait; more callers wait for a place.
const WRITE_QUEUE_MAX: usize = 1024;
/// Writes of one transaction.
const GROUP_MAX: usize = 256;

/// When a write has to be on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durable {
    /// Before it is answered.
    Now,
    /// Before any write that comes after it and says `Now`. Every process sees it at once; only a
    /// power cut can lose it.
    WithTheNext,
}

/// The way to the writer's thread. Dropping it ends the thread after what is queued.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Write>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(connection: Connection) -> Result<Self> {
        let (queue, writes) = mpsc::channel(WRITE_QUEUE_MAX);
        let thread = std::thread::Builder::new()
            .name("millstream-ledger".to_owned())
            .spawn(move || serve(&connection, writes))
            .map_err(|error| LedgerError::Io { detail: error.to_string() })?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Does the work in a transaction and answers when it is as durable as asked for. Work that
    /// fails leaves no trace. Once queued it is done even if the caller no longer waits.
    pub(crate) async fn write<T, F>(&self, durable: Durable, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let write = Pending { durable, work: Some(work), outcome: None, reply };
        let queue = self.queue.as_ref().ok_or(LedgerError::Closed)?;
        queue.send(Box::new(write)).await.map_err(|_| LedgerError::Closed)?;
        answer.await.map_err(|_| LedgerError::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been answered to its callers as `Closed`.
            let _ = thread.join();
        }
    }
}

/// A write whose answer has a type that the thread does not know.
trait Write: Send {
    /// When it has to be on the disk.
    fn durable(&self) -> Durable;
    /// Does the work and keeps what it gave. What a failed one has written is still there.
    fn apply(&mut self, connection: &Connection);
    /// The error of the work, if it failed.
    fn failure(&self) -> Option<LedgerError>;
    /// Answers, once the transaction has ended.
    fn answer(self: Box<Self>, transaction: Result<()>);
}

struct Pending<T, F> {
    durable: Durable,
    work: Option<F>,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Write for Pending<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T> + Send,
{
    fn durable(&self) -> Durable {
        self.durable
    }

    fn apply(&mut self, connection: &Connection) {
        if let Some(work) = self.work.take() {
            self.outcome = Some(work(connection));
        }
    }

    fn failure(&self) -> Option<LedgerError> {
        self.outcome.as_ref()?.as_ref().err().cloned()
    }

    fn answer(self: Box<Self>, transaction: Result<()>) {
        let outcome = match (transaction, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            (Ok(()), None) => Err(LedgerError::Closed),
            (Err(error), _) => Err(error),
        };
        // A caller that no longer waits needs no answer.
        let _ = self.reply.send(outcome);
    }
}

fn serve(connection: &Connection, mut writes: mpsc::Receiver<Box<dyn Write>>) {
    let mut ended: Option<LedgerError> = None;
    let mut synced = Durable::Now;
    while let Some(first) = writes.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP_MAX
            && let Ok(next) = writes.try_recv()
        {
            group.push(next);
        }
        let transaction = match &ended {
            Some(error) => Err(error.clone()),
            None => commit_group(connection, &mut group, &mut synced),
        };
        if let Err(error) = &transaction
            && error.ends_writing()
        {
            ended = Some(error.clone());
        }
        for write in group {
            write.answer(transaction.clone());
        }
    }
}

/// One transaction of all writes of the group. `synced` is what the one before it was.
fn commit_group(
    connection: &Connection,
    group: &mut [Box<dyn Write>],
    synced: &mut Durable,
) -> Result<()> {
    sync_as_needed(connection, group, synced)?;
    run(connection, "BEGIN IMMEDIATE")?;
    let applied = match group {
        [alone] => apply_alone(connection, &mut **alone),
        group => apply_each(connection, group),
    };
    let committed = applied.and_then(|()| run(connection, "COMMIT"));
    if committed.is_err() && !connection.is_autocommit() {
        // The error before it is the one to report.
        let _ = run(connection, "ROLLBACK");
    }
    committed
}

/// A write that has a transaction to itself needs nothing else to be undone by.
fn apply_alone(connection: &Connection, write: &mut dyn Write) -> Result<()> {
    write.apply(connection);
    write.failure().map_or(Ok(()), Err)
}

/// Lets one write fail without those that share its transaction.
fn apply_each(connection: &Connection, group: &mut [Box<dyn Write>]) -> Result<()> {
    for write in group {
        run(connection, "SAVEPOINT one_write")?;
        write.apply(connection);
        if connection.is_autocommit() {
            // `SQLite` gives up the whole transaction when the disk is full or fails; those that
            // wrote before the failing one must learn of it too.
            return Err(write.failure().unwrap_or(LedgerError::Closed));
        }
        if write.failure().is_some() {
            run(connection, "ROLLBACK TO one_write")?;
        }
        run(connection, "RELEASE one_write")?;
    }
    Ok(())
}

fn run(connection: &Connection, statement: &str) -> Result<()> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}

/// Without a sync of its own, a transaction is in the log before those that come after it, so that
/// their sync is its sync too (`SQLite`, "PRAGMA synchronous": `NORMAL` with a write-ahead log).
fn sync_as_needed(
    connection: &Connection,
    group: &[Box<dyn Write>],
    synced: &mut Durable,
) -> Result<()> {
    let is_urgent = group.iter().any(|write| write.durable() == Durable::Now);
    let wanted = if is_urgent { Durable::Now } else { Durable::WithTheNext };
    if wanted != *synced {
        let level = match wanted {
            Durable::Now => "FULL",
            Durable::WithTheNext => "NORMAL",
        };
        connection.execute_batch(&format!("PRAGMA synchronous = {level}"))?;
        *synced = wanted;
    }
    Ok(())
}
