//! One-time codes (SPEC G-5): six digits, stored as a keyed hash.

use aws_lc_rs::hmac;
use protocol::Randomness;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop};

const DIGITS: usize = 6;

/// A code on its way into a message. It has no `Debug` and is wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct OneTimeCode(String);

impl OneTimeCode {
    /// Draws a code; every one of the million is equally likely.
    pub fn generate(randomness: &dyn Randomness) -> Self {
        const CODES: u32 = 1_000_000;
        // Whole multiples of a million only, else the lower codes would come up more often.
        const FAIR: u32 = u32::MAX - u32::MAX % CODES;
        loop {
            let mut bytes = [0; 4];
            randomness.fill(&mut bytes);
            let drawn = u32::from_be_bytes(bytes);
            if drawn < FAIR {
                return Self(format!("{:0DIGITS$}", drawn % CODES));
            }
        }
    }

    /// The digits, for the message only.
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// What a person typed: blanks are taken out; `None` unless six digits are left.
    pub fn from_typed(typed: &str) -> Option<Self> {
        let digits: String = typed.chars().filter(|one| !one.is_whitespace()).collect();
        let complete = digits.len() == DIGITS && digits.bytes().all(|one| one.is_ascii_digit());
        complete.then_some(Self(digits))
    }
}

/// The key of the codes' hashes. It is kept outside the database, so that whoever reads the
/// database cannot try a million codes.
pub struct CodeKey(hmac::Key);

impl CodeKey {
    /// Takes 32 secret bytes.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// HMAC-SHA-256 of a code for one flow, in that flow only.
    pub fn hash(&self, flow: &[u8], code: &OneTimeCode) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"passback v1 one-time code");
        context.update(&(flow.len() as u64).to_be_bytes());
        context.update(flow);
        context.update(code.0.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        hash
    }

    /// A pseudonym for what somebody typed, under which it can be counted without being kept: a
    /// name that nobody has may be anything, a password typed into the wrong field too.
    pub fn pseudonym(&self, typed: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"passback v1 pseudonym");
        context.update(typed.as_bytes());
        let mut pseudonym = [0; 32];
        pseudonym.copy_from_slice(context.sign().as_ref());
        pseudonym
    }

    /// Compares in constant time.
    pub fn matches(&self, flow: &[u8], typed: &OneTimeCode, stored: &[u8]) -> bool {
        self.hash(flow, typed).ct_eq(stored).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRandomness;

    #[test]
    fn a_code_has_six_digits_and_keeps_leading_zeros() {
        struct Zeros;
        impl Randomness for Zeros {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(0);
            }
        }
        assert_eq!(OneTimeCode::generate(&Zeros).digits(), "000000");
        assert_eq!(OneTimeCode::generate(&SystemRandomness::default()).digits().len(), 6);
    }

    #[test]
    fn a_code_counts_only_in_its_own_flow() {
        let key = CodeKey::new(&[7; 32]);
        let code = OneTimeCode::from_typed(" 123 456 ").unwrap();
        let stored = key.hash(b"flow", &code);
        assert!(key.matches(b"flow", &code, &stored));
        assert!(!key.matches(b"other", &code, &stored));
        assert!(!key.matches(b"flow", &OneTimeCode::from_typed("123457").unwrap(), &stored));
        assert!(!CodeKey::new(&[8; 32]).matches(b"flow", &code, &stored));
    }

    #[test]
    fn only_six_digits_are_a_code() {
        for typed in ["", "12345", "1234567", "12345a", "１２３４５６"] {
            assert!(OneTimeCode::from_typed(typed).is_none(), "{typed}");
        }
    }
}
