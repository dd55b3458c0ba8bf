//! Putting the files of a backup into a folder.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use millstream_core::crash;
use serde::Serialize;

use crate::content;
use crate::error::{BackupError, Result};
use crate::manifest::{BackupManifest, StoredFile};
use crate::names::{make_folder, sync_holders};
use crate::repository::Repository;
use crate::tree::target;
use crate::work::{Counter, Progress, for_each};

/// What was put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that an earlier try had put back already.
    pub files_kept: u64,
}

/// Puts the files of a backup into a folder, which is made if it is missing. Every byte is compared
/// with its hash, and durable when this returns. A folder into which a killed process has put some
/// of them keeps those; files that the backup does not have are removed.
pub fn restore(
    repository: &Repository,
    manifest: &BackupManifest,
    folder: &Path,
    show: &(dyn Fn(Progress) + Sync),
) -> Result<Restored> {
    let targets: Result<Vec<(&StoredFile, PathBuf)>> =
        manifest.files.iter().map(|file| Ok((file, target(folder, &file.path)?))).collect();
    let targets = targets?;
    let holders: BTreeSet<&Path> =
        targets.iter().filter_map(|(_, target)| target.parent()).collect();
    make_folder(folder)?;
    holders.into_iter().try_for_each(make_folder)?;
    let wanted: BTreeSet<&Path> = targets.iter().map(|(_, target)| target.as_path()).collect();
    remove_others(folder, &wanted)?;
    let counter = Counter::new(targets.len(), manifest.bytes(), show);
    let kept = for_each(&targets, |(file, target)| {
        let kept = restore_one(repository, file, target, &counter)?;
        counter.add_file();
        Ok(kept)
    })?;
    sync_holders(targets.iter().map(|(_, target)| target))?;
    Ok(Restored {
        files: targets.len() as u64,
        bytes: manifest.bytes(),
        files_kept: kept.into_iter().filter(|kept| *kept).count() as u64,
    })
}

/// Whether the file was there already.
fn restore_one(
    repository: &Repository,
    file: &StoredFile,
    target: &Path,
    counter: &Counter<'_>,
) -> Result<bool> {
    let is_sized = fs::metadata(target).is_ok_and(|found| found.len() == file.bytes);
    if is_sized && content::of_file(target, &|_| ()).is_ok_and(|found| found.hash == file.hash) {
        let synced = File::open(target).and_then(|found| found.sync_all());
        synced.map_err(BackupError::io(target))?;
        counter.add_bytes(file.bytes);
        return Ok(true);
    }
    let each = |count| counter.add_bytes(count);
    repository.contents().put(&file.hash, target, &file.path, &each)?;
    crash::point("restore.file.after");
    Ok(false)
}

fn remove_others(folder: &Path, wanted: &BTreeSet<&Path>) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(BackupError::io(folder))? {
        let path = entry.map_err(BackupError::io(folder))?.path();
        if path.is_dir() {
            remove_others(&path, wanted)?;
        } else if !wanted.contains(path.as_path()) {
            fs::remove_file(&path).map_err(BackupError::io(&path))?;
        }
    }
    Ok(())
}
