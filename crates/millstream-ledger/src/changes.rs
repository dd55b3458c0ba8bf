//! The changes of the ledger in order, for readers that follow it and go on where they stopped.

use millstream_core::clock::Timestamp;
use millstream_core::id::RunId;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use crate::columns::{At, Count, Text};
use crate::error::Result;
use crate::ledger::Ledger;

/// A change of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Its number: later changes have larger ones.
    pub sequence: u64,
    /// What changed: `run`, `step`, `version`, `alias`, `schedule`, `fire`, `backfill`,
    /// `notice`, `message`, `mute`, `release` or `audit`.
    pub kind: String,
    /// When, where that is known.
    pub at: Option<Timestamp>,
    /// The run.
    pub run: Option<RunId>,
    /// The asset.
    pub asset: Option<String>,
    /// The schedule.
    pub schedule: Option<String>,
    /// Its state from then on; the name of an alias.
    pub state: Option<String>,
    /// The version of the asset; the number of a release.
    pub version: Option<u64>,
}

/// What came after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// These, without a gap.
    Next(Vec<Changed>),
    /// Some of them are not kept any more, or the ledger never had that change.
    Gone,
}

impl Ledger {
    /// The number of the latest change; 0 before the first.
    pub fn last_change(&self) -> Result<u64> {
        self.read(|connection| Ok(last(connection)?))
    }

    /// The changes after one, the earliest first.
    pub fn changes_after(&self, sequence: u64, limit: usize) -> Result<Changes> {
        self.read(|connection| {
            if sequence > last(connection)? {
                return Ok(Changes::Gone);
            }
            let next: Vec<Changed> = connection
                .prepare_cached(
                    "SELECT sequence, kind, at, run, asset, schedule, state, version FROM changes
                     WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
                )?
                .query_map(params![Count(sequence), Count(limit as u64)], changed)?
                .collect::<rusqlite::Result<_>>()?;
            // Numbers have no gaps: whatever takes one keeps it or undoes the whole transaction.
            let is_whole = next.first().is_none_or(|first| first.sequence == sequence + 1);
            Ok(if is_whole { Changes::Next(next) } else { Changes::Gone })
        })
    }
}

fn last(connection: &Connection) -> rusqlite::Result<u64> {
    let last: Option<Option<Count>> = connection
        .prepare_cached("SELECT max(sequence) FROM changes")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(last.flatten().map_or(0, |count| count.0))
}

fn changed(row: &Row<'_>) -> rusqlite::Result<Changed> {
    Ok(Changed {
        sequence: row.get::<_, Count>(0)?.0,
        kind: row.get(1)?,
        at: row.get::<_, Option<At>>(2)?.map(|at| at.0),
        run: row.get::<_, Option<Text<_>>>(3)?.map(|run| run.0),
        asset: row.get(4)?,
        schedule: row.get(5)?,
        state: row.get(6)?,
        version: row.get::<_, Option<Count>>(7)?.map(|version| version.0),
    })
}
