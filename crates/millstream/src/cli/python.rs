//! `python`.

use clap::Subcommand;

/// `python`.
#[derive(Debug, Subcommand)]
pub enum PythonVerb {
    /// Which interpreter runs the project's models and functions, and which functions there are.
    Show,
    /// Makes the environment of `uv.lock`, if it is not there. `run` and `query` do that too.
    Sync,
    /// Locks what `pyproject.toml` asks for: writes `uv.lock`.
    #[command(after_help = "Examples:\n  millstream python lock\n  \
        millstream python lock --upgrade && millstream python sync")]
    Lock {
        /// Take the newest versions that are allowed.
        #[arg(long)]
        upgrade: bool,
    },
    /// Removes the environments of former states of `uv.lock`.
    Clean,
}
