//! Answering what steps ask of people.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use millstream_core::asset::AssetKey;
use millstream_core::flow::{Answer, Approver};
use millstream_core::id::RunId;
use millstream_guard::{Object, Principal, Scope};
use millstream_ledger::{Answered, ApprovalRecord, LedgerError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::word;
use super::moment::Moment;
use super::{Answer as Answers, Api};

/// What somebody says with an answer.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Answering {
    /// Why, for the record.
    #[serde(default)]
    comment: Option<String>,
}

/// What a step asks of a person, and the answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct ApprovalView {
    /// Who may answer, and whoever may do more: `operator`, `author` or `admin`.
    role: String,
    message: String,
    asked_at: Moment,
    /// When the step no longer waits, if ever.
    expires_at: Option<Moment>,
    /// What holds then: `approve` or `reject`.
    on_timeout: String,
    /// Null while it waits.
    answer: Option<AnswerView>,
}

/// An answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct AnswerView {
    /// `approve` or `reject`.
    answer: String,
    /// Null if it holds because nobody answered in time.
    by: Option<String>,
    comment: Option<String>,
    at: Moment,
}

/// Approves what a step of a run asks.
pub(super) async fn approve(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path((run, step)): Path<(String, String)>,
    Json(Object(asked)): Json<Object<Answering>>,
) -> Answers<ApprovalView> {
    api.answer(&principal, &run, &step, Answer::Approve, asked).await
}

/// Rejects what a step of a run asks.
pub(super) async fn reject(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path((run, step)): Path<(String, String)>,
    Json(Object(asked)): Json<Object<Answering>>,
) -> Answers<ApprovalView> {
    api.answer(&principal, &run, &step, Answer::Reject, asked).await
}

impl Api {
    async fn answer(
        &self,
        principal: &Principal,
        run: &str,
        step: &str,
        answer: Answer,
        Answering { comment }: Answering,
    ) -> Answers<ApprovalView> {
        let id = self.run(run)?;
        let asset = AssetKey::step(step.strip_prefix("step:").unwrap_or(step));
        principal.require(scope_of(self.asked(id, &asset)?.terms.role))?;
        let ledger = self.ledger_of(principal);
        let answered = ledger.answer(id, &asset, answer, comment.as_deref()).await?;
        Ok(Json(ApprovalView::from(answered)))
    }

    /// What a step of a run asks.
    fn asked(&self, run: RunId, asset: &AssetKey) -> Result<ApprovalRecord, LedgerError> {
        let asked = self.ledger().approvals_of(run)?;
        let mut asked = asked.into_iter().filter(|asked| asked.asset == *asset);
        asked.next().ok_or_else(|| LedgerError::NothingAsked { run, asset: asset.clone() })
    }
}

fn scope_of(role: Approver) -> Scope {
    match role {
        Approver::Operator => Scope::Operate,
        Approver::Author => Scope::Author,
        Approver::Admin => Scope::Admin,
    }
}

impl From<ApprovalRecord> for ApprovalView {
    fn from(record: ApprovalRecord) -> Self {
        Self {
            role: record.terms.role.word().to_owned(),
            message: record.terms.message,
            asked_at: Moment(record.asked_at),
            expires_at: record.expires_at.map(Moment),
            on_timeout: word(&record.terms.on_timeout),
            answer: record.answer.map(AnswerView::from),
        }
    }
}

impl From<Answered> for AnswerView {
    fn from(answered: Answered) -> Self {
        let Answered { answer, by, comment, at } = answered;
        Self { answer: word(&answer), by, comment, at: Moment(at) }
    }
}
