//! What will be: the fires of a schedule, with what daylight saving does to them.

use std::fmt;

use millstream_core::clock::Timestamp;
use serde::Serialize;

use super::declared::{Condition, Schedule};
use super::timetable::{Fire, Tick, Timetable};
use super::zone::ZoneChange;

/// What a schedule does from a moment on.
#[derive(Debug, Clone, Serialize)]
pub struct Preview {
    /// The schedule.
    pub schedule: String,
    /// Its zone.
    pub zone: String,
    /// What starts it, in words.
    pub trigger: String,
    /// Whether it rests, so that none of this happens until it does not.
    pub paused: bool,
    /// In order.
    pub lines: Vec<PreviewLine>,
    /// Up to when everything is shown. Earlier than what was asked for if there were too many lines.
    pub to: Timestamp,
}

/// One line of a preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreviewLine {
    /// The moment.
    pub at: Timestamp,
    /// The moment as clocks of the zone show it.
    pub local: String,
    /// What happens.
    pub kind: LineKind,
    /// What is special about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What happens at a line of a preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// The schedule fires.
    Fire,
    /// The schedule fires if all else that it waits for has happened, or once it has.
    Possible,
    /// It would fire, and does not.
    Omitted,
    /// The clock of the zone is changed.
    Clock,
}

/// What a schedule does after a moment and up to another, in at most so many lines. Only times are
/// foreseen; a schedule that waits for something else has no lines.
pub fn preview(schedule: &Schedule, after: Timestamp, to: Timestamp, most: usize) -> Preview {
    let tables = tables(&schedule.condition, LineKind::Fire);
    let mut lines: Vec<PreviewLine> = Vec::new();
    for (table, kind) in &tables {
        let ticks = table.ticks_after(after).take_while(|tick| moment_of(tick) <= to);
        lines.extend(ticks.take(most.saturating_add(1)).map(|tick| line(table, *kind, tick)));
    }
    if !tables.is_empty() {
        let changes = schedule.zone.changes(after, to);
        lines.extend(changes.into_iter().map(|change| clock(schedule, change)));
    }
    lines.sort_by_key(|line| (line.at, line.kind != LineKind::Clock));
    let to = lines.get(most).map_or(to, |line| line.at);
    lines.truncate(most);
    Preview {
        schedule: schedule.name.clone(),
        zone: schedule.zone.name().to_owned(),
        trigger: schedule.condition.to_string(),
        paused: schedule.paused,
        lines,
        to,
    }
}

/// The timetables of a condition, each with what its fires are.
fn tables(condition: &Condition, kind: LineKind) -> Vec<(&Timetable, LineKind)> {
    match condition {
        Condition::Time(table) => vec![(table, kind)],
        Condition::AnyOf(parts) => parts.iter().flat_map(|part| tables(part, kind)).collect(),
        Condition::AllOf(parts) => {
            parts.iter().flat_map(|part| tables(part, LineKind::Possible)).collect()
        }
        _ => Vec::new(),
    }
}

fn moment_of(tick: &Tick) -> Timestamp {
    match tick {
        Tick::Fire(fire) => fire.at,
        Tick::Omitted { at, .. } => *at,
    }
}

fn line(table: &Timetable, kind: LineKind, tick: Tick) -> PreviewLine {
    match tick {
        Tick::Fire(Fire { at, note }) => PreviewLine {
            at,
            local: table.zone().shown(at),
            kind,
            note: note.map(|note| note.to_string()),
        },
        Tick::Omitted { at, written, why } => PreviewLine {
            at,
            local: format!("{} {}", written.date(), written.time()),
            kind: LineKind::Omitted,
            note: Some(why.to_string()),
        },
    }
}

fn clock(schedule: &Schedule, change: ZoneChange) -> PreviewLine {
    PreviewLine {
        at: change.at,
        local: schedule.zone.shown(change.at),
        kind: LineKind::Clock,
        note: Some(change.to_string()),
    }
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paused = if self.paused { " (paused)" } else { "" };
        writeln!(f, "{}: {}{paused}", self.schedule, self.trigger)?;
        for line in &self.lines {
            let mark = match line.kind {
                LineKind::Fire => " ",
                LineKind::Possible => "?",
                LineKind::Omitted => "-",
                LineKind::Clock => "~",
            };
            write!(f, "{mark} {}", line.local)?;
            match &line.note {
                Some(note) => writeln!(f, "  {note}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}
