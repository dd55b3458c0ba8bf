//! Tensors as requests bring them: JSON data, flat or nested, or packed binary.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::limits::REQUEST_ROWS_MAX;
use crate::rows::Cell;

/// How deep JSON data may nest: rows, and a value in each.
const NESTING_MAX: usize = 2;

/// The types of the protocol that a model of ours can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Datatype {
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Fp32,
    Fp64,
    Bytes,
}

impl FromStr for Datatype {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "BOOL" => Self::Bool,
            "INT8" => Self::Int8,
            "INT16" => Self::Int16,
            "INT32" => Self::Int32,
            "INT64" => Self::Int64,
            "UINT8" => Self::Uint8,
            "UINT16" => Self::Uint16,
            "UINT32" => Self::Uint32,
            "UINT64" => Self::Uint64,
            "FP32" => Self::Fp32,
            "FP64" => Self::Fp64,
            "BYTES" => Self::Bytes,
            _ => return Err(()),
        })
    }
}

impl Datatype {
    /// Whether a JSON value may stand for a value of this type.
    pub(super) fn takes(self, cell: &Cell<'_>) -> bool {
        match cell {
            Cell::Null => true,
            Cell::Text(_) => self == Self::Bytes,
            Cell::Boolean(_) => self == Self::Bool,
            Cell::Integer(_) => !matches!(self, Self::Bool | Self::Bytes),
            Cell::Number(_) => matches!(self, Self::Fp32 | Self::Fp64 | Self::Uint64),
        }
    }
}

/// Reads packed little-endian values; `BYTES` are texts, each after its length in four bytes.
pub(super) fn unpack(datatype: Datatype, bytes: &[u8]) -> Result<Vec<Cell<'_>>, String> {
    match datatype {
        Datatype::Bytes => unpack_texts(bytes),
        Datatype::Bool => fixed(bytes, |[byte]: [u8; 1]| Cell::Boolean(byte != 0)),
        Datatype::Int8 => fixed(bytes, |b| Cell::Integer(i8::from_le_bytes(b).into())),
        Datatype::Int16 => fixed(bytes, |b| Cell::Integer(i16::from_le_bytes(b).into())),
        Datatype::Int32 => fixed(bytes, |b| Cell::Integer(i32::from_le_bytes(b).into())),
        Datatype::Int64 => fixed(bytes, |b| Cell::Integer(i64::from_le_bytes(b))),
        Datatype::Uint8 => fixed(bytes, |b| Cell::Integer(u8::from_le_bytes(b).into())),
        Datatype::Uint16 => fixed(bytes, |b| Cell::Integer(u16::from_le_bytes(b).into())),
        Datatype::Uint32 => fixed(bytes, |b| Cell::Integer(u32::from_le_bytes(b).into())),
        Datatype::Uint64 => fixed(bytes, |b| unsigned(u64::from_le_bytes(b))),
        Datatype::Fp32 => fixed(bytes, |b| Cell::Number(f32::from_le_bytes(b).into())),
        Datatype::Fp64 => fixed(bytes, |b| Cell::Number(f64::from_le_bytes(b))),
    }
}

fn unsigned<'a>(number: u64) -> Cell<'a> {
    i64::try_from(number).map_or(Cell::Number(number as f64), Cell::Integer)
}

fn fixed<'a, const N: usize>(
    bytes: &[u8],
    read: impl Fn([u8; N]) -> Cell<'a>,
) -> Result<Vec<Cell<'a>>, String> {
    let (values, rest) = bytes.as_chunks::<N>();
    if !rest.is_empty() {
        return Err(format!("its {} bytes are no multiple of {N}", bytes.len()));
    }
    within_limit(values.len())?;
    Ok(values.iter().map(|value| read(*value)).collect())
}

fn unpack_texts(mut bytes: &[u8]) -> Result<Vec<Cell<'_>>, String> {
    let mut cells = Vec::new();
    while !bytes.is_empty() {
        let cut = || "its last text is cut off".to_owned();
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (text, rest) = rest.split_at_checked(length).ok_or_else(cut)?;
        let text = str::from_utf8(text).map_err(|_| "a text is not UTF-8".to_owned())?;
        cells.push(Cell::Text(Cow::Borrowed(text)));
        within_limit(cells.len())?;
        bytes = rest;
    }
    Ok(cells)
}

fn within_limit(values: usize) -> Result<(), String> {
    if values <= REQUEST_ROWS_MAX {
        Ok(())
    } else {
        Err(format!("it has more than {REQUEST_ROWS_MAX} values"))
    }
}

/// The `data` of a tensor in JSON, flattened row by row.
#[derive(Debug, Default)]
pub(super) struct JsonData<'a>(pub(super) Vec<Cell<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for JsonData<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(DataVisitor { depth: 0 })? {
            Data::Many(cells) => Ok(Self(cells)),
            Data::One(_) => Err(D::Error::custom("`data` is an array")),
        }
    }
}

impl JsonSchema for JsonData<'_> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "InferenceData".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let value = json_schema!({"type": ["string", "number", "boolean", "null"]});
        json_schema!({
            "description": "The values row by row, each alone or in a list of one.",
            "type": "array",
            "items": {"anyOf": [value, {"type": "array", "items": value}]},
        })
    }
}

enum Data<'a> {
    One(Cell<'a>),
    Many(Vec<Cell<'a>>),
}

struct DataVisitor {
    depth: usize,
}

impl<'de> serde::de::DeserializeSeed<'de> for DataVisitor {
    type Value = Data<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Data<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("texts, numbers or booleans, or arrays of them")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Data<'de>, A::Error> {
        if self.depth == NESTING_MAX {
            return Err(A::Error::custom(format!("data nests deeper than {NESTING_MAX}")));
        }
        let mut cells = Vec::new();
        while let Some(item) = items.next_element_seed(DataVisitor { depth: self.depth + 1 })? {
            match item {
                Data::One(cell) => cells.push(cell),
                Data::Many(inner) => cells.extend(inner),
            }
            within_limit(cells.len()).map_err(A::Error::custom)?;
        }
        Ok(Data::Many(cells))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Data<'de>, E> {
        Ok(Data::One(Cell::Text(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Data<'de>, E> {
        Ok(Data::One(Cell::Text(Cow::Owned(text.to_owned()))))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Data<'de>, E> {
        Ok(Data::One(Cell::Integer(number)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Data<'de>, E> {
        Ok(Data::One(unsigned(number)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Data<'de>, E> {
        Ok(Data::One(Cell::Number(number)))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Data<'de>, E> {
        Ok(Data::One(Cell::Boolean(value)))
    }

    fn visit_unit<E>(self) -> Result<Data<'de>, E> {
        Ok(Data::One(Cell::Null))
    }
}
