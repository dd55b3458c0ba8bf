//! Makes the partitions of a backfill, some at a time, each time by a run like any other.
//!
//! Which partitions are still to be made is in the ledger alone. A process that dies leaves the
//! run that it was driving; who goes on with the backfill recovers that, and sees by the attempts of
//! the run which partitions are done.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use millstream_core::crash;
use millstream_core::error::Result;
use millstream_core::id::BackfillId;
use millstream_core::trace::TraceParent;
use millstream_ledger::{Actor, Backfill, BackfillPart, BackfillState, Ledger, PartState};
use tokio_util::sync::CancellationToken;

use crate::execute::{Executor, RunRequest};
use crate::open_run::Begun;
use crate::partitions::Asked;
use crate::plan::Due;
use crate::report::Progress;

/// Partitions that one run makes.
const PARTS_OF_A_RUN: usize = 64;
/// How often it is looked whether somebody paused or cancelled it.
const LOOK: Duration = Duration::from_millis(100);

/// For whom a backfill goes on.
#[derive(Debug, Clone, Default)]
pub struct Asker {
    /// Who asks for it.
    pub by: Option<Actor>,
    /// What its runs belong to.
    pub trace_parent: Option<TraceParent>,
}

/// Makes what is left of a backfill that this process has, until nothing is, somebody pauses or
/// cancels it, or nothing succeeds any more. Gives how it stands then. `cancel` stops it as a pause
/// does, but does not wait for what is being made.
pub async fn drive(
    executor: &Executor,
    id: BackfillId,
    asker: &Asker,
    cancel: &CancellationToken,
    mut watcher: impl FnMut(Progress) + Send,
) -> Result<Backfill> {
    let ledger = executor.ledger();
    executor.recover().await?;
    ledger.settle_parts(id).await?;
    while !cancel.is_cancelled() {
        let Some(before) = ledger.backfill(id)?.filter(|it| it.state == BackfillState::Running)
        else {
            break;
        };
        let parts = ledger.backfill_parts(id, Some(PartState::Pending), PARTS_OF_A_RUN)?;
        if parts.is_empty() {
            break;
        }
        make(executor, &before, &parts, asker, cancel, &mut watcher).await?;
        ledger.settle_parts(id).await?;
        crash::point("backfill.run.settled");
        let has_succeeded = ledger
            .backfill(id)?
            .is_some_and(|after| after.count(PartState::Done) > before.count(PartState::Done));
        if !has_succeeded {
            break;
        }
    }
    Ok(ledger.leave_backfill(id).await?)
}

/// Makes some partitions in one run.
async fn make(
    executor: &Executor,
    backfill: &Backfill,
    parts: &[BackfillPart],
    asker: &Asker,
    cancel: &CancellationToken,
    watcher: &mut (impl FnMut(Progress) + Send),
) -> Result<()> {
    let mut asked = Asked::new();
    for part in parts {
        asked.entry(part.asset.clone()).or_default().push(part.partition.clone());
    }
    let selected: BTreeSet<_> = asked.keys().cloned().collect();
    let hold = CancellationToken::new();
    let request = RunRequest {
        selection: Some(backfill.selection.clone()),
        refresh: backfill.pace.refresh,
        due: Due::Always,
        partitions: asked,
        hold: hold.clone(),
        by: asker.by.clone(),
        trace_parent: asker.trace_parent,
        ..RunRequest::new(format!("backfill {}", backfill.backfill.short()), selected)
    };
    let cancel = cancel.child_token();
    let executor = executor.clone().with_parallel_steps(backfill.pace.parallel);
    let ledger = executor.ledger().clone();
    let Begun::Run(run) = executor.begin(&request, &cancel).await? else { return Ok(()) };
    let positions = parts.iter().map(|part| part.position).collect();
    ledger.begin_parts(backfill.backfill, run.id(), positions).await?;
    crash::point("backfill.run.begun");
    let driven = run.drive(watcher);
    tokio::select! {
        report = driven => report.map(|_| ()),
        never = obey(&ledger, backfill.backfill, &hold, &cancel) => match never {},
    }
}

/// Stops the run when somebody pauses or cancels the backfill, in whatever process.
async fn obey(
    ledger: &Ledger,
    id: BackfillId,
    hold: &CancellationToken,
    cancel: &CancellationToken,
) -> Infallible {
    loop {
        match ledger.backfill(id).ok().flatten().map(|backfill| backfill.state) {
            Some(BackfillState::Paused) => hold.cancel(),
            Some(BackfillState::Cancelled) => cancel.cancel(),
            // What cannot be read now is read the next time.
            _ => {}
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Stops a backfill for good. If its process is gone, what that left is settled here.
pub async fn cancel(executor: &Executor, id: BackfillId) -> Result<()> {
    let ledger = executor.ledger();
    ledger.cancel_backfill(id).await?;
    let holder = ledger.backfill(id)?.and_then(|backfill| backfill.holder);
    if holder.is_none_or(|holder| holder.is_dead()) {
        executor.recover().await?;
        ledger.settle_parts(id).await?;
        ledger.leave_backfill(id).await?;
    }
    Ok(())
}
