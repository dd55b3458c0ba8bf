//! Runs: begun, ended, and steps that had nothing to do.

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::id::RunId;
use millstream_core::step::{StepKind, StepSpec};
use rusqlite::{Connection, OptionalExtension, params};

use crate::audit::{Action, Deed, audit};
use crate::columns::{At, Json, Text, Word};
use crate::error::{LedgerError, Result};
use crate::fires::take_fire;
use crate::holder::Holder;
use crate::ledger::Ledger;
use crate::records::{RunCause, RunState, SkipState, StepState};
use crate::waits::{leave, leave_all};

impl Ledger {
    /// Records that a run of this process begins. Runs whose process died are marked interrupted.
    ///
    /// Fails with `ledger.fire_taken` if a schedule's run was started already.
    pub async fn begin_run(&self, cause: RunCause) -> Result<RunId> {
        let run = RunId::new();
        let now = self.now();
        self.write(move |connection| {
            mark_interrupted(connection)?;
            let holder = Holder::current(&cause.command);
            connection
                .prepare_cached(
                    "INSERT INTO runs (run, command, selection, plan, holder, state, started_at, by,
                                       trace_parent)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                )?
                .execute(params![
                    Text(run),
                    cause.command,
                    cause.selection,
                    Json(&cause.plan),
                    Json(&holder),
                    Word(RunState::Running),
                    At(now),
                    cause.by.as_ref().map(|by| by.name.as_str()),
                    cause.trace_parent.map(Text),
                ])?;
            audit(connection, cause.by.as_ref(), now, || {
                Deed::new(Action::RunStart, format!("run:{run}")).with(&cause.command)
            })?;
            if let Some(fire) = &cause.fire {
                take_fire(connection, fire, run)?;
            }
            Ok(run)
        })
        .await
    }

    /// Marks the runs whose process died as interrupted.
    pub async fn mark_interrupted(&self) -> Result<()> {
        self.write(mark_interrupted).await
    }

    /// Records how a run ended. A run that has ended keeps its first end.
    ///
    /// Fails with `ledger.protocol` if the state is not an end, or the run is unknown.
    pub async fn end_run(&self, run: RunId, state: RunState) -> Result<()> {
        if state == RunState::Running {
            return Err(LedgerError::protocol("a run cannot end as running"));
        }
        let now = self.now();
        self.write(move |connection| {
            expect_run(connection, run)?;
            connection
                .prepare_cached(
                    "UPDATE runs SET state = ?2, ended_at = ?3 WHERE run = ?1 AND ended_at IS NULL",
                )?
                .execute(params![Text(run), Word(state), At(now)])?;
            leave_all(connection, run)
        })
        .await
    }

    /// Asks the process of a run to stop it. Whether it does is seen in the run's state.
    ///
    /// Gives whether the run was at work.
    pub async fn ask_to_cancel(&self, run: RunId) -> Result<bool> {
        let (now, by) = (self.now(), self.actor());
        self.write(move |connection| {
            let asked = connection
                .prepare_cached(
                    "UPDATE runs SET cancel_asked_at = coalesce(cancel_asked_at, ?2)
                     WHERE run = ?1 AND state = 'running'",
                )?
                .execute(params![Text(run), At(now)])?;
            if asked == 1 {
                audit(connection, by.as_deref(), now, || {
                    Deed::new(Action::RunCancel, format!("run:{run}"))
                })?;
            }
            Ok(asked == 1)
        })
        .await
    }

    /// Whether somebody asked to stop the run.
    pub fn is_cancel_asked(&self, run: RunId) -> Result<bool> {
        self.read(|connection| {
            let asked = connection
                .prepare_cached("SELECT cancel_asked_at IS NOT NULL FROM runs WHERE run = ?1")?
                .query_row([Text(run)], |row| row.get(0))
                .optional()?;
            Ok(asked.unwrap_or(false))
        })
    }

    /// Records that a step of a run was not run, and why.
    pub async fn skip_step(
        &self,
        run: RunId,
        spec: &StepSpec,
        state: SkipState,
        reason: &str,
    ) -> Result<()> {
        self.skip_steps(run, vec![(spec.clone(), state, reason.to_owned())]).await
    }

    /// Records several steps that were not run, in one transaction.
    pub async fn skip_steps(
        &self,
        run: RunId,
        steps: Vec<(StepSpec, SkipState, String)>,
    ) -> Result<()> {
        let now = self.now();
        self.write(move |connection| {
            expect_run(connection, run)?;
            for (spec, state, reason) in &steps {
                let step = StepRow { run, kind: spec.kind, outputs: &spec.outputs, reason };
                record_step(connection, &step, (*state).into(), now)?;
                leave(connection, run, spec.asset())?;
            }
            Ok(())
        })
        .await
    }
}

/// A step as it is recorded.
pub(crate) struct StepRow<'a> {
    pub(crate) run: RunId,
    pub(crate) kind: StepKind,
    pub(crate) outputs: &'a [AssetKey],
    pub(crate) reason: &'a str,
}

/// Adds a step to its run, or gives it a new state.
pub(crate) fn record_step(
    connection: &Connection,
    step: &StepRow<'_>,
    state: StepState,
    now: Timestamp,
) -> Result<()> {
    let Some(asset) = step.outputs.first() else {
        return Err(LedgerError::protocol("a step writes nothing"));
    };
    connection
        .prepare_cached(
            "INSERT INTO steps (run, asset, kind, outputs, state, reason, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (run, asset) DO UPDATE
             SET state = excluded.state, reason = excluded.reason, at = excluded.at",
        )?
        .execute(params![
            Text(step.run),
            Text(asset),
            Word(step.kind),
            Json(step.outputs),
            Word(state),
            step.reason,
            At(now),
        ])?;
    Ok(())
}

/// Fails unless there is such a run.
pub(crate) fn expect_run(connection: &Connection, run: RunId) -> Result<()> {
    let found: Option<i64> = connection
        .prepare_cached("SELECT 1 FROM runs WHERE run = ?1")?
        .query_row([Text(run)], |row| row.get(0))
        .optional()?;
    match found {
        Some(_) => Ok(()),
        None => Err(LedgerError::protocol(format!("there is no run {run}"))),
    }
}

/// Marks the runs whose process died.
pub(crate) fn mark_interrupted(connection: &Connection) -> Result<()> {
    let running: Vec<(String, Holder)> = connection
        .prepare_cached("SELECT run, holder FROM runs WHERE state = 'running'")?
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, Json<Holder>>(1)?.0)))?
        .collect::<rusqlite::Result<_>>()?;
    for (run, holder) in running {
        if holder.is_dead() {
            connection
                .prepare_cached("UPDATE runs SET state = ?2 WHERE run = ?1")?
                .execute(params![run, Word(RunState::Interrupted)])?;
            connection.prepare_cached("DELETE FROM waits WHERE run = ?1")?.execute([run])?;
        }
    }
    Ok(())
}
