//! Runs what a project has in Python.

use std::path::PathBuf;
use std::sync::Arc;

use super::backends::Folders;
use millstream_python::{Interpreter, LineSink, PythonHost, PythonSettings, Warm, interpreter};

/// Names the interpreter.
const INTERPRETER: &str = "MILLSTREAM_PYTHON";

/// What runs what a project has in Python. Nothing starts before it is needed.
pub(super) fn host(folders: Folders<'_>, lines: LineSink, warm: Warm) -> Arc<PythonHost> {
    let interpreter = interpreter_of(folders);
    let settings = PythonSettings { interpreter, folder: folders.files.to_owned(), lines, warm };
    Arc::new(PythonHost::new(settings))
}

/// The interpreter of a project.
pub fn interpreter_of(folders: Folders<'_>) -> Interpreter {
    let named = std::env::var_os(INTERPRETER).map(PathBuf::from);
    interpreter(named, folders.files, folders.home)
}

/// Tells what programs print to those who look closely.
pub(super) fn traced() -> LineSink {
    LineSink::new(|program, line| tracing::info!(program, "{line}"))
}
