//! Descriptors as text, as administrators' tools read and write them (SDDL, MS-DTYP 2.5.1).
//!
//! ```text
//! O:BAG:DUD:PAI(OA;CIIO;CR;00299570-246d-11d0-a768-00aa006e0529;bf967aba-…;S-1-5-21-…-1104)S:AI
//! owner, group, DACL and SACL with their flags; an entry: kind; flags; rights; type of object; class
//! that inherits it; whom it is about
//! ```
//!
//! What has no text here is refused, in both directions, and never left out: entries with a condition
//! (XA, XD, ZA, XU) and resource attributes (RA), whose bytes stand for an expression that would have
//! to be compiled; kinds and flags that MS-DTYP gives no letters; bytes behind an entry's trustee.
//! What the text does not hold of a descriptor is only how owner, group and lists came about by
//! default, and the resource manager's bits.

use super::{Ace, SecurityDescriptor};
use crate::Sid;

mod alias;
mod print;
mod read;
mod tokens;

/// Text that is no descriptor, or a descriptor that has no text: where, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("SDDL, {at}: {what}")]
pub struct SddlError {
    /// Where.
    pub at: Place,
    /// What is wrong there.
    pub what: &'static str,
}

/// A place in a text or in a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The character with this number, from 1.
    Character(usize),
    /// The entry with this number, from 1.
    Entry {
        /// `DACL` or `SACL`; empty for an entry by itself.
        list: &'static str,
        /// From 1.
        number: usize,
    },
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Character(number) => write!(f, "character {number}"),
            Self::Entry { list: "", number } => write!(f, "entry {number}"),
            Self::Entry { list, number } => write!(f, "entry {number} of the {list}"),
        }
    }
}

/// Which domain the aliases stand for that are about a domain's groups, like DA for Domain Admins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Aliases {
    domain: Option<Sid>,
    root: Option<Sid>,
}

impl Aliases {
    /// No domain: such aliases are refused when they are read, and not used when something is
    /// printed.
    pub const fn without_domain() -> Self {
        Self { domain: None, root: None }
    }

    /// A domain, and the root domain of its forest, where Enterprise Admins (EA), Schema Admins (SA)
    /// and two more live; the two are one in a forest of one domain.
    pub const fn of(domain: Sid, root: Sid) -> Self {
        Self { domain: Some(domain), root: Some(root) }
    }
}

impl SecurityDescriptor {
    /// The descriptor as text: reading it again gives the same owner, group, lists and flags of lists.
    ///
    /// # Errors
    /// [`SddlError`] names the entry that has no text.
    pub fn to_sddl(&self, aliases: &Aliases) -> Result<String, SddlError> {
        print::descriptor(self, aliases)
    }

    /// Reads a descriptor. Parts may stand in any order, each once; letters as in the standard; rights
    /// in letters, hexadecimal, octal or decimal. It takes time and memory in proportion to the text,
    /// and stops at a list that no descriptor could hold.
    ///
    /// # Errors
    /// [`SddlError`] names the character from which on it cannot be read.
    pub fn from_sddl(text: &str, aliases: &Aliases) -> Result<Self, SddlError> {
        read::descriptor(text, aliases)
    }
}

impl Ace {
    /// The entry as text, in its parentheses.
    ///
    /// # Errors
    /// [`SddlError`] if it has no text.
    pub fn to_sddl(&self, aliases: &Aliases) -> Result<String, SddlError> {
        let mut text = String::new();
        let unprintable = |what| SddlError { at: Place::Entry { list: "", number: 1 }, what };
        print::entry(&mut text, self, aliases).map_err(unprintable)?;
        Ok(text)
    }

    /// Reads one entry in its parentheses.
    ///
    /// # Errors
    /// [`SddlError`] names the character from which on it cannot be read.
    pub fn from_sddl(text: &str, aliases: &Aliases) -> Result<Self, SddlError> {
        read::entry(text, aliases)
    }
}

#[cfg(test)]
mod tests;
