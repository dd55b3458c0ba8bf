//! Time zones, from the database that is built in, so that every machine agrees.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp as Moment};
use millstream_core::clock::Timestamp;

/// A time zone by its IANA name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    /// Universal time.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), rules: TimeZone::UTC }
    }

    /// The zone of a name; `None` if there is none.
    pub fn of_name(name: &str) -> Option<Self> {
        let rules = TimeZoneDatabase::bundled().get(name).ok()?;
        Some(Self { name: rules.iana_name().unwrap_or(name).to_owned(), rules })
    }

    /// The names of all zones.
    pub fn names() -> Vec<String> {
        TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect()
    }

    /// Its IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What clocks of the zone show at a moment.
    pub fn local(&self, at: Timestamp) -> DateTime {
        self.rules.to_datetime(moment(at))
    }

    /// What clocks of the zone show at a moment, with the offset: `2027-03-28 03:00:00 +02:00`.
    pub fn shown(&self, at: Timestamp) -> String {
        let local = self.local(at);
        let offset = offset_text(self.rules.to_offset(moment(at)).seconds());
        format!("{} {} {offset}", local.date(), local.time())
    }

    /// The moment at which clocks of the zone first show a time, or would if there is a gap.
    pub(crate) fn instant(&self, local: DateTime) -> Timestamp {
        let moment = self.rules.to_ambiguous_timestamp(local).compatible();
        Timestamp::from_micros(moment.map_or(i64::MAX, Moment::as_microsecond))
    }

    /// The stretch of constant offset around a moment, in seconds since 1970.
    pub(crate) fn stretch(&self, seconds: i64) -> Stretch {
        let at = seconds_moment(seconds);
        let just_after = at.checked_add(SignedDuration::from_nanos(1)).unwrap_or(at);
        let change = self.rules.preceding(just_after).next().map(|change| change.timestamp());
        let before = change
            .and_then(|start| start.checked_sub(SignedDuration::from_nanos(1)).ok())
            .map(|before| self.offset(before));
        let end = self.rules.following(at).next().map(|change| change.timestamp());
        Stretch {
            start: change.map(Moment::as_second),
            end: end.map(Moment::as_second),
            offset: self.offset(at),
            before,
            after: end.map(|end| self.offset(end)),
        }
    }

    /// The changes of the offset from a moment, excluded, up to another.
    pub fn changes(&self, from: Timestamp, to: Timestamp) -> Vec<ZoneChange> {
        let mut offset = self.offset(moment(from));
        let mut changes = Vec::new();
        for change in self.rules.following(moment(from)) {
            let at = Timestamp::from_micros(change.timestamp().as_microsecond());
            if at > to {
                break;
            }
            let now = i64::from(change.offset().seconds());
            if now != offset {
                changes.push(ZoneChange { at, before: offset, after: now });
            }
            offset = now;
        }
        changes
    }

    fn offset(&self, at: Moment) -> i64 {
        i64::from(self.rules.to_offset(at).seconds())
    }
}

/// A change of the offset of a zone: daylight saving begins or ends, or a government decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneChange {
    /// When.
    pub at: Timestamp,
    /// The offset before, in seconds east of Greenwich.
    pub before: i64,
    /// The offset after.
    pub after: i64,
}

impl std::fmt::Display for ZoneChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let clocks = |offset| {
            let at = self.at.as_micros().div_euclid(1_000_000) + offset;
            civil(at).map_or_else(String::new, |shown| format!("{}", shown.time()))
        };
        let way = if self.after > self.before { "forward" } else { "back" };
        let (from, to) = (clocks(self.before), clocks(self.after));
        write!(f, "clocks go {way} from {from} to {to}")
    }
}

/// A stretch of time in which a zone has one offset. All in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// Its first second; `None` if it was always so.
    pub(crate) start: Option<i64>,
    /// The first second after it; `None` if it stays so.
    pub(crate) end: Option<i64>,
    pub(crate) offset: i64,
    /// The offset before it.
    pub(crate) before: Option<i64>,
    /// The offset after it.
    pub(crate) after: Option<i64>,
}

impl Stretch {
    /// The local seconds that the clock leaves out at the beginning: from, and up to.
    pub(crate) fn gap(&self) -> Option<(i64, i64)> {
        let (start, before) = (self.start?, self.before?);
        (before < self.offset).then_some((start + before, start + self.offset))
    }

    /// Up to which local second the clock had shown everything before.
    pub(crate) fn repeated_until(&self) -> Option<i64> {
        let (start, before) = (self.start?, self.before?);
        (before > self.offset).then_some(start + before)
    }

    /// From which local second on the clock will show everything again.
    pub(crate) fn repeats_from(&self) -> Option<i64> {
        let (end, after) = (self.end?, self.after?);
        (after < self.offset).then_some(end + after)
    }
}

/// A count of local seconds as a date and time; `None` beyond the calendar.
pub(crate) fn civil(seconds: i64) -> Option<DateTime> {
    Some(Offset::UTC.to_datetime(Moment::from_second(seconds).ok()?))
}

/// The count of local seconds of a date and time.
pub(crate) fn civil_seconds(local: DateTime) -> i64 {
    Offset::UTC.to_timestamp(local).map_or(i64::MAX, Moment::as_second)
}

fn moment(at: Timestamp) -> Moment {
    let nearest = if at.as_micros() < 0 { Moment::MIN } else { Moment::MAX };
    Moment::from_microsecond(at.as_micros()).unwrap_or(nearest)
}

fn seconds_moment(seconds: i64) -> Moment {
    let nearest = if seconds < 0 { Moment::MIN } else { Moment::MAX };
    Moment::from_second(seconds).unwrap_or(nearest)
}

fn offset_text(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}
