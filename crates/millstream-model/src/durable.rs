//! Files that are on disk when a call returns.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::error::ModelError;

/// Writes a whole file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), ModelError> {
    let written = File::create(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(at(path))
}

/// Makes a folder and those above it, each entered in the one above.
pub(crate) fn make_folder(path: &Path) -> Result<(), ModelError> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        make_folder(above)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => other.map_err(at(path))?,
    }
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> Result<(), ModelError> {
    // A relative path of one part has the empty path above it.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path).and_then(|folder| folder.sync_all()).map_err(at(path))
}

/// Adds a path to an error.
pub(crate) fn at(path: &Path) -> impl Fn(io::Error) -> ModelError {
    move |source| ModelError::Io { path: path.display().to_string(), source }
}
