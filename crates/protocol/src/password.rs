//! A password on its way, and the plain area that it is padded to (SPEC K-1).
//!
//! ```text
//! area = length of the password in bytes (2, big endian) | UTF-16LE | zeros up to 384 or 1,152
//! ```

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::limits::{AREA_LARGE, AREA_SMALL, PASSWORD_UNITS_MAX};

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
    /// The plain area is not one that this project writes.
    #[error("the plain area has a wrong size, length or padding")]
    Area,
}

/// A password in clear: well-formed UTF-16, never normalised, wiped when dropped.
///
/// It has no `Debug`, no `Display` and no serialisation, so that it cannot reach a log by
/// accident (SPEC K-6).
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ClearPassword(Vec<u16>);

impl ClearPassword {
    /// Takes text as a person typed it.
    ///
    /// # Errors
    /// [`PasswordError::Empty`] and [`PasswordError::TooLong`].
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

    /// The password in the smaller area that holds it.
    pub fn to_area(&self) -> Zeroizing<Vec<u8>> {
        let length = 2 * self.0.len();
        let size = if 2 + length <= AREA_SMALL { AREA_SMALL } else { AREA_LARGE };
        let mut area = Zeroizing::new(Vec::with_capacity(size));
        // 512 bytes at most, so that the length always fits.
        area.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
        for unit in &self.0 {
            area.extend_from_slice(&unit.to_le_bytes());
        }
        area.resize(size, 0);
        area
    }

    /// Reads the password out of an area.
    ///
    /// # Errors
    /// [`PasswordError::Area`] unless it is exactly what [`ClearPassword::to_area`] writes; else
    /// what is wrong with the password in it.
    pub fn from_area(area: &[u8]) -> Result<Self, PasswordError> {
        if area.len() != AREA_SMALL && area.len() != AREA_LARGE {
            return Err(PasswordError::Area);
        }
        let length = usize::from(u16::from_be_bytes([area[0], area[1]]));
        let bytes = area.get(2..2 + length).ok_or(PasswordError::Area)?;
        let padding = &area[2 + length..];
        let fits_small = 2 + length <= AREA_SMALL;
        if !length.is_multiple_of(2)
            || padding.iter().any(|byte| *byte != 0)
            || (fits_small && area.len() != AREA_SMALL)
        {
            return Err(PasswordError::Area);
        }
        let mut units = Vec::with_capacity(length / 2 + 1);
        units.extend(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])));
        Self::from_units(units)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    fn every_password_has_one_of_two_sizes() {
        for units in 1..=256 {
            let area = ClearPassword::from_text(&"x".repeat(units)).unwrap().to_area();
            assert_eq!(area.len(), if units <= 191 { 384 } else { 1_152 }, "{units} units");
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_refused() {
        let mut area = vec![0; AREA_SMALL];
        area[..4].copy_from_slice(&[0, 2, 0x00, 0xd8]);
        assert_eq!(ClearPassword::from_area(&area).err(), Some(PasswordError::NotWellFormed));
    }

    #[test]
    fn an_area_with_another_padding_size_or_length_is_refused() {
        let good = ClearPassword::from_text("Correct Horse 7").unwrap().to_area();
        let mut dirty = good.to_vec();
        dirty[383] = 1;
        let mut odd = good.to_vec();
        odd[1] -= 1;
        let mut too_long = good.to_vec();
        too_long[0] = 0xff;
        let mut large = good.to_vec();
        large.resize(AREA_LARGE, 0);
        for area in [&dirty, &odd, &too_long, &large, &good[..383].to_vec(), &Vec::new()] {
            assert_eq!(ClearPassword::from_area(area).err(), Some(PasswordError::Area));
        }
    }

    #[test]
    fn unicode_pwd_is_quoted_little_endian() {
        let value = ClearPassword::from_text("aé").unwrap().to_unicode_pwd();
        assert_eq!(*value, [b'"', 0, b'a', 0, 0xe9, 0, b'"', 0]);
    }

    proptest! {
        #[test]
        fn an_area_reads_back(text in "\\PC{1,120}") {
            if let Ok(password) = ClearPassword::from_text(&text) {
                let back = ClearPassword::from_area(&password.to_area()).unwrap();
                let back = back.to_text();
                prop_assert_eq!(back.as_str(), text);
            }
        }

        #[test]
        fn reading_an_area_never_panics(
            bytes in proptest::collection::vec(any::<u8>(), 0..1_200)
        ) {
            let _ = ClearPassword::from_area(&bytes);
        }
    }
}
