//! The terms of a text model, in order, with a table that finds them.

use crate::codec::{Reader, Writer};
use crate::error::ModelError;

/// The end of a chain in the table.
const EMPTY: u32 = u32::MAX;

/// Terms in byte order; a term's position is its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vocabulary {
    text: String,
    ends: Vec<u32>,
    /// Open addressing: positions of terms, at most half full.
    slots: Vec<u32>,
}

impl Vocabulary {
    /// From terms that are sorted and distinct.
    pub(crate) fn new<S: AsRef<str>>(terms: impl IntoIterator<Item = S>) -> Self {
        let mut text = String::new();
        let mut ends = Vec::new();
        for term in terms {
            text.push_str(term.as_ref());
            ends.push(text.len() as u32);
        }
        Self::indexed(text, ends)
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn term(&self, position: usize) -> &str {
        let start = if position == 0 { 0 } else { self.ends[position - 1] as usize };
        &self.text[start..self.ends[position] as usize]
    }

    /// The column of a term.
    pub(crate) fn find(&self, term: &str) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut slot = hash(term) as usize & mask;
        loop {
            match self.slots[slot] {
                EMPTY => return None,
                position if self.term(position as usize) == term => return Some(position),
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.bytes(self.text.as_bytes());
        out.u32s(&self.ends);
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Self, ModelError> {
        let text = input.text()?;
        let ends = input.u32s()?;
        let ascending = ends.windows(2).all(|pair| pair[0] < pair[1]);
        let whole = ends.last().copied().unwrap_or(0) as usize == text.len();
        let on_characters = ends.iter().all(|&end| text.is_char_boundary(end as usize));
        if !(ascending && whole && on_characters) {
            return Err(ModelError::corrupt("the terms do not fit together"));
        }
        Ok(Self::indexed(text, ends))
    }

    fn indexed(text: String, ends: Vec<u32>) -> Self {
        let size = (ends.len() * 2).next_power_of_two().max(2);
        let mut vocabulary = Self { text, ends, slots: vec![EMPTY; size] };
        for position in 0..vocabulary.ends.len() {
            let mut slot = hash(vocabulary.term(position)) as usize & (size - 1);
            while vocabulary.slots[slot] != EMPTY {
                slot = (slot + 1) & (size - 1);
            }
            vocabulary.slots[slot] = position as u32;
        }
        vocabulary
    }
}

/// FNV-1a with a last mixing step, since the table uses the low bits.
fn hash(term: &str) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for &byte in term.as_bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_term_is_found_and_no_other() {
        let terms: Vec<String> = (0..1000).map(|number| format!("term {number:04}")).collect();
        let vocabulary = Vocabulary::new(&terms);
        for (position, term) in terms.iter().enumerate() {
            assert_eq!(vocabulary.find(term), Some(position as u32));
        }
        assert_eq!(vocabulary.find("term"), None);
        assert_eq!(Vocabulary::new([""; 0]).find("term"), None);
    }
}
