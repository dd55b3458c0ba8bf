//! The folder of one engine's spilled rows. A lock tells a folder in use from one that a killed
//! process left behind; the next engine removes those.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use millstream_core::error::Result;
use millstream_core::id::AttemptId;

use crate::error::from_io;

/// How the name of a lock ends; the folder beside it has the same name without it.
const LOCK_SUFFIX: &str = ".lock";

/// A folder that is this engine's alone while the value lives.
#[derive(Debug)]
pub(crate) struct SpillFolder {
    path: PathBuf,
    lock_path: PathBuf,
    /// Held, not read: the system lets go of it when the process ends, however it ends.
    _lock: File,
}

impl SpillFolder {
    /// Makes a folder inside `parent` and removes those whose owners are gone.
    pub(crate) fn open(parent: &Path) -> Result<Self> {
        Self::open_in(parent).map_err(|error| from_io(&error))
    }

    fn open_in(parent: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(parent)?;
        remove_abandoned(parent)?;
        let name = AttemptId::new().to_string();
        let lock_path = parent.join(format!("{name}{LOCK_SUFFIX}"));
        let lock = File::create(&lock_path)?;
        lock.lock()?;
        let path = parent.join(name);
        std::fs::create_dir(&path)?;
        Ok(Self { path, lock_path, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SpillFolder {
    fn drop(&mut self) {
        // A query that outlives the engine still has files here; then the folder stays for the
        // next engine to remove.
        if std::fs::remove_dir(&self.path).is_ok() {
            let _ = std::fs::remove_file(&self.lock_path);
        }
    }
}

fn remove_abandoned(parent: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(parent)? {
        let lock_path = entry?.path();
        let name = lock_path.file_name().and_then(|name| name.to_str());
        let Some(name) = name.and_then(|name| name.strip_suffix(LOCK_SUFFIX)) else { continue };
        let Ok(lock) = File::open(&lock_path) else { continue };
        match lock.try_lock() {
            Ok(()) => {
                // Another engine may be removing the same folder.
                let _ = std::fs::remove_dir_all(parent.join(name));
                let _ = std::fs::remove_file(&lock_path);
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_dead_are_removed_and_those_of_the_living_stay() {
        let parent = tempfile::tempdir().unwrap();
        let living = SpillFolder::open(parent.path()).unwrap();
        std::fs::write(living.path().join("rows"), "spilled").unwrap();
        let dead = parent.path().join("dead");
        std::fs::create_dir(&dead).unwrap();
        std::fs::write(dead.join("rows"), "spilled").unwrap();
        std::fs::write(parent.path().join("dead.lock"), "").unwrap();
        let next = SpillFolder::open(parent.path()).unwrap();
        assert!(living.path().join("rows").exists());
        assert!(!dead.exists() && !parent.path().join("dead.lock").exists());
        let path = next.path().to_path_buf();
        drop(next);
        assert!(!path.exists());
    }
}
