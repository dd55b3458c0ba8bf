//! What will be: the fires of a schedule, with what daylight saving does to them.

use std::fmt;

use millstream_core::clock::Timestamp;
use serde::Serialize;

use super::declared::Schedule;
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
    /// It would fire, and does not.
    Omitted,
    /// The clock of the zone is changed.
    Clock,
}

/// What a schedule does after a moment and up to another, in at most so many lines. Only times are
/// foreseen; a schedule that waits for something else has no lines.
pub fn preview(schedule: &Schedule, after: Timestamp, to: Timestamp, most: usize) -> Preview {
    let tables = schedule.condition.timetables();
    let mut lines: Vec<PreviewLine> = Vec::new();
    for table in &tables {
        let ticks = table.ticks_after(after).take_while(|tick| moment_of(tick) <= to);
        lines.extend(ticks.take(most + 1).map(|tick| line(table, tick)));
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
        lines,
        to,
    }
}

fn moment_of(tick: &Tick) -> Timestamp {
    match tick {
        Tick::Fire(fire) => fire.at,
        Tick::Omitted { at, .. } => *at,
    }
}

fn line(table: &Timetable, tick: Tick) -> PreviewLine {
    match tick {
        Tick::Fire(Fire { at, note }) => PreviewLine {
            at,
            local: table.zone().shown(at),
            kind: LineKind::Fire,
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
        writeln!(f, "{}: {}", self.schedule, self.trigger)?;
        for line in &self.lines {
            let mark = match line.kind {
                LineKind::Fire => " ",
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
