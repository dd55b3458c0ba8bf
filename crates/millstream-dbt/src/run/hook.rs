//! Runs a hook of the project: SQL before the first node or after the last.

use std::sync::Arc;
use std::time::Instant;

use crate::artifacts::{RunResult, Status};
use crate::context::{Failure, Worker};
use crate::manifest::Node;

/// Runs it. A hook that renders to nothing is done.
pub(super) fn run_hook(worker: &Worker, node: &Arc<Node>) -> RunResult {
    let begun = Instant::now();
    let ended = statement(worker, node);
    let execution_time = begun.elapsed().as_secs_f64();
    let (status, message) = match ended {
        Ok(message) => (Status::Success, message),
        Err(failure) => (Status::Error, failure.to_string()),
    };
    RunResult {
        status,
        message: Some(message),
        unique_id: node.unique_id.clone(),
        thread_id: "MainThread".to_owned(),
        execution_time,
        compiled: Some(true),
        ..RunResult::default()
    }
}

fn statement(worker: &Worker, node: &Arc<Node>) -> Result<String, Failure> {
    let sql = worker.render(&node.raw_code, node)?;
    if sql.trim().is_empty() {
        worker.commit()?;
        return Ok("OK".to_owned());
    }
    let answer = worker.execute(&sql)?;
    worker.commit()?;
    Ok(answer.status)
}
