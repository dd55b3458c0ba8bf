//! A process that was forked for a task: how it comes in, what is said, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use millstream_core::id::AttemptId;
use millstream_core::log::AttemptLog;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::error::PythonError;
use crate::host::House;
use crate::log::{LastLines, LineSink, Listeners, follow};
use crate::preload::preload;
use crate::wire::{self, Frame};
use crate::zygote::End;

/// How long a process may take to come in, imports included.
const ARRIVAL_TIMEOUT: Duration = Duration::from_mins(2);
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
    _guard: Guard,
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
}

/// Ends the process of a task, whatever becomes of the conversation.
#[derive(Debug)]
struct Guard {
    house: Arc<House>,
    id: String,
}

impl Process {
    /// Forks a process, and tells it what to do.
    pub(crate) async fn begin(house: Arc<House>, order: Order<'_>) -> Result<Self, PythonError> {
        let id = AttemptId::new().to_string();
        let arrival = house.door.expect(&id);
        let guard = Guard { house: Arc::clone(&house), id: id.clone() };
        let mut end = house.zygote.fork(&id, house.door.address(), &preload(order.code))?;
        let arrived = async { Ok((arrival.talk.await?, arrival.log.await?)) };
        let arrived: Result<(UnixStream, UnixStream), oneshot::error::RecvError> = tokio::select! {
            end = &mut end => return Err(unborn(end.ok())),
            () = tokio::time::sleep(ARRIVAL_TIMEOUT) => return Err(unborn(None)),
            arrived = arrived => arrived,
        };
        let Ok((mut talk, log)) = arrived else { return Err(unborn(None)) };
        let (name, last) = (order.name.to_owned(), LastLines::default());
        let listeners =
            Listeners { name: name.clone(), sink: order.lines, log: order.log, last: last.clone() };
        let log = Some(tokio::spawn(follow(log, listeners)));
        wire::write(&mut talk, &order.header, order.code.as_bytes()).await?;
        Ok(Self { name, talk, end, log, last, _guard: guard })
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

    /// Waits until the process has ended and all that it printed is told.
    pub(crate) async fn settle(&mut self) -> Option<End> {
        let end = match timeout(END_TIMEOUT, &mut self.end).await {
            Ok(end) => end.ok(),
            Err(_) => None,
        };
        if let Some(log) = self.log.take() {
            let _ = timeout(END_TIMEOUT, log).await;
        }
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
        match failed.kind {
            FailedBy::Raised => PythonError::Raised { place, message, trace },
            FailedBy::Query => PythonError::Query { place, message, hint },
            FailedBy::Rows => PythonError::NotRows { name, message },
            FailedBy::Memory => PythonError::Memory { place, message, trace },
            FailedBy::Result => PythonError::WrongResult { place, message },
        }
    }

    /// Why the conversation broke off.
    async fn broken_off(&mut self) -> PythonError {
        let end = self.settle().await;
        let (name, output) = (self.name.clone(), self.last.text());
        match end {
            Some(End::Signal(signal)) => PythonError::Killed { name, signal, output },
            Some(End::Status(status)) => PythonError::Exited { name, status, output },
            Some(End::NotBegun(problem)) => PythonError::Lost { problem },
            None => PythonError::Lost { problem: "the warm process of Python ended".to_owned() },
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.house.door.forget(&self.id);
        self.house.zygote.kill(&self.id);
    }
}

/// Why a process did not come in.
fn unborn(end: Option<End>) -> PythonError {
    let problem = match end {
        Some(End::NotBegun(problem)) => problem,
        Some(End::Status(status)) => format!("it ended with status {status} before it began"),
        Some(End::Signal(signal)) => format!("it was ended by signal {signal} before it began"),
        None => "it did not begin".to_owned(),
    };
    PythonError::Lost { problem }
}
