//! Renders the texts of nodes without a warehouse, as far as they do not ask one.

use std::sync::Arc;

use millstream_core::clock::{Clock, Timestamp};
use millstream_core::step::Refresh;
use millstream_core::text::{Scene, ScenePart};
use millstream_dbt::context::{
    Batch, Failure, FailureKind, Found, Invocation, Standing, Surroundings, Worker,
};
use millstream_dbt::manifest::{Language, Node, NodeKind};
use millstream_dbt::run::event_time::{civil, python};
use millstream_dbt::select::{Graph, Waits};
use millstream_files::{Report, closest, shown};
use serde_json::{Value, json};

use super::offline::Offline;
use super::partitions::is_microbatch;
use super::places::Places;
use super::{DbtProject, definition};
use crate::project::{KnownText, Text};
use crate::sql::{is_blank, statement};
use millstream_core::ContentHash;

/// Renders nodes, one after the other.
pub(super) struct Renderer<'a> {
    project: &'a DbtProject,
    places: &'a Places<'a>,
    offline: Arc<Offline>,
    /// At the time of the run.
    now: Worker,
    /// At a time that is always the same, for definitions.
    fixed: Worker,
    /// Whether nodes can be rendered at all: ephemeral models that read each other have no end.
    is_sound: bool,
}

/// A node that was rendered.
#[derive(Debug)]
pub(super) struct Rendered {
    pub(super) text: Text,
    pub(super) definition: ContentHash,
}

impl<'a> Renderer<'a> {
    /// For a project; `is_whole` says that nothing is wrong with it so far.
    pub(super) fn new(project: &'a DbtProject, is_whole: bool, places: &'a Places<'a>) -> Self {
        let offline = Arc::new(Offline::default());
        let worker = |around: Surroundings| {
            // Nobody sees a comment of statements that are not run.
            let around = Surroundings { query_comment: Some(Value::Null), ..around };
            let session = project.session(around, Arc::clone(&offline) as _);
            Worker::new(session, "MainThread")
        };
        let is_sound = is_whole || {
            let graph = Graph::new(&project.manifest);
            graph.schedule(&graph.filter(|_| true), Waits::ForParents).is_ok()
        };
        let (now, fixed) = (worker(project.around.clone()), worker(at_no_time(&project.around)));
        Self { project, places, offline, now, fixed, is_sound }
    }

    /// The text of a node, and the hash of what decides its rows. Problems are reported.
    pub(super) fn render(&self, node: &Arc<Node>, report: &mut Report) -> Option<Rendered> {
        if !self.is_sound || !self.resolves(node) {
            return None;
        }
        match self.texts(node) {
            Ok(Some((texts, definition))) => {
                let [full, incremental] = texts;
                let text = Text::Known(Arc::new(KnownText { full, incremental }));
                Some(Rendered { text, definition })
            }
            Ok(None) => {
                let definition = definition::of_template(self.project, node);
                Some(Rendered { text: Text::Late(node.unique_id.clone()), definition })
            }
            Err(failure) => {
                self.report(&failure, node, report);
                None
            }
        }
    }

    /// Whether all that a node refers to is there; what is not was reported.
    fn resolves(&self, node: &Node) -> bool {
        let references = self.now.session().references();
        let package = &node.package_name;
        node.refs.iter().all(|args| matches!(references.node(args, package), Found::One(_)))
            && node.sources.iter().all(|args| references.source(args, package).is_some())
            && node
                .functions
                .iter()
                .all(|names| matches!(references.function(names, package), Found::One(_)))
    }

    /// The texts with their definition; `None` if the template asks the warehouse.
    fn texts(&self, node: &Arc<Node>) -> Result<Option<([String; 2], ContentHash)>, Failure> {
        let moment = &self.project.around.moment;
        moment.take();
        let Some(texts) = self.both(&self.now, node)? else { return Ok(None) };
        if !moment.take() {
            let definition = definition::of_texts(self.project, &texts, node);
            return Ok(Some((texts, definition)));
        }
        let timeless = self.both(&self.fixed, node)?;
        let definition = |texts: &[String]| definition::of_texts(self.project, texts, node);
        Ok(timeless.map(|timeless| (texts, definition(&timeless))))
    }

    /// The text for a table that is not there, and that for one that is.
    fn both(&self, worker: &Worker, node: &Arc<Node>) -> Result<Option<[String; 2]>, Failure> {
        let Some((first, asked)) = self.one(worker, node, Standing::Nothing)? else {
            return Ok(None);
        };
        if !asked {
            return Ok(Some([first.clone(), first]));
        }
        let Some((next, _)) = self.one(worker, node, Standing::Table)? else { return Ok(None) };
        let is_asked_for = first == next || is_incremental(node);
        Ok(is_asked_for.then_some([first, next]))
    }

    fn one(
        &self,
        worker: &Worker,
        node: &Arc<Node>,
        standing: Standing,
    ) -> Result<Option<(String, bool)>, Failure> {
        self.offline.take_asked();
        let done = text(worker, node, Some(standing));
        if self.offline.take_asked() { Ok(None) } else { done.map(Some) }
    }

    fn report(&self, failure: &Failure, node: &Node, report: &mut Report) {
        let place = self.places.failure(failure, node);
        report.error("sql.template", place, failure.message.clone(), self.hint(failure, node));
    }

    fn hint(&self, failure: &Failure, node: &Node) -> Option<String> {
        if let Some(name) = undefined(&failure.message) {
            let known = self.project.around.macros.names(&node.package_name);
            if let Some(meant) = closest(name, known) {
                return Some(format!("did you mean `{meant}`?"));
            }
        }
        if let Some(advice) = failure.advice() {
            return Some(advice);
        }
        let inner = failure.at.stack.first()?;
        let place = failure.at.place.as_ref()?;
        let mark = millstream_files::Mark { line: place.line as u32, column: place.column as u32 };
        let at = shown(&mark.within(std::path::Path::new(&*place.file)));
        Some(format!("it is in macro `{}` ({at})", inner.name))
    }
}

/// The name that a message says is not defined.
fn undefined(message: &str) -> Option<&str> {
    message.strip_prefix('\'')?.split_once("' is undefined").map(|(name, _)| name)
}

/// Renders a text in a warehouse that answers.
pub(super) fn live(worker: &Worker, node: &Arc<Node>, scene: &Scene) -> Result<String, Failure> {
    if let Some(part) = scene.part.as_ref().filter(|_| is_microbatch(node)) {
        let compiled = worker.compile_batch(node, &batch(part, scene.refresh))?;
        return Ok(statement(&compiled.code));
    }
    let standing = is_incremental(node).then_some(match scene.refresh {
        Refresh::Full => Standing::Nothing,
        Refresh::Incremental => Standing::Table,
    });
    text(worker, node, standing).map(|(text, _)| text)
}

/// A partition as the templates of a microbatch model see it.
fn batch(part: &ScenePart, refresh: Refresh) -> Batch {
    let shown = |at: Timestamp| python(civil(at.as_micros()));
    let label = part.key.as_str();
    Batch {
        id: label.replace('-', ""),
        label: label.to_owned(),
        start: shown(part.stretch.start),
        end: shown(part.stretch.end),
        refresh,
    }
}

fn is_incremental(node: &Node) -> bool {
    node.kind == NodeKind::Model && node.config.materialized() == "incremental"
}

/// The query of a node: of a test that which judges its failures. Says as well whether it asked for
/// what stands where its relation will be.
fn text(
    worker: &Worker,
    node: &Arc<Node>,
    standing: Option<Standing>,
) -> Result<(String, bool), Failure> {
    let (compiled, asked) = match standing {
        Some(standing) => worker.compile_assuming(node, standing)?,
        None => (worker.compile(node)?, false),
    };
    if node.language == Language::Python {
        return Ok((compiled.code, asked));
    }
    let sql = statement(&compiled.code);
    match node.kind {
        NodeKind::Test(_) => Ok((judged(worker, node, sql)?, asked)),
        _ => Ok((sql, asked)),
    }
}

/// The query with one row that judges failures: their number, and whether to warn and to fail.
fn judged(worker: &Worker, node: &Arc<Node>, failures: String) -> Result<String, Failure> {
    if is_blank(&failures) {
        return Err(Failure::new(FailureKind::Compilation, "the test has no SQL"));
    }
    let setting =
        |key: &str, default: &str| Value::from(node.config.text(key).unwrap_or(default).to_owned());
    let args = [
        ("main_sql".to_owned(), Value::from(failures)),
        ("fail_calc".to_owned(), setting("fail_calc", "count(*)")),
        ("warn_if".to_owned(), setting("warn_if", "!= 0")),
        ("error_if".to_owned(), setting("error_if", "!= 0")),
        ("limit".to_owned(), json!(node.config.get("limit"))),
    ];
    match worker.call("get_test_sql", &args, Some(node))? {
        Value::String(sql) => Ok(statement(&sql)),
        _ => Err(Failure::new(FailureKind::Compilation, "`get_test_sql` gave no text")),
    }
}

/// The same surroundings at a time that is always the same.
fn at_no_time(around: &Surroundings) -> Surroundings {
    let invocation = Invocation {
        id: String::new(),
        started_at_micros: 0,
        ..Invocation::clone(&around.invocation)
    };
    Surroundings {
        invocation: Arc::new(invocation),
        clock: Clock::fixed(Timestamp::from_micros(0)),
        ..around.clone()
    }
}
