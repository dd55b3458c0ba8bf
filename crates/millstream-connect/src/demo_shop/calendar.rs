//! Days of the shop's history and moments in them.

use jiff::civil::Date;

/// 2025-01-01 in days since 1970: the shop's day 0.
const FIRST_DAY_SINCE_1970: i32 = 20_089;
const MICROS_OF_SECOND: i64 = 1_000_000;
/// Microseconds of a day.
pub(super) const MICROS_OF_DAY: i64 = 86_400 * MICROS_OF_SECOND;

/// The last day of which anything is known: 30 days after the default, so that what is predicted
/// on the default day can be compared with what happened.
pub const LAST_DAY: i32 = 394;
/// The day as of which the shop is seen unless settings say otherwise: 2025-12-31.
pub const DEFAULT_DAY: i32 = 364;

/// Days since 1970 of a day of the shop.
pub(super) const fn days_since_1970(day: i32) -> i32 {
    FIRST_DAY_SINCE_1970 + day
}

/// Microseconds since 1970 of a moment of a day.
pub(super) const fn moment(day: i32, micros: i64) -> i64 {
    days_since_1970(day) as i64 * MICROS_OF_DAY + micros
}

/// Microseconds of a number of seconds.
pub(super) const fn seconds(count: u32) -> i64 {
    count as i64 * MICROS_OF_SECOND
}

/// The shop's day of a moment.
pub(super) const fn day_of(moment: i64) -> i32 {
    moment.div_euclid(MICROS_OF_DAY) as i32 - FIRST_DAY_SINCE_1970
}

/// The shop's day of a date, if the text is one.
pub(super) fn day_of_date(text: &str) -> Option<i32> {
    let date: Date = text.parse().ok()?;
    let first = jiff::civil::date(2025, 1, 1);
    Some(date.since(first).ok()?.get_days())
}

/// What is read: what changed after the one day, as it stands at the end of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Window {
    /// The last day that was read before; all history if there is none.
    pub after: Option<i32>,
    /// The last day that is read.
    pub until: i32,
}

impl Window {
    /// Whether something of this day is to be read.
    pub(super) fn holds(self, day: i32) -> bool {
        day <= self.until && self.after.is_none_or(|after| day > after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_agree() {
        assert_eq!(day_of_date("2025-01-01"), Some(0));
        assert_eq!(day_of_date("2025-12-31"), Some(DEFAULT_DAY));
        assert_eq!(day_of_date("soon"), None);
        assert_eq!(day_of(moment(77, 5)), 77);
        assert_eq!(day_of(moment(-3, 5)), -3);
    }
}
