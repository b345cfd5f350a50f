//! What holds of each reader whatever it is given: one function for all of them.
//!
//! Tests with random bytes call it, and so does the coverage-guided one in `fuzz/`, which asks for the feature
//! `fuzzing`; no other build has it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold is reported by panicking"
)]

use crate::{Answer, Header, Operation, Passwords};

/// What is inside packages and answers: a header, an answer or an area that is read is written as these very
/// bytes, and an area holds the passwords of its operation. Says whether any of them was read.
///
/// # Panics
/// If it does not hold.
pub fn package_parts(bytes: &[u8]) -> bool {
    [header(bytes), answer(bytes), areas(bytes)].contains(&true)
}

/// A header. Says whether it was read.
pub(crate) fn header(bytes: &[u8]) -> bool {
    let Ok(header) = Header::decode(bytes) else { return false };
    assert_eq!(header.encode(), bytes);
    true
}

/// An answer. Says whether it was read.
pub(crate) fn answer(bytes: &[u8]) -> bool {
    let Ok(answer) = Answer::decode(bytes) else { return false };
    assert_eq!(answer.encode(), bytes);
    true
}

/// The area of every operation. Says whether it was read as that of one.
pub(crate) fn areas(bytes: &[u8]) -> bool {
    let read = Operation::ALL.map(|operation| {
        let Ok(passwords) = Passwords::from_area(operation, bytes) else { return false };
        assert!(passwords.fit(operation), "{operation:?}: {bytes:x?}");
        assert_eq!(*passwords.to_area(), bytes, "{operation:?}");
        true
    });
    read.contains(&true)
}

#[cfg(test)]
mod tests {
    use generated::seeds;

    use super::*;

    #[test]
    fn every_seed_is_taken_as_its_name_says() {
        seeds::take("package_parts", package_parts);
    }

    #[test]
    fn whatever_becomes_of_the_seeds_is_read_or_refused() {
        seeds::spoil("package_parts", package_parts);
    }
}
