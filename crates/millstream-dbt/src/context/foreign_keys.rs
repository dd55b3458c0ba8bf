//! Foreign keys name the models that they refer to; the warehouse is told their relations.

use millstream_jinja::{Program, Syntax};
use serde_json::{Map, Value as Json};

use super::capture::{CaptureSubject, ParseSession, capture};
use super::references::Found;
use super::run_state::RunState;
use super::session::Session;
use crate::adapter::Relation;

/// Puts relations in the place of `ref('orders')` in the constraints of a compiled model.
pub(super) fn resolve(model: &mut Json, state: &RunState) {
    let Some(model) = model.as_object_mut() else { return };
    of_list(model.get_mut("constraints"), state);
    let columns = model.get_mut("columns").and_then(Json::as_object_mut);
    for (_, column) in columns.into_iter().flatten() {
        of_list(column.get_mut("constraints"), state);
    }
}

fn of_list(constraints: Option<&mut Json>, state: &RunState) {
    for constraint in constraints.and_then(Json::as_array_mut).into_iter().flatten() {
        let is_key = constraint.get("type").and_then(Json::as_str) == Some("foreign_key");
        if let Some(Json::String(to)) = constraint.get_mut("to").filter(|_| is_key)
            && let Some(relation) = relation(to, state)
        {
            *to = relation.to_string();
        }
    }
}

/// The relation that a call of `ref` or `source` names; another text is SQL already.
fn relation(call: &str, state: &RunState) -> Option<Relation> {
    let session = &state.session;
    let package = state.package_name();
    let program = Program::parse("<to>", &format!("{{{{ {call} }}}}"), &Syntax::dbt()).ok()?;
    let model = Map::new();
    let subject = CaptureSubject { package_name: package, model: &model, test_kwargs: None };
    let captured = capture(&ParseSession(session.around.clone()), &subject, &program).ok()?;
    if let Some(args) = captured.sources.first() {
        let source = session.references().source(args, package)?;
        return Some(session.relation_of_source(source));
    }
    match session.references().node(captured.refs.first()?, package) {
        Found::One(node) => Some(of_node(node, session)),
        Found::Disabled | Found::Nothing => None,
    }
}

/// The relation of another environment where this command leaves the node to that one.
fn of_node(node: &crate::manifest::Node, session: &Session) -> Relation {
    let is_deferred =
        session.around.invocation.is_set("defer") && !session.is_selected(&node.unique_id);
    match session.deferred.get(&node.unique_id).filter(|_| is_deferred) {
        Some(deferred) => session.deferred_relation(deferred),
        None => session.relation_of(node),
    }
}
