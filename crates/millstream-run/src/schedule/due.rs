//! Which fires of a timetable start now, and which were missed and do not.

use std::fmt;

use millstream_core::ContentHash;
use millstream_core::clock::Timestamp;
use millstream_project::schedule::{CATCH_UP_MAX, CatchUp, Fire, Period, Timetable};
use serde::Serialize;

/// How late a fire may be and still be on time, in microseconds: a minute.
pub const ON_TIME_MICROS: i64 = 60_000_000;
/// How many missed fires are counted one by one.
const COUNTED_MAX: usize = 10_000;

/// How a schedule treats the fires of its timetables.
#[derive(Debug, Clone, Copy)]
pub struct Timing<'a> {
    /// The name of the schedule, which decides the delay of each fire.
    pub name: &'a str,
    /// The longest delay.
    pub jitter: Option<Period>,
    /// What becomes of missed fires.
    pub catch_up: CatchUp,
}

/// What is to be done about a timetable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The fires that start, in order.
    pub start: Vec<DueFire>,
    /// The fires that do not.
    pub skipped: Option<Skipped>,
    /// All fires up to this one are decided.
    pub handled: Timestamp,
    /// When there is something to decide again.
    pub next: Option<Timestamp>,
}

/// A fire that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueFire {
    /// The fire.
    pub fire: Fire,
    /// When it was to start, its delay included.
    pub start_at: Timestamp,
}

/// Fires that do not start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The first.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
    /// How many.
    pub count: Count,
    /// Why.
    pub why: WhySkipped,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            Count::Exactly(1) => write!(f, "{} did not start: {}", self.first, self.why),
            count => write!(
                f,
                "{count} fires from {} to {} did not start: {}",
                self.first, self.last, self.why
            ),
        }
    }
}

/// How many fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// So many.
    Exactly(usize),
    /// So many, or more.
    AtLeast(usize),
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(number) => write!(f, "{number}"),
            Self::AtLeast(number) => write!(f, "at least {number}"),
        }
    }
}

/// Why fires do not start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "why", content = "detail")]
pub enum WhySkipped {
    /// They were missed, and the catch-up policy leaves them out.
    Missed(String),
    /// The schedule rests.
    Paused,
    /// A run of the schedule is going.
    Running,
    /// Too many runs wait.
    QueueFull,
    /// A newer fire takes their place.
    Replaced,
}

impl fmt::Display for WhySkipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missed(policy) => write!(f, "missed, and catch_up is `{policy}`"),
            Self::Paused => f.write_str("the schedule is paused"),
            Self::Running => {
                f.write_str("a run of the schedule was going, and if_running is `skip`")
            }
            Self::QueueFull => f.write_str("too many runs of the schedule wait already"),
            Self::Replaced => f.write_str("a newer fire takes its place"),
        }
    }
}

/// Decides over the fires after the one that was handled last. A clock that goes back makes no fire
/// due again: those up to `handled` stay decided.
pub fn due(table: &Timetable, timing: &Timing<'_>, handled: Timestamp, now: Timestamp) -> Due {
    let to = decidable(table, timing, handled, now);
    let newest = with_delays(timing, table.last_fires(handled, to, CATCH_UP_MAX));
    let kept = newest.iter().rev().enumerate().take_while(|(age, fire)| {
        on_time(fire, now) || caught_up(timing.catch_up, *age, fire, now)
    });
    let kept = kept.count();
    let (left_out, start) = newest.split_at(newest.len() - kept);
    let last = newest.last().map_or(handled, |fire| fire.fire.at);
    Due {
        skipped: skipped(table, timing, handled, left_out, start),
        start: start.to_vec(),
        handled: last,
        next: table.fires_after(last).next().map(|fire| delayed(timing, fire)),
    }
}

/// The moment up to which all fires are due. A fire that waits for its delay holds back those after
/// it, so that they start in order.
fn decidable(
    table: &Timetable,
    timing: &Timing<'_>,
    handled: Timestamp,
    now: Timestamp,
) -> Timestamp {
    let Some(jitter) = timing.jitter else { return now };
    let earliest = Timestamp::from_micros(now.as_micros().saturating_sub(jitter.micros()));
    let mut recent = table.fires_after(handled.max(earliest)).take_while(|fire| fire.at <= now);
    match recent.find(|fire| delayed(timing, *fire) > now) {
        Some(waits) => Timestamp::from_micros(waits.at.as_micros() - 1),
        None => now,
    }
}

/// The fires with the moments at which they were to start: none before those before it.
fn with_delays(timing: &Timing<'_>, fires: Vec<Fire>) -> Vec<DueFire> {
    let mut latest = Timestamp::from_micros(i64::MIN);
    let due = |fire: Fire| {
        latest = latest.max(delayed(timing, fire));
        DueFire { fire, start_at: latest }
    };
    fires.into_iter().map(due).collect()
}

/// When a fire starts. The delay is that of the schedule and the moment, so that it is the same
/// whoever asks, and as often as it is asked.
fn delayed(timing: &Timing<'_>, fire: Fire) -> Timestamp {
    let Some(jitter) = timing.jitter else { return fire.at };
    let at = fire.at.as_micros();
    let hash = ContentHash::of_parts([timing.name.as_bytes(), &at.to_le_bytes()]);
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    let micros = u64::from_le_bytes(first) % jitter.micros().unsigned_abs();
    Timestamp::from_micros(at.saturating_add(micros as i64))
}

fn on_time(fire: &DueFire, now: Timestamp) -> bool {
    now.micros_since(fire.start_at) <= ON_TIME_MICROS
}

/// Whether a missed fire starts. `age` counts from the newest, from 0.
fn caught_up(policy: CatchUp, age: usize, fire: &DueFire, now: Timestamp) -> bool {
    match policy {
        CatchUp::None => false,
        CatchUp::Last(number) => age < number,
        CatchUp::Since(oldest) => now.micros_since(fire.fire.at) <= oldest.micros(),
    }
}

/// What is left out: fires among the newest, and all before those.
fn skipped(
    table: &Timetable,
    timing: &Timing<'_>,
    handled: Timestamp,
    left_out: &[DueFire],
    start: &[DueFire],
) -> Option<Skipped> {
    let newest = left_out.first().or(start.first())?.fire.at;
    let first = table.fires_after(handled).next()?.at;
    let mut last = left_out.last().map(|fire| fire.fire.at);
    let mut older = 0;
    for fire in table.fires_after(handled).take_while(|fire| fire.at < newest).take(COUNTED_MAX) {
        older += 1;
        last = last.or(Some(fire.at));
    }
    if older > 0 && left_out.is_empty() {
        let before = Timestamp::from_micros(newest.as_micros() - 1);
        last = table.last_fires(handled, before, 1).first().map(|fire| fire.at);
    }
    let number = older + left_out.len();
    let count = if older == COUNTED_MAX { Count::AtLeast(number) } else { Count::Exactly(number) };
    let why = WhySkipped::Missed(timing.catch_up.to_string());
    last.filter(|_| number > 0).map(|last| Skipped { first, last, count, why })
}
