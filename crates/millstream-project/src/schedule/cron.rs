//! Cron expressions, as `croner` reads them.

use croner::parser::{CronParser, Seconds, Year};
use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time};

/// The fields of an expression with seconds, for hints.
const FIELDS: [(&str, &str); 6] = [
    ("second", "0-59"),
    ("minute", "0-59"),
    ("hour", "0-23"),
    ("day", "1-31, L, 15W"),
    ("month", "1-12 or jan-dec"),
    ("weekday", "0-7 or sun-sat, fri#2, friL"),
];
/// How far the next time is sought, in years.
const HORIZON_YEARS: i32 = 100;
/// The hours of a day.
const HOURS: usize = 24;
/// The longest text that is looked at.
const TEXT_BYTES_MAX: usize = 1000;

/// A cron expression: which local times it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cron {
    text: String,
    expression: croner::Cron,
    /// Hours, minutes and seconds, in order.
    values: [Vec<i8>; 3],
}

/// Why a text is no cron expression.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub(crate) struct BadCron {
    message: String,
    /// What to do.
    pub(crate) hint: String,
}

impl Cron {
    /// Reads an expression of five fields, or of six with seconds first.
    ///
    /// # Errors
    /// Which field is wrong.
    pub(crate) fn read(text: &str) -> Result<Self, BadCron> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match parse(&text) {
            Some(expression) => {
                let pattern = &expression.pattern;
                let fields = [&pattern.hours, &pattern.minutes, &pattern.seconds];
                let values = fields.map(|field| {
                    let mut values: Vec<i8> = field.values().iter().map(|it| *it as i8).collect();
                    values.sort_unstable();
                    values
                });
                Ok(Self { text, expression, values })
            }
            None => Err(doubt(&text)),
        }
    }

    /// The expression as it is written, with single blanks.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it repeats over the hours, as `*/30 * * * *`: it is about an interval rather than
    /// about times of day.
    pub(crate) fn repeats(&self) -> bool {
        let fields: Vec<&str> = self.expression.pattern.as_str().split_whitespace().collect();
        let hour = fields.len().checked_sub(4).and_then(|at| fields.get(at));
        hour.is_some_and(|hour| hour.contains(['*', '/'])) || self.values[0].len() == HOURS
    }

    /// The first local time from here on that it means. `None` if none comes in a hundred years.
    ///
    /// The days are walked here, since the search of `croner` goes on second by second for minutes
    /// where an expression means no day at all.
    pub(crate) fn next(&self, from: DateTime) -> Option<DateTime> {
        let last = from.date().checked_add(HORIZON_YEARS.years()).ok()?;
        let mut day = from.date();
        let mut earliest = from.time();
        while day <= last {
            let next = if self.has_month(day) { day.tomorrow() } else { next_month(day) };
            if self.has(day)
                && let Some(time) = self.time_from(earliest)
            {
                return Some(day.to_datetime(time));
            }
            day = next.ok()?;
            earliest = Time::midnight();
        }
        None
    }

    fn has_month(&self, day: Date) -> bool {
        self.expression.pattern.month_match(day.month() as u32).unwrap_or(false)
    }

    /// Whether it means times of a day.
    fn has(&self, day: Date) -> bool {
        let Some(time) = self.time_from(Time::midnight()) else { return false };
        self.expression.is_time_matching(&day.to_datetime(time)).unwrap_or(false)
    }

    /// The first time of day from here on that it means.
    fn time_from(&self, earliest: Time) -> Option<Time> {
        let from = (earliest.hour(), earliest.minute(), earliest.second());
        let [hours, minutes, seconds] = &self.values;
        hours.iter().filter(|hour| **hour >= from.0).find_map(|&hour| {
            let late_enough = |minute: &&i8| (hour, **minute) >= (from.0, from.1);
            minutes.iter().filter(late_enough).find_map(|&minute| {
                let second = seconds.iter().find(|second| (hour, minute, **second) >= from)?;
                Time::new(hour, minute, *second, 0).ok()
            })
        })
    }
}

fn next_month(day: Date) -> Result<Date, jiff::Error> {
    day.last_of_month().tomorrow()
}

fn parse(text: &str) -> Option<croner::Cron> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Optional).build();
    let fields = text.split(' ').count();
    let allowed = matches!(fields, 5 | 6) || text.starts_with('@');
    if allowed { parser.parse(text).ok() } else { None }
}

/// Finds the field that is wrong by trying each alone.
fn doubt(text: &str) -> BadCron {
    let said = format!("`{text}` is no cron expression");
    let fields: Vec<&str> = text.split_whitespace().collect();
    if !matches!(fields.len(), 5 | 6) {
        let hint = "five fields: minute, hour, day, month, weekday; as `30 2 * * *`".to_owned();
        return BadCron { message: said, hint };
    }
    let names = &FIELDS[FIELDS.len() - fields.len()..];
    for (position, (name, values)) in names.iter().enumerate() {
        let alone: Vec<&str> =
            (0..fields.len()).map(|at| if at == position { fields[at] } else { "*" }).collect();
        if parse(&alone.join(" ")).is_none() {
            let message = format!("{said}: the {name} cannot be `{}`", fields[position]);
            return BadCron {
                message,
                hint: format!("{name}: {values}, *, */5, lists and ranges"),
            };
        }
    }
    BadCron { message: said, hint: "as `30 2 * * *`".to_owned() }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    /// Texts of the characters that mean something, and of some that do not.
    #[test]
    fn any_text_is_read_or_refused() {
        let characters: Vec<char> = "0123456789*/,-LW#+?@  monßé\u{0}".chars().collect();
        let mut state = 1_u64;
        let mut read = 0;
        for _ in 0..20_000 {
            let mut draw = |below: usize| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) as usize % below
            };
            let length = draw(16);
            let text: String = (0..length).map(|_| characters[draw(characters.len())]).collect();
            let text = if draw(2) == 0 { format!("{text} * * * *") } else { text };
            if let Ok(cron) = Cron::read(&text) {
                cron.next(date(2026, 11, 21).at(0, 0, 0, 0));
                read += 1;
            }
        }
        assert!(read > 100, "some of them are expressions: {read}");
    }

    #[test]
    fn expressions_about_times_of_day_do_not_repeat() {
        for (text, repeats) in [
            ("30 2 * * *", false),
            ("*/10 2,14 * * *", false),
            ("0 0 2 * * *", false),
            ("@daily", false),
            ("@hourly", true),
            ("0 * * * *", true),
            ("0 */4 * * *", true),
            ("0 0-23 * * *", true),
            ("0 0 * * * *", true),
        ] {
            assert_eq!(Cron::read(text).unwrap().repeats(), repeats, "{text}");
        }
    }
}
