//! Schedules as they were observed: how far they are decided, who paused them, and what became of
//! every run that they had to start.

use std::collections::BTreeMap;

use millstream_core::clock::Timestamp;
use millstream_core::id::RunId;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::audit::{Action, Deed, audit};
use crate::columns::{At, Count, Json, Text, Word};
use crate::error::{LedgerError, Result};
use crate::ledger::Ledger;
use crate::records::RunState;

/// A run that a schedule has to start. It does so once, whatever the number of servers and however
/// often they are restarted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FireKey {
    /// Name of the schedule.
    pub schedule: String,
    /// Names the fire for ever.
    pub fire: String,
}

/// What a schedule decided about a stretch of time. Written down as a whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FireDecision {
    /// What it remembered when it decided; `None` at first.
    pub from: Option<Value>,
    /// What it remembers from now on. What it means is known to the scheduler.
    pub to: Value,
    /// The runs that it has to start, in order.
    pub starts: Vec<NewFire>,
    /// The fires that start none.
    pub skipped: Vec<SkippedFires>,
}

/// A run that is to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFire {
    /// Names it for ever.
    pub fire: String,
    /// The moment that it is for.
    pub at: Timestamp,
    /// What caused it, for people.
    pub cause: String,
}

/// Fires that start no run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedFires {
    /// The last of them.
    pub last: Timestamp,
    /// How many, and why, for people.
    pub reason: String,
}

/// What became of a fire, or of several that were skipped together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fire {
    /// The schedule.
    pub schedule: String,
    /// Names it; absent when fires were skipped.
    pub fire: Option<String>,
    /// The moment that it is for.
    pub at: Timestamp,
    /// What became of it.
    pub state: FireState,
    /// What caused it, or why it was skipped, for people.
    pub reason: String,
    /// The run that it started; the last one if that had to be begun again.
    pub run: Option<RunId>,
    /// How that run stands.
    pub run_state: Option<RunState>,
}

impl Fire {
    /// What names it; `None` when fires were skipped.
    pub fn key(&self) -> Option<FireKey> {
        let fire = self.fire.clone()?;
        Some(FireKey { schedule: self.schedule.clone(), fire })
    }
}

/// What became of a fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FireState {
    /// Its run is still to be started.
    Waiting,
    /// It started a run.
    Started,
    /// There was nothing to do, and so no run.
    UpToDate,
    /// It was let pass.
    Skipped,
}

/// Why a live fire starts no run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FireEnd {
    /// There was nothing to do.
    UpToDate,
    /// A newer fire takes its place.
    Replaced,
}

/// A schedule as the ledger knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ScheduleRecord {
    /// What the scheduler remembers of it; `None` before the first decision.
    pub state: Option<Value>,
    /// Whether somebody paused or resumed it; what its file says counts otherwise.
    pub paused: Option<bool>,
    /// Who did, and why.
    pub note: Option<String>,
    /// How often somebody asked for a run of it from outside.
    pub requests: u64,
    /// Who asked last, and when.
    pub request: Option<(String, Timestamp)>,
}

/// Whether a schedule is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// It is.
    Paused,
    /// It is not.
    Running,
}

impl Ledger {
    /// How the schedules stand, by name. Nothing is known of one that was never touched.
    pub fn schedules(&self) -> Result<BTreeMap<String, ScheduleRecord>> {
        self.read(|connection| {
            let records = connection
                .prepare_cached(
                    "SELECT schedule, state, paused, note, requests, request, requested_at
                     FROM schedules",
                )?
                .query_map([], |row| Ok((row.get(0)?, record(row)?)))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(records)
        })
    }

    /// Records that somebody asked for a run of a schedule; gives how often that has happened.
    pub async fn request_schedule(&self, schedule: &str, by: &str) -> Result<u64> {
        let (schedule, by, now) = (schedule.to_owned(), by.to_owned(), self.now());
        let actor = self.actor();
        self.write(move |connection| {
            audit(connection, actor.as_deref(), now, || {
                Deed::new(Action::ScheduleRun, format!("schedule:{schedule}"))
            })?;
            let requests: Count = connection
                .prepare_cached(
                    "INSERT INTO schedules (schedule, requests, request, requested_at)
                     VALUES (?1, 1, ?2, ?3)
                     ON CONFLICT (schedule) DO UPDATE
                     SET requests = requests + 1, request = excluded.request,
                         requested_at = excluded.requested_at
                     RETURNING requests",
                )?
                .query_row(params![schedule, by, At(now)], |row| row.get(0))?;
            Ok(requests.0)
        })
        .await
    }

    /// Pauses a schedule, or lets it go on.
    pub async fn pause_schedule(&self, schedule: &str, pause: Pause, note: &str) -> Result<()> {
        let (schedule, note) = (schedule.to_owned(), note.to_owned());
        let (now, by) = (self.now(), self.actor());
        self.write(move |connection| {
            let action = match pause {
                Pause::Paused => Action::SchedulePause,
                Pause::Running => Action::ScheduleResume,
            };
            audit(connection, by.as_deref(), now, || {
                Deed::new(action, format!("schedule:{schedule}")).with(&note)
            })?;
            connection
                .prepare_cached(
                    "INSERT INTO schedules (schedule, paused, note) VALUES (?1, ?2, ?3)
                     ON CONFLICT (schedule) DO UPDATE
                     SET paused = excluded.paused, note = excluded.note",
                )?
                .execute(params![schedule, pause == Pause::Paused, note])?;
            Ok(())
        })
        .await
    }

    /// Writes down what a schedule decided. The runs to start wait from then on.
    ///
    /// Fails with `ledger.fire_taken`, and changes nothing, if another server has decided meanwhile.
    pub async fn decide_schedule(&self, schedule: &str, decision: FireDecision) -> Result<()> {
        let schedule = schedule.to_owned();
        self.write(move |connection| {
            move_state(connection, &schedule, &decision)?;
            for skipped in &decision.skipped {
                let SkippedFires { last, reason } = skipped;
                add(connection, &schedule, None, *last, FireState::Skipped, reason)?;
            }
            for start in &decision.starts {
                let NewFire { fire, at, cause } = start;
                add(connection, &schedule, Some(fire), *at, FireState::Waiting, cause)?;
            }
            Ok(())
        })
        .await
    }

    /// The fires of a schedule, the latest first.
    pub fn fires(&self, schedule: &str, limit: usize) -> Result<Vec<Fire>> {
        self.read(|connection| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let fires = connection
                .prepare_cached(&format!(
                    "{SELECT} WHERE f.schedule = ?1 ORDER BY f.position DESC LIMIT ?2"
                ))?
                .query_map(params![schedule, limit], |row| Ok(fire(row)?.1))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(fires)
        })
    }

    /// The fires of a schedule that were decided before one, the latest first, with what names that
    /// place in the order.
    pub fn fires_before(
        &self,
        schedule: &str,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<(i64, Fire)>> {
        self.read(|connection| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let fires = connection
                .prepare_cached(&format!(
                    "{SELECT} WHERE f.schedule = ?1 AND f.position < ?2
                     ORDER BY f.position DESC LIMIT ?3"
                ))?
                .query_map(params![schedule, before.unwrap_or(i64::MAX), limit], fire)?
                .collect::<rusqlite::Result<_>>()?;
            Ok(fires)
        })
    }

    /// What a run was started for, if a schedule started it.
    pub fn fire_of(&self, run: RunId) -> Result<Option<Fire>> {
        self.read(|connection| {
            let found = connection
                .prepare_cached(&format!("{SELECT} WHERE f.run = ?1 LIMIT 1"))?
                .query_row([Text(run)], |row| Ok(fire(row)?.1))
                .optional()?;
            Ok(found)
        })
    }

    /// The fires that have no end yet, in order: those that wait, those whose run is going, and
    /// those whose run was cut off by the death of its process.
    pub fn live_fires(&self) -> Result<Vec<Fire>> {
        self.read(|connection| {
            let mut fires = select(connection, "WHERE f.state = 'waiting'")?;
            fires.extend(select(
                connection,
                "WHERE r.state IN ('running', 'interrupted') AND f.state = 'started'",
            )?);
            fires.sort_by_key(|(position, _)| *position);
            Ok(fires.into_iter().map(|(_, fire)| fire).collect())
        })
    }

    /// Records that a live fire starts no run.
    pub async fn close_fire(&self, key: &FireKey, end: FireEnd) -> Result<()> {
        let key = key.clone();
        let state = match end {
            FireEnd::UpToDate => FireState::UpToDate,
            FireEnd::Replaced => FireState::Skipped,
        };
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE fires SET state = ?2 WHERE fire = ?1 AND state IN ('waiting', 'started')",
                )?
                .execute(params![key.fire, Word(state)])?;
            Ok(())
        })
        .await
    }
}

const SELECT: &str =
    "SELECT f.schedule, f.fire, f.at, f.state, f.reason, f.run, r.state, f.position
     FROM fires f LEFT JOIN runs r ON r.run = f.run";

fn record(row: &Row<'_>) -> rusqlite::Result<ScheduleRecord> {
    let state: Option<Json<Value>> = row.get(1)?;
    let request: Option<String> = row.get(5)?;
    let requested_at: Option<At> = row.get(6)?;
    Ok(ScheduleRecord {
        state: state.map(|state| state.0),
        paused: row.get(2)?,
        note: row.get(3)?,
        requests: row.get::<_, Count>(4)?.0,
        request: request.zip(requested_at.map(|at| at.0)),
    })
}

/// Fires with their position in the order in which they were decided.
fn select(connection: &Connection, rest: &str) -> Result<Vec<(i64, Fire)>> {
    let fires = connection
        .prepare_cached(&format!("{SELECT} {rest}"))?
        .query_map([], fire)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(fires)
}

fn fire(row: &Row<'_>) -> rusqlite::Result<(i64, Fire)> {
    let fire = Fire {
        schedule: row.get(0)?,
        fire: row.get(1)?,
        at: row.get::<_, At>(2)?.0,
        state: row.get::<_, Word<_>>(3)?.0,
        reason: row.get(4)?,
        run: row.get::<_, Option<Text<_>>>(5)?.map(|run| run.0),
        run_state: row.get::<_, Option<Word<_>>>(6)?.map(|state| state.0),
    };
    Ok((row.get(7)?, fire))
}

/// Only whoever knows the newest decision may add one.
fn move_state(connection: &Connection, schedule: &str, decision: &FireDecision) -> Result<()> {
    let moved = connection
        .prepare_cached(
            "INSERT INTO schedules (schedule, state)
             SELECT ?1, ?3 WHERE ?2 IS (SELECT state FROM schedules WHERE schedule = ?1)
             ON CONFLICT (schedule) DO UPDATE SET state = excluded.state",
        )?
        .execute(params![schedule, decision.from.as_ref().map(Json), Json(&decision.to)])?;
    if moved == 1 { Ok(()) } else { Err(LedgerError::FireTaken { schedule: schedule.to_owned() }) }
}

fn add(
    connection: &Connection,
    schedule: &str,
    fire: Option<&str>,
    at: Timestamp,
    state: FireState,
    reason: &str,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO fires (schedule, fire, at, state, reason) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![schedule, fire, At(at), Word(state), reason])?;
    Ok(())
}

/// Records, in the transaction in which a run begins, that it is the one of a fire. A fire that has
/// a run already may have another one only after that was cut off.
///
/// Fails with `ledger.fire_taken`.
pub(crate) fn take_fire(connection: &Connection, key: &FireKey, run: RunId) -> Result<()> {
    let taken = connection
        .prepare_cached(
            "UPDATE fires SET state = 'started', run = ?2
             WHERE fire = ?1 AND (state = 'waiting' OR state = 'started'
                 AND (SELECT r.state FROM runs r WHERE r.run = fires.run) = 'interrupted')",
        )?
        .execute(params![key.fire, Text(run)])?;
    if taken == 1 { Ok(()) } else { Err(LedgerError::FireTaken { schedule: key.schedule.clone() }) }
}
