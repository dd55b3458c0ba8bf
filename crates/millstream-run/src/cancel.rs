//! Stopping a run from another process.

use std::convert::Infallible;
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
