//! Messages that are to be sent: taken by one process at a time, sent, and marked.
//!
//! A process that dies between sending and marking leaves the message waiting: it is sent again,
//! under the same name.

use std::collections::BTreeMap;
use std::time::Duration;

use millstream_core::clock::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::audit::{Action, Deed, audit};
use crate::columns::{At, Count, Json, Word};
use crate::error::{LedgerError, Result};
use crate::holder::{Holder, is_gone};
use crate::lease::{LeaseEnd, Moment};
use crate::ledger::Ledger;
use crate::notices::NewDelivery;

/// The messages that are kept beside those that wait.
const KEPT_MAX: i64 = 20_000;
/// The longest error that is kept, in characters.
const ERROR_CHARS_MAX: usize = 500;

/// A message, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Delivery {
    /// Its number; grows.
    pub position: u64,
    /// Names it for ever.
    pub delivery: String,
    /// To whom.
    pub channel: String,
    /// The incident that it is about.
    pub incident: String,
    /// What it says.
    pub message: Value,
    /// What became of it.
    pub state: DeliveryState,
    /// How often it was sent, or begun to be.
    pub attempts: u32,
    /// When it was decided.
    pub created_at: Timestamp,
    /// When it is sent next, or was last to be.
    pub due_at: Timestamp,
    /// When it came to its end.
    pub ended_at: Option<Timestamp>,
    /// Why it could not be sent the last time.
    pub error: Option<String>,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is still to be sent.
    Waiting,
    /// The receiver took it.
    Sent,
    /// It was given up.
    Dead,
}

impl DeliveryState {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Dead => "dead",
        }
    }
}

/// How an attempt to send a message ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryEnd {
    /// The receiver took it.
    Sent,
    /// It is tried again.
    Again {
        /// When.
        at: Timestamp,
        /// Why not now.
        error: String,
    },
    /// It is given up.
    Dead {
        /// Why.
        error: String,
    },
}

/// Which messages are meant.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// In this state.
    pub state: Option<DeliveryState>,
    /// To this channel.
    pub channel: Option<String>,
    /// About this incident.
    pub incident: Option<String>,
    /// Before this number.
    pub before: Option<u64>,
}

/// What was told of an incident.
#[derive(Debug, Clone, PartialEq)]
pub struct ToldOf {
    /// The newest message about it.
    pub last: Delivery,
    /// How many there are.
    pub messages: u64,
    /// The channels that were told.
    pub channels: Vec<String>,
}

/// What became of the messages to a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelRecord {
    /// How many are in which state.
    pub counts: BTreeMap<String, u64>,
    /// When it took the last one.
    pub sent_at: Option<Timestamp>,
}

impl Ledger {
    /// The messages that are to be sent now, the oldest first. Of those about one incident to one
    /// channel, only the first; none that another living process is sending.
    pub fn due_deliveries(&self, limit: usize) -> Result<Vec<Delivery>> {
        let now = self.now();
        self.read(|connection| {
            let due: Vec<(Delivery, Hold)> = connection
                .prepare_cached(&format!(
                    "{SELECT} WHERE {FIRST} AND d.due_at <= ?1 ORDER BY d.position LIMIT ?2"
                ))?
                .query_map(params![At(now), Count(limit as u64)], |row| {
                    Ok((delivery(row)?, hold(row)?))
                })?
                .collect::<rusqlite::Result<_>>()?;
            let free = due.into_iter().filter(|(_, hold)| is_free(hold, now));
            Ok(free.map(|(delivery, _)| delivery).collect())
        })
    }

    /// When the next message is to be sent; `None` if none waits.
    pub fn next_delivery_at(&self) -> Result<Option<Timestamp>> {
        self.read(|connection| {
            let next: Option<At> = connection
                .prepare_cached(&format!("SELECT min(d.due_at) FROM deliveries d WHERE {FIRST}"))?
                .query_row([], |row| row.get(0))?;
            Ok(next.map(|at| at.0))
        })
    }

    /// Takes a message to send it, for so long at most; gives how often that was done now, or
    /// `None` if it has come to an end or another process has it.
    pub async fn take_delivery(&self, delivery: &str, lease: Duration) -> Result<Option<u32>> {
        let (delivery, now) = (delivery.to_owned(), self.now());
        let until = Timestamp::from_micros(now.as_micros() + lease.as_micros() as i64);
        self.write(move |connection| {
            let found: Option<Hold> = connection
                .prepare_cached(&format!("{SELECT} WHERE d.delivery = ?1 AND d.state = 'waiting'"))?
                .query_row([&delivery], hold)
                .optional()?;
            if !found.is_some_and(|hold| is_free(&hold, now)) {
                return Ok(None);
            }
            let attempts = connection
                .prepare_cached(
                    "UPDATE deliveries SET holder = ?2, held_until = ?3, attempts = attempts + 1
                     WHERE delivery = ?1 RETURNING attempts",
                )?
                .query_row(
                    params![delivery, Json(Holder::current("notifications")), At(until)],
                    |row| row.get(0),
                )?;
            Ok(Some(attempts))
        })
        .await
    }

    /// Marks how an attempt ended. A message that has come to its end keeps it.
    pub async fn end_delivery(&self, delivery: &str, end: DeliveryEnd) -> Result<()> {
        let (delivery, now) = (delivery.to_owned(), self.now());
        let (state, due_at, error) = match end {
            DeliveryEnd::Sent => (DeliveryState::Sent, None, None),
            DeliveryEnd::Again { at, error } => (DeliveryState::Waiting, Some(at), Some(error)),
            DeliveryEnd::Dead { error } => (DeliveryState::Dead, None, Some(error)),
        };
        let error: Option<String> = error.map(|text| text.chars().take(ERROR_CHARS_MAX).collect());
        let ended_at = (state != DeliveryState::Waiting).then_some(At(now));
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE deliveries SET state = ?2, due_at = coalesce(?3, due_at), error = ?4,
                         ended_at = ?5, holder = NULL, held_until = NULL
                     WHERE delivery = ?1 AND state = 'waiting'",
                )?
                .execute(params![delivery, Word(state), due_at.map(At), error, ended_at])?;
            Ok(())
        })
        .await
    }

    /// Puts a message off that nobody has begun to send.
    pub async fn postpone_delivery(&self, delivery: &str, until: Timestamp) -> Result<()> {
        let delivery = delivery.to_owned();
        self.write_ahead(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE deliveries SET due_at = ?2
                     WHERE delivery = ?1 AND state = 'waiting' AND holder IS NULL",
                )?
                .execute(params![delivery, At(until)])?;
            Ok(())
        })
        .await
    }

    /// When a channel took its latest messages, the newest first.
    pub fn sent_moments(&self, channel: &str, limit: usize) -> Result<Vec<Timestamp>> {
        self.read(|connection| {
            let moments = connection
                .prepare_cached(
                    "SELECT ended_at FROM deliveries WHERE channel = ?1 AND state = 'sent'
                     ORDER BY ended_at DESC LIMIT ?2",
                )?
                .query_map(params![channel, Count(limit as u64)], |row| Ok(row.get::<_, At>(0)?.0))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(moments)
        })
    }

    /// Messages and what became of them, the newest first.
    pub fn deliveries(&self, filter: &DeliveryFilter, limit: usize) -> Result<Vec<Delivery>> {
        let before = filter.before.map_or(i64::MAX, |at| at.try_into().unwrap_or(i64::MAX));
        self.read(|connection| {
            let deliveries = connection
                .prepare_cached(&format!(
                    "{SELECT} WHERE (?1 IS NULL OR d.state = ?1) AND (?2 IS NULL OR d.channel = ?2)
                     AND (?3 IS NULL OR d.incident = ?3) AND d.position < ?4
                     ORDER BY d.position DESC LIMIT ?5"
                ))?
                .query_map(
                    params![
                        filter.state.map(Word),
                        filter.channel,
                        filter.incident,
                        before,
                        Count(limit as u64)
                    ],
                    delivery,
                )?
                .collect::<rusqlite::Result<_>>()?;
            Ok(deliveries)
        })
    }

    /// One message, and what became of it.
    pub fn delivery(&self, id: &str) -> Result<Option<Delivery>> {
        self.read(|connection| Ok(one(connection, id)?))
    }

    /// What was told of incidents, the one with the newest message first.
    pub fn told_of_incidents(&self, limit: usize) -> Result<Vec<ToldOf>> {
        self.read(|connection| {
            let told = connection
                .prepare_cached(&format!(
                    "SELECT o.*, g.messages, g.channels
                     FROM (SELECT incident, max(position) AS last, count(*) AS messages,
                                  json_group_array(DISTINCT channel) AS channels
                           FROM deliveries GROUP BY incident ORDER BY last DESC LIMIT ?1) g
                     JOIN ({SELECT}) o ON o.position = g.last ORDER BY g.last DESC",
                ))?
                .query_map([Count(limit as u64)], |row| {
                    Ok(ToldOf {
                        last: delivery(row)?,
                        messages: row.get::<_, Count>(13)?.0,
                        channels: row.get::<_, Json<_>>(14)?.0,
                    })
                })?
                .collect::<rusqlite::Result<_>>()?;
            Ok(told)
        })
    }

    /// What became of the messages to each channel that ever had one.
    pub fn told_channels(&self) -> Result<BTreeMap<String, ChannelRecord>> {
        self.read(|connection| {
            let mut channels: BTreeMap<String, ChannelRecord> = BTreeMap::new();
            let mut statement = connection.prepare_cached(
                "SELECT channel, state, count(*), max(ended_at) FROM deliveries
                 GROUP BY channel, state",
            )?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let (name, state): (String, Word<DeliveryState>) = (row.get(0)?, row.get(1)?);
                let channel = channels.entry(name).or_default();
                channel.counts.insert(state.0.word().to_owned(), row.get::<_, Count>(2)?.0);
                if state.0 == DeliveryState::Sent {
                    channel.sent_at = row.get::<_, Option<At>>(3)?.map(|at| at.0);
                }
            }
            Ok(channels)
        })
    }

    /// Sends a message once more that was given up, as if it was decided now.
    ///
    /// Fails with `ledger.unknown_message` and `ledger.message_not_dead`.
    pub async fn resend_delivery(&self, id: &str) -> Result<()> {
        let (id, now, by) = (id.to_owned(), self.now(), self.actor());
        self.write(move |connection| {
            let Some(found) = one(connection, &id)? else {
                return Err(LedgerError::UnknownMessage { id });
            };
            if found.state != DeliveryState::Dead {
                return Err(LedgerError::MessageNotDead { id, state: found.state });
            }
            connection
                .prepare_cached(&format!("{RESEND} WHERE delivery = ?2"))?
                .execute(params![At(now), id])?;
            audit(connection, by.as_deref(), now, || {
                Deed::new(Action::NotificationsResend, format!("message:{id}")).with(&found.channel)
            })
        })
        .await
    }

    /// Sends all messages once more that were given up, or those to one channel; gives how many.
    pub async fn resend_dead(&self, channel: Option<String>) -> Result<u64> {
        let (now, by) = (self.now(), self.actor());
        self.write(move |connection| {
            let sent = connection
                .prepare_cached(&format!(
                    "{RESEND} WHERE state = 'dead' AND (?2 IS NULL OR channel = ?2)"
                ))?
                .execute(params![At(now), channel])? as u64;
            if sent > 0 {
                let target = channel.map_or("*".to_owned(), |name| format!("channel:{name}"));
                audit(connection, by.as_deref(), now, || {
                    let detail = format!("{sent} messages");
                    Deed::new(Action::NotificationsResend, target).with(&detail)
                })?;
            }
            Ok(sent)
        })
        .await
    }
}

/// Who sends a message, and until when.
type Hold = Option<(Holder, Timestamp)>;

/// What is read of a message, by [`delivery`] and [`hold`].
const SELECT: &str = "SELECT d.delivery, d.channel, d.incident, d.message, d.state, d.attempts,
     d.created_at, d.due_at, d.ended_at, d.error, d.holder, d.held_until, d.position
     FROM deliveries d";

/// Of messages that were given up: they wait again, with all attempts before them.
const RESEND: &str = "UPDATE deliveries SET state = 'waiting', due_at = ?1, attempts = 0,
     ended_at = NULL, holder = NULL, held_until = NULL";

/// Of the messages that wait, those that no earlier one about the same incident to the same channel
/// stands before.
const FIRST: &str = "d.state = 'waiting' AND NOT EXISTS (SELECT 1 FROM deliveries e
     WHERE e.incident = d.incident AND e.channel = d.channel AND e.position < d.position
     AND e.state = 'waiting')";

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        delivery: row.get(0)?,
        channel: row.get(1)?,
        incident: row.get(2)?,
        message: row.get::<_, Json<_>>(3)?.0,
        state: row.get::<_, Word<_>>(4)?.0,
        attempts: row.get(5)?,
        created_at: row.get::<_, At>(6)?.0,
        due_at: row.get::<_, At>(7)?.0,
        ended_at: row.get::<_, Option<At>>(8)?.map(|at| at.0),
        error: row.get(9)?,
        position: row.get::<_, Count>(12)?.0,
    })
}

fn one(connection: &Connection, id: &str) -> rusqlite::Result<Option<Delivery>> {
    connection
        .prepare_cached(&format!("{SELECT} WHERE d.delivery = ?1"))?
        .query_row([id], delivery)
        .optional()
}

fn hold(row: &Row<'_>) -> rusqlite::Result<Hold> {
    let holder: Option<Json<Holder>> = row.get(10)?;
    let until: Option<At> = row.get(11)?;
    Ok(holder.map(|holder| holder.0).zip(until.map(|at| at.0)))
}

fn is_free(hold: &Hold, now: Timestamp) -> bool {
    hold.as_ref().is_none_or(|(holder, until)| {
        is_gone(holder, LeaseEnd::by_clock(*until), Moment { now, uptime: None })
    })
}

/// Adds a message in the transaction of the decision to send it. One that is there stays as it is.
pub(crate) fn add_delivery(
    connection: &Connection,
    new: &NewDelivery,
    now: Timestamp,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO deliveries (delivery, channel, incident, message, state, created_at, due_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            new.delivery,
            new.channel,
            new.incident,
            Json(&new.message),
            Word(DeliveryState::Waiting),
            At(now),
        ])?;
    Ok(())
}

/// Forgets the oldest messages that have come to their end.
pub(crate) fn trim(connection: &Connection) -> Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM deliveries WHERE state <> 'waiting'
             AND position <= (SELECT coalesce(max(position), 0) FROM deliveries) - ?1",
        )?
        .execute([KEPT_MAX])?;
    Ok(())
}
