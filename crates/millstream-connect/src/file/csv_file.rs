//! Whole CSV files: discovered, or read into events.

use std::sync::Arc;

use super::block::ParsedBlock;
use super::csv::{Sheet, first_record, parse_block, weigh_block};
use super::evidence::Evidence;
use super::input::{Input, InputState};
use super::pipeline::{Feed, Parse, Stop, fold_blocks};
use super::read::Plan;
use super::shape::{Known, Shape};
use super::text::{CSV, TextBlocks};
use crate::columns::KeptColumn;
use crate::error::SyncError;
use crate::raw::{RawEntry, RawLoad};

/// A CSV whose header has been read.
struct Opened {
    blocks: TextBlocks,
    names: Vec<String>,
    first: Vec<u8>,
    from: usize,
}

impl Opened {
    fn open(plan: &Plan, input: &Input, load: &RawLoad) -> Result<Self, SyncError> {
        let dialect = plan.settings.dialect(&input.name)?;
        let mut blocks = TextBlocks::open(input, load, dialect, plan.block_bytes, CSV)?;
        let first = blocks.next()?.unwrap_or_default();
        let (fields, behind) = first_record(&first, blocks.dialect, 0);
        if fields.is_empty() {
            return Err(SyncError::Empty { path: input.place.clone() });
        }
        let (names, from) = if plan.settings.has_header() {
            if plan.settings.delimiter.is_none() {
                refuse_other_delimiter(&fields, dialect.delimiter, &input.place)?;
            }
            (fields, behind)
        } else {
            (names_without_header(plan, fields.len()), 0)
        };
        Ok(Self { blocks, names, first, from })
    }
}

/// Reads a file into the feed. Blocking.
pub(crate) fn read(
    plan: &Plan,
    input: &Input,
    load: &RawLoad,
    feed: &Feed,
) -> Result<RawEntry, Stop> {
    let Opened { mut blocks, names, first, from } = Opened::open(plan, input, load)?;
    let resolved = plan.resolve(&input.place, &names)?;
    let sheet = Arc::new(Sheet {
        dialect: blocks.dialect,
        width: names.len(),
        columns: plan.columns_of(&resolved),
        schema: Arc::clone(&plan.schema),
    });
    feed.file(&input.place, input.identity()?, 0)?;
    feed.block(first, &parser(Arc::clone(&sheet), from))?;
    let parse = parser(sheet, 0);
    while let Some(block) = blocks.next()? {
        feed.block(block, &parse)?;
    }
    Ok(blocks.finish()?)
}

fn parser(sheet: Arc<Sheet>, from: usize) -> Parse {
    Arc::new(move |bytes: Vec<u8>| -> Result<ParsedBlock, SyncError> {
        parse_block(&sheet, &bytes, from)
    })
}

/// Adds what a file shows to the shape and keeps the file. Gives the kept file and the number of
/// its rows. Blocking.
pub(crate) fn discover(
    plan: &Plan,
    input: Input,
    load: &RawLoad,
    shape: &mut Shape,
) -> Result<(Input, u64), SyncError> {
    let Opened { mut blocks, names, first, from } = Opened::open(plan, &input, load)?;
    let columns = plan.resolve(&input.place, &names)?;
    let open: Vec<&KeptColumn> = columns.iter().filter(|c| c.data_type.is_none()).collect();
    let positions: Vec<usize> = open.iter().map(|column| column.position).collect();
    let mut evidence = vec![Evidence::default(); positions.len()];
    let mut rows = 0;
    let (dialect, width) = (blocks.dialect, names.len());
    let mut first = Some((first, from));
    fold_blocks(
        || match first.take() {
            Some(block) => Ok(Some(block)),
            None => Ok(blocks.next()?.map(|block| (block, 0))),
        },
        move |(bytes, from): (Vec<u8>, usize)| {
            Ok(weigh_block(dialect, width, &positions, &bytes, from))
        },
        |(shown, count)| {
            evidence.iter_mut().zip(shown).for_each(|(all, part)| all.merge(part));
            rows += count;
        },
    )?;
    let mut evidence = evidence.into_iter();
    for column in &columns {
        let known = match &column.data_type {
            Some(data_type) => Known::Declared(data_type.clone()),
            None => Known::Shown(evidence.next().unwrap_or_default()),
        };
        shape.add(&column.name, &column.original, known)?;
    }
    let path = blocks.kept_path(&input);
    Ok((Input { path, state: InputState::Kept(blocks.finish()?), ..input }, rows))
}

/// Refuses a header that is one field only because it was cut at the wrong mark.
fn refuse_other_delimiter(names: &[String], used: u8, place: &str) -> Result<(), SyncError> {
    let [name] = names else { return Ok(()) };
    let others = [(';', ";"), ('\t', "\\t"), ('|', "|"), (',', ",")];
    let others = others.into_iter().filter(|(mark, _)| *mark != char::from(used));
    let counted = others.map(|(mark, written)| (name.matches(mark).count(), written));
    match counted.max_by_key(|(count, _)| *count) {
        Some((1.., found)) => Err(SyncError::WrongDelimiter {
            path: place.to_owned(),
            column: name.clone(),
            found,
            used: char::from(used),
        }),
        _ => Ok(()),
    }
}

/// The names of columns that no header names: as the stream lists them, then numbered.
fn names_without_header(plan: &Plan, width: usize) -> Vec<String> {
    let listed = plan.selection.wanted.iter().flatten().map(|column| column.name.clone());
    let listed: Vec<String> = listed.take(width).collect();
    let numbered = (listed.len()..width).map(|position| format!("column_{}", position + 1));
    listed.iter().cloned().chain(numbered).collect()
}
