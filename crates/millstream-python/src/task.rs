//! The conversation with the process of one model.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::StreamExt as _;
use millstream_core::batch::BatchStream;
use millstream_core::error::Result;
use millstream_core::program::Program;
use millstream_core::warehouse::{Query, Warehouse};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use crate::batches;
use crate::error::PythonError;
use crate::forked::Forked;
use crate::log::LineSink;
use crate::process::{Failed, Order, Process};
use crate::wire::{BODY_BYTES_MAX, Frame};

/// Queries of one program that are read at the same time.
const QUERIES_MAX: usize = 64;

/// A program that runs. Its process ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Task {
    program: Program,
    process: Process,
    queries: HashMap<u64, Reading>,
    warehouse: Arc<dyn Warehouse>,
    deadline: Option<Instant>,
    schema: Option<SchemaRef>,
    /// Batches that came and were not yet asked for.
    pub(crate) received: VecDeque<RecordBatch>,
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

impl Task {
    /// Gives a program to a process.
    pub(crate) async fn begin(
        forked: Forked,
        place: OwnedSemaphorePermit,
        program: &Program,
        warehouse: Arc<dyn Warehouse>,
        lines: LineSink,
    ) -> Result<Self, PythonError> {
        let deadline = program.limits.timeout.map(|limit| Instant::now() + limit);
        let header = json!({
            "op": "run",
            "name": program.name,
            "body_bytes_max": BODY_BYTES_MAX,
            "memory_bytes": program.limits.memory_bytes,
        });
        let (name, code, log) = (&program.name, &program.code, program.log.clone());
        let process =
            Process::begin(forked, Order { name, code, header, lines, log, secrets: Vec::new() })
                .await?;
        Ok(Self {
            program: program.clone(),
            process,
            queries: HashMap::new(),
            warehouse,
            deadline,
            schema: None,
            received: VecDeque::new(),
            _place: place,
        })
    }

    /// Answers what the program asks until it says something of its rows.
    pub(crate) async fn next(&mut self) -> Result<Said> {
        let Some(deadline) = self.deadline else { return self.listen().await };
        if let Ok(said) = timeout_at(deadline, self.listen()).await {
            return said;
        }
        let limit = self.program.limits.timeout.unwrap_or_default();
        Err(PythonError::TimedOut { name: self.program.name.clone(), limit }.into())
    }

    /// The rows of a query as the program sees them.
    pub(crate) async fn query(&mut self, sql: String) -> Result<BatchStream> {
        let Program { catalog, now, .. } = &self.program;
        self.warehouse.query(&Query { sql, catalog: catalog.clone(), now: *now }).await
    }

    /// Waits until all that it printed is told.
    pub(crate) async fn settle(&mut self) {
        self.process.settle().await;
    }

    fn decoded(&self, body: Vec<u8>) -> Result<(SchemaRef, Vec<RecordBatch>), PythonError> {
        batches::decoded(body).map_err(|error| self.process.placed(error))
    }

    pub(crate) fn nonsense(&self, problem: &str) -> PythonError {
        self.process.nonsense(problem)
    }

    async fn listen(&mut self) -> Result<Said> {
        loop {
            let Frame { header, body } = self.process.hear::<Heard>().await?;
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
                Heard::Failed(failed) => return Err(self.process.failure(failed).await.into()),
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
        Ok(self.process.say(header, body).await?)
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
