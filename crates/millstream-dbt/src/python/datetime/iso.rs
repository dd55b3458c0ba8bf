//! Dates and times as ISO 8601 writes them, and as warehouses do.

use jiff::civil;
use millstream_jinja::{Outcome, Value};

use super::zone::{self, Zone};
use crate::python::unfit;

/// How exactly a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    Auto,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
    Microseconds,
}

impl Detail {
    /// Python's `timespec`.
    pub(super) fn of(value: Option<&Value>) -> Outcome<Self> {
        Ok(match value.and_then(Value::as_text) {
            None | Some("auto") => Self::Auto,
            Some("hours") => Self::Hours,
            Some("minutes") => Self::Minutes,
            Some("seconds") => Self::Seconds,
            Some("milliseconds") => Self::Milliseconds,
            Some("microseconds") => Self::Microseconds,
            Some(_) => return unfit("Unknown timespec value"),
        })
    }
}

/// A time with its offset.
pub(super) fn time_text(time: civil::Time, zone: Option<&Zone>, detail: Detail) -> String {
    let micros = time.subsec_nanosecond() / 1000;
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    let clock = match detail {
        Detail::Hours => format!("{hour:02}"),
        Detail::Minutes => format!("{hour:02}:{minute:02}"),
        _ => format!("{hour:02}:{minute:02}:{second:02}"),
    };
    let fraction = match detail {
        Detail::Milliseconds => format!(".{:03}", micros / 1000),
        Detail::Microseconds => format!(".{micros:06}"),
        Detail::Auto if micros != 0 => format!(".{micros:06}"),
        _ => String::new(),
    };
    let offset = zone.map_or_else(String::new, |zone| zone::clock(zone.offset_seconds()));
    clock + &fraction + &offset
}

/// A date: `2024-01-31` or `20240131`.
pub(super) fn date(text: &str) -> Option<civil::Date> {
    let parts: Vec<&str> = match text.split('-').collect::<Vec<_>>() {
        parts if parts.len() == 3 => parts,
        _ if text.len() == 8 && text.is_ascii() => vec![&text[..4], &text[4..6], &text[6..]],
        _ => return None,
    };
    if parts[0].len() != 4 || parts[1].len() != 2 || parts[2].len() != 2 {
        return None;
    }
    let date = civil::Date::new(number(parts[0])?, number(parts[1])?, number(parts[2])?).ok()?;
    (date.year() >= 1).then_some(date)
}

/// A time: `08:30`, `08:30:00.5+01:00`.
pub(super) fn time(text: &str) -> Option<(civil::Time, Option<Zone>)> {
    let end = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    let (clock, zone) = text.split_at(end);
    let zone = if zone.is_empty() { None } else { Some(offset(zone)?) };
    let (clock, fraction) = match clock.trim_end().split_once(['.', ',']) {
        Some((clock, fraction)) => (clock, fraction),
        None => (clock.trim_end(), ""),
    };
    let parts: Vec<&str> = if clock.contains(':') {
        clock.split(':').collect()
    } else {
        (0..clock.len()).step_by(2).map(|at| clock.get(at..at + 2)).collect::<Option<_>>()?
    };
    if parts.is_empty() || parts.len() > 3 || parts.iter().any(|part| part.len() != 2) {
        return None;
    }
    let part = |index: usize| parts.get(index).map_or(Some(0), |part| number(part));
    let nanos = micros(fraction)? * 1000;
    let time = civil::Time::new(part(0)?, part(1)?, part(2)?, nanos).ok()?;
    Some((time, zone))
}

/// A date, or a date and a time with something between them.
pub(super) fn moment(text: &str) -> Option<(civil::DateTime, Option<Zone>)> {
    let text = text.trim();
    let is_short = text.as_bytes().get(4).is_some_and(u8::is_ascii_digit);
    let (day, rest) = text.split_at_checked(if is_short { 8 } else { 10 })?;
    let day = date(day)?;
    if rest.is_empty() {
        return Some((day.to_datetime(civil::Time::midnight()), None));
    }
    let mut rest = rest.chars();
    rest.next()?;
    let (clock, zone) = time(rest.as_str())?;
    Some((day.to_datetime(clock), zone))
}

/// An offset: `Z`, `+01`, `+01:00`, `-0330`, `+01:00:30`.
pub(super) fn offset(text: &str) -> Option<Zone> {
    if matches!(text, "Z" | "z") {
        return Some(Zone::utc());
    }
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let digits: String = text[1..].chars().filter(|c| *c != ':').collect();
    let part = |at: usize| digits.get(at..at + 2).map_or(Some(0), number::<i32>);
    if digits.len() < 2 || !digits.len().is_multiple_of(2) || digits.len() > 6 {
        return None;
    }
    let seconds = part(0)? * 3600 + part(2)? * 60 + part(4)?;
    (seconds < 86_400).then_some(Zone::Fixed(sign * seconds, None))
}

/// A fraction of a second in microseconds; what is smaller is cut off.
pub(super) fn micros(fraction: &str) -> Option<i32> {
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let padded: String = fraction.chars().chain("000000".chars()).take(6).collect();
    padded.parse().ok()
}

fn number<T: std::str::FromStr>(digits: &str) -> Option<T> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}
