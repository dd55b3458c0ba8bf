//! The pool: what runs the programs of one project.

use std::path::PathBuf;
use std::sync::Arc;

use millstream_core::batch::{BatchStream, BoxFuture};
use millstream_core::error::Result;
use millstream_core::program::{Program, Programs};
use millstream_core::warehouse::Warehouse;
use tokio::sync::{Mutex, Semaphore};

use crate::door::Door;
use crate::error::PythonError;
use crate::log::LineSink;
use crate::rows;
use crate::task::Task;
use crate::zygote::Zygote;

/// Programs that run at the same time; others wait.
const TASKS_MAX: usize = 64;

/// How the programs of a project are run.
#[derive(Debug, Clone)]
pub struct PythonSettings {
    /// The interpreter.
    pub interpreter: PathBuf,
    /// The folder of the project, in which programs run and whose modules they find.
    pub folder: PathBuf,
    /// Takes what they print.
    pub lines: LineSink,
}

/// Runs programs in Python. Nothing starts before the first one.
#[derive(Debug)]
pub struct PythonPool {
    settings: PythonSettings,
    warehouse: Arc<dyn Warehouse>,
    open: Mutex<Option<Arc<House>>>,
    places: Arc<Semaphore>,
}

/// A process that is warm, and where those that it forks come in.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) door: Door,
    pub(crate) zygote: Zygote,
}

impl PythonPool {
    /// A pool whose programs read from a warehouse.
    pub fn new(settings: PythonSettings, warehouse: Arc<dyn Warehouse>) -> Self {
        let places = Arc::new(Semaphore::new(TASKS_MAX));
        Self { settings, warehouse, open: Mutex::default(), places }
    }

    /// What is warm; it is started if it is not, or if it has ended.
    async fn house(&self) -> Result<Arc<House>, PythonError> {
        let mut open = self.open.lock().await;
        if let Some(house) = open.as_ref().filter(|house| !house.zygote.has_ended()) {
            return Ok(Arc::clone(house));
        }
        let PythonSettings { interpreter, folder, .. } = self.settings.clone();
        let started = tokio::task::spawn_blocking(move || Zygote::start(&interpreter, &folder));
        let lost = |panic: tokio::task::JoinError| PythonError::Lost { problem: panic.to_string() };
        let zygote = started.await.map_err(lost)??;
        let house = Arc::new(House { door: Door::open()?, zygote });
        *open = Some(Arc::clone(&house));
        Ok(house)
    }
}

impl Programs for PythonPool {
    fn run<'a>(&'a self, program: &'a Program) -> BoxFuture<'a, Result<BatchStream>> {
        Box::pin(async move {
            let place = Arc::clone(&self.places).acquire_owned().await;
            let place = place.map_err(|error| PythonError::Lost { problem: error.to_string() })?;
            let house = self.house().await?;
            let warehouse = Arc::clone(&self.warehouse);
            let task = Task::begin(house, place, program, warehouse, self.settings.lines.clone());
            rows::of(task.await?).await
        })
    }
}
