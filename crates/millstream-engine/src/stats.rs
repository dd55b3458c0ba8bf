//! Statistics of data files: from the Parquet footer to the JSON of the Delta log and on to the
//! planner.
//!
//! What is written must bound every value, and need not be tight: where a value has no exact
//! form in JSON it is left out, which readers take as unknown.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef, TimeUnit};
use arrow::temporal_conversions::{date32_to_datetime, timestamp_us_to_datetime};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use parquet::data_type::AsBytes as _;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics as ChunkStatistics;
use serde_json::Value;

/// Columns that statistics are kept for, from the left; Delta's default.
const INDEXED_COLUMNS: usize = 32;
/// Digits that a 64-bit float gives back as they were.
const FLOAT_EXACT_DIGITS: u8 = 15;
/// The longest text that stands as a bound.
const TEXT_BYTES_MAX: usize = 256;

/// The statistics of a written file, as the Delta log keeps them.
pub(crate) fn to_delta_json(schema: &Schema, metadata: &ParquetMetaData) -> String {
    let mut minima = Vec::new();
    let mut maxima = Vec::new();
    let mut nulls = Vec::new();
    for (name, data_type, leaf) in indexed_columns(schema, metadata) {
        let Some(summary) = summarize(metadata, leaf) else { continue };
        let name = Value::from(name);
        nulls.push(format!("{name}:{}", summary.nulls));
        if let Some((low, high)) = summary.bounds {
            minima.extend(low.to_json(data_type).map(|low| format!("{name}:{low}")));
            maxima.extend(high.to_json(data_type).map(|high| format!("{name}:{high}")));
        }
    }
    format!(
        r#"{{"numRecords":{},"minValues":{{{}}},"maxValues":{{{}}},"nullCount":{{{}}}}}"#,
        metadata.file_metadata().num_rows(),
        minima.join(","),
        maxima.join(","),
        nulls.join(",")
    )
}

/// Plain columns among the first, with the number of their leaf in the file.
fn indexed_columns<'a>(
    schema: &'a Schema,
    metadata: &'a ParquetMetaData,
) -> impl Iterator<Item = (&'a str, &'a DataType, usize)> {
    let leaves = metadata.file_metadata().schema_descr();
    let leaf_of = |name: &str| {
        let parts = |index: usize| leaves.column(index).path().parts().to_vec();
        (0..leaves.num_columns()).find(|&index| parts(index) == [name])
    };
    schema.fields().iter().take(INDEXED_COLUMNS).filter_map(move |field| {
        leaf_of(field.name()).map(|leaf| (field.name().as_str(), field.data_type(), leaf))
    })
}

/// A bound in its physical form.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
enum Bound {
    Integer(i128),
    Float(f64),
    Text(Vec<u8>),
}

struct Summary {
    nulls: u64,
    bounds: Option<(Bound, Bound)>,
}

/// Folds the row groups of a file. `None` if a row group says nothing of its nulls.
fn summarize(metadata: &ParquetMetaData, leaf: usize) -> Option<Summary> {
    let mut nulls = 0;
    let mut bounds: Option<(Bound, Bound)> = None;
    let mut bounded = true;
    for group in metadata.row_groups() {
        let statistics = group.column(leaf).statistics()?;
        let group_nulls = statistics.null_count_opt()?;
        nulls += group_nulls;
        match bounds_of(statistics) {
            Some((low, high)) => {
                bounds = Some(match bounds {
                    None => (low, high),
                    Some((l, h)) => {
                        (if low < l { low } else { l }, if high > h { high } else { h })
                    }
                });
            }
            // A row group of nulls has no bounds and needs none.
            None => bounded &= i64::try_from(group_nulls) == Ok(group.num_rows()),
        }
    }
    Some(Summary { nulls, bounds: bounds.filter(|_| bounded) })
}

fn bounds_of(statistics: &ChunkStatistics) -> Option<(Bound, Bound)> {
    let integer = |value: i64| Bound::Integer(i128::from(value));
    Some(match statistics {
        ChunkStatistics::Int32(values) => {
            (integer((*values.min_opt()?).into()), integer((*values.max_opt()?).into()))
        }
        ChunkStatistics::Int64(values) => {
            (integer(*values.min_opt()?), integer(*values.max_opt()?))
        }
        ChunkStatistics::Float(values) => {
            (Bound::Float((*values.min_opt()?).into()), Bound::Float((*values.max_opt()?).into()))
        }
        ChunkStatistics::Double(values) => {
            (Bound::Float(*values.min_opt()?), Bound::Float(*values.max_opt()?))
        }
        ChunkStatistics::ByteArray(values) => (
            Bound::Text(values.min_opt()?.as_bytes().to_vec()),
            Bound::Text(values.max_opt()?.as_bytes().to_vec()),
        ),
        ChunkStatistics::FixedLenByteArray(values) => (
            Bound::Integer(big_endian(values.min_opt()?.as_bytes())?),
            Bound::Integer(big_endian(values.max_opt()?.as_bytes())?),
        ),
        ChunkStatistics::Boolean(_) | ChunkStatistics::Int96(_) => return None,
    })
}

/// A decimal's unscaled value as Parquet keeps it: big-endian two's complement.
fn big_endian(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.first()? & 0x80 != 0;
    let mut wide = [if negative { 0xff } else { 0 }; 16];
    wide.get_mut(16usize.checked_sub(bytes.len())?..)?.copy_from_slice(bytes);
    Some(i128::from_be_bytes(wide))
}

impl Bound {
    /// The bound as Delta writes values of the type; `None` where it has no exact form.
    fn to_json(&self, data_type: &DataType) -> Option<String> {
        match (self, data_type) {
            (
                Self::Integer(value),
                DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64,
            ) => Some(value.to_string()),
            (Self::Integer(value), DataType::Decimal128(_, scale)) => {
                Some(decimal_text(*value, usize::try_from(*scale).ok()?))
            }
            (Self::Integer(value), DataType::Date32) => {
                let date = date32_to_datetime(i32::try_from(*value).ok()?)?;
                four_digit_year(date.format("\"%Y-%m-%d\"").to_string())
            }
            (Self::Integer(value), DataType::Timestamp(TimeUnit::Microsecond, zone)) => {
                let moment = timestamp_us_to_datetime(i64::try_from(*value).ok()?)?;
                let suffix = if zone.is_some() { "Z" } else { "" };
                let text = moment.format("\"%Y-%m-%dT%H:%M:%S%.6f").to_string();
                four_digit_year(format!("{text}{suffix}\""))
            }
            (Self::Float(value), DataType::Float32 | DataType::Float64) if value.is_finite() => {
                Some(format!("{value:?}"))
            }
            (Self::Text(bytes), DataType::Utf8) if bytes.len() <= TEXT_BYTES_MAX => {
                Some(Value::from(std::str::from_utf8(bytes).ok()?).to_string())
            }
            _ => None,
        }
    }
}

/// Years before 0 and after 9999 have no agreed text.
fn four_digit_year(quoted: String) -> Option<String> {
    (quoted.as_bytes().get(5) == Some(&b'-') && !quoted.starts_with("\"-")).then_some(quoted)
}

fn decimal_text(unscaled: i128, scale: usize) -> String {
    if scale == 0 {
        return unscaled.to_string();
    }
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let mut text = String::with_capacity(digits.len() + 2);
    if unscaled < 0 {
        text.push('-');
    }
    let _ = write!(text, "{whole}.{fraction}");
    text
}

/// What the planner may know of a file, from the JSON of the log. `rows` is the fallback of a log
/// without statistics.
pub(crate) fn from_delta_json(schema: &SchemaRef, json: Option<&str>, bytes: u64) -> Statistics {
    let parsed: Option<Value> = json.and_then(|json| serde_json::from_str(json).ok());
    let Some(parsed) = parsed else { return Statistics::new_unknown(schema) };
    let rows = parsed["numRecords"].as_u64().map(|rows| rows as usize);
    let rows = rows.map_or(Precision::Absent, Precision::Exact);
    let column = |name: &str, data_type: &DataType| {
        let nulls = parsed["nullCount"].get(name).and_then(Value::as_u64);
        let bound =
            |side: &str| parsed[side].get(name).and_then(|value| parse_bound(value, data_type));
        let precision = |value: Option<ScalarValue>| match value {
            None => Precision::Absent,
            Some(value) if exact(data_type) => Precision::Exact(value),
            Some(value) => Precision::Inexact(value),
        };
        ColumnStatistics::new_unknown()
            .with_null_count(
                nulls.map_or(Precision::Absent, |nulls| Precision::Exact(nulls as usize)),
            )
            .with_min_value(precision(bound("minValues")))
            .with_max_value(precision(bound("maxValues")))
    };
    let columns = schema.fields().iter().map(|field| column(field.name(), field.data_type()));
    Statistics {
        num_rows: rows,
        total_byte_size: Precision::Inexact(bytes as usize),
        column_statistics: columns.collect(),
    }
}

/// Whether a bound in the log is a value of the file, not only beyond all of them.
fn exact(data_type: &DataType) -> bool {
    data_type.is_integer() || matches!(data_type, DataType::Date32)
}

fn parse_bound(value: &Value, data_type: &DataType) -> Option<ScalarValue> {
    let text = match (value, data_type) {
        (Value::Number(number), DataType::Decimal128(digits, scale)) => {
            if *digits > FLOAT_EXACT_DIGITS {
                return None;
            }
            format!("{:.*}", usize::try_from(*scale).ok()?, number.as_f64()?)
        }
        (Value::Number(number), data_type) if data_type.is_numeric() => number.to_string(),
        (Value::String(text), DataType::Utf8 | DataType::Date32 | DataType::Timestamp(..)) => {
            text.clone()
        }
        _ => return None,
    };
    ScalarValue::try_from_string(text, data_type).ok()
}

/// The statistics of several files together.
pub(crate) fn merged(files: &[Arc<Statistics>], schema: &SchemaRef) -> Statistics {
    Statistics::try_merge_iter(files.iter().map(AsRef::as_ref), schema)
        .unwrap_or_else(|_| Statistics::new_unknown(schema))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_scale() {
        for (unscaled, scale, text) in
            [(1234, 2, "12.34"), (-5, 2, "-0.05"), (0, 3, "0.000"), (7, 0, "7")]
        {
            assert_eq!(decimal_text(unscaled, scale), text);
        }
    }

    #[test]
    fn a_bound_survives_the_log() {
        let decimal = DataType::Decimal128(15, 2);
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        for (bound, data_type) in [
            (Bound::Integer(-9_007_199_254_740_993), DataType::Int64),
            (Bound::Integer(-123_456_789_012_345), decimal),
            (Bound::Integer(19_000), DataType::Date32),
            (Bound::Integer(1_700_000_000_123_456), utc),
            (Bound::Text(b"a \"quoted\" text".to_vec()), DataType::Utf8),
        ] {
            let json = bound.to_json(&data_type).unwrap();
            let value = parse_bound(&serde_json::from_str(&json).unwrap(), &data_type).unwrap();
            let back = match value {
                ScalarValue::Int64(Some(value))
                | ScalarValue::TimestampMicrosecond(Some(value), _) => Bound::Integer(value.into()),
                ScalarValue::Date32(Some(value)) => Bound::Integer(value.into()),
                ScalarValue::Decimal128(Some(value), ..) => Bound::Integer(value),
                ScalarValue::Utf8(Some(text)) => Bound::Text(text.into_bytes()),
                other => panic!("{other:?}"),
            };
            assert_eq!(back, bound, "of {json}");
        }
    }

    #[test]
    fn what_has_no_exact_form_is_left_out() {
        assert_eq!(Bound::Float(f64::INFINITY).to_json(&DataType::Float64), None);
        assert_eq!(Bound::Integer(-1_000_000_000).to_json(&DataType::Date32), None);
    }
}
