//! Folders whose names survive a power cut.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{BackupError, Result};

/// Makes durable the names that are in a folder.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

/// Makes a folder and those above it; the names are durable when this returns.
pub(crate) fn make_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        make_folder(parent)?;
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(BackupError::io(folder)(error));
        }
        _ => {}
    }
    sync_folder(parent.unwrap_or(Path::new("."))).map_err(BackupError::io(folder))
}

/// Makes durable the names in all folders that hold one of these files.
pub(crate) fn sync_holders<'p>(files: impl IntoIterator<Item = &'p PathBuf>) -> Result<()> {
    let holders: BTreeSet<&Path> = files.into_iter().filter_map(|file| file.parent()).collect();
    holders.into_iter().try_for_each(|folder| sync_folder(folder).map_err(BackupError::io(folder)))
}

/// Writes a file that is there whole or not at all; durable when this returns.
pub(crate) fn write_whole(path: &Path, text: &str) -> Result<()> {
    let failed = || BackupError::io(path);
    let beside = path.with_extension("writing");
    fs::write(&beside, text).map_err(failed())?;
    File::open(&beside).and_then(|file| file.sync_all()).map_err(failed())?;
    fs::rename(&beside, path).map_err(failed())?;
    path.parent().map_or(Ok(()), sync_folder).map_err(failed())
}

/// The names in a folder, in their order; none if it is not there.
pub(crate) fn names_in(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(BackupError::io(folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(BackupError::io(folder))?;
        names.extend(entry.file_name().into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}

/// Removes a file that may be gone already.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BackupError::io(path)(error)),
        _ => Ok(()),
    }
}
