//! What one rendering is told and what it says.

use std::cell::RefCell;
use std::rc::Rc;

use millstream_core::Relation;
use millstream_core::clock::Timestamp;
use millstream_core::step::Refresh;
use millstream_jinja::{Args, Machine, Object, Outcome, Shape, Value, Writer};
use serde_json::Map;

use super::objects::{Moment, RelationValue};
use super::refusal::Refusal;
use super::{Inlined, Pass, Rendered, UnknownName};

/// What one rendering is told and what it says. Values of a YAML file have no pass.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) pass: Option<Pass>,
    pub(super) rendered: Rendered,
}

/// The state of the rendering that is going on, for its functions and objects.
pub(super) type Shared = Rc<RefCell<State>>;

impl State {
    /// Notes a relation that is read.
    pub(super) fn input(&mut self, relation: &Relation) -> Value {
        if !self.rendered.inputs.contains(relation) {
            self.rendered.inputs.push(relation.clone());
        }
        Value::object(RelationValue(relation.clone()))
    }

    /// The query of an ephemeral model, in parentheses; what it reads is noted.
    pub(super) fn inlined(&mut self, inlined: &Inlined) -> Value {
        for input in &inlined.inputs {
            self.input(input);
        }
        Value::text(format!("(\n{}\n)", inlined.sql))
    }

    /// Goes on with a placeholder, so that all names that are not there are found at once.
    pub(super) fn unknown(&mut self, unknown: UnknownName) -> Value {
        if !self.rendered.unknown.contains(&unknown) {
            self.rendered.unknown.push(unknown);
        }
        Value::text("unknown")
    }

    /// What `is_incremental()` says.
    pub(super) fn is_incremental(&self) -> bool {
        let incremental = self.setting("materialized").is_some_and(|kind| kind == "incremental");
        let pass = self.pass.as_ref();
        incremental && pass.is_some_and(|pass| pass.refresh == Refresh::Incremental)
    }

    fn setting(&self, key: &str) -> Option<&serde_json::Value> {
        let outside = || self.pass.as_ref().and_then(|pass| pass.config.get(key));
        self.rendered.config.get(key).or_else(outside)
    }
}

/// `config(...)`, `config.get('key')`.
#[derive(Debug)]
pub(super) struct Config(pub(super) Shared);

impl Object for Config {
    fn type_name(&self) -> &'static str {
        "config"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, _machine: &mut Machine<'_>, args: Args) -> Outcome {
        let mut said: Map<String, serde_json::Value> = Map::new();
        for map in &args.positional {
            match map.to_json()? {
                serde_json::Value::Object(map) => said.extend(map),
                _ => {
                    return Err(Refusal::error("model.config", "`config` takes key=value", None));
                }
            }
        }
        for (key, value) in args.named {
            said.insert(key.to_string(), value.to_json()?);
        }
        self.0.borrow_mut().rendered.config.extend(said);
        Ok(Value::text(""))
    }

    fn methods(&self) -> &'static [&'static str] {
        &["get", "require"]
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let [key, default, _validator] = args.bind(name, ["name", "default", "validator"], 1)?;
        let key = key.unwrap_or(Value::None).to_text()?;
        match self.0.borrow().setting(&key) {
            Some(value) => Ok(Value::from_json(value)),
            None if name == "require" => {
                let message = format!("the model has no configuration `{key}`");
                Err(Refusal::error("model.config", message, None))
            }
            None => Ok(default.unwrap_or(Value::None)),
        }
    }
}

/// `this`: the model's own table.
#[derive(Debug)]
pub(super) struct This(pub(super) Shared);

impl This {
    fn relation(&self) -> Option<RelationValue> {
        self.0.borrow().pass.as_ref().map(|pass| RelationValue(pass.this.clone()))
    }
}

impl Object for This {
    fn type_name(&self) -> &'static str {
        "Relation"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        self.relation().map_or(Ok(()), |relation| relation.write_repr(writer))
    }

    fn shape(&self) -> Shape {
        Shape::Mapping
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(self.relation().and_then(|relation| relation.part(name)))
    }

    fn methods(&self) -> &'static [&'static str] {
        RelationValue::METHODS
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        self.relation().map_or(Ok(Value::None), |relation| relation.method(name, args))
    }

    fn equals(&self, other: &Value) -> Outcome<bool> {
        self.relation().map_or(Ok(false), |relation| relation.equals(other))
    }
}

/// `run_started_at`: the time of the run, and a note that it was asked for.
#[derive(Debug)]
pub(super) struct RunStartedAt(pub(super) Shared);

impl RunStartedAt {
    fn moment(&self) -> Moment {
        let mut state = self.0.borrow_mut();
        state.rendered.reads_clock = true;
        let now = state.pass.as_ref().map(|pass| pass.now);
        Moment(now.unwrap_or(Timestamp::from_micros(0)))
    }
}

impl Object for RunStartedAt {
    fn type_name(&self) -> &'static str {
        "datetime"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(&self.moment().text()?)
    }

    fn methods(&self) -> &'static [&'static str] {
        Moment::METHODS
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        self.moment().method(name, args)
    }
}
