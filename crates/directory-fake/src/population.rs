//! The lab's two forests with their people, for the demo without a lab. The contract suite compares
//! them with the lab's own.

use std::sync::Arc;

use directory::DistinguishedName;
use lab::Kind;
use protocol::{Clock, Randomness};

use crate::access::Rights;
use crate::build::{PROTECTED_GROUP, YOUNG_GROUP};
use crate::domain::{FakeDomain, NewDomain};
use crate::error::FakeError;
use crate::person::{FakePerson, NewFakePerson};

/// The account that Passback's agent signs in with; it has the rights of SPEC D-12 and no other.
pub const SERVICE_LOGIN: &str = "svc-passback";
const TESTS_UNIT: &str = "OU=Tests";
const SERVICE_UNIT: &str = "OU=Service";

/// A domain and who is in it.
#[derive(Clone)]
pub struct Population {
    /// The domain.
    pub domain: FakeDomain,
    /// Everybody who is listed, in the order in which they were made.
    pub people: Vec<FakePerson>,
    /// The built-in administrator.
    pub administrator: lab::Credentials,
    /// The agent's account: [`SERVICE_LOGIN`].
    pub service: lab::Credentials,
}

/// Login, given name, surname, unit, kind.
type Line = (&'static str, &'static str, &'static str, &'static [&'static str], Kind);

const AMSTERDAM: &[&str] = &["People", "Amsterdam"];
const UTRECHT: &[&str] = &["People", "Utrecht"];
/// Units whose names need escaping, each in the one before it (SPEC D-9).
const HARD_UNIT: [&str; 3] =
    [r#"Verkoop, Inkoop + "Services""#, r" <West/Oost>; a=b \ c ", "#1 Onderzoek"];
const SALES: &[&str] = &["People", HARD_UNIT[0]];
const WEST: &[&str] = &["People", HARD_UNIT[0], HARD_UNIT[1]];
const DEEP: &[&str] = &["People", HARD_UNIT[0], HARD_UNIT[1], HARD_UNIT[2]];
const ISLAND: &[&str] = &["People", "Coördinatie Één & Ĳsland"];
const RESEARCH: &[&str] = &["People", "研究部"];

const CORP: &[Line] = &[
    ("anna", "Anna", "de Vries", AMSTERDAM, Kind::Ordinary),
    ("bram", "Bram", "Jansen", AMSTERDAM, Kind::Ordinary),
    ("carla", "Carla", "van den Berg", AMSTERDAM, Kind::Ordinary),
    ("daan", "Daan", "Bakker", AMSTERDAM, Kind::Ordinary),
    ("emma", "Emma", "Smith", AMSTERDAM, Kind::Ordinary),
    ("frank", "Frank", "Visser", AMSTERDAM, Kind::Ordinary),
    ("grace", "Grace", "Taylor", UTRECHT, Kind::Ordinary),
    ("hugo", "Hugo", "Meijer", UTRECHT, Kind::Ordinary),
    ("iris", "Iris", "Mulder", UTRECHT, Kind::Ordinary),
    ("jack", "Jack", "Wilson", UTRECHT, Kind::Ordinary),
    ("kim", "Kim", "Bos", UTRECHT, Kind::Ordinary),
    ("lars", "Lars", "Vermeulen", UTRECHT, Kind::Ordinary),
    ("disabled", "Dirk", "Disabled", UTRECHT, Kind::Disabled),
    ("locked", "Loes", "Locked", UTRECHT, Kind::Locked),
    ("expired", "Eva", "Expired", UTRECHT, Kind::Expired),
    ("mustchange", "Mo", "Must", UTRECHT, Kind::MustChange),
    ("cannot", "Coen", "Cannot", UTRECHT, Kind::CannotChange),
    ("protected", "Petra", "Protected", AMSTERDAM, Kind::ProtectedNested),
    ("orphan", "Otto", "Orphan", AMSTERDAM, Kind::AdmincountOrphan),
    ("young", "Yvonne", "Young", UTRECHT, Kind::Pso),
];
/// People whose own name, or whose unit's, needs escaping: login, name, unit.
const HARD_NAMES: &[(&str, &str, &[&str])] = &[
    ("komma", "Vries, Karel de", AMSTERDAM),
    ("plus", r#"Jan+Piet "de Neus" Smit"#, AMSTERDAM),
    ("haken", r"<Ton> a=b; c\d e/f", UTRECHT),
    ("spatie", " Sanne Spatie ", UTRECHT),
    ("hekje", "#Hendrik", UTRECHT),
    ("zoe", "Zoë Ĳsbrandt-Müller é", ISLAND),
    ("wei", "王伟", RESEARCH),
    ("oppervlak", "Olga Oppervlak", SALES),
    ("midden", "Miep Midden", WEST),
    ("diep", "Dieuwertje Diep", DEEP),
    ("alles", r##"# Zoë 王, "+<>;=/\ a "##, DEEP),
];
const FABRIEK: &[Line] = &[
    ("piet", "Piet", "Pieters", AMSTERDAM, Kind::Ordinary),
    ("quinten", "Quinten", "Kok", AMSTERDAM, Kind::Ordinary),
    ("rosa", "Rosa", "Dijkstra", UTRECHT, Kind::Ordinary),
    ("sven", "Sven", "Hendriks", UTRECHT, Kind::Ordinary),
    ("uit", "Ugo", "Uit", UTRECHT, Kind::Disabled),
    ("slot", "Sila", "Slot", UTRECHT, Kind::Locked),
    ("beschermd", "Bea", "Beschermd", AMSTERDAM, Kind::ProtectedNested),
];

impl Population {
    /// The first forest of the lab, `corp.passback.test`.
    ///
    /// # Errors
    /// Never with the names that it has.
    pub fn corp(clock: Arc<dyn Clock>, randomness: Arc<dyn Randomness>) -> Result<Self, FakeError> {
        let passwords = ("Lab-Administrator-2024", "Lab-Service-Account-2024");
        let mut corp = Self::empty("corp.passback.test", passwords, clock, randomness)?;
        for line in CORP {
            corp.add(plain(line))?;
        }
        for (login, name, unit) in HARD_NAMES {
            let person = plain(&(*login, "Hard", "Name", *unit, Kind::EscapedName));
            corp.add(NewFakePerson {
                name: Some((*name).to_owned()),
                display_name: (*name).to_owned(),
                mail: Some(format!("{login}@passback.test")),
                ..person
            })?;
        }
        corp.add(twin("tessa"))?;
        Ok(corp)
    }

    /// The second forest of the lab, `fabriek.passback.test`: one person is in both.
    ///
    /// # Errors
    /// Never with the names that it has.
    pub fn fabriek(
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, FakeError> {
        let passwords = ("Fabriek-Beheerder-2024", "Fabriek-Dienstaccount-2024");
        let mut fabriek = Self::empty("fabriek.passback.test", passwords, clock, randomness)?;
        for line in FABRIEK {
            fabriek.add(plain(line))?;
        }
        fabriek.add(NewFakePerson { disabled: true, ..twin("tessa.fabriek") })?;
        Ok(fabriek)
    }

    /// A domain with the lab's units, groups and service account, and nobody else; the passwords
    /// are the administrator's and the service account's.
    ///
    /// # Errors
    /// For a name that is no domain's, or passwords against the policy.
    pub fn empty(
        domain: &str,
        (administrator, service): (&str, &str),
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, FakeError> {
        let domain = FakeDomain::new(&NewDomain::new(domain), clock, randomness)?;
        for path in [&AMSTERDAM[..1], AMSTERDAM, UTRECHT, SALES, WEST, DEEP, ISLAND, RESEARCH] {
            domain.add_unit(&unit(path))?;
        }
        for unit in [TESTS_UNIT, SERVICE_UNIT] {
            domain.add_unit(unit)?;
        }
        domain.add_group(PROTECTED_GROUP, SERVICE_UNIT, &["Domain Admins"])?;
        domain.add_group(YOUNG_GROUP, SERVICE_UNIT, &[])?;
        domain.add_person(NewFakePerson {
            password: service.to_owned(),
            display_name: "Passback service account".to_owned(),
            mail: None,
            private_mail: None,
            ..NewFakePerson::new(SERVICE_LOGIN).in_unit(SERVICE_UNIT)
        })?;
        for unit in ["OU=People", TESTS_UNIT] {
            domain.delegate(SERVICE_LOGIN, unit, Rights::ALL)?;
        }
        domain.delegate_settings(SERVICE_LOGIN)?;
        domain.first_administrator_password(administrator)?;
        Ok(Self {
            domain,
            people: Vec::new(),
            administrator: credentials("Administrator", administrator),
            service: credentials(SERVICE_LOGIN, service),
        })
    }

    /// The first listed person of a kind.
    pub fn person_of(&self, kind: Kind) -> Option<&FakePerson> {
        self.people.iter().find(|person| person.kind == kind)
    }

    /// Adds a person and lists it.
    ///
    /// # Errors
    /// Those of [`FakeDomain::add_person`].
    pub fn add(&mut self, new: NewFakePerson) -> Result<FakePerson, FakeError> {
        let person = self.domain.add_person(new)?;
        self.people.push(person.clone());
        Ok(person)
    }
}

fn plain((login, given, surname, path, kind): &Line) -> NewFakePerson {
    let mail = format!("{given}.{surname}@passback.test").to_lowercase().replace(' ', "");
    NewFakePerson {
        display_name: format!("{given} {surname}"),
        given_name: Some((*given).to_owned()),
        surname: Some((*surname).to_owned()),
        // Only the login's first letters: complexity forbids the whole (MS-SAMR 3.1.1.7.2).
        password: format!("Tulip-2024-{}", login.chars().take(2).collect::<String>()),
        mail: Some(mail),
        ..NewFakePerson::new(login).in_unit(&unit(path)).of_kind(*kind)
    }
}

/// The person who is in both forests.
fn twin(login: &str) -> NewFakePerson {
    NewFakePerson {
        login: login.to_owned(),
        password: "Tulip-2024-te".to_owned(),
        mail: Some("tessa.tweeling@passback.test".to_owned()),
        private_mail: Some("tessa@home.passback.test".to_owned()),
        ..plain(&("tessa", "Tessa", "Tweeling", AMSTERDAM, Kind::TwoForests))
    }
}

/// The name of a unit relative to the domain, from the names of its levels.
fn unit(path: &[&str]) -> String {
    let names = path.iter();
    let relative = names.fold(None::<DistinguishedName>, |above, name| match above {
        Some(above) => Some(above.child("OU", name)),
        None => format!("OU={name}").parse().ok(),
    });
    relative.map(|relative| relative.to_string()).unwrap_or_default()
}

fn credentials(login: &str, password: &str) -> lab::Credentials {
    lab::Credentials { login: login.to_owned(), password: password.to_owned() }
}
