//! Files as their folder shows them: what can be known without reading them.

use std::fmt;
use std::fs::{self, Metadata};
use std::time::UNIX_EPOCH;

use millstream_core::clock::Timestamp;
use sha2::{Digest, Sha256};

use super::files::hex;
use super::project::Project;
use super::search::FileRef;

/// A file that was changed less than this before it was looked at may be changed again without its
/// times telling, because file systems count in steps.
const SETTLED_MICROS: i64 = 100_000;

/// The sizes and times of files; `None` if one of them was changed just now.
pub(super) fn of(files: &[FileRef], projects: &[Project], now: Timestamp) -> Option<String> {
    let mut digest = Sha256::new();
    for found in files {
        let project = &projects[found.project];
        let meta = fs::metadata(project.root.join(&found.original)).ok()?;
        let stamp = Stamp::of(&meta)?;
        if stamp.newest_micros() > i128::from(now.as_micros() - SETTLED_MICROS) {
            return None;
        }
        let (kind, shown) = (found.kind, project.shown.join(&found.original));
        digest.update(format!("{kind:?} {} {stamp}\n", shown.display()));
    }
    Some(hex(&digest.finalize()))
}

/// What tells two states of a file apart, most of the time.
#[derive(Debug)]
struct Stamp {
    size: u64,
    modified_nanos: i128,
    /// When anything of it was changed, its times included; tools that set times cannot set this.
    changed_nanos: i128,
    inode: u64,
}

impl Stamp {
    fn of(meta: &Metadata) -> Option<Self> {
        let modified = meta.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        let (changed_nanos, inode) = unix(meta);
        let modified_nanos = i128::try_from(modified.as_nanos()).ok()?;
        Some(Self { size: meta.len(), modified_nanos, changed_nanos, inode })
    }

    fn newest_micros(&self) -> i128 {
        self.modified_nanos.max(self.changed_nanos) / 1000
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, modified_nanos, changed_nanos, inode } = self;
        write!(f, "{size} {modified_nanos} {changed_nanos} {inode}")
    }
}

#[cfg(unix)]
fn unix(meta: &Metadata) -> (i128, u64) {
    use std::os::unix::fs::MetadataExt;
    (i128::from(meta.ctime()) * 1_000_000_000 + i128::from(meta.ctime_nsec()), meta.ino())
}

#[cfg(not(unix))]
fn unix(_meta: &Metadata) -> (i128, u64) {
    (0, 0)
}
