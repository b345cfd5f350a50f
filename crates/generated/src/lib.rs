//! Inputs that chance makes, many of them, for what reads bytes or text of others: nothing that comes
//! in may make it panic, hang or grow. A crate for tests: no program has it.
//!
//! Each input is made from the test's name and the input's number alone, so that one that fails can be
//! looked at by its number. `cargo xtask test` makes 100,000 for each reader, `cargo xtask soak` far more.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold is reported by panicking"
)]

pub mod seeds;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many inputs a test makes that `cargo xtask test` runs, and after how many it says where it is
/// if it makes others.
const INPUTS: u64 = 100_000;

/// Which inputs each test of this kind makes, by their numbers: the first 100,000, or what the
/// environment says, so many or `FROM..TO`.
fn wanted() -> (Range<u64>, bool) {
    #[expect(
        clippy::disallowed_methods,
        reason = "`cargo xtask soak` asks for more of the same tests"
    )]
    let wanted = std::env::var("PASSBACK_GENERATED_INPUTS");
    wanted.map_or((0..INPUTS, false), |wanted| (numbers(&wanted), true))
}

fn numbers(wanted: &str) -> Range<u64> {
    let number = |text: &str| {
        text.parse().expect("PASSBACK_GENERATED_INPUTS is a number, or two with .. between")
    };
    match wanted.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => 0..number(wanted),
    }
}

/// Runs a check on so many inputs, each with a chance of its own. `test` is the test's name. The check
/// says whether the input was read as something; where hardly any is, the check checks nothing.
///
/// # Panics
/// With the first input that fails, by its number, behind the check's own message; and if fewer than
/// one input in a hundred was read.
pub fn for_each_input(test: &str, check: impl Fn(&mut Chance) -> bool) {
    let (inputs, says) = wanted();
    let Range { start, end } = inputs;
    let mut read = 0;
    for number in inputs {
        let run = || check(&mut Chance::of(test, number));
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(good) => read += u64::from(good),
            Err(_) => panic!("{test} fails with input {number}: Chance::of({test:?}, {number})"),
        }
        if says && (number + 1).is_multiple_of(INPUTS) {
            say(&format!("{test}: inputs before {} of {end} are done", number + 1));
        }
    }
    assert!(read >= (end - start) / 100, "{test} read {read} of {start}..{end}");
}

#[expect(clippy::print_stdout, reason = "whoever waits for millions of inputs sees them go by")]
fn say(line: &str) {
    println!("{line}");
}

/// Chance with a seed (SplitMix64): plenty for inputs of a test, and no more than that.
pub struct Chance(u64);

impl Chance {
    /// The chance of one input of one test.
    pub fn of(test: &str, number: u64) -> Self {
        let mix = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let mut chance = Self(test.bytes().fold(number, mix) ^ number);
        chance.number();
        chance
    }

    /// 64 bits.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.number() % (end as u64).max(1)).unwrap_or_default()
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        self.number().to_le_bytes()[0]
    }

    /// Fewer bytes than `end`, of any value.
    pub fn bytes(&mut self, end: usize) -> Vec<u8> {
        (0..self.below(end)).map(|_| self.byte()).collect()
    }

    /// One of them.
    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// A good example with a few things wrong: bytes changed, pieces left out, said twice, or put
    /// elsewhere, the end cut off.
    pub fn spoilt(&mut self, good: &[u8]) -> Vec<u8> {
        let mut spoilt = good.to_vec();
        for _ in 0..=self.below(5) {
            let (from, to) = (self.below(spoilt.len()), self.below(spoilt.len()));
            let piece = from..spoilt.len().min(from + self.below(24));
            match self.below(6) {
                0 | 1 if !spoilt.is_empty() => spoilt[from] = self.byte(),
                2 if !spoilt.is_empty() => spoilt[from] ^= 1 << self.below(8),
                3 => drop(spoilt.drain(piece)),
                4 => {
                    let piece = spoilt[piece].to_vec();
                    spoilt.splice(to..to, piece);
                }
                5 => spoilt.truncate(spoilt.len() - from.min(32)),
                _ => spoilt.push(self.byte()),
            }
        }
        spoilt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_makes_the_same_input_and_another_one_another() {
        let of = |test, number| Chance::of(test, number).bytes(200);
        assert_eq!(of("one", 7), of("one", 7));
        assert_ne!(of("one", 7), of("one", 8));
        assert_ne!(of("one", 7), of("other", 7));
    }

    #[test]
    fn inputs_are_wanted_by_their_number_or_from_one_to_another() {
        assert_eq!(numbers("1000"), 0..1_000);
        assert_eq!(numbers("300000..400000"), 300_000..400_000);
    }

    #[test]
    fn an_input_that_fails_is_named() {
        let run = || {
            for_each_input("a test", |chance| {
                assert_ne!(chance.byte(), 7);
                true
            });
        };
        let message = *catch_unwind(run).unwrap_err().downcast::<String>().unwrap();
        let number = message.strip_prefix("a test fails with input ").unwrap();
        let number: u64 = number.split(':').next().unwrap().parse().unwrap();
        assert_eq!(Chance::of("a test", number).byte(), 7);
    }

    #[test]
    fn a_check_that_reads_nothing_is_none() {
        let run = || for_each_input("a test", |_| false);
        let message = *catch_unwind(run).unwrap_err().downcast::<String>().unwrap();
        assert!(message.starts_with("a test read 0 of "), "{message}");
    }
}
