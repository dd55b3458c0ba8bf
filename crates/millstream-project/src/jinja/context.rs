//! The functions of templates: `ref`, `source`, `config`, `var`, `env_var` and the rest.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_core::Relation;
use millstream_core::clock::Timestamp;
use millstream_core::step::Refresh;
use minijinja::value::{Kwargs, Object, Rest, Serde, Value, from_args};
use minijinja::{Environment, Error, ErrorKind, State};
use serde_json::Map;

use super::objects::{Exceptions, Moment, RelationValue};
use super::refusal::Refusal;
use super::{Globals, ModelName, Pass, Rendered, UnknownName};
use crate::report::meant;

/// Names of the functions, for hints.
pub(super) const FUNCTIONS: &[&str] =
    &["ref", "source", "config", "var", "env_var", "is_incremental", "log", "tojson", "fromjson"];

/// Variables of the process that a template may not show.
const SECRET_PREFIX: &str = "DBT_ENV_SECRET";

/// What one rendering is told and what it says.
#[derive(Debug, Default)]
pub(super) struct Session {
    pass: Option<Pass>,
    rendered: Rendered,
}

impl Session {
    pub(super) fn start_value(&mut self) {
        *self = Self::default();
    }

    pub(super) fn start_sql(&mut self, pass: Pass) {
        *self = Self { pass: Some(pass), rendered: Rendered::default() };
    }

    pub(super) fn finish(&mut self, sql: String) -> Rendered {
        let mut rendered = std::mem::take(&mut self.rendered);
        rendered.sql = sql;
        rendered
    }

    fn input(&mut self, relation: &Relation) -> Value {
        if !self.rendered.inputs.contains(relation) {
            self.rendered.inputs.push(relation.clone());
        }
        Value::from_object(RelationValue(relation.clone()))
    }

    /// Goes on with a placeholder, so that all names that are not there are found at once.
    fn unknown(&mut self, unknown: UnknownName) -> Value {
        if !self.rendered.unknown.contains(&unknown) {
            self.rendered.unknown.push(unknown);
        }
        Value::from("unknown")
    }

    fn setting(&self, key: &str) -> Option<serde_json::Value> {
        let outside = || self.pass.as_ref().and_then(|pass| pass.config.get(key));
        self.rendered.config.get(key).or_else(outside).cloned()
    }
}

type Shared = Arc<Mutex<Session>>;

fn lock(session: &Shared) -> MutexGuard<'_, Session> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds everything that templates can use.
pub(super) fn install(env: &mut Environment<'static>, globals: Globals, session: &Shared) {
    let target = BTreeMap::from([
        ("name", Value::from(globals.environment.as_str())),
        ("schema", Value::from(millstream_core::name::DEFAULT_SCHEMA)),
        ("type", Value::from("millstream")),
        ("database", Value::from("millstream")),
        ("profile_name", Value::from(globals.projects.first().cloned().unwrap_or_default())),
        ("threads", Value::from(globals.threads)),
    ]);
    env.add_global("target", Value::from(target));
    env.add_global("execute", true);
    env.add_global("exceptions", Value::from_object(Exceptions));
    env.add_global("config", Value::from_object(Config(Arc::clone(session))));
    env.add_global("this", Value::from_object(This(Arc::clone(session))));
    env.add_global("run_started_at", Value::from_object(RunStartedAt(Arc::clone(session))));
    env.add_function("log", |_message: Value, _options: Kwargs| Value::from(""));
    env.add_function("print", |_message: Value| Value::from(""));
    env.add_function("tojson", to_json);
    env.add_function("fromjson", from_json);
    for filter in ["as_text", "as_number", "as_bool", "as_native"] {
        env.add_filter(filter, |value: Value| value);
    }
    add_names(env, &globals, session);
    add_values(env, globals);
}

fn add_names(env: &mut Environment<'static>, globals: &Globals, session: &Shared) {
    let (projects, shared) = (globals.projects.clone(), Arc::clone(session));
    env.add_function("ref", move |names: Rest<String>, options: Kwargs| {
        refer(&shared, &projects, &names, &options)
    });
    let shared = Arc::clone(session);
    env.add_function("source", move |source: &str, stream: &str| {
        Ok::<_, Error>(read(&mut lock(&shared), source, stream))
    });
    let shared = Arc::clone(session);
    env.add_function("is_incremental", move || {
        let session = lock(&shared);
        let incremental = session.setting("materialized").is_some_and(|kind| kind == "incremental");
        let pass = session.pass.as_ref();
        incremental && pass.is_some_and(|pass| pass.refresh == Refresh::Incremental)
    });
}

fn add_values(env: &mut Environment<'static>, globals: Globals) {
    let Globals { vars, env_var, .. } = globals;
    env.add_function("var", move |name: &str, default: Rest<Value>| {
        match (vars.get(name), default.first()) {
            (Some(value), _) => Ok(plain(value)),
            (None, Some(default)) => Ok(default.clone()),
            (None, None) => {
                let names = vars.keys().map(String::as_str);
                let hint = meant(name, names, "").filter(|hint| hint.starts_with("did"));
                let other = format!(
                    "set it under `vars:` in millstream.yml, or give a default: var('{name}', ...)"
                );
                let message = format!("variable `{name}` is not set");
                Err(Refusal::error("var.missing", message, hint.unwrap_or(other)))
            }
        }
    });
    env.add_function("env_var", move |name: &str, default: Rest<Value>| {
        if name.starts_with(SECRET_PREFIX) {
            let message = format!("`{name}` is a secret and cannot be rendered");
            let hint = format!("give a secret by reference: `{{env: {name}}}`");
            return Err(Refusal::error("secret.rendered", message, hint));
        }
        match (env_var.get(name), default.first()) {
            (Some(value), _) => Ok(Value::from(value)),
            (None, Some(default)) => Ok(default.clone()),
            (None, None) => Err(Refusal::error(
                "var.missing",
                format!("environment variable `{name}` is not set"),
                format!("set it, or give a default: env_var('{name}', '...')"),
            )),
        }
    });
}

fn refer(
    shared: &Shared,
    projects: &[String],
    names: &[String],
    options: &Kwargs,
) -> Result<Value, Error> {
    if options.has("v") || options.has("version") {
        let message = "versions of SQL models are not supported";
        return Err(Refusal::error("ref.unknown", message, "leave `v` out".to_owned()));
    }
    let name = match names {
        [name] => name,
        [project, name] if projects.contains(project) => name,
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
    let mut session = lock(shared);
    let Some(pass) = &session.pass else {
        return Ok(Value::from(format!("ref('{name}')")));
    };
    let known = Arc::clone(&pass.names);
    Ok(match known.models.get(name) {
        Some(ModelName::At(relation)) => session.input(relation),
        Some(ModelName::Disabled) => session.unknown(UnknownName {
            code: "ref.unknown",
            message: format!("model `{name}` is not enabled"),
            hint: Some("enable it, or leave this reference out".to_owned()),
            quoted: name.clone(),
        }),
        None => session.unknown(UnknownName {
            code: "ref.unknown",
            message: format!("there is no model `{name}`"),
            hint: meant(name, known.models.keys().map(String::as_str), "the project has no models"),
            quoted: name.clone(),
        }),
    })
}

fn read(session: &mut Session, source: &str, stream: &str) -> Value {
    let Some(pass) = &session.pass else {
        return Value::from(format!("source('{source}', '{stream}')"));
    };
    let known = Arc::clone(&pass.names);
    match known.stream(source, stream) {
        Ok(relation) => session.input(relation),
        Err(unknown) => session.unknown(unknown),
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

fn plain(value: impl serde::Serialize) -> Value {
    Value::from(Serde(value))
}

#[expect(clippy::needless_pass_by_value, reason = "the engine hands values over")]
fn to_json(value: Value) -> Result<String, Error> {
    serde_json::to_string(&value)
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
}

fn from_json(text: &str) -> Result<Value, Error> {
    serde_json::from_str::<serde_json::Value>(text)
        .map(plain)
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
}

/// `config(...)`, `config.get('key')`.
#[derive(Debug)]
struct Config(Shared);

impl Object for Config {
    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let (positional, options): (Rest<Value>, Kwargs) = from_args(args)?;
        let mut said: Map<String, serde_json::Value> = Map::new();
        for map in positional.iter() {
            match serde_json::to_value(map) {
                Ok(serde_json::Value::Object(map)) => said.extend(map),
                _ => return Err(Error::new(ErrorKind::InvalidOperation, "config takes key=value")),
            }
        }
        for key in options.args() {
            let value: Value = options.peek(key)?;
            let value = serde_json::to_value(&value)
                .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))?;
            said.insert(key.to_owned(), value);
        }
        options.args().for_each(|key| drop(options.get::<Value>(key)));
        lock(&self.0).rendered.config.extend(said);
        Ok(Value::from(""))
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let required = match method {
            "get" => false,
            "require" => true,
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        };
        let (key, default, _options): (&str, Option<Value>, Kwargs) = from_args(args)?;
        match lock(&self.0).setting(key) {
            Some(value) => Ok(plain(value)),
            None if required => {
                let message = format!("the model has no configuration `{key}`");
                Err(Refusal::error("model.config", message, None))
            }
            None => Ok(default.unwrap_or(Value::from(()))),
        }
    }
}

/// `this`: the model's own table.
#[derive(Debug)]
struct This(Shared);

impl This {
    fn relation(&self) -> Option<Relation> {
        lock(&self.0).pass.as_ref().map(|pass| pass.this.clone())
    }
}

impl Object for This {
    fn repr(self: &Arc<Self>) -> minijinja::value::ObjectRepr {
        minijinja::value::ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Arc::new(RelationValue(self.relation()?)).get_value(key)
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.relation() {
            Some(relation) => f.write_str(&relation.quoted()),
            None => Ok(()),
        }
    }
}

/// `run_started_at`: the time of the run, and a note that it was asked for.
#[derive(Debug)]
struct RunStartedAt(Shared);

impl RunStartedAt {
    fn moment(&self) -> Arc<Moment> {
        let mut session = lock(&self.0);
        session.rendered.reads_clock = true;
        let now = session.pass.as_ref().map(|pass| pass.now);
        Arc::new(Moment(now.unwrap_or(Timestamp::from_micros(0))))
    }
}

impl Object for RunStartedAt {
    fn repr(self: &Arc<Self>) -> minijinja::value::ObjectRepr {
        minijinja::value::ObjectRepr::Plain
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        self.moment().call_method(state, method, args)
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.moment().render(f)
    }
}
