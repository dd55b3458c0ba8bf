//! Backfills: which partitions are to be made, and how far that is. Nothing of it is in memory
//! alone, so that it goes on after the death of its process exactly where it was.

use std::collections::BTreeMap;

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::id::{BackfillId, RunId};
use millstream_core::partition::PartitionKey;
use millstream_core::step::Refresh;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use crate::audit::{Action, Actor, Deed, audit};
use crate::columns::{At, Count, Json, Text, Word};
use crate::error::{LedgerError, Result};
use crate::holder::Holder;
use crate::ledger::Ledger;
use crate::records::{StepError, StepState};

/// How a backfill is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackfillPace {
    /// Steps at the same time.
    pub parallel: usize,
    /// Whether partitions start over instead of going on from what is there.
    pub refresh: Refresh,
}

/// A backfill that is to be made.
#[derive(Debug, Clone)]
pub struct NewBackfill {
    /// What was asked for, as written.
    pub selection: String,
    /// How it is made.
    pub pace: BackfillPace,
    /// What is made, in this order.
    pub parts: Vec<(AssetKey, PartitionKey)>,
    /// Who asked for it.
    pub by: Option<Actor>,
}

/// How a backfill stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackfillState {
    /// A process makes it.
    Running,
    /// Somebody holds it back.
    Paused,
    /// All its partitions are made.
    Succeeded,
    /// Some of its partitions failed.
    Failed,
    /// Somebody stopped it for good.
    Cancelled,
    /// Its process died.
    Interrupted,
}

impl BackfillState {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }
}

/// How a partition of a backfill stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// It is still to be made.
    Pending,
    /// A run makes it.
    Running,
    /// It is made.
    Done,
    /// It could not be made.
    Failed,
    /// The backfill was stopped before its turn.
    Cancelled,
}

/// A backfill.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Backfill {
    /// Its id.
    pub backfill: BackfillId,
    /// What was asked for, as written.
    pub selection: String,
    /// How it is made.
    #[serde(flatten)]
    pub pace: BackfillPace,
    /// How it stands.
    pub state: BackfillState,
    /// Who asked for it.
    pub by: Option<String>,
    /// The process that makes it, while one does.
    pub holder: Option<Holder>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How many of its partitions are in which state.
    pub counts: BTreeMap<PartState, u64>,
}

/// A partition of a backfill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackfillPart {
    /// Its place in the order.
    pub position: u64,
    /// The asset.
    pub asset: AssetKey,
    /// The partition.
    pub partition: PartitionKey,
    /// How it stands.
    pub state: PartState,
    /// The run that makes or made it.
    pub run: Option<RunId>,
    /// Why it could not be made.
    pub error: Option<String>,
}

impl Backfill {
    /// Its partitions in this state.
    pub fn count(&self, state: PartState) -> u64 {
        self.counts.get(&state).copied().unwrap_or(0)
    }

    /// All its partitions.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }
}

impl Ledger {
    /// Records a backfill that this process makes.
    pub async fn add_backfill(&self, new: NewBackfill) -> Result<BackfillId> {
        let id = BackfillId::new();
        let now = self.now();
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO backfills (backfill, selection, pace, state, by, holder,
                                            created_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![
                    Text(id),
                    new.selection,
                    Json(new.pace),
                    Word(BackfillState::Running),
                    new.by.as_ref().map(|by| by.name.as_str()),
                    Json(Holder::current("backfill")),
                    At(now),
                ])?;
            for (position, (asset, partition)) in new.parts.iter().enumerate() {
                connection
                    .prepare_cached(
                        "INSERT INTO backfill_partitions (backfill, position, asset, partition,
                                                          state)
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                    )?
                    .execute(params![
                        Text(id),
                        Count(position as u64),
                        Text(asset),
                        partition.as_str(),
                        Word(PartState::Pending),
                    ])?;
            }
            audit(connection, new.by.as_ref(), now, || {
                Deed::new(Action::BackfillStart, format!("backfill:{id}")).with(&new.selection)
            })?;
            Ok(id)
        })
        .await
    }

    /// The latest backfills, the newest first.
    pub fn backfills(&self, limit: usize) -> Result<Vec<Backfill>> {
        self.read(|connection| {
            let mut backfills: Vec<Backfill> = connection
                .prepare_cached(&format!("{SELECT} ORDER BY backfill DESC LIMIT ?1"))?
                .query_map([Count(limit as u64)], backfill)?
                .collect::<rusqlite::Result<_>>()?;
            for backfill in &mut backfills {
                complete(connection, backfill)?;
            }
            Ok(backfills)
        })
    }

    /// One backfill.
    pub fn backfill(&self, id: BackfillId) -> Result<Option<Backfill>> {
        self.read(|connection| {
            let found = connection
                .prepare_cached(&format!("{SELECT} WHERE backfill = ?1"))?
                .query_row([Text(id)], backfill)
                .optional()?;
            let Some(mut found) = found else { return Ok(None) };
            complete(connection, &mut found)?;
            Ok(Some(found))
        })
    }

    /// The backfill whose id begins or ends with these digits.
    ///
    /// Fails with `ledger.ambiguous_run` if there are several.
    pub fn find_backfill(&self, digits: &str) -> Result<Option<BackfillId>> {
        let part = digits.trim().replace('-', "").to_ascii_lowercase();
        if part.is_empty() || !part.chars().all(|digit| digit.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let found: Vec<BackfillId> = self.read(|connection| {
            let found = connection
                .prepare_cached(
                    "SELECT backfill FROM backfills
                     WHERE backfill GLOB ?1 || '*' OR backfill GLOB '*' || ?1 LIMIT 2",
                )?
                .query_map([&part], |row| Ok(row.get::<_, Text<_>>(0)?.0))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(found)
        })?;
        match found.as_slice() {
            [] => Ok(None),
            [id] => Ok(Some(*id)),
            _ => Err(LedgerError::AmbiguousRun { part: digits.to_owned() }),
        }
    }

    /// The partitions of a backfill in their order; of one state, or all.
    pub fn backfill_parts(
        &self,
        id: BackfillId,
        state: Option<PartState>,
        limit: usize,
    ) -> Result<Vec<BackfillPart>> {
        self.backfill_parts_after(id, None, state, limit)
    }

    /// As [`Self::backfill_parts`], those behind a place in the order.
    pub fn backfill_parts_after(
        &self,
        id: BackfillId,
        after: Option<u64>,
        state: Option<PartState>,
        limit: usize,
    ) -> Result<Vec<BackfillPart>> {
        let after = after.map_or(-1, |place| i64::try_from(place).unwrap_or(i64::MAX));
        self.read(|connection| {
            let parts = connection
                .prepare_cached(
                    "SELECT position, asset, partition, state, run, error FROM backfill_partitions
                     WHERE backfill = ?1 AND position > ?2 AND (?3 IS NULL OR state = ?3)
                     ORDER BY position LIMIT ?4",
                )?
                .query_map(params![Text(id), after, state.map(Word), Count(limit as u64)], part)?
                .collect::<rusqlite::Result<_>>()?;
            Ok(parts)
        })
    }

    /// Records that a run makes these partitions of a backfill.
    pub async fn begin_parts(&self, id: BackfillId, run: RunId, positions: Vec<u64>) -> Result<()> {
        self.write(move |connection| {
            for position in positions {
                connection
                    .prepare_cached(
                        "UPDATE backfill_partitions SET state = ?3, run = ?4, error = NULL
                         WHERE backfill = ?1 AND position = ?2",
                    )?
                    .execute(params![
                        Text(id),
                        Count(position),
                        Word(PartState::Running),
                        Text(run)
                    ])?;
            }
            Ok(())
        })
        .await
    }

    /// Records what became of the partitions that a run was making, by the attempts of that run.
    /// Those that it had not come to, and those that were stopped, are still to be made.
    pub async fn settle_parts(&self, id: BackfillId) -> Result<()> {
        self.write(move |connection| {
            for UnderWay { position, run, asset, partition, .. } in under_way(connection, id)? {
                let (state, error) = became(connection, run, &asset, &partition)?;
                connection
                    .prepare_cached(
                        "UPDATE backfill_partitions SET state = ?3, error = ?4
                         WHERE backfill = ?1 AND position = ?2",
                    )?
                    .execute(params![Text(id), Count(position), Word(state), error])?;
            }
            Ok(())
        })
        .await
    }

    /// How the partitions stand that a run is making, by their places in the order, before that is
    /// recorded when the run has ended.
    pub fn parts_under_way(
        &self,
        id: BackfillId,
    ) -> Result<BTreeMap<u64, (PartState, Option<String>)>> {
        self.read(|connection| {
            let mut found = BTreeMap::new();
            for UnderWay { position, run, asset, partition, works } in under_way(connection, id)? {
                let how = if works {
                    (PartState::Running, None)
                } else {
                    became(connection, run, &asset, &partition)?
                };
                found.insert(position, how);
            }
            Ok(found)
        })
    }

    /// Takes a backfill that nobody makes, so that this process goes on with it.
    ///
    /// Fails with `ledger.backfill_ended` if there is nothing to go on with, and with
    /// `ledger.backfill_held` if another process makes it.
    pub async fn take_backfill(&self, id: BackfillId) -> Result<()> {
        let (now, by) = (self.now(), self.actor());
        self.write(move |connection| {
            let found = expect(connection, id)?;
            if matches!(found.state, BackfillState::Succeeded | BackfillState::Cancelled) {
                return Err(LedgerError::BackfillEnded { state: found.state });
            }
            // One that is paused may still be ending what it was making.
            if let Some(holder) = found.holder.filter(|holder| !holder.is_dead()) {
                return Err(LedgerError::BackfillHeld { holder: holder.to_string() });
            }
            connection
                .prepare_cached(
                    "UPDATE backfills SET state = 'running', holder = ?2, ended_at = NULL
                     WHERE backfill = ?1",
                )?
                .execute(params![Text(id), Json(Holder::current("backfill"))])?;
            // Those that failed are tried once more.
            connection
                .prepare_cached(
                    "UPDATE backfill_partitions SET state = 'pending'
                     WHERE backfill = ?1 AND state = 'failed'",
                )?
                .execute([Text(id)])?;
            audit(connection, by.as_deref(), now, || {
                Deed::new(Action::BackfillResume, format!("backfill:{id}"))
            })
        })
        .await
    }

    /// Holds a backfill back: its process ends what it is making and stops.
    ///
    /// Fails with `ledger.backfill_ended` if there is nothing to hold back.
    pub async fn pause_backfill(&self, id: BackfillId) -> Result<()> {
        let (now, by) = (self.now(), self.actor());
        self.write(move |connection| {
            let found = expect(connection, id)?;
            if !matches!(found.state, BackfillState::Running | BackfillState::Interrupted) {
                return Err(LedgerError::BackfillEnded { state: found.state });
            }
            set(connection, id, BackfillState::Paused, None)?;
            audit(connection, by.as_deref(), now, || {
                Deed::new(Action::BackfillPause, format!("backfill:{id}"))
            })
        })
        .await
    }

    /// Stops a backfill for good. What it has made stays; what it is making is stopped by its
    /// process, if that lives.
    ///
    /// Fails with `ledger.backfill_ended` if it has ended.
    pub async fn cancel_backfill(&self, id: BackfillId) -> Result<()> {
        let (now, by) = (self.now(), self.actor());
        self.write(move |connection| {
            let found = expect(connection, id)?;
            if matches!(found.state, BackfillState::Succeeded | BackfillState::Cancelled) {
                return Err(LedgerError::BackfillEnded { state: found.state });
            }
            set(connection, id, BackfillState::Cancelled, Some(now))?;
            cancel_pending(connection, id)?;
            audit(connection, by.as_deref(), now, || {
                Deed::new(Action::BackfillCancel, format!("backfill:{id}"))
            })
        })
        .await
    }

    /// Ends the part of this process in a backfill: it has succeeded or failed if nothing is left
    /// to be made, and stays paused or cancelled if somebody wanted that meanwhile.
    pub async fn leave_backfill(&self, id: BackfillId) -> Result<Backfill> {
        let now = self.now();
        self.write(move |connection| {
            let found = expect(connection, id)?;
            match found.state {
                BackfillState::Cancelled => cancel_pending(connection, id)?,
                BackfillState::Running | BackfillState::Paused
                    if found.count(PartState::Pending) + found.count(PartState::Running) == 0 =>
                {
                    let state = match found.count(PartState::Failed) {
                        0 => BackfillState::Succeeded,
                        _ => BackfillState::Failed,
                    };
                    set(connection, id, state, Some(now))?;
                }
                BackfillState::Running => set(connection, id, BackfillState::Paused, None)?,
                _ => {}
            }
            connection
                .prepare_cached("UPDATE backfills SET holder = NULL WHERE backfill = ?1")?
                .execute([Text(id)])?;
            expect(connection, id)
        })
        .await
    }
}

const SELECT: &str =
    "SELECT backfill, selection, pace, state, by, holder, created_at, ended_at FROM backfills";

fn backfill(row: &Row<'_>) -> rusqlite::Result<Backfill> {
    Ok(Backfill {
        backfill: row.get::<_, Text<_>>(0)?.0,
        selection: row.get(1)?,
        pace: row.get::<_, Json<_>>(2)?.0,
        state: row.get::<_, Word<_>>(3)?.0,
        by: row.get(4)?,
        holder: row.get::<_, Option<Json<_>>>(5)?.map(|holder| holder.0),
        created_at: row.get::<_, At>(6)?.0,
        ended_at: row.get::<_, Option<At>>(7)?.map(|at| at.0),
        counts: BTreeMap::new(),
    })
}

fn part(row: &Row<'_>) -> rusqlite::Result<BackfillPart> {
    Ok(BackfillPart {
        position: row.get::<_, Count>(0)?.0,
        asset: row.get::<_, Text<_>>(1)?.0,
        partition: PartitionKey::new(row.get::<_, String>(2)?),
        state: row.get::<_, Word<_>>(3)?.0,
        run: row.get::<_, Option<Text<_>>>(4)?.map(|run| run.0),
        error: row.get(5)?,
    })
}

/// Adds what is not in the row: the counts, and whether the process still lives.
fn complete(connection: &Connection, backfill: &mut Backfill) -> Result<()> {
    backfill.counts = connection
        .prepare_cached(
            "SELECT state, count(*) FROM backfill_partitions WHERE backfill = ?1 GROUP BY state",
        )?
        .query_map([Text(backfill.backfill)], |row| {
            Ok((row.get::<_, Word<_>>(0)?.0, row.get::<_, Count>(1)?.0))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let is_left = backfill.holder.as_ref().is_none_or(Holder::is_dead);
    if backfill.state == BackfillState::Running && is_left {
        backfill.state = BackfillState::Interrupted;
    }
    Ok(())
}

fn expect(connection: &Connection, id: BackfillId) -> Result<Backfill> {
    let mut found = connection
        .prepare_cached(&format!("{SELECT} WHERE backfill = ?1"))?
        .query_row([Text(id)], backfill)?;
    complete(connection, &mut found)?;
    Ok(found)
}

fn set(
    connection: &Connection,
    id: BackfillId,
    state: BackfillState,
    ended_at: Option<Timestamp>,
) -> Result<()> {
    connection
        .prepare_cached("UPDATE backfills SET state = ?2, ended_at = ?3 WHERE backfill = ?1")?
        .execute(params![Text(id), Word(state), ended_at.map(At)])?;
    Ok(())
}

fn cancel_pending(connection: &Connection, id: BackfillId) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE backfill_partitions SET state = 'cancelled'
             WHERE backfill = ?1 AND state = 'pending'",
        )?
        .execute([Text(id)])?;
    Ok(())
}

/// A partition that a run is making, or has been.
struct UnderWay {
    position: u64,
    run: RunId,
    asset: String,
    partition: String,
    /// Whether it is at work on this very one.
    works: bool,
}

fn under_way(connection: &Connection, id: BackfillId) -> rusqlite::Result<Vec<UnderWay>> {
    connection
        .prepare_cached(
            "SELECT position, run, asset, partition, EXISTS (
                 SELECT 1 FROM attempts a WHERE a.run = p.run AND a.asset = p.asset
                 AND a.partition = p.partition AND a.state = 'running')
             FROM backfill_partitions p WHERE backfill = ?1 AND state = 'running'",
        )?
        .query_map([Text(id)], |row| {
            Ok(UnderWay {
                position: row.get::<_, Count>(0)?.0,
                run: row.get::<_, Text<_>>(1)?.0,
                asset: row.get(2)?,
                partition: row.get(3)?,
                works: row.get(4)?,
            })
        })?
        .collect()
}

/// What became of a partition in a run, and why it could not be made.
fn became(
    connection: &Connection,
    run: RunId,
    asset: &str,
    partition: &str,
) -> Result<(PartState, Option<String>)> {
    let last: Option<(Word<StepState>, Option<Json<StepError>>)> = connection
        .prepare_cached(
            "SELECT state, error FROM attempts WHERE run = ?1 AND asset = ?2 AND partition = ?3
             ORDER BY number DESC, rowid DESC LIMIT 1",
        )?
        .query_row(params![Text(run), asset, partition], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((Word(state), error)) = last else { return not_reached(connection, run, asset) };
    let error = error.map(|error| error.0);
    let was_stopped = error
        .as_ref()
        .is_some_and(|error| ["run.interrupted", "run.cancelled"].contains(&&*error.code));
    Ok(match state {
        StepState::Succeeded => (PartState::Done, None),
        StepState::Failed | StepState::Refused | StepState::TimedOut if !was_stopped => {
            (PartState::Failed, error.map(|error| error.message))
        }
        _ => (PartState::Pending, None),
    })
}

/// A partition without an attempt: it can never be made in this backfill if the step waited for
/// one that failed.
fn not_reached(
    connection: &Connection,
    run: RunId,
    asset: &str,
) -> Result<(PartState, Option<String>)> {
    let step: Option<(Word<StepState>, String)> = connection
        .prepare_cached("SELECT state, reason FROM steps WHERE run = ?1 AND asset = ?2")?
        .query_row(params![Text(run), asset], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(match step {
        Some((Word(StepState::Upstream), reason)) => (PartState::Failed, Some(reason)),
        _ => (PartState::Pending, None),
    })
}
