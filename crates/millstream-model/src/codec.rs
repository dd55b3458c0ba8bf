//! The bytes of an artifact: little-endian numbers, and lists with their lengths before them.
//! Reading checks every length against what is left, so that broken bytes cost no memory.

use crate::error::ModelError;

/// Writes the parts of an artifact.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// Bytes as they are, without their length.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.raw(bytes);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn f64(&mut self, value: f64) {
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn length(&mut self, length: usize) {
        self.raw(&(length as u64).to_le_bytes());
    }

    pub(crate) fn u32s(&mut self, values: &[u32]) {
        self.length(values.len());
        for &value in values {
            self.u32(value);
        }
    }

    pub(crate) fn f32s(&mut self, values: &[f32]) {
        self.length(values.len());
        for value in values {
            self.raw(&value.to_le_bytes());
        }
    }

    pub(crate) fn f64s(&mut self, values: &[f64]) {
        self.length(values.len());
        for &value in values {
            self.f64(value);
        }
    }
}

/// Reads the parts of an artifact in the order in which they were written.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Fails unless all was read.
    pub(crate) fn end(&self) -> Result<(), ModelError> {
        if self.rest.is_empty() { Ok(()) } else { Err(ModelError::corrupt("bytes are left over")) }
    }

    pub(crate) fn raw(&mut self, length: usize) -> Result<&'a [u8], ModelError> {
        let split = self.rest.split_at_checked(length);
        let (taken, rest) = split.ok_or_else(|| ModelError::corrupt("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], ModelError> {
        let length = self.length(1)?;
        self.raw(length)
    }

    pub(crate) fn text(&mut self) -> Result<String, ModelError> {
        let bytes = self.bytes()?;
        let text = std::str::from_utf8(bytes);
        Ok(text.map_err(|_| ModelError::corrupt("a text is not UTF-8"))?.to_owned())
    }

    pub(crate) fn u32(&mut self) -> Result<u32, ModelError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn f64(&mut self) -> Result<f64, ModelError> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    /// A number of items, each of at least so many bytes.
    pub(crate) fn length(&mut self, item_bytes: usize) -> Result<usize, ModelError> {
        let length = usize::try_from(u64::from_le_bytes(self.array()?)).unwrap_or(usize::MAX);
        if length.saturating_mul(item_bytes) > self.rest.len() {
            return Err(ModelError::corrupt("a list is longer than what is left"));
        }
        Ok(length)
    }

    pub(crate) fn u32s(&mut self) -> Result<Vec<u32>, ModelError> {
        let length = self.length(4)?;
        (0..length).map(|_| self.u32()).collect()
    }

    pub(crate) fn f32s(&mut self) -> Result<Vec<f32>, ModelError> {
        let length = self.length(4)?;
        (0..length).map(|_| Ok(f32::from_le_bytes(self.array()?))).collect()
    }

    pub(crate) fn f64s(&mut self) -> Result<Vec<f64>, ModelError> {
        let length = self.length(8)?;
        (0..length).map(|_| self.f64()).collect()
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        let bytes = self.raw(N)?;
        Ok(bytes.try_into().expect("`raw` gives as many bytes as asked for"))
    }
}
