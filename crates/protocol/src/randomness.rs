//! Randomness as an argument, so that a test can seed what production draws from the system.

/// A source of random bytes.
///
/// The one for production draws from the operating system (`seal::SystemRandomness`); tests pass
/// a seeded one and print the seed.
pub trait Randomness: Send + Sync {
    /// Fills all of `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}
