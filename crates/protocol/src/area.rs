//! What an operation carries in secret, and the plain area that it is padded to (SPEC K-1).
//!
//! ```text
//! area = passwords | zeros up to 384 or 1,152
//! password = its length in bytes (2, big endian) | UTF-16LE
//! ```
//!
//! A reset has one password, the new one; a change has two, the old one first; an unlock has none.
//! Which it is stands in the header, to which the area is bound.

use zeroize::Zeroizing;

use crate::limits::{AREA_LARGE, AREA_SMALL};
use crate::{ClearPassword, Operation, PasswordError};

/// The passwords of one operation. Like each of them it has no `Debug` and is wiped when dropped.
#[derive(Clone)]
pub enum Passwords {
    /// None: the account is unlocked.
    None,
    /// The new one of a reset.
    New(ClearPassword),
    /// Both of a change.
    Change {
        /// The present one.
        old: ClearPassword,
        /// The one that replaces it.
        new: ClearPassword,
    },
}

impl Passwords {
    /// The new password, if there is one.
    pub const fn new_one(&self) -> Option<&ClearPassword> {
        match self {
            Self::None => None,
            Self::New(new) | Self::Change { new, .. } => Some(new),
        }
    }

    /// Whether these are the passwords that an operation has.
    pub const fn fit(&self, operation: Operation) -> bool {
        match self {
            Self::None => matches!(operation, Operation::Unlock),
            Self::New(_) => operation.is_reset(),
            Self::Change { .. } => matches!(operation, Operation::Change),
        }
    }

    /// The passwords in the smaller area that holds them.
    pub fn to_area(&self) -> Zeroizing<Vec<u8>> {
        let passwords: [Option<&ClearPassword>; 2] = match self {
            Self::None => [None, None],
            Self::New(new) => [Some(new), None],
            Self::Change { old, new } => [Some(old), Some(new)],
        };
        let passwords = passwords.into_iter().flatten();
        let length = passwords.clone().map(|one| 2 + 2 * one.units()).sum();
        let mut area = Zeroizing::new(Vec::with_capacity(size_for(length)));
        passwords.for_each(|one| one.write(&mut area));
        area.resize(size_for(length), 0);
        area
    }

    /// Reads the passwords of an operation out of an area.
    ///
    /// # Errors
    /// [`PasswordError::Area`] unless it is exactly what [`Passwords::to_area`] writes for this
    /// operation; else what is wrong with a password in it.
    pub fn from_area(operation: Operation, area: &[u8]) -> Result<Self, PasswordError> {
        let mut rest = area;
        let passwords = match operation {
            Operation::Unlock => Self::None,
            Operation::Reset | Operation::ResetByAdministrator => {
                Self::New(ClearPassword::read(&mut rest)?)
            }
            Operation::Change => Self::Change {
                old: ClearPassword::read(&mut rest)?,
                new: ClearPassword::read(&mut rest)?,
            },
        };
        let padded = rest.iter().all(|byte| *byte == 0);
        if !padded || area.len() != size_for(area.len() - rest.len()) {
            return Err(PasswordError::Area);
        }
        Ok(passwords)
    }
}

/// The size of the area that holds so many bytes. Two passwords of 256 units have 1,028.
const fn size_for(length: usize) -> usize {
    if length <= AREA_SMALL { AREA_SMALL } else { AREA_LARGE }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn password(text: &str) -> ClearPassword {
        ClearPassword::from_text(text).unwrap()
    }

    fn new(text: &str) -> Passwords {
        Passwords::New(password(text))
    }

    #[test]
    fn every_password_has_one_of_two_sizes() {
        for units in 1..=256 {
            let area = new(&"x".repeat(units)).to_area();
            assert_eq!(area.len(), if units <= 191 { 384 } else { 1_152 }, "{units} units");
        }
        assert_eq!(Passwords::None.to_area().len(), 384);
        let longest = password(&"x".repeat(256));
        let change = Passwords::Change { old: longest.clone(), new: longest };
        assert_eq!(change.to_area().len(), 1_152);
    }

    #[test]
    fn half_a_surrogate_pair_is_refused() {
        let mut area = vec![0; AREA_SMALL];
        area[..4].copy_from_slice(&[0, 2, 0x00, 0xd8]);
        let read = Passwords::from_area(Operation::Reset, &area);
        assert_eq!(read.err(), Some(PasswordError::NotWellFormed));
    }

    #[test]
    fn a_password_with_which_nobody_could_sign_in_is_refused() {
        let mut area = new("word").to_area();
        area[4] = 0;
        let read = Passwords::from_area(Operation::Reset, &area);
        assert_eq!(read.err(), Some(PasswordError::Nul));
    }

    #[test]
    fn an_area_with_another_padding_size_or_length_is_refused() {
        let good = new("Correct Horse 7").to_area();
        let mut dirty = good.to_vec();
        dirty[383] = 1;
        let mut odd = good.to_vec();
        odd[1] -= 1;
        let mut too_long = good.to_vec();
        too_long[0] = 0xff;
        let mut large = good.to_vec();
        large.resize(AREA_LARGE, 0);
        for area in [&dirty, &odd, &too_long, &large, &good[..383].to_vec(), &Vec::new()] {
            let read = Passwords::from_area(Operation::Reset, area);
            assert_eq!(read.err(), Some(PasswordError::Area));
        }
    }

    #[test]
    fn the_passwords_of_one_operation_are_not_those_of_another() {
        let change = Passwords::Change { old: password("Old-1"), new: password("New-1") };
        for (passwords, operation) in [
            (Passwords::None, Operation::Unlock),
            (new("New-1"), Operation::Reset),
            (new("New-1"), Operation::ResetByAdministrator),
            (change, Operation::Change),
        ] {
            for other in Operation::ALL {
                let read = Passwords::from_area(other, &passwords.to_area());
                let alike = operation == other || operation.is_reset() && other.is_reset();
                assert_eq!(read.is_ok(), alike, "{operation:?} as {other:?}");
                assert_eq!(passwords.fit(other), alike);
            }
        }
    }

    proptest! {
        #[test]
        fn an_area_reads_back(old in "\\PC{1,120}", new in "\\PC{1,120}") {
            let (Ok(old), Ok(new)) =
                (ClearPassword::from_text(&old), ClearPassword::from_text(&new)) else { return Ok(()) };
            let area = Passwords::Change { old: old.clone(), new: new.clone() }.to_area();
            let Ok(Passwords::Change { old: first, new: second }) =
                Passwords::from_area(Operation::Change, &area) else { panic!("not read") };
            prop_assert_eq!(first.to_text(), old.to_text());
            prop_assert_eq!(second.to_text(), new.to_text());
        }

        #[test]
        fn reading_an_area_never_panics(
            bytes in proptest::collection::vec(any::<u8>(), 0..1_200)
        ) {
            crate::fuzzing::areas(&bytes);
        }
    }
}
