//! The versions of assets: what is current, what was, and from what it was made.

use std::collections::BTreeMap;

use millstream_core::clock::Timestamp;
use millstream_core::id::{AttemptId, RunId};
use millstream_core::step::{CheckResult, InputVersion, Previous, Receipt, StepStats};
use millstream_core::{AssetKey, ContentHash};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use serde::Serialize;
use serde_json::Value;

use crate::columns::{At, Count, Json, Text};
use crate::error::Result;
use crate::ledger::Ledger;
use crate::records::Memo;

/// A version of an asset.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AssetVersion {
    /// The asset.
    pub asset: AssetKey,
    /// The version, from 1 without gaps.
    pub version: u64,
    /// The sequence of the effect that published it; may skip.
    pub sequence: u64,
    /// The memo key under which it is up to date.
    pub memo_key: ContentHash,
    /// The definition under which it is up to date.
    pub definition: ContentHash,
    /// The basis on which it is up to date.
    pub basis: ContentHash,
    /// The fingerprint of the outside at which it is up to date.
    pub probe: Option<ContentHash>,
    /// The versions of the inputs from which it was made.
    pub inputs: Vec<InputVersion>,
    /// Where the next attempt goes on.
    pub checkpoint: Option<Value>,
    /// What the target answered.
    pub receipt: Receipt,
    /// Counts.
    pub stats: StepStats,
    /// Results of the checks.
    pub checks: Vec<CheckResult>,
    /// One line for people.
    pub note: Option<String>,
    /// The run that made it.
    pub run: RunId,
    /// The attempt that made it.
    pub attempt: AttemptId,
    /// When it was committed.
    pub at: Timestamp,
    /// Set when a later attempt found nothing to publish: memo key, definition, basis, probe and
    /// checkpoint above are then that attempt's, all else is of the attempt that made the version.
    pub rekeyed: Option<Rekeyed>,
}

impl AssetVersion {
    /// The version whose rows these are: an earlier one, if this was made only to keep the same
    /// rows in other files or with other comments. What reads the asset goes by it.
    pub fn rows_version(&self) -> u64 {
        self.receipt.rows_of().unwrap_or(self.version)
    }
}

/// What decides about a step.
#[derive(Debug, Clone, PartialEq)]
pub struct BeforeStep {
    /// The current versions of its inputs and of what it makes, as far as they have one.
    pub versions: BTreeMap<AssetKey, AssetVersion>,
    /// What its last committed attempt saw.
    pub memo: Option<Memo>,
    /// What it left for its next attempt.
    pub previous: Previous,
}

/// How long a step takes, and how fresh what it makes is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepTimes {
    /// Microseconds that the attempts took which published a version, the newest first.
    pub took: Vec<i64>,
    /// When the run began in which the step was last committed.
    pub as_of: Option<Timestamp>,
}

/// An attempt that found a version still good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rekeyed {
    /// The attempt.
    pub attempt: AttemptId,
    /// When it was committed.
    pub at: Timestamp,
    /// The versions of the inputs that it read.
    pub inputs: Vec<InputVersion>,
}

impl Ledger {
    /// The current version of an asset.
    pub fn current(&self, asset: &AssetKey) -> Result<Option<AssetVersion>> {
        self.read(|connection| current(connection, asset))
    }

    /// The current versions of all assets.
    pub fn all_current(&self) -> Result<BTreeMap<AssetKey, AssetVersion>> {
        let versions = self.read(|connection| select_from(connection, CURRENT, "", []))?;
        Ok(versions.into_iter().map(|version| (version.asset.clone(), version)).collect())
    }

    /// The versions of an asset, the newest first.
    pub fn history(&self, asset: &AssetKey, limit: usize) -> Result<Vec<AssetVersion>> {
        self.read(|connection| {
            select(
                connection,
                "WHERE v.asset = ?1 ORDER BY v.version DESC LIMIT ?2",
                params![Text(asset), Count(limit as u64)],
            )
        })
    }

    /// The versions of an asset that came before one, the newest first.
    pub fn history_before(
        &self,
        asset: &AssetKey,
        before: u64,
        limit: usize,
    ) -> Result<Vec<AssetVersion>> {
        let before = i64::try_from(before).unwrap_or(i64::MAX);
        self.read(|connection| {
            select(
                connection,
                "WHERE v.asset = ?1 AND v.version < ?2 ORDER BY v.version DESC LIMIT ?3",
                params![Text(asset), before, Count(limit as u64)],
            )
        })
    }

    /// One version of an asset.
    pub fn version(&self, asset: &AssetKey, version: u64) -> Result<Option<AssetVersion>> {
        self.read(|connection| find_version(connection, asset, version))
    }

    /// What the step of an asset left for its next attempt. A step may have left a definition and
    /// a checkpoint without ever having published a version.
    pub fn previous(&self, asset: &AssetKey) -> Result<Previous> {
        self.read(|connection| match current(connection, asset)? {
            Some(version) => Ok(left_by(&version)),
            None => Ok(settled(connection, asset)?.0),
        })
    }

    /// What decides about the step of an asset that reads these, all of one state of the ledger.
    pub fn before_step<'a>(
        &self,
        inputs: impl Iterator<Item = &'a AssetKey>,
        asset: &'a AssetKey,
    ) -> Result<BeforeStep> {
        self.read(|connection| {
            let mut versions = BTreeMap::new();
            for read in inputs.chain([asset]) {
                versions.extend(current(connection, read)?.map(|version| (read.clone(), version)));
            }
            let (settled, memo) = settled(connection, asset)?;
            let previous = versions.get(asset).map_or(settled, left_by);
            Ok(BeforeStep { versions, memo, previous })
        })
    }

    /// How long the step of an asset took, and how fresh it is.
    pub fn step_times(&self, asset: &AssetKey, limit: usize) -> Result<StepTimes> {
        self.read(|connection| {
            let took = connection
                .prepare_cached(
                    "SELECT a.ended_at - a.claimed_at
                     FROM versions v JOIN attempts a ON a.attempt = v.attempt
                     WHERE v.asset = ?1 AND a.ended_at IS NOT NULL
                     ORDER BY v.version DESC LIMIT ?2",
                )?
                .query_map(params![Text(asset), Count(limit as u64)], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            let as_of = connection
                .prepare_cached(
                    "SELECT r.started_at FROM assets s
                     JOIN attempts a ON a.attempt = s.settled_by JOIN runs r ON r.run = a.run
                     WHERE s.asset = ?1",
                )?
                .query_row([Text(asset)], |row| Ok(row.get::<_, At>(0)?.0))
                .optional()?;
            Ok(StepTimes { took, as_of })
        })
    }

    /// What the last committed attempt of the step of an asset saw.
    pub fn memo(&self, asset: &AssetKey) -> Result<Option<Memo>> {
        self.read(|connection| Ok(settled(connection, asset)?.1))
    }

    /// What the last committed attempt of every step saw, by the asset after which the step is
    /// named. Has an entry also for a step that has never published a version, so that it need
    /// not run again while nothing changes.
    pub fn memos(&self) -> Result<BTreeMap<AssetKey, Memo>> {
        self.read(|connection| {
            let memos = connection
                .prepare_cached("SELECT asset, memo FROM assets WHERE memo IS NOT NULL")?
                .query_map([], |row| {
                    Ok((row.get::<_, Text<_>>(0)?.0, row.get::<_, Json<_>>(1)?.0))
                })?
                .collect::<rusqlite::Result<_>>()?;
            Ok(memos)
        })
    }
}

/// What a version left for the next attempt of its step.
fn left_by(version: &AssetVersion) -> Previous {
    Previous {
        version: version.version,
        definition: Some(version.definition),
        checkpoint: version.checkpoint.clone(),
        receipt: Some(version.receipt.clone()),
    }
}

/// What a step left that has not published a version yet, and what its last attempt saw.
fn settled(connection: &Connection, asset: &AssetKey) -> Result<(Previous, Option<Memo>)> {
    let settled = connection
        .prepare_cached("SELECT memo, checkpoint FROM assets WHERE asset = ?1")?
        .query_row([Text(asset)], |row| {
            let memo: Option<Json<Memo>> = row.get(0)?;
            let checkpoint: Option<Json<Value>> = row.get(1)?;
            Ok((memo.map(|memo| memo.0), checkpoint.map(|checkpoint| checkpoint.0)))
        })
        .optional()?;
    let (memo, checkpoint) = settled.unwrap_or_default();
    let definition = memo.as_ref().map(|memo| memo.definition);
    Ok((Previous { version: 0, definition, checkpoint, receipt: None }, memo))
}

/// The current version of an asset.
pub(crate) fn current(connection: &Connection, asset: &AssetKey) -> Result<Option<AssetVersion>> {
    let found = select_from(connection, CURRENT, "WHERE a.asset = ?1", [Text(asset)])?;
    Ok(found.into_iter().next())
}

/// One version of an asset.
pub(crate) fn find_version(
    connection: &Connection,
    asset: &AssetKey,
    version: u64,
) -> Result<Option<AssetVersion>> {
    let found = select(
        connection,
        "WHERE v.asset = ?1 AND v.version = ?2",
        params![Text(asset), Count(version)],
    )?;
    Ok(found.into_iter().next())
}

/// The versions that an attempt made, in the order in which it published them.
pub(crate) fn of_attempt(connection: &Connection, attempt: AttemptId) -> Result<Vec<AssetVersion>> {
    select(connection, "WHERE v.attempt = ?1 ORDER BY v.rowid", [Text(attempt)])
}

/// All versions, with what the asset has of the current one.
const ALL: &str = "versions v LEFT JOIN assets a ON a.asset = v.asset AND a.version = v.version";
/// The current versions. A plain join would read all of them in turn.
pub(crate) const CURRENT: &str =
    "assets a CROSS JOIN versions v ON v.asset = a.asset AND v.version = a.version";

fn select(
    connection: &Connection,
    rest: &str,
    parameters: impl Params,
) -> Result<Vec<AssetVersion>> {
    select_from(connection, ALL, rest, parameters)
}

fn select_from(
    connection: &Connection,
    versions: &str,
    rest: &str,
    parameters: impl Params,
) -> Result<Vec<AssetVersion>> {
    let versions = connection
        .prepare_cached(&format!(
            "SELECT v.asset, v.version, v.sequence, v.memo, v.checkpoint, v.receipt, v.stats,
                    v.checks, v.note, v.run, v.attempt, v.at,
                    a.memo AS settled_memo, a.checkpoint AS settled_checkpoint, a.settled_by,
                    a.settled_at
             FROM {versions} {rest}"
        ))?
        .query_map(parameters, version)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(versions)
}

fn version(row: &Row<'_>) -> rusqlite::Result<AssetVersion> {
    let made_with: Memo = row.get::<_, Json<_>>(3)?.0;
    let mut version = AssetVersion {
        asset: row.get::<_, Text<_>>(0)?.0,
        version: row.get::<_, Count>(1)?.0,
        sequence: row.get::<_, Count>(2)?.0,
        memo_key: made_with.key,
        definition: made_with.definition,
        basis: made_with.basis,
        probe: made_with.probe,
        inputs: made_with.inputs,
        checkpoint: row.get::<_, Option<Json<_>>>(4)?.map(|checkpoint| checkpoint.0),
        receipt: row.get::<_, Json<_>>(5)?.0,
        stats: row.get::<_, Json<_>>(6)?.0,
        checks: row.get::<_, Json<_>>(7)?.0,
        note: row.get(8)?,
        run: row.get::<_, Text<_>>(9)?.0,
        attempt: row.get::<_, Text<_>>(10)?.0,
        at: row.get::<_, At>(11)?.0,
        rekeyed: None,
    };
    let settled_by: Option<Text<AttemptId>> = row.get(14)?;
    if let Some(Text(attempt)) = settled_by
        && attempt != version.attempt
    {
        rekey(&mut version, attempt, row)?;
    }
    Ok(version)
}

fn rekey(version: &mut AssetVersion, attempt: AttemptId, row: &Row<'_>) -> rusqlite::Result<()> {
    let memo: Memo = row.get::<_, Json<_>>(12)?.0;
    version.memo_key = memo.key;
    version.definition = memo.definition;
    version.basis = memo.basis;
    version.probe = memo.probe;
    version.checkpoint = row.get::<_, Option<Json<_>>>(13)?.map(|checkpoint| checkpoint.0);
    let at = row.get::<_, At>(15)?.0;
    version.rekeyed = Some(Rekeyed { attempt, at, inputs: memo.inputs });
    Ok(())
}
