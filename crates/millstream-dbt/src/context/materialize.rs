//! Runs the materialization of a node.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use millstream_core::step::Refresh;
use millstream_jinja::{Args, Interrupt, Machine, Value};
use serde_json::Value as Json;

use super::data;
use super::exceptions::missing_materialization;
use super::failure::{Failure, FailureKind};
use super::names::Names as _;
use super::query_comment::QueryComment;
use super::run_state::{Rendered, RunState};
use super::worker::{Batch, CompiledNode, Worker, with_machine};
use crate::adapter::{Relation, RelationValue, Response};
use crate::manifest::{MacroDef, Node, NodeKind};

/// What the materialization of a node made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MadeRelations {
    /// The relations, which are in the cache now.
    pub relations: Vec<Relation>,
    /// What the warehouse calls what the main statement did: `SELECT 5`.
    pub message: String,
    /// The answer of the main statement, as `run_results.json` has it: `code`, `rows_affected`.
    pub adapter_response: serde_json::Map<String, Json>,
    /// The rows of the main statement: of a test its one row with `failures`, `should_warn` and
    /// `should_error`.
    pub rows: Vec<serde_json::Map<String, Json>>,
    /// The file with the text that ran.
    pub path: Option<PathBuf>,
}

impl Worker {
    /// Makes what a node says, with its hooks.
    pub fn materialize(
        &self,
        node: &Arc<Node>,
        compiled: &Arc<CompiledNode>,
    ) -> Result<MadeRelations, Failure> {
        let mut state = self.state(Rendered::Node(Arc::clone(node)));
        state.compiled = Some(Arc::clone(compiled));
        self.run(state, kind_of(node))
    }

    /// Makes a batch of a microbatch model.
    pub fn materialize_batch(
        &self,
        node: &Arc<Node>,
        compiled: &Arc<CompiledNode>,
        batch: &Batch,
    ) -> Result<MadeRelations, Failure> {
        let mut state = self.state(Rendered::Node(Arc::clone(node)));
        state.compiled = Some(Arc::clone(compiled));
        state.batch = Some(batch.clone());
        if batch.refresh == Refresh::Incremental {
            let macros = &mut state.overrides.macros;
            macros.insert("is_incremental".to_owned(), Json::Bool(true));
            macros.insert("should_full_refresh".to_owned(), Json::Bool(false));
        }
        self.run(state, kind_of(node))
    }

    /// Makes a relation that stands for that of another environment.
    pub fn clone_node(&self, node: &Arc<Node>) -> Result<MadeRelations, Failure> {
        self.run(self.state(Rendered::Node(Arc::clone(node))), "clone")
    }

    /// Runs the materialization of this name; what it does not commit is lost.
    pub(super) fn run(&self, state: RunState, name: &str) -> Result<MadeRelations, Failure> {
        self.fill_cache()?;
        let state = Rc::new(state);
        let done = made(&state, name);
        self.release();
        done.map_err(|failure| with_file(failure, &state))
    }
}

fn made(state: &Rc<RunState>, name: &str) -> Result<MadeRelations, Failure> {
    let around = state.surroundings();
    let Some(found) = around.macros.materialization(name).cloned() else {
        let message = missing_materialization(name, &around.target.kind);
        return Err(Failure::new(FailureKind::Compilation, message).of(state.subject()));
    };
    refuse_language(state, &found)?;
    state.comment.replace(QueryComment::of(state)?);
    with_machine(state, |machine| {
        let made = run_macro(machine, state, &found);
        made.map_err(Interrupt::into_error)
    })
}

/// A materialization makes what is written in the languages that it names; SQL if it names none.
fn refuse_language(state: &RunState, found: &MacroDef) -> Result<(), Failure> {
    let language = match state.node().map(|node| node.language) {
        Some(language) => language.word(),
        None => "sql",
    };
    let supported = found.supported_languages.clone();
    let supported = supported.unwrap_or_else(|| vec!["sql".to_owned()]);
    if supported.iter().any(|known| known == language) {
        return Ok(());
    }
    let shown = supported.iter().map(|known| format!("'{known}'")).collect::<Vec<_>>().join(", ");
    let message = format!(
        "Materialization \"{}\" only supports languages [{shown}]; got \"{language}\"",
        found.name
    );
    Err(Failure::new(FailureKind::Validation, message).of(state.subject()))
}

/// The materialization of a node: `test`, `seed`, `view`.
fn kind_of(node: &Node) -> &str {
    match node.kind {
        NodeKind::Test(_) => "test",
        NodeKind::Seed { .. } => "seed",
        NodeKind::Snapshot => "snapshot",
        _ => node.config.materialized(),
    }
}

fn run_macro(
    machine: &mut Machine<'_>,
    state: &Rc<RunState>,
    found: &MacroDef,
) -> Result<MadeRelations, Interrupt> {
    let callee = machine.macro_alone(&found.program, &found.definition);
    let result = machine.call(&callee, Args::default())?;
    let is_test = state.node().is_some_and(|node| matches!(node.kind, NodeKind::Test(_)));
    let mut made = MadeRelations { path: state.written.borrow().clone(), ..Default::default() };
    if !is_test {
        made.relations = relations(machine, found, &result)?;
        for relation in &made.relations {
            let mut known = relation.clone();
            known.dbt_created = true;
            state.session.cache.add(known);
        }
    }
    let Some(main) = state.results.main() else {
        if found.name.starts_with("materialization_clone_") {
            "No-op".clone_into(&mut made.message);
            return Ok(made);
        }
        return Err(runtime("main is not being called during running model"));
    };
    let response = machine.attribute(&main, "response")?;
    let table = machine.attribute(&main, "table")?;
    made.message = response.to_text()?.to_string();
    if let Some(response) = response.as_object::<Response>() {
        made.adapter_response = response.to_map();
    }
    if let Json::Array(rows) = data::of(machine, &table)? {
        made.rows = rows.into_iter().filter_map(|row| row.as_object().cloned()).collect();
    }
    Ok(made)
}

/// The relations that a materialization says it made.
fn relations(
    machine: &mut Machine<'_>,
    found: &MacroDef,
    result: &Value,
) -> Result<Vec<Relation>, Interrupt> {
    let name = &found.name;
    if matches!(result, Value::Text(_)) {
        return Err(compilation(format!(
            "The materialization (\"{name}\") did not explicitly return a list of relations to add \
             to the cache. By default the target relation will be added, but this behavior will be \
             removed in a future version of dbt.\n\n For more information, see:\nhttps://docs.\
             getdbt.com/v0.15/docs/creating-new-materializations#section-6-returning-relations"
        )));
    }
    let listed = machine.attribute(result, "relations")?;
    if listed.is_undefined() {
        return Err(compilation(format!(
            "Invalid return value from materialization, \"relations\" not found, got keys: {}",
            result.to_text()?
        )));
    }
    let mut relations = Vec::new();
    for value in listed.items()? {
        match value.as_object::<RelationValue>() {
            Some(relation) => relations.push(relation.relation().clone()),
            None => {
                return Err(compilation(format!(
                    "Invalid return value from materialization, expected relations to contain \
                     relations, got {}",
                    value.to_text()?
                )));
            }
        }
    }
    Ok(relations)
}

fn compilation(message: String) -> Interrupt {
    super::failure::raise(FailureKind::Compilation, message)
}

fn runtime(message: &str) -> Interrupt {
    super::failure::raise(FailureKind::Runtime, message)
}

/// A statement that the warehouse refused can be read in the file with the text that ran.
fn with_file(mut failure: Failure, state: &RunState) -> Failure {
    if let (FailureKind::Database, Some(path)) = (failure.kind, &*state.written.borrow()) {
        let message = &failure.message;
        failure.message = format!("{message}\ncompiled code at {}", path.display());
    }
    failure
}
