//! Days: `date`.

use std::cmp::Ordering;

use jiff::civil;
use millstream_jinja::{Args, BinaryOp, Machine, Object, Outcome, Side, Value, Writer};

use super::calendar::{self, DAY_MICROS, from_ordinal, int, iso_week, ordinal};
use super::delta::TimeDelta;
use super::iso;
use super::moment::Moment;
use super::strftime::{Shown, strftime};
use crate::python::unfit;

/// A day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(civil::Date);

impl Date {
    /// A day of the calendar.
    pub fn new(date: civil::Date) -> Self {
        Self(date)
    }

    /// A day as ISO 8601 writes it.
    pub fn parse(text: &str) -> Option<Self> {
        iso::date(text).map(Self)
    }

    /// The day of the calendar.
    pub fn civil(self) -> civil::Date {
        self.0
    }

    /// `date(year, month, day)`.
    pub(super) fn construct(args: Args) -> Outcome {
        let [year, month, day] = args.bind("date", ["year", "month", "day"], 3)?;
        let part = |value: &Option<Value>| int(value.as_ref(), 0);
        let date = calendar::date(part(&year)?, part(&month)?, part(&day)?)?;
        Ok(Value::object(Self(date)))
    }

    /// The day so many days later.
    fn plus(self, delta: TimeDelta) -> Outcome<Self> {
        from_ordinal(ordinal(self.0) + delta.micros.div_euclid(DAY_MICROS)).map(Self)
    }
}

/// What days and moments have in common. Nothing if a day has no such attribute.
pub(super) fn attribute(date: civil::Date, name: &str) -> Option<Value> {
    Some(Value::Int(match name {
        "year" => date.year().into(),
        "month" => date.month().into(),
        "day" => date.day().into(),
        _ => return None,
    }))
}

pub(super) const METHODS: &[&str] = &[
    "ctime",
    "isocalendar",
    "isoformat",
    "isoweekday",
    "replace",
    "strftime",
    "timetuple",
    "toordinal",
    "weekday",
];

/// Methods of days that moments have as well.
pub(super) fn method(date: civil::Date, name: &str, args: Args) -> Outcome {
    args.none(name)?;
    let weekday = i128::from(date.weekday().to_monday_zero_offset());
    Ok(match name {
        "weekday" => Value::Int(weekday),
        "isoweekday" => Value::Int(weekday + 1),
        "toordinal" => Value::Int(ordinal(date)),
        "isocalendar" => Value::tuple(iso_week(date).map(Value::Int)),
        _ => return unfit(format!("`{name}` is no method of a date")),
    })
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl Object for Date {
    fn type_name(&self) -> &'static str {
        "datetime.date"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        let (year, month, day) = (self.0.year(), self.0.month(), self.0.day());
        writer.push(&format!("datetime.date({year}, {month}, {day})"))
    }

    fn write_text(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(&self.to_string())
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(attribute(self.0, name))
    }

    fn methods(&self) -> &'static [&'static str] {
        METHODS
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        match name {
            "isoformat" => args.none(name).map(|()| Value::from(self.to_string())),
            "strftime" => {
                let format = args.one(name, "format")?.to_text()?;
                Ok(Value::from(strftime(&format, &Shown::of_date(self.0))?))
            }
            "ctime" => {
                args.none(name)?;
                let text = strftime("%a %b %e %H:%M:%S %Y", &Shown::of_date(self.0))?;
                Ok(Value::from(text))
            }
            "replace" => {
                let [year, month, day] = args.bind(name, ["year", "month", "day"], 0)?;
                let date = calendar::date(
                    int(year.as_ref(), self.0.year().into())?,
                    int(month.as_ref(), self.0.month().into())?,
                    int(day.as_ref(), self.0.day().into())?,
                )?;
                Ok(Value::object(Self(date)))
            }
            _ => method(self.0, name, args),
        }
    }

    fn equals(&self, other: &Value) -> Outcome<bool> {
        Ok(other.as_object::<Self>() == Some(self))
    }

    fn order(&self, other: &Value) -> Outcome<Option<Ordering>> {
        if other.as_object::<Moment>().is_some() {
            return unfit("can't compare datetime.datetime to datetime.date");
        }
        Ok(other.as_object::<Self>().map(|other| self.cmp(other)))
    }

    fn binary(&self, op: BinaryOp, other: &Value, side: Side) -> Outcome<Option<Value>> {
        if let (BinaryOp::Subtract, Side::Left, Some(other)) = (op, side, other.as_object::<Self>())
        {
            let days = ordinal(self.0) - ordinal(other.0);
            return Ok(Some(Value::object(TimeDelta::new(days * DAY_MICROS)?)));
        }
        let Some(delta) = other.as_object::<TimeDelta>().copied() else { return Ok(None) };
        let moved = match (op, side) {
            (BinaryOp::Add, _) => self.plus(delta)?,
            (BinaryOp::Subtract, Side::Left) => {
                let days = delta.micros.div_euclid(DAY_MICROS);
                Self(from_ordinal(ordinal(self.0) - days)?)
            }
            _ => return Ok(None),
        };
        Ok(Some(Value::object(moved)))
    }

    fn as_key(&self) -> Option<Value> {
        Some(Value::text(self.to_string()))
    }

    fn formatted(&self, spec: &str) -> Outcome<Option<(Value, String)>> {
        let text = strftime(spec, &Shown::of_date(self.0))?;
        Ok(Some((Value::from(text), String::new())))
    }
}
