//! The loop: looks at what happened, decides, sends, and marks what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use millstream_core::clock::{Clock, Timestamp};
use millstream_core::crash;
use millstream_core::error::{Coded, Error, Result, Retry};
use millstream_core::id::RunId;
use millstream_ledger::{
    Changes, Delivery, DeliveryEnd, DeliveryFilter, DeliveryState, Ledger, MuteTarget, NewDelivery,
    NoticeBook, NoticeDecision,
};
use millstream_project::Project;
use millstream_project::notification::{ChannelKind, Rate};
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::channel::{Channels, Secrets};
use crate::decide::{Decision, Mutes, Policy, decide};
use crate::error::NotifyError;
use crate::happening::{Happening, LateAsset};
use crate::incident::Incident;
use crate::message::{Message, MessageKind, Origin};
use crate::observe::Observer;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(500);
/// How often it looks for what is late.
const LATE_LOOK: Duration = Duration::from_secs(10);
/// The changes that are decided at once.
const CHANGES_MAX: usize = 2000;
/// How often a decision is made again because another process was faster.
const DECISIONS_MAX: usize = 100;
/// The messages that are looked at to be sent; of each channel, one is sent at a time.
const DUE_MAX: usize = 256;
/// How long a process is believed to send a message. Longer than any sending may take.
const SEND_LEASE: Duration = Duration::from_mins(2);
/// The pause after the first attempt to send; it doubles each time.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_hours(1);
/// How often it is tried to send a message before it is given up: for two days.
const ATTEMPTS_MAX: u32 = 60;
/// How long messages are still sent when the server is stopped.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// The waiting messages that are counted.
const COUNTED_MAX: usize = 10_000;

/// Finds the assets that are too old at a moment.
pub type Lateness = Arc<dyn Fn(Timestamp) -> Result<Vec<LateAsset>> + Send + Sync>;

/// What a notifier is given.
pub struct NotifierConfig<'a> {
    /// The book of record.
    pub ledger: Ledger,
    /// Who is told what, of which assets.
    pub project: &'a Project,
    /// Finds the secrets of channels.
    pub secrets: Secrets,
    /// Finds what is late; nobody is told of that otherwise.
    pub lateness: Option<Lateness>,
    /// The time.
    pub clock: Clock,
}

impl fmt::Debug for NotifierConfig<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotifierConfig").finish_non_exhaustive()
    }
}

/// Tells people what happened.
#[derive(Debug, Clone)]
pub struct Notifier(Arc<Inner>);

struct Inner {
    ledger: Ledger,
    clock: Clock,
    observer: Observer,
    policy: Policy,
    channels: Channels,
    lateness: Option<Lateness>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// What a notifier left behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    /// Messages that are still to be sent.
    pub waiting: usize,
}

/// Whether it is time to look for what is late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lates {
    Look,
    Leave,
}

impl Notifier {
    /// One that has not begun.
    pub fn new(config: NotifierConfig<'_>) -> Self {
        let NotifierConfig { ledger, project, secrets, lateness, clock } = config;
        let notifications = &project.notifications;
        let pagers = notifications
            .channels
            .iter()
            .filter(|(_, channel)| matches!(channel.kind, ChannelKind::PagerDuty(_)));
        let keep_open = pagers.map(|(name, _)| name.clone());
        let owners = project.graph.nodes().iter().filter_map(|node| {
            let asset = node.asset();
            Some((asset.clone(), project.owner(asset)?))
        });
        let origin = Origin {
            project: project.name.clone(),
            environment: project.environment.name.clone(),
            url: project.environment.url.clone(),
            owners: owners.collect(),
        };
        Self(Arc::new(Inner {
            observer: Observer::new(ledger.clone(), project),
            policy: Policy {
                rules: notifications.rules.clone(),
                keep_open: keep_open.collect(),
                origin,
            },
            channels: Channels::new(notifications.channels.clone(), secrets),
            ledger,
            clock,
            lateness,
        }))
    }

    /// Remembers that it follows what happens from now on, if it never did.
    pub async fn begin(&self) -> Result<()> {
        if !self.is_idle() {
            self.0.ledger.begin_notices().await?;
        }
        Ok(())
    }

    /// Tells what happens until it is told to stop, and then what is left, for a while.
    pub async fn run(self, stop: CancellationToken) {
        if self.is_idle() {
            return;
        }
        let mut sends = Sends::default();
        let mut late_at: Option<Timestamp> = None;
        while !stop.is_cancelled() {
            let now = self.0.clock.now();
            let pause = LATE_LOOK.as_micros() as i64;
            let is_due = late_at.is_none_or(|at| now.micros_since(at).abs() >= pause);
            let lates = if is_due { Lates::Look } else { Lates::Leave };
            late_at = if is_due { Some(now) } else { late_at };
            if let Err(error) = self.look(lates).await {
                tracing::warn!(%error, "what happened cannot be decided now");
            }
            if let Err(error) = sends.start(&self.0) {
                tracing::warn!(%error, "messages cannot be looked for now");
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                true = sends.ended() => {}
                () = stop.cancelled() => {}
            }
        }
        // One that is on its way may still arrive; what then is left waits for the next process.
        let on_their_way = async { while sends.ended().await {} };
        let _ = tokio::time::timeout(STOP_PATIENCE, on_their_way).await;
        drop(sends);
        if let Err(error) = self.finish(STOP_PATIENCE).await {
            tracing::warn!(%error, "messages wait for the next server");
        }
    }

    /// Tells what has happened, and ends when all is sent or the time is over.
    pub async fn finish(&self, within: Duration) -> Result<Left> {
        if self.is_idle() {
            return Ok(Left::default());
        }
        if let Ok(told) = tokio::time::timeout(within, self.tell_all(within)).await {
            told?;
        }
        let waiting =
            DeliveryFilter { state: Some(DeliveryState::Waiting), ..DeliveryFilter::default() };
        let waiting = self.0.ledger.deliveries(&waiting, COUNTED_MAX)?.len();
        Ok(Left { waiting })
    }

    /// Tries a channel; nothing of that is recorded.
    pub async fn test(&self, channel: &str) -> Result<(), NotifyError> {
        let inner = &self.0;
        let id = format!("test-{}", RunId::new());
        let mut message = Message::test(&inner.policy.origin, id, inner.clock.now());
        inner.channels.send(channel, &message).await?;
        if self.0.policy.keep_open.contains(channel) {
            // What is only tried must not stay open there.
            message.kind = MessageKind::Resolved;
            inner.channels.send(channel, &message).await?;
        }
        Ok(())
    }

    /// Whether nobody is to be told anything.
    fn is_idle(&self) -> bool {
        self.0.policy.rules.is_empty()
    }

    async fn tell_all(&self, within: Duration) -> Result<()> {
        self.look(Lates::Leave).await?;
        let until = self.0.clock.now().as_micros() + within.as_micros() as i64;
        let mut sends = Sends::default();
        loop {
            sends.start(&self.0)?;
            if sends.ended().await {
                continue;
            }
            // Nothing is on its way. What is due later, but in time, is waited for.
            let Some(next) = self.0.ledger.next_delivery_at()? else { return Ok(()) };
            if next.as_micros() > until {
                return Ok(());
            }
            let left = next.micros_since(self.0.clock.now()).max(0).unsigned_abs();
            tokio::time::sleep(Duration::from_micros(left).max(Duration::from_millis(20))).await;
        }
    }

    /// Decides over everything that has happened since it was decided last.
    async fn look(&self, lates: Lates) -> Result<()> {
        for _ in 0..DECISIONS_MAX {
            let inner = Arc::clone(&self.0);
            let decided = tokio::task::spawn_blocking(move || inner.decided(lates)).await;
            let decided = decided.map_err(|error| NotifyError::Unreadable {
                detail: format!("looking broke down: {error}"),
            })??;
            let Some((decision, is_all)) = decided else { return Ok(()) };
            let written = self.0.ledger.decide_notices(decision).await?;
            if written && is_all {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Inner {
    /// What follows from what happened, and whether that was all; `None` if nothing does.
    fn decided(&self, lates: Lates) -> Result<Option<(NoticeDecision, bool)>> {
        let book = self.ledger.notice_book()?;
        let Some(followed) = book.followed else { return Ok(None) };
        let (changes, to, is_all) = match self.ledger.changes_after(followed, CHANGES_MAX)? {
            Changes::Next(changes) => {
                let to = changes.last().map_or(followed, |change| change.sequence);
                let is_all = changes.len() < CHANGES_MAX;
                (changes, to, is_all)
            }
            Changes::Gone => {
                tracing::warn!("too much has happened since anybody was told; some of it is lost");
                (Vec::new(), self.ledger.last_change()?, true)
            }
        };
        let mut happenings = self.observer.happenings(&changes)?;
        if let (Lates::Look, Some(lateness)) = (lates, &self.lateness) {
            happenings.push(Happening::LateNow(lateness(self.clock.now())?));
        }
        let (known, now) = (incidents(&book), self.clock.now());
        happenings.extend(self.observer.questions(known.values(), now)?);
        let mutes = mutes(&book, now);
        let decision = decide(&known, &happenings, &self.policy, &mutes, now);
        if to == followed && decision == Decision::default() {
            return Ok(None);
        }
        Ok(Some((written(&book, to, decision), is_all)))
    }

    /// Sends a message, if this process gets it, and marks what became of it.
    async fn deliver(&self, delivery: &Delivery) -> Result<()> {
        let name = delivery.delivery.as_str();
        if let Ok(channel) = self.channels.get(&delivery.channel)
            && let Some(until) = self.full_until(&delivery.channel, channel.rate)?
        {
            return Ok(self.ledger.postpone_delivery(name, until).await?);
        }
        let Some(attempts) = self.ledger.take_delivery(name, SEND_LEASE).await? else {
            return Ok(());
        };
        crash::point("notify.send.before");
        let sent = match serde_json::from_value(delivery.message.clone()) {
            Ok(message) => self.channels.send(&delivery.channel, &message).await,
            Err(error) => Err(NotifyError::Unreadable { detail: error.to_string() }),
        };
        crash::point("notify.send.after");
        let end = match sent {
            Ok(()) => DeliveryEnd::Sent,
            Err(error) => self.end_after(&delivery.channel, attempts, &error),
        };
        Ok(self.ledger.end_delivery(name, end).await?)
    }

    fn end_after(&self, channel: &str, attempts: u32, error: &NotifyError) -> DeliveryEnd {
        let told = format!("{}: {error}", error.code());
        if error.retry() == Retry::Never || attempts >= ATTEMPTS_MAX {
            tracing::warn!(channel, error = told, "a message is given up");
            return DeliveryEnd::Dead { error: told };
        }
        tracing::debug!(channel, error = told, attempts, "a message is sent again later");
        let pause = error.wait().unwrap_or_default().max(pause_after(attempts));
        let at = self.clock.now().as_micros() + pause.as_micros() as i64;
        DeliveryEnd::Again { at: Timestamp::from_micros(at), error: told }
    }

    /// When a channel takes messages again, if it has had all that it takes.
    fn full_until(&self, channel: &str, rate: Rate) -> Result<Option<Timestamp>> {
        let latest = self.ledger.sent_moments(channel, rate.messages as usize)?;
        let Some(oldest) = latest.get(rate.messages as usize - 1) else { return Ok(None) };
        let until = Timestamp::from_micros(oldest.as_micros() + rate.per.micros());
        Ok((self.clock.now() < until).then_some(until))
    }
}

/// The pause before the next attempt.
fn pause_after(attempts: u32) -> Duration {
    PAUSE.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1))).min(PAUSE_MAX)
}

/// What the ledger has of incidents. One that another version wrote is left to that.
fn incidents(book: &NoticeBook) -> BTreeMap<String, Incident> {
    let read = |(cause, state): (&String, &serde_json::Value)| {
        Some((cause.clone(), serde_json::from_value(state.clone()).ok()?))
    };
    book.incidents.iter().filter_map(read).collect()
}

fn mutes(book: &NoticeBook, now: Timestamp) -> Mutes {
    let mut mutes = Mutes::default();
    for mute in book.mutes.iter().filter(|mute| now < mute.until) {
        match &mute.target {
            MuteTarget::Everything => mutes.everything = true,
            MuteTarget::Asset(asset) => {
                mutes.assets.insert(asset.clone());
            }
        }
    }
    mutes
}

fn written(book: &NoticeBook, followed: u64, decision: Decision) -> NoticeDecision {
    let incidents = decision.incidents.into_iter();
    let incidents = incidents.map(|(cause, it)| (cause, it.map(|incident| json!(incident))));
    let deliveries = decision.messages.into_iter().map(|(channel, message)| NewDelivery {
        delivery: message.id.clone(),
        channel,
        incident: message.incident.clone(),
        message: json!(message),
    });
    NoticeDecision {
        revision: book.revision,
        followed,
        incidents: incidents.collect(),
        deliveries: deliveries.collect(),
    }
}

/// Messages on their way, one of each channel, so that a slow receiver keeps no other waiting.
#[derive(Debug, Default)]
struct Sends {
    tasks: JoinSet<String>,
    busy: BTreeSet<String>,
}

impl Sends {
    /// Starts sending what is due to channels that are not busy.
    fn start(&mut self, inner: &Arc<Inner>) -> Result<(), Error> {
        for delivery in inner.ledger.due_deliveries(DUE_MAX)? {
            if self.busy.insert(delivery.channel.clone()) {
                let inner = Arc::clone(inner);
                self.tasks.spawn(async move {
                    if let Err(error) = inner.deliver(&delivery).await {
                        tracing::warn!(%error, "what became of a message is not recorded");
                    }
                    delivery.channel
                });
            }
        }
        Ok(())
    }

    /// Waits for the end of one; `false` at once if none is on its way.
    async fn ended(&mut self) -> bool {
        match self.tasks.join_next().await {
            Some(Ok(channel)) => {
                self.busy.remove(&channel);
                true
            }
            Some(Err(error)) => {
                tracing::error!(%error, "sending a message broke down");
                // Which channel it was is not known; the others go on a little later.
                self.busy.clear();
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
#[path = "notifier_tests.rs"]
mod tests;
