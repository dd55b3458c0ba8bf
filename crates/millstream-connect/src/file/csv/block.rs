//! A block of records becomes a batch of columns; what does not fit is refused.

use std::borrow::Cow;

use arrow::datatypes::SchemaRef;
use memchr::memchr_iter;

use super::Dialect;
use super::index::{Broken, Index, Indexer, Why};
use crate::columns::{KeptColumn, type_name};
use crate::error::SyncError;
use crate::file::block::{ParsedBlock, Refusal, refused_text, without_rows};
use crate::file::builder::ColumnBuilder;
use crate::file::evidence::Evidence;

/// Records that are indexed at a time; the index of so many stays in the cache.
const CHUNK_RECORDS: usize = 1024;

/// How the records of one file become rows.
#[derive(Debug, Clone)]
pub(crate) struct Sheet {
    /// How it is marked.
    pub dialect: Dialect,
    /// Fields of a record.
    pub width: usize,
    /// The columns of the rows; `None` where the file has no such column.
    pub columns: Vec<Option<KeptColumn>>,
    /// The schema of the rows.
    pub schema: SchemaRef,
}

/// Parses a block from a position on.
pub(crate) fn parse_block(
    sheet: &Sheet,
    bytes: &[u8],
    from: usize,
) -> Result<ParsedBlock, SyncError> {
    let mut builders = Vec::with_capacity(sheet.columns.len());
    let rows_guess = bytes.len() / (sheet.width * 6).max(16);
    for field in sheet.schema.fields() {
        let text_guess = bytes.len() / sheet.width.max(1);
        builders.push(ColumnBuilder::new(field.data_type(), rows_guess, text_guess)?);
    }
    let mut refusals = Refusals { sheet, bytes, records: Vec::new(), rows: Vec::new() };
    let mut index = Index::default();
    let mut indexer = Indexer::new(bytes, sheet.dialect, sheet.width, from);
    let mut rows = 0;
    while indexer.next(&mut index, CHUNK_RECORDS) {
        for (number, (builder, column)) in builders.iter_mut().zip(&sheet.columns).enumerate() {
            fill(builder, column.as_ref(), number, &index, rows, &mut refusals);
        }
        refusals.take_broken(&index.broken);
        rows += index.records.len();
    }
    let columns = builders.into_iter().map(ColumnBuilder::finish).collect::<Result<Vec<_>, _>>()?;
    let (bad_rows, refused) = refusals.finish();
    let batch = without_rows(&sheet.schema, columns, rows, &bad_rows)?;
    let lines = memchr_iter(sheet.dialect.terminator, bytes).count() as u64;
    Ok(ParsedBlock { batch, refused, lines })
}

/// What the columns of a block show, and the number of its records.
pub(crate) fn weigh_block(
    dialect: Dialect,
    width: usize,
    positions: &[usize],
    bytes: &[u8],
    from: usize,
) -> (Vec<Evidence>, u64) {
    let mut evidence = vec![Evidence::default(); positions.len()];
    let mut index = Index::default();
    let mut indexer = Indexer::new(bytes, dialect, width, from);
    let mut rows = 0;
    while indexer.next(&mut index, CHUNK_RECORDS) {
        rows += index.records.len() as u64;
        for (column, &position) in evidence.iter_mut().zip(positions) {
            for text in index.column(bytes, position, width).flatten() {
                if column.is_settled() {
                    break;
                }
                column.see(text);
            }
        }
    }
    (evidence, rows)
}

fn fill(
    builder: &mut ColumnBuilder,
    column: Option<&KeptColumn>,
    number: usize,
    index: &Index,
    rows_before: usize,
    refusals: &mut Refusals<'_>,
) {
    let Some(column) = column else {
        builder.extend(index.records.iter().map(|_| None), &mut |_| {});
        return;
    };
    let bytes = refusals.bytes;
    let width = refusals.sheet.width;
    let mut bad = Vec::new();
    builder.extend(index.column(bytes, column.position, width), &mut |row| bad.push(row));
    for row in bad {
        let text = index.column(bytes, column.position, width).nth(row).flatten();
        let wrong = Wrong::Value(text.unwrap_or_default());
        refusals.refuse(rows_before + row, index.records[row], number, wrong);
    }
    if column.required {
        let texts = index.column(bytes, column.position, width).enumerate();
        for (row, _) in texts.filter(|(_, text)| text.is_none()) {
            refusals.refuse(rows_before + row, index.records[row], number, Wrong::Missing);
        }
    }
}

/// Why a record is refused.
#[derive(Debug, Clone, Copy)]
enum Wrong<'a> {
    /// A value that must be there is missing.
    Missing,
    /// This text is none of its column's type.
    Value(&'a [u8]),
}

/// What a block refuses.
struct Refusals<'a> {
    sheet: &'a Sheet,
    bytes: &'a [u8],
    /// Position in the block and the record's refusal.
    records: Vec<(usize, Refusal)>,
    /// Rows of the batch that are to be left out.
    rows: Vec<usize>,
}

impl Refusals<'_> {
    fn refuse(&mut self, row: usize, (start, end): (u32, u32), number: usize, wrong: Wrong<'_>) {
        self.rows.push(row);
        let field = self.sheet.schema.field(number);
        let (code, reason) = match wrong {
            Wrong::Missing => ("sync.null_value", format!("`{}` has no value", field.name())),
            Wrong::Value(text) => {
                let (text, data_type) = (refused_text(text), type_name(field.data_type()));
                ("sync.bad_value", format!("`{}`: `{text}` is not a {data_type}", field.name()))
            }
        };
        self.add(start, end, code, reason);
    }

    fn take_broken(&mut self, broken: &[Broken]) {
        for &Broken { start, end, why } in broken {
            let (code, reason): (_, Cow<'static, str>) = match why {
                Why::Fields(count) => {
                    let expected = self.sheet.width;
                    ("sync.ragged_row", format!("{count} fields instead of {expected}").into())
                }
                Why::Quote => ("sync.bad_quote", "a quote is not closed before a delimiter".into()),
                Why::Encoding => ("sync.bad_utf8", "the record is not UTF-8".into()),
            };
            self.add(start, end, code, reason.into_owned());
        }
    }

    fn add(&mut self, start: u32, end: u32, code: &'static str, reason: String) {
        let raw = refused_text(&self.bytes[start as usize..end as usize]);
        self.records.push((start as usize, Refusal { line: 0, code, reason, raw }));
    }

    /// The rows to leave out, and one refusal for each record with its line in the block.
    fn finish(mut self) -> (Vec<usize>, Vec<Refusal>) {
        self.records.sort_by_key(|(start, _)| *start);
        self.records.dedup_by_key(|(start, _)| *start);
        let (mut at, mut line) = (0, 0);
        let mut refused = Vec::with_capacity(self.records.len());
        for (start, refusal) in self.records {
            let terminator = self.sheet.dialect.terminator;
            line += memchr_iter(terminator, &self.bytes[at..start]).count() as u64;
            at = start;
            refused.push(Refusal { line, ..refusal });
        }
        (self.rows, refused)
    }
}
