//! Times of day: `time`.

use std::cmp::Ordering;

use jiff::civil;
use millstream_jinja::{Args, Machine, Object, Outcome, Value, Writer};

use super::calendar::{self, int};
use super::strftime::{Shown, strftime};
use super::{iso, zone::Zone};

/// A time of day, perhaps in a zone.
#[derive(Debug, Clone)]
pub struct Time {
    time: civil::Time,
    zone: Option<Zone>,
}

impl Time {
    /// A time of day.
    pub fn new(time: civil::Time, zone: Option<Zone>) -> Self {
        Self { time, zone }
    }

    /// A time as ISO 8601 writes it.
    pub fn parse(text: &str) -> Option<Self> {
        iso::time(text).map(|(time, zone)| Self { time, zone })
    }

    pub(super) fn civil(&self) -> civil::Time {
        self.time
    }

    pub(super) fn zone(&self) -> Option<&Zone> {
        self.zone.as_ref()
    }

    /// `time(hour, minute, ...)`.
    pub(super) fn construct(args: Args) -> Outcome {
        Self { time: civil::Time::midnight(), zone: None }.replaced("time", args)
    }

    fn replaced(&self, function: &str, args: Args) -> Outcome {
        let params = ["hour", "minute", "second", "microsecond", "tzinfo", "fold"];
        let [hour, minute, second, micros, zone, _] = args.bind(function, params, 0)?;
        let time = calendar::time([
            int(hour.as_ref(), self.time.hour().into())?,
            int(minute.as_ref(), self.time.minute().into())?,
            int(second.as_ref(), self.time.second().into())?,
            int(micros.as_ref(), i128::from(self.time.subsec_nanosecond() / 1000))?,
        ])?;
        let zone = match zone {
            None => self.zone.clone(),
            Some(zone) => zone.as_object::<Zone>().cloned(),
        };
        Ok(Value::object(Self { time, zone }))
    }
}

/// What times and moments have in common.
pub(super) fn attribute(time: civil::Time, zone: Option<&Zone>, name: &str) -> Option<Value> {
    Some(match name {
        "hour" => Value::Int(time.hour().into()),
        "minute" => Value::Int(time.minute().into()),
        "second" => Value::Int(time.second().into()),
        "microsecond" => Value::Int((time.subsec_nanosecond() / 1000).into()),
        "fold" => Value::Int(0),
        "tzinfo" => zone.map_or(Value::None, Zone::to_value),
        _ => return None,
    })
}

/// The arguments of a constructor: `8, 30, 5`, without what is zero at the end.
pub(super) fn arguments(time: civil::Time) -> String {
    let (hour, minute) = (time.hour(), time.minute());
    match (time.second(), time.subsec_nanosecond() / 1000) {
        (0, 0) => format!("{hour}, {minute}"),
        (second, 0) => format!("{hour}, {minute}, {second}"),
        (second, micros) => format!("{hour}, {minute}, {second}, {micros}"),
    }
}

impl Object for Time {
    fn type_name(&self) -> &'static str {
        "datetime.time"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(&format!("datetime.time({}", arguments(self.time)))?;
        if let Some(zone) = &self.zone {
            writer.push(", tzinfo=")?;
            writer.repr_of(&zone.to_value())?;
        }
        writer.push(")")
    }

    fn write_text(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(&iso::time_text(self.time, self.zone.as_ref(), iso::Detail::Auto))
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(attribute(self.time, self.zone.as_ref(), name))
    }

    fn methods(&self) -> &'static [&'static str] {
        &["isoformat", "replace", "strftime"]
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        match name {
            "isoformat" => {
                let [detail] = args.bind(name, ["timespec"], 0)?;
                let detail = iso::Detail::of(detail.as_ref())?;
                Ok(Value::from(iso::time_text(self.time, self.zone.as_ref(), detail)))
            }
            "strftime" => {
                let format = args.one(name, "format")?.to_text()?;
                let moment = civil::DateTime::from_parts(civil::date(1900, 1, 1), self.time);
                let shown = Shown { moment, zone: self.zone.as_ref() };
                Ok(Value::from(strftime(&format, &shown)?))
            }
            _ => self.replaced(name, args),
        }
    }

    fn equals(&self, other: &Value) -> Outcome<bool> {
        Ok(other.as_object::<Self>().is_some_and(|other| self.time == other.time))
    }

    fn order(&self, other: &Value) -> Outcome<Option<Ordering>> {
        Ok(other.as_object::<Self>().map(|other| self.time.cmp(&other.time)))
    }

    fn as_key(&self) -> Option<Value> {
        Some(Value::text(self.time.to_string()))
    }
}
