//! A process with its task: what is said, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use millstream_core::log::AttemptLog;
use millstream_core::secret::{Secret, hidden};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::error::PythonError;
use crate::forked::{Forked, Guard};
use crate::log::{LastLines, LineSink, Listeners, follow};
use crate::wire::{self, Frame};
use crate::zygote::End;

/// How long a process may take to end once it has nothing more to do.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// A process with its task. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    /// What messages call it: the file that it runs.
    name: String,
    talk: UnixStream,
    end: oneshot::Receiver<End>,
    log: Option<JoinHandle<()>>,
    last: LastLines,
    secrets: Vec<Secret>,
    _guard: Arc<Guard>,
}

/// What a process is given to do.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    /// The file that it runs, as messages show it.
    pub(crate) name: &'a str,
    /// The text of that file.
    pub(crate) code: &'a str,
    /// What the process is told beside.
    pub(crate) header: Value,
    /// Takes what it prints, with its name.
    pub(crate) lines: LineSink,
    /// Takes what it prints.
    pub(crate) log: AttemptLog,
    /// What must not stand in what is told of it.
    pub(crate) secrets: Vec<Secret>,
}

/// What went wrong, as a process tells it.
#[derive(Debug, Deserialize)]
pub(crate) struct Failed {
    kind: FailedBy,
    message: String,
    line: Option<u64>,
    #[serde(default)]
    trace: String,
    hint: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FailedBy {
    Raised,
    Query,
    Rows,
    Memory,
    Result,
    Json,
}

impl Process {
    /// Tells a process what to do.
    pub(crate) async fn begin(forked: Forked, order: Order<'_>) -> Result<Self, PythonError> {
        let Forked { mut talk, log, end, guard, .. } = forked;
        let (name, last) = (order.name.to_owned(), LastLines::default());
        let listeners = Listeners {
            name: name.clone(),
            sink: order.lines,
            log: order.log,
            last: last.clone(),
            secrets: order.secrets.clone(),
        };
        let log = Some(tokio::spawn(follow(log, listeners)));
        wire::write(&mut talk, &order.header, order.code.as_bytes()).await?;
        Ok(Self { name, talk, end, log, last, secrets: order.secrets, _guard: guard })
    }

    /// Says something to it.
    pub(crate) async fn say(&mut self, header: &Value, body: &[u8]) -> Result<(), PythonError> {
        match wire::write(&mut self.talk, header, body).await {
            // How the process ended says more.
            Err(PythonError::Lost { .. }) => Err(self.broken_off().await),
            said => said,
        }
    }

    /// What it says next.
    pub(crate) async fn hear<H: DeserializeOwned>(&mut self) -> Result<Frame<H>, PythonError> {
        let read = wire::read::<H>(&mut self.talk).await;
        match read.map_err(|error| self.placed(error))? {
            Some(frame) => Ok(frame),
            None => Err(self.broken_off().await),
        }
    }

    /// Waits until all that it printed is told. It may not have ended yet: what took much memory
    /// takes a while to go.
    pub(crate) async fn settle(&mut self) {
        if let Some(log) = self.log.take() {
            let _ = timeout(END_TIMEOUT, log).await;
        }
    }

    /// Waits until it has ended and all that it printed is told.
    async fn end(&mut self) -> Option<End> {
        let end = match timeout(END_TIMEOUT, &mut self.end).await {
            Ok(end) => end.ok(),
            Err(_) => None,
        };
        self.settle().await;
        end
    }

    /// The error with the name of what runs.
    pub(crate) fn placed(&self, error: PythonError) -> PythonError {
        match error {
            PythonError::Nonsense { problem } => self.nonsense(&problem),
            other => other,
        }
    }

    pub(crate) fn nonsense(&self, problem: &str) -> PythonError {
        PythonError::Nonsense { problem: format!("{}: {problem}", self.name) }
    }

    /// The error of what it said went wrong.
    pub(crate) async fn failure(&mut self, failed: Failed) -> PythonError {
        self.settle().await;
        let name = self.name.clone();
        let place = match failed.line {
            Some(line) => format!("{name}:{line}"),
            None => name.clone(),
        };
        let Failed { message, trace, hint, .. } = failed;
        let (message, trace) = (hidden(&message, &self.secrets), hidden(&trace, &self.secrets));
        match failed.kind {
            FailedBy::Raised => PythonError::Raised { place, message, trace },
            FailedBy::Query => PythonError::Query { place, message, hint },
            FailedBy::Rows => PythonError::NotRows { name, message },
            FailedBy::Memory => PythonError::Memory { place, message, trace },
            FailedBy::Result => PythonError::WrongResult { place, message },
            FailedBy::Json => PythonError::NotJson { name, message },
        }
    }

    /// Why the conversation broke off.
    async fn broken_off(&mut self) -> PythonError {
        let end = self.end().await;
        let (name, output) = (self.name.clone(), self.last.text());
        match end {
            Some(End::Signal(signal)) => PythonError::Killed { name, signal, output },
            Some(End::Status(status)) => PythonError::Exited { name, status, output },
            Some(End::NotBegun(problem)) => PythonError::Lost { problem },
            None => PythonError::Lost { problem: "the warm process of Python ended".to_owned() },
        }
    }
}
