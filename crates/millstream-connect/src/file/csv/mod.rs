//! CSV: blocks are cut at the ends of records, indexed, and parsed column by column, many blocks
//! at a time.
//!
//! A field is quoted if its first byte is the quote; two quotes inside are one. A quote that is
//! never closed, or that is followed by something else than a delimiter, spoils the line on which
//! it opens and no more: reading goes on at the next line.

mod block;
mod index;
mod split;
mod structure;

use memchr::{memchr, memchr2};

pub(crate) use block::{Sheet, parse_block, weigh_block};
pub(crate) use index::{all_records, first_record};
pub(crate) use split::{BLOCK_BYTES, Splitter};

/// How records and fields are marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Between fields.
    pub delimiter: u8,
    /// Around fields that contain marks.
    pub quote: Option<u8>,
    /// After records: a line feed, before which a carriage return is ignored, or the carriage
    /// return of old files.
    pub terminator: u8,
}

impl Dialect {
    /// The same dialect with the line ends that the start of a file shows.
    pub(crate) fn with_line_ends_of(mut self, head: &[u8]) -> Self {
        let first = memchr2(b'\n', b'\r', head);
        let is_old = first.is_some_and(|at| head[at] == b'\r') && memchr(b'\n', head).is_none();
        self.terminator = if is_old { b'\r' } else { b'\n' };
        self
    }

    /// Where a quoted field ends.
    fn close(self, bytes: &[u8], open: usize, quote: u8) -> Close {
        let mut at = open + 1;
        loop {
            let Some(found) = memchr(quote, &bytes[at..]) else { return Close::Missing };
            let after = at + found + 1;
            match bytes.get(after) {
                None => return Close::AtEnd(after),
                Some(&byte) if byte == quote => at = after + 1,
                Some(&byte) if byte == self.delimiter || byte == self.terminator => {
                    return Close::At(after);
                }
                Some(b'\r') if self.terminator == b'\n' => {
                    return match bytes.get(after + 1) {
                        Some(b'\n') => Close::At(after),
                        None => Close::AtEnd(after),
                        Some(_) => Close::Junk,
                    };
                }
                Some(_) => return Close::Junk,
            }
        }
    }
}

/// How a quoted field ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Close {
    /// With a quote before a mark; the position after the quote.
    At(usize),
    /// With a quote that is, but for a carriage return, the last byte there is.
    AtEnd(usize),
    /// With a quote before something else.
    Junk,
    /// Not in these bytes.
    Missing,
}

#[cfg(test)]
mod tests;
