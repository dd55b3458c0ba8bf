//! The comment in front of every statement, which says who sent it.

use std::rc::Rc;

use millstream_jinja::{Args, Error, Keys, Machine, Program, Settings, Syntax, Value, dumps};
use serde_json::{Value as Json, json};

use super::failure::{Failure, FailureKind};
use super::invocation::DBT_VERSION;
use super::names::{Context, Names};
use super::run_state::RunState;

/// What is added to every statement of a rendering.
#[derive(Debug, Default)]
pub(super) struct QueryComment {
    text: String,
    place: Place,
}

/// Where the comment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Before,
    Behind,
}

impl QueryComment {
    /// The comment of a rendering, as the project wants it.
    pub(super) fn of(state: &Rc<RunState>) -> Result<Self, Failure> {
        let setting = state.session.around.query_comment.as_ref();
        let (text, appends) = match setting {
            None => (None, false),
            Some(Json::Object(map)) => {
                let appends = map.get("append").and_then(Json::as_bool) == Some(true);
                (map.get("comment"), appends)
            }
            Some(other) => (Some(other), false),
        };
        let text = match text {
            None => usual(state),
            Some(Json::String(text)) => rendered(state, text)?,
            Some(_) => String::new(),
        };
        if text.contains("*/") {
            let message = format!("query comment contains illegal value \"*/\": {text}");
            return Err(Failure::new(FailureKind::Runtime, message).of(state.subject()));
        }
        let place = if appends { Place::Behind } else { Place::Before };
        Ok(Self { text: text.trim().to_owned(), place })
    }

    /// A statement with the comment.
    pub(super) fn with(&self, sql: &str) -> String {
        let comment = &self.text;
        if comment.is_empty() {
            return sql.to_owned();
        }
        if self.place == Place::Before {
            return format!("/* {comment} */\n{sql}");
        }
        let sql = sql.trim_end();
        match sql.strip_suffix(';') {
            Some(sql) => format!("{sql}\n/* {comment} */;"),
            None => format!("{sql}\n/* {comment} */"),
        }
    }
}

/// A comment of the project, which is the body of a macro.
fn rendered(state: &Rc<RunState>, text: &str) -> Result<String, Failure> {
    let source = format!(
        "{{%- macro query_comment_macro(connection_name, node) -%}}\n{text}\n{{% endmacro %}}"
    );
    let fail = |error: Error| Failure::of_template(&error, Some(state.subject()));
    let program = Program::parse("query-comment", &source, &Syntax::dbt()).map_err(fail)?;
    let Some(definition) = program.definitions().first() else { return Ok(String::new()) };
    let context = Context(Rc::clone(state) as Rc<dyn Names>);
    let mut machine = Machine::new(&context, Settings::default());
    let callee = machine.macro_alone(&program, definition);
    let model = match state.node() {
        Some(_) => machine.global("model"),
        None => Ok(Value::None),
    };
    let name = Value::text(state.unique_id().as_str());
    let text = model
        .and_then(|model| machine.call(&callee, Args::of([name, model])))
        .and_then(|text| text.to_text());
    Ok(text.map_err(|error| fail(error.into_error()))?.to_string())
}

/// What dbt writes unless a project says something else.
fn usual(state: &RunState) -> String {
    let around = &state.session.around;
    let key = if state.node().is_some() { "node_id" } else { "connection_name" };
    let comment = json!({
        "app": "dbt",
        "dbt_version": DBT_VERSION,
        "profile_name": around.target.profile_name,
        "target_name": around.target.name,
        key: state.unique_id(),
    });
    dumps(&Value::from_json(&comment), Keys::InOrder, None).unwrap_or_default()
}
