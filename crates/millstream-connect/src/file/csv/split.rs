//! Cuts input into blocks of whole records.

use std::io::{self, Read};

use memchr::memchr;

use super::{Close, Dialect};

/// Bytes after which a block ends with the next record.
pub(crate) const BLOCK_BYTES: usize = 4 * 1024 * 1024;
/// The longest quoted field. A quote that is open for longer is taken for a stray one.
pub(crate) const QUOTED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes read beyond the wanted end of a block, in the hope that the record ends there.
const SLACK_BYTES: usize = 64 * 1024;

/// Gives blocks of whole records, in order.
#[derive(Debug)]
pub(crate) struct Splitter<R> {
    reader: R,
    dialect: Dialect,
    carry: Vec<u8>,
    block_bytes: usize,
    rest: Rest,
}

impl<R: Read> Splitter<R> {
    /// Splits what the reader gives. Bytes that were read before come first.
    pub(crate) fn new(reader: R, dialect: Dialect, head: Vec<u8>, block_bytes: usize) -> Self {
        Self { reader, dialect, carry: head, block_bytes, rest: Rest::Unknown }
    }

    /// The next block; never empty.
    pub(crate) fn next_block(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut block = Vec::with_capacity(self.block_bytes + 2 * SLACK_BYTES);
        block.append(&mut self.carry);
        let mut scan = Scan { at: 0, target: self.block_bytes };
        let mut wanted = self.block_bytes + SLACK_BYTES;
        loop {
            self.fill(&mut block, wanted)?;
            if let Some(cut) = scan.cut(self.dialect, &block, self.rest) {
                self.carry = block.split_off(cut);
                return Ok(Some(block));
            }
            if self.rest == Rest::Nothing {
                return Ok((!block.is_empty()).then_some(block));
            }
            wanted = block.len() + self.block_bytes / 2;
        }
    }

    /// The reader, to end its reading.
    pub(crate) fn into_reader(self) -> R {
        self.reader
    }

    /// The reader, to ask what an error of it means.
    pub(crate) fn reader(&self) -> &R {
        &self.reader
    }

    fn fill(&mut self, block: &mut Vec<u8>, wanted: usize) -> io::Result<()> {
        if self.rest == Rest::Nothing || block.len() >= wanted {
            return Ok(());
        }
        let missing = wanted - block.len();
        let count = (&mut self.reader).take(missing as u64).read_to_end(block)?;
        if count < missing {
            self.rest = Rest::Nothing;
        }
        Ok(())
    }
}

/// What the reader still has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Unknown,
    Nothing,
}

/// Where the search for the end of a block has come to; always outside quotes.
struct Scan {
    at: usize,
    target: usize,
}

impl Scan {
    /// The end of the first record that ends at or after the target, if these bytes show it.
    fn cut(&mut self, dialect: Dialect, bytes: &[u8], rest: Rest) -> Option<usize> {
        loop {
            let open = dialect.quote.and_then(|quote| self.next_open(dialect, bytes, quote));
            let plain_end = open.unwrap_or(bytes.len());
            let from = self.at.max(self.target.saturating_sub(1));
            if from < plain_end
                && let Some(found) = memchr(dialect.terminator, &bytes[from..plain_end])
            {
                return Some(from + found + 1);
            }
            let Some((open, quote)) = open.zip(dialect.quote) else {
                self.at = bytes.len();
                return None;
            };
            self.at = open;
            self.at = match dialect.close(bytes, open, quote) {
                Close::At(after) => after,
                Close::AtEnd(_) => return None,
                Close::Missing
                    if rest == Rest::Unknown && bytes.len() - open <= QUOTED_BYTES_MAX =>
                {
                    return None;
                }
                Close::Junk | Close::Missing => {
                    let end = open + memchr(dialect.terminator, &bytes[open..])? + 1;
                    if end >= self.target {
                        return Some(end);
                    }
                    end
                }
            };
        }
    }

    /// The next quote that starts a field.
    fn next_open(&self, dialect: Dialect, bytes: &[u8], quote: u8) -> Option<usize> {
        let mut from = self.at;
        loop {
            let found = from + memchr(quote, &bytes[from..])?;
            let before = found.checked_sub(1).map(|before| bytes[before]);
            let starts_field =
                before.is_none_or(|byte| byte == dialect.delimiter || byte == dialect.terminator);
            if starts_field {
                return Some(found);
            }
            from = found + 1;
        }
    }
}
