//! What is warm: shared by the models and the functions of a project.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::door::Door;
use crate::error::PythonError;
use crate::interpreter::Interpreter;
use crate::log::LineSink;
use crate::zygote::Zygote;

/// How what a project has in Python is run.
#[derive(Debug, Clone)]
pub struct PythonSettings {
    /// The interpreter.
    pub interpreter: Interpreter,
    /// The folder of the project, in which programs run and whose modules they find.
    pub folder: PathBuf,
    /// Takes what they print.
    pub lines: LineSink,
}

/// The interpreter of a project. Nothing starts before it is first needed.
#[derive(Debug)]
pub struct PythonHost {
    settings: PythonSettings,
    open: Mutex<Option<Arc<House>>>,
}

/// A process that is warm, and where those that it forks come in.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) door: Door,
    pub(crate) zygote: Zygote,
}

impl PythonHost {
    /// A host that starts when it is needed.
    pub fn new(settings: PythonSettings) -> Self {
        Self { settings, open: Mutex::default() }
    }

    /// Takes what programs print.
    pub(crate) fn lines(&self) -> LineSink {
        self.settings.lines.clone()
    }

    /// What is warm; it is started if it is not, or if it has ended.
    pub(crate) async fn house(&self) -> Result<Arc<House>, PythonError> {
        let mut open = self.open.lock().await;
        if let Some(house) = open.as_ref().filter(|house| !house.zygote.has_ended()) {
            return Ok(Arc::clone(house));
        }
        let PythonSettings { interpreter, folder, .. } = self.settings.clone();
        let start = move || Zygote::start(&interpreter.ready()?, &folder);
        let lost = |panic: tokio::task::JoinError| PythonError::Lost { problem: panic.to_string() };
        let zygote = tokio::task::spawn_blocking(start).await.map_err(lost)??;
        let house = Arc::new(House { door: Door::open()?, zygote });
        *open = Some(Arc::clone(&house));
        Ok(house)
    }
}
