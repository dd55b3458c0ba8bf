//! Python models: what they refer to stands in calls of `dbt.ref`, `dbt.source` and `dbt.config`,
//! which are read without running them, as dbt reads them.

mod calls;
mod imports;
mod literal;
mod model;
mod text;

use millstream_core::diagnostic::Place;
use millstream_files::{Mark, Report, whole};
use serde_json::Value;

use super::draft::Draft;
use super::values::listed;
use crate::manifest::{RefArgs, SourceArgs};
use calls::{Arguments, Callee};
pub(crate) use imports::imports;
pub(super) use model::definition;

/// The draft with what its text refers to. What dbt would refuse is reported.
pub(super) fn captured(mut draft: Draft, report: &mut Report) -> Option<Draft> {
    let text = draft.raw.clone();
    let mut is_sound = check(&draft, &text, report);
    for call in calls::calls(&text) {
        let place = || Mark::of_offset(&text, call.offset).within(&draft.shown);
        let name = call.callee.word();
        let Some(arguments) = call.arguments else {
            let message = format!("`dbt.{name}` is called with more than literals");
            let hint = "Python models are read without running them: write names out".to_owned();
            report.error("dbt.python_call", place(), message, hint);
            is_sound = false;
            continue;
        };
        let place = place();
        if take(&mut draft, call.callee, arguments).is_none() {
            let message = format!("`dbt.{name}` is called with other arguments than it takes");
            report.error("dbt.python_call", place, message, call.callee.usage().to_owned());
            is_sound = false;
        }
    }
    if asks(&draft) {
        for key in KEYS {
            draft.captured.config.entry(key).or_insert_with(|| Value::Array(Vec::new()));
        }
    }
    is_sound.then_some(draft)
}

/// What must be true of every model.
fn check(draft: &Draft, text: &str, report: &mut Report) -> bool {
    if let Some(offset) = text::template(text) {
        let place = Mark::of_offset(text, offset).within(&draft.shown);
        let hint = "use `dbt.ref`, `dbt.source` and `dbt.config.get`".to_owned();
        report.error("dbt.python_jinja", place, "No jinja in python model code is allowed", hint);
        return false;
    }
    let problems = model::problems(text);
    for (offset, message) in &problems {
        let place: Place = match offset {
            Some(offset) => Mark::of_offset(text, *offset).within(&draft.shown),
            None => whole(&draft.shown),
        };
        let hint = "a model is one function `def model(dbt, session)` that ends with `return` of \
                    what has rows"
            .to_owned();
        report.error("dbt.python_model", place, message.clone(), hint);
    }
    problems.is_empty()
}

/// What a model asks of its configuration and of its meta, with what it takes in place of it.
const KEYS: [&str; 4] =
    ["config_keys_used", "config_keys_defaults", "meta_keys_used", "meta_keys_defaults"];

fn asks(draft: &Draft) -> bool {
    KEYS.iter().any(|key| draft.captured.config.contains_key(*key))
}

/// Notes what a model asks for.
fn ask(draft: &mut Draft, arguments: Arguments, [used, defaults]: [&str; 2]) -> Option<()> {
    let mut given = arguments.positional.into_iter();
    let (name, usual) = (given.next()?, given.next().unwrap_or_default());
    if given.next().is_some() {
        return None;
    }
    for (key, value) in [(used, name), (defaults, usual)] {
        let list = draft.captured.config.entry(key).or_insert_with(|| Value::Array(Vec::new()));
        list.as_array_mut()?.push(value);
    }
    Some(())
}

fn take(draft: &mut Draft, callee: Callee, arguments: Arguments) -> Option<()> {
    match callee {
        Callee::Ref => draft.captured.refs.push(reference(arguments)?),
        Callee::Source => draft.captured.sources.push(source(&arguments)?),
        Callee::ConfigGet => ask(draft, arguments, [KEYS[0], KEYS[1]])?,
        Callee::ConfigMetaGet => ask(draft, arguments, [KEYS[2], KEYS[3]])?,
        Callee::Config => configure(draft, arguments)?,
    }
    Some(())
}

/// The model that a call names.
fn reference(arguments: Arguments) -> Option<RefArgs> {
    let mut names = arguments.positional.iter().map(|name| name.as_str().map(str::to_owned));
    let (package, name) = match (names.next(), names.next(), names.next()) {
        (Some(name), None, None) => (None, name?),
        (Some(package), Some(name), None) => (Some(package?), name?),
        _ => return None,
    };
    let mut version = None;
    for (key, value) in arguments.named {
        match key.as_str() {
            "v" | "version" => version = Some(value).filter(|version| !version.is_null()),
            _ => return None,
        }
    }
    Some(RefArgs { name, package, version })
}

/// The table that a call names.
fn source(arguments: &Arguments) -> Option<SourceArgs> {
    match (arguments.positional.as_slice(), arguments.named.as_slice()) {
        ([Value::String(source), Value::String(table)], []) => {
            Some(SourceArgs { source: source.clone(), table: table.clone() })
        }
        _ => None,
    }
}

/// Takes over settings: those that are named, or those of one dictionary. Tags add up.
fn configure(draft: &mut Draft, arguments: Arguments) -> Option<()> {
    let settings = match <[Value; 1]>::try_from(arguments.positional) {
        Ok([Value::Object(settings)]) if arguments.named.is_empty() => {
            settings.into_iter().collect()
        }
        Err(none) if none.is_empty() => arguments.named,
        _ => return None,
    };
    let config = &mut draft.captured.config;
    for (key, value) in settings {
        let value = match (key.as_str(), config.get(&key)) {
            ("tags", Some(before)) => {
                let mut tags = listed(before);
                tags.extend(listed(&value));
                Value::Array(tags)
            }
            _ => value,
        };
        config.insert(key, value);
    }
    Some(())
}

#[cfg(test)]
mod tests;
