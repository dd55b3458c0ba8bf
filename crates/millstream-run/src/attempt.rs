//! One attempt of one step: claim, run into staging, intent, publish, commit.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use millstream_core::asset::{AssetKey, AssetKind};
use millstream_core::catalog::Catalog;
use millstream_core::clock::Timestamp;
use millstream_core::crash;
use millstream_core::effect::EffectId;
use millstream_core::error::{Error, Fault, Plain, Result, Retry};
use millstream_core::flow::Results;
use millstream_core::id::{AttemptId, RunId};
use millstream_core::partition::PartitionKey;
use millstream_core::slot::Slot;
use millstream_core::step::{
    Attempt, CheckOutcome, Evidence, Receipt, Refresh, Staged, Step, Target,
};
use millstream_core::trace::TraceParent;
use millstream_ledger::{
    AssetVersion, Claim, ClaimOutcome, ClaimRequest, FailState, Holder, Ledger, LedgerError, Memo,
    Renewal, StepError, Wait,
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::error::RunError;
use crate::logs::{Logs, RunLog};
use crate::recover::{Former, settle};
use crate::turn::Turns;

/// Who works, for whom, and until when.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) ledger: Ledger,
    pub(crate) run: RunId,
    pub(crate) holder: Holder,
    pub(crate) lease: Duration,
    pub(crate) refresh: Refresh,
    /// When steps have to begin so that what rests on them stays fresh.
    pub(crate) due_at: Arc<BTreeMap<AssetKey, Timestamp>>,
    pub(crate) turns: Turns,
    pub(crate) logs: Logs,
    /// That of the run.
    pub(crate) log: RunLog,
    pub(crate) cancel: CancellationToken,
    /// Lets partitions that were begun end, and no other begin.
    pub(crate) hold: CancellationToken,
    /// What the run belongs to where traces are collected, if to anything.
    pub(crate) trace_parent: Option<TraceParent>,
}

/// What was decided about an attempt before it is claimed.
#[derive(Debug, Clone)]
pub(crate) struct Decided {
    pub(crate) memo: Memo,
    pub(crate) reason: String,
    pub(crate) makes: Makes,
    /// Version of the asset when it was decided, or sequence of its partition or item; another one
    /// after the claim means that somebody else did the work meanwhile.
    pub(crate) version: u64,
    /// The partition, of an asset that is divided.
    pub(crate) partition: Option<PartitionKey>,
    /// What it is about: the item of a list, or the answer of a person.
    pub(crate) given: Option<Value>,
}

/// What an attempt makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Makes {
    /// The rows of the asset, or whatever it has in their place.
    Rows,
    /// What readers are told of it, whose rows stay.
    Description,
}

/// How an attempt ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// New versions, or none when nothing changed.
    Committed { staged: Staged, versions: Vec<AssetVersion> },
    /// A check refused what was staged.
    Refused(Staged),
    /// It failed.
    Failed(Error),
    /// The run was cancelled.
    Cancelled,
    /// Another process holds an output.
    Held(Holder),
    /// A pool or a mutex has no place for it.
    Waits(Wait),
    /// Another process published meanwhile: decide again.
    Superseded,
}

/// Makes one attempt, in a slot until all is staged. Errors of the ledger itself end the run and are
/// returned as errors; those of the step are an end of the attempt.
pub(crate) async fn make_attempt(
    context: &Context,
    step: &dyn Step,
    decided: &Decided,
    number: u32,
    slot: Slot,
) -> Result<Ended> {
    let kind = step.spec().kind.word();
    let id = AttemptId::new();
    crash::point(&format!("{kind}.claim.before"));
    let claim = match claim(context, step, decided, id, number).await {
        Ok(ClaimOutcome::Claimed(claim)) => claim,
        Ok(ClaimOutcome::Held { by, .. }) => return Ok(Ended::Held(by)),
        Ok(ClaimOutcome::Waits(wait)) => return Ok(Ended::Waits(wait)),
        Err(error) => return Ok(Ended::Failed(error)),
    };
    crash::point(&format!("{kind}.claim.after"));
    let previous = context.ledger.previous(step.spec().asset())?;
    let version = match &decided.partition {
        Some(part) => context.ledger.partition_sequence(step.spec().asset(), part)?,
        None => previous.version,
    };
    if version != decided.version {
        give_back(context, id, "another process published meanwhile").await?;
        return Ok(Ended::Superseded);
    }
    let attempt = Attempt {
        run: context.run,
        id,
        claimed_at: claim.claimed_at,
        catalog: context.ledger.snapshot()?,
        inputs: decided.memo.inputs.clone(),
        previous,
        refresh: context.refresh,
        log: context.log.of_attempt(step.spec().asset(), number),
        partition: decided.partition.clone(),
        results: results(&context.ledger, &decided.memo)?,
        given: decided.given.clone(),
        trace_parent: context.trace_parent,
    };
    let open = OpenAttempt {
        attempt: &attempt,
        claim: &claim,
        makes: decided.makes,
        intent: Mutex::default(),
    };
    let work = AssertUnwindSafe(work(context, step, &open, slot)).catch_unwind();
    let ended = tokio::select! {
        biased;
        () = context.cancel.cancelled() => Ok(Err(Stop::Cancelled)),
        () = keep_lease(context, id) => Ok(Err(Stop::LeaseLost)),
        () = tokio::time::sleep(step.spec().timeout) => Ok(Err(Stop::TimedOut)),
        ended = work => ended.map(Ok),
    };
    let asset = step.spec().asset().to_string();
    match ended {
        Ok(Ok(Ok(ended))) => Ok(ended),
        Ok(Ok(Err(error))) => close(context, step, &open, error, FailState::Failed).await,
        Ok(Err(stop)) => close_stopped(context, step, &open, stop).await,
        Err(panic) => {
            let error = RunError::Panicked { asset, message: panic_text(&*panic) };
            close(context, step, &open, error.into(), FailState::Failed).await
        }
    }
}

/// What the steps that an attempt reads have given, in the versions that it reads.
fn results(ledger: &Ledger, memo: &Memo) -> Result<Results> {
    let mut results = Results::new();
    for read in memo.inputs.iter().filter(|read| read.asset.kind == AssetKind::Step) {
        let version = ledger.version(&read.asset, read.version)?;
        let result = version.and_then(|version| version.receipt.result().cloned());
        results.extend(result.map(|result| (read.asset.clone(), result)));
    }
    Ok(results)
}

/// An attempt between its claim and its end.
struct OpenAttempt<'a> {
    attempt: &'a Attempt,
    claim: &'a Claim,
    makes: Makes,
    /// Set before the ledger is told, so that it is never behind it.
    intent: Mutex<Option<Staged>>,
}

/// Why an attempt was stopped from outside.
enum Stop {
    Cancelled,
    LeaseLost,
    TimedOut,
}

async fn claim(
    context: &Context,
    step: &dyn Step,
    decided: &Decided,
    attempt: AttemptId,
    number: u32,
) -> Result<ClaimOutcome> {
    let spec = step.spec();
    let mut target_sequences = BTreeMap::new();
    for output in &spec.outputs {
        let partition = decided.partition.as_ref().map_or("", PartitionKey::as_str);
        let application = EffectId::application(context.ledger.environment(), output, partition);
        target_sequences.insert(output.clone(), step.sequence(output, &application).await?);
    }
    let request = ClaimRequest {
        run: context.run,
        attempt,
        number,
        kind: spec.kind,
        outputs: spec.outputs.clone(),
        holder: context.holder.clone(),
        target_sequences,
        memo: decided.memo.clone(),
        reason: decided.reason.clone(),
        lease: context.lease,
        shares: spec.execution.shares.clone(),
        priority: spec.execution.priority,
        due_at: context.due_at.get(spec.asset()).copied(),
        partition: decided.partition.clone(),
    };
    Ok(context.ledger.claim(request).await?)
}

/// Runs, audits, and publishes. Cancelling drops this future between two awaits; whatever it had
/// reached, `close_stopped` or recovery brings it to its end.
async fn work(
    context: &Context,
    step: &dyn Step,
    open: &OpenAttempt<'_>,
    slot: Slot,
) -> Result<Ended> {
    let kind = step.spec().kind.word();
    let OpenAttempt { attempt, claim, makes, .. } = open;
    let staged = match makes {
        Makes::Rows => step.stage(attempt).await?,
        Makes::Description => step.describe(attempt).await?,
    };
    // What is left waits for the disk.
    drop(slot);
    crash::point(&format!("{kind}.stage.after"));
    if staged.checks.iter().any(|check| check.outcome == CheckOutcome::Fail) {
        step.discard(attempt.id).await?;
        let error = refusal(&staged);
        context.ledger.fail(attempt.id, &error, FailState::Refused, Some(&staged)).await?;
        return Ok(Ended::Refused(staged));
    }
    *open.intent.lock().expect("nothing panics while it is held") = Some(staged.clone());
    let evidence = step.evidence(&staged);
    if matches!(evidence, Evidence::Targets | Evidence::Leftovers) {
        context.ledger.intend(attempt.id, &staged).await?;
    }
    crash::point(&format!("{kind}.intent.after"));
    let mut receipts = Vec::with_capacity(staged.targets.len());
    for target in &staged.targets {
        let effect = &claim.effects[&target.asset];
        let receipt = publish_target(step, target, effect).await?;
        receipts.push((target.asset.clone(), receipt));
        crash::point(&format!("{kind}.publish.after"));
    }
    let ledger = &context.ledger;
    let versions = match evidence {
        Evidence::Ledger => ledger.commit_at_once_ahead(attempt.id, &staged, receipts).await?,
        Evidence::Nothing => ledger.commit_at_once(attempt.id, &staged, receipts).await?,
        Evidence::Targets => ledger.commit_ahead(attempt.id, receipts).await?,
        Evidence::Leftovers => ledger.commit(attempt.id, receipts).await?,
    };
    crash::point(&format!("{kind}.commit.after"));
    step.clean(attempt.id).await?;
    crash::point(&format!("{kind}.clean.after"));
    Ok(Ended::Committed { staged, versions })
}

/// Publishes one target. An answer that was lost on the way is looked up before the error counts.
pub(crate) async fn publish_target(
    step: &dyn Step,
    target: &Target,
    effect: &EffectId,
) -> Result<Receipt> {
    match step.publish(target, effect).await {
        Ok(receipt) => Ok(receipt),
        Err(error) => match step.find(target, effect).await {
            Ok(Some(receipt)) => Ok(receipt),
            _ => Err(error),
        },
    }
}

/// Renews the lease until it is lost.
async fn keep_lease(context: &Context, attempt: AttemptId) {
    let mut ticks = tokio::time::interval(context.lease / 3);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        match context.ledger.renew(attempt, context.lease).await {
            Ok(Renewal::Kept) => {}
            Ok(Renewal::Lost) => return,
            Err(error) => tracing::warn!(%error, "lease not renewed"),
        }
    }
}

/// Ends an attempt that was stopped from outside.
async fn close_stopped(
    context: &Context,
    step: &dyn Step,
    open: &OpenAttempt<'_>,
    stop: Stop,
) -> Result<Ended> {
    let asset = step.spec().asset().to_string();
    match stop {
        Stop::Cancelled => {
            let error = cancelled("the run was cancelled").into();
            match close(context, step, open, error, FailState::Cancelled).await? {
                Ended::Failed(_) => Ok(Ended::Cancelled),
                ended => Ok(ended),
            }
        }
        Stop::LeaseLost => Ok(Ended::Failed(RunError::LeaseLost { asset }.into())),
        Stop::TimedOut => {
            let seconds = step.spec().timeout.as_secs();
            let error = RunError::TimedOut { asset, seconds }.into();
            close(context, step, open, error, FailState::TimedOut).await
        }
    }
}

/// Ends an attempt that did not go through. If it had come to its intent, the target decides
/// whether it was published; if the target cannot be asked, recovery will.
async fn close(
    context: &Context,
    step: &dyn Step,
    open: &OpenAttempt<'_>,
    error: Error,
    state: FailState,
) -> Result<Ended> {
    let id = open.attempt.id;
    let intent = open.intent.lock().expect("nothing panics while it is held").clone();
    if let Some(staged) = &intent {
        match settle(&context.ledger, step, id, staged, &open.claim.effects, Former::Ended).await {
            Ok(Some(versions)) => {
                return Ok(Ended::Committed { staged: staged.clone(), versions });
            }
            Ok(None) => {}
            Err(unclear) => {
                tracing::warn!(error = %unclear, "left to recovery");
                context.ledger.abandon(id).await?;
                return Ok(Ended::Failed(error));
            }
        }
    }
    if let Err(left) = step.discard(id).await {
        tracing::warn!(error = %left, "staged files are left to vacuum");
    }
    match context.ledger.fail(id, &StepError::from(&error), state, None).await {
        Ok(()) => {}
        Err(lost @ LedgerError::LeaseLost { .. }) => {
            tracing::warn!(error = %lost, "the attempt was ended by another process");
        }
        // The attempt stays open. One more try would wait for the lease of this one.
        Err(unwritable) => {
            // Its commit was on its way when it was stopped.
            if let (Some(staged), Some(versions)) = (intent, context.ledger.committed(id)?) {
                return Ok(Ended::Committed { staged, versions });
            }
            tracing::warn!(%error, "the attempt failed, which the ledger could not take");
            return Err(unwritable.into());
        }
    }
    Ok(Ended::Failed(error))
}

async fn give_back(context: &Context, attempt: AttemptId, why: &str) -> Result<()> {
    let error = StepError::from(&Error::from(cancelled(why)));
    Ok(context.ledger.fail(attempt, &error, FailState::Cancelled, None).await?)
}

fn cancelled(why: &str) -> Plain {
    Plain {
        code: "run.cancelled",
        fault: Fault::User,
        retry: Retry::Backoff,
        message: why.to_owned(),
        hint: None,
    }
}

fn refusal(staged: &Staged) -> StepError {
    let failed: Vec<&str> = staged
        .checks
        .iter()
        .filter(|check| check.outcome == CheckOutcome::Fail)
        .map(|check| check.name.as_str())
        .collect();
    StepError {
        code: "check.failed".to_owned(),
        message: format!("refused by {}", failed.join(", ")),
        fault: Fault::User,
        retry: Retry::Never,
        hint: Some(
            "the last good version stays in place; `millstream runs show` has the counts".into(),
        ),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
