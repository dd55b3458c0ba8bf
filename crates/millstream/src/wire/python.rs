//! Runs what a project has in Python.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_python::{Interpreter, LineSink, PythonHost, PythonSettings, interpreter};

/// Names the interpreter.
const INTERPRETER: &str = "MILLSTREAM_PYTHON";

/// What runs what the project in a folder has in Python. Nothing starts before it is needed.
pub(super) fn host(folder: &Path, lines: LineSink) -> Arc<PythonHost> {
    let settings =
        PythonSettings { interpreter: interpreter_of(folder), folder: folder.to_owned(), lines };
    Arc::new(PythonHost::new(settings))
}

/// The interpreter of the project in a folder.
pub fn interpreter_of(folder: &Path) -> Interpreter {
    let named = std::env::var_os(INTERPRETER).map(PathBuf::from);
    interpreter(named, folder)
}

/// Tells what programs print to those who look closely.
pub(super) fn traced() -> LineSink {
    LineSink::new(|program, line| tracing::info!(program, "{line}"))
}
