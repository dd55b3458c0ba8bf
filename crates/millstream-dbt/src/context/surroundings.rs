//! What templates see of the project and the command, whatever they are rendered for.

use std::sync::Arc;

use super::{EnvVar, Invocation, LogSink, Vars};
use crate::macros::Registry;
use crate::target::Target;

/// What templates see of the project and the command, whatever they are rendered for.
#[derive(Debug, Clone, Default)]
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
    /// Variables of the process.
    pub env_var: EnvVar,
    /// Takes what templates say.
    pub log: LogSink,
}
