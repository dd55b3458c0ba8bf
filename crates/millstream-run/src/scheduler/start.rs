//! Begins the runs of fires, one after another for each schedule.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millstream_core::error::Result;
use millstream_ledger::{Fire, FireEnd, FireKey, Ledger};
use millstream_project::schedule::{IfRunning, Schedule};
use tokio::sync::Notify;

use super::is_running;
use crate::conductor::{Conductor, Started};
use crate::execute::RunRequest;

/// The pause before a run that could not be begun is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// Begins runs and forgets none of them: what it does not begin stays in the ledger.
#[derive(Debug)]
pub(super) struct Starter {
    ledger: Ledger,
    conductor: Conductor,
    /// Fires whose run is being begun, or is going, here.
    busy: Arc<Mutex<BTreeSet<String>>>,
    changed: Arc<Notify>,
}

impl Starter {
    pub(super) fn new(ledger: Ledger, conductor: Conductor) -> Self {
        Self { ledger, conductor, busy: Arc::default(), changed: Arc::default() }
    }

    /// Ends when a run has ended, so that another one may begin.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Begins what may begin of the live fires of a schedule, which come in order.
    pub(super) async fn start(&self, schedule: &Schedule, live: &[Fire]) -> Result<()> {
        let (going, open): (Vec<&Fire>, Vec<&Fire>) =
            live.iter().partition(|fire| is_running(fire) || self.is_busy(fire));
        let mut open: Vec<FireKey> = open.into_iter().filter_map(Fire::key).collect();
        if schedule.if_running == IfRunning::CancelOld {
            let newest = open.split_off(open.len().saturating_sub(1));
            for replaced in std::mem::replace(&mut open, newest) {
                self.ledger.close_fire(&replaced, FireEnd::Replaced).await?;
            }
            if !open.is_empty() {
                self.stop(&going).await?;
            }
        }
        if let (true, Some(first)) = (going.is_empty(), open.into_iter().next()) {
            self.begin(schedule, first);
        }
        Ok(())
    }

    /// Asks the runs to stop, in whichever process they are.
    async fn stop(&self, going: &[&Fire]) -> Result<()> {
        for run in going.iter().filter_map(|fire| fire.run) {
            self.ledger.ask_to_cancel(run).await?;
        }
        Ok(())
    }

    /// Lets the run of a fire begin beside the loop, which must not wait for sources that are asked
    /// what they hold.
    fn begin(&self, schedule: &Schedule, fire: FireKey) {
        self.busy().insert(fire.fire.clone());
        let cause = format!("schedule {}", schedule.name);
        let request = RunRequest {
            selection: Some(schedule.select.join(" ")),
            fire: Some(fire.clone()),
            ..RunRequest::new(cause, schedule.assets.clone())
        };
        let (ledger, conductor) = (self.ledger.clone(), self.conductor.clone());
        let (busy, changed) = (Arc::clone(&self.busy), Arc::clone(&self.changed));
        tokio::spawn(async move {
            if let Err(error) = carry(&ledger, &conductor, &request, &fire).await {
                tracing::warn!(schedule = fire.schedule, %error, "a run could not begin");
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&fire.fire);
            changed.notify_one();
        });
    }

    fn is_busy(&self, fire: &Fire) -> bool {
        fire.fire.as_ref().is_some_and(|fire| self.busy().contains(fire))
    }

    fn busy(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins the run of a fire and waits for its end.
async fn carry(
    ledger: &Ledger,
    conductor: &Conductor,
    request: &RunRequest,
    fire: &FireKey,
) -> Result<()> {
    match conductor.start(request).await {
        Ok(Started::Run(_, ended)) => {
            // An error says that the run broke off, which is an end too.
            let _ = ended.await;
        }
        Ok(Started::UpToDate) => ledger.close_fire(fire, FireEnd::UpToDate).await?,
        // Another server has begun it.
        Err(error) if error.code() == "ledger.fire_taken" => {}
        Err(error) => return Err(error),
    }
    Ok(())
}
