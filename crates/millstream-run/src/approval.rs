//! A step that waits for the word of a person. While it waits it has no slot, no lease and no
//! attempt: there is only the question in the ledger, which outlives the process.

use std::time::Duration;

use millstream_core::error::{Fault, Result, Retry};
use millstream_core::flow::{Answer, Approval};
use millstream_core::step::Refresh;
use millstream_ledger::{Answered, ApprovalRecord, ApprovalRequest, Asking, SkipState, StepError};
use serde_json::{Value, json};

use crate::attempt::Decided;
use crate::driver::{CANCELLED, StepDriver, Verdict};
use crate::partitions::Part;
use crate::plan::Due;
use crate::report::{StepOutcome, StepReport};

/// How often a step that waits looks for the answer.
const LOOK: Duration = Duration::from_millis(250);

impl StepDriver {
    /// Asks, waits for the answer, and takes the step to its end.
    pub(crate) async fn approved(&self, approval: &Approval) -> Result<StepReport> {
        let (refresh, due) = (self.context.refresh, self.due);
        let mut asking = match (refresh, due) {
            (Refresh::Incremental, Due::WhenChanged) => Asking::Once,
            _ => Asking::Anew,
        };
        loop {
            let decided = match self.decide(refresh, due).await {
                Ok(Verdict::Go(decided)) => decided,
                Ok(Verdict::UpToDate) => {
                    return self.skip(StepOutcome::UpToDate, "up to date").await;
                }
                Ok(Verdict::Skip(reason)) => {
                    return self.skip(StepOutcome::Skipped, &reason).await;
                }
                Err(error) => return self.undecided(error, 1).await,
            };
            let asked = self.ask(approval, &decided, asking).await?;
            asking = Asking::Once;
            let Some(answered) = self.answer(approval, &decided, asked).await? else {
                return self.skip(StepOutcome::Cancelled, CANCELLED).await;
            };
            if answered.answer == Answer::Reject {
                return self.rejected(&answered).await;
            }
            // What was approved may have changed meanwhile.
            if let Ok(Verdict::Go(now)) = self.decide(refresh, due).await
                && now.memo.key == decided.memo.key
            {
                let (reason, given) = (answered.said(), Some(result_of(&answered)));
                let decided = Decided { reason, given, ..*now };
                return self.attempts_of(&Part::Given(Box::new(decided))).await;
            }
        }
    }

    async fn ask(
        &self,
        approval: &Approval,
        decided: &Decided,
        asking: Asking,
    ) -> Result<ApprovalRecord> {
        let reason = match approval.message.as_str() {
            "" => format!("waits for {}", who(approval)),
            message => format!("waits for {}: {message}", who(approval)),
        };
        let request = ApprovalRequest {
            run: self.context.run,
            spec: self.step.spec().clone(),
            memo: decided.memo.key,
            terms: approval.clone(),
            reason: reason.clone(),
            asking,
        };
        let asked = self.context.ledger.ask(request).await?;
        if asked.answer.is_none() {
            let (run, name) = (self.context.run.short(), self.asset().name);
            let how = format!("`millstream runs approve {run} {name}`, or `reject`");
            self.say_asking(format!("{}; {how}", reason.trim_start_matches("waits ")), 1).await;
        }
        Ok(asked)
    }

    /// Waits for the answer; `None` if the run is stopped before.
    async fn answer(
        &self,
        approval: &Approval,
        decided: &Decided,
        mut asked: ApprovalRecord,
    ) -> Result<Option<Answered>> {
        let (ledger, asset, memo) = (&self.context.ledger, self.asset(), decided.memo.key);
        loop {
            if asked.answer.is_some() {
                return Ok(asked.answer);
            }
            if asked.expires_at.is_some_and(|at| at <= ledger.now()) {
                asked = ledger.answer_by_time(&asset, memo, approval.on_timeout).await?;
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.context.cancel.cancelled() => return Ok(None),
            }
            if let Some(now) = ledger.approval(&asset, memo)? {
                asked = now;
            }
        }
    }

    async fn rejected(&self, answered: &Answered) -> Result<StepReport> {
        let context = &self.context;
        let reason = answered.said();
        let spec = self.step.spec();
        context.ledger.skip_step(context.run, spec, SkipState::Refused, &reason).await?;
        let error = StepError {
            code: "run.rejected".to_owned(),
            message: reason.clone(),
            fault: Fault::User,
            retry: Retry::Never,
            hint: Some("`millstream runs rerun` asks again".to_owned()),
        };
        let report = self.blank(StepOutcome::Refused, reason, 0, self.version()?);
        Ok(StepReport { error: Some(error), ..report })
    }
}

/// `an operator`, `an author`, `an admin`.
fn who(approval: &Approval) -> String {
    format!("an {}", approval.role.word())
}

/// What the step gives to those behind it.
fn result_of(answered: &Answered) -> Value {
    json!({
        "approved": answered.answer == Answer::Approve,
        "by": answered.by,
        "comment": answered.comment,
    })
}
