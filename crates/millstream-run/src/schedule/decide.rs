//! What a schedule starts now.

use millstream_core::clock::Timestamp;
use millstream_project::schedule::{Condition, IfRunning, Schedule};
use serde::Serialize;

use super::due::{Count, Skipped, Timing, WhySkipped, due};
use super::evaluate::{Explained, evaluate};
use super::state::{Observed, ScheduleState};

/// The most runs of one schedule that wait.
pub const QUEUE_MAX: usize = 1000;

/// How it stands with a schedule.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// What is known of the world.
    pub observed: Observed<'a>,
    /// How many of its runs are going.
    pub running: usize,
    /// How many of its runs wait.
    pub queued: usize,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What starts, in order.
    pub starts: Vec<Start>,
    /// What does not, and why.
    pub skipped: Vec<Skipped>,
    /// What is to be remembered, together with the runs that start.
    pub state: ScheduleState,
    /// When the clock makes it necessary to decide again.
    pub wake_at: Option<Timestamp>,
    /// The condition as it was found.
    pub why: Explained,
}

/// A run that starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Start {
    /// Names it for ever: one schedule never makes two runs of the same key.
    pub key: String,
    /// The moment it is for.
    pub at: Timestamp,
    /// Why, for people.
    pub cause: String,
    /// Whether it waits.
    pub how: How,
}

/// Whether a run waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It starts at once.
    Now,
    /// It waits for the end of all runs of the schedule before it.
    AfterOthers,
    /// The runs of the schedule that are going are cancelled; it waits for their end.
    CancelOthers,
}

/// Decides for one schedule.
pub fn decide(schedule: &Schedule, state: &ScheduleState, situation: &Situation<'_>) -> Decision {
    let observed = &situation.observed;
    let mut state = state.clone();
    state.adopt(&schedule.condition, observed);
    let why = evaluate(&schedule.condition, &state, observed);
    let mut found =
        Found { schedule, state, starts: Vec::new(), skipped: Vec::new(), wake_at: None };
    for condition in alternatives(&schedule.condition) {
        found.take_times(condition, observed.now);
    }
    found.starts.sort_by_key(|start| start.at);
    found.starts.dedup_by(|later, first| {
        let same = later.at == first.at;
        if same {
            first.cause = format!("{}; {}", first.cause, later.cause);
        }
        same
    });
    let waits = schedule.if_running == IfRunning::Skip && situation.running > 0;
    if !waits {
        for condition in alternatives(&schedule.condition) {
            found.take_event(condition, observed);
        }
    }
    let Found { state, starts, skipped, wake_at, .. } = found;
    let mut decision = Decision { starts, skipped, state, wake_at, why };
    if schedule.paused {
        decision.skip_all(WhySkipped::Paused);
    } else {
        decision.meet_others(schedule.if_running, situation);
    }
    decision
}

/// The parts of which each alone starts the schedule.
fn alternatives(condition: &Condition) -> Vec<&Condition> {
    match condition {
        Condition::AnyOf(parts) => parts.iter().flat_map(alternatives).collect(),
        other => vec![other],
    }
}

/// What is found so far.
struct Found<'a> {
    schedule: &'a Schedule,
    state: ScheduleState,
    starts: Vec<Start>,
    skipped: Vec<Skipped>,
    wake_at: Option<Timestamp>,
}

impl Found<'_> {
    /// Takes the fires of a timetable. Those inside a combination are only looked out for.
    fn take_times(&mut self, condition: &Condition, now: Timestamp) {
        let schedule = self.schedule;
        let Condition::Time(table) = condition else {
            for table in condition.timetables() {
                self.wake(table.fires_after(now).next().map(|fire| fire.at));
            }
            return;
        };
        let key = condition.key();
        let handled = self.state.handled(&key).map_or(now, Timestamp::from_micros);
        let timing =
            Timing { name: &schedule.name, jitter: schedule.jitter, catch_up: schedule.catch_up };
        let due = due(table, &timing, handled, now);
        self.wake(due.next);
        self.skipped.extend(due.skipped);
        for fire in due.start {
            let at = fire.fire.at;
            let note = fire.fire.note.map_or_else(String::new, |note| format!(" ({note})"));
            let cause = format!("{condition}: it was {}{note}", table.zone().shown(at));
            self.starts.push(Start {
                key: format!("{}@{at}", schedule.name),
                at,
                cause,
                how: How::Now,
            });
        }
        self.state.handle(key, due.handled.as_micros());
    }

    /// Takes what has happened. It joins the newest start, if there is one: that run sees it too.
    fn take_event(&mut self, condition: &Condition, observed: &Observed<'_>) {
        if matches!(condition, Condition::Time(_)) {
            return;
        }
        let explained = evaluate(condition, &self.state, observed);
        let Some(at) = explained.since else { return };
        let cause = explained.cause();
        let positions = explained.positions();
        if let Some(newest) = self.starts.last_mut() {
            newest.cause = format!("{}; {cause}", newest.cause);
        } else {
            let marks: Vec<String> =
                positions.iter().map(|(key, position)| format!("{key}#{position}")).collect();
            let key = format!("{}@{}", self.schedule.name, marks.join(","));
            self.starts.push(Start { key, at, cause, how: How::Now });
        }
        for (key, position) in positions {
            self.state.handle(key, position);
        }
    }

    fn wake(&mut self, at: Option<Timestamp>) {
        self.wake_at = [self.wake_at, at].into_iter().flatten().min();
    }
}

impl Decision {
    /// Nothing of this starts.
    fn skip_all(&mut self, why: WhySkipped) {
        let all = self.starts.len();
        self.skip_oldest(all, why);
    }

    fn skip_oldest(&mut self, number: usize, why: WhySkipped) {
        let skipped: Vec<Start> = self.starts.drain(..number).collect();
        if let (Some(first), Some(last)) = (skipped.first(), skipped.last()) {
            let count = Count::Exactly(skipped.len());
            self.skipped.push(Skipped { first: first.at, last: last.at, count, why });
        }
    }

    /// Makes the starts wait for each other, and for runs that are going.
    fn meet_others(&mut self, policy: IfRunning, situation: &Situation<'_>) {
        let others = situation.running + situation.queued;
        match policy {
            IfRunning::Skip if situation.running > 0 => self.skip_all(WhySkipped::Running),
            IfRunning::CancelOld => {
                let older = self.starts.len().saturating_sub(1);
                self.skip_oldest(older, WhySkipped::Replaced);
                if others > 0 {
                    self.starts.iter_mut().for_each(|start| start.how = How::CancelOthers);
                }
            }
            IfRunning::Skip | IfRunning::Queue => {
                let room = QUEUE_MAX.saturating_sub(situation.queued);
                let too_many = self.starts.len().saturating_sub(room);
                self.skip_oldest(too_many, WhySkipped::QueueFull);
                let at_once = usize::from(others == 0);
                for start in self.starts.iter_mut().skip(at_once) {
                    start.how = How::AfterOthers;
                }
            }
        }
    }
}
