//! Text files as blocks of whole records.

use std::io::Read;

use super::csv::{Dialect, Splitter};
use super::input::{Input, Opened};
use crate::error::SyncError;
use crate::raw::{RawEntry, RawLoad};

/// Bytes at the start of a file that show its encoding and line ends.
const HEAD_BYTES: usize = 64 * 1024;
const MARK_UTF8: &[u8] = &[0xef, 0xbb, 0xbf];
const MARK_UTF16_LITTLE: &[u8] = &[0xff, 0xfe];
const MARK_UTF16_BIG: &[u8] = &[0xfe, 0xff];

/// A text file that is read block by block.
pub(crate) struct TextBlocks {
    splitter: Splitter<Opened>,
    /// How its records are marked.
    pub(crate) dialect: Dialect,
}

impl TextBlocks {
    /// Opens a file. Blocking.
    pub(crate) fn open(
        input: &Input,
        load: &RawLoad,
        dialect: Dialect,
        block_bytes: usize,
    ) -> Result<Self, SyncError> {
        let mut content = input.open(load)?;
        let mut head = Vec::with_capacity(HEAD_BYTES);
        let read = (&mut content).take(HEAD_BYTES as u64).read_to_end(&mut head);
        read.map_err(|error| content.explain(error))?;
        refuse_other_encodings(&head, &input.place)?;
        if head.starts_with(MARK_UTF8) {
            head.drain(..MARK_UTF8.len());
        }
        if head.is_empty() {
            return Err(SyncError::Empty { path: input.place.clone() });
        }
        let dialect = dialect.with_line_ends_of(&head);
        Ok(Self { splitter: Splitter::new(content, dialect, head, block_bytes), dialect })
    }

    /// The next block.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>, SyncError> {
        let block = self.splitter.next_block();
        block.map_err(|error| self.splitter.reader().explain(error))
    }

    /// Where the bytes can be read again.
    pub(crate) fn kept_path(&self, input: &Input) -> std::path::PathBuf {
        self.splitter.reader().kept_path(input)
    }

    /// Ends the reading and waits until the bytes are kept.
    pub(crate) fn finish(self) -> Result<RawEntry, SyncError> {
        self.splitter.into_reader().finish()
    }
}

fn refuse_other_encodings(head: &[u8], place: &str) -> Result<(), SyncError> {
    let encoding = if head.starts_with(MARK_UTF16_LITTLE) || head.starts_with(MARK_UTF16_BIG) {
        "UTF-16"
    } else if head.len() > 16 && head.iter().take(64).skip(1).step_by(2).all(|&byte| byte == 0) {
        "UTF-16 without a mark"
    } else {
        return Ok(());
    };
    Err(SyncError::BadEncoding { path: place.to_owned(), encoding })
}
