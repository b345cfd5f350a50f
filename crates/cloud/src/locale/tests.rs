use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use protocol::{Changed, Outcome};

use super::*;

/// Words that a person need not know, and names of what is behind the page, in any language.
const NOT_FOR_PEOPLE: &[&str] = &[
    "ad",
    "admincount",
    "agent",
    "anchor",
    "connector",
    "controller",
    "dn",
    "domain",
    "ldap",
    "ldaps",
    "metaverse",
    "ou",
    "pdc",
    "relay",
    "tenant",
    "tls",
    "writeback",
];

/// The messages of a language as they stand in its files: key and source.
fn sources(locale: &Locale) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("locales").join(locale.tag());
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let mut last = String::new();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let begins = line.starts_with(|first: char| first.is_ascii_lowercase());
            match line.split_once(" =").filter(|_| begins) {
                Some((key, value)) => {
                    last = key.to_owned();
                    let before = found.insert(last.clone(), value.to_owned());
                    assert_eq!(before, None, "{}: {key} stands there twice", locale.tag());
                }
                None => found.entry(last.clone()).or_default().push_str(line),
            }
        }
    }
    found
}

/// What is filled into a message, in the order of their names.
fn filled_in(source: &str) -> BTreeSet<&str> {
    let names = source.split('$').skip(1);
    names.map(|rest| rest.split(|next: char| !next.is_alphanumeric()).next().unwrap()).collect()
}

/// Everything that the message of an outcome can say: with and without numbers and a moment,
/// known and inferred.
fn texts(locale: &Locale, outcome: Outcome) -> Vec<String> {
    let key = format!("outcome-{}", outcome.name());
    let fill = |(number, dated, inferred): (u32, &'static str, &'static str)| {
        Arguments::from([
            ("minimum".into(), number.into()),
            ("history".into(), number.into()),
            ("dated".into(), dated.into()),
            ("when".into(), "2027-01-15 08:00 UTC".into()),
            ("inferred".into(), inferred.into()),
        ])
    };
    let filled =
        [(0, "no", "no"), (0, "no", "yes"), (1, "no", "no"), (7, "no", "no"), (7, "yes", "no")];
    filled.map(|values| locale.text_with(&key, &fill(values))).to_vec()
}

/// The sentences that say the one thing or the other about the password, in a language.
fn said(locale: &Locale, prefix: &str) -> Vec<String> {
    let keys = sources(locale).into_keys().filter(|key| key.starts_with(prefix));
    keys.map(|key| locale.text(&key)).collect()
}

fn told() -> impl Iterator<Item = Outcome> {
    Outcome::ALL.iter().copied().filter(|outcome| outcome.is_told())
}

#[test]
fn the_browsers_first_choice_that_is_there_wins() {
    for (header, tag) in [
        ("nl-BE,nl;q=0.9,en;q=0.8", "nl"),
        ("fr,en;q=0.5,nl;q=0.7", "nl"),
        ("fr", "en"),
        ("", "en"),
        (";;;q=,,", "en"),
    ] {
        assert_eq!(Locale::from_accept_language(header).tag(), tag, "{header}");
    }
}

#[test]
fn every_outcome_that_a_person_is_told_has_a_message_in_every_language() {
    for locale in Locale::all() {
        for outcome in told() {
            let key = format!("outcome-{}", outcome.name());
            assert!(locale.has(&key), "{}: {key} is missing", locale.tag());
        }
    }
}

#[test]
fn no_message_is_left_over() {
    let english: BTreeSet<_> = sources(&Locale::default()).into_keys().collect();
    let of_outcomes: BTreeSet<_> = told().map(|one| format!("outcome-{}", one.name())).collect();
    for locale in Locale::all() {
        for key in sources(&locale).into_keys() {
            let tag = locale.tag();
            assert!(english.contains(&key), "{tag}: {key} is no message in English");
            let of_outcome = key.starts_with("outcome-");
            assert!(!of_outcome || of_outcomes.contains(&key), "{tag}: nobody is told {key}");
        }
    }
}

#[test]
fn every_language_has_every_message_with_the_same_things_filled_in() {
    let english = sources(&Locale::default());
    assert!(english.len() > 150, "the file is read");
    for locale in Locale::all() {
        let own = sources(&locale);
        for (key, source) in &english {
            let tag = locale.tag();
            assert!(locale.has(key), "{tag}: {key} is missing");
            assert_eq!(filled_in(&own[key]), filled_in(source), "{tag}: {key}");
        }
    }
}

/// A message says by exactly one of the sentences made for it whether the password changed, and
/// never by one that says the opposite.
#[test]
fn every_message_says_of_the_password_what_its_outcome_says() {
    for locale in Locale::all() {
        let changed = said(&locale, "told-changed");
        let unchanged = said(&locale, "told-unchanged");
        assert!(changed.len() > 2 && unchanged.len() > 4, "{locale:?}");
        for outcome in told() {
            for text in texts(&locale, outcome) {
                let says = |sentences: &[String]| sentences.iter().any(|one| text.contains(one));
                let expected = match outcome.changed() {
                    Changed::Yes => (true, false),
                    Changed::No => (false, true),
                    Changed::Unknown => (false, false),
                };
                let tag = locale.tag();
                assert_eq!((says(&changed), says(&unchanged)), expected, "{tag}: {text}");
            }
        }
    }
}

#[test]
fn a_message_is_short_and_in_words_that_people_know() {
    for locale in Locale::all() {
        for outcome in told() {
            for text in texts(&locale, outcome) {
                let place = format!("{}, {}: {text}", locale.tag(), outcome.name());
                assert!(text.ends_with('.') && text.matches(". ").count() >= 1, "{place}");
                assert!(text.chars().count() <= 250, "{} {place}", text.len());
                assert!(!text.contains(['{', '}', '$']), "{place}");
                let lower = text.to_lowercase();
                let mut words = lower.split(|next: char| !next.is_alphanumeric());
                let strange = words.find(|word| NOT_FOR_PEOPLE.contains(word));
                assert_eq!(strange, None, "{place}");
            }
        }
    }
}

/// An event has no message: there is nobody who would be told.
#[test]
fn nobody_is_told_of_events() {
    for locale in Locale::all() {
        for outcome in Outcome::ALL.iter().filter(|outcome| !outcome.is_told()) {
            assert!(!locale.has(&format!("outcome-{}", outcome.name())), "{}", outcome.name());
        }
    }
}
