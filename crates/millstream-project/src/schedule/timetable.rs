//! What a timetable means: local times become moments by stated policies.
//!
//! The local times come from a pattern that knows no zone. A zone is a row of stretches with a
//! constant offset; inside one, every local time is one moment. What the clock leaves out between
//! two of them, and what it shows twice, is decided by [`Gap`] and [`Overlap`].

use std::collections::VecDeque;
use std::fmt;

use jiff::civil::DateTime;
use millstream_core::clock::Timestamp;
use serde::{Serialize, Serializer};

use super::calendar::Calendar;
use super::cron::Cron;
use super::days::Days;
use super::period::Period;
use super::spec::{Gap, Overlap};
use super::zone::{Stretch, Zone, civil, civil_seconds};

/// How far the next fire is sought, in seconds: a hundred years.
const HORIZON_SECONDS: i64 = 100 * 366 * 24 * 3600;
/// The most times that one gap can move: those of each second of a day that a country leaves out.
const GAP_TICKS_MAX: usize = 90_000;

/// When a schedule fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timetable {
    pub(crate) times: Times,
    pub(crate) zone: Zone,
    pub(crate) gap: Gap,
    pub(crate) overlap: Overlap,
    pub(crate) except: Days,
}

/// The times before any policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Times {
    Cron(Box<Cron>),
    Calendar {
        calendar: Calendar,
        text: String,
    },
    /// Every moment that lies whole periods from the anchor.
    Every {
        period: Period,
        anchor: Timestamp,
    },
}

/// A moment at which a schedule fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Fire {
    /// When.
    pub at: Timestamp,
    /// What daylight saving did to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
}

/// What daylight saving did to a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// The time that is written does not exist on that day.
    Moved(DateTime),
    /// The time comes twice; this is the first.
    First,
    /// The time comes twice; this is the second.
    Second,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved(written) => {
                write!(f, "{} {} does not exist", written.date(), written.time())
            }
            Self::First => f.write_str("the first of two such times"),
            Self::Second => f.write_str("the second of two such times"),
        }
    }
}

impl Serialize for Note {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A time of the pattern, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick {
    /// It fires.
    Fire(Fire),
    /// It does not fire.
    Omitted {
        /// Where it would be.
        at: Timestamp,
        /// The local time that is written.
        written: DateTime,
        /// Why it does not.
        why: Omission,
    },
}

/// Why a time does not fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Omission {
    /// The clock leaves it out, and the policy is to leave it out as well.
    Gap,
    /// `except` names its day. Such a day is told once.
    Except,
}

impl fmt::Display for Omission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gap => "this time does not exist",
            Self::Except => "the day is excepted",
        })
    }
}

impl Timetable {
    /// Its zone.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The fires after a moment, in order, for up to a hundred years.
    pub fn fires_after(&self, after: Timestamp) -> impl Iterator<Item = Fire> + '_ {
        self.ticks_after(after).filter_map(|tick| match tick {
            Tick::Fire(fire) => Some(fire),
            Tick::Omitted { .. } => None,
        })
    }

    /// The same, with the times that do not fire among them.
    pub fn ticks_after(&self, after: Timestamp) -> impl Iterator<Item = Tick> + '_ {
        let from = after.as_micros().div_euclid(1_000_000) + 1;
        Ticks {
            table: self,
            from,
            until: from + HORIZON_SECONDS,
            stretch: None,
            moved: VecDeque::new(),
        }
    }

    /// The last fires after a moment and up to another, at most so many, in order.
    pub fn last_fires(&self, after: Timestamp, to: Timestamp, most: usize) -> Vec<Fire> {
        let mut reach = Period::from_seconds(3600).map_or(0, Period::micros);
        loop {
            let from = after.max(Timestamp::from_micros(to.as_micros().saturating_sub(reach)));
            let mut found: VecDeque<Fire> = VecDeque::new();
            for fire in self.fires_after(from).take_while(|fire| fire.at <= to) {
                if found.len() == most {
                    found.pop_front();
                }
                found.push_back(fire);
            }
            if found.len() == most || from == after {
                return found.into();
            }
            reach = reach.saturating_mul(8);
        }
    }

    /// Its times in words: `30 2 * * *`, `every 15m`.
    pub fn text(&self) -> String {
        match &self.times {
            Times::Cron(cron) => cron.text().to_owned(),
            Times::Calendar { text, .. } => text.clone(),
            Times::Every { period, .. } => format!("every {period}"),
        }
    }

    /// The name of its times among all.
    pub(crate) fn identity(&self) -> String {
        match &self.times {
            Times::Every { anchor, .. } => format!("{} from {anchor}", self.text()),
            _ => format!("{} {}", self.text(), self.zone.name()),
        }
    }

    /// The first local second from here on that the pattern means.
    fn next_local(&self, from: i64) -> Option<i64> {
        let found = match &self.times {
            Times::Cron(cron) => cron.next(civil(from)?),
            Times::Calendar { calendar, .. } => calendar.next(civil(from)?),
            Times::Every { .. } => None,
        };
        found.map(civil_seconds)
    }

    /// Whether its interval makes times that the clock leaves out uninteresting.
    fn repeats(&self) -> bool {
        matches!(&self.times, Times::Cron(cron) if cron.repeats())
    }
}

/// Walks through the stretches of a zone. All in seconds.
struct Ticks<'a> {
    table: &'a Timetable,
    /// The first moment that is not decided.
    from: i64,
    until: i64,
    stretch: Option<Stretch>,
    /// What the gap at the beginning of the stretch moved into it.
    moved: VecDeque<(i64, Tick)>,
}

impl Iterator for Ticks<'_> {
    type Item = Tick;

    fn next(&mut self) -> Option<Tick> {
        if let Times::Every { period, anchor } = self.table.times {
            return self.next_of_interval(period.seconds(), anchor);
        }
        while self.from < self.until || !self.moved.is_empty() {
            let stretch = self.enter();
            let found = self.next_within(stretch);
            let moved = self.moved.front().map(|(at, _)| *at);
            match (found, moved) {
                (Some((at, tick, next)), moved) if moved.is_none_or(|moved| at < moved) => {
                    self.from = next;
                    debug_assert!(next > at, "a walk goes on");
                    return Some(tick);
                }
                (found, Some(_)) => {
                    let (at, tick) = self.moved.pop_front()?;
                    let is_same = found.is_some_and(|(other, ..)| other == at);
                    if is_same && matches!(tick, Tick::Fire(_)) {
                        self.from = at + 1;
                    }
                    return Some(tick);
                }
                _ => self.from = stretch.end.filter(|end| *end < self.until)?,
            }
        }
        None
    }
}

impl Ticks<'_> {
    /// The stretch of the present moment, with what its gap moves into it.
    fn enter(&mut self) -> Stretch {
        if let Some(stretch) = self.stretch
            && stretch.end.is_none_or(|end| self.from < end)
        {
            return stretch;
        }
        let stretch = self.table.zone.stretch(self.from);
        self.moved = moved_into(self.table, stretch);
        self.moved.retain(|(at, _)| *at >= self.from);
        self.stretch = Some(stretch);
        stretch
    }

    /// The next time of the pattern in a stretch: its moment, what becomes of it, and from where to
    /// look on.
    fn next_within(&mut self, stretch: Stretch) -> Option<(i64, Tick, i64)> {
        let mut local = self.from + stretch.offset;
        let repeated_until = stretch.repeated_until();
        if self.table.overlap == Overlap::First {
            local = local.max(repeated_until.unwrap_or(i64::MIN));
        }
        let Some(local) = self.table.next_local(local) else {
            self.until = self.from;
            return None;
        };
        let at = local - stretch.offset;
        let repeats_from = stretch.repeats_from();
        let is_over = stretch.end.is_some_and(|end| at >= end);
        let comes_again = repeats_from.is_some_and(|from| local >= from);
        if is_over || (comes_again && self.table.overlap == Overlap::Last) {
            return None;
        }
        let written = civil(local)?;
        if self.table.except.contains(written.date()) {
            let tomorrow = civil_seconds(written.date().tomorrow().ok()?.into());
            let tick = omitted(at, written, Omission::Except);
            return Some((at, tick, tomorrow - stretch.offset));
        }
        let note = if comes_again {
            Some(Note::First)
        } else if repeated_until.is_some_and(|until| local < until) {
            Some(Note::Second)
        } else {
            None
        };
        Some((at, fire(at, note), at + 1))
    }

    /// The next moment that lies whole periods from the anchor.
    fn next_of_interval(&mut self, period: i64, anchor: Timestamp) -> Option<Tick> {
        let anchor = anchor.as_micros().div_euclid(1_000_000);
        let phase = (self.from - anchor).rem_euclid(period);
        let at = if phase == 0 { self.from } else { self.from + period - phase };
        if at >= self.until {
            return None;
        }
        let written = self.table.zone.local(moment(at));
        if !self.table.except.contains(written.date()) {
            self.from = at + 1;
            return Some(fire(at, None));
        }
        let tomorrow = self.table.zone.instant(written.date().tomorrow().ok()?.into());
        self.from = (at + 1).max(tomorrow.as_micros().div_euclid(1_000_000));
        Some(omitted(at, written, Omission::Except))
    }
}

/// What becomes of the times in the gap at the beginning of a stretch.
fn moved_into(table: &Timetable, stretch: Stretch) -> VecDeque<(i64, Tick)> {
    let mut moved = VecDeque::new();
    let Some(((first, last), start)) = stretch.gap().zip(stretch.start) else { return moved };
    let mut local = first;
    while let Some(next) = table.next_local(local).filter(|next| *next < last) {
        let Some(written) = civil(next).filter(|_| moved.len() < GAP_TICKS_MAX) else { break };
        local = next + 1;
        if table.except.contains(written.date()) {
            continue;
        }
        let note = Some(Note::Moved(written));
        let (at, tick) = match table.gap {
            Gap::NextValid => (start, fire(start, note)),
            Gap::Shift => (start + next - first, fire(start + next - first, note)),
            Gap::Skip if table.repeats() => break,
            Gap::Skip => (start, omitted(start, written, Omission::Gap)),
        };
        moved.push_back((at, tick));
        if table.gap == Gap::NextValid {
            break;
        }
    }
    moved
}

fn fire(at: i64, note: Option<Note>) -> Tick {
    Tick::Fire(Fire { at: moment(at), note })
}

fn omitted(at: i64, written: DateTime, why: Omission) -> Tick {
    Tick::Omitted { at: moment(at), written, why }
}

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds.saturating_mul(1_000_000))
}
