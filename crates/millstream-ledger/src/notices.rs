//! What people are told: how far the changes are decided, what is wrong now, what is muted.
//!
//! A decision is written as a whole, with the messages that follow from it, and only by whoever
//! knows the newest one. So each change is decided once, however many processes look.

use std::collections::BTreeMap;

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::id::RunId;
use millstream_core::step::{CheckResult, StepKind};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::audit::{Action, Deed, audit};
use crate::columns::{At, Count, Json, Text, Word};
use crate::error::Result;
use crate::ledger::Ledger;
use crate::outbox::{add_delivery, trim};
use crate::records::{RunState, StepError, StepState};

/// The word that stands for everything among mutes.
const EVERYTHING: &str = "*";

/// What the ledger knows of notices.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NoticeBook {
    /// The number of the latest decision; 0 before the first.
    pub revision: u64,
    /// The latest change that is decided; `None` before the first decision.
    pub followed: Option<u64>,
    /// What is wrong, by its cause. What it means is known to the notifier.
    pub incidents: BTreeMap<String, Value>,
    /// What is muted, also what no longer is.
    pub mutes: Vec<MuteRecord>,
}

/// What follows from changes and from time. Written down as a whole or not at all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NoticeDecision {
    /// The number of the decision that it was made after.
    pub revision: u64,
    /// The latest change that is decided from now on.
    pub followed: u64,
    /// What has become of causes; `None` for one that is no more.
    pub incidents: BTreeMap<String, Option<Value>>,
    /// Messages to send, in order.
    pub deliveries: Vec<NewDelivery>,
}

/// A message to send.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDelivery {
    /// Names it for ever.
    pub delivery: String,
    /// To whom.
    pub channel: String,
    /// The incident that it is about; messages about one reach a channel in order.
    pub incident: String,
    /// What it says. What it means is known to the notifier.
    pub message: Value,
}

/// What somebody muted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MuteRecord {
    /// What nobody is told of.
    pub target: MuteTarget,
    /// Until when.
    pub until: Timestamp,
    /// Who muted it.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub since: Timestamp,
}

/// What can be muted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum MuteTarget {
    /// All that there is.
    Everything,
    /// What begins at an asset.
    Asset(AssetKey),
}

impl std::fmt::Display for MuteTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Everything => f.write_str(EVERYTHING),
            Self::Asset(asset) => asset.fmt(f),
        }
    }
}

impl Serialize for MuteTarget {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How a step of a run stands, and what came of its asset since.
#[derive(Debug, Clone, PartialEq)]
pub struct StepNews {
    /// The kind of work.
    pub kind: StepKind,
    /// How it stands.
    pub state: StepState,
    /// How its run stands.
    pub run_state: RunState,
    /// When it got there.
    pub at: Timestamp,
    /// When a step of the asset last succeeded, in any run.
    pub settled_at: Option<Timestamp>,
    /// The error of its last attempt.
    pub error: Option<StepError>,
    /// The checks of its last attempt.
    pub checks: Vec<CheckResult>,
    /// The line for people of its last attempt.
    pub note: Option<String>,
    /// Why it ran, or did not.
    pub reason: String,
}

impl Ledger {
    /// What is known of notices, from one state.
    pub fn notice_book(&self) -> Result<NoticeBook> {
        self.read(|connection| {
            let head: Option<(u64, u64)> = connection
                .prepare_cached("SELECT revision, followed FROM notices")?
                .query_row([], |row| Ok((row.get::<_, Count>(0)?.0, row.get::<_, Count>(1)?.0)))
                .optional()?;
            let incidents = connection
                .prepare_cached("SELECT cause, state FROM incidents")?
                .query_map([], |row| Ok((row.get(0)?, row.get::<_, Json<Value>>(1)?.0)))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(NoticeBook {
                revision: head.map_or(0, |(revision, _)| revision),
                followed: head.map(|(_, followed)| followed),
                incidents,
                mutes: mutes(connection)?,
            })
        })
    }

    /// Follows the changes from now on, if that has not begun.
    pub async fn begin_notices(&self) -> Result<()> {
        if self.notice_book()?.followed.is_some() {
            return Ok(());
        }
        self.write(|connection| {
            connection.execute(
                "INSERT INTO notices (one, revision, followed)
                 VALUES (1, 0, (SELECT coalesce(max(sequence), 0) FROM changes))
                 ON CONFLICT DO NOTHING",
                [],
            )?;
            Ok(())
        })
        .await
    }

    /// Writes a decision down with its messages. `false`, and nothing is written, if another
    /// process has decided meanwhile.
    pub async fn decide_notices(&self, decision: NoticeDecision) -> Result<bool> {
        let now = self.now();
        let says_nothing = decision.deliveries.is_empty() && decision.incidents.is_empty();
        let write = move |connection: &Connection| decide(connection, &decision, now);
        // How far changes were looked through may be forgotten: they are looked through again.
        if says_nothing { self.write_ahead(write).await } else { self.write(write).await }
    }

    /// Mutes something until a moment.
    pub async fn mute(&self, target: MuteTarget, until: Timestamp, reason: &str) -> Result<()> {
        let (now, by, reason) = (self.now(), self.actor(), reason.to_owned());
        self.write(move |connection| {
            audit(connection, by.as_deref(), now, || {
                let detail = format!("until {until} {reason}");
                Deed::new(Action::NotificationsMute, target.to_string()).with(detail.trim())
            })?;
            let name = by.as_deref().map_or("somebody", |by| by.name.as_str());
            let reason = Some(reason.trim()).filter(|reason| !reason.is_empty());
            connection
                .prepare_cached(
                    "INSERT INTO mutes (target, until, by, reason, since)
                     VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (target) DO UPDATE
                     SET until = excluded.until, by = excluded.by, reason = excluded.reason,
                         since = excluded.since",
                )?
                .execute(params![target.to_string(), At(until), name, reason, At(now)])?;
            connection.prepare_cached("DELETE FROM mutes WHERE until <= ?1")?.execute([At(now)])?;
            Ok(())
        })
        .await
    }

    /// Ends a mute; `false` if there is none.
    pub async fn unmute(&self, target: MuteTarget) -> Result<bool> {
        let (now, by) = (self.now(), self.actor());
        self.write(move |connection| {
            let ended = connection
                .prepare_cached("DELETE FROM mutes WHERE target = ?1 AND until > ?2")?
                .execute(params![target.to_string(), At(now)])?;
            if ended == 1 {
                audit(connection, by.as_deref(), now, || {
                    Deed::new(Action::NotificationsUnmute, target.to_string())
                })?;
            }
            Ok(ended == 1)
        })
        .await
    }

    /// How a step stands, and what came of its asset since; `None` if the run has no such step.
    pub fn step_news(&self, run: RunId, asset: &AssetKey) -> Result<Option<StepNews>> {
        self.read(|connection| {
            let news = connection
                .prepare_cached(
                    "SELECT s.kind, s.state, r.state, s.at, o.settled_at, a.error, a.checks, a.note,
                            s.reason
                     FROM steps s JOIN runs r ON r.run = s.run
                     LEFT JOIN assets o ON o.asset = s.asset
                     LEFT JOIN attempts a ON a.attempt =
                         (SELECT attempt FROM attempts WHERE run = s.run AND asset = s.asset
                          ORDER BY number DESC, rowid DESC LIMIT 1)
                     WHERE s.run = ?1 AND s.asset = ?2",
                )?
                .query_row(params![Text(run), Text(asset)], step_news)
                .optional()?;
            Ok(news)
        })
    }
}

fn step_news(row: &Row<'_>) -> rusqlite::Result<StepNews> {
    Ok(StepNews {
        kind: row.get::<_, Word<_>>(0)?.0,
        state: row.get::<_, Word<_>>(1)?.0,
        run_state: row.get::<_, Word<_>>(2)?.0,
        at: row.get::<_, At>(3)?.0,
        settled_at: row.get::<_, Option<At>>(4)?.map(|at| at.0),
        error: row.get::<_, Option<Json<_>>>(5)?.map(|error| error.0),
        checks: row.get::<_, Option<Json<_>>>(6)?.map(|checks| checks.0).unwrap_or_default(),
        note: row.get(7)?,
        reason: row.get(8)?,
    })
}

fn mutes(connection: &Connection) -> Result<Vec<MuteRecord>> {
    let mutes = connection
        .prepare_cached("SELECT target, until, by, reason, since FROM mutes ORDER BY target")?
        .query_map([], |row| {
            let target: String = row.get(0)?;
            Ok(MuteRecord {
                target: if target == EVERYTHING {
                    MuteTarget::Everything
                } else {
                    MuteTarget::Asset(row.get::<_, Text<_>>(0)?.0)
                },
                until: row.get::<_, At>(1)?.0,
                by: row.get(2)?,
                reason: row.get(3)?,
                since: row.get::<_, At>(4)?.0,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(mutes)
}

fn decide(connection: &Connection, decision: &NoticeDecision, now: Timestamp) -> Result<bool> {
    let moved = connection
        .prepare_cached(
            "UPDATE notices SET revision = revision + 1, followed = ?2 WHERE revision = ?1",
        )?
        .execute(params![Count(decision.revision), Count(decision.followed)])?;
    if moved == 0 {
        return Ok(false);
    }
    for (cause, state) in &decision.incidents {
        match state {
            Some(state) => connection
                .prepare_cached(
                    "INSERT INTO incidents (cause, state) VALUES (?1, ?2)
                     ON CONFLICT (cause) DO UPDATE SET state = excluded.state",
                )?
                .execute(params![cause, Json(state)])?,
            None => connection
                .prepare_cached("DELETE FROM incidents WHERE cause = ?1")?
                .execute([cause])?,
        };
    }
    for delivery in &decision.deliveries {
        add_delivery(connection, delivery, now)?;
    }
    trim(connection)?;
    Ok(true)
}
