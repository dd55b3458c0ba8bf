//! Opening a log and taking in what was written since: by a process that died, or by one that
//! lives beside this one. Both are the same work, done with the lock held.
//!
//! What follows the last whole batch, or the last whole effect, of the last segment was never
//! acknowledged and is cut off. Anything else that is wrong is an error.

use std::path::Path;

use millstream_core::effect::EffectId;
use tracing::warn;

use super::batch::{self, BadBatch, EffectMark};
use super::effects::{Effects, Snapshot};
use super::error::LogError;
use super::files;
use super::index::SparseIndex;
use super::segment::{BatchReader, FoundBatch, ScanError};
use super::state::{HeldLock, Limits, Log, View, Writer, index_of, open_to_write};

impl Log {
    /// Opens the log in a folder, which is made if it is missing.
    pub(super) fn open(topic: &str, folder: &Path, limits: Limits) -> Result<Self, LogError> {
        let io = |error| LogError::io(folder, error);
        files::create_directory(folder).map_err(io)?;
        let lock = open_to_write(&files::lock_path(folder))?;
        let held = HeldLock::take(&lock, folder)?;
        let mut bases = files::segment_bases(folder).map_err(io)?;
        if bases.is_empty() {
            open_to_write(&files::segment_path(folder, 0))?;
            bases.push(0);
        }
        // A process that died may have made names which it did not live to make durable.
        files::sync_directory(folder).map_err(io)?;
        folder.parent().map_or(Ok(()), files::sync_directory).map_err(io)?;
        drop(held);

        let (view, writer) = start(folder, &bases)?;
        let log = Self::assemble(topic, folder, limits, lock, view, writer);
        log.locked(|_| log.nothing_is_missing())?;
        Ok(log)
    }

    /// Every segment of the folder was read.
    fn nothing_is_missing(&self) -> Result<(), LogError> {
        let bases =
            files::segment_bases(&self.folder).map_err(|e| LogError::io(&self.folder, e))?;
        let view = self.view();
        if bases.last().is_none_or(|&last| last == view.base) {
            return Ok(());
        }
        Err(LogError::Corrupt {
            path: files::segment_path(&self.folder, view.end),
            position: 0,
            reason: "the segment is missing, but later ones are there".to_owned(),
        })
    }

    /// Takes in what is in the files beyond what is known. The lock is held.
    pub(super) fn catch_up(&self, writer: &mut Writer) -> Result<(), LogError> {
        self.read_tail(writer)?;
        while self.enter_next_segment(writer)? {
            self.read_tail(writer)?;
        }
        self.snapshot_if_due(writer);
        Ok(())
    }

    fn read_tail(&self, writer: &mut Writer) -> Result<(), LogError> {
        let (base, position, end, index) = {
            let view = self.view();
            (view.base, view.position, view.end, view.index.clone())
        };
        let path = files::segment_path(&self.folder, base);
        let length = writer.file.metadata().map_err(|error| LogError::io(&path, error))?.len();
        if length == position {
            return Ok(());
        }
        if length < position {
            let reason = format!("the segment has {length} bytes, it had {position}");
            return Err(LogError::Corrupt { path, position: length, reason });
        }
        let tail = Tail::scan(&path, Tail::new(position, end, index), length)?;
        if let Some(bad) = tail.bad {
            self.cut_tail(writer, &path, &tail, bad)?;
        }
        // The writer may have died before its own `fdatasync`, and what readers see is durable.
        if let Err(error) = writer.file.sync_data() {
            tracing::error!(topic = self.topic, %error, "topic stopped");
            writer.stopped = true;
            return Err(LogError::Stopped { topic: self.topic.clone() });
        }
        for (effect, end, records) in &tail.effects {
            writer.effects.note(effect, *end, *records);
        }
        writer.bytes_since_snapshot += tail.position - position;
        let mut view = self.view_mut();
        (view.position, view.end, view.index) = (tail.position, tail.end, tail.index);
        Ok(())
    }

    fn cut_tail(
        &self,
        writer: &Writer,
        path: &Path,
        tail: &Tail,
        bad: BadBatch,
    ) -> Result<(), LogError> {
        let bases =
            files::segment_bases(&self.folder).map_err(|e| LogError::io(&self.folder, e))?;
        let is_last = bases.last() == Some(&self.view().base);
        if !is_last || bad == BadBatch::Compressed {
            return Err(LogError::bad_batch(path, tail.position, bad));
        }
        warn!(topic = self.topic, position = tail.position, reason = %bad, "topic tail cut off");
        writer.file.set_len(tail.position).map_err(|error| LogError::io(path, error))
    }

    fn enter_next_segment(&self, writer: &mut Writer) -> Result<bool, LogError> {
        let (base, end) = {
            let view = self.view();
            (view.base, view.end)
        };
        let path = files::segment_path(&self.folder, end);
        if end == base || !path.exists() {
            return Ok(false);
        }
        writer.file = open_to_write(&path)?;
        files::sync_directory(&self.folder).map_err(|e| LogError::io(&self.folder, e))?;
        self.start_segment(end);
        Ok(true)
    }

    /// Turns to the segment that starts at the end of the log.
    pub(super) fn start_segment(&self, base: u64) {
        let mut view = self.view_mut();
        if let Err(error) = view.index.save(&self.folder, view.base) {
            warn!(topic = self.topic, %error, "topic index not written");
        }
        view.segments.push(base);
        view.base = base;
        view.position = 0;
        view.index = SparseIndex::default();
    }

    /// Writes a snapshot if enough was appended since the last one. It only saves time, so that
    /// a failure is no error.
    pub(super) fn snapshot_if_due(&self, writer: &mut Writer) {
        if writer.bytes_since_snapshot < self.limits.snapshot_bytes {
            return;
        }
        writer.bytes_since_snapshot = 0;
        let view = self.view();
        let snapshot = Snapshot {
            segment: view.base,
            position: view.position,
            end: view.end,
            effects: writer.effects.clone(),
        };
        let saved =
            view.index.save(&self.folder, view.base).and_then(|()| snapshot.save(&self.folder));
        if let Err(error) = saved {
            warn!(topic = self.topic, %error, "topic snapshot not written");
        }
    }
}

/// Where reading starts: at the snapshot, else at the first segment.
fn start(folder: &Path, bases: &[u64]) -> Result<(View, Writer), LogError> {
    let snapshot = Snapshot::load(folder).filter(|s| bases.contains(&s.segment));
    let snapshot = snapshot.unwrap_or_else(|| Snapshot {
        segment: bases[0],
        position: 0,
        end: bases[0],
        effects: Effects::default(),
    });
    let Snapshot { segment, position, end, effects } = snapshot;
    let index = index_of(folder, segment, position)?;
    let segments = bases.iter().copied().filter(|&base| base <= segment).collect();
    let file = open_to_write(&files::segment_path(folder, segment))?;
    let view = View { segments, base: segment, position, end, index };
    Ok((view, Writer { file, effects, bytes_since_snapshot: 0, stopped: false }))
}

/// What the bytes beyond the known ones are.
#[derive(Debug)]
struct Tail {
    position: u64,
    end: u64,
    index: SparseIndex,
    /// Effects that are whole: id, end offset, records.
    effects: Vec<(EffectId, u64, u64)>,
    /// An effect of which batches are still to come, and where it started.
    open: Option<OpenEffect>,
    bad: Option<BadBatch>,
}

#[derive(Debug)]
struct OpenEffect {
    mark: EffectMark,
    position: u64,
    end: u64,
    records: u64,
}

impl Tail {
    fn new(position: u64, end: u64, index: SparseIndex) -> Self {
        Self { position, end, index, effects: Vec::new(), open: None, bad: None }
    }

    fn scan(path: &Path, mut tail: Self, length: u64) -> Result<Self, LogError> {
        let io = |error| LogError::io(path, error);
        let mut reader = BatchReader::open(path, tail.position, length).map_err(io)?;
        tail.bad = loop {
            match reader.next() {
                Ok(Some(batch)) => {
                    if let Err(bad) = tail.take(&batch) {
                        break Some(bad);
                    }
                }
                Ok(None) => break tail.open.as_ref().map(|_| BadBatch::Effect),
                Err(ScanError::Bad(bad)) => break Some(bad),
                Err(ScanError::Io(error)) => return Err(io(error)),
            }
        };
        if let Some(open) = tail.open.take() {
            tail.position = open.position;
            tail.end = open.end;
            tail.index.cut(open.position);
        }
        Ok(tail)
    }

    fn take(&mut self, batch: &FoundBatch<'_>) -> Result<(), BadBatch> {
        if batch.header.base_offset != self.end || batch.header.record_count == 0 {
            return Err(BadBatch::Order);
        }
        let mark = batch::effect_mark(batch.bytes, &batch.header)?;
        self.follow_effect(mark, batch)?;
        self.index.note(batch.header.end() - 1, batch.position);
        self.position = batch.position + batch.bytes.len() as u64;
        self.end = batch.header.end();
        Ok(())
    }

    fn follow_effect(
        &mut self,
        mark: Option<EffectMark>,
        batch: &FoundBatch<'_>,
    ) -> Result<(), BadBatch> {
        let records = batch.header.record_count as u64;
        let open = match (self.open.take(), mark) {
            (None, None) => return Ok(()),
            (None, Some(mark)) if mark.part == 1 => {
                OpenEffect { mark, position: self.position, end: self.end, records }
            }
            (Some(open), Some(mark))
                if mark.effect == open.mark.effect && mark.part == open.mark.part + 1 =>
            {
                OpenEffect { mark, records: open.records + records, ..open }
            }
            (open, _) => {
                self.open = open;
                return Err(BadBatch::Effect);
            }
        };
        if open.mark.part == open.mark.parts {
            self.effects.push((open.mark.effect, batch.header.end(), open.records));
        } else {
            self.open = Some(open);
        }
        Ok(())
    }
}
