//! The step of an approval. The executor asks the person; what is left to do is to record, as a
//! version of the step, that it was approved, so that the same inputs are not asked about again.

use millstream_core::asset::AssetKey;
use millstream_core::batch::BoxFuture;
use millstream_core::effect::EffectId;
use millstream_core::error::Result;
use millstream_core::id::AttemptId;
use millstream_core::step::{Attempt, Receipt, Staged, Step, StepSpec, Target};
use serde_json::json;

use crate::step::receipt;

/// Records that somebody approved.
#[derive(Debug)]
pub struct ApprovalStep(StepSpec);

impl ApprovalStep {
    /// The step as the graph has it.
    pub fn new(spec: StepSpec) -> Self {
        Self(spec)
    }
}

impl Step for ApprovalStep {
    fn spec(&self) -> &StepSpec {
        &self.0
    }

    fn stage<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Staged>> {
        let payload = json!({"result": attempt.given});
        let target = Target { asset: self.0.asset().clone(), payload };
        Box::pin(async { Ok(Staged { targets: vec![target], ..Staged::default() }) })
    }

    fn publish<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Receipt>> {
        Box::pin(async { Ok(receipt(target, effect)) })
    }

    /// What was approved stays approved: the intent is all there is to it.
    fn find<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Option<Receipt>>> {
        Box::pin(async { Ok(Some(receipt(target, effect))) })
    }

    fn sequence<'a>(
        &'a self,
        _output: &'a AssetKey,
        _application: &'a str,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async { Ok(0) })
    }

    fn discard(&self, _attempt: AttemptId) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}
