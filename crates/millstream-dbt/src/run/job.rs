//! A job: what a command does with the nodes that it selected, hooks of the project around them.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use millstream_jinja::Value;

use super::hook;
use super::lines::{self, Word};
use super::node::{Done, Purpose, run_node};
use super::pool::{Event, Turn, Verdict, Width, work_off};
use super::queue::Queue;
use crate::artifacts::{RunResult, Status};
use crate::context::{CompiledNode, Failure, RunResultValue, Session, Worker};
use crate::manifest::{Node, NodeKind, UniqueId};

/// What a command does with the nodes that it selected.
pub struct Job<'a> {
    /// The project and the command.
    pub session: Arc<Session>,
    /// The nodes in their order, each with those it waits for.
    pub schedule: Vec<(UniqueId, Vec<UniqueId>)>,
    /// What is done with them.
    pub purpose: Purpose,
    /// Nodes at the same time.
    pub threads: usize,
    /// What a failure means for nodes that do not wait for it.
    pub on_failure: OnFailure,
    /// How wide lines are.
    pub width: usize,
    /// Takes lines for people.
    pub say: &'a dyn Fn(&str),
}

impl fmt::Debug for Job<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

/// What a failure means for nodes that do not wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// They run.
    GoOn,
    /// They do not begin.
    Stop,
}

/// What a job did.
#[derive(Debug, Default)]
pub struct JobEnd {
    /// How every node went, in the order in which they ended.
    pub results: Vec<RunResult>,
    /// Texts that were rendered.
    pub compiled: HashMap<UniqueId, Arc<CompiledNode>>,
    /// Seconds that it took.
    pub elapsed: f64,
    /// Why it ended before its time: schemas cannot be made, or a hook cannot be rendered.
    pub aborted: Option<Failure>,
}

impl JobEnd {
    /// Whether every node is as it should be.
    pub fn succeeded(&self) -> bool {
        self.results.iter().all(|result| !is_failure(result.status))
    }
}

/// Whether a status makes the command fail.
pub fn is_failure(status: Status) -> bool {
    matches!(
        status,
        Status::Error
            | Status::Fail
            | Status::Skipped
            | Status::PartialSuccess
            | Status::RuntimeError
    )
}

impl Job<'_> {
    /// Does it.
    ///
    /// # Errors
    /// If threads cannot be started. What fails in the project is in the results.
    pub fn run(mut self) -> io::Result<JobEnd> {
        let begun = Instant::now();
        let schedule = std::mem::take(&mut self.schedule);
        let mut end = JobEnd::default();
        self.session.select(schedule.iter().map(|(id, _)| id.clone()));
        if self.purpose != Purpose::Compile && !schedule.is_empty() {
            let prepared = self.prepare(&schedule, &mut end);
            if end.aborted.is_some() {
                return Ok(end);
            }
            if !prepared {
                self.skip_all(schedule, &mut end);
                end.elapsed = begun.elapsed().as_secs_f64();
                return Ok(end);
            }
        }
        self.work(schedule, &mut end)?;
        if self.purpose == Purpose::Run && !end.results.is_empty() {
            let names = self.names_at_end(&end);
            self.hooks("on-run-end", &names, &mut end);
        }
        end.elapsed = begun.elapsed().as_secs_f64();
        Ok(end)
    }

    /// Makes the schemas and runs the first hooks. False if the nodes cannot run.
    fn prepare(&self, schedule: &[(UniqueId, Vec<UniqueId>)], end: &mut JobEnd) -> bool {
        let worker = Worker::new(Arc::clone(&self.session), "MainThread");
        if let Err(failure) = self.make_schemas(&worker, schedule) {
            end.aborted = Some(failure);
            return false;
        }
        self.purpose != Purpose::Run || self.hooks("on-run-start", &[], end)
    }

    fn make_schemas(
        &self,
        worker: &Worker,
        schedule: &[(UniqueId, Vec<UniqueId>)],
    ) -> Result<(), Failure> {
        if self.session.warehouse.materializer().is_some() {
            return Ok(());
        }
        let nodes = schedule.iter().filter_map(|(id, _)| self.session.manifest.nodes.get(id));
        let mut seen = BTreeSet::new();
        for node in nodes.filter(|node| makes_relation(node)) {
            if seen.insert((node.database.clone(), Arc::clone(&node.schema))) {
                worker.render(MAKE_SCHEMA, node)?;
                worker.commit()?;
            }
        }
        Ok(())
    }

    /// Runs the hooks of the project and its packages. False if one failed; those behind it do
    /// not run.
    fn hooks(&self, word: &str, names: &[(&'static str, Value)], end: &mut JobEnd) -> bool {
        let hooks = hook::hooks_of(&self.session, word);
        if hooks.is_empty() {
            return true;
        }
        let worker = Worker::new(Arc::clone(&self.session), "MainThread");
        let (total, mut failed) = (hooks.len(), false);
        for (index, node) in hooks.iter().enumerate() {
            let number = index + 1;
            let name = format!("{}.{word}.{index}", node.package_name);
            if failed {
                end.results.push(hook::skipped(node, &name));
                continue;
            }
            (self.say)(&lines::started(number, total, &format!("hook: {name}"), self.width));
            let done = match hook::run_hook(&worker, node, &name, names) {
                Ok(done) => done,
                Err(failure) => {
                    end.aborted = Some(failure);
                    return false;
                }
            };
            failed = done.status != Status::Success;
            let word = if failed { "ERROR" } else { "OK" };
            let (text, seconds) = (format!("{word} hook: {name}"), done.execution_time);
            (self.say)(&lines::told(number, total, &text, word, seconds, self.width));
            end.results.push(done);
        }
        !failed
    }

    /// What hooks at the end see besides: what became of every node, and where those are that
    /// were made.
    fn names_at_end(&self, end: &JobEnd) -> Vec<(&'static str, Value)> {
        let shown = end
            .results
            .iter()
            .filter(|result| result.thread_id != hook::THREAD || result.status == Status::Error);
        let results = shown.map(|result| {
            RunResultValue::of(&self.session, result, end.compiled.get(&result.unique_id))
        });
        let made = end.results.iter().filter(|result| !is_failure(result.status));
        let nodes = made.filter_map(|result| self.session.manifest.nodes.get(&result.unique_id));
        let places: BTreeSet<_> = nodes
            .filter(|node| makes_relation(node))
            .map(|node| (node.database.clone(), Arc::clone(&node.schema)))
            .collect();
        let schemas: BTreeSet<&Arc<str>> = places.iter().map(|(_, schema)| schema).collect();
        let schemas = schemas.into_iter().map(|schema| Value::text(Arc::clone(schema)));
        let pair = |(database, schema): &(Option<Arc<str>>, Arc<str>)| {
            Value::tuple([Value::from(database.as_deref()), Value::text(Arc::clone(schema))])
        };
        vec![
            ("results", Value::list(results)),
            ("schemas", Value::list(schemas)),
            ("database_schemas", Value::list(places.iter().map(pair))),
        ]
    }

    fn work(&self, schedule: Vec<(UniqueId, Vec<UniqueId>)>, end: &mut JobEnd) -> io::Result<()> {
        let total = schedule.len();
        let width = self.width_of(total);
        let (session, purpose) = (&self.session, self.purpose);
        let make = |number: usize| {
            let name = format!("Thread-{number}");
            (Worker::new(Arc::clone(session), &name), name)
        };
        let run = |(worker, thread): &(Worker, String), id: &UniqueId, turn: Turn| {
            run_node(worker, id, purpose, (thread, turn))
        };
        work_off(Queue::new(schedule), width, &make, &run, &mut |event| match event {
            Event::Started { id, number } => {
                self.say_started(&id, number, total);
                Verdict::Go
            }
            Event::Ended { number, result, .. } => {
                let Done { result, compiled } = result;
                self.say_ended(&result, number, total);
                let verdict = self.verdict(result.status);
                if let Some(compiled) = compiled {
                    end.compiled.insert(compiled.id.clone(), compiled);
                }
                end.results.push(result);
                verdict
            }
            Event::Skipped { id, number, because_of } => {
                self.say_skipped(&id, number, total);
                let because = because_of.is_none().then(|| "Skipping due to fail_fast".to_owned());
                end.results.push(skipped(id, because));
                Verdict::Go
            }
        })
    }

    /// Who asks for one thread wants one node after the other.
    fn width_of(&self, total: usize) -> Width {
        let slots = self.threads.clamp(1, total.max(1));
        let materializer = self.session.warehouse.materializer();
        match materializer {
            Some(materializer) if slots > 1 && self.purpose == Purpose::Run => {
                let settling = materializer.settling_max().min(total - slots);
                // Who wants nothing to begin after a failure wants nothing begun before it.
                let ahead = if self.on_failure == OnFailure::GoOn { slots } else { 0 };
                Width { slots, ahead, settling }
            }
            _ => Width::of(slots),
        }
    }

    fn verdict(&self, status: Status) -> Verdict {
        match (is_failure(status), self.on_failure) {
            (false, _) => Verdict::Go,
            (true, OnFailure::GoOn) => Verdict::SkipBehind,
            (true, OnFailure::Stop) => Verdict::Stop,
        }
    }

    fn skip_all(&self, schedule: Vec<(UniqueId, Vec<UniqueId>)>, end: &mut JobEnd) {
        let total = schedule.len();
        for (index, (id, _)) in schedule.into_iter().enumerate() {
            self.say_skipped(&id, index + 1, total);
            end.results.push(skipped(id, None));
        }
    }

    fn node(&self, id: &UniqueId) -> Option<&Arc<Node>> {
        self.session.manifest.nodes.get(id).filter(|_| self.purpose != Purpose::Compile)
    }

    fn say_started(&self, id: &UniqueId, number: usize, total: usize) {
        let what = match (self.node(id), self.session.manifest.unit_tests.get(id)) {
            (Some(node), _) => lines::described(node),
            (None, Some(test)) => format!("unit_test {}::{}", test.model, test.name),
            (None, None) => return,
        };
        (self.say)(&lines::started(number, total, &what, self.width));
    }

    fn say_ended(&self, result: &RunResult, number: usize, total: usize) {
        if result.status == Status::Skipped {
            return self.say_skipped(&result.unique_id, number, total);
        }
        let failures = result.failures.unwrap_or_default().unsigned_abs();
        let word = match result.status {
            Status::Error | Status::RuntimeError => Word::Error,
            Status::Fail => Word::Fail(failures),
            Status::Warn => Word::Warn(failures),
            Status::Pass => Word::Pass,
            Status::PartialSuccess => Word::Partial,
            _ => Word::Ok,
        };
        let message = result.message.as_deref().unwrap_or_default();
        let seconds = result.execution_time;
        if let Some(node) = self.node(&result.unique_id) {
            let done = lines::Done { node, word, message, seconds };
            (self.say)(&lines::ended(number, total, &done, self.width));
        } else if let Some(test) = self.session.manifest.unit_tests.get(&result.unique_id) {
            let (word, status) = match word {
                Word::Pass => ("PASS", "PASS"),
                Word::Fail(_) => ("FAIL 1", "FAIL 1"),
                _ => ("ERROR", "ERROR"),
            };
            let text = format!("{word} {}::{}", test.model, test.name);
            (self.say)(&lines::told(number, total, &text, status, seconds, self.width));
        }
    }

    fn say_skipped(&self, id: &UniqueId, number: usize, total: usize) {
        if let Some(node) = self.node(id) {
            (self.say)(&lines::skipped(number, total, node, self.width));
        }
    }
}

/// Makes the schema of a node if it is not there.
const MAKE_SCHEMA: &str = "\
{%- set relation = api.Relation.create(database=model.database, schema=model.schema) -%}
{%- if not adapter.check_schema_exists(model.database, model.schema) -%}
{%- do adapter.create_schema(relation) -%}
{%- endif -%}";

fn makes_relation(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Model => node.config.materialized() != "ephemeral",
        NodeKind::Seed { .. } | NodeKind::Snapshot | NodeKind::Function(_) => true,
        NodeKind::Test(_) => node.config.bool("store_failures") == Some(true),
        NodeKind::Analysis | NodeKind::Operation { .. } => false,
    }
}

fn skipped(id: UniqueId, message: Option<String>) -> RunResult {
    RunResult {
        status: Status::Skipped,
        unique_id: id,
        message,
        thread_id: "MainThread".to_owned(),
        compiled: Some(false),
        ..RunResult::default()
    }
}
