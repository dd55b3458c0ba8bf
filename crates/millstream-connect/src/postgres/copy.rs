//! The binary form of `COPY`: a header, tuples with a length before each value, an end mark.

use bytes::{Buf, Bytes, BytesMut};

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// Signature, flags, and the length of an extension.
const HEADER_BYTES: usize = 19;

/// Finds tuples in the pieces of a `COPY`, wherever they are cut.
#[derive(Debug)]
pub(super) struct CopyDecoder {
    buffer: BytesMut,
    state: State,
    fields: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Tuples,
    Ended,
}

/// The bytes are no `COPY` of the columns that were asked for.
#[derive(Debug, thiserror::Error)]
#[error("the server's COPY is not in the binary form")]
pub(super) struct BadCopy;

impl CopyDecoder {
    /// A decoder for tuples of some number of fields.
    pub(super) fn new(fields: usize) -> Self {
        Self { buffer: BytesMut::new(), state: State::Header, fields }
    }

    /// Takes a piece.
    pub(super) fn feed(&mut self, piece: &Bytes) {
        self.buffer.extend_from_slice(piece);
    }

    /// Whether the end mark was seen.
    pub(super) fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// The next whole tuple, if it is there; its values are put into `places`.
    pub(super) fn next(&mut self, places: &mut Vec<Option<Bytes>>) -> Result<bool, BadCopy> {
        if self.state == State::Header && !self.header()? {
            return Ok(false);
        }
        if self.state == State::Ended || self.buffer.len() < 2 {
            return Ok(false);
        }
        let count = i16::from_be_bytes([self.buffer[0], self.buffer[1]]);
        if count == -1 {
            self.state = State::Ended;
            return Ok(false);
        }
        if usize::try_from(count) != Ok(self.fields) {
            return Err(BadCopy);
        }
        let Some(end) = self.tuple_end()? else { return Ok(false) };
        let mut tuple = self.buffer.split_to(end).freeze();
        tuple.advance(2);
        places.clear();
        for _ in 0..self.fields {
            // A length below 0 is null; `tuple_end` has looked at all lengths.
            let length = usize::try_from(tuple.get_i32()).ok();
            places.push(length.map(|length| tuple.split_to(length)));
        }
        Ok(true)
    }

    fn header(&mut self) -> Result<bool, BadCopy> {
        if self.buffer.len() < HEADER_BYTES {
            return Ok(false);
        }
        let extension = u32::from_be_bytes([
            self.buffer[15],
            self.buffer[16],
            self.buffer[17],
            self.buffer[18],
        ]);
        if !self.buffer.starts_with(SIGNATURE) || extension != 0 {
            return Err(BadCopy);
        }
        self.buffer.advance(HEADER_BYTES);
        self.state = State::Tuples;
        Ok(true)
    }

    /// Where the first tuple ends, if all of it is there.
    fn tuple_end(&self) -> Result<Option<usize>, BadCopy> {
        let mut end = 2;
        for _ in 0..self.fields {
            let Some(length) = self.buffer.get(end..end + 4) else { return Ok(None) };
            let length = i32::from_be_bytes([length[0], length[1], length[2], length[3]]);
            end += 4;
            match length {
                -1 => {}
                0.. => end += length.unsigned_abs() as usize,
                _ => return Err(BadCopy),
            }
        }
        Ok((self.buffer.len() >= end).then_some(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([0; 8]);
        bytes.extend([0, 2, 0, 0, 0, 1, b'a', 0xFF, 0xFF, 0xFF, 0xFF]);
        bytes.extend([0, 2, 0, 0, 0, 0, 0, 0, 0, 2, b'b', b'c']);
        bytes.extend([0xFF, 0xFF]);
        bytes
    }

    #[test]
    fn tuples_are_found_wherever_they_are_cut() {
        for size in 1..whole().len() {
            let mut decoder = CopyDecoder::new(2);
            let (mut values, mut tuple) = (Vec::new(), Vec::new());
            for piece in whole().chunks(size) {
                decoder.feed(&Bytes::copy_from_slice(piece));
                while decoder.next(&mut tuple).unwrap() {
                    values.push(tuple.clone());
                }
            }
            assert!(decoder.has_ended());
            let text = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
            assert_eq!(values, [vec![text("a"), None], vec![text(""), text("bc")]]);
        }
    }

    #[test]
    fn other_bytes_are_an_error() {
        let mut decoder = CopyDecoder::new(1);
        decoder.feed(&Bytes::from_static(b"this is not what was asked for"));
        assert!(decoder.next(&mut Vec::new()).is_err());
        let mut decoder = CopyDecoder::new(3);
        decoder.feed(&Bytes::from(whole()));
        assert!(decoder.next(&mut Vec::new()).is_err(), "two fields where three were asked for");
    }
}
