//! Rendering while a project is read: what a text refers to and how it configures itself.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use millstream_jinja::{
    Args, Machine, Object, Outcome, Program, Settings, UndefinedMode, Value, Writer,
};
use serde_json::{Map, Value as Json, json};

use super::config_call::ParseConfig;
use super::failure::{Failure, FailureKind, Subject, raise};
use super::names::{Context, Names};
use super::surroundings::Surroundings;
use super::{Captured, test_kwargs};
use crate::adapter::{AdapterObject, Path, Relation, RelationCache, RelationValue};
use crate::manifest::{MacroDef, RefArgs, SourceArgs, UniqueId};

/// What is rendered while a project is read.
#[derive(Debug, Clone, Copy)]
pub struct CaptureSubject<'a> {
    /// The package that has the text.
    pub package_name: &'a str,
    /// What `model` is, with dbt's keys: `resource_type`, `name`, `unique_id`, `fqn`,
    /// `original_file_path`, `database`, `schema`, `alias` and what else is known already.
    pub model: &'a Map<String, Json>,
    /// The arguments of a generic test.
    pub test_kwargs: Option<&'a Map<String, Json>>,
}

impl CaptureSubject<'_> {
    fn named(&self) -> Subject {
        let text = |key: &str| self.model.get(key).and_then(Json::as_str).unwrap_or_default();
        let (kind, name) = (text("resource_type").to_owned(), text("name").to_owned());
        Subject { kind, name, path: text("original_file_path").to_owned() }
    }
}

/// What the texts of a project are rendered with while it is read.
#[derive(Debug, Clone, Default)]
pub struct ParseSession(pub Surroundings);

/// Names that are different in every command.
const VOLATILE: &[&str] = &[
    "flags",
    "invocation_args_dict",
    "invocation_id",
    "dbt_metadata_envs",
    "run_started_at",
    "modules",
];

/// Renders a text with `execute` false, for what it refers to.
pub fn capture(
    session: &ParseSession,
    subject: &CaptureSubject<'_>,
    program: &Arc<Program>,
) -> Result<Captured, Failure> {
    let state = ParseState::new(session, subject);
    let context = Context(Rc::clone(&state) as Rc<dyn Names>);
    let settings = Settings { undefined: UndefinedMode::Chainable, ..Settings::default() };
    let mut machine = Machine::new(&context, settings);
    let done = state.kwargs(&mut machine, subject).and_then(|()| machine.render(program));
    drop(machine);
    match done {
        Ok(text) => {
            let mut captured = state.captured.take();
            captured.text = text;
            Ok(captured)
        }
        Err(error) => Err(Failure::of_template(&error, Some(subject.named()))),
    }
}

/// The state of one rendering.
pub(super) type Shared = Rc<ParseState>;

/// What one rendering is told and what it says.
#[derive(Debug)]
pub(super) struct ParseState {
    itself: Weak<Self>,
    surroundings: Surroundings,
    package: Arc<str>,
    model: Map<String, Json>,
    kwargs: RefCell<Value>,
    /// How many macros are running.
    depth: Cell<usize>,
    /// Nothing is known to exist.
    pub(super) cache: RelationCache,
    pub(super) captured: RefCell<Captured>,
}

impl ParseState {
    fn new(session: &ParseSession, subject: &CaptureSubject<'_>) -> Rc<Self> {
        Rc::new_cyclic(|itself| Self {
            itself: Weak::clone(itself),
            surroundings: session.0.clone(),
            package: Arc::from(subject.package_name),
            model: subject.model.clone(),
            kwargs: RefCell::new(Value::None),
            depth: Cell::new(0),
            cache: RelationCache::default(),
            captured: RefCell::default(),
        })
    }

    /// The state, as its values hold it.
    pub(super) fn itself(&self) -> Option<Rc<Self>> {
        self.itself.upgrade()
    }

    /// For a macro that is called while the project is read.
    pub(super) fn of_macro(
        session: &ParseSession,
        package: &str,
        model: &Map<String, Json>,
    ) -> Rc<Self> {
        let subject = CaptureSubject { package_name: package, model, test_kwargs: None };
        Self::new(session, &subject)
    }

    fn kwargs(
        &self,
        machine: &mut Machine<'_>,
        subject: &CaptureSubject<'_>,
    ) -> Result<(), millstream_jinja::Error> {
        if let Some(kwargs) = subject.test_kwargs {
            self.kwargs.replace(test_kwargs::rendered(machine, kwargs)?);
        }
        Ok(())
    }

    /// What `ref`, `source` and `this` are while a project is read: the relation of the text.
    fn this(&self) -> Value {
        let part = |key: &str| self.model.get(key).and_then(Json::as_str);
        let path = Path::new(part("database"), part("schema"), part("alias").or(part("name")));
        let relation = Relation::new(self.surroundings.dialect(), path);
        RelationValue::of(relation.quoting(self.surroundings.policy()))
    }

    fn refer(&self, args: &Args) -> Outcome {
        self.captured.borrow_mut().refs.push(ref_args(args)?);
        Ok(self.this())
    }

    fn source(&self, args: &Args) -> Outcome {
        self.captured.borrow_mut().sources.push(source_args(args)?);
        Ok(self.this())
    }

    fn function(&self, args: &Args) -> Outcome {
        self.captured.borrow_mut().functions.push(function_args(args)?);
        Ok(self.this())
    }

    fn metric(&self, args: &Args) -> Outcome {
        let names = texts("metric", args)?;
        if !matches!(names.len(), 1 | 2) {
            let message = format!("metric() takes at most two arguments ({} given)", names.len());
            return Err(raise(FailureKind::Compilation, message));
        }
        let shown = names.last().cloned().unwrap_or_default();
        let mut captured = self.captured.borrow_mut();
        if !captured.metrics.contains(&names) {
            captured.metrics.push(names);
        }
        Ok(Value::text(shown))
    }
}

impl Names for ParseState {
    fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    fn package(&self) -> &str {
        &self.package
    }

    fn own(self: Rc<Self>, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        if VOLATILE.contains(&name) {
            self.captured.borrow_mut().is_volatile = true;
        }
        let state = Rc::clone(&self);
        Ok(Some(match name {
            "execute" => Value::Bool(false),
            "ref" => Value::function(name, move |_, args| state.refer(&args)),
            "source" => Value::function(name, move |_, args| state.source(&args)),
            "metric" => Value::function(name, move |_, args| state.metric(&args)),
            "function" => Value::function(name, move |_, args| state.function(&args)),
            "config" => Value::object(ParseConfig(state)),
            "adapter" => Value::object(AdapterObject::new(state)),
            "this" if self.model.get("resource_type") == Some(&json!("operation")) => Value::None,
            "this" => self.this(),
            "api" => AdapterObject::new(state).api(),
            "column" => Value::object(AdapterObject::new(state).column_class()),
            "model" => super::common::of_map(&self.model),
            "database" | "schema" if self.model.contains_key(name) => {
                Value::from_json(&self.model[name])
            }
            "graph" => super::common::of_map(&Map::new()),
            "doc" | "store_result" | "store_raw_result" | "write" => {
                Value::function(name, |_, _| Ok(Value::text("")))
            }
            "load_result" | "load_agate_table" => Value::function(name, |_, _| Ok(Value::None)),
            "pre_hooks" | "post_hooks" => Value::list([]),
            "sql" | "compiled_code" => Value::None,
            "_dbt_generic_test_kwargs" => self.kwargs.borrow().clone(),
            _ => return Ok(None),
        }))
    }

    fn macro_value(self: Rc<Self>, machine: &mut Machine<'_>, found: &Arc<MacroDef>) -> Value {
        let inner = machine.macro_alone(&found.program, &found.definition);
        let id = found.unique_id.clone();
        Value::object(TrackedMacro { id, inner, state: self })
    }

    /// The parser has no opinion.
    fn missing_var(&self, _name: &str) -> Outcome {
        Ok(Value::None)
    }
}

/// A macro that is noted when the text itself calls it.
#[derive(Debug)]
struct TrackedMacro {
    id: UniqueId,
    inner: Value,
    state: Shared,
}

impl Object for TrackedMacro {
    fn type_name(&self) -> &'static str {
        "MacroGenerator"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(&self.inner.to_repr()?)
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, machine: &mut Machine<'_>, args: Args) -> Outcome {
        let depth = self.state.depth.get();
        if depth == 0 {
            let mut captured = self.state.captured.borrow_mut();
            if !captured.macros.contains(&self.id) {
                captured.macros.push(self.id.clone());
            }
        }
        self.state.depth.set(depth + 1);
        let done = machine.call(&self.inner, args);
        self.state.depth.set(depth);
        done
    }
}

/// What the arguments of a `ref` name.
pub(super) fn ref_args(args: &Args) -> Outcome<RefArgs> {
    let version = ["version", "v"].iter().find_map(|key| {
        let found = args.named.iter().find(|(name, _)| &**name == *key);
        found.map(|(_, value)| value).filter(|value| value.truth())
    });
    let version = version.map(Value::to_json).transpose()?;
    let (package, name) = match &args.positional[..] {
        [name] => (None, name),
        [package, name] => (Some(package), name),
        other => {
            let message = format!("ref() takes at most two arguments ({} given)", other.len());
            return Err(raise(FailureKind::Compilation, message));
        }
    };
    let text = |what: &str, needed: &str, value: &Value| {
        value.as_text().map(str::to_owned).ok_or_else(|| {
            let kind = value.type_name();
            let message =
                format!("The {what} argument to ref() must be a {needed}, got <class '{kind}'>");
            raise(FailureKind::Compilation, message)
        })
    };
    let package = package.filter(|package| !matches!(package, Value::None));
    let package = package.map(|package| text("package", "string or None", package)).transpose()?;
    Ok(RefArgs { name: text("name", "string", name)?, package, version })
}

/// What the arguments of a `source` name.
pub(super) fn source_args(args: &Args) -> Outcome<SourceArgs> {
    let names = texts("source", args)?;
    match <[String; 2]>::try_from(names) {
        Ok([source, table]) => Ok(SourceArgs { source, table }),
        Err(names) => {
            let given = names.len();
            let message = format!("source() takes exactly two arguments ({given} given)");
            Err(raise(FailureKind::Compilation, message))
        }
    }
}

/// What the arguments of a `function` name: itself, or its package before it.
pub(super) fn function_args(args: &Args) -> Outcome<Vec<String>> {
    let names = texts("function", args)?;
    if matches!(names.len(), 1 | 2) {
        return Ok(names);
    }
    let message = format!("function() takes at most two arguments ({} given)", names.len());
    Err(raise(FailureKind::Compilation, message))
}

fn texts(function: &str, args: &Args) -> Outcome<Vec<String>> {
    let text = |value: &Value| {
        value.as_text().map(str::to_owned).ok_or_else(|| {
            let kind = value.type_name();
            let message =
                format!("The arguments to {function}() must be strings, got <class '{kind}'>");
            raise(FailureKind::Compilation, message)
        })
    };
    args.positional.iter().map(text).collect()
}
