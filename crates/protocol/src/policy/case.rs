//! The letters beyond ASCII that Samba takes for capital or small ones.
//!
//! The table is as old as Unicode 2: letters that were added later, letters whose partner is not
//! one other letter (ß, ŉ, İ, ı, ſ), and all beyond U+FFFF have no case in it. Samba 4.24 was asked
//! about every character; `crates/directory/tests/samba_policy` asks it again.

use super::kinds::Kind;

/// Runs of letters: the first, the last, and how far one is from the next.
type Runs = &'static [(u32, u32, u32)];

/// Capital letters.
#[rustfmt::skip]
const UPPER: Runs = &[
    (0xC0, 0xD6, 1), (0xD8, 0xDE, 1), (0x100, 0x12E, 2), (0x132, 0x136, 2), (0x139, 0x147, 2),
    (0x14A, 0x178, 2), (0x179, 0x17D, 2), (0x181, 0x182, 1), (0x184, 0x186, 2), (0x187, 0x189, 2),
    (0x18A, 0x18B, 1), (0x18E, 0x191, 1), (0x193, 0x194, 1), (0x196, 0x198, 1), (0x19C, 0x19D, 1),
    (0x19F, 0x1A0, 1), (0x1A2, 0x1A4, 2), (0x1A7, 0x1A9, 2), (0x1AC, 0x1AE, 2), (0x1AF, 0x1B1, 2),
    (0x1B2, 0x1B3, 1), (0x1B5, 0x1B7, 2), (0x1B8, 0x1B8, 1), (0x1BC, 0x1BC, 1), (0x1C4, 0x1C4, 1),
    (0x1C7, 0x1C7, 1), (0x1CA, 0x1CA, 1), (0x1CD, 0x1DB, 2), (0x1DE, 0x1EE, 2), (0x1F1, 0x1F1, 1),
    (0x1F4, 0x1F4, 1), (0x1FA, 0x216, 2), (0x386, 0x388, 2), (0x389, 0x38A, 1), (0x38C, 0x38E, 2),
    (0x38F, 0x391, 2), (0x392, 0x3A1, 1), (0x3A3, 0x3AB, 1), (0x3E2, 0x3EE, 2), (0x401, 0x40C, 1),
    (0x40E, 0x42F, 1), (0x460, 0x480, 2), (0x490, 0x4BE, 2), (0x4C1, 0x4C3, 2), (0x4C7, 0x4C7, 1),
    (0x4CB, 0x4CB, 1), (0x4D0, 0x4EA, 2), (0x4EE, 0x4F4, 2), (0x4F8, 0x4F8, 1), (0x531, 0x556, 1),
    (0x1E00, 0x1E94, 2), (0x1EA0, 0x1EF8, 2), (0x1F08, 0x1F0F, 1), (0x1F18, 0x1F1D, 1),
    (0x1F28, 0x1F2F, 1), (0x1F38, 0x1F3F, 1), (0x1F48, 0x1F4D, 1), (0x1F59, 0x1F5F, 2),
    (0x1F68, 0x1F6F, 1), (0x1FB8, 0x1FBB, 1), (0x1FC8, 0x1FCB, 1), (0x1FD8, 0x1FDB, 1),
    (0x1FE8, 0x1FEC, 1), (0x1FF8, 0x1FFB, 1), (0x2160, 0x216F, 1), (0x24B6, 0x24CF, 1),
    (0xFF21, 0xFF3A, 1),
];

/// Small letters.
#[rustfmt::skip]
const LOWER: Runs = &[
    (0xE0, 0xF6, 1), (0xF8, 0xFF, 1), (0x101, 0x12F, 2), (0x133, 0x137, 2), (0x13A, 0x148, 2),
    (0x14B, 0x177, 2), (0x17A, 0x17E, 2), (0x183, 0x185, 2), (0x188, 0x188, 1), (0x18C, 0x18C, 1),
    (0x192, 0x192, 1), (0x199, 0x199, 1), (0x1A1, 0x1A5, 2), (0x1A8, 0x1A8, 1), (0x1AD, 0x1AD, 1),
    (0x1B0, 0x1B0, 1), (0x1B4, 0x1B6, 2), (0x1B9, 0x1B9, 1), (0x1BD, 0x1BD, 1), (0x1C6, 0x1C6, 1),
    (0x1C9, 0x1C9, 1), (0x1CC, 0x1DC, 2), (0x1DD, 0x1EF, 2), (0x1F3, 0x1F5, 2), (0x1FB, 0x217, 2),
    (0x253, 0x254, 1), (0x256, 0x257, 1), (0x259, 0x25B, 2), (0x260, 0x260, 1), (0x263, 0x263, 1),
    (0x268, 0x269, 1), (0x26F, 0x26F, 1), (0x272, 0x272, 1), (0x275, 0x275, 1), (0x283, 0x283, 1),
    (0x288, 0x28A, 2), (0x28B, 0x28B, 1), (0x292, 0x292, 1), (0x3AC, 0x3AF, 1), (0x3B1, 0x3CE, 1),
    (0x3E3, 0x3EF, 2), (0x430, 0x44F, 1), (0x451, 0x45C, 1), (0x45E, 0x45F, 1), (0x461, 0x481, 2),
    (0x491, 0x4BF, 2), (0x4C2, 0x4C4, 2), (0x4C8, 0x4C8, 1), (0x4CC, 0x4CC, 1), (0x4D1, 0x4EB, 2),
    (0x4EF, 0x4F5, 2), (0x4F9, 0x4F9, 1), (0x561, 0x586, 1), (0x1E01, 0x1E95, 2),
    (0x1EA1, 0x1EF9, 2), (0x1F00, 0x1F07, 1), (0x1F10, 0x1F15, 1), (0x1F20, 0x1F27, 1),
    (0x1F30, 0x1F37, 1), (0x1F40, 0x1F45, 1), (0x1F51, 0x1F57, 2), (0x1F60, 0x1F67, 1),
    (0x1F70, 0x1F7D, 1), (0x1FB0, 0x1FB1, 1), (0x1FD0, 0x1FD1, 1), (0x1FE0, 0x1FE1, 1),
    (0x1FE5, 0x1FE5, 1), (0x2170, 0x217F, 1), (0x24D0, 0x24E9, 1), (0xFF41, 0xFF5A, 1),
];

/// Capital or small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Upper,
    Lower,
}

impl Case {
    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Upper => Kind::Upper,
            Self::Lower => Kind::Lower,
        }
    }
}

/// The case of a letter; none if it has none, or is not in the table.
pub(super) fn of(c: char) -> Option<Case> {
    match c {
        'A'..='Z' => Some(Case::Upper),
        'a'..='z' => Some(Case::Lower),
        c if c.is_ascii() => None,
        c if among(UPPER, c) => Some(Case::Upper),
        c if among(LOWER, c) => Some(Case::Lower),
        _ => None,
    }
}

/// The small letter of a capital one in the table; any other character is its own.
pub(super) fn fold(c: char) -> char {
    match of(c) {
        // Whoever is in the table has one partner (see the test).
        Some(Case::Upper) => c.to_lowercase().next().unwrap_or(c),
        _ => c,
    }
}

fn among(runs: Runs, c: char) -> bool {
    let c = u32::from(c);
    let after = runs.partition_point(|(first, _, _)| *first <= c);
    let run = after.checked_sub(1).and_then(|before| runs.get(before));
    run.is_some_and(|(first, last, step)| c <= *last && (c - first).is_multiple_of(*step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_ascend_and_do_not_overlap() {
        for runs in [UPPER, LOWER] {
            assert!(runs.iter().all(|(first, last, _)| first <= last));
            assert!(runs.is_sorted_by(|(_, last, _), (first, _, _)| last < first));
        }
    }

    #[test]
    fn every_capital_letter_has_one_small_one_which_is_in_the_table() {
        let capitals: Vec<char> =
            ('\u{80}'..=char::MAX).filter(|c| of(*c) == Some(Case::Upper)).collect();
        assert_eq!(capitals.len(), 609);
        for capital in capitals {
            assert_eq!(capital.to_lowercase().count(), 1, "{capital}");
            let small = fold(capital);
            assert_eq!(of(small), Some(Case::Lower), "{capital} {small}");
            assert!(capital.is_uppercase() && small.is_lowercase(), "{capital} {small}");
        }
        let small = ('\u{80}'..=char::MAX).filter(|c| of(*c) == Some(Case::Lower)).count();
        // ς has the capital of σ.
        assert_eq!(small, 610);
    }
}
