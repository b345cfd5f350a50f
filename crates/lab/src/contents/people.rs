//! The people of the two forests.

use super::Kind::{
    AdmincountOrphan, CannotChange, Disabled, EscapedName, Expired, Locked, MustChange, Ordinary,
    ProtectedNested, Pso, TwoForests,
};
use super::{Entry, Kind, PROTECTED_GROUP, SERVICE_LOGIN, SERVICE_UNIT, YOUNG_GROUP};
use crate::escape::escaped;
use crate::names::Which;

/// A tree of units below the people's: each is in the one before it. Between them they have all
/// that means something in a distinguished name, in LDIF, in a URL or on a page (SPEC D-9).
const HARD_TREE: [&str; 3] =
    [r#"Verkoop, Inkoop + "Services""#, r" <West/Oost>; a=b \ c ", "#1 Onderzoek"];
/// Two more, with letters outside ASCII.
const FOREIGN_UNITS: [&str; 2] = ["Coördinatie Één & Ĳsland", "研究部"];

const AMSTERDAM: &str = "OU=Amsterdam,OU=People";
const UTRECHT: &str = "OU=Utrecht,OU=People";

/// The person who is in both forests: enabled in the first, switched off in the second.
const TWIN: &str = "tessa";
const TWIN_MAIL: &str = "tessa.tweeling@passback.test";
const TWIN_PRIVATE_MAIL: &str = "tessa@home.passback.test";

/// Everybody of a forest but its service account.
pub(super) fn of(which: Which) -> Vec<Entry> {
    match which {
        Which::Corp => corp(),
        Which::Fabriek => fabriek(),
    }
}

fn corp() -> Vec<Entry> {
    let plain = [
        ("anna", "Anna", "de Vries", AMSTERDAM, Ordinary),
        ("bram", "Bram", "Jansen", AMSTERDAM, Ordinary),
        ("carla", "Carla", "van den Berg", AMSTERDAM, Ordinary),
        ("daan", "Daan", "Bakker", AMSTERDAM, Ordinary),
        ("emma", "Emma", "Smith", AMSTERDAM, Ordinary),
        ("frank", "Frank", "Visser", AMSTERDAM, Ordinary),
        ("grace", "Grace", "Taylor", UTRECHT, Ordinary),
        ("hugo", "Hugo", "Meijer", UTRECHT, Ordinary),
        ("iris", "Iris", "Mulder", UTRECHT, Ordinary),
        ("jack", "Jack", "Wilson", UTRECHT, Ordinary),
        ("kim", "Kim", "Bos", UTRECHT, Ordinary),
        ("lars", "Lars", "Vermeulen", UTRECHT, Ordinary),
        ("disabled", "Dirk", "Disabled", UTRECHT, Disabled),
        ("locked", "Loes", "Locked", UTRECHT, Locked),
        ("expired", "Eva", "Expired", UTRECHT, Expired),
        ("mustchange", "Mo", "Must", UTRECHT, MustChange),
        ("cannot", "Coen", "Cannot", UTRECHT, CannotChange),
        ("protected", "Petra", "Protected", AMSTERDAM, ProtectedNested),
        ("orphan", "Otto", "Orphan", AMSTERDAM, AdmincountOrphan),
        ("young", "Yvonne", "Young", UTRECHT, Pso),
    ];
    let mut people: Vec<_> = plain
        .into_iter()
        .map(|(login, given, surname, unit, kind)| {
            person(Which::Corp, login, given, surname, unit, kind)
        })
        .collect();
    people.extend(hard_names(Which::Corp));
    people.push(twin(Which::Corp, TWIN));
    people
}

fn fabriek() -> Vec<Entry> {
    let plain = [
        ("piet", "Piet", "Pieters", AMSTERDAM, Ordinary),
        ("quinten", "Quinten", "Kok", AMSTERDAM, Ordinary),
        ("rosa", "Rosa", "Dijkstra", UTRECHT, Ordinary),
        ("sven", "Sven", "Hendriks", UTRECHT, Ordinary),
        ("uit", "Ugo", "Uit", UTRECHT, Disabled),
        ("slot", "Sila", "Slot", UTRECHT, Locked),
        ("beschermd", "Bea", "Beschermd", AMSTERDAM, ProtectedNested),
    ];
    let mut people: Vec<_> = plain
        .into_iter()
        .map(|(login, given, surname, unit, kind)| {
            person(Which::Fabriek, login, given, surname, unit, kind)
        })
        .collect();
    people.push(Entry { disabled: true, ..twin(Which::Fabriek, "tessa.fabriek") });
    people
}

/// The same person in either forest, recognised by the address at work.
fn twin(which: Which, login: &str) -> Entry {
    Entry {
        mail: Some(TWIN_MAIL.to_owned()),
        private_mail: Some(TWIN_PRIVATE_MAIL.to_owned()),
        ..person(which, login, "Tessa", "Tweeling", AMSTERDAM, TwoForests)
    }
}

/// The hard units, each after the one that it is in.
pub(super) fn units_with_hard_names() -> Vec<String> {
    let mut units = Vec::new();
    for depth in 1..=HARD_TREE.len() {
        units.push(hard_unit(depth));
    }
    units.extend(FOREIGN_UNITS.map(|name| below_people(&[name])));
    units
}

/// The unit so many steps down the tree.
fn hard_unit(depth: usize) -> String {
    below_people(HARD_TREE.get(..depth).unwrap_or_default())
}

fn below_people(names: &[&str]) -> String {
    let parents = names.iter().rev().map(|name| format!("OU={},", escaped(name)));
    parents.chain([super::PEOPLE_UNIT.to_owned()]).collect()
}

/// People whose own name, or whose units' names, need escaping.
fn hard_names(which: Which) -> Vec<Entry> {
    let [coordination, research] = FOREIGN_UNITS.map(|name| below_people(&[name]));
    [
        ("komma", "Vries, Karel de", AMSTERDAM),
        ("plus", r#"Jan+Piet "de Neus" Smit"#, AMSTERDAM),
        ("haken", r"<Ton> a=b; c\d e/f", UTRECHT),
        ("spatie", " Sanne Spatie ", UTRECHT),
        ("hekje", "#Hendrik", UTRECHT),
        ("zoe", "Zoë Ĳsbrandt-Müller é", coordination.as_str()),
        ("wei", "王伟", research.as_str()),
        ("oppervlak", "Olga Oppervlak", hard_unit(1).as_str()),
        ("midden", "Miep Midden", hard_unit(2).as_str()),
        ("diep", "Dieuwertje Diep", hard_unit(3).as_str()),
        ("alles", r##"# Zoë 王, "+<>;=/\ a "##, hard_unit(3).as_str()),
    ]
    .map(|(login, name, unit)| Entry {
        display_name: name.to_owned(),
        mail: Some(format!("{login}@passback.test")),
        ..person(which, login, "Hard", "Name", unit, EscapedName)
    })
    .into()
}

fn person(which: Which, login: &str, given: &str, surname: &str, unit: &str, kind: Kind) -> Entry {
    let mail = format!("{given}.{surname}@passback.test").to_lowercase().replace(' ', "");
    Entry {
        login: login.to_owned(),
        unit: unit.to_owned(),
        user_principal_name: format!("{login}@{}", which.names().domain),
        display_name: format!("{given} {surname}"),
        given_name: given.to_owned(),
        surname: surname.to_owned(),
        mail: Some(mail),
        private_mail: Some(format!("{login}@home.passback.test")),
        // Only the login's first letters: complexity forbids the whole (MS-SAMR 3.1.1.7.2).
        password: format!("Tulip-2024-{}", login.chars().take(2).collect::<String>()),
        disabled: kind == Disabled,
        locked: kind == Locked,
        expired: kind == Expired,
        must_change: kind == MustChange,
        cannot_change: kind == CannotChange,
        admin_count: kind == AdmincountOrphan,
        member_of: match kind {
            ProtectedNested => vec![PROTECTED_GROUP],
            Pso => vec![YOUNG_GROUP],
            _ => vec![],
        },
        kind,
    }
}

/// The account of Passback's agent.
pub(super) fn service(which: Which) -> Entry {
    Entry {
        display_name: "Passback service account".to_owned(),
        password: which.names().service_password.to_owned(),
        mail: None,
        private_mail: None,
        ..person(which, SERVICE_LOGIN, "Passback", "Service", SERVICE_UNIT, Ordinary)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn everybody_has_a_login_of_their_own_and_a_password_that_complexity_accepts() {
        let both: Vec<_> = [Which::Corp, Which::Fabriek].into_iter().flat_map(of).collect();
        let logins: HashSet<_> = both.iter().map(|person| &person.login).collect();
        assert_eq!(logins.len(), both.len(), "also from forest to forest");
        for person in &both {
            assert!(!person.password.contains(&person.login), "{}", person.login);
            assert!(person.login.len() <= 20, "{}", person.login);
            let names = [&person.given_name, &person.surname];
            assert!(!names.iter().any(|name| person.password.contains(*name)));
        }
    }

    #[test]
    fn there_are_twelve_ordinary_people_and_some_of_each_special_kind() {
        let of = |kind| of(Which::Corp).iter().filter(|person| person.kind == kind).count();
        assert_eq!(of(Ordinary), 12);
        let special = [Disabled, Locked, Expired, MustChange, CannotChange, TwoForests, Pso];
        for kind in special.into_iter().chain([ProtectedNested, AdmincountOrphan]) {
            assert_eq!(of(kind), 1, "{kind:?}");
        }
        assert!(of(EscapedName) >= 10);
    }

    #[test]
    fn one_person_is_in_both_forests_and_switched_off_in_one() {
        let twin = |which| of(which).into_iter().find(|person| person.kind == TwoForests).unwrap();
        let (first, second) = (twin(Which::Corp), twin(Which::Fabriek));
        assert_eq!(first.mail, second.mail);
        assert!(!first.disabled && second.disabled);
        assert_ne!(first.login, second.login);
    }

    #[test]
    fn every_character_that_needs_escaping_is_in_a_unit_and_in_a_persons_name() {
        let units = HARD_TREE.concat() + &FOREIGN_UNITS.concat();
        let people: String = hard_names(Which::Corp).iter().map(|one| &*one.display_name).collect();
        for character in ",+\"\\<>;=/#ëéĲ研".chars() {
            let in_units = units.contains(character) || character == 'ë';
            assert!(in_units, "{character}");
            assert!(people.contains(character) || character == '研', "{character}");
        }
        assert_eq!(
            hard_unit(2),
            r"OU=\20\3cWest\2fOost\3e\3b a\3db \5c c\20,OU=Verkoop\2c Inkoop \2b \22Services\22,OU=People"
        );
    }
}
