//! How all assets stand, in one look.

use std::collections::BTreeMap;

use millstream_core::asset::{AssetKey, AssetKind};
use millstream_core::clock::Timestamp;
use millstream_core::id::RunId;
use millstream_core::step::{CheckResult, StepStats};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::columns::{At, Count, Json, Text, Word};
use crate::error::Result;
use crate::ledger::Ledger;
use crate::records::{StepError, StepState};
use crate::versions::CURRENT;

/// How an asset stands.
#[derive(Debug, Clone, PartialEq)]
pub struct AssetStatus {
    /// Its current version.
    pub version: u64,
    /// When that was committed.
    pub at: Timestamp,
    /// The run that made it.
    pub run: RunId,
    /// Counts of the attempt that made it.
    pub stats: StepStats,
    /// Its checks.
    pub checks: Vec<CheckResult>,
}

/// The newest step of an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastStep {
    /// Its run.
    pub run: RunId,
    /// How it stands.
    pub state: StepState,
    /// Why it ran, or did not.
    pub reason: String,
    /// When it got there.
    pub at: Timestamp,
}

impl Ledger {
    /// The current versions of all assets that have one, without what only a step needs.
    pub fn asset_statuses(&self) -> Result<BTreeMap<AssetKey, AssetStatus>> {
        self.read(|connection| {
            let statuses = connection
                .prepare_cached(&format!(
                    "SELECT v.asset, v.version, v.at, v.run, v.stats, v.checks FROM {CURRENT}"
                ))?
                .query_map([], status)?
                .collect::<rusqlite::Result<_>>()?;
            Ok(statuses)
        })
    }

    /// The names of the assets of a kind that have a version.
    pub fn names_of(&self, kind: AssetKind) -> Result<Vec<String>> {
        let prefix = format!("{}:", kind.word());
        self.read(|connection| {
            let names = connection
                .prepare_cached(
                    "SELECT substr(asset, length(?1) + 1) FROM assets
                     WHERE asset >= ?1 AND substr(asset, 1, length(?1)) = ?1 AND version > 0",
                )?
                .query_map([&prefix], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(names)
        })
    }

    /// The newest step of each of these assets that ever had one.
    pub fn last_steps(&self, assets: &[&AssetKey]) -> Result<BTreeMap<AssetKey, LastStep>> {
        self.read(|connection| {
            let mut found = BTreeMap::new();
            for asset in assets {
                let last = last_step(connection, asset)?;
                found.extend(last.map(|last| ((*asset).clone(), last)));
            }
            Ok(found)
        })
    }

    /// When the runs began in which steps were last committed, by the asset each is named after.
    pub fn settled_since(&self) -> Result<BTreeMap<AssetKey, Timestamp>> {
        self.read(|connection| {
            let moments = connection
                .prepare_cached(
                    "SELECT s.asset, r.started_at FROM assets s
                     JOIN attempts a ON a.attempt = s.settled_by JOIN runs r ON r.run = a.run",
                )?
                .query_map([], |row| Ok((row.get::<_, Text<_>>(0)?.0, row.get::<_, At>(1)?.0)))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(moments)
        })
    }

    /// The error of the last attempt of a step.
    pub fn last_error(&self, run: RunId, asset: &AssetKey) -> Result<Option<StepError>> {
        self.read(|connection| {
            let found: Option<Option<Json<StepError>>> = connection
                .prepare_cached(
                    "SELECT error FROM attempts WHERE run = ?1 AND asset = ?2
                     ORDER BY number DESC, rowid DESC LIMIT 1",
                )?
                .query_row(params![Text(run), Text(asset)], |row| row.get(0))
                .optional()?;
            Ok(found.flatten().map(|error| error.0))
        })
    }
}

fn status(row: &Row<'_>) -> rusqlite::Result<(AssetKey, AssetStatus)> {
    let asset = row.get::<_, Text<_>>(0)?.0;
    let status = AssetStatus {
        version: row.get::<_, Count>(1)?.0,
        at: row.get::<_, At>(2)?.0,
        run: row.get::<_, Text<_>>(3)?.0,
        stats: row.get::<_, Json<_>>(4)?.0,
        checks: row.get::<_, Json<_>>(5)?.0,
    };
    Ok((asset, status))
}

fn last_step(connection: &Connection, asset: &AssetKey) -> Result<Option<LastStep>> {
    let last = connection
        .prepare_cached(
            "SELECT run, state, reason, at FROM steps WHERE asset = ?1 ORDER BY run DESC LIMIT 1",
        )?
        .query_row([Text(asset)], |row| {
            Ok(LastStep {
                run: row.get::<_, Text<_>>(0)?.0,
                state: row.get::<_, Word<_>>(1)?.0,
                reason: row.get(2)?,
                at: row.get::<_, At>(3)?.0,
            })
        })
        .optional()?;
    Ok(last)
}
