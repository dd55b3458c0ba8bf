//! Names of the files of a topic, and folders that survive a power cut.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Digits of a base offset in a file name, as in Kafka.
const OFFSET_DIGITS: usize = 20;

pub(super) fn segment_path(folder: &Path, base: u64) -> PathBuf {
    folder.join(format!("{base:020}.log"))
}

pub(super) fn index_path(folder: &Path, base: u64) -> PathBuf {
    folder.join(format!("{base:020}.index"))
}

pub(super) fn snapshot_path(folder: &Path) -> PathBuf {
    folder.join("effects.snapshot")
}

pub(super) fn lock_path(folder: &Path) -> PathBuf {
    folder.join(".lock")
}

/// The base offsets of the segments of a folder, in order.
pub(super) fn segment_bases(folder: &Path) -> io::Result<Vec<u64>> {
    let mut bases = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let base = name.to_str().and_then(|name| name.strip_suffix(".log"));
        let base = base.filter(|digits| digits.len() == OFFSET_DIGITS);
        bases.extend(base.and_then(|digits| digits.parse::<u64>().ok()));
    }
    bases.sort_unstable();
    Ok(bases)
}

/// Makes the entries of a folder durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes a folder and those above it, durably.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_directory(parent)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync_directory(parent.unwrap_or(Path::new(".")))
}

/// Writes a file that is there whole or not at all; the content is durable, the name soon.
pub(super) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    let beside = path.with_extension("writing");
    let mut file = File::create(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}
