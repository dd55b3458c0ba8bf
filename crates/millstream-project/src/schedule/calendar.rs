//! Days and times of day: `{days: mon-fri, at: "08:00"}`.

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time, Weekday};

use super::days::Days;
use super::spec::CalendarSpec;

/// Weekdays from Monday.
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// Months from January.
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/// Days among which the next one is sought: 29 February comes again within eight years.
const SEARCH_DAYS_MAX: usize = 9 * 366;

/// Days and times of day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Calendar {
    days: Vec<DayRule>,
    /// Months from 1.
    months: BTreeSet<i8>,
    times: BTreeSet<Time>,
    /// Days that are no workdays, besides weekends.
    holidays: Days,
}

/// Which days are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DayRule {
    Weekday(Weekday),
    OfMonth(i8),
    Last,
    FirstWorkday,
    LastWorkday,
}

/// A word that is no day, month or time, under the key at which it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadWord {
    pub(crate) key: &'static str,
    pub(crate) message: String,
    pub(crate) hint: &'static str,
}

impl Calendar {
    /// Reads what a file says; every word that is wrong is given.
    pub(crate) fn read(spec: &CalendarSpec, holidays: Days) -> Result<Self, Vec<BadWord>> {
        let mut wrong = Vec::new();
        let mut refuse = |key, word: &str, hint| {
            wrong.push(BadWord { key, message: format!("`{key}` cannot be `{word}`"), hint });
        };
        let mut days = Vec::new();
        for word in spec.days.iter().flat_map(super::spec::DayList::words) {
            match day_rules(&word) {
                Some(rules) => days.extend(rules),
                None => refuse(
                    "days",
                    &word,
                    "mon, mon-fri, 1 to 31, last, first_workday, last_workday",
                ),
            }
        }
        let mut months = BTreeSet::new();
        for word in spec.months.iter().flat_map(super::spec::DayList::words) {
            match month(&word) {
                Some(month) => months.extend([month]),
                None => refuse("months", &word, "jan to dec, or 1 to 12"),
            }
        }
        let mut times = BTreeSet::new();
        for text in spec.at.texts() {
            match time(text) {
                Some(time) => times.extend([time]),
                None => refuse("at", text, "a time of day in 24 hours: \"08:00\" or \"08:00:30\""),
            }
        }
        if times.is_empty() && wrong.is_empty() {
            let message = "`at` has no time".to_owned();
            wrong.push(BadWord { key: "at", message, hint: "as at: \"08:00\"" });
        }
        if wrong.is_empty() { Ok(Self { days, months, times, holidays }) } else { Err(wrong) }
    }

    /// The first local time from here on that it means. `None` if none comes in nine years.
    pub(crate) fn next(&self, from: DateTime) -> Option<DateTime> {
        let mut day = from.date();
        let mut earliest = from.time();
        for _ in 0..SEARCH_DAYS_MAX {
            if self.has(day)
                && let Some(time) = self.times.range(earliest..).next()
            {
                return Some(day.to_datetime(*time));
            }
            day = day.tomorrow().ok()?;
            earliest = Time::midnight();
        }
        None
    }

    fn has(&self, day: Date) -> bool {
        let month = self.months.is_empty() || self.months.contains(&day.month());
        month && (self.days.is_empty() || self.days.iter().any(|rule| self.follows(day, *rule)))
    }

    fn follows(&self, day: Date, rule: DayRule) -> bool {
        match rule {
            DayRule::Weekday(weekday) => day.weekday() == weekday,
            DayRule::OfMonth(number) => day.day() == number,
            DayRule::Last => day == day.last_of_month(),
            DayRule::FirstWorkday => self.is_only_workday(day, day.first_of_month(), day),
            DayRule::LastWorkday => self.is_only_workday(day, day, day.last_of_month()),
        }
    }

    /// Whether a day is the only workday of some days of its month.
    fn is_only_workday(&self, day: Date, first: Date, last: Date) -> bool {
        let mut workdays =
            first.series(1.day()).take_while(|it| *it <= last).filter(|it| self.is_workday(*it));
        workdays.next() == Some(day) && workdays.next().is_none()
    }

    fn is_workday(&self, day: Date) -> bool {
        !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
            && !self.holidays.contains(day)
    }
}

fn day_rules(word: &str) -> Option<Vec<DayRule>> {
    if let Some((first, last)) = word.split_once('-') {
        let (first, last) = (weekday(first)?, weekday(last)?);
        let days = first.cycle_forward().take(7);
        let mut rules = Vec::new();
        for day in days {
            rules.push(DayRule::Weekday(day));
            if day == last {
                break;
            }
        }
        return Some(rules);
    }
    let rule = match word {
        "last" => DayRule::Last,
        "first_workday" => DayRule::FirstWorkday,
        "last_workday" => DayRule::LastWorkday,
        word => match (weekday(word), word.parse::<i8>()) {
            (Some(day), _) => DayRule::Weekday(day),
            (None, Ok(number)) if (1..=31).contains(&number) => DayRule::OfMonth(number),
            _ => return None,
        },
    };
    Some(vec![rule])
}

fn weekday(word: &str) -> Option<Weekday> {
    let word = word.trim().to_lowercase();
    let position = WEEKDAYS.iter().position(|day| *day == word)?;
    Weekday::from_monday_zero_offset(position as i8).ok()
}

fn month(word: &str) -> Option<i8> {
    let lower = word.to_lowercase();
    let named = MONTHS.iter().position(|month| *month == lower).map(|at| at as i8 + 1);
    named.or_else(|| word.parse().ok().filter(|number| (1..=12).contains(number)))
}

/// A time of day, strictly as `08:00` or `08:00:30`.
fn time(text: &str) -> Option<Time> {
    let parts: Vec<&str> = text.split(':').collect();
    let is_plain = |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !matches!(parts.len(), 2 | 3) || !parts.iter().all(is_plain) {
        return None;
    }
    let number = |at: usize| parts.get(at).map_or(Some(0), |part| part.parse::<i8>().ok());
    Time::new(number(0)?, number(1)?, number(2)?, 0).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn next_days(spec: serde_json::Value, from: &str, count: usize) -> Vec<String> {
        let spec: CalendarSpec = serde_json::from_value(spec).unwrap();
        let holidays =
            ["2027-01-01", "05-01"].into_iter().try_fold(Days::default(), |days, text| {
                days.with(text, &std::collections::BTreeMap::default())
            });
        let calendar = Calendar::read(&spec, holidays.unwrap()).unwrap();
        let mut from: DateTime = from.parse().unwrap();
        let mut found = Vec::new();
        while found.len() < count {
            let next = calendar.next(from).unwrap();
            found.push(next.to_string());
            from = next + 1.second();
        }
        found
    }

    #[test]
    fn days_of_week_and_month() {
        let days = next_days(json!({"days": "fri-mon", "at": "08:00"}), "2026-11-20T08:00", 4);
        let dates = ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"];
        assert_eq!(days, dates.map(|date| format!("{date}T08:00:00")));
        let days = next_days(
            json!({"days": [31, "last"], "months": ["feb", 3], "at": ["18:30", "06:00"]}),
            "2027-01-31T00:00",
            4,
        );
        let expected = [
            "2027-02-28T06:00:00",
            "2027-02-28T18:30:00",
            "2027-03-31T06:00:00",
            "2027-03-31T18:30:00",
        ];
        assert_eq!(days, expected);
    }

    #[test]
    fn workdays_know_weekends_and_holidays() {
        let days = next_days(
            json!({"days": ["first_workday", "last_workday"], "at": "09:00"}),
            "2027-01-01T00:00",
            3,
        );
        // 1 January is a holiday and a Friday; 31 January is a Sunday.
        assert_eq!(days, ["2027-01-04T09:00:00", "2027-01-29T09:00:00", "2027-02-01T09:00:00"]);
    }
}
