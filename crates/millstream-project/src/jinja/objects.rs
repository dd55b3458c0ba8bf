//! Values of templates that are more than plain data.

use millstream_core::Relation;
use millstream_core::clock::Timestamp;
use millstream_jinja::{Args, Error, ErrorKind, Machine, Object, Outcome, Shape, Value, Writer};

use super::refusal::Refusal;

/// A table or view, as `ref`, `source` and `this` give it.
#[derive(Debug)]
pub(crate) struct RelationValue(pub(crate) Relation);

impl RelationValue {
    /// A part of its name.
    pub(crate) fn part(&self, name: &str) -> Option<Value> {
        match name {
            "schema" => Some(Value::text(self.0.schema())),
            "name" | "identifier" | "table" => Some(Value::text(self.0.name())),
            "database" => Some(Value::text("millstream")),
            "type" => Some(Value::text("table")),
            "is_cte" => Some(Value::Bool(false)),
            "metadata" => Some(Value::dict([("type", Value::text("Relation"))])),
            _ => None,
        }
    }

    /// Names of the methods.
    pub(crate) const METHODS: &'static [&'static str] =
        &["get", "render", "include", "quote", "incorporate"];

    /// Runs a method. A relation here has one way to be written, which none of them changes.
    pub(crate) fn method(&self, name: &str, args: Args) -> Outcome {
        match name {
            "get" => {
                let [part, default] = args.bind("get", ["key", "default"], 1)?;
                let part = part.unwrap_or(Value::None).to_text()?;
                Ok(self.part(&part).or(default).unwrap_or(Value::None))
            }
            "render" => Ok(Value::text(self.0.quoted())),
            _ => Ok(Value::object(Self(self.0.clone()))),
        }
    }
}

impl Object for RelationValue {
    fn type_name(&self) -> &'static str {
        "Relation"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(&self.0.quoted())
    }

    /// dbt's relations are mappings of their parts.
    fn shape(&self) -> Shape {
        Shape::Mapping
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(self.part(name))
    }

    fn methods(&self) -> &'static [&'static str] {
        Self::METHODS
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        self.method(name, args)
    }

    fn equals(&self, other: &Value) -> Outcome<bool> {
        Ok(other.as_object::<Self>().is_some_and(|other| self.0 == other.0))
    }
}

/// A moment in UTC, with the methods of Python's `datetime` that templates use.
#[derive(Debug)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl Moment {
    /// Names of the methods.
    pub(crate) const METHODS: &'static [&'static str] = &["strftime", "isoformat", "date"];

    /// What templates print.
    pub(crate) fn text(&self) -> Outcome<String> {
        self.format("%Y-%m-%d %H:%M:%S.%6f+00:00")
    }

    /// Runs a method.
    pub(crate) fn method(&self, name: &str, args: Args) -> Outcome {
        if name == "strftime" {
            let pattern = args.one("strftime", "format")?.to_text()?;
            return self.format(&pattern).map(Value::from);
        }
        let [] = args.bind(name, [], 0)?;
        let pattern = if name == "date" { "%Y-%m-%d" } else { "%Y-%m-%dT%H:%M:%S.%6f+00:00" };
        self.format(pattern).map(Value::from)
    }

    fn format(&self, pattern: &str) -> Outcome<String> {
        let unfit = |error: jiff::Error| Error::new(ErrorKind::Operation, error.to_string());
        let moment = jiff::Timestamp::from_microsecond(self.0.as_micros()).map_err(unfit)?;
        let zoned = moment.to_zoned(jiff::tz::TimeZone::UTC);
        Ok(jiff::fmt::strtime::format(pattern, &zoned).map_err(unfit)?)
    }
}

/// `exceptions`: ends the rendering from inside a template.
#[derive(Debug)]
pub(crate) struct Exceptions;

impl Object for Exceptions {
    fn type_name(&self) -> &'static str {
        "exceptions"
    }

    fn methods(&self) -> &'static [&'static str] {
        &["raise_compiler_error", "warn"]
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        if name == "warn" {
            return Ok(Value::text(""));
        }
        let [message, _node] = args.bind(name, ["msg", "node"], 1)?;
        let message = message.unwrap_or(Value::None).to_text()?;
        Err(Refusal::error("sql.raised", &*message, None))
    }
}
