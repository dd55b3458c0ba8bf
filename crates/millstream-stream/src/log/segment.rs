//! Reading the batches of one segment file, one after the other, in bounded memory.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::batch::{self, BadBatch, BatchHeader, HEADER_BYTES};

const BUFFER_BYTES: usize = 128 * 1024;

/// A verified batch of a segment.
#[derive(Debug)]
pub(super) struct FoundBatch<'b> {
    pub(super) header: BatchHeader,
    /// Where it starts in the file.
    pub(super) position: u64,
    /// The whole batch.
    pub(super) bytes: &'b [u8],
}

/// Why there is no next batch where one should be.
#[derive(Debug)]
pub(super) enum ScanError {
    Io(io::Error),
    Bad(BadBatch),
}

/// Reads batches from a position to a limit.
#[derive(Debug)]
pub(super) struct BatchReader {
    file: BufReader<File>,
    position: u64,
    limit: u64,
    buffer: Vec<u8>,
}

impl BatchReader {
    pub(super) fn open(path: &Path, position: u64, limit: u64) -> io::Result<Self> {
        let mut file = BufReader::with_capacity(BUFFER_BYTES, File::open(path)?);
        file.seek(SeekFrom::Start(position))?;
        Ok(Self { file, position, limit, buffer: Vec::new() })
    }

    /// Where the next batch starts.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The next batch, verified; `None` at the limit.
    pub(super) fn next(&mut self) -> Result<Option<FoundBatch<'_>>, ScanError> {
        let left = self.limit.saturating_sub(self.position);
        if left == 0 {
            return Ok(None);
        }
        if left < HEADER_BYTES as u64 {
            return Err(ScanError::Bad(BadBatch::Short));
        }
        self.buffer.resize(HEADER_BYTES, 0);
        self.file.read_exact(&mut self.buffer).map_err(ScanError::Io)?;
        let bytes = batch::read_header(&self.buffer).map_err(ScanError::Bad)?.bytes;
        if bytes as u64 > left {
            return Err(ScanError::Bad(BadBatch::Short));
        }
        self.buffer.resize(bytes, 0);
        self.file.read_exact(&mut self.buffer[HEADER_BYTES..]).map_err(ScanError::Io)?;
        let header = batch::verify(&self.buffer).map_err(ScanError::Bad)?;
        let position = self.position;
        self.position += bytes as u64;
        Ok(Some(FoundBatch { header, position, bytes: &self.buffer }))
    }
}
