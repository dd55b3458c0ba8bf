//! Nodes that a warehouse makes without macros, unless the project has its own materialization.

use std::sync::Arc;

use millstream_core::comments::Comments;
use millstream_core::error::Error;
use millstream_core::slot::Slot;
use millstream_core::sql::{MaterializeRequest, Materialized, Materializer};
use millstream_core::step::Refresh;
use serde_json::{Map, Value, json};

use super::contract;
use super::microbatch::is_microbatch;
use crate::adapter::RelationKind;
use crate::comments::comments_of;
use crate::context::{
    Batch, CompiledNode, Failure, FailureKind, LogLevel, MadeRelations, Session, Verdict, Worker,
};
use crate::manifest::{Language, Node, NodeKind};

/// The materializer of a node: none if the warehouse has none, if the project brings a
/// materialization of its own, or for a test that keeps nothing.
pub(super) fn materializer_for<'s>(
    session: &'s Session,
    node: &Node,
) -> Option<&'s dyn Materializer> {
    let materializer = session.warehouse.materializer()?;
    let name = materialization(node)?;
    let found = session.around.macros.materialization(name);
    let ours = found.is_none_or(|found| session.around.macros.is_internal(&found.package_name));
    ours.then_some(materializer)
}

/// Whether the rows of a node are made by a program.
fn is_program(node: &Node) -> bool {
    node.kind == NodeKind::Model && node.language == Language::Python
}

fn materialization(node: &Node) -> Option<&str> {
    match &node.kind {
        NodeKind::Model => Some(node.config.materialized()),
        NodeKind::Seed { .. } => Some("seed"),
        NodeKind::Snapshot => Some("snapshot"),
        NodeKind::Function(_) => Some("function"),
        NodeKind::Test(_) | NodeKind::Analysis | NodeKind::Operation { .. } => None,
    }
}

/// Makes a node with its hooks around it.
pub(super) fn make(
    worker: &Worker,
    materializer: &dyn Materializer,
    node: &Arc<Node>,
    compiled: &CompiledNode,
    slot: Slot,
) -> Result<MadeRelations, Failure> {
    if matches!(node.kind, NodeKind::Function(_)) {
        return prove(worker, node);
    }
    let request = request(worker.session(), node, compiled);
    if is_program(node) {
        refuse_program(worker.session(), node)?;
    }
    make_requested(worker, materializer, node, request, slot)
}

/// Programs make tables and the new rows of tables. A contract is about a query.
fn refuse_program(session: &Session, node: &Node) -> Result<(), Failure> {
    let materialization = node.config.materialized();
    let problem = match materialization {
        "table" | "incremental" if node.config.has_contract() => {
            "Language Error: Expected 'sql' but found 'python'. A contract is not enforced on \
             models in Python; test their columns instead."
                .to_owned()
        }
        "incremental" if is_microbatch(node) => {
            "A microbatch model reads the rows of its batch only, which models in Python do not"
                .to_owned()
        }
        "table" | "incremental" => return Ok(()),
        _ => {
            let found = session.around.macros.materialization(materialization);
            let name = found.map_or(materialization, |found| &found.name);
            format!("Materialization \"{name}\" only supports languages ['sql']; got \"python\"")
        }
    };
    Err(Failure::new(FailureKind::Validation, problem))
}

/// A function is a part of what calls it: here it only has to be understood.
fn prove(worker: &Worker, node: &Arc<Node>) -> Result<MadeRelations, Failure> {
    run_hooks(worker, node, "pre_hook")?;
    worker.prove_function(node)?;
    run_hooks(worker, node, "post_hook")?;
    Ok(MadeRelations { message: "CREATE FUNCTION".to_owned(), ..MadeRelations::default() })
}

/// Makes a batch of a microbatch model, with the hooks that the node has left.
pub(super) fn make_batch(
    worker: &Worker,
    materializer: &dyn Materializer,
    node: &Arc<Node>,
    compiled: &CompiledNode,
    batch: &Batch,
) -> Result<MadeRelations, Failure> {
    let event_time = node.config.text("event_time").ok_or_else(|| {
        let message =
            format!("Microbatch model '{}' requires an 'event_time' configuration.", node.name);
        Failure::new(FailureKind::Compilation, message)
    })?;
    let within = format!("{event_time} >= '{}' and {event_time} < '{}'", batch.start, batch.end);
    if is_program(node) {
        refuse_program(worker.session(), node)?;
    }
    let request = MaterializeRequest {
        batch: Some(within),
        refresh: batch.refresh,
        ..request(worker.session(), node, compiled)
    };
    // The node has its slot until its last batch is made.
    make_requested(worker, materializer, node, request, Slot::default())
}

/// Makes a relation that stands for that of another environment: a view of it.
pub(super) fn clone(
    worker: &Worker,
    materializer: &dyn Materializer,
    node: &Arc<Node>,
    original: &str,
) -> Result<MadeRelations, Failure> {
    let request = MaterializeRequest {
        unique_id: node.unique_id.to_string(),
        schema: node.schema.to_string(),
        identifier: node.alias.clone(),
        materialization: "view".to_owned(),
        code: format!("select * from {original}"),
        program: None,
        config: Map::new(),
        comments: Comments::default(),
        rules: Vec::new(),
        batch: None,
        refresh: Refresh::Full,
    };
    asked(worker.session(), materializer, node, &request, Slot::default())
}

fn make_requested(
    worker: &Worker,
    materializer: &dyn Materializer,
    node: &Arc<Node>,
    mut request: MaterializeRequest,
    slot: Slot,
) -> Result<MadeRelations, Failure> {
    // What is added to the cache before it is filled would stand for all that there is.
    worker.fill_cache()?;
    run_hooks(worker, node, "pre_hook")?;
    if let Some(contracted) = contract::of(worker, node, &request.code)? {
        request.code = contracted.code;
        request.rules = contracted.rules;
    }
    let made = asked(worker.session(), materializer, node, &request, slot)?;
    run_hooks(worker, node, "post_hook")?;
    Ok(made)
}

fn asked(
    session: &Session,
    materializer: &dyn Materializer,
    node: &Node,
    request: &MaterializeRequest,
    slot: Slot,
) -> Result<MadeRelations, Failure> {
    let made = materializer.materialize(request, slot);
    let made = made.map_err(|error| refused(node, &error))?;
    warn_of_missing(session, node, &made.missing_columns)?;
    Ok(answer(session, node, &made))
}

/// Says what `validate_doc_columns` says where macros write comments.
fn warn_of_missing(session: &Session, node: &Node, missing: &[String]) -> Result<(), Failure> {
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!(
        "In relation {}: The following columns are specified in the schema but are not present in \
         the database: {}",
        session.relation_of(node),
        missing.join(", ")
    );
    match session.around.invocation.warnings.verdict("JinjaLogWarning") {
        Verdict::Fails => return Err(Failure::new(FailureKind::Compilation, message)),
        Verdict::Silenced => {}
        Verdict::Said => session.around.log.line(LogLevel::Warn, &message),
    }
    Ok(())
}

/// What is wrong with a program is seldom told by its message alone.
fn refused(node: &Node, error: &Error) -> Failure {
    match error.hint() {
        _ if !is_program(node) => Failure::new(FailureKind::Database, error.chain()),
        Some(hint) => Failure::new(FailureKind::Runtime, format!("{}\n{hint}", error.chain())),
        None => Failure::new(FailureKind::Runtime, error.chain()),
    }
}

fn request(session: &Session, node: &Node, compiled: &CompiledNode) -> MaterializeRequest {
    let code = match &node.kind {
        NodeKind::Seed { root_path } => {
            root_path.join(&node.original_file_path).display().to_string()
        }
        _ => compiled.code.clone(),
    };
    let refresh = if session.is_refreshed(node) { Refresh::Full } else { Refresh::Incremental };
    MaterializeRequest {
        unique_id: node.unique_id.to_string(),
        schema: node.schema.to_string(),
        identifier: node.alias.clone(),
        materialization: materialization(node).unwrap_or("view").to_owned(),
        code,
        program: is_program(node).then(|| node.original_file_path.display().to_string()),
        config: serde_json::Map::clone(&node.config.0),
        comments: comments_of(node),
        rules: Vec::new(),
        batch: None,
        refresh,
    }
}

fn answer(session: &Session, node: &Node, made: &Materialized) -> MadeRelations {
    let kind = if made.code == "CREATE VIEW" { RelationKind::View } else { RelationKind::Table };
    let mut relation = session.relation_of(node).of_kind(kind);
    relation.dbt_created = true;
    session.cache.add(relation.clone());
    let message = match made.rows {
        Some(rows) => format!("{} {rows}", made.code),
        None => made.code.clone(),
    };
    let mut response: Map<String, Value> = Map::new();
    response.insert("_message".to_owned(), json!(message));
    response.insert("code".to_owned(), json!(made.code));
    if let Some(rows) = made.rows {
        response.insert("rows_affected".to_owned(), json!(rows));
    }
    MadeRelations {
        relations: vec![relation],
        message,
        adapter_response: response,
        ..MadeRelations::default()
    }
}

/// Runs the hooks of a node, each in its order.
fn run_hooks(worker: &Worker, node: &Arc<Node>, key: &str) -> Result<(), Failure> {
    let hooks = match node.config.get(key) {
        Some(Value::Array(hooks)) => hooks.clone(),
        Some(hook) => vec![hook.clone()],
        None => Vec::new(),
    };
    for hook in hooks {
        let text = hook.get("sql").and_then(Value::as_str).or_else(|| hook.as_str());
        let sql = worker.render(text.unwrap_or_default(), node)?;
        if !sql.trim().is_empty() {
            worker.execute(&sql)?;
        }
    }
    Ok(())
}
