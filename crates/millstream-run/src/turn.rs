//! When a step that waits for a pool or a mutex may try again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use millstream_core::AssetKey;
use millstream_core::error::Result;
use millstream_core::id::RunId;
use millstream_ledger::Ledger;

/// How often the ledger is looked at, however many steps of a run wait.
const LOOK: Duration = Duration::from_millis(50);

/// One look at the ledger for all steps of a run that wait. Cheap to clone; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns {
    last: Arc<Mutex<Last>>,
}

#[derive(Debug, Default)]
struct Last {
    looked_at: Option<Instant>,
    kept_at: Option<Instant>,
    admitted: BTreeSet<(RunId, AssetKey)>,
}

impl Turns {
    /// Waits until a step that the ledger has recorded as waiting may claim.
    pub(crate) async fn wait(
        &self,
        ledger: &Ledger,
        lease: Duration,
        run: RunId,
        asset: &AssetKey,
    ) -> Result<()> {
        let key = (run, asset.clone());
        loop {
            tokio::time::sleep(LOOK).await;
            if self.is_time_to_keep(lease) {
                ledger.keep_waiting(lease).await?;
            }
            if self.has(ledger, &key)? {
                return Ok(());
            }
        }
    }

    fn has(&self, ledger: &Ledger, key: &(RunId, AssetKey)) -> Result<bool> {
        let mut last = self.last();
        if last.looked_at.is_none_or(|at| at.elapsed() >= LOOK) {
            last.admitted = ledger.admitted()?;
            last.looked_at = Some(Instant::now());
        }
        // Once told, it is in the ledger who has the place.
        Ok(last.admitted.remove(key))
    }

    /// Whether the places among those that wait have to be renewed.
    fn is_time_to_keep(&self, lease: Duration) -> bool {
        let mut last = self.last();
        let is_time = last.kept_at.is_none_or(|at| at.elapsed() >= lease / 3);
        if is_time {
            last.kept_at = Some(Instant::now());
        }
        is_time
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
