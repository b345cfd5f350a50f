//! The kinds of characters as a controller counts them.

use std::ops::RangeInclusive;

use super::Flavour;

/// The symbols of the setting's description, and of Samba.
const SYMBOLS: &str = "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/";

/// How many kinds of characters there are: capitals, small letters, digits, the symbols that are
/// listed, and other characters beyond ASCII. A blank is of no kind.
pub(super) fn kinds(password: &str, flavour: Flavour) -> usize {
    let mut found = [false; 5];
    for character in password.chars() {
        let kind = match (character, flavour) {
            ('0'..='9', _) => 0,
            ('A'..='Z', _) => 1,
            ('a'..='z', _) => 2,
            (c, _) if SYMBOLS.contains(c) => 3,
            (c, _) if c.is_ascii() => continue,
            (c, Flavour::Samba) => match small_of(c) {
                Some(_) => 1,
                None if is_small(c) => 2,
                None => 4,
            },
            // UTF-16 code units are looked at one by one, and half a pair is no letter.
            (c, Flavour::Windows) if c > '\u{FFFF}' => continue,
            (c, Flavour::Windows) if c.is_uppercase() => 1,
            (c, Flavour::Windows) if c.is_lowercase() => 2,
            (c, Flavour::Windows) if c.is_alphabetic() => 4,
            _ => continue,
        };
        found[kind] = true;
    }
    found.into_iter().filter(|one| *one).count()
}

/// Capital letters beyond ASCII as Samba 4.24 was seen to pair them with small ones: a run of
/// letters, how far one is from the next, and how far the small one of each is.
#[rustfmt::skip]
const PAIRS: &[(RangeInclusive<i32>, i32, i32)] = &[
    (0xC0..=0xD6, 1, 32), (0xD8..=0xDE, 1, 32), (0x100..=0x12E, 2, 1), (0x132..=0x136, 2, 1),
    (0x139..=0x147, 2, 1), (0x14A..=0x176, 2, 1), (0x178..=0x178, 1, -121), (0x179..=0x17D, 2, 1),
    (0x181..=0x181, 1, 210), (0x182..=0x184, 2, 1), (0x186..=0x186, 1, 206),
    (0x187..=0x187, 1, 1), (0x189..=0x18A, 1, 205), (0x18B..=0x18B, 1, 1), (0x18E..=0x18E, 1, 79),
    (0x18F..=0x18F, 1, 202), (0x190..=0x190, 1, 203), (0x191..=0x191, 1, 1),
    (0x193..=0x193, 1, 205), (0x194..=0x194, 1, 207), (0x196..=0x196, 1, 211),
    (0x197..=0x197, 1, 209), (0x198..=0x198, 1, 1), (0x19C..=0x19C, 1, 211),
    (0x19D..=0x19D, 1, 213), (0x19F..=0x19F, 1, 214), (0x1A0..=0x1A4, 2, 1),
    (0x1A7..=0x1A7, 1, 1), (0x1A9..=0x1A9, 1, 218), (0x1AC..=0x1AC, 1, 1),
    (0x1AE..=0x1AE, 1, 218), (0x1AF..=0x1AF, 1, 1), (0x1B1..=0x1B2, 1, 217),
    (0x1B3..=0x1B5, 2, 1), (0x1B7..=0x1B7, 1, 219), (0x1B8..=0x1B8, 1, 1), (0x1BC..=0x1BC, 1, 1),
    (0x1C4..=0x1C4, 1, 2), (0x1C7..=0x1C7, 1, 2), (0x1CA..=0x1CA, 1, 2), (0x1CD..=0x1DB, 2, 1),
    (0x1DE..=0x1EE, 2, 1), (0x1F1..=0x1F1, 1, 2), (0x1F4..=0x1F4, 1, 1), (0x1FA..=0x216, 2, 1),
    (0x386..=0x386, 1, 38), (0x388..=0x38A, 1, 37), (0x38C..=0x38C, 1, 64),
    (0x38E..=0x38F, 1, 63), (0x391..=0x3A1, 1, 32), (0x3A3..=0x3AB, 1, 32), (0x3E2..=0x3EE, 2, 1),
    (0x401..=0x40C, 1, 80), (0x40E..=0x40F, 1, 80), (0x410..=0x42F, 1, 32), (0x460..=0x480, 2, 1),
    (0x490..=0x4BE, 2, 1), (0x4C1..=0x4C3, 2, 1), (0x4C7..=0x4C7, 1, 1), (0x4CB..=0x4CB, 1, 1),
    (0x4D0..=0x4EA, 2, 1), (0x4EE..=0x4F4, 2, 1), (0x4F8..=0x4F8, 1, 1), (0x531..=0x556, 1, 48),
    (0x1E00..=0x1E94, 2, 1), (0x1EA0..=0x1EF8, 2, 1), (0x1F08..=0x1F0F, 1, -8),
    (0x1F18..=0x1F1D, 1, -8), (0x1F28..=0x1F2F, 1, -8), (0x1F38..=0x1F3F, 1, -8),
    (0x1F48..=0x1F4D, 1, -8), (0x1F59..=0x1F5F, 2, -8), (0x1F68..=0x1F6F, 1, -8),
    (0x1FB8..=0x1FB9, 1, -8), (0x1FBA..=0x1FBB, 1, -74), (0x1FC8..=0x1FCB, 1, -86),
    (0x1FD8..=0x1FD9, 1, -8), (0x1FDA..=0x1FDB, 1, -100), (0x1FE8..=0x1FE9, 1, -8),
    (0x1FEA..=0x1FEB, 1, -112), (0x1FEC..=0x1FEC, 1, -7), (0x1FF8..=0x1FF9, 1, -128),
    (0x1FFA..=0x1FFB, 1, -126), (0x2160..=0x216F, 1, 16), (0x24B6..=0x24CF, 1, 26),
    (0xFF21..=0xFF3A, 1, 32),
];

/// The small letter that Samba's table has for a capital one.
fn small_of(c: char) -> Option<char> {
    let code = i32::try_from(u32::from(c)).ok()?;
    let has =
        |run: &RangeInclusive<i32>, step| run.contains(&code) && (code - run.start()) % step == 0;
    let (.., distance) = PAIRS.iter().find(|(run, step, _)| has(run, step))?;
    char::from_u32(u32::try_from(code + distance).ok()?)
}

fn is_small(c: char) -> bool {
    let code = i32::try_from(u32::from(c)).unwrap_or_default();
    let mut capitals = PAIRS
        .iter()
        .filter_map(|(_, _, distance)| char::from_u32(u32::try_from(code - distance).ok()?));
    // ς has the capital that σ has.
    c == 'ς' || capitals.any(|capital| small_of(capital) == Some(c))
}

/// MS-SAMR 3.1.1.7.2: the account name, or a part of the full name, of three characters or more.
pub(super) fn holds_name(password: &str, account_name: &str, full_name: &str) -> bool {
    let password = password.to_lowercase();
    let parts = full_name.split([',', '.', '-', '_', ' ', '#', '\t']);
    let long = |name: &&str| name.chars().count() > 2;
    parts.chain([account_name]).filter(long).any(|name| password.contains(&name.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_counted_as_samba_was_seen_to_count_them() {
        for (password, expected) in [
            ("aaaa AAAA", 2),
            ("密碼密碼😀😀a", 2),
            ("😀😀aA", 3),
            ("aaaaÉaaa1", 3),
            ("aaaaéaaa1", 2),
            ("ßa1", 3),
            ("Șșa1", 3),
            ("Ⓐⓐ", 2),
            ("σς", 1),
            ("\"Aa1\"", 4),
        ] {
            assert_eq!(kinds(password, Flavour::Samba), expected, "{password}");
        }
    }

    #[test]
    fn kinds_are_counted_as_windows_describes_them() {
        for (password, expected) in
            [("😀😀aA", 2), ("10 €uro", 2), ("ßa1", 2), ("Șșa1", 3), ("密碼a1", 3), ("𠮷a1", 2)]
        {
            assert_eq!(kinds(password, Flavour::Windows), expected, "{password}");
        }
    }

    #[test]
    fn short_parts_of_names_do_not_count() {
        assert!(holds_name("my-VRIES-1", "jdv", "Jan de Vries"));
        assert!(holds_name("xJDVx", "jdv", ""));
        assert!(!holds_name("under-de-bridge", "jd", "Ja de"));
    }
}
