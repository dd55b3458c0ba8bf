//! What happened: lists of runs, and one run in full.

use std::collections::BTreeMap;

use millstream_core::asset::{AssetKey, AssetKind};
use millstream_core::id::RunId;
use millstream_core::partition::PartitionKey;
use millstream_core::step::{InputVersion, Receipt};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use crate::approvals::asked_in;
use crate::columns::{At, Count, Json, Text, Word};
use crate::error::{LedgerError, Result};
use crate::ledger::Ledger;
use crate::records::{AttemptDetail, RunDetail, RunState, RunSummary, StepDetail, StepState};

impl Ledger {
    /// The latest runs, the newest first.
    pub fn runs(&self, limit: usize) -> Result<Vec<RunSummary>> {
        self.read(|connection| {
            let mut runs: Vec<RunSummary> = connection
                .prepare_cached(&format!("{SUMMARY} ORDER BY run DESC LIMIT ?1"))?
                .query_map([Count(limit as u64)], summary)?
                .collect::<rusqlite::Result<_>>()?;
            for run in &mut runs {
                complete(connection, run)?;
            }
            Ok(runs)
        })
    }

    /// A run with its steps and all their attempts.
    pub fn run(&self, run: RunId) -> Result<Option<RunDetail>> {
        self.read(|connection| {
            let found = connection
                .prepare_cached(&format!("{SUMMARY} WHERE run = ?1"))?
                .query_row([Text(run)], |row| {
                    Ok((summary(row)?, row.get::<_, Json<Value>>("plan")?.0))
                })
                .optional()?;
            let Some((mut summary, plan)) = found else { return Ok(None) };
            complete(connection, &mut summary)?;
            Ok(Some(RunDetail { summary, plan, steps: steps(connection, run)? }))
        })
    }

    /// The run whose id begins or ends with these digits.
    ///
    /// Fails with `ledger.ambiguous_run` if there are several.
    pub fn find_run(&self, prefix_or_suffix: &str) -> Result<Option<RunId>> {
        let part = prefix_or_suffix.trim().replace('-', "").to_ascii_lowercase();
        if part.is_empty() || !part.chars().all(|digit| digit.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let found: Vec<RunId> = self.read(|connection| {
            let found = connection
                .prepare_cached(
                    "SELECT run FROM runs WHERE run GLOB ?1 || '*' OR run GLOB '*' || ?1 LIMIT 2",
                )?
                .query_map([&part], |row| Ok(row.get::<_, Text<RunId>>(0)?.0))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(found)
        })?;
        match found.as_slice() {
            [] => Ok(None),
            [run] => Ok(Some(*run)),
            _ => Err(LedgerError::AmbiguousRun { part: prefix_or_suffix.to_owned() }),
        }
    }
}

const SUMMARY: &str =
    "SELECT run, command, selection, plan, holder, state, started_at, ended_at FROM runs";

fn summary(row: &Row<'_>) -> rusqlite::Result<RunSummary> {
    Ok(RunSummary {
        run: row.get::<_, Text<_>>("run")?.0,
        command: row.get("command")?,
        selection: row.get("selection")?,
        state: row.get::<_, Word<_>>("state")?.0,
        holder: row.get::<_, Json<_>>("holder")?.0,
        started_at: row.get::<_, At>("started_at")?.0,
        ended_at: row.get::<_, Option<At>>("ended_at")?.map(|at| at.0),
        counts: BTreeMap::new(),
    })
}

/// Adds what is not in the row: the counts, and whether the process still lives.
fn complete(connection: &Connection, run: &mut RunSummary) -> Result<()> {
    run.counts = connection
        .prepare_cached("SELECT state, count(*) FROM steps WHERE run = ?1 GROUP BY state")?
        .query_map([Text(run.run)], |row| {
            Ok((row.get::<_, Word<StepState>>(0)?.0, row.get::<_, Count>(1)?.0))
        })?
        .collect::<rusqlite::Result<_>>()?;
    if run.state == RunState::Running && run.holder.is_dead() {
        run.state = RunState::Interrupted;
    }
    Ok(())
}

fn steps(connection: &Connection, run: RunId) -> Result<Vec<StepDetail>> {
    let mut steps: Vec<StepDetail> = connection
        .prepare_cached(
            "SELECT asset, kind, outputs, state, reason FROM steps WHERE run = ?1 ORDER BY rowid",
        )?
        .query_map([Text(run)], |row| {
            Ok(StepDetail {
                asset: row.get::<_, Text<_>>(0)?.0,
                kind: row.get::<_, Word<_>>(1)?.0,
                outputs: row.get::<_, Json<_>>(2)?.0,
                state: row.get::<_, Word<_>>(3)?.0,
                reason: row.get(4)?,
                started_at: None,
                ended_at: None,
                attempts: Vec::new(),
                approval: None,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let asked = asked_in(connection, run)?;
    for step in &mut steps {
        step.approval = asked.iter().find(|asked| asked.asset == step.asset).cloned();
        step.attempts = attempts(connection, run, &step.asset)?;
        step.started_at = step.attempts.first().map(|attempt| attempt.claimed_at);
        step.ended_at = step.attempts.last().and_then(|attempt| attempt.ended_at);
    }
    Ok(steps)
}

pub(crate) fn attempts(
    connection: &Connection,
    run: RunId,
    asset: &AssetKey,
) -> Result<Vec<AttemptDetail>> {
    let mut attempts: Vec<AttemptDetail> = connection
        .prepare_cached(
            "SELECT attempt, number, state, reason, holder, claimed_at, intended_at, ended_at,
                    stats, checks, note, error, partition
             FROM attempts WHERE run = ?1 AND asset = ?2 ORDER BY number, rowid",
        )?
        .query_map(params![Text(run), Text(asset)], attempt)?
        .collect::<rusqlite::Result<_>>()?;
    for attempt in &mut attempts {
        attempt.published = connection
            .prepare_cached(
                "SELECT asset, version FROM versions WHERE attempt = ?1 ORDER BY rowid",
            )?
            .query_map([Text(attempt.attempt)], |row| {
                Ok(InputVersion {
                    asset: row.get::<_, Text<_>>(0)?.0,
                    version: row.get::<_, Count>(1)?.0,
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
        attempt.result = result(connection, attempt, asset)?;
    }
    Ok(attempts)
}

fn attempt(row: &Row<'_>) -> rusqlite::Result<AttemptDetail> {
    Ok(AttemptDetail {
        attempt: row.get::<_, Text<_>>("attempt")?.0,
        number: row.get("number")?,
        partition: row.get::<_, Option<String>>("partition")?.map(PartitionKey::new),
        state: row.get::<_, Word<_>>("state")?.0,
        reason: row.get("reason")?,
        holder: row.get::<_, Json<_>>("holder")?.0,
        claimed_at: row.get::<_, At>("claimed_at")?.0,
        intended_at: row.get::<_, Option<At>>("intended_at")?.map(|at| at.0),
        ended_at: row.get::<_, Option<At>>("ended_at")?.map(|at| at.0),
        stats: row.get::<_, Option<Json<_>>>("stats")?.map(|stats| stats.0).unwrap_or_default(),
        checks: row.get::<_, Option<Json<_>>>("checks")?.map(|checks| checks.0).unwrap_or_default(),
        note: row.get("note")?,
        error: row.get::<_, Option<Json<_>>>("error")?.map(|error| error.0),
        published: Vec::new(),
        result: None,
    })
}

/// What an attempt has given to the steps behind it. Only steps of the kind that is named after
/// nothing else give something.
fn result(
    connection: &Connection,
    attempt: &AttemptDetail,
    asset: &AssetKey,
) -> Result<Option<Value>> {
    if asset.kind != AssetKind::Step {
        return Ok(None);
    }
    let receipt: Option<Option<Json<Receipt>>> = connection
        .prepare_cached("SELECT receipt FROM effects WHERE attempt = ?1 AND asset = ?2")?
        .query_row(params![Text(attempt.attempt), Text(asset)], |row| row.get(0))
        .optional()?;
    if let Some(result) = receipt.flatten().and_then(|receipt| receipt.0.result().cloned()) {
        return Ok(Some(result));
    }
    let of_item: Option<Json<Value>> = connection
        .prepare_cached(
            "SELECT intent -> '$.result' FROM attempts
             WHERE attempt = ?1 AND state = 'succeeded' AND partition IS NOT NULL",
        )?
        .query_row([Text(attempt.attempt)], |row| row.get(0))
        .optional()?
        .flatten();
    Ok(of_item.map(|result| result.0))
}
