//! Sets of positions of a graph, as bits.

/// A set of positions below a fixed end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// No position, of `len` that are possible.
    pub fn none(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)] }
    }

    /// Every position below `len`.
    pub fn all(len: usize) -> Self {
        let mut all = Self { words: vec![u64::MAX; len.div_ceil(64)] };
        if let (Some(last), rest @ 1..) = (all.words.last_mut(), len % 64) {
            *last = (1 << rest) - 1;
        }
        all
    }

    /// Adds a position. Gives whether it is new.
    pub fn insert(&mut self, position: u32) -> bool {
        let word = &mut self.words[position as usize / 64];
        let bit = 1 << (position % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Takes a position out.
    pub fn remove(&mut self, position: u32) {
        self.words[position as usize / 64] &= !(1 << (position % 64));
    }

    /// Whether a position is in it.
    pub fn contains(&self, position: u32) -> bool {
        self.words[position as usize / 64] & (1 << (position % 64)) != 0
    }

    /// Adds what is in the other.
    pub fn add(&mut self, other: &Self) {
        self.each_word(other, |mine, theirs| mine | theirs);
    }

    /// Keeps what is in the other.
    pub fn keep(&mut self, other: &Self) {
        self.each_word(other, |mine, theirs| mine & theirs);
    }

    /// Takes out what is in the other.
    pub fn subtract(&mut self, other: &Self) {
        self.each_word(other, |mine, theirs| mine & !theirs);
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// How many are in it.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The positions, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                left &= left.checked_sub(1)?;
                Some(index as u32 * 64 + bit)
            })
        })
    }

    fn each_word(&mut self, other: &Self, combine: impl Fn(u64, u64) -> u64) {
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            *mine = combine(*mine, *theirs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_come_back_in_order() {
        let mut bits = Bits::none(200);
        for position in [199, 0, 63, 64, 65, 0] {
            bits.insert(position);
        }
        assert_eq!(bits.iter().collect::<Vec<_>>(), [0, 63, 64, 65, 199]);
        assert_eq!(bits.len(), 5);
    }

    #[test]
    fn all_has_nothing_beyond_the_end() {
        for len in [0, 1, 63, 64, 65, 128] {
            assert_eq!(Bits::all(len).len(), len);
        }
    }

    #[test]
    fn sets_combine() {
        let set = |positions: &[u32]| {
            let mut bits = Bits::none(70);
            for position in positions {
                bits.insert(*position);
            }
            bits
        };
        let mut bits = set(&[1, 2, 66]);
        bits.add(&set(&[3]));
        bits.subtract(&set(&[2]));
        bits.keep(&set(&[2, 3, 66]));
        assert_eq!(bits, set(&[3, 66]));
    }
}
