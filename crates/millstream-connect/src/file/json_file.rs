//! JSON lines: one object per line. Nested values become text that holds their JSON.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use memchr::memchr_iter;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::block::{ParsedBlock, Refusal, refused_text, without_rows};
use super::builder::ColumnBuilder;
use super::csv::Dialect;
use super::evidence::Evidence;
use super::input::{Input, InputState};
use super::pipeline::{Feed, Parse, Stop, fold_blocks};
use super::read::Plan;
use super::shape::{Known, Shape};
use super::text::{JSON_LINES, TextBlocks};
use crate::columns::type_name;
use crate::error::SyncError;
use crate::raw::{RawEntry, RawLoad};

/// Most different keys of the objects of one stream.
const KEYS_MAX: usize = 10_000;
const LINES: Dialect = Dialect { delimiter: b',', quote: None, terminator: b'\n' };

/// Reads a file into the feed. Blocking.
pub(crate) fn read(
    plan: &Arc<Plan>,
    input: &Input,
    load: &RawLoad,
    feed: &Feed,
) -> Result<RawEntry, Stop> {
    let mut blocks = TextBlocks::open(input, load, LINES, plan.block_bytes, JSON_LINES)?;
    feed.file(&input.place, input.identity()?, 0)?;
    let plan = Arc::clone(plan);
    let parse: Parse = Arc::new(move |bytes| parse_block(&plan, &bytes));
    while let Some(block) = blocks.next()? {
        feed.block(block, &parse)?;
    }
    Ok(blocks.finish()?)
}

/// Adds what a file shows to the shape and keeps the file. Gives the kept file and the number of
/// its rows. Blocking.
pub(crate) fn discover(
    plan: &Plan,
    input: Input,
    load: &RawLoad,
    shape: &mut Shape,
) -> Result<(Input, u64), SyncError> {
    let mut blocks = TextBlocks::open(&input, load, LINES, plan.block_bytes, JSON_LINES)?;
    let mut keys = Keys::default();
    let mut rows = 0;
    fold_blocks(
        || blocks.next(),
        |bytes: Vec<u8>| Ok(weigh_block(&bytes)),
        |(shown, count)| {
            keys.merge(shown);
            rows += count;
        },
    )?;
    if keys.order.len() > KEYS_MAX {
        let what = format!("`{}`", input.place);
        return Err(SyncError::TooMuch { what, limit: format!("{KEYS_MAX} different keys") });
    }
    for column in plan.resolve(&input.place, &keys.order)? {
        let known = match column.data_type {
            Some(data_type) => Known::Declared(data_type),
            None => Known::Shown(keys.evidence[column.position]),
        };
        shape.add(&column.name, &column.original, known)?;
    }
    let path = blocks.kept_path(&input);
    Ok((Input { path, state: InputState::Kept(blocks.finish()?), ..input }, rows))
}

/// Keys in the order in which they came, and what their values showed.
#[derive(Default)]
struct Keys {
    order: Vec<String>,
    evidence: Vec<Evidence>,
    positions: HashMap<String, usize>,
}

impl Keys {
    fn of(&mut self, key: &str) -> &mut Evidence {
        if let Some(position) = self.positions.get(key) {
            return &mut self.evidence[*position];
        }
        let position = self.order.len();
        self.positions.insert(key.to_owned(), position);
        self.order.push(key.to_owned());
        self.evidence.push(Evidence::default());
        &mut self.evidence[position]
    }

    fn merge(&mut self, other: Self) {
        for (key, shown) in other.order.iter().zip(other.evidence) {
            self.of(key).merge(shown);
        }
    }
}

fn weigh_block(bytes: &[u8]) -> (Keys, u64) {
    let mut keys = Keys::default();
    let mut rows = 0;
    for line in bytes.split(|&byte| byte == b'\n') {
        let Ok(object) = serde_json::from_slice::<Object<'_>>(line) else { continue };
        rows += 1;
        for (key, value) in object.0 {
            let evidence = keys.of(&key);
            match Scalar::of(value) {
                Scalar::Null => {}
                Scalar::Text(text) => evidence.see_text(text.as_bytes()),
                Scalar::Plain(text) => evidence.see(text.as_bytes()),
            }
        }
    }
    (keys, rows)
}

fn parse_block(plan: &Plan, bytes: &[u8]) -> Result<ParsedBlock, SyncError> {
    let mut table = Table::new(plan)?;
    for (number, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        if let Err((code, reason)) = table.take(line) {
            let raw = refused_text(line);
            table.refused.push(Refusal { line: number as u64, code, reason, raw });
        }
    }
    table.finish(memchr_iter(b'\n', bytes).count() as u64)
}

/// Why a line is refused: the code and the reason.
type Refused = (&'static str, String);

/// Columns that are filled line by line.
struct Table<'p> {
    plan: &'p Plan,
    builders: Vec<ColumnBuilder>,
    /// Column of each key met so far.
    keys: HashMap<String, Option<usize>>,
    rows: usize,
    bad_rows: Vec<usize>,
    refused: Vec<Refusal>,
}

impl<'p> Table<'p> {
    fn new(plan: &'p Plan) -> Result<Self, SyncError> {
        let fields = plan.schema.fields().iter();
        let builders = fields.map(|field| ColumnBuilder::new(field.data_type(), 1024, 1024));
        Ok(Self {
            plan,
            builders: builders.collect::<Result<_, _>>()?,
            keys: HashMap::new(),
            rows: 0,
            bad_rows: Vec::new(),
            refused: Vec::new(),
        })
    }

    fn take(&mut self, line: &[u8]) -> Result<(), Refused> {
        let object: Object<'_> =
            serde_json::from_slice(line).map_err(|error| ("sync.bad_json", error.to_string()))?;
        let mut values: Vec<Scalar<'_>> = self.builders.iter().map(|_| Scalar::Null).collect();
        for (key, value) in object.0 {
            if let Some(position) = self.position(&key) {
                values[position] = Scalar::of(value);
            }
        }
        let filled = self.fill(&values);
        if filled.is_err() {
            self.bad_rows.push(self.rows);
        }
        self.rows += 1;
        filled
    }

    fn position(&mut self, key: &str) -> Option<usize> {
        if let Some(position) = self.keys.get(key) {
            return *position;
        }
        let name = millstream_core::name::snake_case(key);
        let position = self.plan.schema.index_of(&name).ok();
        self.keys.insert(key.to_owned(), position);
        position
    }

    /// Adds a row, also when it is refused: then it is left out at the end.
    fn fill(&mut self, values: &[Scalar<'_>]) -> Result<(), Refused> {
        let mut result = Ok(());
        let fields = self.plan.schema.fields();
        for ((builder, value), field) in self.builders.iter_mut().zip(values).zip(fields) {
            let bytes = value.bytes();
            let mut is_bad = false;
            builder.extend(std::iter::once(bytes), &mut |_| is_bad = true);
            if result.is_err() {
                continue;
            }
            let name = field.name();
            if is_bad {
                let text = refused_text(bytes.unwrap_or_default());
                let reason =
                    format!("`{name}`: `{text}` is not a {}", type_name(field.data_type()));
                result = Err(("sync.bad_value", reason));
            } else if bytes.is_none() && self.plan.selection.requires(name, name) {
                result = Err(("sync.null_value", format!("`{name}` has no value")));
            }
        }
        result
    }

    fn finish(self, lines: u64) -> Result<ParsedBlock, SyncError> {
        let columns = self.builders.into_iter().map(ColumnBuilder::finish);
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let batch = without_rows(&self.plan.schema, columns, self.rows, &self.bad_rows)?;
        Ok(ParsedBlock { batch, refused: self.refused, lines })
    }
}

/// A value of an object.
enum Scalar<'a> {
    Null,
    /// A string.
    Text(Cow<'a, str>),
    /// Anything else, as it is written.
    Plain(&'a str),
}

impl<'a> Scalar<'a> {
    fn of(value: &'a RawValue) -> Self {
        let text = value.get();
        match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            Some(plain) if !plain.contains('\\') => Self::Text(Cow::Borrowed(plain)),
            Some(_) => match serde_json::from_str::<String>(text) {
                Ok(unescaped) => Self::Text(Cow::Owned(unescaped)),
                // Half of a surrogate pair: kept as it is written.
                Err(_) => Self::Plain(text),
            },
            None if text == "null" => Self::Null,
            None => Self::Plain(text),
        }
    }

    fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(text.as_bytes()),
            Self::Plain(text) => Some(text.as_bytes()),
        }
    }
}

/// The top level of an object; its values are not looked into.
struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut pairs = Vec::new();
        while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
            pairs.push((key, value));
        }
        Ok(Object(pairs))
    }
}
