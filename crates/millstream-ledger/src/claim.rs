//! The first transaction of an attempt: leases on all that it will write, and the marks under which
//! it will publish.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use millstream_core::asset::{AssetKey, AssetKind};
use millstream_core::clock::Timestamp;
use millstream_core::effect::EffectId;
use millstream_core::execution::Share;
use millstream_core::id::{AttemptId, RunId};
use millstream_core::partition::PartitionKey;
use millstream_core::step::StepKind;
use rusqlite::{Connection, OptionalExtension, params};

use crate::admission::Wait;
use crate::columns::{At, Count, Json, Text, Word};
use crate::error::{LedgerError, Result};
use crate::holder::{Holder, Progress, Standing, standing};
use crate::lease::{LeaseEnd, Moment};
use crate::ledger::Ledger;
use crate::records::{Memo, StepState};
use crate::runs::{StepRow, expect_run, record_step};
use crate::waits::{enter, hold};

/// An attempt that wants to begin.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// Its run.
    pub run: RunId,
    /// Its id, used for nothing before.
    pub attempt: AttemptId,
    /// Its number in the step, from 1.
    pub number: u32,
    /// The kind of work.
    pub kind: StepKind,
    /// What it will write; the first is the asset that the step is named after.
    pub outputs: Vec<AssetKey>,
    /// The process that works.
    pub holder: Holder,
    /// The highest sequence that the target of each output has seen; 0 for those not named.
    pub target_sequences: BTreeMap<AssetKey, u64>,
    /// What decided that it runs; becomes the memo of what it publishes.
    pub memo: Memo,
    /// Why it runs, for people.
    pub reason: String,
    /// How long the leases last unless renewed.
    pub lease: Duration,
    /// What it must have of pools and mutexes.
    pub shares: Vec<Share>,
    /// Among steps that wait, the lower priority waits for the higher.
    pub priority: i32,
    /// Among those of the same priority, the one that is due first begins first.
    pub due_at: Option<Timestamp>,
    /// The partition that it makes, of an asset that is divided.
    pub partition: Option<PartitionKey>,
}

/// Whether an attempt may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// It may.
    Claimed(Claim),
    /// Another attempt holds one of the outputs. Nothing was recorded.
    Held {
        /// The output.
        asset: AssetKey,
        /// Who holds it.
        by: Holder,
        /// Since when.
        since: Timestamp,
        /// For which attempt.
        attempt: AttemptId,
        /// `Working`, or `NeedsRecovery`: then it appears in [`Ledger::unfinished`], and waiting
        /// without recovering it is in vain.
        standing: Standing,
    },
    /// A pool or a mutex has no place for it, or others come first. The step is recorded as
    /// waiting, in its place among those that wait; [`Ledger::admitted`] tells when to claim again.
    Waits(Wait),
}

/// An attempt that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The effect id of each output.
    pub effects: BTreeMap<AssetKey, EffectId>,
    /// The moment of the claim; `now()` of the step.
    pub claimed_at: Timestamp,
}

/// Whether an attempt still has its leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// It has, for as long again.
    Kept,
    /// Another attempt took an output over, or another process the attempt.
    Lost,
}

impl Ledger {
    /// Takes leases on all outputs, gives out their next sequences and records the attempt, or
    /// says who is in the way. A lease whose holder is gone is taken over, unless its attempt may
    /// have published.
    ///
    /// A power cut may lose a claim that no intent has followed, and with it the sequences that it
    /// gave out: nothing was published under them.
    pub async fn claim(&self, request: ClaimRequest) -> Result<ClaimOutcome> {
        let at = self.moment();
        let now = at.now;
        let owner = self.owner().to_owned();
        let environment = self.environment().to_owned();
        self.write_ahead(move |connection| {
            expect_outputs(&request.outputs)?;
            expect_run(connection, request.run)?;
            let places = request.outputs.iter().map(|output| request.place(output));
            if let Some(held) = free_leases(connection, places, &owner, at)? {
                return Ok(held);
            }
            if let Some(wait) = enter(connection, &request, &owner, at)? {
                return Ok(ClaimOutcome::Waits(wait));
            }
            record_attempt(connection, &request, &owner, at)?;
            hold(connection, &request)?;
            let mut effects = BTreeMap::new();
            for asset in &request.outputs {
                let effect = next_effect(connection, &request, asset, &environment)?;
                take_lease(connection, &request.place(asset), request.attempt, now)?;
                effects.insert(asset.clone(), effect);
            }
            Ok(ClaimOutcome::Claimed(Claim { effects, claimed_at: now }))
        })
        .await
    }

    /// Keeps the leases of an attempt of this handle for as long again, counted from now. A lease
    /// that has run out is kept too if nobody has taken it.
    pub async fn renew(&self, attempt: AttemptId, lease: Duration) -> Result<Renewal> {
        let end = self.moment().after(lease);
        let owner = self.owner().to_owned();
        self.write_ahead(move |connection| {
            let renewed = connection
                .prepare_cached(
                    "UPDATE attempts SET lease_until = ?3, lease_uptime = ?4
                     WHERE attempt = ?1 AND owner = ?2 AND state = 'running'",
                )?
                .execute(params![Text(attempt), owner, At(end.until), end.uptime])?;
            Ok(if renewed == 1 { Renewal::Kept } else { Renewal::Lost })
        })
        .await
    }
}

impl ClaimRequest {
    /// That which one attempt has at a time, for an output of this one: the output, or, of a step
    /// that runs once for each item of a list, its item. The partitions of a table have one writer.
    pub(crate) fn place(&self, output: &AssetKey) -> AssetKey {
        place_of(output, self.partition.as_ref())
    }
}

/// The place of a step among those that wait, and what it has a lease on: itself, or its item.
pub fn place_of(asset: &AssetKey, partition: Option<&PartitionKey>) -> AssetKey {
    match partition {
        Some(item) if asset.kind == AssetKind::Step => {
            AssetKey::step(&format!("{}[{item}]", asset.name))
        }
        _ => asset.clone(),
    }
}

fn expect_outputs(outputs: &[AssetKey]) -> Result<()> {
    let distinct: BTreeSet<_> = outputs.iter().collect();
    if outputs.is_empty() || distinct.len() != outputs.len() {
        return Err(LedgerError::protocol("an attempt needs outputs, each named once"));
    }
    Ok(())
}

/// Removes the leases that are free; says which one is not.
fn free_leases(
    connection: &Connection,
    places: impl Iterator<Item = AssetKey>,
    owner: &str,
    at: Moment,
) -> Result<Option<ClaimOutcome>> {
    let mut free = Vec::new();
    for asset in places {
        let Some(lease) = find_lease(connection, &asset)? else { continue };
        match standing(lease.end, &lease.holder, lease.progress, at) {
            Standing::Free => free.push(lease.attempt),
            standing => {
                // An attempt of this very handle is not for others to recover.
                let standing = if lease.owner == owner { Standing::Working } else { standing };
                return Ok(Some(ClaimOutcome::Held {
                    asset,
                    by: lease.holder,
                    since: lease.since,
                    attempt: lease.attempt,
                    standing,
                }));
            }
        }
    }
    for attempt in free {
        tracing::warn!(%attempt, "lease of a process that is gone taken over");
        take_over(connection, attempt, at.now)?;
    }
    Ok(None)
}

/// Leaves an attempt without its leases. It stays open until recovery has removed its staging; its
/// former holder, should it wake up, can no longer write.
fn take_over(connection: &Connection, attempt: AttemptId, now: Timestamp) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE attempts SET owner = '', lease_until = min(lease_until, ?2), lease_uptime = 0
             WHERE attempt = ?1",
        )?
        .execute(params![Text(attempt), At(now)])?;
    release(connection, attempt)
}

/// Gives up all leases of an attempt, and what it has of pools and mutexes.
pub(crate) fn release(connection: &Connection, attempt: AttemptId) -> Result<()> {
    connection.prepare_cached("DELETE FROM leases WHERE attempt = ?1")?.execute([Text(attempt)])?;
    connection.prepare_cached("DELETE FROM holds WHERE attempt = ?1")?.execute([Text(attempt)])?;
    Ok(())
}

struct Lease {
    attempt: AttemptId,
    owner: String,
    holder: Holder,
    since: Timestamp,
    end: LeaseEnd,
    progress: Progress,
}

fn find_lease(connection: &Connection, asset: &AssetKey) -> Result<Option<Lease>> {
    let lease = connection
        .prepare_cached(
            "SELECT attempt, holder, since, lease_until, intended_at IS NOT NULL, owner,
                    lease_uptime
             FROM leases JOIN attempts USING (attempt) WHERE leases.asset = ?1",
        )?
        .query_row([Text(asset)], |row| {
            Ok(Lease {
                attempt: row.get::<_, Text<_>>(0)?.0,
                holder: row.get::<_, Json<_>>(1)?.0,
                since: row.get::<_, At>(2)?.0,
                end: LeaseEnd { until: row.get::<_, At>(3)?.0, uptime: row.get(6)? },
                owner: row.get(5)?,
                progress: if row.get(4)? { Progress::Intended } else { Progress::Claimed },
            })
        })
        .optional()?;
    Ok(lease)
}

fn take_lease(
    connection: &Connection,
    asset: &AssetKey,
    attempt: AttemptId,
    now: Timestamp,
) -> Result<()> {
    connection
        .prepare_cached("INSERT INTO leases (asset, attempt, since) VALUES (?1, ?2, ?3)")?
        .execute(params![Text(asset), Text(attempt), At(now)])?;
    Ok(())
}

fn record_attempt(
    connection: &Connection,
    request: &ClaimRequest,
    owner: &str,
    at: Moment,
) -> Result<()> {
    let (now, end) = (at.now, at.after(request.lease));
    let ClaimRequest { run, kind, outputs, reason, .. } = request;
    let step = StepRow { run: *run, kind: *kind, outputs, reason };
    record_step(connection, &step, StepState::Running, now)?;
    connection
        .prepare_cached(
            "INSERT INTO attempts (attempt, run, asset, number, kind, outputs, state, reason, memo,
                                   holder, owner, lease_until, claimed_at, partition,
                                   lease_uptime)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?
        .execute(params![
            Text(request.attempt),
            Text(run),
            Text(&outputs[0]),
            request.number,
            Word(kind),
            Json(outputs),
            Word(StepState::Running),
            reason,
            Json(&request.memo),
            Json(&request.holder),
            owner,
            At(end.until),
            At(now),
            request.partition.as_ref().map(PartitionKey::as_str),
            end.uptime,
        ])?;
    Ok(())
}

/// Gives out the next sequence of an asset: above all that the ledger ever gave out and above what
/// the target has seen, which can be more when the ledger was restored from a backup.
fn next_effect(
    connection: &Connection,
    request: &ClaimRequest,
    asset: &AssetKey,
    environment: &str,
) -> Result<EffectId> {
    let seen = request.target_sequences.get(asset).copied().unwrap_or(0);
    let sequence: u64 = connection
        .prepare_cached(
            "INSERT INTO assets (asset, sequence) VALUES (?1, ?2 + 1)
             ON CONFLICT (asset) DO UPDATE SET sequence = max(sequence, ?2) + 1
             RETURNING sequence",
        )?
        .query_row(params![Text(asset), Count(seen)], |row| Ok(row.get::<_, Count>(0)?.0))?;
    let partition = request.partition.as_ref().map_or("", PartitionKey::as_str);
    let application = EffectId::application(environment, asset, partition);
    let effect = EffectId { application, sequence };
    connection
        .prepare_cached(
            "INSERT INTO effects (attempt, asset, application, sequence) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            Text(request.attempt),
            Text(asset),
            effect.application,
            Count(effect.sequence)
        ])?;
    Ok(effect)
}
