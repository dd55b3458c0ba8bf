//! `config` while a project runs: the configuration of what is rendered.

use std::rc::Rc;

use millstream_jinja::{Args, Machine, Object, Outcome, Value};
use serde_json::Value as Json;

use super::failure::{FailureKind, raise};
use super::run_state::RunState;

/// `config` of a rendering.
#[derive(Debug)]
pub(super) struct RunConfig(pub(super) Rc<RunState>);

const METHODS: &[&str] = &[
    "get",
    "require",
    "meta_get",
    "meta_require",
    "set",
    "persist_relation_docs",
    "persist_column_docs",
];

/// Keys that every node has, if only as nothing: a default does not count for them.
const ALWAYS_THERE: &[&str] = &[
    "alias",
    "schema",
    "database",
    "group",
    "incremental_strategy",
    "batch_size",
    "begin",
    "unique_key",
    "full_refresh",
    "event_time",
    "concurrent_batches",
    "column_types",
    "where",
    "limit",
    "store_failures",
    "store_failures_as",
    "strategy",
    "target_schema",
    "target_database",
    "updated_at",
    "check_cols",
    "quote_columns",
];

impl RunConfig {
    /// What is said for a key; nothing may be said explicitly.
    fn found(&self, key: &str) -> Option<Json> {
        let config = self.0.config()?;
        let key = if key.ends_with("-hook") { key.replace('-', "_") } else { key.to_owned() };
        match config.0.get(&key) {
            Some(value) => Some(value.clone()),
            None if ALWAYS_THERE.contains(&key.as_str()) && self.0.node().is_some() => {
                Some(Json::Null)
            }
            None => None,
        }
    }

    fn found_meta(&self, key: &str) -> Option<Json> {
        self.0.config()?.get("meta")?.get(key).cloned()
    }

    fn looked_up(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let is_required = name.ends_with("require");
        let params = if is_required {
            let [key, validator] = args.bind(name, ["name", "validator"], 1)?;
            [key, None, validator]
        } else {
            args.bind(name, ["name", "default", "validator"], 1)?
        };
        let [key, default, validator] = params;
        let key = key.unwrap_or(Value::None).to_text()?;
        let found = if name.starts_with("meta") { self.found_meta(&key) } else { self.found(&key) };
        let value = match (found, is_required) {
            (Some(found), _) => Value::from_json(&found),
            (None, true) => {
                let id = self.0.unique_id();
                let message =
                    format!("Model '{id}' does not define a required config parameter '{key}'.");
                return Err(raise(FailureKind::Compilation, message));
            }
            (None, false) => default.clone().unwrap_or(Value::None),
        };
        let is_checked = is_required || default.is_some_and(|it| !matches!(it, Value::None));
        if let (Some(validator), true) = (validator, is_checked)
            && validator.is_callable()
        {
            machine.call(&validator, Args::of([value.clone()]))?;
        }
        Ok(value)
    }

    fn persists(&self, what: &str) -> Outcome {
        match self.found("persist_docs") {
            None | Some(Json::Null) => Ok(Value::Bool(false)),
            Some(Json::Object(map)) => {
                Ok(map.get(what).map_or(Value::Bool(false), Value::from_json))
            }
            Some(other) => {
                let kind = Value::from_json(&other).type_name();
                let message = format!(
                    "Invalid value provided for 'persist_docs'. Expected dict but received <class \
                     '{kind}'>"
                );
                Err(raise(FailureKind::Compilation, message))
            }
        }
    }
}

impl Object for RunConfig {
    fn type_name(&self) -> &'static str {
        "RuntimeConfigObject"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, _machine: &mut Machine<'_>, _args: Args) -> Outcome {
        Ok(Value::text(""))
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok((name == "model").then(|| self.0.model()))
    }

    fn methods(&self) -> &'static [&'static str] {
        METHODS
    }

    fn call_method(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        match name {
            "set" => Ok(Value::text("")),
            "persist_relation_docs" => self.persists("relation"),
            "persist_column_docs" => self.persists("columns"),
            _ => self.looked_up(machine, name, args),
        }
    }
}
