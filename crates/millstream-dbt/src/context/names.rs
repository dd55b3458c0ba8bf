//! What names mean in templates: macros first, then dbt's own names.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use millstream_jinja::{Args, Host, Iter, Machine, Object, Outcome, Program, Shape, Syntax, Value};

use super::common;
use super::functions;
use super::surroundings::Surroundings;
use crate::manifest::MacroDef;

/// What the names of one rendering depend on.
pub(super) trait Names: fmt::Debug {
    /// The project and the command.
    fn surroundings(&self) -> &Surroundings;

    /// The package whose text is rendered.
    fn package(&self) -> &str;

    /// The value of a name that only this kind of rendering has.
    fn own(self: Rc<Self>, machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>>;

    /// A macro, ready to be called.
    fn macro_value(self: Rc<Self>, machine: &mut Machine<'_>, found: &Arc<MacroDef>) -> Value;

    /// What a variable is that is not set and has no default.
    fn missing_var(&self, name: &str) -> Outcome;

    /// What a variable is.
    fn var(&self, name: &str) -> Option<&serde_json::Value> {
        self.surroundings().vars.get(self.package(), name)
    }

    /// What a unit test puts in the place of one of dbt's own names.
    fn overridden(&self, _name: &str) -> Option<&serde_json::Value> {
        None
    }

    /// The variable of the process that a unit test puts in the place of the real one.
    fn env_var(&self, name: &str) -> Option<String> {
        self.surroundings().env_var.get(name)
    }
}

/// dbt's own names.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "adapter", "api", "builtins", "column", "compiled_code", "config", "context", "database",
    "dbt_metadata_envs", "dbt_version", "diff_of_two_dicts", "env", "env_var", "exceptions",
    "execute", "flags", "fromjson", "fromyaml", "graph", "invocation_args_dict", "invocation_id",
    "load_agate_table", "load_result", "local_md5", "log", "metric", "model", "modules",
    "post_hooks", "pre_hooks", "print", "project_name", "ref", "render", "return",
    "run_started_at", "schema", "selected_resources", "set", "set_strict", "source", "sql",
    "store_raw_result", "store_result", "target", "this", "thread_id", "tojson", "toyaml",
    "try_or_compiler_error", "validation", "var", "write", "zip", "zip_strict",
];

/// The host of one rendering.
pub(super) struct Context(pub(super) Rc<dyn Names>);

impl Host for Context {
    fn global(&self, machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        let names = &self.0;
        if name == "context" {
            return Ok(Some(Value::object(Everything(Rc::clone(names)))));
        }
        let macros = &names.surroundings().macros;
        if let Some(found) = macros.visible(names.package(), name) {
            return Ok(Some(Rc::clone(names).macro_value(machine, found)));
        }
        if macros.has_namespace(name) {
            let name = Arc::from(name);
            return Ok(Some(Value::object(Namespace { name, names: Rc::clone(names) })));
        }
        match names.overridden(name).filter(|_| NAMES.contains(&name)) {
            Some(value) => Ok(Some(Value::from_json(value))),
            None => builtin(names, machine, name),
        }
    }

    fn filter(&self, name: &str) -> Option<Value> {
        Some(match name {
            "as_text" | "as_number" | "as_bool" | "as_native" => {
                Value::function(name, |_, args: Args| args.one("this filter", "value"))
            }
            "is_list" => Value::function(name, |_, args: Args| {
                let value = args.one("is_list", "value")?;
                Ok(Value::Bool(matches!(value, Value::List(_))))
            }),
            _ => return None,
        })
    }
}

/// The value of one of dbt's own names.
pub(super) fn builtin(
    names: &Rc<dyn Names>,
    machine: &mut Machine<'_>,
    name: &str,
) -> Outcome<Option<Value>> {
    if let Some(found) = Rc::clone(names).own(machine, name)? {
        return Ok(Some(found));
    }
    if name == "builtins" {
        return Ok(Some(Value::object(Builtins(Rc::clone(names)))));
    }
    Ok(functions::find(name).or_else(|| common::find(names, name)))
}

/// Renders a text inside of a rendering.
pub(super) fn render(machine: &mut Machine<'_>, text: &str) -> Outcome<String> {
    if !has_template(text) {
        return Ok(text.to_owned());
    }
    let program = Program::parse("<template>", text, &Syntax::dbt())?;
    Ok(machine.render(&program)?)
}

/// Whether a text has anything to render.
pub(super) fn has_template(text: &str) -> bool {
    ["{{", "{%", "{#", "}}", "%}", "#}"].iter().any(|mark| text.contains(mark))
}

/// `context`: all names.
#[derive(Debug)]
struct Everything(Rc<dyn Names>);

impl Object for Everything {
    fn type_name(&self) -> &'static str {
        "ChainMap"
    }

    fn shape(&self) -> Shape {
        Shape::Mapping
    }

    fn iterate(&self) -> Option<Iter> {
        let macros = &self.0.surroundings().macros;
        let names = macros.names(self.0.package()).into_iter().chain(NAMES.iter().copied());
        Some(Iter::of(names.map(Value::text).collect()))
    }

    fn item(&self, machine: &mut Machine<'_>, key: &Value) -> Outcome<Option<Value>> {
        let Some(name) = key.as_text() else { return Ok(None) };
        let found = machine.global(name)?;
        Ok((!found.is_undefined()).then_some(found))
    }

    fn methods(&self) -> &'static [&'static str] {
        &["get"]
    }

    fn call_method(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let [key, default] = args.bind(name, ["key", "default"], 1)?;
        let found = self.item(machine, &key.unwrap_or(Value::None))?;
        Ok(found.or(default).unwrap_or(Value::None))
    }
}

/// `builtins`: dbt's own names, whatever macros override them.
#[derive(Debug)]
struct Builtins(Rc<dyn Names>);

impl Object for Builtins {
    fn type_name(&self) -> &'static str {
        "dict"
    }

    fn shape(&self) -> Shape {
        Shape::Mapping
    }

    fn iterate(&self) -> Option<Iter> {
        Some(Iter::of(NAMES.iter().map(|name| Value::text(*name)).collect()))
    }

    fn item(&self, machine: &mut Machine<'_>, key: &Value) -> Outcome<Option<Value>> {
        key.as_text().map_or(Ok(None), |name| builtin(&self.0, machine, name))
    }

    fn methods(&self) -> &'static [&'static str] {
        &["get"]
    }

    fn call_method(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let [key, default] = args.bind(name, ["key", "default"], 1)?;
        let found = self.item(machine, &key.unwrap_or(Value::None))?;
        Ok(found.or(default).unwrap_or(Value::None))
    }
}

/// The macros of a package: `dbt_utils.pivot(...)`.
#[derive(Debug)]
struct Namespace {
    name: Arc<str>,
    names: Rc<dyn Names>,
}

impl Object for Namespace {
    fn type_name(&self) -> &'static str {
        "MacroNamespace"
    }

    fn shape(&self) -> Shape {
        Shape::Mapping
    }

    fn iterate(&self) -> Option<Iter> {
        let macros = self.names.surroundings().macros.namespace(&self.name);
        Some(Iter::of(macros.map(|found| Value::text(found.name.as_str())).collect()))
    }

    fn item(&self, machine: &mut Machine<'_>, key: &Value) -> Outcome<Option<Value>> {
        let Some(name) = key.as_text() else { return Ok(None) };
        let found = self.names.surroundings().macros.within(&self.name, name);
        Ok(found.map(|found| Rc::clone(&self.names).macro_value(machine, found)))
    }

    fn methods(&self) -> &'static [&'static str] {
        &["get"]
    }

    fn call_method(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let [key, default] = args.bind(name, ["key", "default"], 1)?;
        let found = self.item(machine, &key.unwrap_or(Value::None))?;
        Ok(found.or(default).unwrap_or(Value::None))
    }
}
