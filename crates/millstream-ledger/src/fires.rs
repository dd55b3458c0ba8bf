//! Schedules as they were observed: since when they are known, who paused them, and what became of
//! every moment at which they had to start a run.

use std::collections::BTreeMap;

use millstream_core::clock::Timestamp;
use millstream_core::id::RunId;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use crate::columns::{At, Text, Word};
use crate::error::{LedgerError, Result};
use crate::ledger::Ledger;
use crate::records::RunState;

/// A moment at which a schedule has to start a run. It does so once, whatever the number of servers
/// and however often they are restarted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FireKey {
    /// Name of the schedule.
    pub schedule: String,
    /// The moment that the schedule names, not the one at which somebody noticed.
    pub at: Timestamp,
}

/// A run that is due: for which fire, and what is handled with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FireStart {
    /// The fire.
    pub key: FireKey,
    /// How far its triggers are handled once the run has begun.
    pub moves: Vec<PositionMove>,
}

/// A step forward of a trigger: what lies before the position has been handled. What a position
/// means is known to the trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionMove {
    /// The trigger, among those of its schedule.
    pub trigger: String,
    /// Where it was when this was decided; `None` before its first move.
    pub from: Option<String>,
    /// Where it is from now on.
    pub to: String,
}

/// What became of a fire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fire {
    /// Which one.
    #[serde(flatten)]
    pub key: FireKey,
    /// What became of it.
    pub state: FireState,
    /// Why, for people.
    pub reason: String,
    /// The run that it started; the last one if that had to be begun again.
    pub run: Option<RunId>,
    /// How that run stands.
    pub run_state: Option<RunState>,
    /// When it was handled.
    pub handled_at: Timestamp,
}

/// What became of a fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FireState {
    /// It started a run.
    Started,
    /// It was let pass.
    Skipped,
}

/// A schedule as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScheduleState {
    /// Its name.
    pub schedule: String,
    /// When a server saw it first; it has no fires before that.
    pub since: Timestamp,
    /// Whether somebody paused or resumed it; what its file says counts otherwise.
    pub paused: Option<bool>,
    /// Who did, and why.
    pub note: Option<String>,
}

impl Ledger {
    /// How the schedule stands; from now on if it was never seen before.
    pub async fn observe_schedule(&self, schedule: &str) -> Result<ScheduleState> {
        let (schedule, now) = (schedule.to_owned(), self.now());
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT OR IGNORE INTO schedules (schedule, since) VALUES (?1, ?2)",
                )?
                .execute(params![schedule, At(now)])?;
            find_schedule(connection, &schedule)?
                .ok_or_else(|| LedgerError::protocol("a schedule was not recorded"))
        })
        .await
    }

    /// Pauses a schedule, or lets it go on. It then starts with what comes after its last fire.
    pub async fn set_schedule_paused(
        &self,
        schedule: &str,
        pause: Pause,
        note: &str,
    ) -> Result<()> {
        let (schedule, note, now) = (schedule.to_owned(), note.to_owned(), self.now());
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO schedules (schedule, since, paused, note) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (schedule) DO UPDATE
                     SET paused = excluded.paused, note = excluded.note",
                )?
                .execute(params![schedule, At(now), pause == Pause::Paused, note])?;
            Ok(())
        })
        .await
    }

    /// How a schedule stands, if a server or a person has ever touched it.
    pub fn schedule(&self, schedule: &str) -> Result<Option<ScheduleState>> {
        self.read(|connection| find_schedule(connection, schedule))
    }

    /// The fires of a schedule, the latest first.
    pub fn fires(&self, schedule: &str, limit: usize) -> Result<Vec<Fire>> {
        self.read(|connection| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let fires = connection
                .prepare_cached(&format!(
                    "{SELECT} WHERE f.schedule = ?1 ORDER BY f.at DESC LIMIT ?2"
                ))?
                .query_map(params![schedule, limit], fire)?
                .collect::<rusqlite::Result<_>>()?;
            Ok(fires)
        })
    }

    /// The fires whose run was cut off by the death of its process. They have to be started again.
    pub async fn interrupted_fires(&self) -> Result<Vec<Fire>> {
        self.write(|connection| {
            crate::runs::mark_interrupted(connection)?;
            let fires = connection
                .prepare_cached(&format!("{SELECT} WHERE r.state = 'interrupted' ORDER BY f.at"))?
                .query_map([], fire)?
                .collect::<rusqlite::Result<_>>()?;
            Ok(fires)
        })
        .await
    }

    /// How far the triggers of a schedule are handled, by the trigger.
    pub fn positions(&self, schedule: &str) -> Result<BTreeMap<String, String>> {
        self.read(|connection| {
            let positions = connection
                .prepare_cached("SELECT trigger, position FROM positions WHERE schedule = ?1")?
                .query_map([schedule], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(positions)
        })
    }

    /// Records fires that start no run, each with its reason, and moves the triggers past them.
    /// Fires that were handled stay as they are.
    ///
    /// Fails with `ledger.fire_taken` if another server has moved the triggers.
    pub async fn skip_fires(
        &self,
        schedule: &str,
        fires: Vec<(Timestamp, String)>,
        moves: Vec<PositionMove>,
    ) -> Result<()> {
        let (schedule, now) = (schedule.to_owned(), self.now());
        self.write(move |connection| {
            move_positions(connection, &schedule, &moves)?;
            for (at, reason) in &fires {
                connection
                    .prepare_cached(
                        "INSERT OR IGNORE INTO fires (schedule, at, state, reason, handled_at)
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                    )?
                    .execute(params![
                        schedule,
                        At(*at),
                        Word(FireState::Skipped),
                        reason,
                        At(now)
                    ])?;
            }
            Ok(())
        })
        .await
    }
}

/// Whether a schedule is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// It is.
    Paused,
    /// It is not.
    Running,
}

const SELECT: &str = "SELECT f.schedule, f.at, f.state, f.reason, f.run, r.state, f.handled_at
     FROM fires f LEFT JOIN runs r ON r.run = f.run";

fn fire(row: &Row<'_>) -> rusqlite::Result<Fire> {
    Ok(Fire {
        key: FireKey { schedule: row.get(0)?, at: row.get::<_, At>(1)?.0 },
        state: row.get::<_, Word<_>>(2)?.0,
        reason: row.get(3)?,
        run: row.get::<_, Option<Text<_>>>(4)?.map(|run| run.0),
        run_state: row.get::<_, Option<Word<_>>>(5)?.map(|state| state.0),
        handled_at: row.get::<_, At>(6)?.0,
    })
}

fn find_schedule(connection: &Connection, schedule: &str) -> Result<Option<ScheduleState>> {
    let found = connection
        .prepare_cached("SELECT since, paused, note FROM schedules WHERE schedule = ?1")?
        .query_row([schedule], |row| {
            Ok(ScheduleState {
                schedule: schedule.to_owned(),
                since: row.get::<_, At>(0)?.0,
                paused: row.get(1)?,
                note: row.get(2)?,
            })
        })
        .optional()?;
    Ok(found)
}

/// Records, in the transaction in which a run begins, that a fire has started it. A fire that has
/// a run already may start another one only after that was cut off.
///
/// Fails with `ledger.fire_taken`.
pub(crate) fn take_fire(
    connection: &Connection,
    start: &FireStart,
    run: RunId,
    now: Timestamp,
) -> Result<()> {
    let key = &start.key;
    move_positions(connection, &key.schedule, &start.moves)?;
    let taken = connection
        .prepare_cached(
            "INSERT INTO fires (schedule, at, state, reason, run, handled_at)
             VALUES (?1, ?2, ?3, '', ?4, ?5)
             ON CONFLICT (schedule, at) DO UPDATE
             SET run = excluded.run, handled_at = excluded.handled_at
             WHERE (SELECT r.state FROM runs r WHERE r.run = fires.run) = 'interrupted'",
        )?
        .execute(params![key.schedule, At(key.at), Word(FireState::Started), Text(run), At(now)])?;
    if taken == 1 { Ok(()) } else { Err(LedgerError::FireTaken { schedule: key.schedule.clone() }) }
}

fn move_positions(connection: &Connection, schedule: &str, moves: &[PositionMove]) -> Result<()> {
    for one in moves {
        let moved = connection
            .prepare_cached(
                "INSERT INTO positions (schedule, trigger, position)
                 SELECT ?1, ?2, ?4 WHERE ?3 IS (
                     SELECT position FROM positions WHERE schedule = ?1 AND trigger = ?2
                 )
                 ON CONFLICT (schedule, trigger) DO UPDATE SET position = excluded.position",
            )?
            .execute(params![schedule, one.trigger, one.from, one.to])?;
        if moved != 1 {
            return Err(LedgerError::FireTaken { schedule: schedule.to_owned() });
        }
    }
    Ok(())
}
