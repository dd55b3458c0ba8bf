//! Days and times of day as numbers, within the years that Python knows.

use jiff::civil;
use millstream_jinja::{Outcome, Value};

use crate::python::unfit;

pub(super) const DAY_MICROS: i128 = 86_400_000_000;

/// A date whose year Python knows.
pub(super) fn date(year: i128, month: i128, day: i128) -> Outcome<civil::Date> {
    if !(1..=9999).contains(&year) {
        return unfit(format!("year {year} is out of range"));
    }
    if !(1..=12).contains(&month) {
        return unfit("month must be in 1..12");
    }
    match civil::Date::new(year as i16, month as i8, day.clamp(0, 99) as i8) {
        Ok(date) => Ok(date),
        Err(_) => unfit("day is out of range for month"),
    }
}

/// A time of day.
pub(super) fn time([hour, minute, second, micros]: [i128; 4]) -> Outcome<civil::Time> {
    for (name, value, end) in [("hour", hour, 24), ("minute", minute, 60), ("second", second, 60)] {
        if !(0..end).contains(&value) {
            return unfit(format!("{name} must be in 0..{}", end - 1));
        }
    }
    if !(0..1_000_000).contains(&micros) {
        return unfit("microsecond must be in 0..999999");
    }
    match civil::Time::new(hour as i8, minute as i8, second as i8, micros as i32 * 1000) {
        Ok(time) => Ok(time),
        Err(error) => unfit(error.to_string()),
    }
}

/// Days since 0001-01-01, which is day 1.
pub(super) fn ordinal(date: civil::Date) -> i128 {
    let year = i128::from(date.year()) - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + i128::from(date.day_of_year())
}

/// The date of a day since 0001-01-01.
pub(super) fn from_ordinal(day: i128) -> Outcome<civil::Date> {
    const LAST: i128 = 3_652_059;
    if !(1..=LAST).contains(&day) {
        return unfit("date value out of range");
    }
    match civil::date(1, 1, 1).checked_add(jiff::Span::new().days(day as i64 - 1)) {
        Ok(date) => Ok(date),
        Err(error) => unfit(error.to_string()),
    }
}

/// Microseconds since midnight.
pub(super) fn micros_of_day(time: civil::Time) -> i128 {
    let seconds = i128::from(time.hour()) * 3600 + i128::from(time.minute()) * 60;
    (seconds + i128::from(time.second())) * 1_000_000 + i128::from(time.subsec_nanosecond() / 1000)
}

/// Microseconds since the first of January of year 1, plus a day.
pub(super) fn micros(moment: civil::DateTime) -> i128 {
    ordinal(moment.date()) * DAY_MICROS + micros_of_day(moment.time())
}

/// The moment at so many microseconds.
pub(super) fn from_micros(micros: i128) -> Outcome<civil::DateTime> {
    let date = from_ordinal(micros.div_euclid(DAY_MICROS))?;
    let rest = micros.rem_euclid(DAY_MICROS);
    let seconds = rest / 1_000_000;
    let time = time([seconds / 3600, seconds / 60 % 60, seconds % 60, rest % 1_000_000])?;
    Ok(civil::DateTime::from_parts(date, time))
}

/// The microseconds at which Unix time begins.
pub(super) fn epoch() -> i128 {
    ordinal(civil::date(1970, 1, 1)) * DAY_MICROS
}

/// An argument that is a whole number; the default if it is not given.
pub(super) fn int(value: Option<&Value>, default: i128) -> Outcome<i128> {
    match value {
        None => Ok(default),
        Some(value) => match value.as_int() {
            Some(int) => Ok(int),
            None => unfit(format!("a {} is no whole number", value.type_name())),
        },
    }
}

/// The week of a date by ISO 8601: year, week, day.
pub(super) fn iso_week(date: civil::Date) -> [i128; 3] {
    let week = date.iso_week_date();
    [
        i128::from(week.year()),
        i128::from(week.week()),
        i128::from(week.weekday().to_monday_one_offset()),
    ]
}
