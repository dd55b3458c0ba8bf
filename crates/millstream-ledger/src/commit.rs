//! The last transaction of an attempt: what was published becomes current, all at once.

use std::collections::BTreeMap;

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::id::AttemptId;
use millstream_core::step::{Receipt, Staged};
use rusqlite::{Connection, params};

use crate::aliases::{Change, Move, record_move};
use crate::attempt::{AttemptRow, intend};
use crate::catalog::names_change;
use crate::columns::{At, Count, Json, Text};
use crate::error::{LedgerError, Result};
use crate::ledger::Ledger;
use crate::partitions::settle_partition;
use crate::records::StepState;
use crate::versions::{AssetVersion, of_attempt};

/// Who moves an alias that a step moves.
const GATE: &str = "gate";

impl Ledger {
    /// Makes what an attempt of this handle has published current: one receipt for every target of
    /// its intent. Versions, checkpoint, memo, alias, the end of the attempt and of its leases
    /// are one transaction. Gives the new versions, again the same for an attempt that is
    /// committed already.
    ///
    /// If the intent has no target for the asset after which the step is named, that asset keeps
    /// its version, and the memo (and the checkpoint, if one was staged) takes the place of the
    /// former, so that the next run has nothing to do.
    ///
    /// Fails with `ledger.lease_lost` if another process recovers or has recovered the attempt,
    /// and with `ledger.protocol` if there is no intent or the receipts do not fit it.
    pub async fn commit(
        &self,
        attempt: AttemptId,
        receipts: Vec<(AssetKey, Receipt)>,
    ) -> Result<Vec<AssetVersion>> {
        let now = self.now();
        let owner = self.owner().to_owned();
        self.write(move |connection| commit(connection, attempt, &owner, receipts, now)).await
    }

    /// The same where recovery finds what was published at its targets: durable before anything
    /// that is written after it, and made again if a power cut takes it.
    pub async fn commit_ahead(
        &self,
        attempt: AttemptId,
        receipts: Vec<(AssetKey, Receipt)>,
    ) -> Result<Vec<AssetVersion>> {
        let now = self.now();
        let owner = self.owner().to_owned();
        self.write_ahead(move |connection| commit(connection, attempt, &owner, receipts, now)).await
    }

    /// Intent and commit at once, of what is over when it is told: both are durable, or neither is
    /// there. Gives the new versions, again the same for an attempt that is committed already.
    pub async fn commit_at_once(
        &self,
        attempt: AttemptId,
        staged: &Staged,
        receipts: Vec<(AssetKey, Receipt)>,
    ) -> Result<Vec<AssetVersion>> {
        self.write(self.at_once(attempt, staged, receipts)).await
    }

    /// The same of what is published by being in the ledger: durable before anything that is
    /// written after it.
    pub async fn commit_at_once_ahead(
        &self,
        attempt: AttemptId,
        staged: &Staged,
        receipts: Vec<(AssetKey, Receipt)>,
    ) -> Result<Vec<AssetVersion>> {
        self.write_ahead(self.at_once(attempt, staged, receipts)).await
    }

    fn at_once(
        &self,
        attempt: AttemptId,
        staged: &Staged,
        receipts: Vec<(AssetKey, Receipt)>,
    ) -> impl FnOnce(&Connection) -> Result<Vec<AssetVersion>> + Send + 'static {
        let now = self.now();
        let owner = self.owner().to_owned();
        let staged = staged.clone();
        move |connection| {
            if AttemptRow::find(connection, attempt)?.state == StepState::Succeeded {
                return of_attempt(connection, attempt);
            }
            intend(connection, attempt, &owner, &staged, now)?;
            commit(connection, attempt, &owner, receipts, now)
        }
    }

    /// The versions that an attempt has made, if it is committed.
    pub fn committed(&self, attempt: AttemptId) -> Result<Option<Vec<AssetVersion>>> {
        self.read(|connection| {
            let row = AttemptRow::find(connection, attempt)?;
            match row.state {
                StepState::Succeeded => of_attempt(connection, attempt).map(Some),
                _ => Ok(None),
            }
        })
    }
}

fn commit(
    connection: &Connection,
    attempt: AttemptId,
    owner: &str,
    receipts: Vec<(AssetKey, Receipt)>,
    now: Timestamp,
) -> Result<Vec<AssetVersion>> {
    let row = AttemptRow::find(connection, attempt)?;
    if row.state == StepState::Succeeded {
        return of_attempt(connection, attempt);
    }
    if row.state != StepState::Running {
        return Err(LedgerError::LeaseLost { attempt });
    }
    row.expect_owner(owner)?;
    let Some(intent) = &row.intent else {
        return Err(LedgerError::protocol("a commit needs an intent"));
    };
    let receipts = in_order(intent, receipts)?;
    for (asset, receipt) in &receipts {
        add_version(connection, &row, intent, asset, receipt, now)?;
    }
    settle(connection, &row, intent, now)?;
    settle_partition(connection, &row, intent, now)?;
    move_alias(connection, intent, now)?;
    if !receipts.is_empty() {
        names_change(connection)?;
    }
    row.end(connection, StepState::Succeeded, Some(intent), now)?;
    of_attempt(connection, attempt)
}

/// The receipts in the order of the targets, one for each.
fn in_order(
    intent: &Staged,
    receipts: Vec<(AssetKey, Receipt)>,
) -> Result<Vec<(AssetKey, Receipt)>> {
    let given = receipts.len();
    let mut by_asset: BTreeMap<AssetKey, Receipt> = receipts.into_iter().collect();
    let mut ordered = Vec::with_capacity(given);
    for target in &intent.targets {
        let receipt = by_asset.remove(&target.asset).ok_or_else(|| {
            LedgerError::protocol(format!("there is no receipt of {}", target.asset))
        })?;
        ordered.push((target.asset.clone(), receipt));
    }
    if given != ordered.len() {
        return Err(LedgerError::protocol("there are more receipts than targets"));
    }
    Ok(ordered)
}

/// Adds the next version of an asset. All outputs say from what they were made; checkpoint, counts
/// and checks belong to the asset after which the step is named.
fn add_version(
    connection: &Connection,
    row: &AttemptRow,
    intent: &Staged,
    asset: &AssetKey,
    receipt: &Receipt,
    now: Timestamp,
) -> Result<()> {
    let bare = Staged::default();
    let shown = if asset == row.asset()? { intent } else { &bare };
    connection
        .prepare_cached("UPDATE effects SET receipt = ?3 WHERE attempt = ?1 AND asset = ?2")?
        .execute(params![Text(row.attempt), Text(asset), Json(receipt)])?;
    // What an earlier step of this name settled does not speak for the new version.
    connection
        .prepare_cached(
            "UPDATE assets SET version = version + 1, memo = NULL, checkpoint = NULL,
                               settled_by = NULL, settled_at = NULL
             WHERE asset = ?1",
        )?
        .execute([Text(asset)])?;
    connection
        .prepare_cached(
            "INSERT INTO versions (asset, version, sequence, memo, checkpoint, receipt, stats,
                                   checks, note, run, attempt, at)
             SELECT ?2, assets.version, effects.sequence, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?1, ?10
             FROM assets JOIN effects USING (asset)
             WHERE assets.asset = ?2 AND effects.attempt = ?1",
        )?
        .execute(params![
            Text(row.attempt),
            Text(asset),
            Json(&row.memo),
            shown.checkpoint.as_ref().map(Json),
            Json(receipt),
            Json(shown.stats),
            Json(&shown.checks),
            shown.note,
            Text(row.run),
            At(now),
        ])?;
    Ok(())
}

/// Records on the asset of the step what this attempt saw. A checkpoint that was not staged anew
/// stays, unless a new version was made without one.
fn settle(
    connection: &Connection,
    row: &AttemptRow,
    intent: &Staged,
    now: Timestamp,
) -> Result<()> {
    let asset = row.asset()?;
    let published = intent.targets.iter().any(|target| target.asset == *asset);
    let kept = if published { "NULL" } else { CHECKPOINT_BEFORE };
    connection
        .prepare_cached(&format!(
            "UPDATE assets SET memo = ?2, checkpoint = coalesce(?3, {kept}), settled_by = ?4,
                               settled_at = ?5
             WHERE asset = ?1"
        ))?
        .execute(params![
            Text(asset),
            Json(&row.memo),
            intent.checkpoint.as_ref().map(Json),
            Text(row.attempt),
            At(now),
        ])?;
    Ok(())
}

/// The checkpoint that the asset had, settled or made with its version.
const CHECKPOINT_BEFORE: &str = "checkpoint, (SELECT v.checkpoint FROM versions v
     WHERE v.asset = assets.asset AND v.version = assets.version)";

/// Moves the alias that the step asks for to the model's current version, which is the new one if
/// the step made one.
fn move_alias(connection: &Connection, intent: &Staged, now: Timestamp) -> Result<()> {
    let Some(alias) = &intent.alias else { return Ok(()) };
    let asset = AssetKey::model(&alias.model);
    let version: Count = connection
        .prepare_cached("SELECT coalesce(max(version), 0) FROM assets WHERE asset = ?1")?
        .query_row([Text(&asset)], |row| row.get(0))?;
    let wanted = Move {
        model: &alias.model,
        alias: &alias.alias,
        version: version.0,
        change: Change::Moved,
        by: GATE,
        reason: &alias.reason,
    };
    record_move(connection, &wanted, now)?;
    Ok(())
}
