//! Randomness from the operating system.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use protocol::Randomness;

/// Draws from the operating system's generator.
#[derive(Debug, Default)]
pub struct SystemRandomness(SystemRandom);

impl Randomness for SystemRandomness {
    #[expect(
        clippy::panic,
        reason = "without randomness there is no safe way on, and no caller could do anything else"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        if self.0.fill(bytes).is_err() {
            panic!("the operating system gives no randomness");
        }
    }
}
