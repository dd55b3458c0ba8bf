//! Runs one node: compiles it, makes or tests what it says, and tells how that went.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use millstream_core::clock::Clock;
use millstream_core::slot::Slot;
use serde_json::{Map, Value};

use super::microbatch::{self, is_microbatch};
use super::pool::Turn;
use super::{native, pointer, question};
use crate::artifacts::{Moment, RunResult, Status, Timing};
use crate::context::{
    CompiledNode, Failure, FailureKind, LogLevel, MadeRelations, Worker, path_of, write_text,
};
use crate::manifest::{Node, NodeKind, UniqueId};

/// What a command does with nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Makes and tests them.
    Run,
    /// Renders their text.
    Compile,
    /// Makes relations that stand for those of another environment.
    Clone,
}

/// What became of a node.
#[derive(Debug, Clone)]
pub struct Done {
    /// How it went.
    pub result: RunResult,
    /// Its text, if it was rendered.
    pub compiled: Option<Arc<CompiledNode>>,
}

/// Takes a node to its end; it has its slot from when it is compiled. Nothing that goes wrong leaves
/// it but in the result.
pub(super) fn run_node(
    worker: &Worker,
    id: &UniqueId,
    purpose: Purpose,
    (thread, turn): (&str, Turn),
) -> Done {
    let begun = Instant::now();
    let mut run = NodeRun { worker, purpose, timing: Vec::new(), compiled: None };
    let ended = catch_unwind(AssertUnwindSafe(|| run.end_of(id, turn))).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().cloned();
        let message = message.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
        let message = message.unwrap_or_else(|| "no message".to_owned());
        Err(Failure::new(FailureKind::Internal, message))
    });
    let compiled = run.compiled;
    let mut result = match ended {
        Ok(result) => result,
        Err(failure) => failed(worker, id, &failure),
    };
    result.unique_id = id.clone();
    thread.clone_into(&mut result.thread_id);
    result.execution_time = begun.elapsed().as_secs_f64();
    result.timing = run.timing;
    let is_seed = id.resource_type() == "seed";
    result.compiled = (!is_seed).then_some(compiled.is_some());
    result.compiled_code =
        compiled.as_ref().filter(|_| !is_seed).map(|compiled| compiled.code.clone());
    if result.relation_name.is_none() {
        result.relation_name = compiled.as_ref().and_then(|node| node.relation_name.clone());
    }
    Done { result, compiled }
}

/// A node whose ephemeral parent fails is skipped, as if the parent had run.
fn failed(worker: &Worker, id: &UniqueId, failure: &Failure) -> RunResult {
    let (status, message) = match &failure.at.ephemeral {
        Some(parent) => {
            worker.session().around.log.line(LogLevel::Info, &failure.to_string());
            let message = format!(
                "Compilation Error in {id}, caused by compilation error in referenced ephemeral \
                 model {parent}"
            );
            (Status::Skipped, message)
        }
        None => (Status::Error, failure.to_string()),
    };
    RunResult { status, message: Some(message), ..RunResult::default() }
}

struct NodeRun<'w> {
    worker: &'w Worker,
    purpose: Purpose,
    timing: Vec<Timing>,
    compiled: Option<Arc<CompiledNode>>,
}

impl NodeRun<'_> {
    fn end_of(&mut self, id: &UniqueId, turn: Turn) -> Result<RunResult, Failure> {
        let manifest = Arc::clone(&self.worker.session().manifest);
        if let Some(node) = manifest.nodes.get(id) {
            return self.node(node, turn);
        }
        if let Some(test) = manifest.unit_tests.get(id) {
            let (worker, _slot) = (self.worker, turn.slot());
            let run = self.timed("execute", || worker.unit_test(test))?;
            self.compiled = Some(Arc::new(run.compiled));
            return Ok(super::unit::result(&run.made));
        }
        Ok(RunResult {
            status: Status::NoOp,
            message: Some("NO-OP".to_owned()),
            ..RunResult::default()
        })
    }

    fn node(&mut self, node: &Arc<Node>, turn: Turn) -> Result<RunResult, Failure> {
        let worker = self.worker;
        match self.purpose {
            Purpose::Clone => {
                let _slot = turn.slot();
                return self.timed("execute", || cloned(worker, node)).map(success);
            }
            Purpose::Run if is_microbatch(node) => {
                let _slot = turn.slot();
                let result = self.timed("execute", || microbatch::run(worker, node))?;
                if result.status == Status::Success {
                    point_to(worker, node)?;
                }
                return Ok(result);
            }
            Purpose::Run | Purpose::Compile => {}
        }
        let compiled = self.timed("compile", || compiled(worker, node))?;
        self.compiled = Some(Arc::clone(&compiled));
        if self.purpose == Purpose::Compile {
            return Ok(RunResult::default());
        }
        if matches!(node.kind, NodeKind::Function(_)) {
            // It has its slot until its last overload is made.
            let _slot = turn.slot();
            let make = |node: &_, compiled: &_| made(worker, node, compiled, Slot::default());
            return self.timed("execute", || super::function::run(worker, node, make, &compiled));
        }
        let slot = turn.slot();
        let made = self.timed("execute", || {
            let made = made(worker, node, &compiled, slot)?;
            point_to(worker, node).map(|()| made)
        })?;
        match &node.kind {
            NodeKind::Test(_) => super::tests::result(node, &made, worker.session()),
            _ => Ok(success(made)),
        }
    }

    fn timed<T>(&mut self, name: &str, work: impl FnOnce() -> T) -> T {
        let started_at = Some(Moment(Clock::System.now()));
        let done = work();
        let completed_at = Some(Moment(Clock::System.now()));
        self.timing.push(Timing { name: name.to_owned(), started_at, completed_at });
        done
    }
}

fn compiled(worker: &Worker, node: &Arc<Node>) -> Result<Arc<CompiledNode>, Failure> {
    let mut compiled = worker.compile(node)?;
    if !matches!(node.kind, NodeKind::Seed { .. }) {
        let path = path_of(&worker.session().target_path, "compiled", node, None);
        write_text(&path, &compiled.code).map_err(|error| unwritten(&path, &error))?;
        compiled.path = Some(path);
    }
    Ok(Arc::new(compiled))
}

fn made(
    worker: &Worker,
    node: &Arc<Node>,
    compiled: &Arc<CompiledNode>,
    slot: Slot,
) -> Result<MadeRelations, Failure> {
    if let Some(materializer) = native::materializer_for(worker.session(), node) {
        return native::make(worker, materializer, node, compiled, slot);
    }
    match question::answered(worker.session(), node, compiled)? {
        Some(made) => Ok(made),
        None => worker.materialize(node, compiled),
    }
}

/// How often the view of a latest version is tried: another version that is made anew drops what
/// rests on it at any moment, and so the view that was there, when that one was the latest.
const POINTER_TRIES: usize = 3;

/// Makes the view that stands for the latest version of a model, if there is to be one.
fn point_to(worker: &Worker, node: &Arc<Node>) -> Result<(), Failure> {
    let Some(pointer) = pointer::of(worker, node)? else { return Ok(()) };
    let make = || made(worker, &pointer.node, &pointer.compiled, Slot::default());
    for _ in 1..POINTER_TRIES {
        match make() {
            Err(failure) if failure.kind == FailureKind::Database => {}
            made => return made.map(drop),
        }
    }
    make().map(drop)
}

fn cloned(worker: &Worker, node: &Arc<Node>) -> Result<MadeRelations, Failure> {
    let session = worker.session();
    match (session.warehouse.materializer(), session.deferred_name(&node.unique_id)) {
        (Some(materializer), Some(original)) => {
            native::clone(worker, materializer, node, &original)
        }
        _ => worker.clone_node(node),
    }
}

/// A text that cannot be kept.
pub(super) fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::new(FailureKind::Runtime, format!("{} cannot be written: {error}", path.display()))
}

fn success(made: MadeRelations) -> RunResult {
    RunResult {
        status: Status::Success,
        message: Some(made.message),
        adapter_response: made.adapter_response,
        ..RunResult::default()
    }
}

/// A number of an answer, whatever type it has.
pub(super) fn number(row: &Map<String, Value>, key: &str) -> Option<i64> {
    match row.get(key)? {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|n| n as i64)),
        Value::String(text) => text.parse::<f64>().ok().map(|number| number as i64),
        Value::Bool(value) => Some(i64::from(*value)),
        _ => None,
    }
}

/// Whether a value of an answer is true, whatever type it has.
pub(super) fn holds(row: &Map<String, Value>, key: &str) -> bool {
    match row.get(key) {
        Some(Value::Bool(value)) => *value,
        Some(Value::String(text)) => {
            matches!(text.to_ascii_lowercase().as_str(), "true" | "t" | "1")
        }
        Some(Value::Number(number)) => number.as_f64().is_some_and(|number| number != 0.0),
        _ => false,
    }
}
