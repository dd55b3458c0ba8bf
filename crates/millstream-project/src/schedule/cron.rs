//! Cron expressions, as `croner` reads them.

use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;

/// The fields of an expression with seconds, for hints.
const FIELDS: [(&str, &str); 6] = [
    ("second", "0-59"),
    ("minute", "0-59"),
    ("hour", "0-23"),
    ("day", "1-31, L, 15W"),
    ("month", "1-12 or jan-dec"),
    ("weekday", "0-7 or sun-sat, fri#2, friL"),
];
/// The hours of a day.
const HOURS: usize = 24;
/// The longest text that is looked at.
const TEXT_BYTES_MAX: usize = 1000;

/// A cron expression: which local times it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cron {
    text: String,
    expression: croner::Cron,
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
            Some(expression) => Ok(Self { text, expression }),
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
        hour.is_some_and(|hour| hour.contains(['*', '/']))
            || self.expression.pattern.hours.values().len() == HOURS
    }

    /// The first local time from here on that it means. `None` if none will ever come.
    pub(crate) fn next(&self, from: DateTime) -> Option<DateTime> {
        self.expression.find_next_occurrence(&from, true).ok()
    }
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
