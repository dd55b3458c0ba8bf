//! Lengths of time as people write them: `90s`, `15m`, `1h30m`, `2d`, `1w`.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// How periods are written, for hints.
pub(crate) const PERIODS: &str = "a number and a unit: 90s, 15m, 1h30m, 2d, 1w";
/// The units from the longest, with their seconds.
const UNITS: [(char, u64); 5] =
    [('w', 7 * 24 * 3600), ('d', 24 * 3600), ('h', 3600), ('m', 60), ('s', 1)];
/// The longest period: a hundred years. Sums of a few never overflow.
const SECONDS_MAX: u64 = 100 * 366 * 24 * 3600;

/// A length of time in whole seconds, at least one. A day is 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(u64);

impl Period {
    /// From seconds; `None` for zero and for more than a hundred years.
    pub fn from_seconds(seconds: u64) -> Option<Self> {
        (1..=SECONDS_MAX).contains(&seconds).then_some(Self(seconds))
    }

    /// Its seconds.
    pub fn seconds(self) -> i64 {
        self.0 as i64
    }

    /// Its microseconds, as timestamps count.
    pub fn micros(self) -> i64 {
        self.seconds() * 1_000_000
    }
}

/// The text is no length of time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no length of time")]
pub struct BadPeriod(String);

impl FromStr for Period {
    type Err = BadPeriod;

    fn from_str(text: &str) -> Result<Self, BadPeriod> {
        seconds_of(text.trim())
            .and_then(Self::from_seconds)
            .ok_or_else(|| BadPeriod(text.to_owned()))
    }
}

/// The sum of all parts, of which each has a number and a unit.
fn seconds_of(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut seconds = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        let (_, length) = UNITS.iter().find(|(letter, _)| *letter == unit)?;
        seconds = seconds.checked_add(number.checked_mul(*length)?)?;
        rest = rest[digits + 1..].trim_start();
    }
    Some(seconds)
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        for (letter, length) in UNITS {
            if rest >= length {
                write!(f, "{}{letter}", rest / length)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_as_people_write_them() {
        for (text, seconds, shown) in [
            ("90s", 90, "1m30s"),
            ("15m", 900, "15m"),
            ("1h30m", 5400, "1h30m"),
            ("1h 30m", 5400, "1h30m"),
            ("36h", 129_600, "1d12h"),
            ("2w", 1_209_600, "2w"),
        ] {
            let period: Period = text.parse().unwrap();
            assert_eq!((period.seconds(), period.to_string().as_str()), (seconds, shown));
        }
    }

    #[test]
    fn other_texts_are_no_periods() {
        for text in
            ["", "0s", "5", "m", "1x", "-1h", "1.5h", "999999999999w", "18446744073709551615s"]
        {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }
}
