//! Where the fields of a block are.

use memchr::memchr;

use super::structure::Structure;
use super::{Close, Dialect};

/// Marks a field whose text lies in the arena because its quotes had to be taken out.
const IN_ARENA: u32 = 1 << 31;

/// The fields of some records.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Start and end of every field, record after record.
    fields: Vec<(u32, u32)>,
    /// Start and end of every record.
    pub(super) records: Vec<(u32, u32)>,
    /// Texts of fields with doubled quotes.
    arena: Vec<u8>,
    /// Records that are no record.
    pub(super) broken: Vec<Broken>,
}

/// A record that could not be split into its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) why: Why,
}

/// Why it could not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It has this number of fields.
    Fields(usize),
    /// A quote is not closed as it should be.
    Quote,
    /// It is not UTF-8.
    Encoding,
}

impl Index {
    fn clear(&mut self) {
        self.fields.clear();
        self.records.clear();
        self.arena.clear();
        self.broken.clear();
    }

    /// The texts of all fields.
    fn texts(&self, bytes: &[u8]) -> Vec<String> {
        let fields = self.column(bytes, 0, 1);
        fields.map(|text| String::from_utf8_lossy(text.unwrap_or_default()).into_owned()).collect()
    }

    /// The texts of one field of every record; empty is null.
    pub(super) fn column<'a>(
        &'a self,
        bytes: &'a [u8],
        position: usize,
        width: usize,
    ) -> impl Iterator<Item = Option<&'a [u8]>> {
        self.fields.iter().skip(position).step_by(width).map(move |&(start, end)| {
            if start == end {
                return None;
            }
            if start & IN_ARENA == 0 {
                return Some(&bytes[start as usize..end as usize]);
            }
            let (start, end) = (start & !IN_ARENA, end & !IN_ARENA);
            Some(&self.arena[start as usize..end as usize])
        })
    }
}

/// Walks over the records of a block.
#[derive(Debug)]
pub(super) struct Indexer<'a> {
    bytes: &'a [u8],
    dialect: Dialect,
    structure: Structure<'a>,
    width: usize,
    at: usize,
    is_utf8: bool,
}

impl<'a> Indexer<'a> {
    /// Records of a number of fields, from a position on.
    pub(super) fn new(bytes: &'a [u8], dialect: Dialect, width: usize, at: usize) -> Self {
        let structure = Structure::new(bytes, dialect.delimiter, dialect.terminator);
        let is_utf8 = std::str::from_utf8(bytes).is_ok();
        Self { bytes, dialect, structure, width, at, is_utf8 }
    }

    /// Puts the next records into the index. Gives whether there were any.
    pub(super) fn next(&mut self, index: &mut Index, records_max: usize) -> bool {
        index.clear();
        let start = self.at;
        while self.at < self.bytes.len() && index.records.len() < records_max {
            self.record(index);
        }
        self.at > start
    }

    fn record(&mut self, index: &mut Index) {
        let start = self.at;
        let fields_before = index.fields.len();
        let split = self.split(index);
        let end = self.at;
        let content_end = self.without_line_end(start, end);
        if content_end == start {
            index.fields.truncate(fields_before);
            return;
        }
        let why = match split {
            Err(why) => Some(why),
            Ok(count) if count != self.width => Some(Why::Fields(count)),
            Ok(_) => (!self.is_utf8 && std::str::from_utf8(&self.bytes[start..end]).is_err())
                .then_some(Why::Encoding),
        };
        let (start, end) = (start as u32, content_end as u32);
        match why {
            None => index.records.push((start, end)),
            Some(why) => {
                index.fields.truncate(fields_before);
                index.broken.push(Broken { start, end, why });
            }
        }
    }

    /// Splits one record and moves behind it. Gives the number of its fields.
    #[inline]
    fn split(&mut self, index: &mut Index) -> Result<usize, Why> {
        let mut count = 0;
        loop {
            let field_start = self.at;
            let is_quoted = self.dialect.quote.is_some()
                && self.bytes.get(field_start).copied() == self.dialect.quote;
            let mut field = (field_start, 0);
            let end = if is_quoted {
                self.quoted(index, &mut field)?
            } else {
                let end = self.structure.next(field_start);
                field.1 = end;
                end
            };
            let ends_record = self.bytes.get(end).is_none_or(|&b| b == self.dialect.terminator);
            if ends_record && !is_quoted {
                field.1 = self.without_return(field_start, end);
            }
            if count < self.width {
                index.fields.push((field.0 as u32, field.1 as u32));
            }
            count += 1;
            self.at = (end + 1).min(self.bytes.len());
            if ends_record {
                return Ok(count);
            }
            if self.at == self.bytes.len() {
                // The delimiter was the last byte: an empty field follows.
                if count < self.width {
                    index.fields.push((0, 0));
                }
                return Ok(count + 1);
            }
        }
    }

    /// Reads a quoted field and gives the position of the mark behind it.
    fn quoted(&mut self, index: &mut Index, field: &mut (usize, usize)) -> Result<usize, Why> {
        let open = self.at;
        let quote = self.bytes[open];
        let close = match self.dialect.close(self.bytes, open, quote) {
            Close::At(after) | Close::AtEnd(after) => after,
            Close::Junk | Close::Missing => {
                let line_end = memchr(self.dialect.terminator, &self.bytes[open..]);
                self.at = line_end.map_or(self.bytes.len(), |found| open + found + 1);
                return Err(Why::Quote);
            }
        };
        let inside = &self.bytes[open + 1..close - 1];
        *field = match memchr(quote, inside) {
            None => (open + 1, close - 1),
            Some(_) => unquote(inside, quote, &mut index.arena),
        };
        // Between the quote and the mark lies a carriage return at most.
        Ok(self.structure.next(close))
    }

    fn without_return(&self, start: usize, end: usize) -> usize {
        let has_return =
            self.dialect.terminator == b'\n' && end > start && self.bytes[end - 1] == b'\r';
        end - usize::from(has_return)
    }

    fn without_line_end(&self, start: usize, end: usize) -> usize {
        if end > start && self.bytes[end - 1] == self.dialect.terminator {
            return self.without_return(start, end - 1);
        }
        end
    }
}

fn unquote(inside: &[u8], quote: u8, arena: &mut Vec<u8>) -> (usize, usize) {
    let start = arena.len();
    let mut rest = inside;
    while let Some(found) = memchr(quote, rest) {
        arena.extend_from_slice(&rest[..=found]);
        // Every quote inside is doubled, or the field would have ended there.
        rest = rest.get(found + 2..).unwrap_or_default();
    }
    arena.extend_from_slice(rest);
    (start | IN_ARENA as usize, arena.len() | IN_ARENA as usize)
}

/// The fields of every record, line by line; an empty line is a record of one empty field. Where a
/// quote is not closed as it should be, the offset of its record is the error.
pub(crate) fn all_records(bytes: &[u8], dialect: Dialect) -> Result<Vec<Vec<String>>, usize> {
    let mut index = Index::default();
    let mut indexer = Indexer::new(bytes, dialect, usize::MAX, 0);
    let mut records = Vec::new();
    while indexer.at < bytes.len() {
        index.clear();
        let start = indexer.at;
        indexer.split(&mut index).map_err(|_| start)?;
        records.push(index.texts(bytes));
    }
    Ok(records)
}

/// The fields of the first record that is not empty, and where the next one starts.
pub(crate) fn first_record(bytes: &[u8], dialect: Dialect, from: usize) -> (Vec<String>, usize) {
    let mut index = Index::default();
    let mut indexer = Indexer::new(bytes, dialect, usize::MAX, from);
    while indexer.at < bytes.len() {
        let start = indexer.at;
        let fields_before = index.fields.len();
        let whole = indexer.split(&mut index).is_ok();
        if whole && indexer.without_line_end(start, indexer.at) > start {
            break;
        }
        index.fields.truncate(fields_before);
    }
    (index.texts(bytes), indexer.at)
}
