//! The pool: what runs the models of one project.

use std::sync::Arc;

use millstream_core::batch::{BatchStream, BoxFuture};
use millstream_core::error::Result;
use millstream_core::program::{Program, Programs};
use millstream_core::warehouse::Warehouse;
use tokio::sync::Semaphore;

use crate::error::PythonError;
use crate::host::PythonHost;
use crate::rows;
use crate::task::Task;

/// Programs that run at the same time; others wait.
const TASKS_MAX: usize = 64;

/// Runs programs in Python.
#[derive(Debug)]
pub struct PythonPool {
    host: Arc<PythonHost>,
    warehouse: Arc<dyn Warehouse>,
    places: Arc<Semaphore>,
}

impl PythonPool {
    /// A pool whose programs read from a warehouse.
    pub fn new(host: Arc<PythonHost>, warehouse: Arc<dyn Warehouse>) -> Self {
        Self { host, warehouse, places: Arc::new(Semaphore::new(TASKS_MAX)) }
    }
}

impl Programs for PythonPool {
    fn run<'a>(&'a self, program: &'a Program) -> BoxFuture<'a, Result<BatchStream>> {
        Box::pin(async move {
            let place = Arc::clone(&self.places).acquire_owned().await;
            let place = place.map_err(|error| PythonError::Lost { problem: error.to_string() })?;
            let forked = self.host.forked(&program.code).await?;
            let (warehouse, lines) = (Arc::clone(&self.warehouse), self.host.lines());
            rows::of(Task::begin(forked, place, program, warehouse, lines).await?).await
        })
    }
}
