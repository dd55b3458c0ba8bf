//! `adapter` and `api` while a project runs.

use std::rc::Rc;

use millstream_jinja::{Machine, Outcome, Value};
use serde_json::{Map, Value as Json};

use super::run_state::RunState;
use crate::adapter::{AdapterObject, Caller, Relation, Response, Table, TableValue, list_schema};

/// `adapter`.
pub(super) fn value(state: &Rc<RunState>) -> Value {
    Value::object(AdapterObject::new(caller(state)))
}

/// `api`.
pub(super) fn api(state: &Rc<RunState>) -> Value {
    AdapterObject::new(caller(state)).api()
}

/// Whether a relation is there.
pub(super) fn exists(
    state: &Rc<RunState>,
    machine: &mut Machine<'_>,
    relation: &Relation,
) -> Outcome<bool> {
    let path = &relation.path;
    let (database, schema) = (path.database.as_deref(), path.schema.as_deref());
    let known = list_schema(&caller(state), machine, database, schema)?;
    let name = path.identifier.as_ref().map(|name| name.to_lowercase());
    let is_it =
        |known: &Relation| known.path.identifier.as_ref().map(|name| name.to_lowercase()) == name;
    Ok(known.iter().any(is_it))
}

/// What a statement gave, besides rows.
pub(super) fn response(
    message: Option<&Value>,
    code: Option<&Value>,
    rows_affected: Option<&Value>,
) -> Outcome {
    Response::of_macro(message, code, rows_affected).map(Value::object)
}

/// A response as data.
pub(super) fn response_map(
    machine: &mut Machine<'_>,
    response: &Value,
) -> Outcome<Map<String, Json>> {
    if let Some(response) = response.as_object::<Response>() {
        return Ok(response.to_map());
    }
    match super::data::of(machine, response)? {
        Json::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

/// A table without rows.
pub(super) fn empty_table() -> Value {
    TableValue::silent(Table::default())
}

fn caller(state: &Rc<RunState>) -> Rc<dyn Caller> {
    Rc::clone(state) as Rc<dyn Caller>
}
