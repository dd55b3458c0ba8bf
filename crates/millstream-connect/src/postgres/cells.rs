//! Binary values of PostgreSQL as Arrow columns.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder,
    Float64Builder, Int16Builder, Int32Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::DataType;

use super::numeric;
use crate::records::gather::{Fits, append};

/// Days from 1970 to the year 2000, from which PostgreSQL counts.
const DAYS_TO_2000: i32 = 10_957;
const MICROS_TO_2000: i64 = DAYS_TO_2000 as i64 * 86_400_000_000;

/// A column that grows value by value.
#[derive(Debug)]
pub(super) enum Cells {
    Boolean(BooleanBuilder),
    Small(Int16Builder),
    Integer(Int32Builder),
    Big(Int64Builder),
    Real(Float32Builder),
    Double(Float64Builder),
    Decimal(Decimal128Builder, u8, i8),
    Date(Date32Builder),
    Moment(TimestampMicrosecondBuilder),
    Binary(BinaryBuilder),
    Text(StringBuilder),
}

impl Cells {
    pub(super) fn new(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::Int16 => Self::Small(Int16Builder::new()),
            DataType::Int32 => Self::Integer(Int32Builder::new()),
            DataType::Int64 => Self::Big(Int64Builder::new()),
            DataType::Float32 => Self::Real(Float32Builder::new()),
            DataType::Float64 => Self::Double(Float64Builder::new()),
            DataType::Decimal128(precision, scale) => {
                let builder = Decimal128Builder::new().with_data_type(data_type.clone());
                Self::Decimal(builder, *precision, *scale)
            }
            DataType::Date32 => Self::Date(Date32Builder::new()),
            DataType::Timestamp(_, zone) => {
                let builder = TimestampMicrosecondBuilder::new();
                Self::Moment(builder.with_timezone_opt(zone.clone()))
            }
            DataType::Binary => Self::Binary(BinaryBuilder::new()),
            _ => Self::Text(StringBuilder::new()),
        }
    }

    /// Adds a value, or null. One that does not fit is added as null, and the answer tells so.
    pub(super) fn push(&mut self, value: Option<&[u8]>) -> Fits {
        let fits = match self {
            Self::Boolean(cells) => append(value.and_then(boolean), |v| cells.append_option(v)),
            Self::Small(cells) => {
                let number = value.and_then(fixed).map(i16::from_be_bytes);
                append(number, |v| cells.append_option(v))
            }
            Self::Integer(cells) => {
                let number = value.and_then(fixed).map(i32::from_be_bytes);
                append(number, |v| cells.append_option(v))
            }
            Self::Big(cells) => {
                let number = value.and_then(fixed).map(i64::from_be_bytes);
                append(number, |v| cells.append_option(v))
            }
            Self::Real(cells) => {
                let number = value.and_then(fixed).map(f32::from_be_bytes);
                append(number, |v| cells.append_option(v))
            }
            Self::Double(cells) => {
                let number = value.and_then(fixed).map(f64::from_be_bytes);
                append(number, |v| cells.append_option(v))
            }
            Self::Decimal(cells, precision, scale) => {
                let number = value.and_then(|v| numeric::decimal(v, *precision, *scale));
                append(number, |v| cells.append_option(v))
            }
            Self::Date(cells) => append(value.and_then(date), |v| cells.append_option(v)),
            Self::Moment(cells) => append(value.and_then(moment), |v| cells.append_option(v)),
            Self::Binary(cells) => append(value, |v| cells.append_option(v)),
            Self::Text(cells) => {
                let text = value.and_then(|bytes| std::str::from_utf8(bytes).ok());
                append(text, |v| cells.append_option(v))
            }
        };
        if value.is_none() { Fits::Yes } else { fits }
    }

    /// A value in words, for a refused record.
    pub(super) fn words(&self, bytes: &[u8]) -> String {
        let number = |text: Option<String>| text.unwrap_or_else(|| "?".to_owned());
        match self {
            Self::Boolean(_) => number(boolean(bytes).map(|v| v.to_string())),
            Self::Small(_) => number(fixed(bytes).map(|v| i16::from_be_bytes(v).to_string())),
            Self::Integer(_) => number(fixed(bytes).map(|v| i32::from_be_bytes(v).to_string())),
            Self::Big(_) => number(fixed(bytes).map(|v| i64::from_be_bytes(v).to_string())),
            Self::Real(_) => number(fixed(bytes).map(|v| f32::from_be_bytes(v).to_string())),
            Self::Double(_) => number(fixed(bytes).map(|v| f64::from_be_bytes(v).to_string())),
            Self::Decimal(_, precision, scale) => {
                match numeric::decimal(bytes, *precision, *scale) {
                    Some(number) => format!("{number}e-{scale}"),
                    None => numeric::words(bytes).to_owned(),
                }
            }
            Self::Date(_) => match (date(bytes), bytes.first()) {
                (Some(days), _) => day(days),
                (None, Some(0x80)) => "-infinity".to_owned(),
                (None, _) => "infinity".to_owned(),
            },
            Self::Moment(_) => match (moment(bytes), bytes.first()) {
                (Some(micros), _) => {
                    millstream_core::clock::Timestamp::from_micros(micros).to_string()
                }
                (None, Some(0x80)) => "-infinity".to_owned(),
                (None, _) => "infinity".to_owned(),
            },
            Self::Binary(_) => {
                let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
                format!("\\x{}", digits.collect::<String>())
            }
            Self::Text(_) => String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Boolean(cells) => Arc::new(cells.finish()),
            Self::Small(cells) => Arc::new(cells.finish()),
            Self::Integer(cells) => Arc::new(cells.finish()),
            Self::Big(cells) => Arc::new(cells.finish()),
            Self::Real(cells) => Arc::new(cells.finish()),
            Self::Double(cells) => Arc::new(cells.finish()),
            Self::Decimal(cells, ..) => Arc::new(cells.finish()),
            Self::Date(cells) => Arc::new(cells.finish()),
            Self::Moment(cells) => Arc::new(cells.finish()),
            Self::Binary(cells) => Arc::new(cells.finish()),
            Self::Text(cells) => Arc::new(cells.finish()),
        }
    }
}

fn fixed<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

fn boolean(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [0] => Some(false),
        [1] => Some(true),
        _ => None,
    }
}

/// Days since 1970; none for the infinities.
fn date(bytes: &[u8]) -> Option<i32> {
    match i32::from_be_bytes(fixed(bytes)?) {
        i32::MIN | i32::MAX => None,
        days => days.checked_add(DAYS_TO_2000),
    }
}

/// Microseconds since 1970; none for the infinities.
fn moment(bytes: &[u8]) -> Option<i64> {
    match i64::from_be_bytes(fixed(bytes)?) {
        i64::MIN | i64::MAX => None,
        micros => micros.checked_add(MICROS_TO_2000),
    }
}

fn day(days: i32) -> String {
    let first = jiff::civil::date(1970, 1, 1);
    first
        .checked_add(jiff::Span::new().days(days))
        .map_or_else(|_| days.to_string(), |d| d.to_string())
}
