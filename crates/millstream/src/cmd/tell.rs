//! Tells people what a command has done or found, before it ends.

use std::sync::Arc;
use std::time::Duration;

use millstream_ledger::Ledger;
use millstream_notify::Notifier;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cli::Global;
use crate::exit::Failure;
use crate::output::print_note;
use crate::wire::{as_error, find_project, notifier_of};

/// How long a command waits at its end for messages to be taken.
const TELL_MAX: Duration = Duration::from_secs(5);

/// Tells people what happened, for a while; what is left is sent by the next run or a server.
pub(super) async fn tell(notifier: &Notifier) {
    match notifier.finish(TELL_MAX).await {
        Ok(left) if left.waiting > 0 => {
            print_note(&format!("{} notifications wait to be sent again", left.waiting));
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "nobody was told what happened"),
    }
}

/// The same, by the rules of the project by which the environment runs now. That it cannot be read
/// undoes nothing of what was done.
pub(super) async fn tell_now(global: &Global, ledger: &Ledger) {
    if let Err(failure) = tell_by_project(global, ledger).await {
        print_note(&format!("nobody was told of it: {}", as_error(failure).chain()));
    }
}

async fn tell_by_project(global: &Global, ledger: &Ledger) -> Result<(), Failure> {
    let notifier = notifier_of(ledger, &find_project(global)?.project);
    notifier.begin().await?;
    tell(&notifier).await;
    Ok(())
}

/// Tells people what happens from the moment on at which somebody is asked, as it happens.
#[derive(Debug)]
pub(super) struct Asking {
    asked: Arc<Notify>,
    stop: CancellationToken,
    telling: JoinHandle<()>,
}

impl Asking {
    pub(super) fn watch(notifier: &Notifier) -> Self {
        let (asked, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let (notifier, begun, stopped) = (notifier.clone(), Arc::clone(&asked), stop.clone());
        let telling = tokio::spawn(async move {
            tokio::select! {
                () = begun.notified() => notifier.run(stopped).await,
                () = stopped.cancelled() => {}
            }
        });
        Self { asked, stop, telling }
    }

    /// Somebody is asked.
    pub(super) fn asks(&self) {
        self.asked.notify_one();
    }

    /// Ends when what was begun to be told is told.
    pub(super) async fn end(self) {
        self.stop.cancel();
        if let Err(error) = self.telling.await {
            tracing::error!(%error, "telling people broke down");
        }
    }
}
