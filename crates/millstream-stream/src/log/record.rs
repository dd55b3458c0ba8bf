//! One record inside a batch (Kafka's record format version 2).

use super::bytes::{Cursor, put_nullable, put_varint, varint_bytes};

/// The most headers that a record may have.
const HEADERS_MAX: usize = 1024;

/// A record as it lies in a batch; times and offsets are relative to the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordRef<'a> {
    pub(super) timestamp_delta: i64,
    pub(super) offset_delta: i32,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    headers: &'a [u8],
}

impl<'a> RecordRef<'a> {
    /// Reads one record and checks that it ends where it says.
    pub(super) fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        let length = cursor.length()?;
        let mut body = Cursor::new(cursor.take(length)?);
        let _attributes = body.i8()?;
        let timestamp_delta = body.varint()?;
        let offset_delta = i32::try_from(body.varint()?).ok()?;
        let key = body.nullable()?.0;
        let value = body.nullable()?.0;
        let headers = body.rest();
        let record = Self { timestamp_delta, offset_delta, key, value, headers };
        record.walk_headers(|_, _| ())?;
        Some(record)
    }

    /// The value of the first header of this name.
    pub(super) fn header(&self, name: &str) -> Option<&'a [u8]> {
        let mut found = None;
        self.walk_headers(|key, value| {
            if found.is_none() && key == name.as_bytes() {
                found = value;
            }
        })?;
        found
    }

    fn walk_headers(&self, mut each: impl FnMut(&'a [u8], Option<&'a [u8]>)) -> Option<()> {
        let mut cursor = Cursor::new(self.headers);
        let count = usize::try_from(cursor.varint()?).ok()?;
        if count > HEADERS_MAX {
            return None;
        }
        for _ in 0..count {
            let key = cursor.nullable()?.0?;
            each(key, cursor.nullable()?.0);
        }
        cursor.is_empty().then_some(())
    }
}

/// A record to be written.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordParts<'a> {
    pub(super) timestamp_delta: i64,
    pub(super) offset_delta: i32,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: &'a [u8],
    pub(super) headers: &'a [(&'a str, &'a [u8])],
}

impl RecordParts<'_> {
    /// Appends the record.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        put_varint(out, self.body_bytes() as i64);
        out.push(0);
        put_varint(out, self.timestamp_delta);
        put_varint(out, i64::from(self.offset_delta));
        put_nullable(out, self.key);
        put_nullable(out, Some(self.value));
        put_varint(out, self.headers.len() as i64);
        for (name, value) in self.headers {
            put_nullable(out, Some(name.as_bytes()));
            put_nullable(out, Some(value));
        }
    }

    fn body_bytes(&self) -> usize {
        let framed = |bytes: &[u8]| varint_bytes(bytes.len() as i64) + bytes.len();
        let headers: usize =
            self.headers.iter().map(|(name, value)| framed(name.as_bytes()) + framed(value)).sum();
        1 + varint_bytes(self.timestamp_delta)
            + varint_bytes(i64::from(self.offset_delta))
            + self.key.map_or(1, framed)
            + framed(self.value)
            + varint_bytes(self.headers.len() as i64)
            + headers
    }
}
