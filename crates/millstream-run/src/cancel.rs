//! Stopping a run: from another process, or because it takes too long.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::attempt::Context;

/// How often a run looks whether somebody asked to stop it.
const CANCEL_POLL: Duration = Duration::from_millis(250);

/// Stops the run's steps when somebody asks for it, through the ledger.
pub(crate) async fn cancel_when_asked(context: Context) -> Infallible {
    loop {
        tokio::time::sleep(CANCEL_POLL).await;
        match context.ledger.is_cancel_asked(context.run) {
            Ok(true) => context.cancel.cancel(),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "cannot see whether the run is to stop"),
        }
    }
}

/// Stops the run's steps, and says so, when it has taken as long as it may.
pub(crate) async fn cancel_when_late(
    context: &Context,
    timeout: Option<Duration>,
    is_late: &AtomicBool,
) -> Infallible {
    if let Some(timeout) = timeout {
        tokio::time::sleep(timeout).await;
        is_late.store(true, Ordering::Relaxed);
        tracing::warn!(seconds = timeout.as_secs(), "the run takes too long, and is stopped");
        context.cancel.cancel();
    }
    std::future::pending().await
}
