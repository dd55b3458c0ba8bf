//! Attempts that somebody left, and the right to finish them.

use std::collections::BTreeMap;
use std::time::Duration;

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::effect::EffectId;
use millstream_core::id::{AttemptId, RunId};
use millstream_core::step::{Staged, StepKind};
use rusqlite::{Connection, Row, params};

use crate::attempt::AttemptRow;
use crate::columns::{At, Count, Json, Text, Word};
use crate::error::Result;
use crate::holder::{Holder, is_gone};
use crate::lease::{LeaseEnd, Moment};
use crate::ledger::Ledger;
use crate::records::{Memo, StepState};

/// An attempt that nobody works on.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfinished {
    /// Its run.
    pub run: RunId,
    /// Its id; names its staging.
    pub attempt: AttemptId,
    /// Its number in the step, from 1.
    pub number: u32,
    /// The kind of work.
    pub kind: StepKind,
    /// What it was to write.
    pub outputs: Vec<AssetKey>,
    /// The effect id of each output.
    pub effects: BTreeMap<AssetKey, EffectId>,
    /// What decided that it ran.
    pub memo: Memo,
    /// What it was to publish; absent if it cannot have published anything.
    pub intent: Option<Staged>,
    /// Who held it.
    pub holder: Holder,
    /// When it was claimed.
    pub claimed_at: Timestamp,
}

/// Whether an attempt is ours to finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adoption {
    /// It is: commit or fail it.
    Adopted,
    /// It has ended, or somebody else has it.
    Gone,
}

impl Ledger {
    /// Attempts whose holder is dead, whose lease has run out or was taken over, or that were
    /// abandoned; the oldest first. Running attempts of this very handle are not among them: its
    /// process lives and knows what it does.
    pub fn unfinished(&self) -> Result<Vec<Unfinished>> {
        let at = self.moment();
        self.read(|connection| {
            let running: Vec<(Unfinished, LeaseEnd)> = connection
                .prepare_cached(
                    "SELECT attempt, run, number, kind, outputs, memo, intent, holder, claimed_at,
                            lease_until, lease_uptime
                     FROM attempts WHERE state = 'running' AND owner <> ?1 ORDER BY attempt",
                )?
                .query_map([self.owner()], |row| Ok((unfinished(row)?, lease_end(row)?)))?
                .collect::<rusqlite::Result<_>>()?;
            let mut left = Vec::new();
            for (mut attempt, end) in running {
                if is_gone(&attempt.holder, end, at) {
                    attempt.effects = effects(connection, attempt.attempt)?;
                    left.push(attempt);
                }
            }
            Ok(left)
        })
    }

    /// Takes over an attempt that somebody left, so that only one process finishes it.
    pub async fn adopt(
        &self,
        attempt: AttemptId,
        holder: &Holder,
        lease: Duration,
    ) -> Result<Adoption> {
        let at = self.moment();
        let end = at.after(lease);
        let owner = self.owner().to_owned();
        let holder = holder.clone();
        self.write(move |connection| {
            if !may_adopt(connection, attempt, &owner, at)? {
                return Ok(Adoption::Gone);
            }
            connection
                .prepare_cached(
                    "UPDATE attempts SET owner = ?2, holder = ?3, lease_until = ?4,
                                         lease_uptime = ?5
                     WHERE attempt = ?1",
                )?
                .execute(params![Text(attempt), owner, Json(&holder), At(end.until), end.uptime])?;
            Ok(Adoption::Adopted)
        })
        .await
    }

    /// Leaves an attempt of this handle to recovery: it may have published, and whether it did
    /// cannot be told now. Its outputs stay held until somebody adopts it, which may be this
    /// handle.
    ///
    /// Fails with `ledger.lease_lost` if another process took over.
    pub async fn abandon(&self, attempt: AttemptId) -> Result<()> {
        let now = self.now();
        let owner = self.owner().to_owned();
        self.write(move |connection| {
            AttemptRow::owned(connection, attempt, &owner)?;
            connection
                .prepare_cached(
                    "UPDATE attempts SET owner = '', lease_until = ?2, lease_uptime = 0
                     WHERE attempt = ?1",
                )?
                .execute(params![Text(attempt), At(now)])?;
            Ok(())
        })
        .await
    }
}

fn unfinished(row: &Row<'_>) -> rusqlite::Result<Unfinished> {
    Ok(Unfinished {
        attempt: row.get::<_, Text<_>>(0)?.0,
        run: row.get::<_, Text<_>>(1)?.0,
        number: row.get(2)?,
        kind: row.get::<_, Word<_>>(3)?.0,
        outputs: row.get::<_, Json<_>>(4)?.0,
        memo: row.get::<_, Json<_>>(5)?.0,
        intent: row.get::<_, Option<Json<_>>>(6)?.map(|intent| intent.0),
        holder: row.get::<_, Json<_>>(7)?.0,
        claimed_at: row.get::<_, At>(8)?.0,
        effects: BTreeMap::new(),
    })
}

/// The effect ids of an attempt.
fn effects(connection: &Connection, attempt: AttemptId) -> Result<BTreeMap<AssetKey, EffectId>> {
    let effects = connection
        .prepare_cached("SELECT asset, application, sequence FROM effects WHERE attempt = ?1")?
        .query_map([Text(attempt)], |row| {
            let effect = EffectId { application: row.get(1)?, sequence: row.get::<_, Count>(2)?.0 };
            Ok((row.get::<_, Text<_>>(0)?.0, effect))
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(effects)
}

fn may_adopt(connection: &Connection, attempt: AttemptId, owner: &str, at: Moment) -> Result<bool> {
    let row = AttemptRow::find(connection, attempt)?;
    if row.state != StepState::Running {
        return Ok(false);
    }
    if row.owner == owner {
        return Ok(true);
    }
    let (holder, end) = connection
        .prepare_cached(
            "SELECT holder, lease_until, lease_uptime FROM attempts WHERE attempt = ?1",
        )?
        .query_row([Text(attempt)], |row| {
            Ok((row.get::<_, Json<Holder>>(0)?.0, lease_end(row)?))
        })?;
    Ok(is_gone(&holder, end, at))
}

fn lease_end(row: &Row<'_>) -> rusqlite::Result<LeaseEnd> {
    let until = row.get::<_, At>("lease_until")?.0;
    Ok(LeaseEnd { until, uptime: row.get("lease_uptime")? })
}
