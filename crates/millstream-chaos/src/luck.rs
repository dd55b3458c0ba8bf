//! Numbers that look random, and are the same for the same seed and kill.

/// The generator `SplitMix64`.
#[derive(Debug, Clone)]
pub struct Luck(u64);

/// The odd number of `SplitMix64`, by which its state grows.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

impl Luck {
    /// The numbers of one kill: they do not depend on how many came before it.
    pub fn of(seed: u64, kill: u64) -> Self {
        Self(Self(seed).number() ^ Self(kill).number())
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    /// A number from 0 to 1.
    pub fn share(&mut self) -> f64 {
        const STEPS: u64 = 1 << 20;
        self.below(STEPS) as f64 / STEPS as f64
    }

    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(seed: u64, kill: u64) -> Vec<u64> {
        let mut luck = Luck::of(seed, kill);
        (0..4).map(|_| luck.below(1000)).collect()
    }

    #[test]
    fn the_same_seed_and_kill_give_the_same() {
        assert_eq!(first(7, 3), first(7, 3));
        assert_ne!(first(7, 3), first(7, 4));
        assert_ne!(first(8, 3), first(7, 3));
        assert_ne!(first(3, 7), first(4, 8));
    }

    #[test]
    fn shares_are_spread() {
        let shares: Vec<f64> = (0..1000).map(|kill| Luck::of(1, kill).share()).collect();
        let mean = shares.iter().sum::<f64>() / 1000.0;
        assert!(shares.iter().all(|share| (0.0..1.0).contains(share)));
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }
}
