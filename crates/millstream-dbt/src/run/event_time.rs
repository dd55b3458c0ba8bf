//! Moments and windows of event time, as flags and configurations say them. Without a zone they
//! mean UTC, as in dbt. Pure.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::{Map, Value, json};

/// Reads `2026-11-21`, `2026-11-21T08:30:00`, `2026-11-21 08:30:00+00:00`.
pub fn moment(text: &str) -> Option<DateTime> {
    let text = text.trim();
    if let Ok(zoned) = text.parse::<Timestamp>() {
        return Some(zoned.to_zoned(TimeZone::UTC).datetime());
    }
    if let Ok(datetime) = text.parse::<DateTime>() {
        return Some(datetime);
    }
    text.parse::<Date>().ok().map(|date| date.at(0, 0, 0, 0))
}

/// As Python writes a moment of UTC: `2026-11-21 08:30:00+00:00`.
pub fn python(at: DateTime) -> String {
    let micros = at.subsec_nanosecond() / 1000;
    let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
    format!("{}{fraction}+00:00", at.strftime("%Y-%m-%d %H:%M:%S"))
}

/// A moment of UTC, from microseconds since 1970.
pub fn civil(micros: i64) -> DateTime {
    let at = Timestamp::from_microsecond(micros).unwrap_or_default();
    at.to_zoned(TimeZone::UTC).datetime()
}

/// What `--event-time-start` and `--event-time-end` mean together.
///
/// # Errors
/// What is wrong with them, for people.
pub fn limits(
    start: Option<&str>,
    end: Option<&str>,
) -> Result<Option<(DateTime, DateTime)>, String> {
    let (start, end) = match (start, end) {
        (None, None) => return Ok(None),
        (Some(start), Some(end)) => (start, end),
        (start, _) => {
            let (said, missing) = match start {
                Some(_) => ("--event-time-start", "--event-time-end"),
                None => ("--event-time-end", "--event-time-start"),
            };
            return Err(format!(
                "The flag `{said}` was specified, but `{missing}` was not. When specifying \
                 `{said}`, `{missing}` must also be present."
            ));
        }
    };
    let read = |flag: &str, text: &str| {
        moment(text).ok_or_else(|| {
            format!("Invalid value for '{flag}': '{text}' is no moment: 2026-11-21 [08:30:00]")
        })
    };
    let start = read("--event-time-start", start)?;
    let end = read("--event-time-end", end)?;
    if start >= end {
        return Err(
            "Value for `--event-time-start` must be less than `--event-time-end`".to_owned()
        );
    }
    Ok(Some((start, end)))
}

/// What `--sample` means: `3 days` back from now, or `{start: ..., end: ...}`.
///
/// # Errors
/// What is wrong with it, for people.
pub fn sample(spec: &SampleSpec, now: DateTime) -> Result<(DateTime, DateTime), String> {
    match spec {
        SampleSpec::Between(map) => {
            let part = |key: &str| {
                let text = map.get(key).and_then(Value::as_str);
                text.and_then(moment).ok_or_else(|| format!("`--sample` needs `{key}`, a moment"))
            };
            Ok((part("start")?, part("end")?))
        }
        SampleSpec::Back(text) => back(text, now),
    }
}

/// What stands behind `--sample`.
#[derive(Debug, Clone, PartialEq)]
pub enum SampleSpec {
    /// `3 days`
    Back(String),
    /// `{start: 2026-11-01, end: 2026-11-21}`
    Between(Map<String, Value>),
}

fn back(text: &str, now: DateTime) -> Result<(DateTime, DateTime), String> {
    let [count, grain] = text.split_whitespace().collect::<Vec<_>>()[..] else {
        return Err(format!(
            "Cannot load SAMPLE_WINDOW from '{text}'. Must be of form 'DAYS_INT GRAIN_SIZE'."
        ));
    };
    let count: i64 =
        count.parse().map_err(|_| format!("Unable to convert '{count}' to an integer."))?;
    let span = match grain.to_lowercase().trim_end_matches('s') {
        "hour" => Span::new().try_hours(count),
        "day" => Span::new().try_days(count),
        "month" => Span::new().try_months(count),
        "year" => Span::new().try_years(count),
        _ => {
            return Err(format!(
                "Invalid grain size '{grain}'. Must be one of ['hour', 'day', 'month', 'year', \
                 'hours', 'days', 'months', 'years']."
            ));
        }
    };
    let start = span.and_then(|span| now.checked_sub(span));
    Ok((start.map_err(|error| format!("'{text}' is too long ago: {error}"))?, now))
}

/// A window as templates see it.
pub fn window(start: DateTime, end: DateTime) -> Value {
    json!({"start": python(start), "end": python(end)})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_dbt_reads_them() {
        for text in ["2026-11-21", "2026-11-21T00:00:00", "2026-11-21 01:00:00+01:00"] {
            assert_eq!(python(moment(text).unwrap()), "2026-11-21 00:00:00+00:00", "{text}");
        }
        assert_eq!(moment("soon"), None);
    }

    #[test]
    fn a_sample_goes_back_by_the_calendar() {
        let now = moment("2024-03-31 16:06:00").unwrap();
        let (start, end) = sample(&SampleSpec::Back("1 month".to_owned()), now).unwrap();
        assert_eq!((python(start).as_str(), end), ("2024-02-29 16:06:00+00:00", now));
        let wrong = sample(&SampleSpec::Back("3 weeks".to_owned()), now).unwrap_err();
        assert!(wrong.contains("Invalid grain size 'weeks'"), "{wrong}");
    }

    #[test]
    fn both_ends_are_needed_in_their_order() {
        assert!(limits(Some("2026-01-01"), None).unwrap_err().contains("--event-time-end"));
        assert!(limits(Some("2026-01-02"), Some("2026-01-01")).unwrap_err().contains("less"));
        assert!(limits(None, None).unwrap().is_none());
    }
}
