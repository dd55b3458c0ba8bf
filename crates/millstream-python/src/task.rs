//! The conversation with the process of one program.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::StreamExt as _;
use millstream_core::batch::BatchStream;
use millstream_core::error::Result;
use millstream_core::id::AttemptId;
use millstream_core::program::Program;
use millstream_core::warehouse::{Query, Warehouse};
use serde::Deserialize;
use serde_json::json;
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::batches;
use crate::error::PythonError;
use crate::log::{LastLines, LineSink, Listeners, follow};
use crate::pool::House;
use crate::preload::preload;
use crate::wire::{self, BODY_BYTES_MAX, Frame};
use crate::zygote::End;

/// Queries of one program that are read at the same time.
const QUERIES_MAX: usize = 64;
/// How long a process may take to come in, imports included.
const ARRIVAL_TIMEOUT: Duration = Duration::from_mins(2);
/// How long a process may take to end once it has nothing more to do.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// A program that runs. Its process ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Task {
    program: Program,
    talk: UnixStream,
    end: oneshot::Receiver<End>,
    log: Option<JoinHandle<()>>,
    last: LastLines,
    queries: HashMap<u64, Reading>,
    warehouse: Arc<dyn Warehouse>,
    deadline: Option<Instant>,
    schema: Option<SchemaRef>,
    /// Batches that came and were not yet asked for.
    pub(crate) received: VecDeque<RecordBatch>,
    _guard: Guard,
    _place: OwnedSemaphorePermit,
}

/// What a program said of its rows.
#[derive(Debug)]
pub(crate) enum Said {
    /// They are those of a query.
    Query(String),
    /// These are their columns.
    Schema(SchemaRef),
    /// These are some of them.
    Batches(Vec<RecordBatch>),
    /// These were all.
    Done,
}

/// A query that the program reads.
#[derive(Debug)]
struct Reading {
    rows: BatchStream,
    cut: VecDeque<RecordBatch>,
}

/// Ends the process of a task, whatever becomes of the conversation.
#[derive(Debug)]
struct Guard {
    house: Arc<House>,
    id: String,
}

/// What a process says.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Heard {
    Query { query: u64, sql: String },
    Next { query: u64 },
    Relation { sql: String },
    Result,
    Batch,
    Done,
    Failed(Failed),
}

#[derive(Debug, Deserialize)]
struct Failed {
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
    Result,
}

impl Task {
    /// Forks a process for a program and gives it the program.
    pub(crate) async fn begin(
        house: Arc<House>,
        place: OwnedSemaphorePermit,
        program: &Program,
        warehouse: Arc<dyn Warehouse>,
        lines: LineSink,
    ) -> Result<Self, PythonError> {
        let id = AttemptId::new().to_string();
        let deadline = program.timeout.map(|limit| Instant::now() + limit);
        let arrival = house.door.expect(&id);
        let guard = Guard { house: Arc::clone(&house), id: id.clone() };
        let mut end = house.zygote.fork(&id, house.door.address(), &preload(&program.code))?;
        let arrived = async { Ok((arrival.talk.await?, arrival.log.await?)) };
        let arrived: Result<(UnixStream, UnixStream), oneshot::error::RecvError> = tokio::select! {
            end = &mut end => return Err(unborn(end.ok())),
            () = tokio::time::sleep(ARRIVAL_TIMEOUT) => return Err(unborn(None)),
            arrived = arrived => arrived,
        };
        let Ok((mut talk, log)) = arrived else { return Err(unborn(None)) };
        let last = LastLines::default();
        let listeners = Listeners {
            name: program.name.clone(),
            sink: lines,
            log: program.log.clone(),
            last: last.clone(),
        };
        let log = tokio::spawn(follow(log, listeners));
        let order = json!({"op": "run", "name": program.name, "body_bytes_max": BODY_BYTES_MAX});
        wire::write(&mut talk, &order, program.code.as_bytes()).await?;
        Ok(Self {
            program: program.clone(),
            talk,
            end,
            log: Some(log),
            last,
            queries: HashMap::new(),
            warehouse,
            deadline,
            schema: None,
            received: VecDeque::new(),
            _guard: guard,
            _place: place,
        })
    }

    /// Answers what the program asks until it says something of its rows.
    pub(crate) async fn next(&mut self) -> Result<Said> {
        let Some(deadline) = self.deadline else { return self.listen().await };
        if let Ok(said) = timeout_at(deadline, self.listen()).await {
            return said;
        }
        let limit = self.program.timeout.unwrap_or_default();
        Err(PythonError::TimedOut { name: self.program.name.clone(), limit }.into())
    }

    /// The rows of a query as the program sees them.
    pub(crate) async fn query(&mut self, sql: String) -> Result<BatchStream> {
        let Program { catalog, now, .. } = &self.program;
        self.warehouse.query(&Query { sql, catalog: catalog.clone(), now: *now }).await
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

    fn decoded(&self, body: Vec<u8>) -> Result<(SchemaRef, Vec<RecordBatch>), PythonError> {
        batches::decoded(body).map_err(|error| self.placed(error))
    }

    /// The error with the name of the program.
    fn placed(&self, error: PythonError) -> PythonError {
        match error {
            PythonError::Nonsense { problem } => self.nonsense(&problem),
            other => other,
        }
    }

    pub(crate) fn nonsense(&self, problem: &str) -> PythonError {
        PythonError::Nonsense { problem: format!("{}: {problem}", self.program.name) }
    }

    async fn listen(&mut self) -> Result<Said> {
        loop {
            let read = wire::read::<Heard>(&mut self.talk).await;
            let Some(frame) = read.map_err(|error| self.placed(error))? else {
                return Err(self.broken_off().await.into());
            };
            let Frame { header, body } = frame;
            match header {
                Heard::Query { query, sql } => self.answer_query(query, sql).await?,
                Heard::Next { query } => self.answer_next(query).await?,
                Heard::Relation { sql } => return Ok(Said::Query(sql)),
                Heard::Result => {
                    let (schema, _) = self.decoded(body)?;
                    self.schema = Some(Arc::clone(&schema));
                    return Ok(Said::Schema(schema));
                }
                Heard::Batch => {
                    let (schema, batches) = self.decoded(body)?;
                    if self.schema.as_ref().is_none_or(|known| *known != schema) {
                        return Err(self.nonsense("rows of other columns").into());
                    }
                    return Ok(Said::Batches(batches));
                }
                Heard::Done => return Ok(Said::Done),
                Heard::Failed(failed) => {
                    self.settle().await;
                    return Err(self.failure(failed).into());
                }
            }
        }
    }

    async fn answer_query(&mut self, query: u64, sql: String) -> Result<()> {
        if self.queries.len() >= QUERIES_MAX {
            let problem = format!("more than {QUERIES_MAX} queries are read at the same time");
            return self.refuse(&self.nonsense(&problem).into()).await;
        }
        match self.query(sql).await {
            Ok(rows) => {
                let body = batches::encoded(&rows.schema, &[])?;
                self.queries.insert(query, Reading { rows, cut: VecDeque::new() });
                self.say(&json!({"op": "rows"}), &body).await
            }
            Err(error) => self.refuse(&error).await,
        }
    }

    async fn answer_next(&mut self, query: u64) -> Result<()> {
        let Some(reading) = self.queries.get_mut(&query) else {
            return self.say(&json!({"op": "end"}), &[]).await;
        };
        match reading.next().await {
            Some(Ok(batch)) => {
                let body = batches::encoded(&batch.schema(), &[batch])?;
                self.say(&json!({"op": "rows"}), &body).await
            }
            Some(Err(error)) => {
                self.queries.remove(&query);
                self.refuse(&error).await
            }
            None => {
                self.queries.remove(&query);
                self.say(&json!({"op": "end"}), &[]).await
            }
        }
    }

    async fn refuse(&mut self, error: &millstream_core::Error) -> Result<()> {
        let refused = json!({"op": "refused", "message": error.chain(), "code": error.code(),
            "hint": error.hint()});
        self.say(&refused, &[]).await
    }

    async fn say(&mut self, header: &serde_json::Value, body: &[u8]) -> Result<()> {
        match wire::write(&mut self.talk, header, body).await {
            // How the process ended says more.
            Err(PythonError::Lost { .. }) => Err(self.broken_off().await.into()),
            said => Ok(said?),
        }
    }

    /// Why the conversation broke off.
    async fn broken_off(&mut self) -> PythonError {
        let end = self.settle().await;
        let (name, output) = (self.program.name.clone(), self.last.text());
        match end {
            Some(End::Signal(signal)) => PythonError::Killed { name, signal, output },
            Some(End::Status(status)) => PythonError::Exited { name, status, output },
            Some(End::NotBegun(problem)) => PythonError::Lost { problem },
            None => PythonError::Lost { problem: "the warm process of Python ended".to_owned() },
        }
    }

    fn failure(&self, failed: Failed) -> PythonError {
        let name = self.program.name.clone();
        let place = match failed.line {
            Some(line) => format!("{name}:{line}"),
            None => name.clone(),
        };
        let Failed { message, trace, hint, .. } = failed;
        match failed.kind {
            FailedBy::Raised => PythonError::Raised { place, message, trace },
            FailedBy::Query => PythonError::Query { place, message, hint },
            FailedBy::Result => PythonError::NotRows { name, message },
        }
    }
}

impl Reading {
    /// The next rows, in a piece that fits into a frame.
    async fn next(&mut self) -> Option<Result<RecordBatch>> {
        if self.cut.is_empty() {
            match self.rows.batches.next().await? {
                Ok(batch) => self.cut.extend(batches::pieces(batch)),
                Err(error) => return Some(Err(error)),
            }
        }
        self.cut.pop_front().map(Ok)
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
