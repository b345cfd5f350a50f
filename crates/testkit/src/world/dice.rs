//! Chance with a seed. The same seed makes the same decisions and the same ids.

use std::sync::{Mutex, PoisonError};

use protocol::Randomness;

/// SplitMix64: plenty for decisions and ids of a test, and no more than that.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice that fall as `seed` says.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Other dice of the same seed, for something with a name of its own: what is decided here
    /// does not depend on how often is asked there.
    #[must_use]
    pub fn for_whom(&self, name: &str) -> Self {
        let mix = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let mut other = Self(name.bytes().fold(self.0 ^ 0xcbf2_9ce4_8422_2325, mix));
        other.number();
        other
    }

    /// 64 bits.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    /// True `percent` times in a hundred.
    pub fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < u64::from(percent)
    }

    /// One of them.
    ///
    /// # Panics
    /// If there is none.
    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let at = self.below(all.len() as u64);
        &all[usize::try_from(at).expect("an index")]
    }
}

/// The world's randomness for ids, cookies, codes and nonces.
pub(super) struct Seeded(Mutex<Dice>);

impl Seeded {
    pub(super) const fn new(dice: Dice) -> Self {
        Self(Mutex::new(dice))
    }
}

impl Randomness for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        let mut dice = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for part in bytes.chunks_mut(8) {
            let number = dice.number().to_le_bytes();
            part.copy_from_slice(&number[..part.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_decides_the_same_and_another_one_otherwise() {
        let thrown = |seed| (0..8).map(|_| Dice::new(seed).number()).collect::<Vec<_>>();
        assert_eq!(thrown(7), thrown(7));
        assert_ne!(thrown(7), thrown(8));
        let (one, other) = (Dice::new(7).for_whom("one"), Dice::new(7).for_whom("other"));
        assert_ne!(one.clone().number(), other.clone().number());
    }

    #[test]
    fn a_hundred_percent_is_always_and_none_is_never() {
        let mut dice = Dice::new(1);
        assert!((0..100).all(|_| dice.percent(100)));
        assert!((0..100).all(|_| !dice.percent(0)));
    }
}
