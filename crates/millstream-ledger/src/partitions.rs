//! The partitions of assets: what made each last, and how it went.

use std::collections::BTreeMap;

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::id::{AttemptId, RunId};
use millstream_core::partition::PartitionKey;
use millstream_core::step::Staged;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde_json::Value;

use crate::attempt::AttemptRow;
use crate::columns::{At, Count, Json, Text, Word};
use crate::error::Result;
use crate::ledger::Ledger;
use crate::records::{Memo, StepError, StepState};

/// A partition as the last committed attempt left it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PartitionRecord {
    /// The version of the asset that changed its rows last, 0 if it never had any.
    pub version: u64,
    /// The sequence of the effect that did.
    pub sequence: u64,
    /// Its rows, as they were written.
    pub rows: u64,
    /// What that attempt saw.
    pub memo: Memo,
    /// The attempt.
    pub attempt: AttemptId,
    /// When it was committed.
    pub at: Timestamp,
}

/// How the last attempt on a partition stands, committed or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastAttempt {
    /// How it stands.
    pub state: StepState,
    /// Its run.
    pub run: RunId,
    /// What went wrong.
    pub error: Option<StepError>,
}

impl LastAttempt {
    /// Whether it ended without making the partition.
    pub fn has_failed(&self) -> bool {
        matches!(self.state, StepState::Failed | StepState::Refused | StepState::TimedOut)
    }
}

/// What making a partition took, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PartitionHistory {
    /// From claim to commit, in microseconds.
    pub micros: u64,
    /// Rows written.
    pub rows: u64,
}

impl Ledger {
    /// The partitions of an asset that were ever made, by their names.
    pub fn partitions(&self, asset: &AssetKey) -> Result<BTreeMap<PartitionKey, PartitionRecord>> {
        self.read(|connection| {
            let records = connection
                .prepare_cached(
                    "SELECT partition, version, sequence, rows, memo, settled_by, settled_at
                     FROM partitions WHERE asset = ?1",
                )?
                .query_map([Text(asset)], |row| {
                    let record = PartitionRecord {
                        version: row.get::<_, Count>(1)?.0,
                        sequence: row.get::<_, Count>(2)?.0,
                        rows: row.get::<_, Count>(3)?.0,
                        memo: row.get::<_, Json<_>>(4)?.0,
                        attempt: row.get::<_, Text<_>>(5)?.0,
                        at: row.get::<_, At>(6)?.0,
                    };
                    Ok((PartitionKey::new(row.get::<_, String>(0)?), record))
                })?
                .collect::<rusqlite::Result<_>>()?;
            Ok(records)
        })
    }

    /// The sequence of the attempt that made a partition last, 0 if none did.
    pub fn partition_sequence(&self, asset: &AssetKey, partition: &PartitionKey) -> Result<u64> {
        self.read(|connection| {
            let sequence: Option<Count> = connection
                .prepare_cached(
                    "SELECT sequence FROM partitions WHERE asset = ?1 AND partition = ?2",
                )?
                .query_row(params![Text(asset), partition.as_str()], |row| row.get(0))
                .optional()?;
            Ok(sequence.map_or(0, |sequence| sequence.0))
        })
    }

    /// What the items of a step gave that gave something, each when it was done last.
    pub fn item_results(&self, asset: &AssetKey) -> Result<BTreeMap<PartitionKey, Value>> {
        self.read(|connection| {
            let results = connection
                .prepare_cached(
                    "SELECT p.partition, a.intent -> '$.result'
                     FROM partitions p JOIN attempts a ON a.attempt = p.settled_by
                     WHERE p.asset = ?1 AND a.intent -> '$.result' IS NOT NULL",
                )?
                .query_map([Text(asset)], |row| {
                    let key = PartitionKey::new(row.get::<_, String>(0)?);
                    Ok((key, row.get::<_, Json<Value>>(1)?.0))
                })?
                .collect::<rusqlite::Result<_>>()?;
            Ok(results)
        })
    }

    /// How the last attempt on each partition of an asset stands.
    pub fn last_attempts(&self, asset: &AssetKey) -> Result<BTreeMap<PartitionKey, LastAttempt>> {
        self.read(|connection| {
            let attempts = connection
                .prepare_cached(
                    // Of the row with the greatest id: `SQLite` gives the other columns of it.
                    "SELECT partition, state, run, error, max(attempt) FROM attempts
                     WHERE asset = ?1 AND partition IS NOT NULL GROUP BY partition",
                )?
                .query_map([Text(asset)], |row| {
                    let last = LastAttempt {
                        state: row.get::<_, Word<_>>(1)?.0,
                        run: row.get::<_, Text<_>>(2)?.0,
                        error: row.get::<_, Option<Json<_>>>(3)?.map(|error| error.0),
                    };
                    Ok((PartitionKey::new(row.get::<_, String>(0)?), last))
                })?
                .collect::<rusqlite::Result<_>>()?;
            Ok(attempts)
        })
    }

    /// What making partitions of an asset took, the latest first.
    pub fn partition_history(
        &self,
        asset: &AssetKey,
        limit: usize,
    ) -> Result<Vec<PartitionHistory>> {
        self.read(|connection| {
            let history = connection
                .prepare_cached(
                    "SELECT a.ended_at - a.claimed_at, p.rows
                     FROM partitions p JOIN attempts a ON a.attempt = p.settled_by
                     WHERE p.asset = ?1 AND a.ended_at IS NOT NULL
                     ORDER BY p.settled_at DESC LIMIT ?2",
                )?
                .query_map(params![Text(asset), Count(limit as u64)], |row| {
                    let micros: i64 = row.get(0)?;
                    let micros = u64::try_from(micros).unwrap_or(0);
                    Ok(PartitionHistory { micros, rows: row.get::<_, Count>(1)?.0 })
                })?
                .collect::<rusqlite::Result<_>>()?;
            Ok(history)
        })
    }

    /// Records that partitions were looked at again and found to be as their inputs say.
    pub async fn recall_partitions(
        &self,
        asset: &AssetKey,
        memos: Vec<(PartitionKey, Memo)>,
    ) -> Result<()> {
        let asset = asset.clone();
        self.write_ahead(move |connection| {
            for (partition, memo) in &memos {
                connection
                    .prepare_cached(
                        "UPDATE partitions SET memo = ?3 WHERE asset = ?1 AND partition = ?2",
                    )?
                    .execute(params![Text(&asset), partition.as_str(), Json(memo)])?;
            }
            Ok(())
        })
        .await
    }

    /// Gives a step that makes several partitions the state that all of them together have.
    pub async fn conclude_step(
        &self,
        run: RunId,
        asset: &AssetKey,
        state: StepState,
        reason: &str,
    ) -> Result<()> {
        let (now, asset, reason) = (self.now(), asset.clone(), reason.to_owned());
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE steps SET state = ?3, reason = ?4, at = ?5
                     WHERE run = ?1 AND asset = ?2",
                )?
                .execute(params![Text(run), Text(&asset), Word(state), reason, At(now)])?;
            Ok(())
        })
        .await
    }
}

/// Records on its partition what a committed attempt saw. One that published nothing leaves the
/// version that the partition had.
pub(crate) fn settle_partition(
    connection: &Connection,
    row: &AttemptRow,
    intent: &Staged,
    now: Timestamp,
) -> Result<()> {
    let Some(partition) = &row.partition else { return Ok(()) };
    let asset = row.asset()?;
    let published = intent.targets.iter().any(|target| target.asset == *asset);
    connection
        .prepare_cached(
            "INSERT INTO partitions (asset, partition, version, sequence, rows, memo, settled_by,
                                     settled_at)
             SELECT ?1, ?2, iif(?3, assets.version, 0), effects.sequence, ?4, ?5, ?6, ?7
             FROM assets JOIN effects USING (asset)
             WHERE assets.asset = ?1 AND effects.attempt = ?6
             ON CONFLICT (asset, partition) DO UPDATE
             SET version = iif(?3, excluded.version, version), sequence = excluded.sequence,
                 rows = excluded.rows, memo = excluded.memo, settled_by = excluded.settled_by,
                 settled_at = excluded.settled_at",
        )?
        .execute(params![
            Text(asset),
            partition.as_str(),
            published,
            Count(intent.stats.rows_out),
            Json(&row.memo),
            Text(row.attempt),
            At(now),
        ])?;
    Ok(())
}
