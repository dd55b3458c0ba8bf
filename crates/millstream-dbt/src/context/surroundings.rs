//! What templates see of the project and the command, whatever they are rendered for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use millstream_core::clock::Clock;
use serde_json::{Map, Value};

use super::{EnvVar, Invocation, LogSink, Vars};
use crate::adapter::{Dialect, Policy};
use crate::macros::Registry;
use crate::programs::Modules;
use crate::target::Target;

/// What templates see of the project and the command, whatever they are rendered for.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The project's name.
    pub project_name: Arc<str>,
    /// The macros.
    pub macros: Arc<Registry>,
    /// Where the project runs.
    pub target: Arc<Target>,
    /// The command.
    pub invocation: Arc<Invocation>,
    /// Variables of the project and its packages.
    pub vars: Arc<Vars>,
    /// Which parts of names the project quotes: `quoting` of its `dbt_project.yml`.
    pub quoting: Map<String, Value>,
    /// `query-comment` of the project, if it says anything.
    pub query_comment: Option<Value>,
    /// Variables of the process.
    pub env_var: EnvVar,
    /// The clock that `modules.datetime` reads.
    pub clock: Clock,
    /// Takes what templates say.
    pub log: LogSink,
    /// Notes whether a template asked for what is another thing in every run.
    pub moment: MomentWatch,
    /// The modules that texts in Python import.
    pub modules: Modules,
}

/// Notes whether a template asked for what is another thing in every run: its time, its id.
#[derive(Debug, Clone, Default)]
pub struct MomentWatch(Arc<AtomicBool>);

impl MomentWatch {
    /// Takes note.
    pub(super) fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked for since the last time.
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Default for Surroundings {
    /// A project without a name, without macros and variables.
    fn default() -> Self {
        Self {
            project_name: Arc::default(),
            macros: Arc::default(),
            target: Arc::default(),
            invocation: Arc::default(),
            vars: Arc::default(),
            quoting: Map::new(),
            query_comment: None,
            env_var: EnvVar::default(),
            clock: Clock::System,
            log: LogSink::default(),
            moment: MomentWatch::default(),
            modules: Modules::default(),
        }
    }
}

impl Surroundings {
    /// The rules of the adapter.
    pub fn dialect(&self) -> &'static Dialect {
        Dialect::of(&self.target.kind)
    }

    /// What the project's `flags`, or else those of the command, say of a flag of the adapter.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.invocation.args.get(name).and_then(Value::as_bool)
    }

    /// Which parts of names the project quotes.
    pub fn policy(&self) -> Policy {
        Policy::ALL.with(&self.quoting)
    }
}
