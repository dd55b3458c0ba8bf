//! An attempt on its way: its intent, its failure, and the rules that both must keep.

use std::collections::BTreeSet;

use millstream_core::asset::{AssetKey, AssetKind};
use millstream_core::clock::Timestamp;
use millstream_core::id::{AttemptId, RunId};
use millstream_core::partition::PartitionKey;
use millstream_core::step::Staged;
use rusqlite::{Connection, OptionalExtension, params};

use crate::claim::release;
use crate::columns::{At, Json, Text, Word};
use crate::error::{LedgerError, Result};
use crate::ledger::Ledger;
use crate::records::{FailState, Memo, StepError, StepState};

impl Ledger {
    /// Records what an attempt of this handle will publish, before it publishes anything. From
    /// then on only recovery may follow it.
    ///
    /// Fails with `ledger.lease_lost` if another process took over.
    pub async fn intend(&self, attempt: AttemptId, staged: &Staged) -> Result<()> {
        let now = self.now();
        let owner = self.owner().to_owned();
        let staged = staged.clone();
        self.write(move |connection| intend(connection, attempt, &owner, &staged, now)).await
    }

    /// Records that an attempt of this handle ended without a publication and gives its leases
    /// up. Give what was staged, if anything, so that its checks and counts can be read. An
    /// attempt that has failed before is left as it is.
    ///
    /// An attempt with an intent may only fail when nothing of it is at its targets; if that
    /// cannot be told, [`abandon`](Ledger::abandon) it.
    ///
    /// Fails with `ledger.lease_lost` if another process recovers or has recovered it, and with
    /// `ledger.protocol` if it is committed.
    pub async fn fail(
        &self,
        attempt: AttemptId,
        error: &StepError,
        state: FailState,
        staged: Option<&Staged>,
    ) -> Result<()> {
        let now = self.now();
        let owner = self.owner().to_owned();
        let (error, staged) = (error.clone(), staged.cloned());
        self.write(move |connection| {
            let row = AttemptRow::find(connection, attempt)?;
            match row.state {
                StepState::Running => row.expect_owner(&owner)?,
                StepState::Succeeded => {
                    return Err(LedgerError::protocol("a committed attempt cannot fail"));
                }
                _ => return Ok(()),
            }
            row.end(connection, state.into(), staged.as_ref().or(row.intent.as_ref()), now)?;
            connection
                .prepare_cached("UPDATE attempts SET error = ?2 WHERE attempt = ?1")?
                .execute(params![Text(attempt), Json(&error)])?;
            Ok(())
        })
        .await
    }
}

/// Records what a running attempt of this owner will publish.
pub(crate) fn intend(
    connection: &Connection,
    attempt: AttemptId,
    owner: &str,
    staged: &Staged,
    now: Timestamp,
) -> Result<()> {
    let row = AttemptRow::owned(connection, attempt, owner)?;
    row.expect_targets(staged)?;
    match &row.intent {
        Some(intent) if intent == staged => return Ok(()),
        Some(_) => return Err(LedgerError::protocol("an intent cannot be changed")),
        None => {}
    }
    connection
        .prepare_cached("UPDATE attempts SET intent = ?2, intended_at = ?3 WHERE attempt = ?1")?
        .execute(params![Text(attempt), Json(staged), At(now)])?;
    Ok(())
}

/// An attempt as it stands in the ledger.
#[derive(Debug)]
pub(crate) struct AttemptRow {
    pub(crate) attempt: AttemptId,
    pub(crate) run: RunId,
    pub(crate) outputs: Vec<AssetKey>,
    pub(crate) state: StepState,
    pub(crate) owner: String,
    pub(crate) memo: Memo,
    pub(crate) intent: Option<Staged>,
    pub(crate) partition: Option<PartitionKey>,
}

impl AttemptRow {
    /// Reads an attempt.
    pub(crate) fn find(connection: &Connection, attempt: AttemptId) -> Result<Self> {
        connection
            .prepare_cached(
                "SELECT run, outputs, state, owner, memo, intent, partition
                 FROM attempts WHERE attempt = ?1",
            )?
            .query_row([Text(attempt)], |row| {
                Ok(Self {
                    attempt,
                    run: row.get::<_, Text<_>>(0)?.0,
                    outputs: row.get::<_, Json<_>>(1)?.0,
                    state: row.get::<_, Word<_>>(2)?.0,
                    owner: row.get(3)?,
                    memo: row.get::<_, Json<_>>(4)?.0,
                    intent: row.get::<_, Option<Json<_>>>(5)?.map(|intent| intent.0),
                    partition: row.get::<_, Option<String>>(6)?.map(PartitionKey::new),
                })
            })
            .optional()?
            .ok_or_else(|| LedgerError::protocol(format!("there is no attempt {attempt}")))
    }

    /// Reads an attempt that must be running in the hands of this owner.
    pub(crate) fn owned(connection: &Connection, attempt: AttemptId, owner: &str) -> Result<Self> {
        let row = Self::find(connection, attempt)?;
        if row.state != StepState::Running {
            return Err(LedgerError::LeaseLost { attempt });
        }
        row.expect_owner(owner)?;
        Ok(row)
    }

    /// Fails unless this owner has it.
    pub(crate) fn expect_owner(&self, owner: &str) -> Result<()> {
        if self.owner == owner {
            Ok(())
        } else {
            Err(LedgerError::LeaseLost { attempt: self.attempt })
        }
    }

    /// The asset after which the step is named.
    pub(crate) fn asset(&self) -> Result<&AssetKey> {
        self.outputs.first().ok_or_else(|| LedgerError::Damaged {
            detail: format!("attempt {} has no outputs", self.attempt),
        })
    }

    /// What is published must be among the outputs, each once.
    fn expect_targets(&self, staged: &Staged) -> Result<()> {
        let targets: BTreeSet<_> = staged.targets.iter().map(|target| &target.asset).collect();
        let known = targets.iter().all(|asset| self.outputs.contains(asset));
        if known && targets.len() == staged.targets.len() {
            return Ok(());
        }
        Err(LedgerError::protocol("targets must be outputs of the attempt, each named once"))
    }

    /// Ends the attempt and its step in a state, and gives its leases up.
    pub(crate) fn end(
        &self,
        connection: &Connection,
        state: StepState,
        staged: Option<&Staged>,
        now: Timestamp,
    ) -> Result<()> {
        connection
            .prepare_cached(
                "UPDATE attempts SET state = ?2, ended_at = ?3, stats = ?4, checks = ?5, note = ?6
                 WHERE attempt = ?1",
            )?
            .execute(params![
                Text(self.attempt),
                Word(state),
                At(now),
                staged.map(|staged| Json(staged.stats)),
                staged.map(|staged| Json(&staged.checks)),
                staged.and_then(|staged| staged.note.as_deref()),
            ])?;
        let is_item = self.partition.is_some() && self.asset()?.kind == AssetKind::Step;
        // Only the latest attempt speaks for the step: a dead one may be recovered after it. Nor
        // does the latest while others work on other items.
        connection
            .prepare_cached(
                "UPDATE steps SET state = ?3, at = ?4 WHERE run = ?1 AND asset = ?2 AND ?5 =
                 (SELECT attempt FROM attempts WHERE run = ?1 AND asset = ?2
                  ORDER BY number DESC, rowid DESC LIMIT 1)
                 AND NOT (?6 AND EXISTS (SELECT 1 FROM attempts
                                         WHERE state = 'running' AND +run = ?1 AND +asset = ?2))",
            )?
            .execute(params![
                Text(self.run),
                Text(self.asset()?),
                Word(state),
                At(now),
                Text(self.attempt),
                is_item,
            ])?;
        release(connection, self.attempt)
    }
}
