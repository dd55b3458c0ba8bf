//! A run whose steps somebody else chooses and orders, as dbt's commands do.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use millstream_core::error::Result;
use millstream_core::id::RunId;
use millstream_core::slot::Slot;
use millstream_core::step::Step;
use millstream_ledger::RunState;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::attempt::Context;
use crate::cancel::cancel_when_asked;
use crate::driver::{Numbers, StepDriver};
use crate::execute::millis_since;
use crate::plan::Due;
use crate::recover::Steps;
use crate::report::StepReport;
use crate::slots::Slots;

/// A run that takes one step after another, or several at a time, and runs each of them whether or
/// not it is due.
#[derive(Debug)]
pub struct DirectedRun {
    context: Context,
    /// To recover what another process left.
    steps: Steps,
    /// Ends with the run.
    _watch: JoinSet<Infallible>,
}

impl DirectedRun {
    pub(crate) fn new(context: Context, steps: Steps) -> Self {
        let mut watch = JoinSet::new();
        watch.spawn(cancel_when_asked(context.clone()));
        Self { context, steps, _watch: watch }
    }

    /// The run.
    pub fn id(&self) -> RunId {
        self.context.run
    }

    /// Takes a step to its end. Its slot is given back as soon as what is left waits for the disk.
    ///
    /// # Errors
    /// Those of the ledger. A step that fails is part of the report.
    pub async fn step(&self, step: Arc<dyn Step>, slot: Slot) -> Result<StepReport> {
        let begun = Instant::now();
        let (progress, _) = mpsc::channel(1);
        let driver = StepDriver {
            context: self.context.clone(),
            step,
            steps: self.steps.clone(),
            slots: Slots::given(slot),
            progress,
            due: Due::Always,
            asked_partitions: None,
            numbers: Numbers::default(),
            begun: OnceLock::new(),
        };
        let mut report = driver.attempts().await?;
        report.millis = millis_since(begun);
        driver.say_finished(&report).await;
        Ok(report)
    }

    /// Ends the run.
    pub async fn end(&self, state: RunState) -> Result<()> {
        Ok(self.context.ledger.end_run(self.context.run, state).await?)
    }
}
