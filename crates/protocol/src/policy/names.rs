//! The names that a complex password must not contain (MS-SAMR 3.1.1.7.2).

use zeroize::Zeroizing;

use super::case;
use crate::ClearPassword;

/// Names count from this many characters on: "more than two".
const LEAST: usize = 3;

/// What divides a display name into parts.
const DELIMITERS: [char; 7] = [' ', ',', '.', '\t', '-', '_', '#'];

/// The names that a complex password must not contain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountNames {
    /// `sAMAccountName`; empty where it is not known.
    pub account_name: String,
    /// `displayName`; empty where there is none.
    pub display_name: String,
}

impl AccountNames {
    /// What the password must not contain: the whole account name, and each part of the display
    /// name, of three characters or more.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.all().filter(|name| name.chars().count() >= LEAST)
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.account_name.as_str()).chain(self.display_name.split(DELIMITERS))
    }
}

/// Whether a password contains one of the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// It does, by the letters that every table of cases agrees about.
    Certainly,
    /// By a wider reading only: more letters are taken for the same, a character of two UTF-16
    /// code units counts twice, or it is the whole display name that is contained.
    Perhaps,
    /// It does not.
    No,
}

pub(super) fn found_in(password: &ClearPassword, names: &AccountNames) -> Found {
    if contains_any(password, names.parts()) {
        return Found::Certainly;
    }
    // As many characters as every folding below makes of the longest password, so that no copy
    // is left behind by growing: one becomes three at most.
    let mut text = Zeroizing::new(Vec::with_capacity(3 * password.units()));
    text.extend(password.characters().flat_map(widely));
    let whole = std::iter::once(names.display_name.as_str());
    let long = |name: &&str| name.encode_utf16().count() >= LEAST;
    let found = names.all().chain(whole).filter(long).any(|name| {
        let name: Vec<char> = name.chars().flat_map(widely).collect();
        contains(&text, &name)
    });
    if found { Found::Perhaps } else { Found::No }
}

/// Whether the password contains one of `parts`, whatever the case of letters that have one for
/// sure.
pub(super) fn contains_any<'a>(
    password: &ClearPassword,
    mut parts: impl Iterator<Item = &'a str>,
) -> bool {
    let mut text = Zeroizing::new(Vec::with_capacity(password.units()));
    text.extend(password.characters().map(case::fold));
    parts.any(|part| contains(&text, &part.chars().map(case::fold).collect::<Vec<_>>()))
}

fn contains(text: &[char], part: &[char]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}

/// A character without regard to case, in the widest sense that Unicode has.
fn widely(c: char) -> impl Iterator<Item = char> {
    c.to_uppercase().flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(password: &str, account: &str, display: &str) -> Found {
        let names = AccountNames { account_name: account.into(), display_name: display.into() };
        found_in(&ClearPassword::from_text(password).unwrap(), &names)
    }

    #[test]
    fn the_account_name_counts_as_a_whole_and_the_display_name_by_its_parts() {
        let names = AccountNames {
            account_name: "j.de-vries".into(),
            display_name: "Jan de Vries,Ir._#O'Neil\t(Zoë)".into(),
        };
        let parts: Vec<_> = names.parts().collect();
        assert_eq!(parts, ["j.de-vries", "Jan", "Vries", "O'Neil", "(Zoë)"]);
        assert_eq!(AccountNames::default().parts().count(), 0);
    }

    #[test]
    fn case_does_not_matter_where_it_is_sure() {
        for (password, name) in [
            ("xJDEVRIES9", "jdevries"),
            ("x-ÉMILE-x", "Émile"),
            ("x-émile-x", "ÉMILE"),
            ("ЖАННА1", "жанна"),
            ("x密碼字x", "密碼字"),
            ("straße1", "Straße"),
        ] {
            assert_eq!(found(password, name, ""), Found::Certainly, "{password} {name}");
            assert_eq!(found(password, "", name), Found::Certainly, "{password} {name}");
        }
    }

    #[test]
    fn what_only_some_tables_take_for_the_same_letter_is_a_doubt() {
        for (password, name) in [
            ("STRASSE1", "straße"),
            ("ΟΔΥΣΣΕΥΣ", "Οδυσσευς"),
            ("KIRIK-x", "kırık"),
            ("x-IŞIK-x", "ışik"),
            ("a😀", "a😀"),
            ("Al Bo-9", "Al Bo"),
        ] {
            assert_eq!(found(password, "", name), Found::Perhaps, "{password} {name}");
        }
    }

    #[test]
    fn short_names_and_parts_of_the_account_name_do_not_count() {
        for (password, account, display) in [
            ("xx-jd-9", "jd", "J D"),
            ("vries-9A", "j.vries", ""),
            ("Jandevries", "", "Jan-de-Boer-vrie-s_"),
            ("anything", "", ""),
        ] {
            let expected = if display.contains("Jan") { Found::Certainly } else { Found::No };
            assert_eq!(found(password, account, display), expected, "{password}");
        }
    }
}
