//! The changes of the ledger as they come: server-sent events (HTML, "Server-sent events") that a
//! client resumes exactly where it stopped.
//!
//! No client has a queue: each reads pages of the ledger when its connection has room. One task
//! looks whether the ledger has grown, as long as there is a client.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use millstream_ledger::{Changed, Changes, Ledger};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Api;
use super::error::{ApiError, Refusal};
use super::moment::Moment;

/// Clients that may follow the events at the same time.
const STREAMS_MAX: usize = 64;
/// Changes that a client reads from the ledger at once.
const PAGE_CHANGES: usize = 256;
/// How often the ledger is looked at while there is a client.
const LOOK: Duration = Duration::from_millis(100);
/// How often a quiet connection is shown to live.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Where to begin.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct From {
    /// The number of the last event that is known; now without. `Last-Event-ID` goes before it.
    after: Option<u64>,
}

/// A change of the ledger. Which fields it has depends on its kind.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ChangeEvent {
    sequence: u64,
    /// `run`, `step`, `version`, `alias`, `schedule`, `fire`, `backfill`, `notice`, `message`,
    /// `mute` or `audit`.
    kind: String,
    at: Option<Moment>,
    run: Option<String>,
    asset: Option<String>,
    schedule: Option<String>,
    /// The state from then on; of an alias its name.
    state: Option<String>,
    version: Option<u64>,
}

/// The first event of a stream.
#[derive(Debug, Serialize)]
struct Begin {
    sequence: u64,
}

/// The changes of the ledger in order, each once. The first event is `hello`, or `gone` if what
/// came after the last known event is not kept any more.
pub(super) async fn events(
    State(api): State<Api>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let known = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let known = match known.filter(|text| !text.is_empty()) {
        Some(text) => {
            let bad = |_| ApiError::bad("Last-Event-ID", "it is no number");
            Some(text.parse().map_err(bad)?)
        }
        None => from.after,
    };
    let place = api.streams.enter()?;
    let now = api.ledger().last_change()?;
    let after = known.unwrap_or(now);
    let is_whole = matches!(api.ledger().changes_after(after, 1)?, Changes::Next(_));
    let (name, after) = if is_whole { ("hello", after) } else { ("gone", now) };
    let first = event(name, &Begin { sequence: after });
    let reader = Reader {
        ledger: api.ledger().clone(),
        grown: api.streams.follow(),
        stop: api.config.stop.clone(),
        next: VecDeque::from([first]),
        after,
        _place: place,
    };
    let events = futures::stream::unfold(reader, |mut reader| async move {
        let event = reader.read().await?;
        Some((Ok(event), reader))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// The clients that follow the events. Cheap to clone; clones share everything.
#[derive(Clone)]
pub(super) struct Streams {
    open: Arc<AtomicUsize>,
    grown: Arc<Mutex<Option<watch::Receiver<u64>>>>,
    ledger: Ledger,
    stop: CancellationToken,
}

/// The place of one client; given back when it is dropped.
struct Place(Arc<AtomicUsize>);

/// What one client is given next.
struct Reader {
    ledger: Ledger,
    grown: watch::Receiver<u64>,
    stop: CancellationToken,
    next: VecDeque<Event>,
    after: u64,
    _place: Place,
}

impl Streams {
    pub(super) fn new(ledger: &Ledger, stop: CancellationToken) -> Self {
        Self { open: Arc::default(), grown: Arc::default(), ledger: ledger.clone(), stop }
    }

    /// How many clients there are.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    fn enter(&self) -> Result<Place, ApiError> {
        // Given back at once if there is no room.
        let place = Place(Arc::clone(&self.open));
        if self.open.fetch_add(1, Ordering::Relaxed) >= STREAMS_MAX {
            return Err(ApiError::TooManyStreams(STREAMS_MAX));
        }
        Ok(place)
    }

    /// Is told when the ledger has grown. The first client starts the task that looks.
    fn follow(&self) -> watch::Receiver<u64> {
        let mut grown = self.grown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(grown) = grown.as_ref().filter(|grown| grown.has_changed().is_ok()) {
            return grown.clone();
        }
        let (told, receiver) = watch::channel(0);
        *grown = Some(receiver.clone());
        tokio::spawn(look(self.clone(), told));
        receiver
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Looks at the ledger while there is a client, and tells all when it has grown.
async fn look(streams: Streams, told: watch::Sender<u64>) {
    while streams.open() > 0 && !streams.stop.is_cancelled() {
        match streams.ledger.last_change() {
            Ok(last) => {
                told.send_if_modified(|known| std::mem::replace(known, last) != last);
            }
            Err(error) => tracing::warn!(%error, "events cannot be read now"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = streams.stop.cancelled() => {}
        }
    }
}

impl Reader {
    /// The next event; `None` when the stream ends, after which the client comes again.
    async fn read(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.next.pop_front() {
                return Some(event);
            }
            match self.ledger.changes_after(self.after, PAGE_CHANGES) {
                Ok(Changes::Next(changes)) if changes.is_empty() => {}
                Ok(Changes::Next(changes)) => {
                    self.after = changes.last().map_or(self.after, |last| last.sequence);
                    self.next.extend(changes.into_iter().map(changed));
                    continue;
                }
                // It was too slow for what is kept. It is told so when it comes again.
                Ok(Changes::Gone) => return None,
                Err(error) => {
                    tracing::warn!(%error, "events cannot be read now");
                    return None;
                }
            }
            tokio::select! {
                grown = self.grown.changed() => grown.ok()?,
                () = self.stop.cancelled() => return None,
            }
        }
    }
}

fn changed(change: Changed) -> Event {
    let name = change.kind.clone();
    let change = ChangeEvent {
        sequence: change.sequence,
        kind: change.kind,
        at: change.at.map(Moment),
        run: change.run.map(|run| run.to_string()),
        asset: change.asset,
        schedule: change.schedule,
        state: change.state,
        version: change.version,
    };
    event(&name, &change).id(change.sequence.to_string())
}

fn event(name: &str, data: &impl Serialize) -> Event {
    let data = serde_json::to_string(data).unwrap_or_default();
    Event::default().event(name).data(data)
}
