//! Values of SQLite as values of Arrow columns.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder,
    Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, TimeUnit};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use rusqlite::types::ValueRef;

use crate::records::gather::{Fits, append};

/// A column that grows value by value.
#[derive(Debug)]
pub(super) enum Cells {
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Real(Float64Builder),
    Decimal(Decimal128Builder, u8, i8),
    Date(Date32Builder),
    Time(TimestampMicrosecondBuilder),
    Moment(TimestampMicrosecondBuilder),
    Blob(BinaryBuilder),
    Text(StringBuilder),
}

impl Cells {
    pub(super) fn new(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::Int64 => Self::Integer(Int64Builder::new()),
            DataType::Float64 => Self::Real(Float64Builder::new()),
            DataType::Decimal128(precision, scale) => {
                let builder = Decimal128Builder::new().with_data_type(data_type.clone());
                Self::Decimal(builder, *precision, *scale)
            }
            DataType::Date32 => Self::Date(Date32Builder::new()),
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                Self::Time(TimestampMicrosecondBuilder::new())
            }
            DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) => {
                let builder = TimestampMicrosecondBuilder::new();
                Self::Moment(builder.with_timezone(Arc::clone(zone)))
            }
            DataType::Binary => Self::Blob(BinaryBuilder::new()),
            _ => Self::Text(StringBuilder::new()),
        }
    }

    /// Adds a value. One that does not fit is added as null, and the answer tells so.
    pub(super) fn push(&mut self, value: ValueRef<'_>) -> Fits {
        let is_null = matches!(value, ValueRef::Null);
        let fits = match self {
            Self::Boolean(cells) => append(boolean(value), |v| cells.append_option(v)),
            Self::Integer(cells) => append(integer(value), |v| cells.append_option(v)),
            Self::Real(cells) => append(real(value), |v| cells.append_option(v)),
            Self::Decimal(cells, precision, scale) => {
                append(decimal_of(value, *precision, *scale), |v| cells.append_option(v))
            }
            Self::Date(cells) => append(date(value), |v| cells.append_option(v)),
            Self::Time(cells) => append(time(value), |v| cells.append_option(v)),
            Self::Moment(cells) => append(moment(value), |v| cells.append_option(v)),
            Self::Blob(cells) => append(blob(value), |v| cells.append_option(v)),
            Self::Text(cells) => match value {
                ValueRef::Text(bytes) => {
                    append(std::str::from_utf8(bytes).ok(), |v| cells.append_option(v))
                }
                _ => append(in_words(value), |v| cells.append_option(v)),
            },
        };
        if is_null { Fits::Yes } else { fits }
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Boolean(cells) => Arc::new(cells.finish()),
            Self::Integer(cells) => Arc::new(cells.finish()),
            Self::Real(cells) => Arc::new(cells.finish()),
            Self::Decimal(cells, ..) => Arc::new(cells.finish()),
            Self::Date(cells) => Arc::new(cells.finish()),
            Self::Time(cells) | Self::Moment(cells) => Arc::new(cells.finish()),
            Self::Blob(cells) => Arc::new(cells.finish()),
            Self::Text(cells) => Arc::new(cells.finish()),
        }
    }
}

/// Any value in words: what a text column holds, and a refused record.
pub(super) fn in_words(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        // The shortest text that reads back as the same number.
        ValueRef::Real(number) => Some(format!("{number:?}")),
        ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => {
            let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
            Some(format!("\\x{}", digits.collect::<String>()))
        }
    }
}

pub(super) fn boolean(value: ValueRef<'_>) -> Option<bool> {
    match value {
        ValueRef::Integer(0) => Some(false),
        ValueRef::Integer(1) => Some(true),
        _ => None,
    }
}

fn integer(value: ValueRef<'_>) -> Option<i64> {
    match value {
        ValueRef::Integer(number) => Some(number),
        _ => None,
    }
}

fn real(value: ValueRef<'_>) -> Option<f64> {
    match value {
        ValueRef::Real(number) => Some(number),
        ValueRef::Integer(number) => Some(number as f64),
        _ => None,
    }
}

fn blob(value: ValueRef<'_>) -> Option<&[u8]> {
    match value {
        ValueRef::Blob(bytes) => Some(bytes),
        _ => None,
    }
}

/// The exact number in units of the scale. A real number counts as its shortest decimal text.
pub(super) fn decimal_of(value: ValueRef<'_>, precision: u8, scale: i8) -> Option<i128> {
    let text = match value {
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) if number.is_finite() => number.to_string(),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok()?.to_owned(),
        _ => return None,
    };
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.as_str()),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let missing = usize::from(scale.unsigned_abs()).checked_sub(fraction.len())?;
    let all = format!("{whole}{fraction}{}", "0".repeat(missing));
    let is_number = !whole.is_empty() && all.bytes().all(|byte| byte.is_ascii_digit());
    let all = all.trim_start_matches('0');
    if !is_number || all.len() > usize::from(precision) {
        return None;
    }
    let number = if all.is_empty() { 0 } else { all.parse::<i128>().ok()? };
    Some(sign * number)
}

/// Days since 1970 of `2024-12-31`.
pub(super) fn date(value: ValueRef<'_>) -> Option<i32> {
    const TEXT_LENGTH: usize = 10;
    let text = text(value).filter(|text| text.len() == TEXT_LENGTH)?;
    let date: Date = text.parse().ok()?;
    Some(date.since(jiff::civil::date(1970, 1, 1)).ok()?.get_days())
}

/// Microseconds since 1970 of a date and time of day without a zone.
pub(super) fn time(value: ValueRef<'_>) -> Option<i64> {
    let text = text(value).filter(|text| text.contains(':'))?;
    if text.parse::<jiff::Timestamp>().is_ok() {
        return None;
    }
    let time: DateTime = text.parse().ok()?;
    micros(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Microseconds since 1970 of a moment with its zone.
pub(super) fn moment(value: ValueRef<'_>) -> Option<i64> {
    micros(text(value)?.parse().ok()?)
}

/// A part of a microsecond would be lost: then it does not fit.
fn micros(moment: jiff::Timestamp) -> Option<i64> {
    (moment.subsec_nanosecond() % 1000 == 0).then(|| moment.as_microsecond())
}

fn text(value: ValueRef<'_>) -> Option<&str> {
    match value {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}
