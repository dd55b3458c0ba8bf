//! What people are asked before a step is done, and what they answer.
//!
//! A question belongs to a step and to what it would be done for, its memo key: the same inputs are
//! asked about once, however often the process that waits for the answer dies.

use std::time::Duration;

use millstream_core::clock::Timestamp;
use millstream_core::flow::{Answer, Approval};
use millstream_core::id::RunId;
use millstream_core::step::StepSpec;
use millstream_core::{AssetKey, ContentHash};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use crate::audit::{Action, Deed, audit};
use crate::columns::{At, Count, Json, Text, Word};
use crate::error::{LedgerError, Result};
use crate::ledger::Ledger;
use crate::records::StepState;
use crate::runs::{StepRow, expect_run, record_step};

/// The most characters that a comment may have; what is longer is cut.
const COMMENT_CHARS_MAX: usize = 2000;

/// Who answers by a handle that acts for nobody.
const SOMEBODY: &str = "somebody";

/// A step that asks.
#[derive(Debug, Clone)]
pub struct ApprovalRequest {
    /// Its run.
    pub run: RunId,
    /// The step.
    pub spec: StepSpec,
    /// What it would be done for.
    pub memo: ContentHash,
    /// What is asked.
    pub terms: Approval,
    /// Why it waits, for people.
    pub reason: String,
    /// Whether an earlier answer counts.
    pub asking: Asking,
}

/// Whether an earlier answer for the same inputs counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// It does, if a person gave it.
    Once,
    /// Somebody wants to be asked again.
    Anew,
}

/// A question, and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovalRecord {
    /// The step.
    pub asset: AssetKey,
    /// What is asked.
    pub terms: Approval,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When the step no longer waits, if ever.
    pub expires_at: Option<Timestamp>,
    /// The answer, once there is one.
    pub answer: Option<Answered>,
}

/// A question that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenQuestion {
    /// What is asked.
    pub asked: ApprovalRecord,
    /// What the step would be done for.
    pub memo: ContentHash,
    /// The run in which it was asked last.
    pub run: RunId,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answered {
    /// Yes or no.
    pub answer: Answer,
    /// Who gave it; nobody did if it holds because time was over.
    pub by: Option<String>,
    /// What they said about it.
    pub comment: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl Ledger {
    /// Records that a step waits for the word of a person, and gives the answer if there is one.
    pub async fn ask(&self, request: ApprovalRequest) -> Result<ApprovalRecord> {
        let now = self.now();
        self.write(move |connection| {
            expect_run(connection, request.run)?;
            let (asset, memo) = (request.spec.asset(), request.memo);
            let known = find(connection, asset, memo)?;
            if known.is_none_or(|known| is_over(&known, request.asking)) {
                let expires_at = request.terms.timeout().map(|timeout| after(now, timeout));
                connection
                    .prepare_cached(
                        "INSERT INTO approvals (asset, memo, terms, asked_at, expires_at)
                         VALUES (?1, ?2, ?3, ?4, ?5)
                         ON CONFLICT (asset, memo) DO UPDATE
                         SET terms = excluded.terms, asked_at = excluded.asked_at,
                             expires_at = excluded.expires_at, answer = NULL, by = NULL,
                             comment = NULL, answered_at = NULL",
                    )?
                    .execute(params![
                        Text(asset),
                        Text(memo),
                        Json(&request.terms),
                        At(now),
                        expires_at.map(At),
                    ])?;
            }
            connection
                .prepare_cached(
                    "INSERT INTO approval_runs (run, asset, memo) VALUES (?1, ?2, ?3)
                     ON CONFLICT (run, asset) DO UPDATE SET memo = excluded.memo",
                )?
                .execute(params![Text(request.run), Text(asset), Text(memo)])?;
            let ApprovalRequest { run, spec, reason, .. } = &request;
            let step = StepRow { run: *run, kind: spec.kind, outputs: &spec.outputs, reason };
            record_step(connection, &step, StepState::Waiting, now)?;
            found(find(connection, asset, memo)?)
        })
        .await
    }

    /// A question, if it was asked.
    pub fn approval(&self, asset: &AssetKey, memo: ContentHash) -> Result<Option<ApprovalRecord>> {
        self.read(|connection| find(connection, asset, memo))
    }

    /// What the steps of a run have asked, in the order of their assets.
    pub fn approvals_of(&self, run: RunId) -> Result<Vec<ApprovalRecord>> {
        self.read(|connection| asked_in(connection, run))
    }

    /// The questions that wait for an answer at a moment, those that were asked first in front.
    ///
    /// One that was asked by a run which was stopped does not, nor one whose time is over, nor one
    /// after which the step has asked about other inputs.
    pub fn open_questions(&self, now: Timestamp, limit: usize) -> Result<Vec<OpenQuestion>> {
        self.read(|connection| {
            let found = connection
                .prepare_cached(
                    "SELECT a.asset, terms, asked_at, expires_at, answer, a.by, comment,
                            answered_at, a.memo, q.run
                     FROM approvals a
                     JOIN approval_runs q ON q.asset = a.asset AND q.memo = a.memo
                     JOIN runs r ON r.run = q.run
                     JOIN steps s ON s.run = q.run AND s.asset = q.asset
                     WHERE a.answer IS NULL AND (a.expires_at IS NULL OR a.expires_at > ?1)
                       AND s.state = 'waiting' AND r.state IN ('running', 'interrupted')
                       AND q.run = (SELECT max(run) FROM approval_runs WHERE asset = a.asset)
                     ORDER BY a.asked_at, a.asset LIMIT ?2",
                )?
                .query_map(params![At(now), Count(limit as u64)], |row| {
                    Ok(OpenQuestion {
                        asked: record(row)?,
                        memo: row.get::<_, Text<_>>("memo")?.0,
                        run: row.get::<_, Text<_>>("run")?.0,
                    })
                })?
                .collect::<rusqlite::Result<_>>()?;
            Ok(found)
        })
    }

    /// Answers what a step of a run has asked, whether or not the run is still at work, in the name
    /// of whoever this handle acts for.
    ///
    /// Fails with `ledger.nothing_asked` if the step asks nothing, and with `ledger.answered` if it
    /// was answered before.
    pub async fn answer(
        &self,
        run: RunId,
        asset: &AssetKey,
        answer: Answer,
        comment: Option<&str>,
    ) -> Result<ApprovalRecord> {
        let (now, actor, asset) = (self.now(), self.actor(), asset.clone());
        let comment: Option<String> =
            comment.map(|text| text.trim().chars().take(COMMENT_CHARS_MAX).collect());
        let comment = comment.filter(|text| !text.is_empty());
        self.write(move |connection| {
            let memo: Option<Text<ContentHash>> = connection
                .prepare_cached("SELECT memo FROM approval_runs WHERE run = ?1 AND asset = ?2")?
                .query_row(params![Text(run), Text(&asset)], |row| row.get(0))
                .optional()?;
            let Some(Text(memo)) = memo else {
                return Err(LedgerError::NothingAsked { run, asset: asset.clone() });
            };
            let asked = found(find(connection, &asset, memo)?)?;
            if let Some(answered) = asked.answer {
                return Err(LedgerError::Answered { asset: asset.clone(), how: said(&answered) });
            }
            let by = actor.as_ref().map_or(SOMEBODY, |actor| actor.name.as_str());
            settle(connection, &asset, memo, answer, Some(by), comment.as_deref(), now)?;
            let action = match answer {
                Answer::Approve => Action::RunApprove,
                Answer::Reject => Action::RunReject,
            };
            audit(connection, actor.as_deref(), now, || {
                let detail = match &comment {
                    Some(comment) => format!("{asset}: {comment}"),
                    None => asset.to_string(),
                };
                Deed::new(action, format!("run:{run}")).with(&detail)
            })?;
            found(find(connection, &asset, memo)?)
        })
        .await
    }

    /// Gives the answer that holds because nobody answered in time, unless somebody did. Gives the
    /// answer that holds.
    pub async fn answer_by_time(
        &self,
        asset: &AssetKey,
        memo: ContentHash,
        answer: Answer,
    ) -> Result<ApprovalRecord> {
        let (now, asset) = (self.now(), asset.clone());
        self.write(move |connection| {
            if found(find(connection, &asset, memo)?)?.answer.is_none() {
                settle(connection, &asset, memo, answer, None, None, now)?;
            }
            found(find(connection, &asset, memo)?)
        })
        .await
    }
}

/// Whether a question is asked as if it were new: somebody wants that, or time has answered no.
fn is_over(known: &ApprovalRecord, asking: Asking) -> bool {
    let Some(answered) = &known.answer else { return false };
    asking == Asking::Anew || (answered.by.is_none() && answered.answer == Answer::Reject)
}

/// `rejected by ann: not before Monday`, for people.
pub(crate) fn said(answered: &Answered) -> String {
    let done = answered.answer.done();
    let by = match &answered.by {
        Some(by) => format!("{done} by {by}"),
        None => format!("{done}, because nobody answered in time"),
    };
    match &answered.comment {
        Some(comment) => format!("{by}: {comment}"),
        None => by,
    }
}

impl Answered {
    /// `rejected by ann: not before Monday`, for people.
    pub fn said(&self) -> String {
        said(self)
    }
}

fn settle(
    connection: &Connection,
    asset: &AssetKey,
    memo: ContentHash,
    answer: Answer,
    by: Option<&str>,
    comment: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE approvals SET answer = ?3, by = ?4, comment = ?5, answered_at = ?6
             WHERE asset = ?1 AND memo = ?2",
        )?
        .execute(params![Text(asset), Text(memo), Word(answer), by, comment, At(now)])?;
    Ok(())
}

const SELECT: &str = "SELECT asset, terms, asked_at, expires_at, answer, by, comment, answered_at
     FROM approvals";

/// What the steps of a run have asked, in the order of their assets.
pub(crate) fn asked_in(connection: &Connection, run: RunId) -> Result<Vec<ApprovalRecord>> {
    let records = connection
        .prepare_cached(&format!(
            "{SELECT} JOIN approval_runs USING (asset, memo) WHERE run = ?1 ORDER BY asset"
        ))?
        .query_map([Text(run)], record)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(records)
}

fn find(
    connection: &Connection,
    asset: &AssetKey,
    memo: ContentHash,
) -> Result<Option<ApprovalRecord>> {
    let found = connection
        .prepare_cached(&format!("{SELECT} WHERE asset = ?1 AND memo = ?2"))?
        .query_row(params![Text(asset), Text(memo)], record)
        .optional()?;
    Ok(found)
}

fn found(record: Option<ApprovalRecord>) -> Result<ApprovalRecord> {
    record.ok_or_else(|| LedgerError::protocol("there is no such question"))
}

fn record(row: &Row<'_>) -> rusqlite::Result<ApprovalRecord> {
    let answered_at = row.get::<_, Option<At>>("answered_at")?;
    let answer = row.get::<_, Option<Word<Answer>>>("answer")?.zip(answered_at);
    Ok(ApprovalRecord {
        asset: row.get::<_, Text<_>>("asset")?.0,
        terms: row.get::<_, Json<_>>("terms")?.0,
        asked_at: row.get::<_, At>("asked_at")?.0,
        expires_at: row.get::<_, Option<At>>("expires_at")?.map(|at| at.0),
        answer: match answer {
            Some((answer, at)) => Some(Answered {
                answer: answer.0,
                by: row.get("by")?,
                comment: row.get("comment")?,
                at: at.0,
            }),
            None => None,
        },
    })
}

/// When a question that is asked now is no longer one.
fn after(now: Timestamp, timeout: Duration) -> Timestamp {
    let micros = i64::try_from(timeout.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.as_micros().saturating_add(micros))
}
