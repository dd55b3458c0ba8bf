//! Finds delimiters and line ends, 64 bytes at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
const LOW_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;
const WINDOW: usize = 64;

/// The positions of two marks in some bytes, asked for from left to right.
#[derive(Debug)]
pub(super) struct Structure<'a> {
    bytes: &'a [u8],
    delimiters: u64,
    terminators: u64,
    base: usize,
    mask: u64,
}

impl<'a> Structure<'a> {
    pub(super) fn new(bytes: &'a [u8], delimiter: u8, terminator: u8) -> Self {
        let delimiters = ONES * u64::from(delimiter);
        let terminators = ONES * u64::from(terminator);
        let mut structure = Self { bytes, delimiters, terminators, base: 0, mask: 0 };
        structure.load(0);
        structure
    }

    /// The first mark at or after a position; the number of bytes if there is none.
    #[inline]
    pub(super) fn next(&mut self, from: usize) -> usize {
        let base = from & !(WINDOW - 1);
        if base != self.base {
            self.load(base);
        }
        let mut mask = self.mask & (u64::MAX << (from % WINDOW));
        while mask == 0 {
            let base = self.base + WINDOW;
            if base >= self.bytes.len() {
                return self.bytes.len();
            }
            self.load(base);
            mask = self.mask;
        }
        self.base + mask.trailing_zeros() as usize
    }

    #[inline]
    fn load(&mut self, base: usize) {
        self.base = base;
        let rest = self.bytes.get(base..).unwrap_or_default();
        self.mask = match rest.first_chunk::<WINDOW>() {
            Some(window) => self.mask_of(window),
            None => self.mask_of_tail(rest),
        };
    }

    #[inline]
    fn mask_of(&self, window: &[u8; WINDOW]) -> u64 {
        let (words, _) = window.as_chunks::<8>();
        let mut mask = 0;
        for (position, word) in words.iter().enumerate() {
            let word = u64::from_le_bytes(*word);
            let marks = equal_bytes(word ^ self.delimiters) | equal_bytes(word ^ self.terminators);
            // Gathers the lowest bit of every byte into one byte.
            let bits = (marks >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            mask |= bits << (position * 8);
        }
        mask
    }

    #[cold]
    fn mask_of_tail(&self, rest: &[u8]) -> u64 {
        let marks = [self.delimiters as u8, self.terminators as u8];
        let is_mark = |position: usize| u64::from(marks.contains(&rest[position])) << position;
        (0..rest.len()).map(is_mark).fold(0, |mask, bit| mask | bit)
    }
}

/// The highest bit of every byte that is zero.
#[inline]
fn equal_bytes(word: u64) -> u64 {
    !(((word & LOW_BITS) + LOW_BITS) | word | LOW_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_mark_and_nothing_else() {
        let bytes: Vec<u8> = (0..1000_u32).map(|i| (i * i % 251) as u8).collect();
        for (delimiter, terminator) in [(b',', b'\n'), (0, 250), (128, 127)] {
            let expected: Vec<usize> = (0..bytes.len())
                .filter(|&at| bytes[at] == delimiter || bytes[at] == terminator)
                .collect();
            let mut structure = Structure::new(&bytes, delimiter, terminator);
            let mut found = Vec::new();
            let mut at = structure.next(0);
            while at < bytes.len() {
                found.push(at);
                at = structure.next(at + 1);
            }
            assert_eq!(found, expected);
        }
    }
}
