//! `adapter` and `api` while a project runs.

use std::rc::Rc;

use millstream_jinja::{Args, Machine, Object, Outcome, Value};

use super::common::of_map;
use super::names::Names;
use super::run_state::RunState;
use crate::adapter::{Begin, Caller, Comment, Relation, Statement};

/// `adapter`.
pub(super) fn value(state: &Rc<RunState>) -> Value {
    Value::object(Adapter(Rc::clone(state)))
}

/// `api`.
pub(super) fn api(state: &Rc<RunState>) -> Value {
    Value::dict([("Relation", Value::object(state.relation_class()))])
}

/// Whether a relation is there.
pub(super) fn exists(
    state: &Rc<RunState>,
    _machine: &mut Machine<'_>,
    relation: &Relation,
) -> Outcome<bool> {
    let path = &relation.path;
    let known = state.cache().relations(path.database.as_deref(), path.schema.as_deref());
    Ok(known.is_some_and(|known| known.iter().any(|known| known.path == *path)))
}

/// What a statement gave, besides rows.
pub(super) fn response(
    message: Option<Value>,
    code: Option<Value>,
    rows_affected: Option<Value>,
) -> Value {
    Value::dict([
        ("_message", message.unwrap_or(Value::None)),
        ("code", code.unwrap_or(Value::None)),
        ("rows_affected", rows_affected.unwrap_or(Value::None)),
    ])
}

/// A response as data.
pub(super) fn response_map(
    machine: &mut Machine<'_>,
    response: &Value,
) -> Outcome<serde_json::Map<String, serde_json::Value>> {
    match super::data::of(machine, response)? {
        serde_json::Value::Object(map) => Ok(map),
        _ => Ok(serde_json::Map::new()),
    }
}

/// A table without rows.
pub(super) fn empty_table() -> Value {
    Value::dict([("rows", Value::list([]))])
}

#[derive(Debug)]
struct Adapter(Rc<RunState>);

impl Object for Adapter {
    fn type_name(&self) -> &'static str {
        "RuntimeDatabaseWrapper"
    }

    fn methods(&self) -> &'static [&'static str] {
        &["dispatch", "type", "execute", "commit"]
    }

    fn call_method(&self, machine: &mut Machine<'_>, name: &str, mut args: Args) -> Outcome {
        match name {
            "dispatch" => {
                let names = Rc::clone(&self.0) as Rc<dyn Names>;
                super::dispatch::dispatch(names, machine, args)
            }
            "execute" => {
                let begins = args.take("auto_begin").is_some_and(|it| it.truth());
                let begin = if begins { Begin::IfNone } else { Begin::Never };
                let sql = args.positional[0].to_text()?;
                let statement = Statement { sql: &sql, begin, comment: Comment::AsConfigured };
                let answer = self.0.execute(&statement)?;
                let text = |text: &str| Some(Value::text(text));
                let rows = answer.rows_affected.map(|rows| Value::from(rows as usize));
                let response = response(text(&answer.status), text(&answer.code), rows);
                Ok(Value::tuple([response, empty_table()]))
            }
            "commit" => self.0.commit().map(|()| Value::None),
            _ => Ok(of_map(&serde_json::Map::new())),
        }
    }
}
