//! What sources sent, kept unchanged: `raw/<source>/<stream>/<load>/` (DESIGN 3, "Raw is kept").
//!
//! A load is complete when it has a `manifest.json`; it is written last, after everything it names
//! is durable. A load without one is what a dead attempt left behind.

mod keep;
mod load;
mod records;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use millstream_core::clock::Timestamp;
use millstream_core::id::AttemptId;

use crate::error::SyncError;

pub(crate) use keep::micros;
pub use keep::{Keeper, KeptWriter};
pub use load::{EntryKind, Manifest, RawEntry, RawLoad};
pub use records::{RecordReader, RecordWriter};

/// How long raw input is kept when the source does not say.
pub const RETENTION_DEFAULT: Duration = Duration::from_hours(30 * 24);
const MANIFEST: &str = "manifest.json";

/// How long the raw input of a source is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// Not at all.
    Nothing,
    /// Until it is older than this.
    For(Duration),
}

impl Retention {
    /// Reads `keep_raw`: `0d`, `12h`, `30d`, `8w`. The default is 30 days.
    pub fn parse(text: Option<&str>) -> Result<Self, SyncError> {
        let Some(text) = text else { return Ok(Self::For(RETENTION_DEFAULT)) };
        let bad = || SyncError::BadSetting {
            key: "keep_raw".to_owned(),
            message: format!("`{text}` is not a time such as `12h`, `30d` or `8w`"),
        };
        let units = [('h', 1), ('d', 24), ('w', 24 * 7)];
        let split = |(unit, hours)| Some((text.trim().strip_suffix(unit)?, hours));
        let (number, unit_hours) = units.into_iter().find_map(split).ok_or_else(bad)?;
        let number: u64 = number.parse().map_err(|_| bad())?;
        let hours = number.saturating_mul(unit_hours);
        match hours {
            0 => Ok(Self::Nothing),
            _ => Ok(Self::For(Duration::from_secs(hours.saturating_mul(3600)))),
        }
    }
}

/// The raw input of an environment.
#[derive(Debug, Clone)]
pub struct RawStore {
    root: PathBuf,
}

impl RawStore {
    /// The store under a folder; nothing is made yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Starts a load. What an attempt of the same id left behind is removed.
    pub fn begin(
        &self,
        source: &str,
        stream: &str,
        load: AttemptId,
        at: Timestamp,
        retention: Retention,
    ) -> Result<RawLoad, SyncError> {
        self.remove(source, stream, &load.to_string())?;
        let folder = self.folder(source, stream).join(load.to_string());
        create_durable(&folder)?;
        let manifest = Manifest::new(source, stream, &load.to_string(), at);
        Ok(RawLoad::new(folder, manifest, retention))
    }

    /// The complete loads of a stream, oldest first.
    pub fn loads(&self, source: &str, stream: &str) -> Result<Vec<Manifest>, SyncError> {
        let mut loads = Vec::new();
        for folder in self.load_folders(source, stream)? {
            if let Some(manifest) = Manifest::read(&folder.join(MANIFEST))? {
                loads.push(manifest);
            }
        }
        loads.sort_by(|a, b| (a.at, &a.load_id).cmp(&(b.at, &b.load_id)));
        Ok(loads)
    }

    /// Opens a complete load, for a replay.
    pub fn open(&self, source: &str, stream: &str, load_id: &str) -> Result<RawLoad, SyncError> {
        let folder = self.folder(source, stream).join(load_id);
        let missing = || SyncError::RawMissing {
            stream: format!("{source}.{stream}"),
            detail: format!(" for load `{load_id}`"),
        };
        // The id names a folder, so that only an id of our own form may reach the path.
        load_id.parse::<AttemptId>().map_err(|_| missing())?;
        let manifest = Manifest::read(&folder.join(MANIFEST))?.ok_or_else(missing)?;
        Ok(RawLoad::sealed(folder, manifest))
    }

    /// Removes one load, complete or not. Harmless when there is none.
    pub fn remove(&self, source: &str, stream: &str, load_id: &str) -> Result<(), SyncError> {
        remove_folder(&self.folder(source, stream).join(load_id))
    }

    /// Removes the loads that are older than the retention asks for, and what dead attempts left
    /// behind. Only the one attempt that holds the stream may call this. Gives the number of
    /// removed loads.
    pub fn expire(
        &self,
        source: &str,
        stream: &str,
        now: Timestamp,
        retention: Retention,
    ) -> Result<usize, SyncError> {
        let age_max = match retention {
            Retention::Nothing => 0,
            Retention::For(age) => i64::try_from(age.as_micros()).unwrap_or(i64::MAX),
        };
        let mut removed = 0;
        for folder in self.load_folders(source, stream)? {
            let manifest = Manifest::read(&folder.join(MANIFEST))?;
            if manifest.is_none_or(|manifest| now.micros_since(manifest.at) > age_max) {
                remove_folder(&folder)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn folder(&self, source: &str, stream: &str) -> PathBuf {
        self.root.join(source).join(stream)
    }

    fn load_folders(&self, source: &str, stream: &str) -> Result<Vec<PathBuf>, SyncError> {
        let folder = self.folder(source, stream);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(SyncError::io(folder.display(), error)),
        };
        let mut folders = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| SyncError::io(folder.display(), error))?;
            folders.push(entry.path());
        }
        Ok(folders)
    }
}

/// Makes a folder and syncs every folder that got a new entry by it.
fn create_durable(folder: &Path) -> Result<(), SyncError> {
    let mut missing: Vec<&Path> = Vec::new();
    let mut present = folder;
    while !present.exists() {
        missing.push(present);
        match present.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => present = parent,
            _ => break,
        }
    }
    fs::create_dir_all(folder).map_err(|error| SyncError::io(folder.display(), error))?;
    missing.iter().filter_map(|made| made.parent()).try_for_each(sync_folder)
}

/// Makes the entries of a folder durable.
fn sync_folder(folder: &Path) -> Result<(), SyncError> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    fs::File::open(folder)
        .and_then(|handle| handle.sync_all())
        .map_err(|error| SyncError::io(folder.display(), error))
}

fn remove_folder(folder: &Path) -> Result<(), SyncError> {
    // The manifest goes first: a load that is half removed must not look complete.
    let removed = fs::remove_file(folder.join(MANIFEST)).and(Ok(()));
    let removed = match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => fs::remove_dir_all(folder),
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(SyncError::io(folder.display(), error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
