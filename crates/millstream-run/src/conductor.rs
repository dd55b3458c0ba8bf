//! Who has runs going in a process that stays: a server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_core::error::Result;
use millstream_core::id::{BackfillId, RunId};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use crate::backfill;
use crate::error::RunError;
use crate::execute::{Executor, RunRequest};
use crate::open_run::{Begun, OpenRun};
use crate::report::RunReport;

/// Runs that one process has going at the same time. Their steps share the executor's width only
/// within a run.
pub const RUNS_MAX: usize = 1024;

/// Backfills that one process makes at the same time.
pub const BACKFILLS_MAX: usize = 64;

/// Starts runs and knows which are going. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub struct Conductor {
    executor: Executor,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    going: Mutex<BTreeMap<RunId, Going>>,
    /// The backfills that are made here.
    filling: Mutex<BTreeSet<BackfillId>>,
    /// Told whenever a run has ended.
    ended: Notify,
    stop: CancellationToken,
}

/// A run that is going.
#[derive(Debug)]
struct Going {
    schedule: Option<String>,
    cancel: CancellationToken,
}

/// What came of starting a run.
#[derive(Debug)]
pub enum Started {
    /// It is going. The receiver is told when it has ended, and how; an error of it says that the
    /// run broke off.
    Run(RunId, oneshot::Receiver<RunReport>),
    /// All that it selects is up to date.
    UpToDate,
}

impl Conductor {
    /// One that has nothing going.
    pub fn new(executor: Executor) -> Self {
        Self { executor, shared: Arc::default() }
    }

    /// One that starts runs of another executor, and knows also of the runs that this one has going:
    /// those go on to their end as they began.
    #[must_use]
    pub fn with_executor(&self, executor: Executor) -> Self {
        Self { executor, shared: Arc::clone(&self.shared) }
    }

    /// The executor of its runs.
    pub fn executor(&self) -> &Executor {
        &self.executor
    }

    /// Records a run and lets its steps start; does not wait for them.
    ///
    /// Fails with `run.too_many` if too many are going, `ledger.fire_taken` if a schedule's run was
    /// started already, and with the errors of the ledger.
    pub async fn start(&self, request: &RunRequest) -> Result<Started> {
        if self.going().len() >= RUNS_MAX {
            return Err(RunError::TooManyRuns.into());
        }
        let cancel = self.shared.stop.child_token();
        let run = match self.executor.begin(request, &cancel).await? {
            Begun::UpToDate(_) => return Ok(Started::UpToDate),
            Begun::Run(run) => run,
        };
        let id = run.id();
        let schedule = request.fire.as_ref().map(|fire| fire.schedule.clone());
        self.going().insert(id, Going { schedule, cancel });
        let (end, ended) = oneshot::channel();
        tokio::spawn(self.clone().carry(run, end));
        Ok(Started::Run(id, ended))
    }

    /// Fails with `run.too_many` if no other backfill has room here.
    pub fn expect_room(&self) -> Result<()> {
        match self.filling().len() {
            count if count < BACKFILLS_MAX => Ok(()),
            _ => Err(RunError::TooManyRuns.into()),
        }
    }

    /// Makes what is left of a backfill that this process has taken, and does not wait for it.
    pub fn fill(&self, id: BackfillId, asker: backfill::Asker) {
        self.filling().insert(id);
        tokio::spawn(self.clone().carry_backfill(id, asker));
    }

    async fn carry_backfill(self, id: BackfillId, asker: backfill::Asker) {
        let cancel = self.shared.stop.child_token();
        let made = backfill::drive(&self.executor, id, &asker, &cancel, |_| {}).await;
        self.filling().remove(&id);
        self.shared.ended.notify_waiters();
        match made {
            Ok(made) => {
                tracing::info!(backfill = %id.short(), state = made.state.word(), "backfill left");
            }
            Err(error) => tracing::error!(backfill = %id.short(), %error, "backfill broke off"),
        }
    }

    /// Takes a run to its end. What went wrong is in the ledger; here it is only told to the log.
    async fn carry(self, run: Box<OpenRun>, end: oneshot::Sender<RunReport>) {
        let id = run.id();
        let driven = run.drive(|_| {}).await;
        self.going().remove(&id);
        self.shared.ended.notify_waiters();
        match driven {
            Ok(report) => {
                tracing::info!(run = %id.short(), succeeded = report.succeeded(), "run ended");
                // Nobody may be waiting.
                let _ = end.send(report);
            }
            Err(error) => tracing::error!(run = %id.short(), %error, "run broke off"),
        }
    }

    /// The runs of a schedule that are going, the oldest first.
    pub fn of_schedule(&self, schedule: &str) -> Vec<RunId> {
        let going = self.going();
        let of = going.iter().filter(|(_, run)| run.schedule.as_deref() == Some(schedule));
        of.map(|(id, _)| *id).collect()
    }

    /// Stops a run that is going here; one that is not is left alone.
    pub fn cancel(&self, run: RunId) {
        if let Some(going) = self.going().get(&run) {
            going.cancel.cancel();
        }
    }

    /// Stops all runs and waits until they are settled. What they had not done is done by the next
    /// run of the same assets.
    pub async fn finish(&self) {
        self.shared.stop.cancel();
        self.idle().await;
    }

    /// Waits until nothing is going.
    pub async fn idle(&self) {
        loop {
            let ended = self.shared.ended.notified();
            if self.going().is_empty() && self.filling().is_empty() {
                return;
            }
            ended.await;
        }
    }

    fn filling(&self) -> MutexGuard<'_, BTreeSet<BackfillId>> {
        self.shared.filling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn going(&self) -> MutexGuard<'_, BTreeMap<RunId, Going>> {
        self.shared.going.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
