//! Values of templates that are more than plain data.

use std::fmt;
use std::sync::Arc;

use millstream_core::Relation;
use millstream_core::clock::Timestamp;
use minijinja::value::{Enumerator, Object, ObjectRepr, Value, from_args};
use minijinja::{Error, ErrorKind, State};

use super::refusal::Refusal;

/// A table or view, as `ref`, `source` and `this` give it.
#[derive(Debug)]
pub(crate) struct RelationValue(pub(crate) Relation);

impl Object for RelationValue {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "schema" => Some(Value::from(self.0.schema())),
            "name" | "identifier" | "table" => Some(Value::from(self.0.name())),
            "database" => Some(Value::from("millstream")),
            _ => None,
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.quoted())
    }
}

/// A moment in UTC, with the methods of Python's `datetime` that templates use.
#[derive(Debug)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl Moment {
    fn format(&self, pattern: &str) -> Result<String, Error> {
        let moment = jiff::Timestamp::from_microsecond(self.0.as_micros())
            .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))?;
        let zoned = moment.to_zoned(jiff::tz::TimeZone::UTC);
        jiff::fmt::strtime::format(pattern, &zoned)
            .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
    }
}

impl Object for Moment {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "strftime" => {
                let (pattern,): (&str,) = from_args(args)?;
                self.format(pattern).map(Value::from)
            }
            "isoformat" => self.format("%Y-%m-%dT%H:%M:%S.%6f+00:00").map(Value::from),
            "date" => self.format("%Y-%m-%d").map(Value::from),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.format("%Y-%m-%d %H:%M:%S.%6f+00:00").map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

/// `exceptions`: ends the rendering from inside a template.
#[derive(Debug)]
pub(crate) struct Exceptions;

impl Object for Exceptions {
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "raise_compiler_error" => {
                let (message,): (Value,) = from_args(args)?;
                Err(Refusal::error("sql.raised", message.to_string(), None))
            }
            "warn" => Ok(Value::from("")),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}
