//! Appending a group of writes: the lock, the bytes, one `fdatasync`, then the view.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write as _};

use millstream_core::crash;
use millstream_core::effect::EffectId;
use millstream_core::topic::NewRecord;
use tracing::error;

use super::batch::{self, BATCH_BYTES_MAX, EffectMark, Producer};
use super::effects::{Effects, advance};
use super::error::LogError;
use super::files;
use super::state::{Log, Writer, open_to_write};

/// The records of one effect all lie in one segment, whose positions Kafka counts in 31 bits.
const EFFECT_BYTES_MAX: usize = 1024 * 1024 * 1024;
/// Most bytes of a record beside its key and value.
const RECORD_FRAME_BYTES: usize = 64;

/// Records that are appended together.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) records: Vec<NewRecord>,
    pub(super) effect: Option<EffectId>,
}

impl Append {
    /// Size in the log, at most.
    pub(super) fn bytes(&self) -> usize {
        self.records.iter().map(|record| batch::record_bytes(record) + RECORD_FRAME_BYTES).sum()
    }

    /// Refuses what could not be written or read back.
    pub(super) fn check(&self) -> Result<(), LogError> {
        let largest = self.records.iter().map(batch::record_bytes).max().unwrap_or(0);
        if largest > batch::RECORD_BYTES_MAX {
            return Err(LogError::RecordTooLarge { bytes: largest });
        }
        let bytes = self.bytes();
        if bytes > EFFECT_BYTES_MAX {
            return Err(LogError::EffectTooLarge { bytes, limit: EFFECT_BYTES_MAX });
        }
        Ok(())
    }
}

impl Log {
    /// Appends all and makes them durable with one `fdatasync`. An answer is the first offset, or
    /// the end offset for an effect.
    pub(super) fn append(&self, group: &[Append]) -> Vec<Result<u64, LogError>> {
        let answers = self.locked(|writer| {
            let answers = self.append_locked(writer, group)?;
            self.snapshot_if_due(writer);
            Ok(answers)
        });
        answers.unwrap_or_else(|error| group.iter().map(|_| Err(error.clone())).collect())
    }

    fn append_locked(
        &self,
        writer: &mut Writer,
        group: &[Append],
    ) -> Result<Vec<Result<u64, LogError>>, LogError> {
        if writer.stopped {
            return Err(LogError::Stopped { topic: self.topic.clone() });
        }
        self.roll_if_full(writer, group.iter().map(Append::bytes).sum())?;
        let (position, end) = {
            let view = self.view();
            (view.position, view.end)
        };
        let mut draft = Draft::new(&writer.file, &writer.effects, position, end);
        let written = draft.write(group);
        let Draft { notes, effects, end: new_end, .. } = draft;
        let (answers, new_position) = match written {
            Ok(written) => written,
            Err(error) => return Err(self.take_back(writer, position, &error)),
        };
        if new_position == position {
            return Ok(answers);
        }
        crash::point("topic.written");
        if let Err(error) = writer.file.sync_data() {
            return Err(self.stop(writer, position, &error));
        }
        crash::point("topic.synced");
        for (effect, end, records) in &effects {
            writer.effects.note(effect, *end, *records);
        }
        writer.bytes_since_snapshot += new_position - position;
        let mut view = self.view_mut();
        for (last_offset, position) in notes {
            view.index.note(last_offset, position);
        }
        (view.position, view.end) = (new_position, new_end);
        Ok(answers)
    }

    fn roll_if_full(&self, writer: &mut Writer, bytes: usize) -> Result<(), LogError> {
        let (position, end) = {
            let view = self.view();
            (view.position, view.end)
        };
        if position == 0 || position + bytes as u64 <= self.limits.segment_bytes {
            return Ok(());
        }
        let file = open_to_write(&files::segment_path(&self.folder, end))?;
        crash::point("topic.rolled");
        files::sync_directory(&self.folder).map_err(|e| LogError::io(&self.folder, e))?;
        writer.file = file;
        self.start_segment(end);
        Ok(())
    }

    /// Removes what was written of a group. If even that fails, the file no longer ends where it
    /// should, and the topic stops.
    fn take_back(&self, writer: &mut Writer, position: u64, error: &io::Error) -> LogError {
        let cut = writer.file.set_len(position).and_then(|()| writer.file.sync_data());
        if let Err(cut) = cut {
            return self.stop(writer, position, &cut);
        }
        LogError::Append { topic: self.topic.clone(), reason: error.to_string() }
    }

    /// After a failed `fdatasync` nobody knows what is on the disk, and a second one may say yes
    /// to pages that were dropped: it is never tried again.
    fn stop(&self, writer: &mut Writer, position: u64, error: &io::Error) -> LogError {
        error!(topic = self.topic, %error, "topic stopped");
        writer.stopped = true;
        if let Err(error) = writer.file.set_len(position) {
            error!(topic = self.topic, %error, "topic tail not cut off");
        }
        LogError::Stopped { topic: self.topic.clone() }
    }
}

/// What a group becomes, written as it is made.
struct Draft<'w> {
    file: &'w File,
    known: &'w Effects,
    /// Where the buffer goes.
    position: u64,
    buffer: Vec<u8>,
    /// Offset of the next record that is encoded.
    end: u64,
    /// Records without an effect that share batches.
    plain: Vec<&'w NewRecord>,
    /// For the index: last offset and position of every batch.
    notes: Vec<(u64, u64)>,
    /// Effects of this group: id, end offset, records.
    effects: Vec<(EffectId, u64, u64)>,
}

impl<'w> Draft<'w> {
    fn new(file: &'w File, known: &'w Effects, position: u64, end: u64) -> Self {
        Self {
            file,
            known,
            position,
            buffer: Vec::new(),
            end,
            plain: Vec::new(),
            notes: Vec::new(),
            effects: Vec::new(),
        }
    }

    /// The answers and the position after the group.
    fn write(&mut self, group: &'w [Append]) -> io::Result<(Vec<Result<u64, LogError>>, u64)> {
        self.file.seek(SeekFrom::Start(self.position))?;
        let mut answers = Vec::with_capacity(group.len());
        for append in group {
            answers.push(match &append.effect {
                None => {
                    let first = self.end + self.plain.len() as u64;
                    self.plain.extend(&append.records);
                    Ok(first)
                }
                Some(effect) => {
                    self.write_plain()?;
                    self.write_effect(&append.records, effect)?
                }
            });
        }
        self.write_plain()?;
        self.flush()?;
        Ok((answers, self.position))
    }

    fn write_plain(&mut self) -> io::Result<()> {
        let records = std::mem::take(&mut self.plain);
        for piece in batch::split(&records) {
            self.write_batch(piece, None)?;
        }
        Ok(())
    }

    fn write_effect(
        &mut self,
        records: &[NewRecord],
        effect: &EffectId,
    ) -> io::Result<Result<u64, LogError>> {
        let last = self.last(&effect.application);
        match last {
            Some((sequence, end, _)) if sequence == effect.sequence => return Ok(Ok(end)),
            Some((last, _, _)) if last > effect.sequence => {
                return Ok(Err(LogError::Fenced { effect: effect.to_string(), last }));
            }
            _ => {}
        }
        let records: Vec<&NewRecord> = records.iter().collect();
        let pieces = batch::split(&records);
        let id = batch::producer_id(&effect.application);
        let mut base_sequence = last.map_or(0, |(_, _, next)| next);
        for (index, piece) in pieces.iter().enumerate() {
            let parts = pieces.len() as u32;
            let mark = EffectMark { effect: effect.clone(), part: index as u32 + 1, parts };
            self.write_batch(piece, Some(&Producer { id, base_sequence, mark }))?;
            base_sequence = advance(base_sequence, piece.len() as u64);
        }
        if !records.is_empty() {
            self.effects.push((effect.clone(), self.end, records.len() as u64));
        }
        Ok(Ok(self.end))
    }

    /// Sequence, end and next base sequence of an application, this group included.
    fn last(&self, application: &str) -> Option<(u64, u64, i32)> {
        let known = self.known.last(application);
        let mut last = known.map(|last| (last.sequence, last.end, last.next_base_sequence));
        for (effect, end, records) in &self.effects {
            if effect.application == application {
                let before = last.map_or(0, |(_, _, next)| next);
                last = Some((effect.sequence, *end, advance(before, *records)));
            }
        }
        last
    }

    fn write_batch(
        &mut self,
        records: &[&NewRecord],
        producer: Option<&Producer>,
    ) -> io::Result<()> {
        let position = self.position + self.buffer.len() as u64;
        batch::write_batch(&mut self.buffer, self.end, records, producer);
        self.end += records.len() as u64;
        self.notes.push((self.end - 1, position));
        if self.buffer.len() >= BATCH_BYTES_MAX { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(&self.buffer)?;
        self.position += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}
