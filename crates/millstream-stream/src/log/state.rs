//! The log of one topic without anything asynchronous: its files, its lock and what is known.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use millstream_core::effect::EffectId;
use millstream_core::topic::Record;

use super::batch::{self, BadBatch};
use super::effects::{Effects, LastEffect};
use super::error::LogError;
use super::files;
use super::index::SparseIndex;
use super::segment::{BatchReader, ScanError};

/// Sizes at which files are changed; tests make them small.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// A segment that would grow beyond this is followed by a new one.
    pub(super) segment_bytes: u64,
    /// After so many bytes a snapshot is written, so that opening reads no more than this.
    pub(super) snapshot_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { segment_bytes: 128 * 1024 * 1024, snapshot_bytes: 4 * 1024 * 1024 }
    }
}

/// Bytes of batches that one read returns at most, unless a single batch is larger.
const READ_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The durable part of the log, as readers see it.
#[derive(Debug, Default)]
pub(super) struct View {
    /// Base offsets of the segments, in order.
    pub(super) segments: Vec<u64>,
    /// Base offset of the segment that grows, the last one.
    pub(super) base: u64,
    /// Durable bytes of it.
    pub(super) position: u64,
    /// The offset that the next record will have.
    pub(super) end: u64,
    /// Index of the segment that grows.
    pub(super) index: SparseIndex,
}

/// What only the holder of the lock touches.
#[derive(Debug)]
pub(super) struct Writer {
    /// The segment that grows.
    pub(super) file: File,
    pub(super) effects: Effects,
    /// Bytes since the last snapshot.
    pub(super) bytes_since_snapshot: u64,
    /// The disk did not keep what it was given: nothing is appended any more.
    pub(super) stopped: bool,
}

/// The log of one topic. Locks are taken in the order writer, lock file, view.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) topic: String,
    pub(super) folder: PathBuf,
    pub(super) limits: Limits,
    pub(super) view: RwLock<View>,
    pub(super) writer: Mutex<Writer>,
    /// Held, as an advisory lock of the file, by the process that appends or repairs.
    pub(super) lock: File,
    /// Index of the closed segment that was read last.
    closed: Mutex<Option<(u64, Arc<SparseIndex>)>>,
}

impl Log {
    pub(super) fn assemble(
        topic: &str,
        folder: &Path,
        limits: Limits,
        lock: File,
        view: View,
        writer: Writer,
    ) -> Self {
        Self {
            topic: topic.to_owned(),
            folder: folder.to_owned(),
            limits,
            view: RwLock::new(view),
            writer: Mutex::new(writer),
            lock,
            closed: Mutex::new(None),
        }
    }

    /// Works with the lock held and with everything known that other processes appended.
    pub(super) fn locked<T>(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let _held = HeldLock::take(&self.lock, &self.folder)?;
        self.catch_up(&mut writer)?;
        work(&mut writer)
    }

    /// Takes in what other processes appended, if there is anything.
    pub(super) fn refresh(&self) -> Result<u64, LogError> {
        if self.has_grown()? {
            self.locked(|_| Ok(()))?;
        }
        Ok(self.view().end)
    }

    fn has_grown(&self) -> Result<bool, LogError> {
        let (base, position, end) = {
            let view = self.view();
            (view.base, view.position, view.end)
        };
        let path = files::segment_path(&self.folder, base);
        let length = path.metadata().map_err(|error| LogError::io(&path, error))?.len();
        Ok(length != position || (end != base && files::segment_path(&self.folder, end).exists()))
    }

    /// Up to `limit` records from an offset on.
    pub(super) fn read(&self, from: u64, limit: usize) -> Result<Vec<Record>, LogError> {
        let first = self.view().segments[0];
        let mut taken = Taken { records: Vec::new(), limit, bytes: 0, next: from.max(first) };
        while !taken.is_full()
            && let Some((base, position, length)) = self.locate(taken.next)?
        {
            let path = files::segment_path(&self.folder, base);
            let before = taken.next;
            taken.read(&path, position, length)?;
            if taken.next == before {
                return Err(LogError::bad_batch(&path, length, BadBatch::Short));
            }
        }
        Ok(taken.records)
    }

    /// The segment of an offset, a position before it, and the durable length; `None` at the end.
    fn locate(&self, offset: u64) -> Result<Option<(u64, u64, u64)>, LogError> {
        let base = {
            let view = self.view();
            if offset >= view.end {
                return Ok(None);
            }
            let after = view.segments.partition_point(|&base| base <= offset);
            let base = view.segments[after.saturating_sub(1)];
            if base == view.base {
                return Ok(Some((base, view.index.position(offset), view.position)));
            }
            base
        };
        let path = files::segment_path(&self.folder, base);
        let length = path.metadata().map_err(|error| LogError::io(&path, error))?.len();
        let index = self.closed_index(base, length)?;
        Ok(Some((base, index.position(offset), length)))
    }

    fn closed_index(&self, base: u64, length: u64) -> Result<Arc<SparseIndex>, LogError> {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, index)) = &*closed
            && *known == base
        {
            return Ok(Arc::clone(index));
        }
        let index = Arc::new(index_of(&self.folder, base, length)?);
        *closed = Some((base, Arc::clone(&index)));
        Ok(index)
    }

    /// The last effect of an application.
    pub(super) fn last_effect(&self, application: &str) -> Result<Option<LastEffect>, LogError> {
        self.refresh()?;
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(writer.effects.last(application))
    }

    /// The end offset after an effect. One that is not the last of its application is looked for
    /// in the whole log.
    pub(super) fn find(&self, effect: &EffectId) -> Result<Option<u64>, LogError> {
        match self.last_effect(&effect.application)? {
            Some(last) if last.sequence == effect.sequence => Ok(Some(last.end)),
            Some(last) if last.sequence > effect.sequence => self.search(effect),
            _ => Ok(None),
        }
    }

    fn search(&self, effect: &EffectId) -> Result<Option<u64>, LogError> {
        let (segments, active, position) = {
            let view = self.view();
            (view.segments.clone(), view.base, view.position)
        };
        for base in segments {
            let path = files::segment_path(&self.folder, base);
            let io = |error| LogError::io(&path, error);
            let length = if base == active { position } else { path.metadata().map_err(io)?.len() };
            let mut reader = BatchReader::open(&path, 0, length).map_err(io)?;
            loop {
                let at = reader.position();
                let found = reader.next().map_err(|error| scan_error(&path, at, error))?;
                let Some(batch) = found else { break };
                let mark = batch::effect_mark(batch.bytes, &batch.header)
                    .map_err(|bad| LogError::bad_batch(&path, at, bad))?;
                if mark.is_some_and(|mark| mark.effect == *effect && mark.part == mark.parts) {
                    return Ok(Some(batch.header.end()));
                }
            }
        }
        Ok(None)
    }

    pub(super) fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn view_mut(&self) -> RwLockWriteGuard<'_, View> {
        self.view.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records that a read has so far.
struct Taken {
    records: Vec<Record>,
    limit: usize,
    /// Bytes of their batches.
    bytes: usize,
    /// The offset that comes next.
    next: u64,
}

impl Taken {
    fn is_full(&self) -> bool {
        self.records.len() >= self.limit || self.bytes >= READ_BYTES_MAX
    }

    /// Takes records of one segment, from a position before the next offset on.
    fn read(&mut self, path: &Path, position: u64, length: u64) -> Result<(), LogError> {
        let mut reader =
            BatchReader::open(path, position, length).map_err(|e| LogError::io(path, e))?;
        while !self.is_full() {
            let at = reader.position();
            let found = reader.next().map_err(|error| scan_error(path, at, error))?;
            let Some(batch) = found else { break };
            if batch.header.end() <= self.next {
                continue;
            }
            let bad = |bad| LogError::bad_batch(path, at, bad);
            if batch.header.base_offset > self.next {
                return Err(bad(BadBatch::Order));
            }
            self.bytes += batch.bytes.len();
            let read = batch::records(batch.bytes).map_err(bad)?;
            let (next, room) = (self.next, self.limit - self.records.len());
            self.records.extend(read.into_iter().filter(|r| r.offset >= next).take(room));
            self.next = batch.header.end();
        }
        Ok(())
    }
}

/// The index of the first `length` bytes of a segment: from its file, else from its batches.
pub(super) fn index_of(folder: &Path, base: u64, length: u64) -> Result<SparseIndex, LogError> {
    if let Some(index) = SparseIndex::load(folder, base, length) {
        return Ok(index);
    }
    let path = files::segment_path(folder, base);
    let mut reader = BatchReader::open(&path, 0, length).map_err(|e| LogError::io(&path, e))?;
    let mut index = SparseIndex::default();
    loop {
        let at = reader.position();
        match reader.next().map_err(|error| scan_error(&path, at, error))? {
            Some(batch) => index.note(batch.header.end() - 1, batch.position),
            None => return Ok(index),
        }
    }
}

pub(super) fn scan_error(path: &Path, position: u64, error: ScanError) -> LogError {
    match error {
        ScanError::Io(error) => LogError::io(path, error),
        ScanError::Bad(bad) => LogError::bad_batch(path, position, bad),
    }
}

/// The advisory lock of the topic, for as long as this lives. A process that dies loses it.
#[derive(Debug)]
pub(super) struct HeldLock<'f>(&'f File);

impl<'f> HeldLock<'f> {
    pub(super) fn take(file: &'f File, folder: &Path) -> Result<Self, LogError> {
        let held = match file.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => file.lock(),
            Err(TryLockError::Error(error)) => Err(error),
        };
        held.map_err(|error| LogError::io(&files::lock_path(folder), error))?;
        Ok(Self(file))
    }
}

impl Drop for HeldLock<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::error!(%error, "topic lock was not released");
        }
    }
}

/// Opens a file for reading and writing, as it is.
pub(super) fn open_to_write(path: &Path) -> Result<File, LogError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|error| LogError::io(path, error))
}
