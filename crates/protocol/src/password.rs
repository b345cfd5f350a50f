//! A password in clear (SPEC K-1, K-6). How it is laid out to be sealed stands in
//! [`crate::area`].

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::limits::PASSWORD_UNITS_MAX;

/// Why text or bytes are not a password. The messages never contain any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// No character at all.
    #[error("the password is empty")]
    Empty,
    /// More than 256 UTF-16 code units.
    #[error("the password is longer than 256 UTF-16 code units")]
    TooLong,
    /// Half of a surrogate pair: no such text exists, and AD could not be asked for it.
    #[error("the password is not well-formed UTF-16")]
    NotWellFormed,
    /// U+0000. Directories take it and clients cannot say it: Samba sets such a password, and refuses
    /// everybody who signs in with it, or with any part of it. Nobody would have a password any more.
    #[error("the password contains the character U+0000, with which nobody could sign in")]
    Nul,
    /// The plain area is not one that this project writes.
    #[error("the plain area has a wrong size, length or padding")]
    Area,
}

/// A password in clear: well-formed UTF-16 without U+0000, never normalised, wiped when dropped.
///
/// It has no `Debug`, no `Display` and no serialisation, so that it cannot reach a log by
/// accident (SPEC K-6).
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ClearPassword(Vec<u16>);

impl ClearPassword {
    /// Takes text as a person typed it.
    ///
    /// # Errors
    /// [`PasswordError::Empty`], [`PasswordError::TooLong`] and [`PasswordError::Nul`].
    pub fn from_text(text: &str) -> Result<Self, PasswordError> {
        // The buffer has its final size from the start: growing would leave a copy behind.
        let mut units = Vec::with_capacity(PASSWORD_UNITS_MAX + 2);
        units.extend(text.encode_utf16().take(PASSWORD_UNITS_MAX + 1));
        Self::from_units(units)
    }

    fn from_units(units: Vec<u16>) -> Result<Self, PasswordError> {
        let password = Self(units);
        if password.0.is_empty() {
            return Err(PasswordError::Empty);
        }
        if password.0.len() > PASSWORD_UNITS_MAX {
            return Err(PasswordError::TooLong);
        }
        if password.0.contains(&0) {
            return Err(PasswordError::Nul);
        }
        let mut characters = char::decode_utf16(password.0.iter().copied());
        if characters.any(|character| character.is_err()) {
            return Err(PasswordError::NotWellFormed);
        }
        Ok(password)
    }

    /// How many UTF-16 code units it has, which is how AD counts length.
    pub fn units(&self) -> usize {
        self.0.len()
    }

    /// Its characters, for rules that look at them.
    pub fn characters(&self) -> impl Iterator<Item = char> + '_ {
        char::decode_utf16(self.0.iter().copied()).filter_map(Result::ok)
    }

    /// The password as UTF-8.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(self.0.len() * 3));
        text.extend(self.characters());
        text
    }

    /// The value of `unicodePwd`: the password in double quotes, as UTF-16LE (MS-ADTS 3.1.1.3.1.5).
    pub fn to_unicode_pwd(&self) -> Zeroizing<Vec<u8>> {
        let mut value = Zeroizing::new(Vec::with_capacity(2 * (self.0.len() + 2)));
        let quote = u16::from(b'"');
        for unit in [quote].iter().chain(&self.0).chain(&[quote]) {
            value.extend_from_slice(&unit.to_le_bytes());
        }
        value
    }

    /// Appends its length in bytes and its UTF-16LE.
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        // 512 bytes at most, so that the length always fits.
        to.extend_from_slice(&u16::try_from(2 * self.0.len()).unwrap_or(u16::MAX).to_be_bytes());
        for unit in &self.0 {
            to.extend_from_slice(&unit.to_le_bytes());
        }
    }

    /// Takes what [`ClearPassword::write`] appends off the front.
    pub(crate) fn read(from: &mut &[u8]) -> Result<Self, PasswordError> {
        let (length, rest) = from.split_first_chunk().ok_or(PasswordError::Area)?;
        let length = usize::from(u16::from_be_bytes(*length));
        if !length.is_multiple_of(2) {
            return Err(PasswordError::Area);
        }
        let (bytes, rest) = rest.split_at_checked(length).ok_or(PasswordError::Area)?;
        let mut units = Vec::with_capacity(length / 2 + 1);
        units.extend(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])));
        *from = rest;
        Self::from_units(units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_to_256_units_are_taken() {
        assert_eq!(ClearPassword::from_text("").err(), Some(PasswordError::Empty));
        assert_eq!(ClearPassword::from_text(&"a".repeat(256)).unwrap().units(), 256);
        let long = ClearPassword::from_text(&"a".repeat(257));
        assert_eq!(long.err(), Some(PasswordError::TooLong));
        // An emoji is two units.
        assert!(ClearPassword::from_text(&"😀".repeat(128)).is_ok());
        assert!(ClearPassword::from_text(&"😀".repeat(129)).is_err());
    }

    #[test]
    fn what_nobody_could_sign_in_with_is_no_password() {
        for text in ["\0", "\0word", "wo\0rd", "word\0"] {
            assert_eq!(ClearPassword::from_text(text).err(), Some(PasswordError::Nul), "{text:?}");
        }
        assert!(ClearPassword::from_text("\u{1}\u{FEFF}\u{FFFF}").is_ok());
    }

    #[test]
    fn unicode_pwd_is_quoted_little_endian() {
        let value = ClearPassword::from_text("aé").unwrap().to_unicode_pwd();
        assert_eq!(*value, [b'"', 0, b'a', 0, 0xe9, 0, b'"', 0]);
    }
}
