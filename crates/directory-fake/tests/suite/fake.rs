//! The two forms of the fake as subjects: asked directly, and by the agent's LDAP client over TLS.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clock::SystemClock;
use directory::security::SecurityDescriptor;
use directory::{Directory, DistinguishedName, LdapDirectory, PolicyControl, Sid};
use directory_fake::{
    FakeDirectory, FakeDomain, FakePolicy, NewFakePerson, PolicyControls, Population, Rights,
    Served,
};
use lab::{Authority, Bound, Credentials, NewPerson, Person};

use super::matrix::cells::Edition;
use super::seeded::Seeded;
use super::{Subject, account, guid, password};

/// The fake, directly or served.
pub struct Fake {
    pub population: Population,
    served: Option<Served>,
    count: AtomicU64,
}

/// The fake without sockets.
pub async fn direct() -> Fake {
    let population = Population::corp(Arc::new(SystemClock), Arc::new(Seeded::new(1))).unwrap();
    Fake { population, served: None, count: AtomicU64::new(0) }
}

/// The fake over LDAPS.
pub async fn served() -> Fake {
    let fake = direct().await;
    let authority = Authority::create().unwrap();
    let served = Served::start(&fake.population.domain, &authority).await.unwrap();
    Fake { served: Some(served), ..fake }
}

impl Fake {
    fn domain(&self) -> &FakeDomain {
        &self.population.domain
    }

    fn made_up(&self) -> String {
        format!("test-{:06}", self.count.fetch_add(1, Ordering::SeqCst))
    }
}

impl Subject for Fake {
    fn edition(&self) -> Edition {
        Edition::Fake
    }

    fn administrator(&self) -> Credentials {
        self.population.administrator.clone()
    }

    fn directory(&self) -> Box<dyn Directory> {
        self.directory_as(&self.population.service)
    }

    fn directory_as(&self, who: &Credentials) -> Box<dyn Directory> {
        match &self.served {
            None => {
                Box::new(FakeDirectory::new(self.domain(), &who.login, password(&who.password)))
            }
            Some(served) => {
                let config = served.config(who).unwrap();
                Box::new(LdapDirectory::new(config, Arc::new(SystemClock)).unwrap())
            }
        }
    }

    fn add(&self, new: &NewPerson) -> Person {
        let login = self.made_up();
        let name = new.name.clone().unwrap_or_else(|| login.clone());
        let made = self.domain().add_person(NewFakePerson {
            display_name: name.clone(),
            name: Some(name),
            password: new.password.clone(),
            member_of: new.member_of.clone(),
            attributes: new.attributes.clone(),
            disabled: new.disabled,
            ..NewFakePerson::new(&login).in_unit(&new.unit).of_kind(new.kind)
        });
        let made = made.unwrap();
        for (wanted, attribute, value) in [
            (new.expired, "accountExpires", "132223104000000000"),
            (new.must_change, "pwdLastSet", "0"),
            (new.admin_count, "adminCount", "1"),
        ] {
            if wanted {
                self.domain().put(made.guid, attribute, value).unwrap();
            }
        }
        self.domain().cannot_change(made.guid, new.cannot_change).unwrap();
        for _ in 0..if new.locked { 5 } else { 0 } {
            self.domain().bind(&login, "Not-The-Password-1");
        }
        Person::from(&made)
    }

    fn add_computer(&self, unit: &str, password: &str) -> Person {
        let name = self.made_up();
        let guid = self.domain().add_computer(&name, unit).unwrap();
        self.domain().administrator_sets(guid, password).unwrap();
        let dn = self.domain().below(unit).unwrap().child("CN", &name);
        let login = format!("{name}$");
        account((login, password), dn.to_string(), guid.to_string())
    }

    fn add_managed_account(&self, unit: &str) -> Person {
        let name = self.made_up();
        let guid = self.domain().add_managed_account(&name, unit).unwrap();
        let dn = self.domain().below(unit).unwrap().child("CN", &name);
        account((format!("{name}$"), ""), dn.to_string(), guid.to_string())
    }

    fn service(&self) -> Person {
        let Credentials { login, password } = self.population.service.clone();
        let guid = self.domain().guid_of(&login).unwrap();
        account((login, &password), String::new(), guid.to_string())
    }

    fn has_group(&self, name: &str) -> bool {
        self.domain().guid_of(name).is_some()
    }

    fn add_group_of(&self, kind: i32) -> String {
        let name = self.made_up();
        self.domain().add_group(&name, "OU=Tests", &[]).unwrap();
        let guid = self.domain().guid_of(&name).unwrap();
        self.domain().put(guid, "groupType", &kind.to_string()).unwrap();
        name
    }

    fn sid_of(&self, name: &str) -> Sid {
        self.domain().sid_of(name).unwrap()
    }

    fn join(&self, who: &str, group: &str) {
        let guid = self.domain().guid_of(who).unwrap();
        self.domain().join(guid, group).unwrap();
    }

    fn put_value(&self, who: &Person, attribute: &str, value: &[u8]) {
        self.domain().put_value(guid(who), attribute, value).unwrap();
    }

    fn lockout_writes(&self, who: &Person) -> u32 {
        self.domain().writes_of(guid(who), "lockoutTime").unwrap()
    }

    fn add_settings(&self, policy: &FakePolicy, precedence: u32, applies_to: &str) -> String {
        let name = self.made_up();
        self.domain().add_settings(&name, precedence, policy, &[applies_to]).unwrap();
        name
    }

    fn add_unit(&self, rights: Rights) -> String {
        let unit = format!("OU={}", self.made_up());
        self.domain().add_unit(&unit).unwrap();
        self.domain().delegate(&self.population.service.login, &unit, rights).unwrap();
        unit
    }

    fn offer(&self, controls: PolicyControls) {
        self.domain().offer(&self.domain().controller(), controls).unwrap();
    }

    fn heard(&self) -> Option<Vec<PolicyControl>> {
        None
    }

    fn secure(&self, who: &Person, change: &dyn Fn(&mut SecurityDescriptor)) {
        self.domain().secure(guid(who), change).unwrap();
    }

    fn secure_unit(&self, unit: &str, change: &dyn Fn(&mut SecurityDescriptor)) {
        self.domain().secure(self.domain().guid_at(unit).unwrap(), change).unwrap();
    }

    fn rename(&self, who: &Person, name: &str) {
        self.domain().rename(guid(who), name).unwrap();
    }

    fn remove(&self, who: &Person) {
        self.domain().remove(guid(who)).unwrap();
    }

    fn bind(&self, who: &Person, password: &str) -> Bound {
        self.domain().bind(&who.login, password)
    }

    fn head(&self) -> DistinguishedName {
        self.domain().head()
    }

    fn people(&self) -> Vec<Person> {
        self.population.people.iter().map(Person::from).collect()
    }
}
