//! What threads that may block hand over to tasks that may not: one result, or a stream of events.

use std::pin::Pin;

use arrow::array::RecordBatch;
use futures::Stream;
use millstream_core::error::{Error, Result};
use tokio::sync::mpsc;

use super::error::SourceError;
use super::fit::Fit;
use crate::SyncError;
use crate::source::SourceEvent;

/// Events that are ready before they are asked for. With batches of up to a few megabytes this
/// bounds memory.
const EVENTS_AHEAD: usize = 2;

/// A stream of events.
pub(crate) type Events = Pin<Box<dyn Stream<Item = Result<SourceEvent>> + Send>>;

enum Message {
    Event(SourceEvent),
    Failed(Error),
    Done,
}

/// Takes events from a producer.
#[derive(Debug, Clone)]
pub(crate) struct Emitter(mpsc::Sender<Message>);

/// Why a producer ends early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Nobody listens any more.
    Unheard,
    /// It cannot go on.
    Failed(Error),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Emitter {
    /// Hands over an event; blocks while enough are ready.
    pub(crate) fn emit(&self, event: SourceEvent) -> Result<(), Stop> {
        self.0.blocking_send(Message::Event(event)).map_err(|_| Stop::Unheard)
    }
}

/// Events of a producer that blocks, on a thread of its own.
pub(crate) fn from_thread(
    stream: &str,
    produce: impl FnOnce(&Emitter) -> Result<(), Stop> + Send + 'static,
) -> Events {
    let (sender, receiver) = mpsc::channel(EVENTS_AHEAD);
    tokio::task::spawn_blocking(move || {
        let emitter = Emitter(sender);
        if let Some(last) = last_message(produce(&emitter)) {
            // The listener may be gone, and then nothing is left to tell.
            let _ = emitter.0.blocking_send(last);
        }
    });
    receive(stream, receiver)
}

/// Runs what blocks on a thread for it. `what` is the stream, or what else the work is for.
pub(crate) async fn blocking<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| SourceError::ReaderGone { stream: what.to_owned() })?
}

/// Hands over rows after fitting them, with what does not fit; other events as they are. `row`
/// counts the rows, so that a refused one has a number.
pub(crate) fn emit_fitted(
    emitter: &Emitter,
    fit: &Fit,
    event: SourceEvent,
    row: &mut u64,
) -> Result<(), Stop> {
    let SourceEvent::Rows(batch) = event else { return emitter.emit(event) };
    for event in fitted(fit, &batch, row)? {
        emitter.emit(event)?;
    }
    Ok(())
}

/// The events that a batch becomes when it is fitted.
fn fitted(fit: &Fit, batch: &RecordBatch, row: &mut u64) -> Result<Vec<SourceEvent>> {
    let (rows, refused) = fit.apply(batch, *row).map_err(SyncError::shape)?;
    *row += batch.num_rows() as u64;
    let mut events = Vec::with_capacity(2);
    if rows.num_rows() > 0 {
        events.push(SourceEvent::Rows(rows));
    }
    if !refused.is_empty() {
        events.push(SourceEvent::Refused(refused));
    }
    Ok(events)
}

fn last_message(produced: Result<(), Stop>) -> Option<Message> {
    match produced {
        Ok(()) => Some(Message::Done),
        Err(Stop::Failed(error)) => Some(Message::Failed(error)),
        Err(Stop::Unheard) => None,
    }
}

/// A producer that panics leaves no last message: that is an error, never a short stream.
fn receive(stream: &str, receiver: mpsc::Receiver<Message>) -> Events {
    let gone = SourceError::ReaderGone { stream: stream.to_owned() };
    let state = Some((receiver, gone));
    Box::pin(futures::stream::unfold(state, |state| async move {
        let (mut receiver, gone) = state?;
        match receiver.recv().await {
            Some(Message::Event(event)) => Some((Ok(event), Some((receiver, gone)))),
            Some(Message::Failed(error)) => Some((Err(error), None)),
            Some(Message::Done) => None,
            None => Some((Err(gone.into()), None)),
        }
    }))
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;

    #[tokio::test]
    async fn a_producer_that_panics_is_an_error() {
        let events = from_thread("s", |emitter| {
            emitter.emit(SourceEvent::Checkpoint(1.into()))?;
            panic!("on purpose")
        });
        let events: Vec<_> = events.collect().await;
        assert_eq!(events.len(), 2);
        assert_eq!(events[1].as_ref().unwrap_err().code(), "source.reader_gone");
    }

    #[tokio::test]
    async fn a_producer_ends_when_nobody_listens() {
        let (sender, mut ended) = mpsc::channel::<()>(1);
        let events = from_thread("s", |emitter| {
            let _held = sender;
            loop {
                emitter.emit(SourceEvent::Checkpoint(1.into()))?;
            }
        });
        drop(events);
        assert!(ended.recv().await.is_none());
    }
}
