//! Makes a microbatch model, one batch after the other. A batch that fails does not take those
//! behind it along, but for the first: the others build on it.

use std::sync::Arc;
use std::time::Instant;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use millstream_core::clock::Timestamp;
use millstream_core::step::Refresh;
use serde_json::Value;

use super::batches::{BatchSize, Horizon, Stretch, stretches};
use super::event_time::{civil, moment};
use super::{lines, native};
use crate::adapter::RelationKind;
use crate::artifacts::{BatchResults, Moment, RunResult, Status};
use crate::context::{
    Batch, CompiledNode, Failure, LogLevel, MadeRelations, Worker, path_of, write_text,
};
use crate::manifest::{Node, NodeKind};

/// Whether a node is made in batches.
pub(super) fn is_microbatch(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Model)
        && node.config.materialized() == "incremental"
        && node.config.text("incremental_strategy") == Some("microbatch")
}

/// Makes all batches of a model that are due.
pub(super) fn run(worker: &Worker, node: &Arc<Node>) -> Result<RunResult, Failure> {
    let size = BatchSize::of(node)?;
    let existing = worker.existing(node)?;
    let builds_on = refresh(worker, node, existing);
    let before = worker.session().resumed.batches.get(&node.unique_id);
    let due = match before {
        Some(before) => before.failed.iter().map(stretch).collect(),
        None => stretches(node, &horizon(worker, builds_on))?,
    };
    let mut batches =
        Batches { worker, node, size, total: due.len(), ended: BatchResults::default() };
    let mut stands = if existing.is_some() { Refresh::Incremental } else { Refresh::Full };
    let mut first_failed = false;
    for (index, stretch) in due.iter().enumerate() {
        if first_failed {
            batches.skip(index, *stretch);
            continue;
        }
        let batch = size.batch(*stretch, if index == 0 { builds_on } else { stands });
        let made = batches.make(index, *stretch, &batch);
        first_failed = index == 0 && !made;
        if made {
            stands = Refresh::Incremental;
        }
    }
    let mut ended = batches.ended;
    let result = summed(&ended);
    ended.successful.extend(before.into_iter().flat_map(|before| before.successful.clone()));
    Ok(RunResult { batch_results: Some(ended), failures: Some(0), ..result })
}

/// Whether the first batch starts the table over.
fn refresh(worker: &Worker, node: &Node, existing: Option<RelationKind>) -> Refresh {
    match existing {
        Some(RelationKind::Table) if !worker.session().is_refreshed(node) => Refresh::Incremental,
        _ => Refresh::Full,
    }
}

fn horizon(worker: &Worker, refresh: Refresh) -> Horizon {
    let session = worker.session();
    let invocation = &session.around.invocation;
    let sample = invocation.args.get("sample").and_then(Value::as_object);
    let said = |key: &str| {
        let sampled = sample.and_then(|sample| sample.get(key));
        let flag = || invocation.args.get(&format!("event_time_{key}"));
        moment(sampled.or_else(flag)?.as_str()?)
    };
    let asked = said("start").zip(said("end"));
    let now = session.resumed.started_at_micros.unwrap_or(invocation.started_at_micros);
    Horizon { asked, now: civil(now), refresh }
}

struct Batches<'w> {
    worker: &'w Worker,
    node: &'w Arc<Node>,
    size: BatchSize,
    total: usize,
    ended: BatchResults,
}

impl Batches<'_> {
    /// Makes a batch. False if it failed.
    fn make(&mut self, index: usize, stretch: Stretch, batch: &Batch) -> bool {
        let described = self.described(stretch);
        let number = index + 1;
        self.say(&lines::started_batch(number, self.total, &described));
        let begun = Instant::now();
        let made = make_batch(self.worker, &self.hooked(index), batch);
        let seconds = begun.elapsed().as_secs_f64();
        let (word, status) = match &made {
            Ok(made) => ("OK created", made.message.as_str()),
            Err(failure) => {
                let log = &self.worker.session().around.log;
                log.line(LogLevel::Warn, &format!("Exception on worker thread. {failure}"));
                ("ERROR creating", "ERROR")
            }
        };
        let done = format!("{word} {described}");
        self.say(&lines::ended_batch(number, self.total, &done, status, seconds));
        let ended = if made.is_ok() { &mut self.ended.successful } else { &mut self.ended.failed };
        ended.push((at(stretch.start), at(stretch.end)));
        made.is_ok()
    }

    fn skip(&mut self, index: usize, stretch: Stretch) {
        let done = format!("SKIP {}", self.described(stretch));
        self.say(&lines::ended_batch(index + 1, self.total, &done, "SKIPPED", 0.0));
        self.ended.failed.push((at(stretch.start), at(stretch.end)));
    }

    fn described(&self, stretch: Stretch) -> String {
        let label = self.size.label(stretch.start);
        format!("batch {label} of {}.{}", self.node.schema, self.node.alias)
    }

    /// The node with its hooks where they belong: those before at the first batch, those behind at
    /// the last.
    fn hooked(&self, index: usize) -> Arc<Node> {
        let mut node = (**self.node).clone();
        if index > 0 {
            node.config.set("pre_hook", Vec::<Value>::new());
        }
        if index + 1 < self.total {
            node.config.set("post_hook", Vec::<Value>::new());
        }
        Arc::new(node)
    }

    fn say(&self, text: &str) {
        self.worker.session().around.log.line(LogLevel::Info, text);
    }
}

fn make_batch(worker: &Worker, node: &Arc<Node>, batch: &Batch) -> Result<MadeRelations, Failure> {
    let mut compiled = worker.compile_batch(node, batch)?;
    write_compiled(worker, node, batch, &mut compiled)?;
    let compiled = Arc::new(compiled);
    match native::materializer_for(worker.session(), node) {
        Some(materializer) => native::make_batch(worker, materializer, node, &compiled, batch),
        None => worker.materialize_batch(node, &compiled, batch),
    }
}

fn write_compiled(
    worker: &Worker,
    node: &Node,
    batch: &Batch,
    compiled: &mut CompiledNode,
) -> Result<(), Failure> {
    let target = &worker.session().target_path;
    let path = path_of(target, "compiled", node, Some(&batch.label));
    write_text(&path, &compiled.code).map_err(|error| super::node::unwritten(&path, &error))?;
    compiled.path = Some(path);
    Ok(())
}

/// What became of the model, from what became of its batches.
fn summed(ended: &BatchResults) -> RunResult {
    let (good, bad) = (ended.successful.len(), ended.failed.len());
    let (status, message) = match (good, bad) {
        (_, 0) => (Status::Success, "SUCCESS".to_owned()),
        (0, _) => (Status::Error, "ERROR".to_owned()),
        _ => (Status::PartialSuccess, format!("PARTIAL SUCCESS ({good}/{})", good + bad)),
    };
    RunResult { status, message: Some(message), ..RunResult::default() }
}

fn at(moment: DateTime) -> Moment {
    let zoned = moment.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp().as_microsecond());
    Moment(Timestamp::from_micros(zoned.unwrap_or_default()))
}

fn stretch((start, end): &(Moment, Moment)) -> Stretch {
    Stretch { start: civil(start.0.as_micros()), end: civil(end.0.as_micros()) }
}
