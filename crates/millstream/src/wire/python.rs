//! Runs the programs of a project that are written in Python.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_core::program::Programs;
use millstream_core::warehouse::Warehouse;
use millstream_python::{LineSink, PythonPool, PythonSettings, interpreter};

/// Names the interpreter.
const INTERPRETER: &str = "MILLSTREAM_PYTHON";

/// What runs the programs of the project in a folder. Nothing starts before the first.
pub(super) fn programs(
    folder: &Path,
    warehouse: Arc<dyn Warehouse>,
    lines: LineSink,
) -> Arc<dyn Programs> {
    let named = std::env::var_os(INTERPRETER).map(PathBuf::from);
    let interpreter = interpreter(named, folder);
    let settings = PythonSettings { interpreter, folder: folder.to_owned(), lines };
    Arc::new(PythonPool::new(settings, warehouse))
}

/// Tells what programs print to those who look closely.
pub(super) fn traced() -> LineSink {
    LineSink::new(|program, line| tracing::info!(program, "{line}"))
}
