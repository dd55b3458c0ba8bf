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
use super::text::TextBlocks;
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
    let mut blocks = TextBlocks::open(input, load, LINES, plan.block_bytes)?;
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
    let mut blocks = TextBlocks::open(&input, load, LINES, plan.block_bytes)?;
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
    let fields = plan.schema.fields();
    let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    let mut builders = fields
        .iter()
        .map(|field| ColumnBuilder::new(field.data_type(), 1024, 1024))
        .collect::<Result<Vec<_>, _>>()?;
    let mut keys: HashMap<String, Option<usize>> = HashMap::new();
    let mut refused = Vec::new();
    let mut bad_rows = Vec::new();
    let mut rows = 0;
    for (number, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let refusal = |code, reason| {
            Some(Refusal { line: number as u64, code, reason, raw: refused_text(line) })
        };
        let object = match serde_json::from_slice::<Object<'_>>(line) {
            Ok(object) => object,
            Err(error) => {
                refused.extend(refusal("sync.bad_json", error.to_string()));
                continue;
            }
        };
        let mut values: Vec<Scalar<'_>> = names.iter().map(|_| Scalar::Null).collect();
        for (key, value) in object.0 {
            let position = match keys.get(key.as_ref()) {
                Some(position) => *position,
                None => {
                    let name = millstream_core::name::snake_case(&key);
                    let position = names.iter().position(|known| *known == name);
                    keys.insert(key.into_owned(), position);
                    position
                }
            };
            if let Some(position) = position {
                values[position] = Scalar::of(value);
            }
        }
        let mut reason = None;
        for ((builder, value), field) in builders.iter_mut().zip(&values).zip(fields) {
            let mut is_bad = false;
            builder.extend(std::iter::once(value.bytes()), &mut |_| is_bad = true);
            if is_bad && reason.is_none() {
                let data_type = type_name(field.data_type());
                let text = refused_text(value.bytes().unwrap_or_default());
                let text = format!("`{}`: `{text}` is not a {data_type}", field.name());
                reason = refusal("sync.bad_value", text);
            } else if reason.is_none()
                && value.bytes().is_none()
                && plan.selection.requires(field.name(), field.name())
            {
                reason = refusal("sync.null_value", format!("`{}` has no value", field.name()));
            }
        }
        if let Some(refusal) = reason {
            refused.push(refusal);
            bad_rows.push(rows);
        }
        rows += 1;
    }
    let columns = builders.into_iter().map(ColumnBuilder::finish).collect::<Result<Vec<_>, _>>()?;
    let batch = without_rows(&plan.schema, columns, rows, &bad_rows)?;
    Ok(ParsedBlock { batch, refused, lines: memchr_iter(b'\n', bytes).count() as u64 })
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
