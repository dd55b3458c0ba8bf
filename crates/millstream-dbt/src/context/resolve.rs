//! What `ref`, `source`, `function` and `metric` give while a project runs.

use std::rc::Rc;
use std::sync::Arc;

use millstream_jinja::{Args, Machine, Outcome, Value};
use serde_json::Value as Json;

use super::capture::{function_args, ref_args, source_args};
use super::failure::{FailureKind, raise};
use super::references::Found;
use super::run_state::{Rendered, RunState};
use super::{time_filter, unit_test};
use crate::adapter::{Caller, Path, Relation, RelationKind, RelationValue, list_schema};
use crate::manifest::{Access, Node, NodeKind, RefArgs, UniqueId};

/// The relation of a node.
pub(super) fn node(state: &Rc<RunState>, machine: &mut Machine<'_>, args: &Args) -> Outcome {
    let args = ref_args(args)?;
    let session = &state.session;
    let target = match session.references().node(&args, state.package_name()) {
        Found::One(target) => target,
        Found::Disabled => return Err(not_found(state, &args, "is disabled")),
        Found::Nothing => return Err(not_found(state, &args, "was not found")),
    };
    if state.inputs.is_some() {
        return input(state, target).ok_or_else(|| not_found(state, &args, "was not found"));
    }
    if !is_inline(state) {
        refuse_private(state, target)?;
    }
    let is_ephemeral =
        target.kind == NodeKind::Model && target.config.materialized() == "ephemeral";
    if let Some(node) = state.node() {
        if !node.depends_on.nodes.contains(&target.unique_id) && !is_operation(node) {
            return Err(raise(FailureKind::Compilation, bad_context(&node.name, &args)));
        }
    } else if is_ephemeral {
        let name = &target.name;
        let message = format!("Operations can not ref() ephemeral nodes, but {name} is ephemeral");
        return Err(raise(FailureKind::Compilation, message));
    }
    if is_ephemeral {
        state.needs(&target.unique_id);
        let relation = Relation::ephemeral(session.dialect(), &target.alias);
        return Ok(RelationValue::of(limited(state, relation)));
    }
    let relation = match deferred(state, machine, target)? {
        Some(relation) => relation,
        None => session.relation_of(target),
    };
    let filter = time_filter::of(state, &target.config, &target.columns, None);
    let mut relation = limited(state, relation);
    relation.event_time_filter = filter;
    Ok(RelationValue::of(relation))
}

/// The relation of a source.
pub(super) fn source(state: &Rc<RunState>, args: &Args) -> Outcome {
    let args = source_args(args)?;
    let Some(found) = state.session.references().source(&args, state.package_name()) else {
        let message = depends_on(
            state,
            &format!("a source named '{}.{}' which was not found", args.source, args.table),
        );
        return Err(raise(FailureKind::Compilation, message));
    };
    if state.inputs.is_some() {
        state.needs(&found.unique_id);
        let name = unit_test::source_cte(found);
        return Ok(RelationValue::of(Relation::ephemeral(state.session.dialect(), &name)));
    }
    let mut relation = limited(state, state.session.relation_of_source(found));
    relation.event_time_filter =
        time_filter::of(state, &found.config, &found.columns, Some(&found.quoting));
    Ok(RelationValue::of(relation))
}

/// The name of a function.
pub(super) fn function(state: &Rc<RunState>, machine: &mut Machine<'_>, args: &Args) -> Outcome {
    let names = function_args(args)?;
    let session = &state.session;
    let refuse = |reason: &str| {
        let name = names.last().map_or("", String::as_str);
        let what = format!("a function named '{name}' which {reason}");
        Err(raise(FailureKind::Compilation, depends_on(state, &what)))
    };
    let target = match session.references().function(&names, state.package_name()) {
        Found::One(target) => target,
        Found::Disabled => return refuse("is disabled"),
        Found::Nothing => return refuse("was not found"),
    };
    let relation = match deferred(state, machine, target)? {
        Some(relation) => relation,
        None => session.relation_of(target),
    };
    let relation = relation.of_kind(RelationKind::Function);
    state.calls(relation.to_string(), &target.unique_id);
    Ok(RelationValue::of(relation))
}

/// The name of a metric.
pub(super) fn metric(state: &Rc<RunState>, args: &Args) -> Outcome {
    let name = match args.positional.last() {
        Some(name) => name.to_text()?,
        None => Arc::from(""),
    };
    if state.session.references().metric(&name).is_none() {
        let what = format!("a metric named '{name}' which was not found");
        return Err(raise(FailureKind::Compilation, depends_on(state, &what)));
    }
    Ok(Value::text(name))
}

/// The rows that a unit test puts in the place of a node.
fn input(state: &RunState, target: &Node) -> Option<Value> {
    let input = state.input(&target.unique_id)?;
    state.needs(&input.unique_id);
    Some(RelationValue::of(Relation::ephemeral(state.session.dialect(), &input.alias)))
}

/// A query of the command line may look at everything.
fn is_inline(state: &RunState) -> bool {
    state.unique_id().resource_type() == "sql_operation"
}

fn is_operation(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Operation { .. })
}

/// `--empty` reads no rows at all.
fn limited(state: &RunState, mut relation: Relation) -> Relation {
    if state.session.around.invocation.is_set("empty") {
        relation.limit = Some(0);
    }
    relation
}

/// The relation of another environment, where this one has none or is not asked.
fn deferred(
    state: &Rc<RunState>,
    machine: &mut Machine<'_>,
    target: &Node,
) -> Outcome<Option<Relation>> {
    let session = &state.session;
    let invocation = &session.around.invocation;
    let Some(deferred) = session.deferred.get(&target.unique_id) else { return Ok(None) };
    if !invocation.is_set("defer") {
        return Ok(None);
    }
    let is_favored = invocation.is_set("favor_state") && !session.is_selected(&target.unique_id);
    if !is_favored && exists(state, machine, target)? {
        return Ok(None);
    }
    Ok(Some(session.deferred_relation(deferred)))
}

/// Whether the relation of a node is there.
fn exists(state: &Rc<RunState>, machine: &mut Machine<'_>, target: &Node) -> Outcome<bool> {
    let caller = Rc::clone(state) as Rc<dyn Caller>;
    let database = target.database.as_deref();
    let known = list_schema(&caller, machine, database, Some(&target.schema))?;
    let wanted = Path::new(database, Some(&target.schema), Some(&target.alias));
    for relation in known {
        if relation.matches(&wanted)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn refuse_private(state: &RunState, target: &Node) -> Outcome<()> {
    let (Rendered::Node(node), NodeKind::Model) = (&state.rendered, &target.kind) else {
        return Ok(());
    };
    if target.access != Access::Private || node.group == target.group {
        return Ok(());
    }
    let message = private(&node.unique_id, target);
    Err(raise(FailureKind::Parsing, message))
}

/// What is said of a reference to a model of another group.
pub(crate) fn private(from: &UniqueId, target: &Node) -> String {
    let (id, group) = (&target.unique_id, target.group.as_deref().unwrap_or_default());
    format!(
        "Node {from} attempted to reference node {id}, which is not allowed because the referenced \
         node is private to the '{group}' group."
    )
}

fn not_found(state: &RunState, args: &RefArgs, reason: &str) -> millstream_jinja::Interrupt {
    let version = args.version.as_ref();
    let version = version.map(|version| format!("with version '{}' ", shown(version)));
    let package = args.package.as_ref();
    let package = package.map(|package| format!("in package or project '{package}' "));
    let what = format!(
        "a node named '{}' {}{}which {reason}",
        args.name,
        version.unwrap_or_default(),
        package.unwrap_or_default()
    );
    raise(FailureKind::Compilation, depends_on(state, &what))
}

fn depends_on(state: &RunState, what: &str) -> String {
    let (id, subject) = (state.unique_id(), state.subject());
    let mut kind = subject.kind;
    if let Some(first) = kind.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("{kind} '{id}' ({}) depends on {what}", subject.path)
}

fn shown(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What is said of a reference that was not seen while the project was read.
fn bad_context(name: &str, args: &RefArgs) -> String {
    let names = args.package.iter().chain([&args.name]);
    let names = names.map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    let version = args.version.as_ref();
    let version = version.map(|version| format!(",version='{}'", shown(version)));
    let shown_args = format!("{names}{}", version.unwrap_or_default());
    format!(
        "dbt was unable to infer all dependencies for the model \"{name}\".\nThis typically happens \
         when ref() is placed within a conditional block.\n\nTo fix this, add the following hint to \
         the top of the model \"{name}\":\n\n-- depends_on: {{{{ ref({shown_args}) }}}}"
    )
}
