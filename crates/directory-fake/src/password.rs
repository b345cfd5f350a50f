//! What is kept of passwords: digests, never the passwords.

use aws_lc_rs::digest::{SHA256, digest};

/// The SHA-256 of a password. Equal passwords have equal ones: it is a test that asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    /// The digest of a password's UTF-8 text, without salt, so that equal ones can be found.
    pub(crate) fn of(password: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, password.as_bytes()).as_ref());
        Self(bytes)
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest(..)")
    }
}

/// An account's password, and the history that was kept: the present one first, then those before.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secret {
    present: Option<Digest>,
    kept: Vec<Digest>,
}

impl Secret {
    /// Whether this is the present password.
    pub(crate) fn is(&self, password: &str) -> bool {
        self.present == Some(Digest::of(password))
    }

    /// Whether it is among the first `length` of the history.
    pub(crate) fn remembers(&self, password: &str, length: usize) -> bool {
        self.kept.iter().take(length).any(|one| *one == Digest::of(password))
    }

    /// Makes it the present password. The history is kept as long as the policy of this moment
    /// wants it: what a longer one left behind still counts until the next set.
    pub(crate) fn set(&mut self, digest: Digest, history_length: u32) {
        self.present = Some(digest);
        self.kept.insert(0, digest);
        self.kept.truncate(history_length as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_of_three_holds_the_present_password_and_two_before_it() {
        let mut secret = Secret::default();
        ["a", "b", "c", "d"].iter().for_each(|one| secret.set(Digest::of(one), 3));
        assert!(secret.is("d") && !secret.is("c"));
        let remembered = |length| ["a", "b", "c", "d"].map(|one| secret.remembers(one, length));
        assert_eq!(remembered(usize::MAX), [false, true, true, true]);
        assert_eq!(remembered(1), [false, false, false, true]);
    }

    #[test]
    fn a_history_that_was_kept_lasts_until_the_next_set() {
        let mut secret = Secret::default();
        secret.set(Digest::of("a"), 24);
        assert!(secret.remembers("a", usize::MAX));
        secret.set(Digest::of("b"), 0);
        assert!(secret.is("b"));
        assert!(!secret.remembers("a", usize::MAX) && !secret.remembers("b", usize::MAX));
    }

    #[test]
    fn nothing_of_a_digest_is_shown() {
        assert_eq!(format!("{:?}", Digest::of("a")), "Digest(..)");
    }
}
