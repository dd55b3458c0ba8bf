//! Functions that queries call, each in processes of its own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, new_empty_array};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use millstream_core::batch::BoxFuture;
use millstream_core::error::Result;
use millstream_core::log::AttemptLog;
use millstream_core::scalar::{NullInput, ScalarCalls, ScalarFunction, ScalarFunctions};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::batches;
use crate::error::PythonError;
use crate::host::PythonHost;
use crate::process::{Failed, Order, Process};
use crate::wire::{BODY_BYTES_MAX, Frame};

/// Batches that functions work on at the same time; others wait. A process that has nothing to do
/// holds no place, so that calls cannot wait for each other in a circle.
const CALLS_MAX: usize = 64;
/// How long a function may work on a batch, unless it says otherwise.
const CALL_TIMEOUT: Duration = Duration::from_mins(5);

/// The functions of a project.
#[derive(Debug)]
pub struct PythonFunctions {
    host: Arc<PythonHost>,
    functions: Vec<Arc<ScalarFunction>>,
    places: Arc<Semaphore>,
}

impl PythonFunctions {
    /// These functions, in the interpreter of a host.
    pub fn new(host: Arc<PythonHost>, functions: Vec<ScalarFunction>) -> Self {
        let functions = functions.into_iter().map(Arc::new).collect();
        Self { host, functions, places: Arc::new(Semaphore::new(CALLS_MAX)) }
    }
}

impl ScalarFunctions for PythonFunctions {
    fn all(&self) -> &[Arc<ScalarFunction>] {
        &self.functions
    }

    fn open<'a>(
        &'a self,
        function: &'a Arc<ScalarFunction>,
        returns: &'a DataType,
    ) -> BoxFuture<'a, Result<Box<dyn ScalarCalls>>> {
        Box::pin(async move {
            let header = json!({
                "op": "function",
                "name": function.file,
                "entry_point": function.entry_point,
                "arguments": function.arguments.len(),
                "skip_nulls": function.nulls == NullInput::Skip,
                "body_bytes_max": BODY_BYTES_MAX,
                "memory_bytes": function.limits.memory_bytes,
            });
            let order = Order {
                name: &function.file,
                code: &function.code,
                header,
                lines: self.host.lines(),
                log: AttemptLog::default(),
                secrets: Vec::new(),
            };
            let mut process =
                Process::begin(self.host.forked(&function.code).await?, order).await?;
            let result = Field::new("result", returns.clone(), true);
            let result = Arc::new(Schema::new(vec![result]));
            let body = batches::encoded(&result, &[])?;
            process.say(&json!({"op": "returns"}), &body).await?;
            let (function, places) = (Arc::clone(function), Arc::clone(&self.places));
            Ok(Box::new(Calls { function, process, result, places }) as Box<dyn ScalarCalls>)
        })
    }
}

/// The process of a function.
#[derive(Debug)]
struct Calls {
    function: Arc<ScalarFunction>,
    process: Process,
    /// The one column that it gives.
    result: SchemaRef,
    places: Arc<Semaphore>,
}

/// What the process says.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Heard {
    Batch,
    Done,
    Failed(Failed),
}

impl ScalarCalls for Calls {
    fn call(&mut self, rows: RecordBatch) -> BoxFuture<'_, Result<ArrayRef>> {
        Box::pin(async move {
            let places = Arc::clone(&self.places);
            let place = places.acquire().await;
            let _place = place.map_err(|error| PythonError::Lost { problem: error.to_string() })?;
            let limit = self.function.limits.timeout.unwrap_or(CALL_TIMEOUT);
            if let Ok(results) = timeout(limit, self.results(rows)).await {
                return Ok(results?);
            }
            let name = self.function.file.clone();
            Err(PythonError::TimedOut { name, limit }.into())
        })
    }
}

impl Calls {
    async fn results(&mut self, rows: RecordBatch) -> Result<ArrayRef, PythonError> {
        let mut pieces = VecDeque::from(batches::pieces(rows));
        let mut found = Vec::new();
        while let Some(piece) = pieces.pop_front() {
            self.ask(&piece).await?;
            found.extend(self.answer(piece.num_rows()).await?);
        }
        let parts: Vec<_> = found.iter().map(AsRef::as_ref).collect();
        match parts.as_slice() {
            [] => Ok(new_empty_array(self.result.field(0).data_type())),
            [_] => Ok(found.swap_remove(0)),
            several => concat(several).map_err(|error| self.process.nonsense(&error.to_string())),
        }
    }

    async fn ask(&mut self, rows: &RecordBatch) -> Result<(), PythonError> {
        let body = batches::encoded(&rows.schema(), std::slice::from_ref(rows))?;
        self.process.say(&json!({"op": "call", "rows": rows.num_rows()}), &body).await
    }

    /// One result for each row. What came is not trusted.
    async fn answer(&mut self, rows: usize) -> Result<Vec<ArrayRef>, PythonError> {
        let (mut found, mut count) = (Vec::new(), 0);
        loop {
            let Frame { header, body } = self.process.hear::<Heard>().await?;
            match header {
                Heard::Batch => {
                    let decoded = batches::decoded(body);
                    let (schema, batches) = decoded.map_err(|error| self.process.placed(error))?;
                    if schema != self.result {
                        return Err(self.process.nonsense("results of another type"));
                    }
                    count += batches.iter().map(RecordBatch::num_rows).sum::<usize>();
                    if count > rows {
                        return Err(self.process.nonsense("more results than rows"));
                    }
                    found.extend(batches.iter().map(|batch| Arc::clone(batch.column(0))));
                }
                Heard::Done if count == rows => return Ok(found),
                Heard::Done => return Err(self.process.nonsense("fewer results than rows")),
                Heard::Failed(failed) => return Err(self.process.failure(failed).await),
            }
        }
    }
}
