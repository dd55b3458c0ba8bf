//! Whether a condition holds, with a reason for each of its parts.

use std::fmt;

use millstream_core::clock::Timestamp;
use millstream_project::schedule::{Condition, Timetable, TriggerKey};
use serde::Serialize;

use super::state::{Observed, ScheduleState, VersionAt};

/// What became of a condition, part by part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The condition, in words.
    pub condition: String,
    /// Since when it holds; `None` if it does not.
    pub since: Option<Timestamp>,
    /// Why it holds or does not.
    pub reason: String,
    /// The parts of a combination.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Self>,
    /// What is handled once the schedule has started.
    #[serde(skip)]
    pub(super) position: Option<(TriggerKey, i64)>,
}

impl Explained {
    /// Whether it holds.
    pub fn holds(&self) -> bool {
        self.since.is_some()
    }

    /// The positions of all triggers that hold.
    pub(super) fn positions(&self) -> Vec<(TriggerKey, i64)> {
        let own = self.position.clone().filter(|_| self.holds());
        own.into_iter().chain(self.parts.iter().flat_map(Self::positions)).collect()
    }

    /// The reasons of all triggers that hold, in one line.
    pub(super) fn cause(&self) -> String {
        if self.parts.is_empty() {
            return self.reason.clone();
        }
        let holding = self.parts.iter().filter(|part| part.holds());
        holding.map(Self::cause).collect::<Vec<_>>().join("; ")
    }

    fn indented(&self, depth: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.holds() { "yes" } else { "no " };
        writeln!(
            f,
            "{:indent$}{mark} {}: {}",
            "",
            self.condition,
            self.reason,
            indent = depth * 2
        )?;
        self.parts.iter().try_for_each(|part| part.indented(depth + 1, f))
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.indented(0, f)
    }
}

/// Evaluates a condition over what has happened since it was last handled.
pub fn evaluate(
    condition: &Condition,
    state: &ScheduleState,
    observed: &Observed<'_>,
) -> Explained {
    let part = |condition| evaluate(condition, state, observed);
    match condition {
        Condition::AllOf(parts) => all_of(condition, parts.iter().map(part).collect()),
        Condition::AnyOf(parts) => any_of(condition, parts.iter().map(part).collect()),
        leaf => {
            let handled = state.handled(&leaf.key());
            let (since, position, reason) = match leaf {
                Condition::Time(table) => time(table, handled, observed.now),
                Condition::NewerThan { asset, than } => {
                    let versions = (observed.versions.get(asset), observed.versions.get(than));
                    newer(versions, [&asset.name, &than.name], handled)
                }
                Condition::Asset(asset) => version(observed.versions.get(asset), handled),
                leaf => event(leaf, handled, observed),
            };
            Explained {
                condition: leaf.to_string(),
                since,
                reason,
                parts: Vec::new(),
                position: position.map(|position| (leaf.key(), position)),
            }
        }
    }
}

fn all_of(condition: &Condition, parts: Vec<Explained>) -> Explained {
    let holding = parts.iter().filter(|part| part.holds()).count();
    let all = holding == parts.len();
    Explained {
        condition: condition.to_string(),
        since: if all { parts.iter().filter_map(|part| part.since).max() } else { None },
        reason: format!("{holding} of {}", parts.len()),
        parts,
        position: None,
    }
}

fn any_of(condition: &Condition, parts: Vec<Explained>) -> Explained {
    let holding = parts.iter().filter(|part| part.holds()).count();
    Explained {
        condition: condition.to_string(),
        since: parts.iter().filter_map(|part| part.since).min(),
        reason: format!("{holding} of {}", parts.len()),
        parts,
        position: None,
    }
}

/// Since when a trigger holds, its position, and the reason.
type Found = (Option<Timestamp>, Option<i64>, String);

fn time(table: &Timetable, handled: Option<i64>, now: Timestamp) -> Found {
    let after = handled.map_or(now, Timestamp::from_micros);
    if let Some(fire) = table.last_fires(after, now, 1).first() {
        let reason = format!("it was {}", table.zone().shown(fire.at));
        return (Some(fire.at), Some(fire.at.as_micros()), reason);
    }
    let reason = match table.fires_after(after.max(now)).next() {
        Some(next) => format!("next at {}", table.zone().shown(next.at)),
        None => "never again".to_owned(),
    };
    (None, None, reason)
}

fn version(found: Option<&VersionAt>, handled: Option<i64>) -> Found {
    let Some(found) = found else { return (None, None, "it has no version yet".to_owned()) };
    let position = found.version as i64;
    if handled.is_none_or(|handled| position <= handled) {
        let reason = format!("version {} of {} was handled", found.version, found.at);
        return (None, None, reason);
    }
    let reason = format!("it has version {} of {}", found.version, found.at);
    (Some(found.at), Some(position), reason)
}

fn newer(
    (found, than): (Option<&VersionAt>, Option<&VersionAt>),
    [name, than_name]: [&str; 2],
    handled: Option<i64>,
) -> Found {
    let Some(found) = found else { return (None, None, format!("{name} has no version yet")) };
    if let Some(than) = than.filter(|than| than.at >= found.at) {
        let reason = format!("{name} is of {}, {than_name} of {}", found.at, than.at);
        return (None, None, reason);
    }
    let position = found.version as i64;
    if handled.is_some_and(|handled| position <= handled) {
        let reason = format!("version {} of {name} has already started it", found.version);
        return (None, None, reason);
    }
    let other = than.map_or("has no version".to_owned(), |than| format!("is of {}", than.at));
    let reason = format!("{name} is of {}, {than_name} {other}", found.at);
    (Some(found.at), Some(position), reason)
}

fn event(leaf: &Condition, handled: Option<i64>, observed: &Observed<'_>) -> Found {
    if *leaf == Condition::Manual {
        return (None, None, "it waits for people".to_owned());
    }
    let Some(seen) = observed.seen.get(&leaf.key()) else {
        return (None, None, "nothing has come yet".to_owned());
    };
    if handled.is_none_or(|handled| seen.position <= handled) {
        return (None, None, format!("nothing new since {}", seen.at));
    }
    (Some(seen.at), Some(seen.position), format!("{} came at {}", seen.what, seen.at))
}
