//! Who is in a new domain. `populate.py` reads it as JSON and makes it so.
//!
//! To add a kind of person: a line in [`people`], and, where AD needs something new to be that
//! kind, a field here and its meaning in `populate.py`.

use serde::{Deserialize, Serialize};

/// The forest's DNS name.
pub(crate) const DOMAIN: &str = "corp.passback.test";
/// The same as Kerberos writes it.
pub(crate) const REALM: &str = "CORP.PASSBACK.TEST";
/// The name before the backslash.
pub(crate) const WORKGROUP: &str = "CORP";
/// The name of the forest's root in LDAP.
pub(crate) const BASE_DN: &str = "DC=corp,DC=passback,DC=test";
/// The domain controller's DNS name.
pub(crate) const CONTROLLER: &str = "dc1.corp.passback.test";

/// The built-in administrator's password: known to everybody, as is every password of a lab.
pub(crate) const ADMINISTRATOR_PASSWORD: &str = "Lab-Administrator-2024";
/// The account that Passback's agent signs in with; it has the rights of SPEC D-12 and no other.
pub(crate) const SERVICE_LOGIN: &str = "svc-passback";
/// Its password.
pub(crate) const SERVICE_PASSWORD: &str = "Lab-Service-Account-2024";

/// Where fresh accounts of tests go, relative to the domain.
pub(crate) const TESTS_UNIT: &str = "OU=Tests";
const SERVICE_UNIT: &str = "OU=Service";
const PROTECTED_GROUP: &str = "Helpdesk Leads";
const YOUNG_GROUP: &str = "Young Passwords Group";
const DAY: u64 = 24 * 60 * 60;

/// What is special about a person (INTERFACES, "Ready file").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing.
    Ordinary,
    /// The account is switched off.
    Disabled,
    /// Too many wrong passwords.
    Locked,
    /// The account's time is over.
    Expired,
    /// Must choose a password at the next sign-in.
    MustChange,
    /// "User cannot change password".
    CannotChange,
    /// In a protected group by way of another group; `adminCount` is not set yet.
    ProtectedNested,
    /// `adminCount` is left over from a protected group that the person is no longer in.
    AdmincountOrphan,
    /// One of two accounts of a person who is in two forests.
    TwoForests,
    /// A fine-grained policy applies: changed less than a day ago, at least a day between changes.
    Pso,
    /// The name needs escaping in a distinguished name.
    EscapedName,
}

/// Everything that goes into a domain.
#[derive(Debug, Serialize)]
pub(crate) struct Contents {
    policy: Policy,
    units: Vec<String>,
    groups: Vec<Group>,
    pub(crate) people: Vec<Entry>,
    settings: Vec<Settings>,
    service: Entry,
    delegated_units: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct Policy {
    minimum_age_seconds: u64,
    /// None is never.
    maximum_age_seconds: Option<u64>,
    minimum_length: u32,
    history_length: u32,
    lockout_threshold: u32,
}

#[derive(Debug, Serialize)]
struct Group {
    name: &'static str,
    unit: &'static str,
    member_of: Vec<&'static str>,
}

/// A fine-grained policy (MS-ADTS 2.2.16).
#[derive(Debug, Serialize)]
struct Settings {
    name: &'static str,
    precedence: u32,
    #[serde(flatten)]
    policy: Policy,
    applies_to: Vec<&'static str>,
}

/// An account to be made.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) login: String,
    unit: String,
    user_principal_name: String,
    pub(crate) display_name: String,
    given_name: String,
    surname: String,
    pub(crate) mail: Option<String>,
    pub(crate) private_mail: Option<String>,
    pub(crate) password: String,
    disabled: bool,
    admin_count: bool,
    member_of: Vec<&'static str>,
    pub(crate) kind: Kind,
}

impl Contents {
    /// The contents of the one forest there is so far.
    pub(crate) fn new() -> Self {
        Self {
            // A new domain's minimum age of a day would refuse every reset of a fresh account,
            // and its maximum age of 42 days would let a cached domain grow stale.
            policy: policy(0),
            units: [
                "OU=People",
                "OU=Amsterdam,OU=People",
                "OU=Utrecht,OU=People",
                TESTS_UNIT,
                SERVICE_UNIT,
            ]
            .map(str::to_owned)
            .to_vec(),
            groups: vec![
                Group {
                    name: PROTECTED_GROUP,
                    unit: SERVICE_UNIT,
                    member_of: vec!["Domain Admins"],
                },
                Group { name: YOUNG_GROUP, unit: SERVICE_UNIT, member_of: vec![] },
            ],
            people: people(),
            settings: vec![Settings {
                name: "Young passwords",
                precedence: 10,
                policy: policy(DAY),
                applies_to: vec![YOUNG_GROUP],
            }],
            service: service(),
            delegated_units: vec!["OU=People", TESTS_UNIT],
        }
    }
}

fn policy(minimum_age_seconds: u64) -> Policy {
    Policy {
        minimum_age_seconds,
        maximum_age_seconds: None,
        minimum_length: 7,
        history_length: 24,
        lockout_threshold: 5,
    }
}

fn people() -> Vec<Entry> {
    use Kind::{AdmincountOrphan, Disabled, Ordinary, ProtectedNested, Pso};
    [
        ("anna", "Anna", "de Vries", "Amsterdam", Ordinary),
        ("bram", "Bram", "Jansen", "Amsterdam", Ordinary),
        ("carla", "Carla", "van den Berg", "Amsterdam", Ordinary),
        ("daan", "Daan", "Bakker", "Amsterdam", Ordinary),
        ("emma", "Emma", "Smith", "Amsterdam", Ordinary),
        ("frank", "Frank", "Visser", "Amsterdam", Ordinary),
        ("grace", "Grace", "Taylor", "Utrecht", Ordinary),
        ("hugo", "Hugo", "Meijer", "Utrecht", Ordinary),
        ("iris", "Iris", "Mulder", "Utrecht", Ordinary),
        ("jack", "Jack", "Wilson", "Utrecht", Ordinary),
        ("kim", "Kim", "Bos", "Utrecht", Ordinary),
        ("lars", "Lars", "Vermeulen", "Utrecht", Ordinary),
        ("disabled", "Dirk", "Disabled", "Utrecht", Disabled),
        ("protected", "Petra", "Protected", "Amsterdam", ProtectedNested),
        ("orphan", "Otto", "Orphan", "Amsterdam", AdmincountOrphan),
        ("young", "Yvonne", "Young", "Utrecht", Pso),
    ]
    .map(|(login, given, surname, town, kind)| person(login, given, surname, town, kind))
    .into()
}

fn person(login: &str, given: &str, surname: &str, town: &str, kind: Kind) -> Entry {
    let mail = format!("{given}.{surname}@passback.test").to_lowercase().replace(' ', "");
    Entry {
        login: login.to_owned(),
        unit: format!("OU={town},OU=People"),
        user_principal_name: format!("{login}@{DOMAIN}"),
        display_name: format!("{given} {surname}"),
        given_name: given.to_owned(),
        surname: surname.to_owned(),
        mail: Some(mail),
        private_mail: Some(format!("{login}@home.passback.test")),
        // Only the login's first letters: complexity forbids the whole (MS-SAMR 3.1.1.7.2).
        password: format!("Tulip-2024-{}", login.chars().take(2).collect::<String>()),
        disabled: kind == Kind::Disabled,
        admin_count: kind == Kind::AdmincountOrphan,
        member_of: match kind {
            Kind::ProtectedNested => vec![PROTECTED_GROUP],
            Kind::Pso => vec![YOUNG_GROUP],
            _ => vec![],
        },
        kind,
    }
}

fn service() -> Entry {
    Entry {
        unit: SERVICE_UNIT.to_owned(),
        display_name: "Passback service account".to_owned(),
        password: SERVICE_PASSWORD.to_owned(),
        mail: None,
        private_mail: None,
        ..person(SERVICE_LOGIN, "Passback", "Service", "", Kind::Ordinary)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn everybody_has_a_login_of_their_own_and_a_password_that_complexity_accepts() {
        let people = people();
        let logins: HashSet<_> = people.iter().map(|person| &person.login).collect();
        assert_eq!(logins.len(), people.len());
        for person in &people {
            assert!(!person.password.contains(&person.login), "{}", person.login);
            let names = [&person.given_name, &person.surname];
            assert!(!names.iter().any(|name| person.password.contains(*name)));
        }
    }

    #[test]
    fn there_are_twelve_ordinary_people_and_one_of_each_special_kind() {
        let of = |kind| people().iter().filter(|person| person.kind == kind).count();
        assert_eq!(of(Kind::Ordinary), 12);
        for kind in [Kind::Disabled, Kind::ProtectedNested, Kind::AdmincountOrphan, Kind::Pso] {
            assert_eq!(of(kind), 1, "{kind:?}");
        }
    }
}
