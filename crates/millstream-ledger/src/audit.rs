//! The audit record: who asked for what, and whether it was done.
//!
//! What is done is recorded in the transaction that does it, by handles that act for somebody; what
//! was refused is recorded on its own.

use std::fmt;

use millstream_core::clock::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use crate::columns::{At, Count, Word};
use crate::error::Result;
use crate::ledger::Ledger;

/// The longest detail that is kept, in characters.
const DETAIL_CHARS_MAX: usize = 2000;

/// In whose name something is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The principal.
    pub name: String,
    /// How it came in.
    pub via: Via,
}

/// How a principal came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// By the command line.
    CommandLine,
    /// By a listener that only this machine reaches, without a token.
    Loopback,
    /// With a token.
    Token,
    /// With a session of the browser.
    Session,
}

/// What somebody can do that is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// A run is started.
    #[serde(rename = "run.start")]
    RunStart,
    /// A run is asked to stop.
    #[serde(rename = "run.cancel")]
    RunCancel,
    /// What a step of a run asked is approved.
    #[serde(rename = "run.approve")]
    RunApprove,
    /// What a step of a run asked is rejected.
    #[serde(rename = "run.reject")]
    RunReject,
    /// A backfill is started.
    #[serde(rename = "backfill.start")]
    BackfillStart,
    /// A backfill is held back.
    #[serde(rename = "backfill.pause")]
    BackfillPause,
    /// A backfill goes on.
    #[serde(rename = "backfill.resume")]
    BackfillResume,
    /// A backfill is stopped for good.
    #[serde(rename = "backfill.cancel")]
    BackfillCancel,
    /// A schedule is paused.
    #[serde(rename = "schedule.pause")]
    SchedulePause,
    /// A schedule goes on.
    #[serde(rename = "schedule.resume")]
    ScheduleResume,
    /// A schedule is asked for a run.
    #[serde(rename = "schedule.run")]
    ScheduleRun,
    /// Notifications of something are held back.
    #[serde(rename = "notifications.mute")]
    NotificationsMute,
    /// Notifications of something are sent again.
    #[serde(rename = "notifications.unmute")]
    NotificationsUnmute,
    /// A message that was given up is to be sent once more.
    #[serde(rename = "notifications.resend")]
    NotificationsResend,
    /// A channel is tried.
    #[serde(rename = "notifications.test")]
    NotificationsTest,
    /// The environment is backed up.
    #[serde(rename = "backup.take")]
    BackupTake,
    /// Old backups are removed.
    #[serde(rename = "backup.prune")]
    BackupPrune,
    /// A backup is put into the environment.
    #[serde(rename = "backup.restore")]
    BackupRestore,
    /// A branch of the environment is made.
    #[serde(rename = "env.create")]
    EnvCreate,
    /// A branch of the environment is removed.
    #[serde(rename = "env.drop")]
    EnvDrop,
    /// An alias is moved to a version.
    #[serde(rename = "model.promote")]
    ModelPromote,
    /// An alias is moved back.
    #[serde(rename = "model.rollback")]
    ModelRollback,
    /// A release is proposed, or made the current one at once.
    #[serde(rename = "release.deploy")]
    ReleaseDeploy,
    /// The files of an earlier release are wanted again.
    #[serde(rename = "release.rollback")]
    ReleaseRollback,
    /// A release that was proposed is approved.
    #[serde(rename = "release.approve")]
    ReleaseApprove,
    /// A release that was proposed is rejected.
    #[serde(rename = "release.reject")]
    ReleaseReject,
    /// The environment runs by the files of the folder again.
    #[serde(rename = "release.leave")]
    ReleaseLeave,
    /// The files of old releases are given up.
    #[serde(rename = "release.retire")]
    ReleaseRetire,
    /// A token is made.
    #[serde(rename = "token.add")]
    TokenAdd,
    /// A token is ended.
    #[serde(rename = "token.revoke")]
    TokenRevoke,
    /// A session of the browser begins.
    #[serde(rename = "session.open")]
    SessionOpen,
    /// A session of the browser ends.
    #[serde(rename = "session.close")]
    SessionClose,
    /// Somebody reads rows with SQL.
    #[serde(rename = "query")]
    Query,
    /// Something else was asked for, and refused.
    #[serde(rename = "request")]
    Request,
}

/// Whether it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It was.
    Done,
    /// The principal may not.
    Refused,
    /// It could not be done.
    Failed,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// What.
    pub action: Action,
    /// On what: `run:...`, `schedule:nightly`.
    pub target: String,
    /// Whether it was done.
    pub outcome: AuditOutcome,
    /// More, for people.
    pub detail: Option<String>,
}

impl Deed {
    /// Something that is done.
    pub fn new(action: Action, target: impl Into<String>) -> Self {
        Self { action, target: target.into(), outcome: AuditOutcome::Done, detail: None }
    }

    /// With more for people.
    #[must_use]
    pub fn with(mut self, detail: &str) -> Self {
        let detail: String = detail.chars().take(DETAIL_CHARS_MAX).collect();
        self.detail = Some(detail).filter(|detail| !detail.is_empty());
        self
    }

    /// With another outcome.
    #[must_use]
    pub fn that(mut self, outcome: AuditOutcome) -> Self {
        self.outcome = outcome;
        self
    }
}

/// A line of the audit record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditRecord {
    /// Its number; grows.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// How they came in.
    pub via: Via,
    /// What.
    pub action: Action,
    /// On what.
    pub target: String,
    /// Whether it was done.
    pub outcome: AuditOutcome,
    /// More, for people.
    pub detail: Option<String>,
}

/// Which lines of the audit record are meant.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Of this principal.
    pub by: Option<String>,
    /// Of this action.
    pub action: Option<String>,
    /// Not before this moment.
    pub since: Option<Timestamp>,
    /// Before this number.
    pub before: Option<u64>,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl Ledger {
    /// Records a deed that changes nothing in the ledger, or that was refused.
    pub async fn record(&self, actor: Actor, deed: Deed) -> Result<()> {
        let now = self.now();
        self.write(move |connection| audit(connection, Some(&actor), now, || deed)).await
    }

    /// The audit record, the newest line first.
    pub fn audit_records(&self, filter: &AuditFilter, limit: usize) -> Result<Vec<AuditRecord>> {
        let since = filter.since.map_or(i64::MIN, Timestamp::as_micros);
        let before = filter.before.map_or(i64::MAX, |number| number.try_into().unwrap_or(i64::MAX));
        self.read(|connection| {
            let records = connection
                .prepare_cached(&format!(
                    "SELECT sequence, at, by, via, action, target, outcome, detail FROM audit
                     WHERE sequence < ?1 AND at >= ?2 {} {} ORDER BY sequence DESC LIMIT ?5",
                    if filter.by.is_some() { "AND by = ?3" } else { "AND ?3 IS NULL" },
                    if filter.action.is_some() { "AND action = ?4" } else { "AND ?4 IS NULL" },
                ))?
                .query_map(
                    params![before, since, filter.by, filter.action, Count(limit as u64)],
                    audit_record,
                )?
                .collect::<rusqlite::Result<_>>()?;
            Ok(records)
        })
    }
}

/// Records what somebody does, in the transaction that does it. Without an actor there is nothing
/// to record.
pub(crate) fn audit(
    connection: &Connection,
    actor: Option<&Actor>,
    now: Timestamp,
    deed: impl FnOnce() -> Deed,
) -> Result<()> {
    let Some(actor) = actor else { return Ok(()) };
    let deed = deed();
    connection
        .prepare_cached(
            "INSERT INTO audit (at, by, via, action, target, outcome, detail)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            At(now),
            actor.name,
            Word(actor.via),
            Word(deed.action),
            deed.target,
            Word(deed.outcome),
            deed.detail,
        ])?;
    Ok(())
}

fn audit_record(row: &Row<'_>) -> rusqlite::Result<AuditRecord> {
    Ok(AuditRecord {
        sequence: row.get::<_, Count>(0)?.0,
        at: row.get::<_, At>(1)?.0,
        by: row.get(2)?,
        via: row.get::<_, Word<_>>(3)?.0,
        action: row.get::<_, Word<_>>(4)?.0,
        target: row.get(5)?,
        outcome: row.get::<_, Word<_>>(6)?.0,
        detail: row.get(7)?,
    })
}
