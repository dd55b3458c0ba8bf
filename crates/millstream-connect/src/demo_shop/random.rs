//! Draws that depend on nothing but the seed and the place: the same on every platform, in any
//! order. Only integers are used, since the last digits of `exp` and `ln` differ by platform.

/// What a draw is for, so that two uses of one index do not share their luck.
#[derive(Debug, Clone, Copy)]
pub(super) enum Domain {
    Customer = 1,
    Life = 2,
    Visit = 3,
    Purchase = 4,
    Click = 5,
    Product = 6,
    Dirt = 7,
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Spreads the bits of a number over all 64 (the finalizer of `SplitMix64`).
pub(super) const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// The draw at one place.
pub(super) const fn draw(seed: u64, domain: Domain, index: u64) -> u64 {
    let base = mix(seed ^ (domain as u64).wrapping_mul(GOLDEN));
    mix(base.wrapping_add(index.wrapping_add(1).wrapping_mul(GOLDEN)))
}

/// A sequence of draws (`SplitMix64`).
#[derive(Debug, Clone)]
pub(super) struct Draws(u64);

impl Draws {
    /// The sequence of a place.
    pub(super) const fn at(seed: u64, domain: Domain, index: u64) -> Self {
        Self(draw(seed, domain, index))
    }

    /// The next 64 bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// The next number below `end`.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        scaled(self.bits() >> 32, end)
    }
}

/// Maps 32 random bits to a number below `end`.
pub(super) const fn scaled(bits: u64, end: u32) -> u32 {
    (((bits & 0xFFFF_FFFF) * end as u64) >> 32) as u32
}

/// Maps 32 random bits to a number below `end`, small numbers far more often: the square of a
/// uniform number.
pub(super) const fn skewed(bits: u64, end: u32) -> u32 {
    let uniform = bits & 0xFFFF_FFFF;
    scaled((uniform * uniform) >> 32, end)
}
