//! Recovery: what a dead process left behind is brought to its one right end (DESIGN 2).
//!
//! For every attempt without an end whose holder is gone: with an intent, the targets are asked
//! for the effect id. The first target has it: the rest is published and the attempt committed.
//! It does not, and the process is dead: what was staged is removed, and the step will run again.
//! A process that only stopped for too long may wake up and publish what it had staged, so that of
//! its intent everything is published: whichever of the two is first, the other finds the effect.
//! Recovery may itself be killed at any point and started again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use millstream_core::asset::AssetKey;
use millstream_core::crash;
use millstream_core::effect::EffectId;
use millstream_core::error::{Fault, Result, Retry};
use millstream_core::id::AttemptId;
use millstream_core::log::{Level, Said};
use millstream_core::step::{Evidence, Receipt, Staged, Step, StepKind};
use millstream_ledger::{Adoption, AssetVersion, FailState, Holder, Ledger, StepError, Unfinished};

use crate::attempt::publish_target;
use crate::logs::Logs;

/// How an attempt of a dead process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
    /// Its effect was at the target: committed.
    Committed(AssetKey),
    /// Nothing of it was published: removed, to run again.
    Discarded(AssetKey),
}

impl Recovered {
    /// What the log of the attempt says of it.
    fn told(&self) -> Said {
        let text = match self {
            Self::Committed(_) => {
                "the process ended before the step did; what it had published was committed later"
            }
            Self::Discarded(_) => {
                "the process ended before the step did; nothing of it was published"
            }
        };
        Said::new(Level::Warn, text)
    }
}

/// Makes steps that settle attempts on assets that no step of the project has.
pub trait OtherSteps: std::fmt::Debug + Send + Sync {
    /// A step with these outputs that can publish, find and discard what an attempt left; `None`
    /// if they are not of its kind.
    fn settling(&self, outputs: &[AssetKey]) -> Option<Arc<dyn Step>>;
}

/// The steps that settle what was left.
#[derive(Debug, Clone)]
pub struct Steps {
    /// Those of the project.
    pub project: Arc<Vec<Arc<dyn Step>>>,
    /// What makes all others.
    pub others: Arc<dyn OtherSteps>,
}

impl Steps {
    fn settling(&self, attempt: &Unfinished) -> Option<Arc<dyn Step>> {
        let first = attempt.outputs.first()?;
        let mut known = self.project.iter();
        // What a statement publishes need not be what a step of the same name can read.
        let own = match attempt.kind {
            StepKind::Statement => None,
            _ => known.find(|step| step.spec().asset() == first).cloned(),
        };
        own.or_else(|| self.others.settling(&attempt.outputs))
    }
}

/// Recovers every unfinished attempt. Those that no step can settle are closed; their staged files
/// are left to `vacuum`.
pub async fn recover(
    ledger: &Ledger,
    steps: &Steps,
    logs: &Logs,
    holder: &Holder,
    lease: Duration,
) -> Result<Vec<Recovered>> {
    let unfinished = ledger.unfinished()?;
    if unfinished.is_empty() {
        return Ok(Vec::new());
    }
    let mut recovered = Vec::new();
    for attempt in unfinished {
        if ledger.adopt(attempt.attempt, holder, lease).await? == Adoption::Gone {
            continue;
        }
        let step = steps.settling(&attempt);
        let end = recover_attempt(ledger, step.as_deref(), &attempt).await?;
        crash::point("recover.settled");
        let log = logs.of_run(attempt.run);
        log.say(&attempt.outputs[0], attempt.number, end.told());
        recovered.push(end);
    }
    // There may be no next run that does it, because nothing is left to do.
    ledger.mark_interrupted().await?;
    Ok(recovered)
}

async fn recover_attempt(
    ledger: &Ledger,
    step: Option<&dyn Step>,
    attempt: &Unfinished,
) -> Result<Recovered> {
    let asset = attempt.outputs[0].clone();
    if let Some(step) = step
        && let Some(staged) = &attempt.intent
        && settle(ledger, step, attempt.attempt, staged, &attempt.effects, former(attempt))
            .await?
            .is_some()
    {
        tracing::info!(%asset, "recovered: committed what was published");
        return Ok(Recovered::Committed(asset));
    }
    if let Some(step) = step {
        step.discard(attempt.attempt).await?;
    }
    crash::point("recover.discard.after");
    let error = StepError {
        code: "run.interrupted".to_owned(),
        message: "the process ended before the step did".to_owned(),
        fault: Fault::External,
        retry: Retry::Backoff,
        hint: None,
    };
    ledger.fail(attempt.attempt, &error, FailState::Failed, None).await?;
    tracing::info!(%asset, "recovered: discarded what was staged");
    Ok(Recovered::Discarded(asset))
}

/// Whoever worked on an attempt before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Former {
    /// It publishes nothing any more.
    Ended,
    /// It may still publish what it has said it would.
    MayPublish,
}

fn former(attempt: &Unfinished) -> Former {
    if attempt.holder.is_dead() { Former::Ended } else { Former::MayPublish }
}

/// Commits an attempt whose first effect is at its target, and publishes what is missing; all of it
/// if somebody else may still publish it. `None` when nothing was published, and never will be.
pub(crate) async fn settle(
    ledger: &Ledger,
    step: &dyn Step,
    attempt: AttemptId,
    staged: &Staged,
    effects: &BTreeMap<AssetKey, EffectId>,
    former: Former,
) -> Result<Option<Vec<AssetVersion>>> {
    let receipts = roll_forward(step, staged, effects, former).await?;
    let Some(receipts) = receipts else { return Ok(None) };
    crash::point("recover.commit.before");
    let versions = match step.evidence(staged) {
        Evidence::Nothing => ledger.commit_at_once(attempt, staged, receipts).await?,
        _ => ledger.commit(attempt, receipts).await?,
    };
    step.clean(attempt).await?;
    Ok(Some(versions))
}

/// The receipts of all targets if the first one has its effect; what is missing is published. What
/// the first target refuses from us, it refuses from whoever was before us.
async fn roll_forward(
    step: &dyn Step,
    staged: &Staged,
    effects: &BTreeMap<AssetKey, EffectId>,
    former: Former,
) -> Result<Option<Vec<(AssetKey, Receipt)>>> {
    let mut receipts = Vec::with_capacity(staged.targets.len());
    for (position, target) in staged.targets.iter().enumerate() {
        let effect = &effects[&target.asset];
        let receipt = match step.find(target, effect).await? {
            Some(receipt) => receipt,
            None if position == 0 && former == Former::Ended => return Ok(None),
            None if position == 0 => match publish_target(step, target, effect).await {
                Ok(receipt) => receipt,
                Err(refused) if refused.fault() != Fault::External => return Ok(None),
                Err(error) => return Err(error),
            },
            None => publish_target(step, target, effect).await?,
        };
        receipts.push((target.asset.clone(), receipt));
    }
    // Nothing to publish means that nothing was: the step runs again.
    Ok((!receipts.is_empty()).then_some(receipts))
}

#[cfg(test)]
mod tests {
    use millstream_core::execution::Execution;
    use serde_json::json;

    use super::*;
    use crate::testing::{FakeStep, asset, nothing};

    #[tokio::test]
    async fn what_a_stopped_process_may_publish_is_published_for_it() {
        let step = FakeStep::new("orders", Execution::default(), nothing());
        let target = millstream_core::step::Target { asset: asset("orders"), payload: json!({}) };
        let staged = Staged { targets: vec![target.clone()], ..Staged::default() };
        let effect = EffectId { application: "dev/orders".to_owned(), sequence: 7 };
        let effects = BTreeMap::from([(asset("orders"), effect.clone())]);
        let forward = |former| roll_forward(&step, &staged, &effects, former);

        assert!(forward(Former::Ended).await.unwrap().is_none());
        assert!(step.find(&target, &effect).await.unwrap().is_none(), "it will run again");
        let receipts = forward(Former::MayPublish).await.unwrap().expect("it is published");
        assert_eq!(receipts[0].1.version, 7);
        assert!(step.find(&target, &effect).await.unwrap().is_some());
        assert!(forward(Former::Ended).await.unwrap().is_some(), "and found afterwards");
    }
}
