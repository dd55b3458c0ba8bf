//! Steps that wait for pools and mutexes, and attempts that have something of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::id::RunId;
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, Row, params};

use crate::admission::{Occupant, Rank, Wait, Waiter, admitted, wait_of, wanted};
use crate::claim::ClaimRequest;
use crate::columns::{At, Json, Text};
use crate::error::Result;
use crate::holder::Holder;
use crate::lease::{LeaseEnd, Moment};
use crate::ledger::Ledger;
use crate::records::StepState;
use crate::runs::{StepRow, record_step};

impl Ledger {
    /// The waiting steps, of all processes, that may claim now.
    pub fn admitted(&self) -> Result<BTreeSet<(RunId, AssetKey)>> {
        let at = self.moment();
        self.read(|connection| {
            let waiters = waiters(connection, at)?;
            if waiters.is_empty() {
                return Ok(BTreeSet::new());
            }
            Ok(admitted(&occupants(connection, at)?, &waiters))
        })
    }

    /// Keeps the places of this handle's waiting steps for as long again.
    pub async fn keep_waiting(&self, lease: Duration) -> Result<()> {
        let end = self.moment().after(lease);
        let owner = self.owner().to_owned();
        self.write_ahead(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE waits SET lease_until = ?2, lease_uptime = ?3 WHERE owner = ?1",
                )?
                .execute(params![owner, At(end.until), end.uptime])?;
            Ok(())
        })
        .await
    }
}

/// Lets an attempt in, or gives its step a place among those that wait.
pub(crate) fn enter(
    connection: &Connection,
    request: &ClaimRequest,
    owner: &str,
    at: Moment,
) -> Result<Option<Wait>> {
    let Some(asset) = request.outputs.first().filter(|_| !request.shares.is_empty()) else {
        return Ok(None);
    };
    let asset = &request.place(asset);
    let mut waiters = waiters(connection, at)?;
    let place = waiters.iter().position(|it| it.run == request.run && it.asset == *asset);
    let since = place.map_or(at.now, |place| waiters.swap_remove(place).rank.since());
    let me = Waiter {
        run: request.run,
        asset: asset.clone(),
        rank: Rank::new(request.priority, request.due_at, since),
        shares: request.shares.clone(),
    };
    waiters.push(me.clone());
    let wait = wait_of(&me, &occupants(connection, at)?, &waiters);
    match &wait {
        None => leave(connection, request.run, asset)?,
        Some(wait) => line_up(connection, request, wait, owner, since, at)?,
    }
    Ok(wait)
}

/// Writes down what an attempt has.
pub(crate) fn hold(connection: &Connection, request: &ClaimRequest) -> Result<()> {
    for share in &request.shares {
        connection
            .prepare_cached("INSERT INTO holds (attempt, resource, slots) VALUES (?1, ?2, ?3)")?
            .execute(params![Text(request.attempt), Json(&share.resource), wanted(share)])?;
    }
    Ok(())
}

/// Gives up the place of a step among those that wait.
pub(crate) fn leave(connection: &Connection, run: RunId, asset: &AssetKey) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM waits WHERE run = ?1 AND asset = ?2")?
        .execute(params![Text(run), Text(asset)])?;
    Ok(())
}

/// Gives up the places of all steps of a run.
pub(crate) fn leave_all(connection: &Connection, run: RunId) -> Result<()> {
    connection.prepare_cached("DELETE FROM waits WHERE run = ?1")?.execute([Text(run)])?;
    Ok(())
}

fn line_up(
    connection: &Connection,
    request: &ClaimRequest,
    wait: &Wait,
    owner: &str,
    since: Timestamp,
    at: Moment,
) -> Result<()> {
    let end = at.after(request.lease);
    let ClaimRequest { run, kind, outputs, .. } = request;
    let reason = wait.to_string();
    let step = StepRow { run: *run, kind: *kind, outputs, reason: &reason };
    record_step(connection, &step, StepState::Waiting, at.now)?;
    connection
        .prepare_cached(
            "INSERT INTO waits (run, asset, shares, priority, due_at, since, holder, owner,
                                lease_until, lease_uptime)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (run, asset) DO UPDATE
             SET lease_until = excluded.lease_until, lease_uptime = excluded.lease_uptime",
        )?
        .execute(params![
            Text(run),
            Text(request.place(&outputs[0])),
            Json(&request.shares),
            request.priority,
            request.due_at.map(At),
            At(since),
            Json(&request.holder),
            owner,
            At(end.until),
            end.uptime,
        ])?;
    Ok(())
}

/// What living attempts have.
fn occupants(connection: &Connection, at: Moment) -> Result<Vec<Occupant>> {
    let mut living = Living::at(at);
    let found = connection
        .prepare_cached(
            "SELECT attempts.run, attempts.asset, resource, slots, holder, lease_until,
                    lease_uptime
             FROM holds JOIN attempts USING (attempt) WHERE attempts.state = 'running'
             ORDER BY attempt",
        )?
        .query_map([], |row| {
            if !living.has(&row.get::<_, String>(4)?, lease_end(row, 5)?)? {
                return Ok(None);
            }
            Ok(Some(Occupant {
                run: row.get::<_, Text<_>>(0)?.0,
                asset: row.get::<_, Text<_>>(1)?.0,
                resource: row.get::<_, Json<_>>(2)?.0,
                slots: row.get(3)?,
            }))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// The waiting steps of living processes.
fn waiters(connection: &Connection, at: Moment) -> Result<Vec<Waiter>> {
    let mut living = Living::at(at);
    let found = connection
        .prepare_cached(
            "SELECT run, asset, shares, priority, due_at, since, holder, lease_until, lease_uptime
             FROM waits",
        )?
        .query_map([], |row| {
            if !living.has(&row.get::<_, String>(6)?, lease_end(row, 7)?)? {
                return Ok(None);
            }
            let due_at = row.get::<_, Option<At>>(4)?.map(|at| at.0);
            Ok(Some(Waiter {
                run: row.get::<_, Text<_>>(0)?.0,
                asset: row.get::<_, Text<_>>(1)?.0,
                shares: row.get::<_, Json<_>>(2)?.0,
                rank: Rank::new(row.get(3)?, due_at, row.get::<_, At>(5)?.0),
            }))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// The end of a lease in two columns.
fn lease_end(row: &Row<'_>, first: usize) -> rusqlite::Result<LeaseEnd> {
    Ok(LeaseEnd { until: row.get::<_, At>(first)?.0, uptime: row.get(first + 1)? })
}

/// Which holders live, each looked at once.
struct Living {
    at: Moment,
    holders: BTreeMap<String, (Holder, bool)>,
}

impl Living {
    fn at(at: Moment) -> Self {
        Self { at, holders: BTreeMap::new() }
    }

    /// Whether somebody works under this lease.
    fn has(&mut self, holder: &str, end: LeaseEnd) -> rusqlite::Result<bool> {
        if !self.holders.contains_key(holder) {
            let read: Holder = serde_json::from_str(holder).map_err(FromSqlError::other)?;
            let is_dead = read.is_dead();
            self.holders.insert(holder.to_owned(), (read, is_dead));
        }
        let (read, is_dead) = &self.holders[holder];
        Ok(!is_dead && !end.has_come(read, self.at))
    }
}
