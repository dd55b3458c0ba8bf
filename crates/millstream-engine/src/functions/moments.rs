//! Moments and intervals: `age`, `date_diff`, `last_day`, and what casts and operators need.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, Date32Array, Int64Array,
    IntervalMonthDayNanoArray, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, DurationMicrosecondType, Float64Type, Int32Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType, IntervalUnit, TimeUnit, TimestampMicrosecondType,
};
use arrow::util::display::FormatOptions;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;
use jiff::Unit;
use jiff::civil::{Date, DateTime};

use super::columnar::columnar;
use super::times::{civil, dates, days, micros};

/// How a moment looks as text.
const TEXT: &str = "%Y-%m-%d %H:%M:%S%.f";
const TEXT_WITH_ZONE: &str = "%Y-%m-%d %H:%M:%S%.f+00";
const SECONDS_PER_DAY: f64 = 86_400.0;
const DAYS_PER_MONTH: f64 = 30.0;

/// A moment without a zone.
pub(super) const PLAIN: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);
/// Any interval.
pub(super) const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);
/// The time between two moments.
pub(super) const DURATION: DataType = DataType::Duration(TimeUnit::Microsecond);

/// A moment of UTC.
pub(super) fn zoned() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

pub(super) fn functions() -> Vec<ScalarUDF> {
    use DataType::{Boolean, Date32, Float64, Int32, Int64, Utf8};
    vec![
        columnar("age", &[PLAIN, PLAIN], INTERVAL, age),
        columnar("date_diff", &[Utf8, PLAIN, PLAIN], Int64, date_diff).with_aliases(["datediff"]),
        columnar("last_day", &[Date32], Date32, last_day),
        columnar("dayname", &[Date32], Utf8, |columns| named(columns, "%A")),
        columnar("monthname", &[Date32], Utf8, |columns| named(columns, "%B")),
        columnar("isfinite", &[PLAIN], Boolean, isfinite),
        columnar(
            "make_timestamp",
            &[Int32, Int32, Int32, Int32, Int32, Float64],
            PLAIN,
            make_timestamp,
        ),
        interval_times(),
        interval_length(),
    ]
}

/// An interval, so many times.
pub(super) fn interval_times() -> ScalarUDF {
    columnar("interval_times", &[INTERVAL, DataType::Float64], INTERVAL, |columns| {
        let intervals = columns[0].as_primitive::<IntervalMonthDayNanoType>().iter();
        let factors = columns[1].as_primitive::<Float64Type>().iter();
        let scaled =
            intervals.zip(factors).map(|(interval, factor)| Some(times(interval?, factor?)));
        Ok(Arc::new(scaled.collect::<IntervalMonthDayNanoArray>()))
    })
}

/// Parts of a month go to the days, parts of a day to the time.
fn times(interval: IntervalMonthDayNano, factor: f64) -> IntervalMonthDayNano {
    let months = f64::from(interval.months) * factor;
    let days = f64::from(interval.days) * factor + months.fract() * DAYS_PER_MONTH;
    let micros = interval.nanoseconds as f64 / 1e3 * factor + days.fract() * SECONDS_PER_DAY * 1e6;
    let nanoseconds = micros.round() as i64 * 1000;
    IntervalMonthDayNano::new(months.trunc() as i32, days.trunc() as i32, nanoseconds)
}

/// The length of an interval, a month taken for 30 days.
pub(super) fn interval_length() -> ScalarUDF {
    columnar("interval_length", &[INTERVAL], DURATION, |columns| {
        let intervals = columns[0].as_primitive::<IntervalMonthDayNanoType>();
        let length = intervals.unary::<_, DurationMicrosecondType>(|interval| {
            let days = i64::from(interval.months) * 30 + i64::from(interval.days);
            days * 86_400_000_000 + interval.nanoseconds / 1000
        });
        Ok(Arc::new(length))
    })
}

/// A moment as text, as PostgreSQL writes it.
pub(super) fn moment_text(input: DataType) -> ScalarUDF {
    columnar("moment_text", &[input], DataType::Utf8, |columns| {
        let zoned = matches!(columns[0].data_type(), DataType::Timestamp(_, Some(_)));
        let format = FormatOptions::new()
            .with_timestamp_format(Some(TEXT))
            .with_timestamp_tz_format(Some(TEXT_WITH_ZONE));
        let options = CastOptions { safe: false, format_options: format };
        let text = cast_with_options(&columns[0], &DataType::Utf8, &options)?;
        let text = text.as_string::<i32>();
        if !text.value_data().contains(&b'.') {
            return Ok(Arc::new(text.clone()));
        }
        let zone = if zoned { "+00" } else { "" };
        let trimmed = text.iter().map(|text| {
            let text = text?;
            let moment = text.strip_suffix(zone).unwrap_or(text);
            let fraction = moment.contains('.');
            let trimmed = moment.trim_end_matches('0').trim_end_matches('.');
            let moment = if fraction { trimmed } else { moment };
            Some(format!("{moment}{zone}"))
        });
        Ok(Arc::new(trimmed.collect::<StringArray>()))
    })
}

/// A text as a moment, as leniently as PostgreSQL reads it.
pub(super) fn read_moment(output: &DataType) -> ScalarUDF {
    let output_type = output.clone();
    match output {
        DataType::Date32 => columnar("read_date", &[DataType::Utf8], output_type, |columns| {
            read(columns, &DataType::Date32)
        }),
        DataType::Timestamp(_, None) => {
            columnar("read_timestamp", &[DataType::Utf8], output_type, |columns| {
                read(columns, &PLAIN)
            })
        }
        _ => columnar("read_timestamptz", &[DataType::Utf8], output_type, |columns| {
            read(columns, &zoned())
        }),
    }
}

fn read(columns: &[ArrayRef], output: &DataType) -> Result<ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    // What the plain cast reads is by far the most.
    let refused = match cast_with_options(&columns[0], output, &options) {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    let moments: Option<Vec<Option<i64>>> = columns[0]
        .as_string::<i32>()
        .iter()
        .map(|text| text.map_or(Some(None), |text| lenient(text).map(Some)))
        .collect();
    let Some(moments) = moments else { return Err(refused.into()) };
    let moments = TimestampMicrosecondArray::from(moments);
    let moments: ArrayRef = match output {
        DataType::Timestamp(_, Some(_)) => Arc::new(moments.with_timezone("UTC")),
        _ => Arc::new(moments),
    };
    Ok(cast_with_options(&moments, output, &options)?)
}

/// `2024-5-7`, `20240507`, `2024/05/07 10:30`, `2024-05-07T10:30:00.5+02`.
fn lenient(text: &str) -> Option<i64> {
    let text = text.trim();
    let split = text.find(['T', ' ']).unwrap_or(text.len());
    let (date, time) = text.split_at(split);
    let date = lenient_date(date)?;
    let time = time.trim_start_matches(['T', ' ']).trim_end_matches(['Z', 'z']).trim();
    let midnight = micros(date.at(0, 0, 0, 0));
    if time.is_empty() {
        return Some(midnight);
    }
    let zone = time.find(['+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone);
    let offset = if zone.is_empty() { 0.0 } else { seconds(&zone[1..])? };
    let offset = if zone.starts_with('-') { -offset } else { offset };
    Some(midnight + ((seconds(clock.trim())? - offset) * 1e6).round() as i64)
}

fn lenient_date(text: &str) -> Option<Date> {
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = |range: std::ops::Range<usize>| text[range].parse::<i16>().ok();
        return Date::new(number(0..4)?, number(4..6)? as i8, number(6..8)? as i8).ok();
    }
    let mut parts = text.split(['-', '/', '.']);
    let year = parts.next().filter(|year| year.len() == 4)?.parse().ok()?;
    let (month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    if parts.next().is_some() { None } else { Date::new(year, month, day).ok() }
}

/// The seconds of `10`, `10:30` or `10:30:15.5`.
fn seconds(clock: &str) -> Option<f64> {
    let mut parts = clock.split(':');
    let hours: f64 = parts.next()?.parse().ok()?;
    let minutes: f64 = parts.next().map_or(Some(0.0), |part| part.parse().ok())?;
    let seconds: f64 = parts.next().map_or(Some(0.0), |part| part.parse().ok())?;
    let fits = hours <= 24.0 && minutes < 60.0 && seconds < 61.0 && parts.next().is_none();
    fits.then_some((hours * 60.0 + minutes) * 60.0 + seconds)
}

fn moments(column: &ArrayRef) -> impl Iterator<Item = Option<DateTime>> + '_ {
    column.as_primitive::<TimestampMicrosecondType>().iter().map(|micros| micros.and_then(civil))
}

/// Years, months and days first, then the time.
fn age(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let ages = moments(&columns[0]).zip(moments(&columns[1])).map(|(end, start)| {
        let (Some(end), Some(start)) = (end, start) else { return Ok(None) };
        let span = end.since((Unit::Year, start));
        let span = span.map_err(|error| DataFusionError::Execution(error.to_string()))?;
        let months = i32::from(span.get_years()) * 12 + span.get_months();
        let seconds =
            (i64::from(span.get_hours()) * 60 + span.get_minutes()) * 60 + span.get_seconds();
        let nanoseconds = seconds * 1_000_000_000
            + span.get_milliseconds() * 1_000_000
            + span.get_microseconds() * 1000;
        Ok(Some(IntervalMonthDayNano::new(months, span.get_days(), nanoseconds)))
    });
    Ok(Arc::new(ages.collect::<Result<IntervalMonthDayNanoArray>>()?))
}

/// How many borders of a unit lie between two moments.
fn date_diff(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let units = columns[0].as_string::<i32>().iter();
    let rows = units.zip(moments(&columns[1]).zip(moments(&columns[2])));
    let counts = rows.map(|(unit, (start, end))| {
        let (Some(unit), Some(start), Some(end)) = (unit, start, end) else { return Ok(None) };
        border(unit, end)
            .zip(border(unit, start))
            .map(|(end, start)| Some(end - start))
            .ok_or_else(|| DataFusionError::Execution(format!("there is no unit `{unit}`")))
    });
    Ok(Arc::new(counts.collect::<Result<Int64Array>>()?))
}

fn border(unit: &str, at: DateTime) -> Option<i64> {
    let day = i64::from(days(at.date()));
    let month = i64::from(at.year()) * 12 + i64::from(at.month()) - 1;
    let unit = unit.to_lowercase();
    Some(match unit.strip_suffix('s').unwrap_or(&unit) {
        "year" => i64::from(at.year()),
        "quarter" => month.div_euclid(3),
        "month" => month,
        // 1970-01-01 was a Thursday, weeks begin on Monday.
        "week" => (day + 3).div_euclid(7),
        "day" => day,
        "hour" => micros(at).div_euclid(3_600_000_000),
        "minute" => micros(at).div_euclid(60_000_000),
        "second" => micros(at).div_euclid(1_000_000),
        "millisecond" => micros(at).div_euclid(1000),
        "microsecond" => micros(at),
        _ => return None,
    })
}

fn last_day(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let last = dates(&columns[0]).map(|date| date.map(|date| days(date.last_of_month())));
    Ok(Arc::new(last.collect::<Date32Array>()))
}

fn named(columns: &[ArrayRef], format: &str) -> Result<ArrayRef> {
    let names = dates(&columns[0]).map(|date| date.map(|date| date.strftime(format).to_string()));
    Ok(Arc::new(names.collect::<StringArray>()))
}

fn isfinite(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let known = moments(&columns[0]).map(|moment| moment.map(|_| true));
    Ok(Arc::new(known.collect::<BooleanArray>()))
}

fn make_timestamp(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let parts = |column: usize| columns[column].as_primitive::<Int32Type>();
    let seconds = columns[5].as_primitive::<Float64Type>();
    let made = (0..seconds.len()).map(|row| {
        if columns.iter().any(|column| column.is_null(row)) {
            return Ok(None);
        }
        let [year, month, day, hour, minute] = [0, 1, 2, 3, 4].map(|part| parts(part).value(row));
        let date = Date::new(year as i16, month as i8, day as i8);
        let date = date.map_err(|error| DataFusionError::Execution(error.to_string()))?;
        let of_day = f64::from(hour * 60 + minute) * 60.0 + seconds.value(row);
        Ok(Some(micros(date.at(0, 0, 0, 0)) + (of_day * 1e6).round() as i64))
    });
    Ok(Arc::new(made.collect::<Result<TimestampMicrosecondArray>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_leniently() {
        for (text, same) in [
            ("2024-5-7", "2024-05-07T00:00:00"),
            ("20240507", "2024-05-07T00:00:00"),
            ("2024/05/07 10:30", "2024-05-07T10:30:00"),
            (" 2024-05-07T10:30:15.5+02 ", "2024-05-07T08:30:15.5"),
            ("2024-05-07 10:30:15 -03:30", "2024-05-07T14:00:15"),
        ] {
            assert_eq!(lenient(text), Some(micros(same.parse().unwrap())), "{text}");
        }
        for text in ["", "2024", "2024-13-01", "2024-05-07 25:00", "07/05/2024"] {
            assert_eq!(lenient(text), None, "{text}");
        }
    }
}
