//! The types that the texts of a seed show, by the rules of agate, which dbt reads seeds with.
//!
//! A column has the first of these types that all its values are of: number, date, datetime with a
//! space, datetime of ISO 8601, boolean, text. Nothing and `null` are of every type. So an id with
//! leading zeros is a number, `$5`, `50%` and `1,000` are numbers, and `t` is text.

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use jiff::civil::{Date, DateTime, Time};
use std::sync::Arc;

/// Marks of currencies that numbers may have on either side.
const CURRENCIES: &[char] = &[
    '؋', '$', 'ƒ', '៛', '¥', '₡', '₱', '£', '€', '¢', '﷼', '₪', '₩', '₭', '₮', '₦', '฿', '₤', '₫',
];
/// Whole numbers beyond this are not all there among floating-point numbers.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// The values of a column, in the type that they show.
pub(super) fn column(values: &[&str]) -> ArrayRef {
    numbers(values)
        .or_else(|| dates(values))
        .or_else(|| moments(values, spaced))
        .or_else(|| moments(values, iso))
        .or_else(|| booleans(values))
        .unwrap_or_else(|| Arc::new(texts(values)))
}

/// The values of a column as text.
pub(super) fn texts(values: &[&str]) -> StringArray {
    values.iter().map(|value| (!is_null(value)).then_some(*value)).collect()
}

/// Whether a value is nothing, or the word for it.
fn is_null(value: &str) -> bool {
    let value = value.trim();
    value.is_empty() || value.eq_ignore_ascii_case("null")
}

/// All values by one reading; `None` if it does not fit one of them.
fn all<T>(values: &[&str], read: impl Fn(&str) -> Option<T>) -> Option<Vec<Option<T>>> {
    let one = |value: &&str| if is_null(value) { Some(None) } else { read(value).map(Some) };
    values.iter().map(one).collect()
}

/// Whole numbers if there are no others.
fn numbers(values: &[&str]) -> Option<ArrayRef> {
    let texts = all(values, cleaned)?;
    let whole: Option<Vec<Option<i64>>> = texts
        .iter()
        .map(|text| text.as_deref().map_or(Some(None), |text| whole(text).map(Some)))
        .collect();
    if let Some(whole) = whole {
        return Some(Arc::new(Int64Array::from(whole)));
    }
    let read = |text: &Option<String>| match text {
        Some(text) => text.parse::<f64>().ok().map(Some),
        None => Some(None),
    };
    let all: Option<Vec<Option<f64>>> = texts.iter().map(read).collect();
    Some(Arc::new(Float64Array::from(all?)))
}

/// The digits of a number without what people put around them; `None` if it is no number.
fn cleaned(value: &str) -> Option<String> {
    let text = value.trim().trim_matches('%');
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let digits = text.trim_matches(CURRENCIES).replace([',', '_'], "");
    let number = match (sign, digits.strip_prefix('-')) {
        ("-", Some(positive)) => positive.to_owned(),
        _ => format!("{sign}{digits}"),
    };
    let number = number.trim().to_owned();
    number.parse::<f64>().is_ok().then_some(number)
}

fn whole(text: &str) -> Option<i64> {
    if let Ok(whole) = text.parse() {
        return Some(whole);
    }
    let number: f64 = text.parse().ok()?;
    (number.fract() == 0.0 && number.abs() < EXACT_MAX).then_some(number as i64)
}

fn dates(values: &[&str]) -> Option<ArrayRef> {
    let dates = all(values, |value| date(value.trim()))?;
    let days: Date32Array = dates.into_iter().map(|date| date.map(days)).collect();
    Some(Arc::new(days))
}

/// `2026-11-21`, also `2026-1-2`.
fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || month.len() > 2 || day.len() > 2 {
        return None;
    }
    Date::new(digits(year)?, digits(month)? as i8, digits(day)? as i8).ok()
}

fn digits(text: &str) -> Option<i16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

fn days(date: Date) -> i32 {
    let epoch = Date::constant(1970, 1, 1);
    epoch.until(date).map_or(0, |span| span.get_days())
}

fn moments(values: &[&str], read: fn(&str) -> Option<DateTime>) -> Option<ArrayRef> {
    let moments = all(values, read)?;
    let micros = |moment: DateTime| {
        let zoned = moment.to_zoned(jiff::tz::TimeZone::UTC);
        zoned.map_or(0, |zoned| zoned.timestamp().as_microsecond())
    };
    let micros: TimestampMicrosecondArray =
        moments.into_iter().map(|moment| moment.map(micros)).collect();
    Some(Arc::new(micros))
}

/// `2026-11-21 10:00:00`, whole seconds only.
fn spaced(value: &str) -> Option<DateTime> {
    let (day, time) = value.trim().split_once(char::is_whitespace)?;
    let mut parts = time.trim_start().split(':');
    let mut part = || parts.next().filter(|part| part.len() <= 2).and_then(digits);
    let (hour, minute, second) = (part()?, part()?, part()?);
    if parts.next().is_some() {
        return None;
    }
    let time = Time::new(hour as i8, minute as i8, second as i8, 0).ok()?;
    Some(date(day)?.to_datetime(time))
}

/// `2026-11-21T10:00:00`. A zone is read and left out: a seed's moments are those of its text.
fn iso(value: &str) -> Option<DateTime> {
    let (day, time) = value.trim().split_once('T')?;
    let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let time = time[..zone].replace(',', ".");
    let time = if time.len() == 2 { format!("{time}:00") } else { time };
    Some(day.parse::<Date>().ok()?.to_datetime(time.parse::<Time>().ok()?))
}

fn booleans(values: &[&str]) -> Option<ArrayRef> {
    let read = |value: &str| match value.trim().to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    Some(Arc::new(BooleanArray::from(all(values, read)?)))
}
