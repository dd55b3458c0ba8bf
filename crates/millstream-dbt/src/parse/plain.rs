//! What a text refers to, told without rendering it: for texts that only call `ref`, `source`,
//! `function`, `config` and `var` with literals.

use millstream_jinja::{Call, Program};
use serde_json::{Map, Value};

use super::values::listed;
use super::yaml::is_template;
use crate::context::{Captured, ParseSession};
use crate::manifest::{RefArgs, SourceArgs};

/// Names whose meaning is known, as long as no macro has them.
const NAMES: &[&str] = &["ref", "source", "function", "config", "var"];

/// Whether macros of a package give names another meaning.
pub(super) fn is_overridden(session: &ParseSession, package: &str) -> bool {
    NAMES.iter().any(|name| session.0.macros.visible(package, name).is_some())
}

/// How dbt reads a text that is of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// By looking for calls, as it does with models if that suffices.
    Extractor,
    /// By rendering it.
    Renderer,
}

/// What a text says, if it is of this kind.
pub(super) fn captured(
    session: &ParseSession,
    package: &str,
    program: &Program,
    reader: Reader,
) -> Option<Captured> {
    let calls = program.plain_calls()?;
    // What dbt renders it also keeps as it is written.
    let is_static = reader == Reader::Extractor && is_static(program, &calls);
    let config_written = if is_static { None } else { config_written(program) };
    let mut captured = Captured { config_written, ..Captured::default() };
    for call in calls {
        match call.path[0] {
            "ref" => captured.refs.push(reference(&call)?),
            "source" => {
                let found = source(&call)?;
                if !(is_static && captured.sources.contains(&found)) {
                    captured.sources.push(found);
                }
            }
            "function" => captured.functions.push(function(&call)?),
            "config" => configure(&mut captured.config, &call)?,
            "var" => {
                let name = call.positional.first()?.as_ref()?.as_str()?;
                let known = session.0.vars.get(package, name);
                let is_template = known.and_then(Value::as_str).is_some_and(is_template);
                if is_template || (known.is_none() && call.positional.len() != 2) {
                    return None;
                }
            }
            _ => return None,
        }
    }
    Some(captured)
}

/// The first call of `config` as it is written.
pub(super) fn config_written(program: &Program) -> Option<Map<String, Value>> {
    let calls = program.calls();
    let call = calls.iter().find(|call| call.path == ["config"])?;
    let written = program.written(call).into_iter();
    Some(written.map(|(name, text)| (name.to_owned(), Value::from(text))).collect())
}

/// Whether dbt does not render a text either; it then notes each source once.
fn is_static(program: &Program, calls: &[Call<'_>]) -> bool {
    let is_rendered = ["{{-", "-}}", "{%"].iter().any(|mark| program.source().contains(mark));
    let is_text = |value: &Value| match value {
        Value::String(_) => true,
        Value::Array(items) => items.iter().all(Value::is_string),
        Value::Object(map) => map.values().all(Value::is_string),
        _ => false,
    };
    let is_known = |call: &Call<'_>| match call.path[0] {
        "config" => call.named.iter().all(|(key, value)| {
            !matches!(*key, "pre_hook" | "post_hook") && value.as_ref().is_some_and(is_text)
        }),
        name => !matches!(name, "var" | "function"),
    };
    !is_rendered && calls.iter().all(is_known)
}

/// The model that a call of `ref` names.
pub(super) fn reference(call: &Call<'_>) -> Option<RefArgs> {
    let text = |value: &Option<Value>| value.as_ref()?.as_str().map(str::to_owned);
    let (package, name) = match call.positional.as_slice() {
        [name] => (None, text(name)?),
        [package, name] => (Some(text(package)?), text(name)?),
        _ => return None,
    };
    let mut version = None;
    for (key, value) in &call.named {
        match *key {
            "v" | "version" => version = value.clone().filter(|version| !version.is_null()),
            _ => return None,
        }
    }
    Some(RefArgs { name, package, version })
}

/// The table that a call of `source` names.
pub(super) fn source(call: &Call<'_>) -> Option<SourceArgs> {
    match (call.positional.as_slice(), call.named.as_slice()) {
        ([Some(Value::String(source)), Some(Value::String(table))], []) => {
            Some(SourceArgs { source: source.clone(), table: table.clone() })
        }
        _ => None,
    }
}

/// The function that a call of `function` names.
fn function(call: &Call<'_>) -> Option<Vec<String>> {
    let text = |value: &Option<Value>| value.as_ref()?.as_str().map(str::to_owned);
    let is_plain = call.named.is_empty() && matches!(call.positional.len(), 1 | 2);
    is_plain.then(|| call.positional.iter().map(text).collect())?
}

/// Takes over simple settings; what adds up in its own way is left to the renderer.
fn configure(config: &mut Map<String, Value>, call: &Call<'_>) -> Option<()> {
    if !call.positional.is_empty() || call.named.is_empty() {
        return None;
    }
    let is_first = config.is_empty();
    for (key, value) in &call.named {
        let value = value.clone()?;
        if is_first {
            config.insert((*key).to_owned(), value);
            continue;
        }
        match *key {
            "tags" => {
                let mut list = config.get(*key).map(listed).unwrap_or_default();
                list.extend(listed(&value));
                config.insert((*key).to_owned(), Value::Array(list));
            }
            "materialized" | "alias" | "schema" | "database" | "enabled" | "unique_key" => {
                config.insert((*key).to_owned(), value);
            }
            _ => return None,
        }
    }
    Some(())
}
