//! What templates can name: `ref`, `source`, `config`, `var`, `env_var`, macros and the rest.

use std::rc::Rc;
use std::sync::Arc;

use millstream_core::Relation;
use millstream_jinja::{
    Args, Error, ErrorKind, Host, Interrupt, Keys, Machine, Outcome, Value, dumps,
};

use super::adapter::{Adapter, Namespace};
use super::constants::{self, Modules};
use super::objects::Exceptions;
use super::refusal::Refusal;
use super::state::{Config, RunStartedAt, Shared, State, This};
use super::{Globals, ModelName, UnknownName};
use crate::macros::Macros;
use millstream_files::meant;

/// Names of the functions, for hints.
pub(super) const FUNCTIONS: &[&str] = &[
    "ref",
    "source",
    "config",
    "var",
    "env_var",
    "is_incremental",
    "log",
    "return",
    "tojson",
    "fromjson",
];

/// Variables of the process that a template may not show.
const SECRET_PREFIX: &str = "DBT_ENV_SECRET";

/// Filters of dbt that say of which type a value is; here the type is what the value says.
const TYPE_FILTERS: [&str; 4] = ["as_text", "as_number", "as_bool", "as_native"];

/// What the templates of one rendering can name.
pub(super) struct Context<'a> {
    pub(super) globals: &'a Arc<Globals>,
    pub(super) macros: &'a Arc<Macros>,
    pub(super) state: Shared,
}

impl Host for Context<'_> {
    fn global(&self, machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        if let Some(local) = self.local(name) {
            return Ok(Some(local));
        }
        if let Some(found) = self.macros.get(name) {
            return machine.macro_of(&found.program, &found.definition).map(Some);
        }
        let state = || Rc::clone(&self.state);
        Ok(Some(match name {
            "target" => self.target(),
            "exceptions" => Value::object(Exceptions),
            "adapter" => Value::object(Adapter(Arc::clone(self.macros))),
            "modules" => Value::object(Modules(state())),
            "config" => Value::object(Config(state())),
            "this" => Value::object(This(state())),
            "run_started_at" => Value::object(RunStartedAt(state())),
            "tojson" => Value::function(name, to_json),
            "fromjson" => Value::function(name, from_json),
            "return" => Value::function(name, |_, args: Args| {
                Err(Interrupt::returning(args.one("return", "data")?))
            }),
            _ => return Ok(self.other(name)),
        }))
    }

    fn filter(&self, name: &str) -> Option<Value> {
        TYPE_FILTERS
            .contains(&name)
            .then(|| Value::function(name, |_, args: Args| args.one("this filter", "value")))
    }
}

impl Context<'_> {
    /// The value of a name that only this rendering has.
    fn local(&self, name: &str) -> Option<Value> {
        let state = self.state.borrow();
        state.pass.as_ref()?.locals.get(name).map(Value::from_json)
    }

    fn target(&self) -> Value {
        let Globals { environment, threads, projects, .. } = &**self.globals;
        Value::dict([
            ("name", Value::text(environment.as_str())),
            ("schema", Value::text(millstream_core::name::DEFAULT_SCHEMA)),
            ("type", Value::text("millstream")),
            ("database", Value::text("millstream")),
            ("profile_name", Value::text(projects.first().map_or("", String::as_str))),
            ("threads", Value::from(*threads)),
        ])
    }

    /// What is not an object of its own.
    fn other(&self, name: &str) -> Option<Value> {
        let found = self.function(name).or_else(|| constants::find(name));
        found.or_else(|| {
            let macros = self.macros.has_namespace(name).then(|| Arc::clone(self.macros))?;
            Some(Value::object(Namespace { name: name.to_owned(), macros }))
        })
    }

    /// The functions that need the project or the rendering.
    fn function(&self, name: &str) -> Option<Value> {
        let (globals, state) = (Arc::clone(self.globals), Rc::clone(&self.state));
        Some(match name {
            "ref" => Value::function(name, move |_, args| {
                refer(&mut state.borrow_mut(), &globals.projects, args)
            }),
            "source" => Value::function(name, move |_, args: Args| {
                let [source, stream] = args.bind("source", ["source", "table"], 2)?;
                let (source, stream) = (text(source)?, text(stream)?);
                Ok(read(&mut state.borrow_mut(), &source, &stream))
            }),
            "is_incremental" => {
                Value::function(name, move |_, _| Ok(Value::Bool(state.borrow().is_incremental())))
            }
            "var" => Value::function(name, move |_, args| var(&globals, args)),
            "env_var" => Value::function(name, move |_, args| env_var(&globals, args)),
            _ => return None,
        })
    }
}

/// An argument that is a text.
fn text(value: Option<Value>) -> Outcome<Arc<str>> {
    match value {
        Some(Value::Text(text)) => Ok(text),
        other => {
            let kind = other.as_ref().map_or("nothing", Value::type_name);
            Err(unfit(format!("a name is needed here, not {kind}")))
        }
    }
}

fn unfit(message: String) -> Interrupt {
    Error::new(ErrorKind::Operation, message).into()
}

fn var(globals: &Globals, args: Args) -> Outcome {
    let [name, default] = args.bind("var", ["name", "default"], 1)?;
    let name = text(name)?;
    match (globals.vars.get(&*name), default) {
        (Some(value), _) => Ok(Value::from_json(value)),
        (None, Some(default)) => Ok(default),
        (None, None) => {
            let names = globals.vars.keys().map(String::as_str);
            let hint = meant(&name, names, "").filter(|hint| hint.starts_with("did"));
            let other = format!(
                "set it under `vars:` in millstream.yml, or give a default: var('{name}', ...)"
            );
            let message = format!("variable `{name}` is not set");
            Err(Refusal::error("var.missing", message, hint.unwrap_or(other)))
        }
    }
}

fn env_var(globals: &Globals, args: Args) -> Outcome {
    let [name, default] = args.bind("env_var", ["var", "default"], 1)?;
    let name = text(name)?;
    if name.starts_with(SECRET_PREFIX) {
        let message = format!("`{name}` is a secret and cannot be rendered");
        let hint = format!("give a secret by reference: `{{env: {name}}}`");
        return Err(Refusal::error("secret.rendered", message, hint));
    }
    match (globals.env_var.get(&name), default) {
        (Some(value), _) => Ok(Value::text(value)),
        (None, Some(default)) => Ok(default),
        (None, None) => Err(Refusal::error(
            "var.missing",
            format!("environment variable `{name}` is not set"),
            format!("set it, or give a default: env_var('{name}', '...')"),
        )),
    }
}

fn refer(state: &mut State, projects: &[String], args: Args) -> Outcome {
    if args.named.iter().any(|(name, _)| matches!(&**name, "v" | "version")) {
        let message = "versions of SQL models are not supported";
        return Err(Refusal::error("ref.unknown", message, "leave `v` out".to_owned()));
    }
    let names = args.positional.into_iter().map(|name| text(Some(name)));
    let names = names.collect::<Outcome<Vec<_>>>()?;
    let name = match &names[..] {
        [name] => name,
        [project, name] if projects.iter().any(|own| **own == **project) => name,
        [project, name] => {
            let message = format!("`ref('{project}', '{name}')` names another project");
            let hint = format!("this project is `{}`", projects.join("` or `"));
            return Err(Refusal::error("ref.unknown", message, hint));
        }
        _ => {
            let message = "`ref` takes the name of a model";
            return Err(Refusal::error("ref.unknown", message, "ref('model')".to_owned()));
        }
    };
    let Some(pass) = &state.pass else {
        return Ok(Value::text(format!("ref('{name}')")));
    };
    let known = Arc::clone(&pass.names);
    Ok(match known.models.get(&**name) {
        Some(ModelName::At(relation)) => state.input(relation),
        Some(ModelName::Ephemeral(inlined)) => state.inlined(inlined),
        Some(ModelName::Disabled) => state.unknown(UnknownName {
            code: "ref.unknown",
            message: format!("model `{name}` is not enabled"),
            hint: Some("enable it, or leave this reference out".to_owned()),
            quoted: name.to_string(),
        }),
        None => state.unknown(UnknownName {
            code: "ref.unknown",
            message: format!("there is no model `{name}`"),
            hint: meant(name, known.models.keys().map(String::as_str), "the project has no models"),
            quoted: name.to_string(),
        }),
    })
}

fn read(state: &mut State, source: &str, stream: &str) -> Value {
    let Some(pass) = &state.pass else {
        return Value::text(format!("source('{source}', '{stream}')"));
    };
    let known = Arc::clone(&pass.names);
    match known.stream(source, stream) {
        Ok(relation) => state.input(relation),
        Err(unknown) => state.unknown(unknown),
    }
}

impl super::Names {
    /// The table of a stream.
    pub(crate) fn stream(&self, source: &str, stream: &str) -> Result<&Relation, UnknownName> {
        if let Some(relation) = self.streams.get(&(source.to_owned(), stream.to_owned())) {
            return Ok(relation);
        }
        let of_source = self.streams.keys().filter(|key| key.0 == source).map(|key| key.1.as_str());
        let (message, hint, quoted) = if of_source.clone().next().is_some() {
            let message = format!("source `{source}` has no stream `{stream}`");
            (message, meant(stream, of_source, ""), stream)
        } else {
            let mut sources: Vec<&str> = self.streams.keys().map(|key| key.0.as_str()).collect();
            sources.dedup();
            let hint = meant(source, sources, "declare it in a file under sources/");
            (format!("there is no source `{source}`"), hint, source)
        };
        Err(UnknownName { code: "source.unknown", message, hint, quoted: quoted.to_owned() })
    }
}

/// What cannot be written gives the default.
fn to_json(_machine: &mut Machine<'_>, args: Args) -> Outcome {
    let [value, default, sorted] = args.bind("tojson", ["value", "default", "sort_keys"], 1)?;
    let sorted = sorted.is_some_and(|sorted| sorted.truth());
    let keys = if sorted { Keys::Sorted } else { Keys::InOrder };
    match (dumps(&value.unwrap_or(Value::None), keys, None), default) {
        (Ok(text), _) => Ok(Value::text(text)),
        (Err(_), Some(default)) => Ok(default),
        (Err(error), None) => Err(error),
    }
}

/// What cannot be read gives the default.
fn from_json(_machine: &mut Machine<'_>, args: Args) -> Outcome {
    let [value, default] = args.bind("fromjson", ["string", "default"], 1)?;
    match (serde_json::from_str(&text(value)?), default) {
        (Ok(json), _) => Ok(Value::from_json(&json)),
        (Err(_), Some(default)) => Ok(default),
        (Err(error), None) => Err(unfit(format!("this is no JSON: {error}"))),
    }
}
