//! Sets of days, for `except` and `holidays`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

/// A leap year, in which every day of a year can be looked up.
const LEAP_YEAR: i16 = 2000;
/// The longest range of days, in days.
const RANGE_DAYS_MAX: i32 = 36_600;

/// A set of days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Days {
    ranges: Vec<(Date, Date)>,
    /// Month and day, of every year.
    yearly: BTreeSet<(i8, i8)>,
}

impl Days {
    /// Adds what a text means: `2026-12-25`, `2026-12-24..2027-01-01`, `12-25`, or a list by its
    /// name. `None` if it means nothing.
    #[must_use]
    pub(crate) fn with(mut self, text: &str, lists: &BTreeMap<String, Self>) -> Option<Self> {
        if let Some(list) = lists.get(text) {
            self.ranges.extend(&list.ranges);
            self.yearly.extend(&list.yearly);
        } else if let Some((first, last)) = text.split_once("..") {
            let (first, last) = (date(first)?, date(last)?);
            let days = first.until(last).ok()?.get_days();
            if !(0..=RANGE_DAYS_MAX).contains(&days) {
                return None;
            }
            self.ranges.push((first, last));
        } else if let Some(day) = date(text) {
            self.ranges.push((day, day));
        } else {
            let day = date(&format!("{LEAP_YEAR}-{}", text.trim()))?;
            self.yearly.insert((day.month(), day.day()));
        }
        Some(self)
    }

    /// Whether a day is among them.
    pub(crate) fn contains(&self, day: Date) -> bool {
        self.yearly.contains(&(day.month(), day.day()))
            || self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&day))
    }
}

/// A day, strictly as `2026-12-25`.
fn date(text: &str) -> Option<Date> {
    let text = text.trim();
    let shape = text.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    if shape.eq(*b"0000-00-00") { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_are_single_ranges_yearly_or_named() {
        let none = BTreeMap::new();
        let bank = Days::default().with("05-01", &none).unwrap();
        let lists = BTreeMap::from([("bank".to_owned(), bank)]);
        let days = ["2026-12-24..2027-01-02", "2026-07-14", "02-29", "bank"]
            .into_iter()
            .try_fold(Days::default(), |days, text| days.with(text, &lists))
            .unwrap();
        for (day, is_in) in [
            (date(2026, 12, 31), true),
            (date(2027, 1, 3), false),
            (date(2026, 7, 14), true),
            (date(2027, 7, 14), false),
            (date(2028, 2, 29), true),
            (date(2031, 5, 1), true),
        ] {
            assert_eq!(days.contains(day), is_in, "{day}");
        }
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in ["2026-02-30", "02-30", "2026-1-1", "2027-01-02..2026-01-02", "bank", ""] {
            assert_eq!(Days::default().with(text, &BTreeMap::new()), None, "{text}");
        }
    }
}
