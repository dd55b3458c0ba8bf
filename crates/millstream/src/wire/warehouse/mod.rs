//! The embedded engine as a warehouse of dbt: relations made by steps, and statements of macros.

mod answer;
mod connection;
mod make;
mod scene;
mod settle;

pub use scene::SceneWarehouse;
pub use settle::TableSteps;

use std::sync::Arc;
use std::time::Duration;

use millstream_core::error::Result;
use millstream_core::sql::{Materializer, SqlConnection, SqlWarehouse};
use millstream_ledger::RunState;
use millstream_run::DirectedRun;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::Backends;
use connection::EmbeddedConnection;

/// The longest that one attempt may take.
const STEP_TIMEOUT: Duration = Duration::from_hours(6);

/// The embedded engine, for one command of dbt. Its calls block: they come from threads of their
/// own, never from those of the runtime.
#[derive(Debug)]
pub struct EmbeddedWarehouse(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    backends: Backends,
    run: DirectedRun,
    runtime: Handle,
    cancel: CancellationToken,
}

impl EmbeddedWarehouse {
    /// A warehouse for the steps of a run that has begun.
    pub fn new(backends: Backends, run: DirectedRun, cancel: CancellationToken) -> Self {
        Self(Arc::new(Inner { backends, run, runtime: Handle::current(), cancel }))
    }

    /// Ends the run.
    pub async fn end(&self, state: RunState) -> Result<()> {
        self.0.run.end(state).await
    }
}

impl SqlWarehouse for EmbeddedWarehouse {
    fn kind(&self) -> &'static str {
        "millstream"
    }

    fn connect(&self, _name: &str) -> Result<Box<dyn SqlConnection>> {
        Ok(Box::new(EmbeddedConnection::new(Arc::clone(&self.0))))
    }

    fn cancel(&self) {
        self.0.cancel.cancel();
    }

    fn materializer(&self) -> Option<&dyn Materializer> {
        Some(self)
    }
}
