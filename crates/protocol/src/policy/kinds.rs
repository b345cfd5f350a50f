//! The kinds of characters that complexity asks for, as each [`Judge`] counts them.
//!
//! ```text
//!                        Windows                       Samba
//! A–Z a–z 0–9            capital, small, digit         the same
//! listed symbols         symbol                        the same
//! blank, control         of no kind                    the same
//! É é, Ж ж, Ω ω          capital, small                the same where its table has the letter
//! Ș, Ⴀ, Ⓐ, ª             capital or small, or other    by its table, else other
//! 密, ق                   other letter                  other
//! €, 😀, “                of no kind                    other
//! beyond U+FFFF          not known                     other
//! ```
//!
//! Windows' list of symbols is exact: currency signs are not on it, and neither is the blank.
//! Samba takes every character beyond ASCII that has no case in its table for one of the fifth
//! kind.

use serde::{Deserialize, Serialize};

use super::case::{self, Case};
use super::judge::Judge;
use crate::ClearPassword;

/// How many kinds a complex password has at least (MS-SAMR 3.1.1.7.2).
pub const NEEDED: usize = 3;

/// The characters that count as symbols, in Windows' documentation and in Samba.
pub const SYMBOLS: &str = "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/";

/// A kind of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Capital letters.
    Upper,
    /// Small letters.
    Lower,
    /// 0 to 9.
    Digit,
    /// The characters of [`SYMBOLS`].
    Symbol,
    /// Letters without case, such as those of Asian scripts.
    Other,
}

impl Kind {
    /// All five, in the order in which a page names them.
    pub const ALL: [Self; 5] = [Self::Upper, Self::Lower, Self::Digit, Self::Symbol, Self::Other];
}

/// Some of the five kinds; bit *n* is the *n*-th of [`Kind::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds(u8);

impl Kinds {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// One of them.
    pub const fn of(kind: Kind) -> Self {
        Self(1 << kind as u8)
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// How many.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set as a number, for vectors.
    pub const fn bits(self) -> u8 {
        self.0
    }
}

/// As what a character is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// The kinds that it may be counted as; as one of them at most.
    pub possible: Kinds,
    /// Whether that is certain: it is of the one kind in `possible`, or of none if that is empty.
    pub sure: bool,
}

impl Counted {
    const NONE: Self = Self { possible: Kinds::NONE, sure: true };

    const fn surely(kind: Kind) -> Self {
        Self { possible: Kinds::of(kind), sure: true }
    }

    const fn perhaps(possible: Kinds) -> Self {
        Self { possible, sure: false }
    }
}

/// How many kinds a password has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// As many are counted, whatever is not known.
    pub at_least: usize,
    /// More are not counted, whatever is not known.
    pub at_most: usize,
}

/// As what `judge` counts a character.
pub fn counted(character: char, judge: Judge) -> Counted {
    match (character, judge) {
        ('0'..='9', _) => Counted::surely(Kind::Digit),
        ('A'..='Z', _) => Counted::surely(Kind::Upper),
        ('a'..='z', _) => Counted::surely(Kind::Lower),
        (c, _) if c.is_ascii() && SYMBOLS.contains(c) => Counted::surely(Kind::Symbol),
        (c, _) if c.is_ascii() => Counted::NONE,
        (c, Judge::Samba) => Counted::surely(case::of(c).map_or(Kind::Other, Case::kind)),
        (c, Judge::Windows) => counted_by_windows(c),
    }
}

/// A character beyond ASCII. Windows' documentation speaks of letters of European languages with
/// and without case, and of letters without case; the rest of Unicode it leaves open.
fn counted_by_windows(c: char) -> Counted {
    let other = Kinds::of(Kind::Other);
    let cased = match (c.is_uppercase(), c.is_lowercase()) {
        (true, _) => Some(Kind::Upper),
        (_, true) => Some(Kind::Lower),
        _ => None,
    };
    match cased {
        Some(kind) if is_european(c) => Counted::surely(kind),
        Some(kind) => Counted::perhaps(Kinds::of(kind).and(other)),
        None if c.is_numeric() => Counted::perhaps(Kinds::of(Kind::Digit).and(other)),
        None if !c.is_alphabetic() => Counted::NONE,
        // Letters such as ǅ are a capital and a small one in one.
        None if c.to_lowercase().ne([c]) => {
            Counted::perhaps(Kinds::of(Kind::Upper).and(Kinds::of(Kind::Lower)).and(other))
        }
        // Two UTF-16 code units: whether these are put together is not documented.
        None if c > '\u{FFFF}' => Counted::perhaps(other),
        None => Counted::surely(Kind::Other),
    }
}

/// Latin with diacritics, Greek and Cyrillic.
const fn is_european(c: char) -> bool {
    matches!(c, '\u{C0}'..='\u{24F}' | '\u{370}'..='\u{52F}' | '\u{1E00}'..='\u{1FFF}')
}

/// How many kinds `password` has for `judge`; for whoever it may be if none is given.
pub fn count(password: &ClearPassword, judge: Option<Judge>) -> Count {
    let by = |judge| count_by(password, judge);
    match judge {
        Some(judge) => by(judge),
        None => {
            let [one, other] = Judge::ALL.map(by);
            Count {
                at_least: one.at_least.min(other.at_least),
                at_most: one.at_most.max(other.at_most),
            }
        }
    }
}

fn count_by(password: &ClearPassword, judge: Judge) -> Count {
    let (mut sure, mut possible, mut unsure) = (Kinds::NONE, Kinds::NONE, 0);
    for character in password.characters() {
        let counted = counted(character, judge);
        possible = possible.and(counted.possible);
        if counted.sure {
            sure = sure.and(counted.possible);
        } else {
            unsure += 1;
        }
    }
    // Each character that is not sure adds one kind at most.
    Count { at_least: sure.len(), at_most: possible.len().min(sure.len() + unsure) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count_of(text: &str, judge: impl Into<Option<Judge>>) -> (usize, usize) {
        let Count { at_least, at_most } =
            count(&ClearPassword::from_text(text).unwrap(), judge.into());
        (at_least, at_most)
    }

    #[test]
    fn ascii_is_counted_alike_and_only_what_is_listed_is_a_symbol() {
        let symbols = (' '..='~').filter(|c| !c.is_ascii_alphanumeric());
        for c in symbols.chain(['\0', '\t', '\u{7f}']) {
            let listed = SYMBOLS.contains(c);
            for judge in Judge::ALL {
                let expected = if listed { Counted::surely(Kind::Symbol) } else { Counted::NONE };
                assert_eq!(counted(c, judge), expected, "{c:?} {judge:?}");
            }
        }
        // All of the printable ones but the blank.
        assert_eq!(SYMBOLS.len(), 32);
    }

    #[test]
    fn characters_beyond_ascii_are_counted_as_whoever_judges_counts_them() {
        for (text, windows, samba) in [
            ("éÉ1", (3, 3), (3, 3)),
            ("ßa1", (2, 2), (3, 3)),
            ("Șș1", (3, 3), (2, 2)),
            ("密碼a", (2, 2), (2, 2)),
            ("€uro1", (2, 2), (3, 3)),
            ("aaaa AAAA", (2, 2), (2, 2)),
            ("a1😀", (2, 2), (3, 3)),
            ("a1ª", (2, 3), (3, 3)),
            ("a1Ⓐ", (2, 3), (3, 3)),
            ("Ⓐ1", (1, 2), (2, 2)),
            ("Ꭰa1", (2, 3), (3, 3)),
            ("aA٣", (2, 3), (3, 3)),
            ("a1𠮷", (2, 3), (3, 3)),
            ("a1𝐀", (2, 3), (3, 3)),
            ("ǅa1", (2, 3), (3, 3)),
        ] {
            assert_eq!(count_of(text, Judge::Windows), windows, "{text} for Windows");
            assert_eq!(count_of(text, Judge::Samba), samba, "{text} for Samba");
            let whoever = (windows.0.min(samba.0), windows.1.max(samba.1));
            assert_eq!(count_of(text, None), whoever, "{text} for whoever it is");
        }
    }

    #[test]
    fn whatever_is_sure_is_of_one_kind_or_of_none() {
        for c in '\0'..=char::MAX {
            for judge in Judge::ALL {
                let counted = counted(c, judge);
                assert!(!counted.sure || counted.possible.len() <= 1, "{c:?} {judge:?}");
                assert!(counted.sure || !counted.possible.is_empty(), "{c:?} {judge:?}");
            }
        }
    }
}
