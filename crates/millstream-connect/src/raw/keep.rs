//! Bytes are kept while they are read: what is parsed is what lies in the raw store.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use millstream_core::hash::ContentHash;

use super::load::{EntryKind, RawEntry, RawLoad};
use crate::error::SyncError;

/// Bytes that are brought over at a time; a multiple of every block size, so that a file system
/// that can share blocks does.
const CHUNK_BYTES: u64 = 8 * 1024 * 1024;
/// Bytes after which the disk is asked to write what it has, so that the last sync is short.
const SYNC_EVERY_BYTES: u64 = 64 * 1024 * 1024;

/// Where kept bytes came from.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub place: String,
    pub name: String,
}

/// A local file that is kept and hashed while it is read.
///
/// Bytes go from file to file inside the system (shared blocks where it can) and are then read
/// from the kept file, so that a file that changes meanwhile cannot make the two differ.
#[derive(Debug)]
pub struct Keeper {
    source: File,
    kept: Option<Kept>,
    path: PathBuf,
    hasher: blake3::Hasher,
    ready: u64,
    bytes: u64,
    modified: Option<i64>,
    origin: Origin,
    load: RawLoad,
}

#[derive(Debug)]
struct Kept {
    reader: File,
    writer: File,
    syncer: Syncer,
}

impl Keeper {
    pub(super) fn new(
        source: File,
        outside: &Path,
        kept: Option<&Path>,
        origin: Origin,
        load: RawLoad,
    ) -> Result<Self, SyncError> {
        let failed = |error| SyncError::io(&origin.place, error);
        let modified = source.metadata().map_err(failed)?.modified().ok().and_then(micros);
        let path = kept.unwrap_or(outside).to_owned();
        let kept = kept.map(Kept::create).transpose()?;
        let hasher = blake3::Hasher::new();
        Ok(Self { source, kept, path, hasher, ready: 0, bytes: 0, modified, origin, load })
    }

    /// Where the bytes can be read again: the kept file, or the original if nothing is kept.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what is left, waits until it is durable and notes it in the load.
    pub fn finish(mut self) -> Result<RawEntry, SyncError> {
        let mut rest = vec![0; 256 * 1024];
        while self.read(&mut rest).map_err(|error| SyncError::io(&self.origin.place, error))? > 0 {}
        if let Some(kept) = self.kept {
            kept.syncer.finish(&self.path)?;
        }
        let entry = RawEntry {
            file: file_name(&self.path),
            kind: EntryKind::Bytes,
            origin: self.origin.place,
            name: self.origin.name,
            bytes: self.bytes,
            hash: ContentHash::from_bytes(*self.hasher.finalize().as_bytes()),
            modified: self.modified,
            etag: None,
        };
        self.load.add(entry.clone());
        Ok(entry)
    }
}

impl Read for Keeper {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.kept {
            None => self.source.read(buffer)?,
            Some(kept) => {
                if self.ready == 0 {
                    self.ready = kept.bring(&self.source)?;
                }
                let most = usize::try_from(self.ready).unwrap_or(usize::MAX).min(buffer.len());
                let count = kept.reader.read(&mut buffer[..most])?;
                self.ready -= count as u64;
                count
            }
        };
        self.hasher.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}

impl Kept {
    fn create(path: &Path) -> Result<Self, SyncError> {
        let failed = |error| SyncError::io(path.display(), error);
        let writer = File::create(path).map_err(failed)?;
        let reader = File::open(path).map_err(failed)?;
        let syncer = Syncer::start(writer.try_clone().map_err(failed)?).map_err(failed)?;
        Ok(Self { reader, writer, syncer })
    }

    fn bring(&mut self, source: &File) -> io::Result<u64> {
        let count = io::copy(&mut source.take(CHUNK_BYTES), &mut &self.writer)?;
        self.syncer.wrote(count);
        Ok(count)
    }
}

/// A file that receives bytes from elsewhere, hashed on the way.
#[derive(Debug)]
pub struct KeptWriter {
    file: File,
    syncer: Syncer,
    path: PathBuf,
    hasher: blake3::Hasher,
    bytes: u64,
    kind: EntryKind,
    origin: Origin,
    load: RawLoad,
}

impl KeptWriter {
    pub(super) fn new(path: &Path, origin: Origin, load: RawLoad) -> Result<Self, SyncError> {
        let failed = |error| SyncError::io(path.display(), error);
        let file = File::create(path).map_err(failed)?;
        let syncer = Syncer::start(file.try_clone().map_err(failed)?).map_err(failed)?;
        let hasher = blake3::Hasher::new();
        let path = path.to_owned();
        Ok(Self { file, syncer, path, hasher, bytes: 0, kind: EntryKind::Bytes, origin, load })
    }

    pub(super) fn of_records(mut self) -> Self {
        self.kind = EntryKind::Records;
        self
    }

    /// Where the bytes lie.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until all bytes are durable and notes them in the load. The entity tag is what a web
    /// server called this state of the file.
    pub fn finish(self, etag: Option<String>) -> Result<RawEntry, SyncError> {
        self.syncer.finish(&self.path)?;
        let entry = RawEntry {
            file: file_name(&self.path),
            kind: self.kind,
            origin: self.origin.place,
            name: self.origin.name,
            bytes: self.bytes,
            hash: ContentHash::from_bytes(*self.hasher.finalize().as_bytes()),
            modified: None,
            etag,
        };
        self.load.add(entry.clone());
        Ok(entry)
    }
}

impl Write for KeptWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.bytes += count as u64;
        self.syncer.wrote(count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes a file back to the disk beside the one who fills it.
#[derive(Debug)]
struct Syncer {
    ticks: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
    unsynced: u64,
}

impl Syncer {
    fn start(file: File) -> io::Result<Self> {
        let (ticks, ticked) = sync_channel(1);
        let work = move || {
            while ticked.recv().is_ok() {
                file.sync_data()?;
            }
            file.sync_all()
        };
        let thread = std::thread::Builder::new().name("raw-sync".to_owned()).spawn(work)?;
        Ok(Self { ticks, thread, unsynced: 0 })
    }

    fn wrote(&mut self, bytes: u64) {
        self.unsynced += bytes;
        if self.unsynced >= SYNC_EVERY_BYTES {
            self.unsynced = 0;
            // Full means that a sync is already asked for; gone shows its error at the end.
            let _ = self.ticks.try_send(());
        }
    }

    fn finish(self, path: &Path) -> Result<(), SyncError> {
        drop(self.ticks);
        let result = self.thread.join().map_err(|_| SyncError::Worker {
            message: "the thread that syncs raw files panicked".to_owned(),
        })?;
        result.map_err(|error| SyncError::io(path.display(), error))
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Microseconds since 1970 of a file's time.
pub(crate) fn micros(time: std::time::SystemTime) -> Option<i64> {
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok()
}
