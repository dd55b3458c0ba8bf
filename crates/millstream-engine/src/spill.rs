//! The files of one engine's spilled rows, in a folder that is made when the first rows spill: most
//! processes never do. A lock tells a folder in use from one that a killed process left behind; the
//! next engine removes those.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::error::Result as QueryResult;
use datafusion::execution::disk_manager::{DiskManager, DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::{SpillFile, TempFileFactory};
use millstream_core::error::Result;
use millstream_core::id::AttemptId;

use crate::error::from_io;

/// How the name of a lock ends; the folder beside it has the same name without it.
const LOCK_SUFFIX: &str = ".lock";

/// Where queries spill to.
#[derive(Debug)]
pub(crate) struct SpillFiles {
    parent: PathBuf,
    limit_bytes: u64,
    made: Mutex<Option<Made>>,
}

/// What is there once rows have spilled. The files go before their folder does.
#[derive(Debug)]
struct Made {
    files: Arc<DiskManager>,
    _folder: SpillFolder,
}

impl SpillFiles {
    /// Files of at most `limit_bytes` together, in a folder of their own inside `parent`. Removes
    /// the folders whose owners are gone.
    pub(crate) fn within(parent: PathBuf, limit_bytes: u64) -> Result<Self> {
        remove_abandoned(&parent).map_err(|error| from_io(&error))?;
        Ok(Self { parent, limit_bytes, made: Mutex::new(None) })
    }

    fn files(&self) -> QueryResult<Arc<DiskManager>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = &*made {
            return Ok(Arc::clone(&made.files));
        }
        let folder = SpillFolder::make(&self.parent)?;
        let files = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![folder.path.clone()]))
            .with_max_temp_directory_size(self.limit_bytes)
            .build()?;
        let files = Arc::new(files);
        *made = Some(Made { files: Arc::clone(&files), _folder: folder });
        Ok(files)
    }
}

impl TempFileFactory for SpillFiles {
    fn create_temp_file(&self, description: &str) -> QueryResult<Arc<dyn SpillFile>> {
        self.files()?.create_tmp_file(description)
    }
}

/// A folder that is this engine's alone while the value lives.
#[derive(Debug)]
struct SpillFolder {
    path: PathBuf,
    lock_path: PathBuf,
    /// Held, not read: the system lets go of it when the process ends, however it ends.
    _lock: File,
}

impl SpillFolder {
    fn make(parent: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(parent)?;
        let name = AttemptId::new().to_string();
        let lock_path = parent.join(format!("{name}{LOCK_SUFFIX}"));
        let lock = File::create(&lock_path)?;
        lock.lock()?;
        let path = parent.join(name);
        std::fs::create_dir(&path)?;
        Ok(Self { path, lock_path, _lock: lock })
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
    let entries = match std::fs::read_dir(parent) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
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
        let living = SpillFolder::make(parent.path()).unwrap();
        std::fs::write(living.path.join("rows"), "spilled").unwrap();
        let dead = parent.path().join("dead");
        std::fs::create_dir(&dead).unwrap();
        std::fs::write(dead.join("rows"), "spilled").unwrap();
        std::fs::write(parent.path().join("dead.lock"), "").unwrap();
        let next = SpillFiles::within(parent.path().to_path_buf(), 1).unwrap();
        assert!(living.path.join("rows").exists());
        assert!(!dead.exists() && !parent.path().join("dead.lock").exists());
        let file = next.create_temp_file("a test").unwrap();
        let path = file.path().unwrap().to_path_buf();
        assert!(path.starts_with(parent.path()) && path.exists());
        drop((file, next));
        drop(living);
        let left: Vec<_> = std::fs::read_dir(parent.path()).unwrap().collect();
        assert_eq!(left.len(), 2, "the folder and the lock of rows that are there: {left:?}");
    }

    #[test]
    fn nothing_is_made_before_rows_spill() {
        let above = tempfile::tempdir().unwrap();
        let parent = above.path().join("spill");
        let files = SpillFiles::within(parent.clone(), 1 << 20).unwrap();
        assert!(!parent.exists());
        files.create_temp_file("a test").unwrap();
        assert!(parent.exists());
    }
}
