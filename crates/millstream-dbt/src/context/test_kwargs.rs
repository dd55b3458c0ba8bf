//! The arguments of a generic test, which can be templates themselves.

use millstream_jinja::{Error, Machine, Program, Syntax, Value};
use serde_json::{Map, Value as Json};

use super::names::has_template;

/// Functions that stand in arguments without braces.
const FUNCTIONS: &[&str] = &["env_var", "ref", "var", "source", "doc"];

/// The values of arguments. A text that is one expression stands for the value of it.
pub(super) fn rendered(
    machine: &mut Machine<'_>,
    kwargs: &Map<String, Json>,
) -> Result<Value, Error> {
    let mut pairs = Vec::with_capacity(kwargs.len());
    for (key, value) in kwargs {
        let value = match key.as_str() {
            "column_name" => Value::from_json(value),
            _ => rendered_value(machine, value)?,
        };
        pairs.push((key.as_str(), value));
    }
    Ok(Value::dict(pairs))
}

fn rendered_value(machine: &mut Machine<'_>, value: &Json) -> Result<Value, Error> {
    Ok(match value {
        Json::String(text) => rendered_text(machine, text)?,
        Json::Array(items) => {
            let items = items.iter().map(|item| rendered_value(machine, item));
            Value::list(items.collect::<Result<Vec<_>, _>>()?)
        }
        Json::Object(map) => {
            let pairs = map.iter().map(|(key, value)| {
                rendered_value(machine, value).map(|value| (key.as_str(), value))
            });
            Value::dict(pairs.collect::<Result<Vec<_>, _>>()?)
        }
        other => Value::from_json(other),
    })
}

fn rendered_text(machine: &mut Machine<'_>, text: &str) -> Result<Value, Error> {
    let braced = is_call(text).then(|| format!("{{{{ {text} }}}}"));
    let text = braced.as_deref().unwrap_or(text);
    if !has_template(text) {
        return Ok(Value::text(text));
    }
    machine.value_of(&Program::parse("<argument of the test>", text, &Syntax::dbt())?)
}

/// Whether a text is `ref(...)` or the like.
fn is_call(text: &str) -> bool {
    let text = text.trim();
    let Some((name, rest)) = text.split_once('(') else { return false };
    FUNCTIONS.contains(&name.trim_end()) && rest.len() > 1 && rest.ends_with(')')
}
