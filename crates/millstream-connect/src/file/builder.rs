//! Columns that are filled from text, value after value.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, BooleanBufferBuilder, Decimal128Array, PrimitiveArray, StringArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Float32Type, Float64Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType,
};

use super::value::{self, Zone};
use crate::columns::type_name;
use crate::error::SyncError;

/// A column under construction. A text that is no value of its type leaves a null and is reported.
#[derive(Debug)]
pub(crate) struct ColumnBuilder {
    values: Values,
    nulls: Nulls,
    data_type: DataType,
}

#[derive(Debug)]
enum Values {
    Text { offsets: Vec<i32>, bytes: Vec<u8> },
    Boolean(BooleanBufferBuilder),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Decimal { values: Vec<i128>, precision: u8, scale: u8 },
    Date(Vec<i32>),
    Micros { values: Vec<i64>, zone: Zone },
}

/// Which rows have a value; free while all have.
#[derive(Debug, Default)]
struct Nulls {
    present: usize,
    bits: Option<BooleanBufferBuilder>,
}

impl ColumnBuilder {
    /// A column of a type, with room for some rows and, if it is text, some bytes.
    pub(crate) fn new(data_type: &DataType, rows: usize, bytes: usize) -> Result<Self, SyncError> {
        let values = match data_type {
            DataType::Utf8 => {
                let mut offsets = Vec::with_capacity(rows + 1);
                offsets.push(0);
                Values::Text { offsets, bytes: Vec::with_capacity(bytes) }
            }
            DataType::Boolean => Values::Boolean(BooleanBufferBuilder::new(rows)),
            DataType::Int16 => Values::Int16(Vec::with_capacity(rows)),
            DataType::Int32 => Values::Int32(Vec::with_capacity(rows)),
            DataType::Int64 => Values::Int64(Vec::with_capacity(rows)),
            DataType::Float32 => Values::Float32(Vec::with_capacity(rows)),
            DataType::Float64 => Values::Float64(Vec::with_capacity(rows)),
            DataType::Decimal128(precision, scale) => Values::Decimal {
                values: Vec::with_capacity(rows),
                precision: *precision,
                scale: scale.unsigned_abs(),
            },
            DataType::Date32 => Values::Date(Vec::with_capacity(rows)),
            DataType::Timestamp(_, zone) => Values::Micros {
                values: Vec::with_capacity(rows),
                zone: if zone.is_some() { Zone::With } else { Zone::Without },
            },
            other => return Err(SyncError::BadType { name: type_name(other) }),
        };
        Ok(Self { values, nulls: Nulls::default(), data_type: data_type.clone() })
    }

    /// Adds values; `None` is null. Gives `bad` the position, within these values, of each that is
    /// none of the type.
    pub(crate) fn extend<'a>(
        &mut self,
        texts: impl Iterator<Item = Option<&'a [u8]>>,
        bad: &mut impl FnMut(usize),
    ) {
        let nulls = &mut self.nulls;
        match &mut self.values {
            Values::Text { offsets, bytes } => {
                for text in texts {
                    bytes.extend_from_slice(text.unwrap_or_default());
                    // Blocks are far below 2 GiB, and so is the text in one.
                    offsets.push(bytes.len() as i32);
                    nulls.push(text.is_some());
                }
            }
            Values::Boolean(values) => {
                for (position, text) in texts.enumerate() {
                    let value = parsed(text, value::boolean, || bad(position));
                    values.append(value.unwrap_or_default());
                    nulls.push(value.is_some());
                }
            }
            Values::Int16(values) => {
                let parse = |text: &[u8]| value::whole(text)?.try_into().ok();
                fill(values, nulls, texts, parse, bad);
            }
            Values::Int32(values) => {
                let parse = |text: &[u8]| value::whole(text)?.try_into().ok();
                fill(values, nulls, texts, parse, bad);
            }
            Values::Int64(values) => fill(values, nulls, texts, value::whole, bad),
            Values::Float32(values) => {
                let parse = |text: &[u8]| std::str::from_utf8(text).ok()?.parse().ok();
                fill(values, nulls, texts, parse, bad);
            }
            Values::Float64(values) => fill(values, nulls, texts, value::double, bad),
            Values::Decimal { values, precision, scale } => {
                let (precision, scale) = (*precision, *scale);
                let parse = |text: &[u8]| value::decimal(text, precision, scale);
                fill(values, nulls, texts, parse, bad);
            }
            Values::Date(values) => fill(values, nulls, texts, value::date, bad),
            Values::Micros { values, zone } => {
                let zone = *zone;
                let parse = |text: &[u8]| value::timestamp(text, zone);
                fill(values, nulls, texts, parse, bad);
            }
        }
    }

    /// The column.
    pub(crate) fn finish(self) -> Result<ArrayRef, SyncError> {
        let nulls = self.nulls.finish();
        let array: ArrayRef = match self.values {
            Values::Text { offsets, bytes } => {
                // Checks the bytes for UTF-8 once more: the price of having no `unsafe`.
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                let array = StringArray::try_new(offsets, Buffer::from_vec(bytes), nulls);
                Arc::new(array.map_err(SyncError::shape)?)
            }
            Values::Boolean(mut values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::Int16(values) => primitive::<Int16Type>(values, nulls),
            Values::Int32(values) => primitive::<Int32Type>(values, nulls),
            Values::Int64(values) => primitive::<Int64Type>(values, nulls),
            Values::Float32(values) => primitive::<Float32Type>(values, nulls),
            Values::Float64(values) => primitive::<Float64Type>(values, nulls),
            Values::Decimal { values, .. } => Arc::new(
                Decimal128Array::new(ScalarBuffer::from(values), nulls)
                    .with_data_type(self.data_type),
            ),
            Values::Date(values) => primitive::<Date32Type>(values, nulls),
            Values::Micros { values, .. } => Arc::new(
                PrimitiveArray::<TimestampMicrosecondType>::new(ScalarBuffer::from(values), nulls)
                    .with_data_type(self.data_type),
            ),
        };
        Ok(array)
    }
}

fn primitive<T: ArrowPrimitiveType>(values: Vec<T::Native>, nulls: Option<NullBuffer>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(values), nulls))
}

fn fill<'a, T: Default>(
    values: &mut Vec<T>,
    nulls: &mut Nulls,
    texts: impl Iterator<Item = Option<&'a [u8]>>,
    parse: impl Fn(&[u8]) -> Option<T>,
    bad: &mut impl FnMut(usize),
) {
    for (position, text) in texts.enumerate() {
        let value = parsed(text, &parse, || bad(position));
        nulls.push(value.is_some());
        values.push(value.unwrap_or_default());
    }
}

/// The value of a text. Spaces around it are tried without: they carry no value in any type but
/// text.
#[inline]
fn parsed<T>(
    text: Option<&[u8]>,
    parse: impl Fn(&[u8]) -> Option<T>,
    bad: impl FnOnce(),
) -> Option<T> {
    let text = text?;
    if let Some(value) = parse(text) {
        return Some(value);
    }
    let value = parse(text.trim_ascii());
    if value.is_none() {
        bad();
    }
    value
}

impl Nulls {
    #[inline]
    fn push(&mut self, present: bool) {
        if present && self.bits.is_none() {
            self.present += 1;
        } else {
            self.push_bit(present);
        }
    }

    fn push_bit(&mut self, present: bool) {
        let bits = self.bits.get_or_insert_with(|| {
            let mut bits = BooleanBufferBuilder::new(self.present + 1024);
            bits.append_n(self.present, true);
            bits
        });
        bits.append(present);
    }

    fn finish(self) -> Option<NullBuffer> {
        let bits: BooleanBuffer = self.bits?.build();
        Some(NullBuffer::new(bits))
    }
}
