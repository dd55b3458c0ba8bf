//! Runs the hooks of the project: SQL before the first node or after the last.

use std::sync::Arc;
use std::time::Instant;

use millstream_core::clock::Clock;
use millstream_jinja::Value;

use crate::artifacts::{Moment, RunResult, Status, Timing};
use crate::context::{Failure, Session, Worker};
use crate::manifest::{Node, NodeKind};

/// The thread of hooks.
pub(super) const THREAD: &str = "main";

/// The hooks of a kind: those of packages first, each in its order.
pub(super) fn hooks_of(session: &Session, word: &str) -> Vec<Arc<Node>> {
    let nodes = session.manifest.nodes.values();
    let mut hooks: Vec<Arc<Node>> =
        nodes.filter(|node| is_hook(node, word)).map(Arc::clone).collect();
    let root = &session.around.project_name;
    hooks.sort_by_key(|node| {
        let is_root = node.package_name == *root;
        (is_root, Arc::clone(&node.package_name), place(node))
    });
    hooks
}

fn is_hook(node: &Node, word: &str) -> bool {
    matches!(node.kind, NodeKind::Operation { .. }) && node.name.contains(word)
}

fn place(node: &Node) -> usize {
    match node.kind {
        NodeKind::Operation { index } => index,
        _ => 0,
    }
}

/// Runs a hook that lines and messages call `name`. One that renders to nothing is done.
///
/// # Errors
/// If it cannot be rendered, which ends the command. That the warehouse refuses it is a result.
pub(super) fn run_hook(
    worker: &Worker,
    node: &Arc<Node>,
    name: &str,
    names: &[(&'static str, Value)],
) -> Result<RunResult, Failure> {
    let begun = Instant::now();
    let mut timing = Vec::new();
    let sql = timed(&mut timing, "compile", || worker.render_with(&node.raw_code, node, names))?;
    let ended = timed(&mut timing, "execute", || statement(worker, &sql));
    let (status, message, failures) = match ended {
        Ok(()) => (Status::Success, format!("{name} passed"), 0),
        Err(failure) => (Status::Error, format!("{name} failed, error:\n {failure}"), 1),
    };
    Ok(RunResult {
        status,
        message: Some(message),
        failures: Some(failures),
        execution_time: begun.elapsed().as_secs_f64(),
        timing,
        ..blank(node)
    })
}

/// A hook that is not run, because one before it failed.
pub(super) fn skipped(node: &Node, name: &str) -> RunResult {
    let message = Some(format!("{name} skipped"));
    RunResult { status: Status::Skipped, message, failures: Some(1), ..blank(node) }
}

fn blank(node: &Node) -> RunResult {
    RunResult {
        unique_id: node.unique_id.clone(),
        thread_id: THREAD.to_owned(),
        compiled: Some(true),
        ..RunResult::default()
    }
}

fn statement(worker: &Worker, sql: &str) -> Result<(), Failure> {
    if !sql.trim().is_empty() {
        worker.execute(sql)?;
    }
    worker.commit()
}

fn timed<T>(timing: &mut Vec<Timing>, name: &str, work: impl FnOnce() -> T) -> T {
    let started_at = Some(Moment(Clock::System.now()));
    let done = work();
    let completed_at = Some(Moment(Clock::System.now()));
    timing.push(Timing { name: name.to_owned(), started_at, completed_at });
    done
}
