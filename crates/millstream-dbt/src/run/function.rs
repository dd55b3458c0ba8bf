//! Makes a function, and then its overloads: the same name with other arguments. An overload that
//! fails takes nothing along.

use std::sync::Arc;
use std::time::Instant;

use super::lines;
use crate::artifacts::{OverloadResults, RunResult, Status};
use crate::context::{CompiledNode, Failure, LogLevel, MadeRelations, Worker};
use crate::manifest::Node;

/// Makes a function with its overloads. Those that a former command made stay as they are.
pub(super) fn run(
    worker: &Worker,
    node: &Arc<Node>,
    make: impl Fn(&Arc<Node>, &Arc<CompiledNode>) -> Result<MadeRelations, Failure>,
    compiled: &Arc<CompiledNode>,
) -> Result<RunResult, Failure> {
    let forms = forms(worker, node)?;
    let made = make(node, compiled)?;
    let before = worker.session().resumed.overloads.get(&node.unique_id);
    let mut ended = OverloadResults::default();
    for (index, Form { name, node, compiled }) in forms.iter().enumerate() {
        let told = Told { worker, index, total: forms.len(), what: described(node, name) };
        if before.is_some_and(|before| before.successful.contains(name)) {
            told.ended("SKIP", "SKIPPED", 0.0);
            ended.successful.push(name.clone());
            continue;
        }
        told.started();
        let begun = Instant::now();
        let done = make(node, compiled);
        let seconds = begun.elapsed().as_secs_f64();
        match done {
            Ok(_) => {
                told.ended("OK created", "SUCCESS", seconds);
                ended.successful.push(name.clone());
            }
            Err(failure) => {
                told.failed(&failure, seconds);
                ended.failed.push(name.clone());
            }
        }
    }
    let is_partial = !ended.failed.is_empty();
    let partial = || format!("PARTIAL SUCCESS {}", node.name);
    Ok(RunResult {
        status: if is_partial { Status::PartialSuccess } else { Status::Success },
        message: Some(if is_partial { partial() } else { made.message }),
        adapter_response: made.adapter_response,
        overload_results: Some(ended),
        ..RunResult::default()
    })
}

/// An overload as a function of its own, with its rendered text.
struct Form {
    /// The file it is in.
    name: String,
    node: Arc<Node>,
    compiled: Arc<CompiledNode>,
}

fn forms(worker: &Worker, node: &Node) -> Result<Vec<Form>, Failure> {
    let form = |(name, overload): (&str, Node)| {
        let node = Arc::new(overload);
        let compiled = Arc::new(worker.compile(&node)?);
        Ok(Form { name: name.to_owned(), node, compiled })
    };
    node.overloads().map(form).collect()
}

fn described(node: &Node, overload: &str) -> String {
    format!("function {} overload {overload}", node.name)
}

/// What is told of an overload.
struct Told<'w> {
    worker: &'w Worker,
    index: usize,
    total: usize,
    what: String,
}

impl Told<'_> {
    fn started(&self) {
        let line = lines::started(self.index + 1, self.total, &self.what, lines::WIDTH);
        self.say(LogLevel::Info, &line);
    }

    fn ended(&self, word: &str, status: &str, seconds: f64) {
        let text = format!("{word} {}", self.what);
        let line = lines::told(self.index + 1, self.total, &text, status, seconds, lines::WIDTH);
        self.say(LogLevel::Info, &line);
    }

    fn failed(&self, failure: &Failure, seconds: f64) {
        let text = format!("ERROR creating {}: {failure}", self.what);
        let line = lines::told(self.index + 1, self.total, &text, "ERROR", seconds, lines::WIDTH);
        self.say(LogLevel::Warn, &line);
    }

    fn say(&self, level: LogLevel, line: &str) {
        self.worker.session().around.log.line(level, &format!("Overload {line}"));
    }
}
