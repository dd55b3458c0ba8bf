//! A run between its record and its end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use millstream_core::error::Result;
use millstream_core::id::RunId;
use millstream_ledger::RunState;
use tokio_util::sync::CancellationToken;

use crate::attempt::Context;
use crate::cancel::{cancel_when_asked, cancel_when_late};
use crate::execute::{Executor, RunRequest, millis_since};
use crate::report::{Progress, RunReport};

/// What came of beginning a run.
#[derive(Debug)]
pub enum Begun {
    /// Nothing: all that it selects is up to date. There is no record of it.
    UpToDate(RunReport),
    /// It is recorded, and its steps can start.
    Run(Box<OpenRun>),
}

/// A run that is recorded and whose steps have not started.
#[derive(Debug)]
pub struct OpenRun {
    pub(crate) executor: Executor,
    pub(crate) request: RunRequest,
    pub(crate) context: Context,
    pub(crate) begun: Instant,
}

impl OpenRun {
    /// Its id.
    pub fn id(&self) -> RunId {
        self.context.run
    }

    /// Takes it to its end, as [`Executor::run`] does.
    pub async fn drive(self, mut watcher: impl FnMut(Progress) + Send) -> Result<RunReport> {
        let Self { executor, request, context, begun } = self;
        let is_late = AtomicBool::new(false);
        let steps = tokio::select! {
            steps = executor.drive(&request, &context, &mut watcher) => steps?,
            never = cancel_when_asked(context.clone()) => match never {},
            never = cancel_when_late(&context, executor.pace().run_timeout, &is_late) => {
                match never {}
            }
        };
        let report = RunReport { run: Some(context.run), steps, millis: millis_since(begun) };
        let state = match run_state(&report, &context.cancel) {
            RunState::Cancelled if is_late.load(Ordering::Relaxed) => RunState::TimedOut,
            state => state,
        };
        context.ledger.end_run(context.run, state).await?;
        Ok(report)
    }
}

fn run_state(report: &RunReport, cancel: &CancellationToken) -> RunState {
    if report.succeeded() {
        RunState::Succeeded
    } else if cancel.is_cancelled() {
        RunState::Cancelled
    } else {
        RunState::Failed
    }
}
