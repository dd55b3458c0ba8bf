//! What compiles and runs nodes, one after the other, in one thread.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use millstream_core::sql::SqlAnswer;
use millstream_core::step::Refresh;
use millstream_jinja::{Args, Error, Machine, Program, Settings, Syntax, UndefinedMode, Value};
use serde_json::{Value as Json, json};

use super::ctes::{self, InjectedCte};
use super::failure::{Failure, FailureKind};
use super::inline::inlined;
use super::link::Link;
use super::names::{Context, Names, has_template};
use super::python_model::is_python_model;
use super::query_comment::QueryComment;
use super::run_state::{Rendered, RunState};
use super::session::Session;
use super::{data, python_model, test_kwargs, unit_test};
use crate::adapter::{Begin, ephemeral_name};
use crate::manifest::{Language, Node, NodeKind, SourceTable, TestOf, UniqueId};

/// Steps that the templates of one node may take.
const FUEL: u64 = 2_000_000_000;

/// What compiles and runs nodes, one after the other, in one thread. Its connection is opened when
/// it is first needed.
#[derive(Debug)]
pub struct Worker {
    session: Arc<Session>,
    link: Rc<Link>,
    name: Arc<str>,
}

/// A node whose text is rendered.
#[derive(Debug, Clone, PartialEq)]
pub struct CompiledNode {
    /// The node.
    pub id: UniqueId,
    /// The query, with those of ephemeral models in front.
    pub code: String,
    /// The query alone.
    pub own_code: String,
    /// The queries of ephemeral models.
    pub ctes: Vec<InjectedCte>,
    /// The whole name of its relation.
    pub relation_name: Option<String>,
    /// The file it was written to, once it is.
    pub path: Option<PathBuf>,
}

/// What is taken to be where the relation of a node will be, so that nobody has to ask the
/// warehouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// No relation.
    Nothing,
    /// A table.
    Table,
}

/// What is taken to be there, and whether anyone asked.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) standing: Standing,
    pub(super) asked: Cell<bool>,
}

/// The part of a microbatch model that is made at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its id, which its files carry.
    pub id: String,
    /// The end of the names of its files: `2026-11-21`.
    pub label: String,
    /// From when on, as Python writes the moment.
    pub start: String,
    /// Until before when.
    pub end: String,
    /// Whether it builds on rows that are there.
    pub refresh: Refresh,
}

impl Batch {
    pub(super) fn described(&self) -> Json {
        json!({"id": self.id, "event_time_start": self.start, "event_time_end": self.end})
    }
}

impl Worker {
    /// A worker. `name` is that of its thread and its connection: `Thread-1`.
    pub fn new(session: Arc<Session>, name: &str) -> Self {
        let link =
            Link::new(Arc::clone(&session.warehouse), name.to_owned(), session.around.log.clone());
        Self { session, link: Rc::new(link), name: Arc::from(name) }
    }

    /// A worker on the connection of a rendering.
    pub(super) fn of(state: &RunState) -> Self {
        let (session, link) = (Arc::clone(&state.session), Rc::clone(&state.link));
        Self { session, link, name: Arc::clone(&state.thread) }
    }

    /// What all workers share.
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Renders the text of a node. What its queries begin goes on in the materialization; the next
    /// node, or [`Worker::release`], ends it.
    pub fn compile(&self, node: &Arc<Node>) -> Result<CompiledNode, Failure> {
        self.release();
        self.compile_part(node, None)
    }

    /// Renders the text of a node for a batch.
    pub fn compile_batch(&self, node: &Arc<Node>, batch: &Batch) -> Result<CompiledNode, Failure> {
        self.release();
        self.compile_part(node, Some(batch))
    }

    /// Renders the text of a node as if this were where its relation will be. Says as well whether
    /// the text asked for that.
    pub fn compile_assuming(
        &self,
        node: &Arc<Node>,
        standing: Standing,
    ) -> Result<(CompiledNode, bool), Failure> {
        self.release();
        let taken = Rc::new(Taken { standing, asked: Cell::new(false) });
        let mut state = self.state(Rendered::Node(Arc::clone(node)));
        state.taken = Some(Rc::clone(&taken));
        Ok((self.compile_state(state, node)?, taken.asked.get()))
    }

    fn compile_part(
        &self,
        node: &Arc<Node>,
        batch: Option<&Batch>,
    ) -> Result<CompiledNode, Failure> {
        let mut state = self.state(Rendered::Node(Arc::clone(node)));
        state.batch = batch.cloned();
        self.compile_state(state, node)
    }

    /// Renders the text of a function, in the middle of what calls it.
    pub(super) fn compile_function(&self, node: &Arc<Node>) -> Result<CompiledNode, Failure> {
        self.compile_part(node, None)
    }

    pub(super) fn compile_state(
        &self,
        state: RunState,
        node: &Arc<Node>,
    ) -> Result<CompiledNode, Failure> {
        let state = Rc::new(state);
        state.comment.replace(QueryComment::of(&state)?);
        let own_code = with_machine(&state, |machine| {
            if let NodeKind::Test(TestOf::Generic(test)) = &node.kind {
                state.kwargs.replace(test_kwargs::rendered(machine, &test.kwargs)?);
            }
            if is_python_model(node) {
                return python_model::text(machine, node);
            }
            let is_plain = matches!(node.kind, NodeKind::Seed { .. })
                || node.language == Language::Python
                || !has_template(&node.raw_code);
            if is_plain {
                return Ok(node.raw_code.to_string());
            }
            let file = node.original_file_path.to_string_lossy();
            machine.render(&Program::parse(&file, &node.raw_code, &Syntax::dbt())?)
        })?;
        let found = state.ctes.take();
        if is_python_model(node) {
            python_model::refuse_ephemeral(&found)
                .map_err(|failure| failure.of(state.subject()))?;
        }
        let own_code = if is_python_model(node) { own_code } else { inlined(&state, own_code)? };
        let ctes = self.ephemeral(&state, &found)?;
        let code = ctes::inject(&own_code, &ctes);
        let relation_name = node.relation_name.clone().or_else(|| {
            let keeps = node.config.bool("store_failures") == Some(true);
            keeps.then(|| self.session.relation_of(node).to_string())
        });
        let id = node.unique_id.clone();
        Ok(CompiledNode { id, code, own_code, ctes, relation_name, path: None })
    }

    /// The queries of ephemeral models, those that they read themselves before them.
    fn ephemeral(&self, state: &RunState, ids: &[UniqueId]) -> Result<Vec<InjectedCte>, Failure> {
        let mut found = Vec::new();
        for id in ids {
            let compiled = match (state.input(id), self.session.ephemeral(id)) {
                (Some(input), _) => Arc::new(self.compile_part(input, None)?),
                (None, Some(compiled)) => compiled,
                (None, None) => self.compile_ephemeral(state, id)?,
            };
            ctes::add(&mut found, compiled.ctes.iter().cloned());
            let name = self.cte_name(id);
            let sql = format!(" {name} as (\n{}\n)", compiled.own_code);
            ctes::add(&mut found, [InjectedCte { id: id.clone(), sql }]);
        }
        Ok(found)
    }

    fn cte_name(&self, id: &UniqueId) -> String {
        let manifest = &self.session.manifest;
        let source = manifest.sources.get(id).map(|source| unit_test::source_cte(source));
        let alias = || manifest.nodes.get(id).map(|node| node.alias.clone());
        ephemeral_name(&source.or_else(alias).unwrap_or_default())
    }

    fn compile_ephemeral(
        &self,
        state: &RunState,
        id: &UniqueId,
    ) -> Result<Arc<CompiledNode>, Failure> {
        let Some(node) = self.session.manifest.nodes.get(id) else {
            let message = format!(
                "During compilation, found a cte reference that could not be resolved: {id}"
            );
            return Err(Failure::new(FailureKind::Internal, message).of(state.subject()));
        };
        let compiled = self.compile_part(node, None);
        let compiled = Arc::new(compiled.map_err(|failure| failure.of_ephemeral(id))?);
        self.session.keep_ephemeral(&compiled);
        Ok(compiled)
    }

    /// Renders a text as if a node said it.
    pub fn render(&self, text: &str, node: &Arc<Node>) -> Result<String, Failure> {
        render_for(text, self.state(Rendered::Node(Arc::clone(node))))
    }

    /// The same with more names: what hooks see at the end of a command.
    pub fn render_with(
        &self,
        text: &str,
        node: &Arc<Node>,
        names: &[(&'static str, Value)],
    ) -> Result<String, Failure> {
        let mut state = self.state(Rendered::Node(Arc::clone(node)));
        state.names = names.to_vec();
        render_for(text, state)
    }

    /// Renders a text as if a source said it: its `loaded_at_query`.
    pub fn render_of_source(
        &self,
        text: &str,
        source: &Arc<SourceTable>,
    ) -> Result<String, Failure> {
        render_for(text, self.state(Rendered::Source(Arc::clone(source))))
    }

    /// Calls a macro by its name, or by package and name. What it did is lost unless it commits.
    pub fn call(
        &self,
        name: &str,
        args: &[(String, Json)],
        node: Option<&Arc<Node>>,
    ) -> Result<Json, Failure> {
        let macros = &self.session.around.macros;
        let found = match name.split_once('.') {
            Some((package, name)) => macros.within(package, name),
            None => macros.by_name(name),
        };
        let Some(found) = found else {
            let message =
                format!("dbt could not find a macro with the name \"{name}\" in any package");
            return Err(Failure::new(FailureKind::Runtime, message));
        };
        let rendered = match node {
            Some(node) => Rendered::Node(Arc::clone(node)),
            None => Rendered::Macro(Arc::clone(found)),
        };
        let state = Rc::new(self.state(rendered));
        state.comment.replace(QueryComment::of(&state)?);
        let done = with_machine(&state, |machine| {
            let callee = machine.macro_alone(&found.program, &found.definition);
            let named = args
                .iter()
                .map(|(name, value)| (Arc::from(name.as_str()), Value::from_json(value)));
            let args = Args { positional: Vec::new(), named: named.collect() };
            let value = machine.call(&callee, args);
            let value = value.and_then(|value| data::of(machine, &value));
            value.map_err(millstream_jinja::Interrupt::into_error)
        });
        self.release();
        done
    }

    /// Runs a statement as a hook of the project does: outside of dbt's own transactions.
    pub fn execute(&self, sql: &str) -> Result<SqlAnswer, Failure> {
        self.link.execute(sql, Begin::Never).map_err(|error| database(&error))
    }

    /// Commits whatever is open.
    pub fn commit(&self) -> Result<(), Failure> {
        self.link.clear().map_err(|error| database(&error))
    }

    /// Ends a node: what is not committed is lost.
    pub fn release(&self) {
        self.link.release();
    }

    pub(super) fn state(&self, rendered: Rendered) -> RunState {
        RunState::new(&self.session, &self.link, &self.name, rendered)
    }
}

/// Renders a text in a state of its own.
fn render_for(text: &str, state: RunState) -> Result<String, Failure> {
    let state = Rc::new(state);
    state.comment.replace(QueryComment::of(&state)?);
    let text = with_machine(&state, |machine| {
        machine.render(&Program::parse("<text>", text, &Syntax::dbt())?)
    })?;
    inlined(&state, text)
}

/// Does something with a machine whose names are those of a rendering.
pub(super) fn with_machine<T>(
    state: &Rc<RunState>,
    work: impl FnOnce(&mut Machine<'_>) -> Result<T, Error>,
) -> Result<T, Failure> {
    let context = Context(Rc::clone(state) as Rc<dyn Names>);
    let settings = Settings { undefined: UndefinedMode::Lenient, fuel: FUEL };
    let mut machine = Machine::new(&context, settings);
    work(&mut machine).map_err(|error| Failure::of_template(&error, Some(state.subject())))
}

fn database(error: &millstream_core::error::Error) -> Failure {
    Failure::new(FailureKind::Database, error.chain())
}
