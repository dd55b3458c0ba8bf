//! Hours in which nobody is told.

use std::collections::BTreeSet;
use std::fmt;

use jiff::ToSpan;
use jiff::civil::{Time, Weekday};
use millstream_core::clock::Timestamp;

use crate::schedule::Zone;

/// Weekdays from Monday.
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Hours of some weekdays, by the clocks of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quiet {
    /// The days on which they begin, from 0 for Monday.
    days: BTreeSet<i8>,
    from: Time,
    to: Time,
    zone: Zone,
}

/// What of the hours cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadQuiet {
    pub(super) key: &'static str,
    pub(super) text: String,
    pub(super) hint: &'static str,
}

impl Quiet {
    pub(super) fn read(
        days: &[String],
        from: Option<&str>,
        to: Option<&str>,
        zone: Option<&str>,
    ) -> Result<Self, BadQuiet> {
        let bad = |key, text: &str, hint| BadQuiet { key, text: text.to_owned(), hint };
        let mut set = BTreeSet::new();
        for word in days {
            let hint = "weekdays: sat, sat-sun, [mon, fri]";
            set.extend(weekdays(word).ok_or_else(|| bad("days", word, hint))?);
        }
        if days.is_empty() {
            set.extend(0..7);
        }
        let time = |key, text: Option<&str>| match text {
            None => Ok(Time::midnight()),
            Some(text) => {
                time_of(text).ok_or_else(|| bad(key, text, "a time of day, as \"22:00\""))
            }
        };
        let zone = match zone {
            None => Zone::utc(),
            Some(name) => Zone::of_name(name)
                .ok_or_else(|| bad("zone", name, "a name of the IANA database, as Europe/Paris"))?,
        };
        Ok(Self { days: set, from: time("from", from)?, to: time("to", to)?, zone })
    }

    /// Whether they include a moment.
    pub fn covers(&self, at: Timestamp) -> bool {
        let local = self.zone.local(at);
        let (day, time) = (local.weekday(), local.time());
        if self.from < self.to {
            return self.begins_on(day) && (self.from..self.to).contains(&time);
        }
        let before = local.date().checked_sub(1.day()).map(jiff::civil::Date::weekday);
        (self.begins_on(day) && time >= self.from)
            || (before.is_ok_and(|before| self.begins_on(before)) && time < self.to)
    }

    fn begins_on(&self, day: Weekday) -> bool {
        self.days.contains(&day.to_monday_zero_offset())
    }
}

/// `fri, sat 18:00 to 06:00 Europe/Paris`; every day has no names of days.
impl fmt::Display for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days.len() < WEEKDAYS.len() {
            let names = WEEKDAYS.iter().zip(0_i8..).filter(|(_, day)| self.days.contains(day));
            let names: Vec<&str> = names.map(|(name, _)| *name).collect();
            write!(f, "{} ", names.join(", "))?;
        }
        let (from, to) = (self.from.strftime("%H:%M"), self.to.strftime("%H:%M"));
        write!(f, "{from} to {to} {}", self.zone.name())
    }
}

/// `22:00`, with 24 hours.
fn time_of(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

/// `sat` or `fri-mon`.
fn weekdays(word: &str) -> Option<Vec<i8>> {
    let day = |name: &str| {
        let name = name.trim().to_ascii_lowercase();
        WEEKDAYS.iter().position(|day| *day == name).map(|day| day as i8)
    };
    match word.split_once('-') {
        None => Some(vec![day(word)?]),
        Some((first, last)) => {
            let (first, last) = (day(first)?, day(last)?);
            let length = (last - first).rem_euclid(7);
            Some((0..=length).map(|step| (first + step) % 7).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        let moment: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_micros(moment.as_microsecond())
    }

    #[test]
    fn hours_may_reach_over_midnight_and_follow_the_zone() {
        let nights = Quiet::read(&[], Some("22:00"), Some("07:00"), Some("Europe/Paris")).unwrap();
        for (moment, expected) in [
            ("2027-01-05T20:59:00Z", false),
            ("2027-01-05T21:00:00Z", true),
            ("2027-01-06T05:59:00Z", true),
            ("2027-01-06T06:00:00Z", false),
            ("2027-07-06T05:00:00Z", false),
        ] {
            assert_eq!(nights.covers(at(moment)), expected, "{moment}");
        }
    }

    #[test]
    fn days_are_those_on_which_hours_begin() {
        let days = ["fri-sun".to_owned()];
        let weekend = Quiet::read(&days, Some("18:00"), Some("06:00"), None).unwrap();
        for (moment, expected) in [
            ("2027-01-08T17:00:00Z", false),
            ("2027-01-08T18:00:00Z", true),
            ("2027-01-11T05:00:00Z", true),
            ("2027-01-11T19:00:00Z", false),
            ("2027-01-08T05:00:00Z", false),
        ] {
            assert_eq!(weekend.covers(at(moment)), expected, "{moment}");
        }
        let whole = Quiet::read(&["sat".to_owned()], None, None, None).unwrap();
        assert!(whole.covers(at("2027-01-09T12:00:00Z")));
        assert!(!whole.covers(at("2027-01-10T00:00:00Z")));
    }

    #[test]
    fn they_say_what_they_are() {
        let said = |days: &[&str], from, to, zone| {
            let days: Vec<String> = days.iter().map(|day| (*day).to_owned()).collect();
            Quiet::read(&days, from, to, zone).unwrap().to_string()
        };
        let nights = said(&[], Some("22:00"), Some("07:00"), Some("Europe/Paris"));
        assert_eq!(nights, "22:00 to 07:00 Europe/Paris");
        assert_eq!(said(&["sun-mon"], None, None, None), "mon, sun 00:00 to 00:00 UTC");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let bad = Quiet::read(&["someday".to_owned()], None, None, None).unwrap_err();
        assert_eq!((bad.key, bad.text.as_str()), ("days", "someday"));
        assert_eq!(Quiet::read(&[], Some("25:00"), None, None).unwrap_err().key, "from");
        assert_eq!(Quiet::read(&[], None, None, Some("Mars")).unwrap_err().key, "zone");
    }
}
