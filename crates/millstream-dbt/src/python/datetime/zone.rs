//! Time zones: those of `datetime.timezone` with one offset, and those of `pytz` with names.

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use millstream_jinja::{Args, Machine, Object, Outcome, Value, Writer};

use super::calendar::{epoch, from_micros, micros};
use super::delta::TimeDelta;
use super::moment::Moment;
use crate::python::unfit;

/// A time zone.
#[derive(Debug, Clone)]
pub enum Zone {
    /// `datetime.timezone`: one offset in seconds, perhaps with a name.
    Fixed(i32, Option<Arc<str>>),
    /// `pytz.utc`.
    PytzUtc,
    /// A zone of `pytz`.
    Named {
        /// Its rules.
        rules: TimeZone,
        /// Its name.
        name: Arc<str>,
        /// The offset that holds for a moment; a zone that belongs to no moment has its oldest one.
        current: Option<Offset>,
    },
}

/// What holds in a zone at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offset {
    seconds: i32,
    name: String,
    is_summer: bool,
}

/// What `pytz` raises for a name that it does not know.
pub(in crate::python) const UNKNOWN_ZONE: &str = "UnknownTimeZoneError";

/// A zone of `pytz` by its name.
pub(in crate::python) fn named(name: &str) -> Option<Zone> {
    if name.eq_ignore_ascii_case("utc") {
        return Some(Zone::PytzUtc);
    }
    let rules = TimeZone::get(name).ok()?;
    let name = Arc::from(rules.iana_name().unwrap_or(name));
    Some(Zone::Named { rules, name, current: None })
}

impl Zone {
    /// `timezone.utc`.
    pub fn utc() -> Self {
        Self::Fixed(0, None)
    }

    /// The zone as a value of templates.
    pub fn to_value(&self) -> Value {
        Value::object(self.clone())
    }

    /// `timezone(offset, name)`.
    pub(super) fn construct(args: Args) -> Outcome {
        let [offset, name] = args.bind("timezone", ["offset", "name"], 1)?;
        let offset = offset.as_ref().and_then(Value::as_object::<TimeDelta>);
        let Some(seconds) = offset.map(|offset| offset.micros / 1_000_000) else {
            return unfit("`timezone` takes a timedelta");
        };
        if seconds.abs() >= 86_400 {
            return unfit("offset must be strictly between a day back and a day ahead");
        }
        let name = name.as_ref().and_then(Value::as_text).map(Arc::from);
        Ok(Self::Fixed(seconds as i32, name).to_value())
    }

    /// Seconds that its clocks are ahead of UTC.
    pub(super) fn offset_seconds(&self) -> i32 {
        match self {
            Self::Fixed(seconds, _) => *seconds,
            Self::PytzUtc => 0,
            Self::Named { .. } => self.offset().seconds,
        }
    }

    /// What it calls itself at its moment.
    pub(super) fn abbreviation(&self) -> String {
        match self {
            Self::Fixed(_, Some(name)) => name.to_string(),
            Self::Fixed(0, None) | Self::PytzUtc => "UTC".to_owned(),
            Self::Fixed(seconds, None) => format!("UTC{}", clock(*seconds)),
            Self::Named { .. } => self.offset().name,
        }
    }

    /// How far summer time moves its clocks.
    pub(super) fn summer_micros(&self) -> Option<i128> {
        match self {
            Self::Fixed(..) => None,
            Self::PytzUtc => Some(0),
            Self::Named { .. } => Some(if self.offset().is_summer { 3_600_000_000 } else { 0 }),
        }
    }

    fn offset(&self) -> Offset {
        match self {
            Self::Named { current: Some(offset), .. } => offset.clone(),
            Self::Named { rules, .. } => {
                // pytz keeps whole minutes of times from before there were zones.
                let oldest = Offset::at(rules, Timestamp::MIN);
                let minutes = (f64::from(oldest.seconds) / 60.0).round_ties_even() as i32;
                Offset { seconds: minutes * 60, ..oldest }
            }
            _ => Offset { seconds: 0, name: "UTC".to_owned(), is_summer: false },
        }
    }

    /// A moment of UTC in this zone.
    pub(super) fn at_utc(&self, utc: civil::DateTime) -> Outcome<Moment> {
        let zone = match self {
            Self::Named { rules, name, .. } => Self::Named {
                rules: rules.clone(),
                name: Arc::clone(name),
                current: Some(Offset::at(rules, timestamp(utc)?)),
            },
            other => other.clone(),
        };
        let local = from_micros(micros(utc) + i128::from(zone.offset_seconds()) * 1_000_000)?;
        Ok(Moment::new(local, Some(zone)))
    }

    /// `zone.localize(moment)`: the moment at which clocks of the zone show this.
    fn localize(&self, local: civil::DateTime, prefers_summer: bool) -> Outcome<Moment> {
        let Self::Named { rules, name, .. } = self else {
            return Ok(Moment::new(local, Some(self.clone())));
        };
        let found = rules.to_ambiguous_timestamp(local);
        let found = if prefers_summer { found.earlier() } else { found.later() };
        let Ok(instant) = found else { return unfit("this moment is out of range") };
        let current = Some(Offset::at(rules, instant));
        let zone = Self::Named { rules: rules.clone(), name: Arc::clone(name), current };
        Ok(Moment::new(local, Some(zone)))
    }
}

impl Offset {
    fn at(rules: &TimeZone, instant: Timestamp) -> Self {
        let info = rules.to_offset_info(instant);
        Self {
            seconds: info.offset().seconds(),
            name: info.abbreviation().to_owned(),
            is_summer: info.dst().is_dst(),
        }
    }
}

fn timestamp(utc: civil::DateTime) -> Outcome<Timestamp> {
    let micros = i64::try_from(micros(utc) - epoch()).unwrap_or(i64::MAX);
    match Timestamp::from_microsecond(micros) {
        Ok(instant) => Ok(instant),
        Err(error) => unfit(error.to_string()),
    }
}

/// An offset as `+01:00`.
pub(super) fn clock(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let size = seconds.abs();
    let minutes = format!("{sign}{:02}:{:02}", size / 3600, size / 60 % 60);
    match size % 60 {
        0 => minutes,
        seconds => format!("{minutes}:{seconds:02}"),
    }
}

impl Object for Zone {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Fixed(..) => "datetime.timezone",
            _ => "pytz.tzinfo.DstTzInfo",
        }
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        match self {
            Self::Fixed(0, None) => writer.push("datetime.timezone.utc"),
            Self::Fixed(seconds, name) => {
                writer.push("datetime.timezone(")?;
                let offset = TimeDelta { micros: i128::from(*seconds) * 1_000_000 };
                writer.repr_of(&Value::object(offset))?;
                if let Some(name) = name {
                    writer.push(", ")?;
                    writer.repr_of(&Value::Text(Arc::clone(name)))?;
                }
                writer.push(")")
            }
            Self::PytzUtc => writer.push("<UTC>"),
            Self::Named { name, .. } => {
                let offset = self.offset();
                let ahead = TimeDelta { micros: i128::from(offset.seconds) * 1_000_000 };
                let season = if offset.is_summer { "DST" } else { "STD" };
                let sign = if offset.seconds < 0 { "" } else { "+" };
                let abbreviation = offset.name;
                writer.push(&format!("<DstTzInfo '{name}' {abbreviation}{sign}{ahead} {season}>"))
            }
        }
    }

    fn write_text(&self, writer: &mut Writer) -> Outcome<()> {
        match self {
            Self::Named { name, .. } => writer.push(name),
            other => writer.push(&other.abbreviation()),
        }
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(match (self, name) {
            (Self::Named { name, .. }, "zone") => Some(Value::Text(Arc::clone(name))),
            (Self::PytzUtc, "zone") => Some(Value::text("UTC")),
            (Self::Fixed(..), "utc") => Some(Self::utc().to_value()),
            _ => None,
        })
    }

    fn methods(&self) -> &'static [&'static str] {
        match self {
            Self::Fixed(..) => &["utcoffset", "tzname", "dst"],
            _ => &["localize", "normalize", "utcoffset", "tzname", "dst"],
        }
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, mut args: Args) -> Outcome {
        let summer = args.take("is_dst").is_some_and(|summer| summer.truth());
        let given = args.one(name, "dt")?;
        let moment = given.as_object::<Moment>();
        match (name, moment) {
            ("localize", Some(moment)) if moment.zone().is_none() => {
                Ok(Value::object(self.localize(moment.local(), summer)?))
            }
            ("localize", Some(_)) => unfit("Not naive datetime (tzinfo is already set)"),
            ("normalize", Some(moment)) => Ok(Value::object(self.at_utc(moment.utc()?)?)),
            ("localize" | "normalize", None) => {
                unfit(format!("`{name}` takes a datetime, not a {}", given.type_name()))
            }
            (name, moment) => {
                let at = match moment {
                    Some(moment) if matches!(self, Self::Named { .. }) => {
                        self.localize(moment.local(), summer)?.zone().cloned()
                    }
                    _ => None,
                };
                let at = at.unwrap_or_else(|| self.clone());
                Ok(match name {
                    "tzname" => Value::from(at.abbreviation()),
                    "dst" => at
                        .summer_micros()
                        .map_or(Value::None, |micros| Value::object(TimeDelta { micros })),
                    _ => {
                        let micros = i128::from(at.offset_seconds()) * 1_000_000;
                        Value::object(TimeDelta { micros })
                    }
                })
            }
        }
    }

    fn equals(&self, other: &Value) -> Outcome<bool> {
        Ok(match (self, other.as_object::<Self>()) {
            (Self::Fixed(a, _), Some(Self::Fixed(b, _))) => a == b,
            (Self::PytzUtc, Some(Self::PytzUtc)) => true,
            (
                Self::Named { name: a, current: at_a, .. },
                Some(Self::Named { name: b, current: at_b, .. }),
            ) => a == b && at_a == at_b,
            _ => false,
        })
    }
}
