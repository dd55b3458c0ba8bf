//! The sparse index of a segment: from an offset to a place near it.
//!
//! In memory for the segment that grows, in Kafka's `.index` format for the others: eight bytes
//! per entry, the last offset of a batch relative to the segment's base and the batch's position.
//! The file is derived; when it is missing or odd, the batch headers are read instead.

use std::fs;
use std::path::Path;

use super::files;

/// Bytes of log between two entries.
const INTERVAL_BYTES: u64 = 4096;
const ENTRY_BYTES: usize = 8;

/// Entries in order of offset and position.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SparseIndex {
    /// Last offset of a batch, position of the batch.
    entries: Vec<(u64, u64)>,
}

impl SparseIndex {
    /// Notes a batch if enough bytes lie since the last entry.
    pub(super) fn note(&mut self, last_offset: u64, position: u64) {
        let due = self.entries.last().map_or(INTERVAL_BYTES, |&(_, last)| last + INTERVAL_BYTES);
        if position >= due {
            self.entries.push((last_offset, position));
        }
    }

    /// Forgets what lies at or after a position.
    pub(super) fn cut(&mut self, position: u64) {
        self.entries.retain(|&(_, entry)| entry < position);
    }

    /// A position from which a scan forward meets the offset.
    pub(super) fn position(&self, offset: u64) -> u64 {
        let after = self.entries.partition_point(|&(last_offset, _)| last_offset <= offset);
        after.checked_sub(1).map_or(0, |index| self.entries[index].1)
    }

    /// Writes the file of a segment.
    pub(super) fn save(&self, folder: &Path, base: u64) -> std::io::Result<()> {
        let mut bytes = Vec::with_capacity(self.entries.len() * ENTRY_BYTES);
        for &(offset, position) in &self.entries {
            bytes.extend_from_slice(&((offset - base) as u32).to_be_bytes());
            bytes.extend_from_slice(&(position as u32).to_be_bytes());
        }
        files::write_whole(&files::index_path(folder, base), &bytes)
    }

    /// Reads the file of a segment; entries at or after `limit` are left out. `None` when it is
    /// missing or is not an index of this segment.
    pub(super) fn load(folder: &Path, base: u64, limit: u64) -> Option<Self> {
        let bytes = fs::read(files::index_path(folder, base)).ok()?;
        if bytes.len() % ENTRY_BYTES != 0 {
            return None;
        }
        let number = |part: &[u8]| part.iter().fold(0, |n, &byte| (n << 8) | u64::from(byte));
        let mut entries: Vec<(u64, u64)> = Vec::with_capacity(bytes.len() / ENTRY_BYTES);
        for entry in bytes.chunks_exact(ENTRY_BYTES) {
            let (offset, position) = (base + number(&entry[..4]), number(&entry[4..]));
            let last = entries.last().copied().unwrap_or((base, 0));
            if offset <= last.0 || position < last.1 + INTERVAL_BYTES {
                return None;
            }
            if position < limit {
                entries.push((offset, position));
            }
        }
        Some(Self { entries })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_never_after_the_offset() {
        let mut index = SparseIndex::default();
        for batch in 0..100_u64 {
            index.note(1000 + batch * 10 + 9, batch * 1500);
        }
        for offset in 1000..2000_u64 {
            let batch = (offset - 1000) / 10;
            let position = index.position(offset);
            assert!(position <= batch * 1500, "offset {offset}");
            assert!(position + 2 * INTERVAL_BYTES > batch * 1500, "offset {offset}");
        }
    }

    #[test]
    fn an_odd_file_is_no_index() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = SparseIndex::default();
        index.note(109, 5000);
        index.note(209, 10_000);
        index.save(folder.path(), 100).unwrap();
        assert_eq!(SparseIndex::load(folder.path(), 100, u64::MAX).unwrap(), index);
        assert_eq!(SparseIndex::load(folder.path(), 100, 6000).unwrap().position(300), 5000);
        let path = files::index_path(folder.path(), 100);
        fs::write(&path, [0; 16]).unwrap();
        assert_eq!(SparseIndex::load(folder.path(), 100, u64::MAX), None);
        fs::write(&path, [1; 5]).unwrap();
        assert_eq!(SparseIndex::load(folder.path(), 100, u64::MAX), None);
    }
}
