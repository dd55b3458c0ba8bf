//! The window of data that a run is about.

use jiff::ToSpan;
use jiff::civil::{DateTime, Time};
use millstream_core::clock::Timestamp;
use serde::{Deserialize, Serialize};

use super::spec::WindowUnit;
use super::zone::Zone;

/// A stretch of time, its end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
}

impl WindowUnit {
    /// The last whole unit of a zone that has ended at a moment.
    pub fn before(self, at: Timestamp, zone: &Zone) -> Window {
        let end = self.start(zone.local(at));
        let start = self.start(end.saturating_sub(1.second()));
        let (from, to) = (zone.instant(start), zone.instant(end));
        match self {
            // Where the clock shows an hour twice, local hours would hide one of them.
            Self::Hour => {
                let to = Timestamp::from_micros(at.as_micros() - since_full_hour(zone.local(at)));
                Window { from: Timestamp::from_micros(to.as_micros() - 3_600_000_000), to }
            }
            _ => Window { from, to },
        }
    }

    /// The beginning of the unit in which a local time lies.
    fn start(self, local: DateTime) -> DateTime {
        let date = local.date();
        let day = match self {
            Self::Hour | Self::Day => date,
            Self::Week => {
                date.saturating_sub(i64::from(date.weekday().to_monday_zero_offset()).days())
            }
            Self::Month => date.first_of_month(),
        };
        day.to_datetime(Time::midnight())
    }
}

/// The microseconds since the last full hour.
fn since_full_hour(local: DateTime) -> i64 {
    let seconds = i64::from(local.minute()) * 60 + i64::from(local.second());
    seconds * 1_000_000 + i64::from(local.subsec_nanosecond()) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(unit: WindowUnit, at: &str) -> [String; 2] {
        let zone = Zone::of_name("Europe/Paris").unwrap();
        let at: jiff::Timestamp = at.parse().unwrap();
        let window = unit.before(Timestamp::from_micros(at.as_microsecond()), &zone);
        [window.from.to_string(), window.to.to_string()]
    }

    #[test]
    fn windows_are_whole_units_of_the_zone() {
        // The day on which the clock goes forward has 23 hours.
        let day = shown(WindowUnit::Day, "2027-03-29T04:30:00+02:00");
        assert_eq!(day, ["2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z"]);
        let hour = shown(WindowUnit::Hour, "2027-10-31T01:15:00Z");
        assert_eq!(hour, ["2027-10-31T00:00:00Z", "2027-10-31T01:00:00Z"]);
        let week = shown(WindowUnit::Week, "2026-11-21T12:00:00Z");
        assert_eq!(week, ["2026-11-08T23:00:00Z", "2026-11-15T23:00:00Z"]);
        let month = shown(WindowUnit::Month, "2026-11-01T02:00:00+01:00");
        assert_eq!(month, ["2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"]);
    }
}
