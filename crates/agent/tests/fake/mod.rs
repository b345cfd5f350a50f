//! A fake forest over LDAPS and an agent for one unit of it.

use std::sync::Arc;

use clock::SystemClock;
use directory::security::{Ace, SecurityDescriptor};
use directory_fake::{FakeDomain, FakePerson, NewFakePerson, Population, Served};
use lab::Authority;
use seal::SystemRandomness;
use tokio::runtime::{Builder, Runtime};

use crate::permissions::{Place, Said};

pub const CHECK: [&str; 2] = ["permissions", "check"];

/// A fake forest with the lab's people, and an agent for one unit of it.
pub struct Fake {
    pub place: Place,
    pub domain: FakeDomain,
    /// The unit, relative to the domain.
    pub unit: String,
    _served: Served,
    _runtime: Runtime,
}

impl Fake {
    /// With a unit of its own, in which the service account has no rights.
    pub fn new(name: &str) -> Self {
        let unit = format!("OU=Rights {name} {}", std::process::id());
        let fake = Self::over(name, &unit, |domain| drop(domain.add_unit(&unit).unwrap()));
        fake.person(NewFakePerson::new("somebody"));
        fake
    }

    /// With a unit that is there, or that `make` makes.
    pub fn over(name: &str, unit: &str, make: impl FnOnce(&FakeDomain)) -> Self {
        let randomness = Arc::new(SystemRandomness::default());
        let population = Population::corp(Arc::new(SystemClock), randomness).unwrap();
        make(&population.domain);
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let authority = Authority::create().unwrap();
        let served = runtime.block_on(Served::start(&population.domain, &authority)).unwrap();
        let name = format!("fake-{name}");
        let ca = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.pem"));
        let forest = served.forest(&population, &ca).unwrap();
        let dn = format!("{unit},{}", forest.base_dn);
        let place = Place::over(&name, forest, &[&dn]);
        let (domain, unit) = (population.domain, unit.to_owned());
        Self { place, domain, unit, _served: served, _runtime: runtime }
    }

    pub fn granted(self) -> Self {
        Self { place: self.place.granted(), ..self }
    }

    pub fn person(&self, new: NewFakePerson) -> FakePerson {
        self.domain.add_person(new.in_unit(&self.unit)).unwrap()
    }

    pub fn dn(&self) -> String {
        format!("{},{}", self.unit, self.place.forest.base_dn)
    }

    pub fn descriptor(&self) -> SecurityDescriptor {
        let guid = self.domain.guid_at(&self.unit).unwrap();
        self.domain.descriptor(guid).unwrap()
    }

    /// Changes the entries of the unit.
    pub fn spoil(&self, change: impl FnOnce(&mut Vec<Ace>)) {
        let guid = self.domain.guid_at(&self.unit).unwrap();
        let change =
            |held: &mut SecurityDescriptor| change(&mut held.dacl.as_mut().unwrap().entries);
        self.domain.secure(guid, change).unwrap();
    }
}

pub fn good(said: &Said) {
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

/// What was told to programs, for people to compare.
pub fn pretty(said: &Said) -> String {
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}
