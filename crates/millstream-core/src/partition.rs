//! Partitions: the named slices of an asset, each of which is made on its own. Pure.
//!
//! A slice is a stretch of time (`2026-11`, `2026-11-21`, `2026-11-21T08`) or a value (`eu`). Names
//! of stretches sort as the stretches do.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, date};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Span, Timestamp as Moment};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Coded, Fault};

/// The most partitions that an asset may have.
pub const PARTITIONS_MAX: usize = 100_000;

/// The name of a partition.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct PartitionKey(String);

impl PartitionKey {
    /// A name as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PartitionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PartitionKey {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(text))
    }
}

/// How long a stretch of time is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Grain {
    /// `2026-11-21T08`
    Hour,
    /// `2026-11-21`
    Day,
    /// `2026-11`
    Month,
    /// `2026`
    Year,
}

/// How an asset is divided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Partitions {
    /// The column that says in which partition a row is.
    pub column: String,
    /// Into what.
    #[serde(flatten)]
    pub by: PartitionedBy,
}

/// Into what an asset is divided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum PartitionedBy {
    /// Stretches of time.
    Time(TimePartitions),
    /// Values that are known.
    Values {
        /// The values, each once.
        values: Vec<PartitionKey>,
    },
}

/// Stretches of time, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimePartitions {
    grain: Grain,
    #[serde(serialize_with = "as_text")]
    begin: DateTime,
    #[serde(serialize_with = "as_text_if_any", skip_serializing_if = "Option::is_none")]
    end: Option<DateTime>,
    timezone: String,
    lookback: usize,
}

/// The stretch of a partition: from a moment on, until before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment after it.
    pub end: Timestamp,
}

/// What of an input a partition is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mapped {
    /// All of it.
    All,
    /// These partitions.
    These(Vec<PartitionKey>),
}

/// Why a partition cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartitionError {
    /// It is no moment.
    #[error("`{text}` is no date or time that there is")]
    NoMoment {
        /// What was written.
        text: String,
        /// What would do.
        example: &'static str,
    },
    /// There is no such zone.
    #[error("there is no time zone `{0}`")]
    NoZone(String),
    /// The asset does not have it.
    #[error("there is no partition `{text}`")]
    Unknown {
        /// What was written.
        text: String,
        /// What there is.
        known: String,
    },
    /// It ends before it begins.
    #[error("it ends at {end}, which is not after its begin {begin}")]
    EndsBeforeBegin {
        /// The first moment.
        begin: String,
        /// The first moment after it.
        end: String,
    },
    /// There are too many.
    #[error("there would be more than {PARTITIONS_MAX} partitions since {begin}")]
    TooMany {
        /// The first moment.
        begin: String,
    },
    /// Values have no order in time.
    #[error("partitions by values have no order: name them")]
    NoOrder,
}

impl Coded for PartitionError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoMoment { .. } => "partition.no_moment",
            Self::NoZone(_) => "partition.no_zone",
            Self::Unknown { .. } => "partition.unknown",
            Self::EndsBeforeBegin { .. } => "partition.ends_before_begin",
            Self::TooMany { .. } => "partition.too_many",
            Self::NoOrder => "partition.no_order",
        }
    }

    fn fault(&self) -> Fault {
        Fault::User
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoMoment { example, .. } => Some(format!("write it as {example}")),
            Self::NoZone(_) => Some("write a name of IANA's, as Europe/Paris".to_owned()),
            Self::Unknown { known, .. } => Some(format!("there are {known}")),
            Self::EndsBeforeBegin { .. } => Some("exchange them, or correct one".to_owned()),
            Self::TooMany { .. } => Some("use a coarser grain or a later begin".to_owned()),
            Self::NoOrder => Some("`--partition eu us`, or `--all`".to_owned()),
        }
    }
}

impl Grain {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// What its partitions are called, for hints.
    pub fn example(self) -> &'static str {
        match self {
            Self::Hour => "2026-11-21T08",
            Self::Day => "2026-11-21",
            Self::Month => "2026-11",
            Self::Year => "2026",
        }
    }

    /// The beginning of the stretch that a time is in.
    pub fn truncate(self, at: DateTime) -> DateTime {
        match self {
            Self::Hour => at.date().at(at.hour(), 0, 0, 0),
            Self::Day => at.date().at(0, 0, 0, 0),
            Self::Month => date(at.year(), at.month(), 1).at(0, 0, 0, 0),
            Self::Year => date(at.year(), 1, 1).at(0, 0, 0, 0),
        }
    }

    /// The beginning of the stretch after the one that begins here; `None` beyond the calendar.
    fn next(self, start: DateTime) -> Option<DateTime> {
        let span = match self {
            Self::Hour => Span::new().hours(1),
            Self::Day => Span::new().days(1),
            Self::Month => Span::new().months(1),
            Self::Year => Span::new().years(1),
        };
        start.checked_add(span).ok()
    }

    fn key(self, start: DateTime) -> PartitionKey {
        let format = match self {
            Self::Hour => "%Y-%m-%dT%H",
            Self::Day => "%Y-%m-%d",
            Self::Month => "%Y-%m",
            Self::Year => "%Y",
        };
        PartitionKey(start.strftime(format).to_string())
    }

    /// The time that a text names: that of a partition of this grain or of another, or a moment.
    pub fn read(self, text: &str) -> Result<DateTime, PartitionError> {
        civil(text.trim()).ok_or_else(|| PartitionError::NoMoment {
            text: text.to_owned(),
            example: self.example(),
        })
    }
}

/// `2026`, `2026-11`, `2026-11-21`, `2026-11-21T08`, `2026-11-21 08:30:00`.
fn civil(text: &str) -> Option<DateTime> {
    let whole = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        13 => format!("{text}:00:00"),
        _ => text.to_owned(),
    };
    if let Ok(moment) = whole.parse::<Moment>() {
        return Some(moment.to_zoned(TimeZone::UTC).datetime());
    }
    if whole.len() > 10 {
        return whole.parse::<DateTime>().ok();
    }
    whole.parse::<Date>().ok().map(|date| date.at(0, 0, 0, 0))
}

impl TimePartitions {
    /// Stretches of a grain. `begin` and `end` are what the project says; the last stretch is the
    /// one before `end`, or without it the one that is going on.
    pub fn new(
        grain: Grain,
        begin: &str,
        end: Option<&str>,
        timezone: Option<&str>,
        lookback: usize,
    ) -> Result<Self, PartitionError> {
        let begin = grain.truncate(grain.read(begin)?);
        let end = end.map(|end| grain.read(end)).transpose()?;
        if let Some(end) = end.filter(|end| *end <= begin) {
            let (begin, end) = (begin.to_string(), end.to_string());
            return Err(PartitionError::EndsBeforeBegin { begin, end });
        }
        let timezone = timezone.unwrap_or("UTC").to_owned();
        if TimeZoneDatabase::bundled().get(&timezone).is_err() {
            return Err(PartitionError::NoZone(timezone));
        }
        Ok(Self { grain, begin, end, timezone, lookback })
    }

    /// How long a stretch is.
    pub fn grain(&self) -> Grain {
        self.grain
    }

    /// How many stretches before the one that is going on count as young: they are made again when
    /// an input has changed of which nobody knows where.
    pub fn lookback(&self) -> usize {
        self.lookback
    }

    /// The zone whose clocks say where a stretch begins.
    pub fn timezone(&self) -> &str {
        &self.timezone
    }

    /// Fails if there are too many until a moment.
    pub fn expect_bearable(&self, now: Timestamp) -> Result<(), PartitionError> {
        match self.starts(now).nth(PARTITIONS_MAX) {
            Some(_) => Err(PartitionError::TooMany { begin: self.begin.to_string() }),
            None => Ok(()),
        }
    }

    /// The partition that a moment is in, whether or not the asset has it.
    pub fn key_at(&self, at: Timestamp) -> PartitionKey {
        self.grain.key(self.grain.truncate(self.local(at)))
    }

    /// What the calendar of its zone shows at a moment.
    pub fn date_at(&self, at: Timestamp) -> Date {
        self.local(at).date()
    }

    /// The partition that a date of the calendar is in, whether or not the asset has it.
    pub fn key_of_date(&self, date: Date) -> PartitionKey {
        self.grain.key(self.grain.truncate(date.at(0, 0, 0, 0)))
    }

    /// The stretch of a partition; `None` if the text names none of this grain.
    pub fn stretch(&self, key: &PartitionKey) -> Option<Stretch> {
        let start = civil(key.as_str()).filter(|start| self.grain.key(*start) == *key)?;
        let end = self.grain.next(start)?;
        Some(Stretch { start: self.instant(start), end: self.instant(end) })
    }

    fn starts(&self, now: Timestamp) -> impl Iterator<Item = DateTime> + '_ {
        let until = self.local(now);
        let grain = self.grain;
        let first = Some(self.begin).filter(|begin| *begin <= until);
        std::iter::successors(first, move |start| grain.next(*start))
            .take_while(move |start| *start <= until && self.end.is_none_or(|end| *start < end))
    }

    fn rules(&self) -> TimeZone {
        TimeZoneDatabase::bundled().get(&self.timezone).unwrap_or(TimeZone::UTC)
    }

    fn local(&self, at: Timestamp) -> DateTime {
        let nearest = if at.as_micros() < 0 { Moment::MIN } else { Moment::MAX };
        let moment = Moment::from_microsecond(at.as_micros()).unwrap_or(nearest);
        self.rules().to_datetime(moment)
    }

    fn instant(&self, local: DateTime) -> Timestamp {
        let moment = self.rules().to_ambiguous_timestamp(local).compatible();
        Timestamp::from_micros(moment.map_or(i64::MAX, Moment::as_microsecond))
    }

    /// The partitions that a stretch has a moment in common with, whether or not the asset has
    /// them by now.
    fn meeting(&self, stretch: Stretch) -> Vec<PartitionKey> {
        let first = self.grain.truncate(self.local(stretch.start)).max(self.begin);
        std::iter::successors(Some(first), |start| self.grain.next(*start))
            .take_while(|start| self.instant(*start) < stretch.end)
            .take_while(|start| self.end.is_none_or(|end| *start < end))
            .take(PARTITIONS_MAX)
            .map(|start| self.grain.key(start))
            .collect()
    }
}

impl Partitions {
    /// Its stretches, if it is divided by time.
    pub fn time(&self) -> Option<&TimePartitions> {
        match &self.by {
            PartitionedBy::Time(time) => Some(time),
            PartitionedBy::Values { .. } => None,
        }
    }

    /// All partitions that there are at a moment, in their order. Of time the last one may still be
    /// going on.
    pub fn keys(&self, now: Timestamp) -> Vec<PartitionKey> {
        match &self.by {
            PartitionedBy::Time(time) => {
                time.starts(now).take(PARTITIONS_MAX).map(|start| time.grain.key(start)).collect()
            }
            PartitionedBy::Values { values } => values.clone(),
        }
    }

    /// The partitions that may still change by themselves: the one that is going on, and those
    /// that the lookback reaches. All, if they are values.
    pub fn young(&self, now: Timestamp) -> BTreeSet<PartitionKey> {
        let keys = self.keys(now);
        let count = match &self.by {
            PartitionedBy::Values { .. } => keys.len(),
            PartitionedBy::Time(time) => {
                let open = keys.last().and_then(|last| time.stretch(last));
                time.lookback + usize::from(open.is_some_and(|open| open.end > now))
            }
        };
        keys.into_iter().rev().take(count).collect()
    }

    /// Whether a partition is still going on at a moment. Values have no end, and are never open.
    pub fn is_open(&self, key: &PartitionKey, now: Timestamp) -> bool {
        let stretch = self.time().and_then(|time| time.stretch(key));
        stretch.is_some_and(|stretch| stretch.start <= now && now < stretch.end)
    }

    /// The partition that a person names.
    pub fn find(&self, text: &str, now: Timestamp) -> Result<PartitionKey, PartitionError> {
        let key = match &self.by {
            PartitionedBy::Time(time) => {
                time.grain.key(time.grain.truncate(time.grain.read(text)?))
            }
            PartitionedBy::Values { .. } => PartitionKey::new(text),
        };
        let keys = self.keys(now);
        if keys.contains(&key) {
            return Ok(key);
        }
        Err(PartitionError::Unknown { text: text.to_owned(), known: shown(&keys) })
    }

    /// The partitions from that of a time on, up to and with that of another.
    pub fn between(
        &self,
        from: Option<&str>,
        to: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<PartitionKey>, PartitionError> {
        let Some(time) = self.time() else { return Err(PartitionError::NoOrder) };
        let read = |text: &str| Ok(time.grain.truncate(time.grain.read(text)?));
        let from = from.map(read).transpose()?;
        let to = to.map(read).transpose()?;
        if let (Some(from), Some(to)) = (from, to)
            && to < from
        {
            let (begin, end) = (from.to_string(), to.to_string());
            return Err(PartitionError::EndsBeforeBegin { begin, end });
        }
        let starts = time.starts(now).take(PARTITIONS_MAX);
        let meant = starts
            .filter(|start| from.is_none_or(|from| *start >= from))
            .filter(|start| to.is_none_or(|to| *start <= to));
        Ok(meant.map(|start| time.grain.key(start)).collect())
    }

    /// What of an input one partition is made from, when the input is divided too: the partitions
    /// that share time with it, or the one of the same value.
    pub fn reads(&self, key: &PartitionKey, input: &Self) -> Mapped {
        match (&self.by, &input.by) {
            (PartitionedBy::Time(own), PartitionedBy::Time(other)) => match own.stretch(key) {
                Some(_) if own.grain == other.grain && own.timezone == other.timezone => {
                    Mapped::These(vec![key.clone()])
                }
                Some(stretch) => Mapped::These(other.meeting(stretch)),
                None => Mapped::All,
            },
            (PartitionedBy::Values { .. }, PartitionedBy::Values { values })
                if self.column == input.column && values.contains(key) =>
            {
                Mapped::These(vec![key.clone()])
            }
            _ => Mapped::All,
        }
    }

    /// Names what decides which rows are in a partition of a name: that is part of the definition
    /// of an asset. Which partitions there are is not.
    pub fn identity(&self) -> String {
        match &self.by {
            PartitionedBy::Time(time) => {
                format!("{} {} {}", self.column, time.grain.word(), time.timezone)
            }
            PartitionedBy::Values { .. } => format!("{} value", self.column),
        }
    }
}

/// `2026-01-01 to 2026-11-21`, for people.
fn shown(keys: &[PartitionKey]) -> String {
    match keys {
        [] => "none yet".to_owned(),
        [only] => only.to_string(),
        [first, .., last] if keys.len() > 8 => format!("{first} to {last}"),
        keys => keys.iter().map(PartitionKey::as_str).collect::<Vec<_>>().join(", "),
    }
}

fn as_text<S: serde::Serializer>(at: &DateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

#[allow(clippy::ref_option, reason = "serde hands the field over like this")]
fn as_text_if_any<S: serde::Serializer>(
    at: &Option<DateTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
#[path = "partition_tests.rs"]
mod tests;
