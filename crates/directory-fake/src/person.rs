//! People to be put into a domain, by kind.

use directory::{DistinguishedName, ObjectGuid};
use lab::Kind;

/// An account to be made; [`NewFakePerson::new`] makes an ordinary person of a login.
#[derive(Debug, Clone)]
pub struct NewFakePerson {
    /// `sAMAccountName`.
    pub login: String,
    /// The common name, with any characters; the display name if none.
    pub name: Option<String>,
    /// `displayName`.
    pub display_name: String,
    /// `givenName`.
    pub given_name: Option<String>,
    /// `sn`.
    pub surname: Option<String>,
    /// The unit, relative to the domain: `OU=People`.
    pub unit: String,
    /// The password; one that the domain's policy accepts.
    pub password: String,
    /// `mail`.
    pub mail: Option<String>,
    /// `otherMailbox`: where codes go.
    pub private_mail: Option<String>,
    /// Switched off, whatever its kind.
    pub disabled: bool,
    /// What is special. It is made so: see [`crate::FakeDomain::add_person`].
    pub kind: Kind,
    /// Groups to be in, by `sAMAccountName`.
    pub member_of: Vec<String>,
    /// Other attributes, one value each.
    pub attributes: Vec<(String, String)>,
}

impl NewFakePerson {
    /// An ordinary person in `OU=People`.
    pub fn new(login: &str) -> Self {
        Self {
            login: login.to_owned(),
            name: None,
            display_name: login.to_owned(),
            given_name: None,
            surname: None,
            unit: "OU=People".to_owned(),
            password: "First-Password-2024".to_owned(),
            mail: Some(format!("{login}@passback.test")),
            private_mail: Some(format!("{login}@home.passback.test")),
            disabled: false,
            kind: Kind::Ordinary,
            member_of: Vec::new(),
            attributes: Vec::new(),
        }
    }

    /// The same, of another kind.
    #[must_use]
    pub fn of_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// The same, in another unit.
    #[must_use]
    pub fn in_unit(self, unit: &str) -> Self {
        Self { unit: unit.to_owned(), ..self }
    }
}

/// A person of a domain, as it was made.
#[derive(Debug, Clone)]
pub struct FakePerson {
    /// `objectGUID`.
    pub guid: ObjectGuid,
    /// Where it stands.
    pub dn: DistinguishedName,
    /// `sAMAccountName`; `userPrincipalName` is this at the domain.
    pub login: String,
    /// The password that it was made with.
    pub password: String,
    /// `mail`, or nothing.
    pub mail: String,
    /// `otherMailbox`, or nothing.
    pub private_mail: String,
    /// `displayName`.
    pub display_name: String,
    /// Whether it was made switched off.
    pub disabled: bool,
    /// What is special about it.
    pub kind: Kind,
}

impl From<&FakePerson> for lab::Person {
    fn from(person: &FakePerson) -> Self {
        Self {
            login: person.login.clone(),
            password: person.password.clone(),
            mail: person.mail.clone(),
            private_mail: person.private_mail.clone(),
            dn: person.dn.to_string(),
            object_guid: person.guid.to_string(),
            display_name: person.display_name.clone(),
            kind: person.kind,
            disabled: person.disabled,
        }
    }
}
