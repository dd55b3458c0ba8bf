//! What is warm: shared by the models and the functions of a project, or by its steps.

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use tokio::sync::Mutex;

use crate::door::Door;
use crate::error::PythonError;
use crate::forked::Forked;
use crate::interpreter::Interpreter;
use crate::log::LineSink;
use crate::preload::preload;
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
    /// What is imported before anything asks for it.
    pub warm: Warm,
}

/// What the warm process has imported at least. A process that has imported less is forked in less
/// time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warm {
    /// pyarrow, which models and functions need.
    Arrow,
    /// Nothing that does not come with Python.
    Bare,
}

/// The interpreter of a project. Nothing starts before it is first needed.
#[derive(Debug)]
pub struct PythonHost {
    settings: PythonSettings,
    open: Mutex<Option<Arc<House>>>,
    /// A process that has come in before it is needed: a task that follows another does not wait
    /// for a fork.
    spare: Mutex<Option<Forked>>,
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
        Self { settings, open: Mutex::default(), spare: Mutex::default() }
    }

    /// Takes what programs print.
    pub(crate) fn lines(&self) -> LineSink {
        self.settings.lines.clone()
    }

    /// A process for the text of a file.
    pub(crate) async fn forked(self: &Arc<Self>, code: &str) -> Result<Forked, PythonError> {
        let libraries = preload(code);
        let house = self.house().await?;
        let forked = match self.take_spare(&libraries).await {
            Some(spare) => spare,
            None => Forked::come_in(Arc::clone(&house), libraries.clone()).await?,
        };
        tokio::spawn(keep_spare(Arc::downgrade(self), house, libraries));
        Ok(forked)
    }

    /// The spare one, if it suits. It may be about to come in: another fork would come after it.
    async fn take_spare(&self, libraries: &[&'static str]) -> Option<Forked> {
        let mut spare = self.spare.lock().await.take()?;
        spare.suits(libraries).then_some(spare)
    }

    /// What is warm; it is started if it is not, or if it has ended.
    async fn house(&self) -> Result<Arc<House>, PythonError> {
        let mut open = self.open.lock().await;
        if let Some(house) = open.as_ref().filter(|house| !house.zygote.has_ended()) {
            return Ok(Arc::clone(house));
        }
        let PythonSettings { interpreter, folder, warm, .. } = self.settings.clone();
        let start = move || Zygote::start(&interpreter.ready()?, &folder, warm);
        let lost = |panic: tokio::task::JoinError| PythonError::Lost { problem: panic.to_string() };
        let zygote = tokio::task::spawn_blocking(start).await.map_err(lost)??;
        let house = Arc::new(House { door: Door::open()?, zygote });
        *open = Some(Arc::clone(&house));
        Ok(house)
    }
}

/// Sees to it that there is a spare process for as long as there is a host, of the kind that was
/// needed last.
async fn keep_spare(host: Weak<PythonHost>, house: Arc<House>, libraries: Vec<&'static str>) {
    let Some(host) = host.upgrade() else { return };
    let mut spare = host.spare.lock().await;
    if spare.is_none() {
        // Whoever needs one and finds none says what is wrong.
        *spare = Forked::come_in(house, libraries).await.ok();
    }
}
