//! Moments: `datetime`.

use std::cmp::Ordering;

use jiff::civil;
use millstream_core::clock::Timestamp;
use millstream_jinja::{Args, BinaryOp, Machine, Object, Outcome, Side, Value, Writer};

use super::calendar::{self, epoch, from_micros, int, micros};
use super::strftime::{Shown, strftime};
use super::{Date, Time, TimeDelta, Zone};
use super::{date, iso, time};
use crate::python::unfit;

/// A date and a time, perhaps in a zone.
#[derive(Debug, Clone)]
pub struct Moment {
    local: civil::DateTime,
    zone: Option<Zone>,
}

impl Moment {
    /// What the clocks of a zone show, or clocks without a zone.
    pub fn new(local: civil::DateTime, zone: Option<Zone>) -> Self {
        Self { local, zone }
    }

    /// A moment of the clock, in UTC of `pytz`: dbt's `run_started_at`.
    pub fn utc_of(at: Timestamp) -> Option<Self> {
        let local = from_micros(epoch() + i128::from(at.as_micros())).ok()?;
        Some(Self::new(local, Some(Zone::PytzUtc)))
    }

    /// A moment as ISO 8601 or a warehouse writes it.
    pub fn parse(text: &str) -> Option<Self> {
        iso::moment(text).map(|(local, zone)| Self { local, zone })
    }

    /// A moment written in a format of Python's `strptime`.
    pub fn strptime(text: &str, format: &str) -> Option<Self> {
        super::strptime::strptime(text, format).ok()
    }

    /// What clocks show.
    pub fn local(&self) -> civil::DateTime {
        self.local
    }

    /// The zone of the clocks.
    pub fn zone(&self) -> Option<&Zone> {
        self.zone.as_ref()
    }

    /// What clocks of UTC show.
    pub(super) fn utc(&self) -> Outcome<civil::DateTime> {
        from_micros(self.utc_micros())
    }

    fn utc_micros(&self) -> i128 {
        let ahead = self.zone.as_ref().map_or(0, Zone::offset_seconds);
        micros(self.local) - i128::from(ahead) * 1_000_000
    }

    /// `datetime(year, month, day, ...)`.
    pub(super) fn construct(args: Args) -> Outcome {
        Self::assembled("datetime", args, None)
    }

    /// A moment of these arguments; what is missing is that of another moment.
    fn assembled(function: &str, args: Args, of: Option<&Self>) -> Outcome {
        let params =
            ["year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo", "fold"];
        let required = if of.is_some() { 0 } else { 3 };
        let given = args.bind(function, params, required)?;
        let start = of.map_or_else(|| civil::date(1, 1, 1).at(0, 0, 0, 0), |of| of.local);
        let (day, clock) = (start.date(), start.time());
        let [year, month, date, hour, minute, second, micros, zone, _] = &given;
        let date = calendar::date(
            int(year.as_ref(), day.year().into())?,
            int(month.as_ref(), day.month().into())?,
            int(date.as_ref(), day.day().into())?,
        )?;
        let time = calendar::time([
            int(hour.as_ref(), clock.hour().into())?,
            int(minute.as_ref(), clock.minute().into())?,
            int(second.as_ref(), clock.second().into())?,
            int(micros.as_ref(), i128::from(clock.subsec_nanosecond() / 1000))?,
        ])?;
        let zone = match zone {
            None => of.and_then(|of| of.zone.clone()),
            Some(zone) => zone.as_object::<Zone>().cloned(),
        };
        Ok(Value::object(Self::new(civil::DateTime::from_parts(date, time), zone)))
    }

    fn text(&self, separator: char, detail: iso::Detail) -> String {
        let day = Date::new(self.local.date());
        let time = iso::time_text(self.local.time(), self.zone.as_ref(), detail);
        format!("{day}{separator}{time}")
    }

    fn plus(&self, delta: i128) -> Outcome<Self> {
        let local = from_micros(micros(self.local) + delta)?;
        Ok(Self::new(local, self.zone.clone()))
    }

    fn isoformat(&self, args: Args) -> Outcome {
        let [separator, detail] = args.bind("isoformat", ["sep", "timespec"], 0)?;
        let separator = separator.as_ref().and_then(Value::as_text);
        let separator = separator.and_then(|text| text.chars().next()).unwrap_or('T');
        Ok(Value::from(self.text(separator, iso::Detail::of(detail.as_ref())?)))
    }

    fn in_zone(&self, args: Args) -> Outcome {
        let [zone] = args.bind("astimezone", ["tz"], 0)?;
        let zone = zone.as_ref().and_then(Value::as_object::<Zone>).cloned();
        let zone = zone.unwrap_or_else(Zone::utc);
        Ok(Value::object(zone.at_utc(self.utc()?)?))
    }

    fn of_zone(&self, name: &str) -> Value {
        let Some(zone) = &self.zone else { return Value::None };
        let micros = match name {
            "tzname" => return Value::from(zone.abbreviation()),
            "dst" => zone.summer_micros(),
            _ => Some(i128::from(zone.offset_seconds()) * 1_000_000),
        };
        micros.map_or(Value::None, |micros| Value::object(TimeDelta { micros }))
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text(' ', iso::Detail::Auto))
    }
}

impl Object for Moment {
    fn type_name(&self) -> &'static str {
        "datetime.datetime"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        let day = self.local.date();
        let (year, month, date) = (day.year(), day.month(), day.day());
        let time = time::arguments(self.local.time());
        writer.push(&format!("datetime.datetime({year}, {month}, {date}, {time}"))?;
        if let Some(zone) = &self.zone {
            writer.push(", tzinfo=")?;
            writer.repr_of(&zone.to_value())?;
        }
        writer.push(")")
    }

    fn write_text(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(&self.to_string())
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(date::attribute(self.local.date(), name)
            .or_else(|| time::attribute(self.local.time(), self.zone(), name)))
    }

    fn methods(&self) -> &'static [&'static str] {
        &[
            "astimezone",
            "ctime",
            "date",
            "dst",
            "isocalendar",
            "isoformat",
            "isoweekday",
            "replace",
            "strftime",
            "time",
            "timestamp",
            "timetz",
            "toordinal",
            "tzname",
            "utcoffset",
            "weekday",
        ]
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let shown = Shown { moment: self.local, zone: self.zone() };
        match name {
            "strftime" => {
                let format = args.one(name, "format")?.to_text()?;
                Ok(Value::from(strftime(&format, &shown)?))
            }
            "ctime" => {
                args.none(name)?;
                Ok(Value::from(strftime("%a %b %e %H:%M:%S %Y", &shown)?))
            }
            "isoformat" => self.isoformat(args),
            "replace" => Self::assembled(name, args, Some(self)),
            "astimezone" => self.in_zone(args),
            "date" => args.none(name).map(|()| Value::object(Date::new(self.local.date()))),
            "time" => args.none(name).map(|()| Value::object(Time::new(self.local.time(), None))),
            "timetz" => {
                args.none(name)?;
                Ok(Value::object(Time::new(self.local.time(), self.zone.clone())))
            }
            "timestamp" => {
                args.none(name)?;
                Ok(Value::Float((self.utc_micros() - epoch()) as f64 / 1e6))
            }
            "utcoffset" | "tzname" | "dst" => args.none(name).map(|()| self.of_zone(name)),
            _ => date::method(self.local.date(), name, args),
        }
    }

    fn equals(&self, other: &Value) -> Outcome<bool> {
        let Some(other) = other.as_object::<Self>() else { return Ok(false) };
        Ok(self.zone.is_some() == other.zone.is_some() && self.utc_micros() == other.utc_micros())
    }

    fn order(&self, other: &Value) -> Outcome<Option<Ordering>> {
        if other.as_object::<Date>().is_some() {
            return unfit("can't compare datetime.datetime to datetime.date");
        }
        let Some(other) = other.as_object::<Self>() else { return Ok(None) };
        if self.zone.is_some() != other.zone.is_some() {
            return unfit("can't compare offset-naive and offset-aware datetimes");
        }
        Ok(Some(self.utc_micros().cmp(&other.utc_micros())))
    }

    fn binary(&self, op: BinaryOp, other: &Value, side: Side) -> Outcome<Option<Value>> {
        if let (BinaryOp::Subtract, Side::Left, Some(other)) = (op, side, other.as_object::<Self>())
        {
            if self.zone.is_some() != other.zone.is_some() {
                return unfit("can't subtract offset-naive and offset-aware datetimes");
            }
            let micros = self.utc_micros() - other.utc_micros();
            return Ok(Some(Value::object(TimeDelta::new(micros)?)));
        }
        let Some(delta) = other.as_object::<TimeDelta>() else { return Ok(None) };
        Ok(match (op, side) {
            (BinaryOp::Add, _) => Some(Value::object(self.plus(delta.micros)?)),
            (BinaryOp::Subtract, Side::Left) => Some(Value::object(self.plus(-delta.micros)?)),
            _ => None,
        })
    }

    fn as_key(&self) -> Option<Value> {
        Some(Value::Int(self.utc_micros()))
    }

    fn formatted(&self, spec: &str) -> Outcome<Option<(Value, String)>> {
        let shown = Shown { moment: self.local, zone: self.zone() };
        Ok(Some((Value::from(strftime(spec, &shown)?), String::new())))
    }
}
