//! Text files as blocks of whole records.

use std::io::Read;

use super::csv::{Dialect, Splitter};
use super::input::{Input, Opened};
use crate::error::SyncError;
use crate::raw::{RawEntry, RawLoad};

/// The format of text with fields between delimiters, in words.
pub(crate) const CSV: &str = "CSV";
/// The format of text with one object per line, in words.
pub(crate) const JSON_LINES: &str = "JSON lines";
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
        format: &'static str,
    ) -> Result<Self, SyncError> {
        let mut content = input.open(load)?;
        let mut head = Vec::with_capacity(HEAD_BYTES);
        let read = (&mut content).take(HEAD_BYTES as u64).read_to_end(&mut head);
        read.map_err(|error| content.explain(error))?;
        refuse_other_contents(&head, &input.place, format)?;
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

/// Refuses what is plainly no text of records, before every line of it is.
fn refuse_other_contents(head: &[u8], place: &str, format: &'static str) -> Result<(), SyncError> {
    let start = head.strip_prefix(MARK_UTF8).unwrap_or(head).trim_ascii_start();
    let begins =
        |mark: &[u8]| start.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark));
    let (content, remedy) = if begins(b"PK\x03\x04") {
        ("a ZIP archive or an Excel workbook", "export the sheet as CSV, or unpack the archive")
    } else if begins(b"PAR1") {
        ("a Parquet file", "set `format: parquet`")
    } else if begins(b"SQLite format 3\0") {
        ("a SQLite database", "use the connector `sqlite`")
    } else if begins(b"%PDF-") {
        ("a PDF document", "export its tables as CSV")
    } else if begins(b"<!doctype html") || begins(b"<html") {
        (
            "a web page",
            "take the address of the file itself; on GitHub it is behind `Raw`, elsewhere a login \
             may be in the way",
        )
    } else if format == JSON_LINES && begins(b"[") {
        ("one JSON array", "write one object per line, as `jq -c '.[]'` does")
    } else if format == JSON_LINES && is_spread(start) {
        ("an object over several lines", "write one object per line, as `jq -c .` does")
    } else {
        return Ok(());
    };
    Err(SyncError::OtherContent { path: place.to_owned(), format, content, remedy })
}

/// Whether the first line is a brace alone.
fn is_spread(start: &[u8]) -> bool {
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    line.trim_ascii() == b"{" && line.len() < start.len()
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
