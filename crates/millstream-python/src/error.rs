//! What can go wrong with a program in Python.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use millstream_core::error::{Coded, Fault, Retry};

use crate::worker::PYTHON_MIN;

/// What went wrong with a program in Python.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    /// The interpreter cannot be started.
    #[error("Python cannot be started: {}: {problem}", .interpreter.display())]
    NoInterpreter {
        /// Which one.
        interpreter: PathBuf,
        /// Why not.
        problem: String,
    },
    /// It is too old.
    #[error("{} is Python {version}; Millstream needs {PYTHON_MIN} or newer", .interpreter.display())]
    TooOld {
        /// Which one.
        interpreter: PathBuf,
        /// Its version.
        version: String,
    },
    /// It has no pyarrow.
    #[error("{} has no usable pyarrow: {problem}", .interpreter.display())]
    NoPyarrow {
        /// Which one.
        interpreter: PathBuf,
        /// What importing it said.
        problem: String,
    },
    /// It started, and did not become ready.
    #[error("{} did not become ready: {problem}", .interpreter.display())]
    NotReady {
        /// Which one.
        interpreter: PathBuf,
        /// What it said.
        problem: String,
    },
    /// The program raised an exception.
    #[error("{place}: {message}{}", with_trace(.trace))]
    Raised {
        /// File and line.
        place: String,
        /// The exception.
        message: String,
        /// The calls in the program that led to it.
        trace: String,
    },
    /// A query of the program was refused, and the program did not catch that.
    #[error("{place}: {message}")]
    Query {
        /// File and line.
        place: String,
        /// What the engine said.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// What a function gave is not what it is declared to give.
    #[error("{place}: {message}")]
    WrongResult {
        /// File and line.
        place: String,
        /// What is wrong with it.
        message: String,
    },
    /// What a function gave to a step is no JSON.
    #[error("{name}: {message}")]
    NotJson {
        /// The file.
        name: String,
        /// What is wrong with it.
        message: String,
    },
    /// It took more memory than it may, or than there is.
    #[error("{place}: {message}{}", with_trace(.trace))]
    Memory {
        /// File and line.
        place: String,
        /// What was refused.
        message: String,
        /// The calls that led to it.
        trace: String,
    },
    /// uv is not there.
    #[error("the project has a uv.lock, and uv is not installed")]
    NoUv,
    /// uv says why it cannot.
    #[error("uv cannot make the environment of the project:\n{output}")]
    Unlocked {
        /// The end of what it said.
        output: String,
    },
    /// There is nothing to lock.
    #[error("there is no pyproject.toml in {}", .folder.display())]
    NoProject {
        /// The project's folder.
        folder: PathBuf,
    },
    /// The folder of an environment cannot be written.
    #[error("{}: {problem}", .folder.display())]
    EnvironmentUnwritable {
        /// Which one.
        folder: PathBuf,
        /// What the system said.
        problem: String,
    },
    /// What the program returned are no rows.
    #[error("{name}: {message}")]
    NotRows {
        /// The program.
        name: String,
        /// What it returned.
        message: String,
    },
    /// Its process was ended by a signal.
    #[error("{name}: the process was ended by signal {signal}{}", with_output(.output))]
    Killed {
        /// The program.
        name: String,
        /// The signal's number.
        signal: i64,
        /// The end of what it printed.
        output: String,
    },
    /// Its process ended before the program did.
    #[error("{name}: the process ended with status {status}{}", with_output(.output))]
    Exited {
        /// The program.
        name: String,
        /// What it gave as its status.
        status: i64,
        /// The end of what it printed.
        output: String,
    },
    /// It took longer than it may.
    #[error("{name}: it took longer than {} s", .limit.as_secs_f64())]
    TimedOut {
        /// The program.
        name: String,
        /// The longest it may take.
        limit: Duration,
    },
    /// Something was received that makes no sense.
    #[error("a process of Python sent nonsense: {problem}")]
    Nonsense {
        /// What about it.
        problem: String,
    },
    /// A frame would be too large.
    #[error("a row of {bytes} bytes is too large to be sent")]
    TooLarge {
        /// Its bytes.
        bytes: usize,
    },
    /// The system refuses something.
    #[error("a process of Python cannot be reached: {problem}")]
    Lost {
        /// What it said.
        problem: String,
    },
}

fn is_locked(interpreter: &Path) -> bool {
    interpreter.components().any(|part| part.as_os_str() == ".python")
}

fn with_trace(trace: &str) -> String {
    if trace.is_empty() { String::new() } else { format!("\n{}", trace.trim_end()) }
}

fn with_output(output: &str) -> String {
    if output.is_empty() { String::new() } else { format!("; it printed last:\n{output}") }
}

impl PythonError {
    pub(crate) fn lost(error: &io::Error) -> Self {
        Self::Lost { problem: error.to_string() }
    }
}

impl Coded for PythonError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoInterpreter { .. } => "python.no_interpreter",
            Self::TooOld { .. } => "python.too_old",
            Self::NoPyarrow { .. } => "python.no_pyarrow",
            Self::NotReady { .. } => "python.not_ready",
            Self::Raised { .. } => "python.raised",
            Self::Query { .. } => "python.query",
            Self::NotRows { .. } => "python.not_rows",
            Self::WrongResult { .. } => "python.wrong_result",
            Self::NotJson { .. } => "python.not_json",
            Self::Memory { .. } => "python.memory",
            Self::NoUv => "python.no_uv",
            Self::Unlocked { .. } => "python.unlocked",
            Self::NoProject { .. } => "python.no_project",
            Self::EnvironmentUnwritable { .. } => "python.environment_unwritable",
            Self::Killed { .. } => "python.killed",
            Self::Exited { .. } => "python.exited",
            Self::TimedOut { .. } => "python.timed_out",
            Self::Nonsense { .. } => "python.nonsense",
            Self::TooLarge { .. } => "python.too_large",
            Self::Lost { .. } => "python.lost",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Killed { .. }
            | Self::Lost { .. }
            | Self::NotReady { .. }
            | Self::Unlocked { .. }
            | Self::EnvironmentUnwritable { .. } => Fault::External,
            _ => Fault::User,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Killed { .. } | Self::Lost { .. } => Retry::Backoff,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoInterpreter { .. } | Self::TooOld { .. } => {
                "name an interpreter with MILLSTREAM_PYTHON, or make a virtual environment \
                 `.venv` in the project's folder"
                    .to_owned()
            }
            Self::NoPyarrow { interpreter, .. } if is_locked(interpreter) => {
                "`uv add pyarrow`, or add it to `dependencies` of pyproject.toml and run \
                 `millstream python lock`"
                    .to_owned()
            }
            Self::NoPyarrow { interpreter, .. } => {
                format!("install it there: `{} -m pip install pyarrow`", interpreter.display())
            }
            Self::Memory { .. } => {
                "raise `limits: {memory: ...}` in its configuration, or work on less at once"
                    .to_owned()
            }
            Self::WrongResult { .. } => {
                "`returns` in its file of properties says which type it gives".to_owned()
            }
            Self::NotJson { .. } => {
                "return numbers, texts, lists and dicts, or write what is large into a file and \
                 return its name"
                    .to_owned()
            }
            Self::NoUv => "install uv, name it with MILLSTREAM_UV, or name an interpreter with \
                 MILLSTREAM_PYTHON"
                .to_owned(),
            Self::Unlocked { .. } => {
                "`millstream python lock` writes uv.lock anew; without a network uv takes what is \
                 in its cache (UV_OFFLINE=1)"
                    .to_owned()
            }
            Self::NoProject { .. } => {
                "`uv init --bare` makes one; its `dependencies` need pyarrow".to_owned()
            }
            Self::Query { hint, .. } => return hint.clone(),
            Self::NotRows { .. } => "return a DataFrame of pandas or polars, a table or reader of \
                                     pyarrow, or what `dbt.ref` or `session.sql` gave"
                .to_owned(),
            Self::Killed { signal: 9, .. } => {
                "the system ends processes by signal 9 when memory is short: read less at once, \
                 as with `fetch_record_batch()`"
                    .to_owned()
            }
            Self::TimedOut { .. } => "raise `timeout` in its configuration".to_owned(),
            Self::TooLarge { .. } => "read fewer columns, or shorter values".to_owned(),
            Self::Exited { .. } => "return a result, or raise an exception".to_owned(),
            _ => return None,
        })
    }
}
