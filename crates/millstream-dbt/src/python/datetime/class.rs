//! The classes themselves: what makes dates and times.

use jiff::civil;
use jiff::tz::TimeZone;
use millstream_core::clock::Clock;
use millstream_jinja::{Args, Machine, Object, Outcome, Value, Writer};

use super::calendar::{epoch, from_micros, from_ordinal, int};
use super::strptime::strptime;
use super::{Date, Moment, Time, TimeDelta, Zone};
use crate::python::unfit;

/// A class of `modules.datetime`.
#[derive(Debug, Clone)]
pub(super) enum Class {
    Date(Clock),
    Moment(Clock),
    Time,
    Delta,
    Zone,
}

impl Class {
    fn name(&self) -> &'static str {
        match self {
            Self::Date(_) => "date",
            Self::Moment(_) => "datetime",
            Self::Time => "time",
            Self::Delta => "timedelta",
            Self::Zone => "timezone",
        }
    }
}

impl Object for Class {
    fn type_name(&self) -> &'static str {
        "type"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(&format!("<class 'datetime.{}'>", self.name()))
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, _machine: &mut Machine<'_>, args: Args) -> Outcome {
        match self {
            Self::Date(_) => Date::construct(args),
            Self::Moment(_) => Moment::construct(args),
            Self::Time => Time::construct(args),
            Self::Delta => TimeDelta::construct(args),
            Self::Zone => Zone::construct(args),
        }
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        let (first, last) = (civil::date(1, 1, 1), civil::date(9999, 12, 31));
        let late = civil::Time::constant(23, 59, 59, 999_999_000);
        let moment = |local| Value::object(Moment::new(local, None));
        Ok(match (self, name) {
            (Self::Date(_), "min") => Some(Value::object(Date::new(first))),
            (Self::Date(_), "max") => Some(Value::object(Date::new(last))),
            (Self::Moment(_), "min") => Some(moment(first.to_datetime(civil::Time::midnight()))),
            (Self::Moment(_), "max") => Some(moment(last.to_datetime(late))),
            (Self::Time, "min") => Some(Value::object(Time::new(civil::Time::midnight(), None))),
            (Self::Time, "max") => Some(Value::object(Time::new(late, None))),
            (Self::Zone, "utc") => Some(Zone::utc().to_value()),
            _ => None,
        })
    }

    fn methods(&self) -> &'static [&'static str] {
        match self {
            Self::Date(_) => &["fromisoformat", "fromordinal", "fromtimestamp", "today"],
            Self::Moment(_) => &[
                "combine",
                "fromisoformat",
                "fromordinal",
                "fromtimestamp",
                "now",
                "strptime",
                "today",
                "utcfromtimestamp",
                "utcnow",
            ],
            Self::Time => &["fromisoformat"],
            Self::Delta | Self::Zone => &[],
        }
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        match self {
            Self::Date(clock) => of_date(clock, name, args),
            Self::Moment(clock) => of_moment(clock, name, args),
            _ => from_text(args, |text| Time::parse(text).map(Value::object)),
        }
    }
}

fn of_date(clock: &Clock, name: &str, args: Args) -> Outcome {
    let date = match name {
        "today" => {
            args.none(name)?;
            now(clock, None)?.local().date()
        }
        "fromordinal" => from_ordinal(int(Some(&args.one(name, "n")?), 0)?)?,
        "fromtimestamp" => from_seconds(&args.one(name, "t")?, None)?.local().date(),
        _ => return from_text(args, |text| Date::parse(text).map(Value::object)),
    };
    Ok(Value::object(Date::new(date)))
}

fn of_moment(clock: &Clock, name: &str, args: Args) -> Outcome {
    let moment = match name {
        "now" => {
            let [zone] = args.bind(name, ["tz"], 0)?;
            now(clock, zone.as_ref().and_then(Value::as_object::<Zone>))?
        }
        "today" => {
            args.none(name)?;
            now(clock, None)?
        }
        "utcnow" => {
            args.none(name)?;
            Moment::new(now(clock, Some(&Zone::utc()))?.local(), None)
        }
        "fromtimestamp" => {
            let [seconds, zone] = args.bind(name, ["timestamp", "tz"], 1)?;
            let zone = zone.as_ref().and_then(Value::as_object::<Zone>);
            from_seconds(&seconds.unwrap_or(Value::None), zone)?
        }
        "utcfromtimestamp" => {
            let utc = from_seconds(&args.one(name, "t")?, Some(&Zone::utc()))?;
            Moment::new(utc.local(), None)
        }
        "fromordinal" => {
            let date = from_ordinal(int(Some(&args.one(name, "n")?), 0)?)?;
            Moment::new(date.to_datetime(civil::Time::midnight()), None)
        }
        "strptime" => {
            let [text, format] = args.bind(name, ["date_string", "format"], 2)?;
            match (text.as_ref().and_then(Value::as_text), format.as_ref().and_then(Value::as_text))
            {
                (Some(text), Some(format)) => strptime(text, format)?,
                _ => return unfit("`strptime` takes two texts"),
            }
        }
        "combine" => {
            let [date, time, zone] = args.bind(name, ["date", "time", "tzinfo"], 2)?;
            combined(date.as_ref(), time.as_ref(), zone.as_ref())?
        }
        _ => return from_text(args, |text| Moment::parse(text).map(Value::object)),
    };
    Ok(Value::object(moment))
}

/// Now, as clocks of a zone show it; without one, those of this machine.
fn now(clock: &Clock, zone: Option<&Zone>) -> Outcome<Moment> {
    at(epoch() + i128::from(clock.now().as_micros()), zone)
}

fn from_seconds(seconds: &Value, zone: Option<&Zone>) -> Outcome<Moment> {
    let Some(float) = seconds.as_float().filter(|float| float.abs() < 1e12) else {
        return unfit("a timestamp is a number of seconds");
    };
    at(epoch() + (float * 1e6).round_ties_even() as i128, zone)
}

fn at(micros: i128, zone: Option<&Zone>) -> Outcome<Moment> {
    let utc = from_micros(micros)?;
    if let Some(zone) = zone {
        return zone.at_utc(utc);
    }
    let here = Zone::Named { rules: TimeZone::system(), name: "local".into(), current: None };
    Ok(Moment::new(here.at_utc(utc)?.local(), None))
}

fn combined(date: Option<&Value>, time: Option<&Value>, zone: Option<&Value>) -> Outcome<Moment> {
    let day = date.and_then(|date| {
        let moment = date.as_object::<Moment>().map(|moment| moment.local().date());
        moment.or_else(|| date.as_object::<Date>().map(|date| date.civil()))
    });
    let (Some(day), Some(time)) = (day, time.and_then(Value::as_object::<Time>)) else {
        return unfit("`combine` takes a date and a time");
    };
    let zone = zone.and_then(Value::as_object::<Zone>).or(time.zone());
    Ok(Moment::new(day.to_datetime(time.civil()), zone.cloned()))
}

fn from_text(args: Args, parse: impl FnOnce(&str) -> Option<Value>) -> Outcome {
    let given = args.one("fromisoformat", "date_string")?;
    match given.as_text().and_then(parse) {
        Some(found) => Ok(found),
        None => unfit(format!("Invalid isoformat string: {}", given.to_repr()?)),
    }
}
