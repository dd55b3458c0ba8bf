//! The names of dbt's context that depend on the project and the command only.

use std::rc::Rc;

use millstream_core::clock::Timestamp;
use millstream_jinja::{Args, Machine, Object, Outcome, Value};
use serde_json::Map;

use super::env_var::SECRET_PREFIX;
use super::exceptions::Exceptions;
use super::failure::{FailureKind, raise};
use super::invocation::DBT_VERSION;
use super::log::LogLevel;
use super::names::{self, Names};
use super::surroundings::Surroundings;
use crate::python::{self, Moment};

/// The value of a name.
pub(super) fn find(names: &Rc<dyn Names>, name: &str) -> Option<Value> {
    let around = names.surroundings();
    let invocation = &around.invocation;
    if matches!(name, "invocation_id" | "run_started_at" | "modules") {
        around.moment.note();
    }
    Some(match name {
        "target" | "env" => target(around),
        "flags" => flags(&invocation.args),
        "invocation_id" => Value::text(invocation.id.as_str()),
        "invocation_args_dict" => of_map(&invocation.args),
        "dbt_metadata_envs" => of_map(&invocation.metadata_envs),
        "dbt_version" => Value::text(DBT_VERSION),
        "project_name" => Value::text(&*around.project_name),
        "database" => Value::text(around.target.database.as_str()),
        "schema" => Value::text(around.target.schema.as_str()),
        "thread_id" => Value::text("MainThread"),
        "selected_resources" => Value::list([]),
        "modules" => python::modules(&around.clock),
        "run_started_at" => {
            let started = Timestamp::from_micros(invocation.started_at_micros);
            Moment::utc_of(started).map_or(Value::None, Value::object)
        }
        "exceptions" => {
            let warnings = invocation.warnings.clone();
            Value::object(Exceptions { log: around.log.clone(), warnings })
        }
        "validation" => Value::dict([("any", Value::function("any", any_of))]),
        "var" => Value::object(Var(Rc::clone(names))),
        "env_var" => {
            let names = Rc::clone(names);
            Value::function(name, move |_, args| env_var(&*names, args))
        }
        "log" => {
            let log = around.log.clone();
            Value::function(name, move |_, args: Args| {
                let [message, info] = args.bind("log", ["msg", "info"], 1)?;
                let is_info = info.is_some_and(|info| info.truth());
                let level = if is_info { LogLevel::Info } else { LogLevel::Debug };
                log.line(level, &message.unwrap_or(Value::None).to_text()?);
                Ok(Value::text(""))
            })
        }
        "print" => {
            let log = around.log.clone();
            Value::function(name, move |_, args: Args| {
                log.line(LogLevel::Print, &args.one("print", "msg")?.to_text()?);
                Ok(Value::text(""))
            })
        }
        "render" => Value::function(name, |machine: &mut Machine<'_>, args: Args| {
            let text = args.one("render", "string")?.to_text()?;
            names::render(machine, &text).map(Value::from)
        }),
        _ => return None,
    })
}

/// The value of a map.
pub(super) fn of_map(map: &Map<String, serde_json::Value>) -> Value {
    Value::dict(map.iter().map(|(key, value)| (key.as_str(), Value::from_json(value))))
}

/// Secrets of the profile that templates do not see.
const HIDDEN: &[&str] = &["password", "pass", "keepalives_idle_password", "token"];

fn target(around: &Surroundings) -> Value {
    let target = &around.target;
    let mut fields = target.fields.clone();
    fields.retain(|key, _| !HIDDEN.contains(&key.as_str()));
    fields.insert("type".into(), target.kind.as_str().into());
    fields.insert("threads".into(), target.threads.into());
    fields.insert("name".into(), target.name.as_str().into());
    fields.insert("target_name".into(), target.name.as_str().into());
    fields.insert("profile_name".into(), target.profile_name.as_str().into());
    fields.insert("database".into(), target.database.as_str().into());
    fields.insert("dbname".into(), target.database.as_str().into());
    fields.insert("schema".into(), target.schema.as_str().into());
    of_map(&fields)
}

fn flags(args: &Map<String, serde_json::Value>) -> Value {
    let pairs = args.iter().map(|(key, value)| (key.to_uppercase(), Value::from_json(value)));
    let pairs: Vec<(String, Value)> = pairs.collect();
    Value::dict(pairs.iter().map(|(key, value)| (key.as_str(), value.clone())))
}

/// `validation.any[...]`: a function that refuses values which are none of these.
fn any_of(_machine: &mut Machine<'_>, args: Args) -> Outcome {
    let known = args.positional;
    Ok(Value::function("validator", move |_, args: Args| {
        let value = args.one("validator", "value")?;
        let shown = value.to_repr()?;
        let mut texts = Vec::new();
        for known in &known {
            if known.to_repr()? == shown {
                return Ok(Value::None);
            }
            texts.push(known.to_text()?.to_string());
        }
        let value = value.to_text()?;
        let message = format!("Expected value \"{value}\" to be one of {}", texts.join(","));
        Err(raise(FailureKind::Validation, message))
    }))
}

fn env_var(names: &dyn Names, args: Args) -> Outcome {
    let [name, default] = args.bind("env_var", ["var", "default"], 1)?;
    let name = name.unwrap_or(Value::None).to_text()?;
    if name.starts_with(SECRET_PREFIX) {
        let message = format!(
            "Secret env vars are allowed only in profiles.yml or packages.yml. Found '{name}' \
             referenced elsewhere."
        );
        return Err(raise(FailureKind::Parsing, message));
    }
    match (names.env_var(&name), default) {
        (Some(value), _) => Ok(Value::text(value)),
        (None, Some(default)) if !matches!(default, Value::None) => Ok(default),
        (None, _) => {
            let message = format!("Env var required but not provided: '{name}'");
            Err(raise(FailureKind::Parsing, message))
        }
    }
}

/// `var(name, default)` and `var.has_var(name)`.
#[derive(Debug)]
struct Var(Rc<dyn Names>);

impl Object for Var {
    fn type_name(&self) -> &'static str {
        "Var"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, machine: &mut Machine<'_>, args: Args) -> Outcome {
        let [name, default] = args.bind("var", ["var_name", "default"], 1)?;
        let name = name.unwrap_or(Value::None).to_text()?;
        match (self.0.var(&name), default) {
            (Some(serde_json::Value::String(text)), _) => {
                names::render(machine, text).map(Value::from)
            }
            (Some(value), _) => Ok(Value::from_json(value)),
            (None, Some(default)) => Ok(default),
            (None, None) => self.0.missing_var(&name),
        }
    }

    fn methods(&self) -> &'static [&'static str] {
        &["has_var"]
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let name = args.one(name, "var_name")?.to_text()?;
        Ok(Value::Bool(self.0.var(&name).is_some()))
    }
}
