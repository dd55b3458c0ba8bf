//! Where the processes of programs come in: a socket in a folder that only this user may enter.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::error::PythonError;
use crate::wire;

/// How long somebody who came in may take to say who it is.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// Where processes come in.
#[derive(Debug)]
pub(crate) struct Door {
    address: PathBuf,
    expected: Expected,
    porter: JoinHandle<()>,
    _folder: TempDir,
}

/// The two sockets of a process.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) talk: oneshot::Receiver<UnixStream>,
    pub(crate) log: oneshot::Receiver<UnixStream>,
}

#[derive(Debug, Clone, Default)]
struct Expected(Arc<Mutex<Waiting>>);

/// Who waits for which of the sockets of a task.
type Waiting = HashMap<(String, Kind), oneshot::Sender<UnixStream>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Task,
    Log,
}

#[derive(Debug, Deserialize)]
struct Hello {
    task: String,
    kind: Kind,
}

impl Door {
    pub(crate) fn open() -> Result<Self, PythonError> {
        let lost = |error: &std::io::Error| PythonError::lost(error);
        let folder = tempfile::Builder::new().prefix("millstream-python-").tempdir();
        let folder = folder.map_err(|error| lost(&error))?;
        let address = folder.path().join("door");
        let listener = UnixListener::bind(&address).map_err(|error| lost(&error))?;
        let expected = Expected::default();
        let porter = tokio::spawn(attend(listener, expected.clone()));
        Ok(Self { address, expected, porter, _folder: folder })
    }

    pub(crate) fn address(&self) -> &Path {
        &self.address
    }

    /// Lets a process in, once.
    pub(crate) fn expect(&self, task: &str) -> Arrival {
        let (for_talk, talk) = oneshot::channel();
        let (for_log, log) = oneshot::channel();
        let mut expected = self.expected.lock();
        expected.insert((task.to_owned(), Kind::Task), for_talk);
        expected.insert((task.to_owned(), Kind::Log), for_log);
        Arrival { talk, log }
    }

    /// Lets it in no more.
    pub(crate) fn forget(&self, task: &str) {
        let mut expected = self.expected.lock();
        for kind in [Kind::Task, Kind::Log] {
            expected.remove(&(task.to_owned(), kind));
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.porter.abort();
    }
}

impl Expected {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn attend(listener: UnixListener, expected: Expected) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(tokio::time::timeout(HELLO_TIMEOUT, greet(stream, expected.clone())));
    }
}

/// Brings somebody who came in to who expects it; others are sent away.
async fn greet(mut stream: UnixStream, expected: Expected) {
    if let Ok(Some(frame)) = wire::read::<Hello>(&mut stream).await {
        let Hello { task, kind } = frame.header;
        let waiting = expected.lock().remove(&(task, kind));
        if let Some(waiting) = waiting {
            // Who waited may have gone.
            let _ = waiting.send(stream);
        }
    }
}
