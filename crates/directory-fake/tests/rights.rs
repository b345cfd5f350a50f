//! Rights as descriptors: what an entry does wherever it stands, that a client reads what is judged
//! by, and what Windows does to whoever may not unexpire a password.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test reports a broken expectation by panicking; its module is private"
)]

#[path = "suite/seeded.rs"]
mod seeded;

use std::sync::Arc;

use clock::SystemClock;
use directory::security::rights::{PWD_LAST_SET, Permission, USER, USER_ACCOUNT_RESTRICTIONS};
use directory::security::{Ace, AceFlags, Control, SecurityDescriptor, mask};
use directory::{
    Directory, LdapDirectory, ObjectGuid, PwdLastSet, RightsChange, SetError, Sid, Terms, Write,
    outcome,
};
use directory_fake::{
    FakeDirectory, FakeDomain, Flavour, NewDomain, NewFakePerson, Population, Rights,
    SERVICE_LOGIN, Served,
};
use lab::{Authority, Bound};
use protocol::{ClearPassword, Outcome, Timestamp};
use seeded::Seeded;

const LATER: Timestamp = Timestamp::from_millis(i64::MAX);
const FIRST: &str = "First-Password-2024";
const SECOND: &str = "Second-Password-1";
const UNIT: &str = "OU=Utrecht,OU=People";

/// A domain with one person in a unit of a unit, and somebody whose rights are tried.
struct World {
    domain: FakeDomain,
    directory: FakeDirectory,
    /// `objectSid` of whose rights are tried.
    sid: Sid,
    guid: ObjectGuid,
}

fn password(text: &str) -> ClearPassword {
    ClearPassword::from_text(text).unwrap()
}

fn world(flavour: Flavour) -> World {
    let new = NewDomain { flavour, ..NewDomain::new("fake.test") };
    let random = Arc::new(Seeded::new(11));
    let domain = FakeDomain::new(&new, Arc::new(SystemClock), random).unwrap();
    domain.add_unit("OU=People").unwrap();
    domain.add_unit(UNIT).unwrap();
    domain.add_person(NewFakePerson::new("svc").in_unit("CN=Users")).unwrap();
    domain.delegate("svc", "OU=People", Rights::ALL).unwrap();
    let guid = domain.add_person(NewFakePerson::new("anna").in_unit(UNIT)).unwrap().guid;
    let sid = domain.sid_of("svc").unwrap();
    let directory = FakeDirectory::new(&domain, "svc", password(FIRST));
    World { domain, directory, sid, guid }
}

impl World {
    async fn write(&self, write: Write<'_>) -> Result<(), SetError> {
        let terms = Terms { not_after: LATER, noted: None };
        self.directory.write(self.guid, write, terms).await
    }

    async fn refused(&self, write: Write<'_>) -> bool {
        let answer = self.write(write).await;
        let outcome = answer.as_ref().map_err(outcome::outcome);
        assert!(matches!(outcome, Ok(()) | Err(Outcome::PermissionMissing)), "{answer:?}");
        answer.is_err()
    }

    /// Puts an entry on the person, or on what has a name.
    fn put(&self, at: ObjectGuid, entry: Ace) {
        self.domain.secure(at, |security| _ = security.dacl.as_mut().unwrap().add(entry)).unwrap();
    }

    fn unit(&self) -> ObjectGuid {
        self.domain.guid_at(UNIT).unwrap()
    }
}

fn reset_denied(who: &Sid) -> Ace {
    let reset = Permission::ResetPassword.entry(who.clone());
    let right = reset.access().unwrap().object_type.unwrap();
    Ace::deny(mask::CONTROL_ACCESS, who.clone()).on(right)
}

#[tokio::test]
async fn a_denial_comes_before_a_grant_of_its_own_level_and_after_one_that_is_nearer() {
    let world = world(Flavour::Samba);
    let new = password(SECOND);
    assert!(!world.refused(Write::Reset(&new)).await);
    // On the nearer unit, inherited: it stands before what the farther one grants.
    world.put(world.unit(), reset_denied(&world.sid).below(Some(USER)));
    assert!(world.refused(Write::Reset(&password("Third-Password-1"))).await);
    assert!(!world.refused(Write::Unlock).await, "of the others nothing is said");
    // The person's own entry stands before all of that.
    world.put(world.guid, Ace::allow(mask::CONTROL_ACCESS, world.sid.clone()));
    assert!(!world.refused(Write::Reset(&password("Third-Password-1"))).await);
    world.put(world.guid, reset_denied(&Sid::authenticated_users()));
    assert!(world.refused(Write::Reset(&password("Fourth-Password-1"))).await);
}

#[tokio::test]
async fn a_property_set_grants_the_attributes_in_it_and_no_other() {
    let world = world(Flavour::Samba);
    world.domain.inherit(world.guid, false).unwrap();
    assert!(world.refused(Write::RequireChange).await);
    assert_eq!(PWD_LAST_SET.set, Some(USER_ACCOUNT_RESTRICTIONS));
    let set = Ace::allow(mask::WRITE_PROPERTY, world.sid.clone()).on(USER_ACCOUNT_RESTRICTIONS);
    world.put(world.guid, set);
    assert!(!world.refused(Write::RequireChange).await);
    assert!(world.refused(Write::Unlock).await, "lockoutTime is in no set");
}

#[tokio::test]
async fn a_unit_that_inherits_nothing_hands_nothing_down() {
    let world = world(Flavour::Samba);
    world.domain.inherit(world.unit(), false).unwrap();
    assert!(world.refused(Write::Unlock).await);
    world.domain.delegate("svc", UNIT, Rights::ALL).unwrap();
    assert!(!world.refused(Write::Unlock).await);
    world
        .domain
        .delegate("svc", UNIT, Rights { write_lockout_time: false, ..Rights::ALL })
        .unwrap();
    assert!(world.refused(Write::Unlock).await, "what was delegated is replaced");
    world.domain.inherit(world.unit(), true).unwrap();
    assert!(!world.refused(Write::Unlock).await);
}

#[tokio::test]
async fn administrators_too_may_do_only_what_the_descriptor_says() {
    let world = world(Flavour::Samba);
    world.domain.administrator_sets(world.guid, SECOND).unwrap();
    let secured = world.domain.secure(world.guid, |security| {
        security.dacl.as_mut().unwrap().entries.clear();
        security.control = Control(security.control.0 | Control::DACL_PROTECTED.0);
    });
    secured.unwrap();
    world.domain.administrator_sets(world.guid, "Third-Password-1").unwrap_err();
    let (old, new) = (password(SECOND), password("Fourth-Password-1"));
    let error = world.write(Write::Change { old: &old, new: &new }).await.unwrap_err();
    assert_eq!(outcome::outcome(&error), Outcome::SetRestricted, "nobody changes it, either");
    // No list at all is the opposite of an empty one.
    world.domain.secure(world.guid, |security| security.dacl = None).unwrap();
    assert!(!world.refused(Write::Reset(&new)).await);
}

#[tokio::test]
async fn as_windows_a_set_by_whoever_may_not_unexpire_has_expired_at_once() {
    for flavour in [Flavour::Windows, Flavour::Samba] {
        let world = world(flavour);
        world.write(Write::Reset(&password(SECOND))).await.unwrap();
        let account = world.directory.account(world.guid).await.unwrap().unwrap();
        assert!(matches!(account.pwd_last_set, PwdLastSet::At(_)), "everybody may at first");

        world.domain.everybody_unexpires(false).unwrap();
        world.write(Write::Reset(&password("Third-Password-1"))).await.unwrap();
        let account = world.directory.account(world.guid).await.unwrap().unwrap();
        let bound = world.domain.bind("anna", "Third-Password-1");
        let expired = Bound::Refused { sub_code: "773".to_owned() };
        match flavour {
            Flavour::Windows => {
                assert_eq!((account.pwd_last_set, bound), (PwdLastSet::Never, expired));
            }
            // Samba does not look at the right.
            Flavour::Samba => assert_eq!(bound, Bound::Accepted),
        }

        let head = world.domain.guid_at("").unwrap();
        world.put(head, Permission::UnexpirePassword.entry(world.sid.clone()));
        world.write(Write::Reset(&password("Fourth-Password-1"))).await.unwrap();
        assert_eq!(world.domain.bind("anna", "Fourth-Password-1"), Bound::Accepted);
    }
}

#[tokio::test]
async fn a_descriptor_that_was_changed_replicates() {
    let new = NewDomain {
        controllers: vec!["dc1".to_owned(), "dc2".to_owned()],
        ..NewDomain::new("fake.test")
    };
    let domain = FakeDomain::new(&new, Arc::new(SystemClock), Arc::new(Seeded::new(5))).unwrap();
    domain.add_unit("OU=People").unwrap();
    let guid = domain.add_person(NewFakePerson::new("anna")).unwrap().guid;
    domain.inherit(guid, false).unwrap();
    domain.move_role("dc2").unwrap();
    assert!(domain.descriptor(guid).unwrap().is_protected());
}

/// A client's view over LDAPS.
struct Seen {
    population: Population,
    served: Served,
    service: LdapDirectory,
    administrator: LdapDirectory,
}

async fn served() -> Seen {
    let population = Population::corp(Arc::new(SystemClock), Arc::new(Seeded::new(13))).unwrap();
    let served = Served::start(&population.domain, &Authority::create().unwrap()).await.unwrap();
    let client = |who| {
        let config = served.config(who).unwrap();
        LdapDirectory::new(config, Arc::new(SystemClock)).unwrap()
    };
    let (service, administrator) = (client(&population.service), client(&population.administrator));
    Seen { population, served, service, administrator }
}

impl Seen {
    async fn read(&self, relative: &str) -> SecurityDescriptor {
        let dn = self.population.domain.below(relative).unwrap();
        let found = self.service.surveyed(&dn).await.unwrap().unwrap();
        found.descriptor.unwrap()
    }
}

#[tokio::test]
async fn a_client_reads_the_descriptors_that_are_judged_by() {
    let seen = served().await;
    let domain = &seen.population.domain;
    let who = seen.service.asker().await.unwrap().requester();
    let (people, head) = (seen.read("OU=People").await, seen.read("").await);
    for permission in Rights::ALL.permissions() {
        assert!(permission.standing(&people, &who).is_granted(), "{permission:?}");
        let elsewhere = permission.standing(&seen.read("OU=Service").await, &who);
        assert!(!elsewhere.is_granted(), "{permission:?}");
    }
    assert!(Permission::UnexpirePassword.standing(&head, &who).is_granted());
    domain.everybody_unexpires(false).unwrap();
    assert!(!Permission::UnexpirePassword.standing(&seen.read("").await, &who).is_granted());
    let settings = seen.read("CN=Password Settings Container,CN=System").await;
    assert!(Permission::ReadPasswordSettings.standing(&settings, &who).is_granted());
    let person = seen.population.people[0].clone();
    let found = seen.service.surveyed(&person.dn).await.unwrap().unwrap();
    assert_eq!(found.descriptor, domain.descriptor(person.guid));
    let inherited = found.descriptor.unwrap().dacl.unwrap().entries;
    let inherited = inherited.iter().filter(|entry| entry.is_inherited());
    let own = domain.sid_of(SERVICE_LOGIN).unwrap();
    let inherited = inherited.filter(|entry| entry.access().unwrap().trustee == own);
    assert_eq!(inherited.count(), Rights::ALL.permissions().len());
}

#[tokio::test]
async fn a_dacl_that_is_written_over_ldaps_is_in_effect_and_inherited_entries_are_worked_out() {
    let seen = served().await;
    let domain = &seen.population.domain;
    let person = seen.population.people[0].clone();
    let set = async |text: &str| {
        let set = seen.service.set_password(person.guid, &password(text), LATER).await;
        set.map_err(|error| outcome::outcome(&error))
    };
    set(SECOND).await.unwrap();
    let mut written = domain.descriptor(person.guid).unwrap();
    let forged = Permission::ResetPassword.entry(Sid::everyone());
    let forged = Ace { flags: AceFlags::INHERITED, ..forged };
    written.dacl.as_mut().unwrap().add(forged.clone());
    written.control = Control(written.control.0 | Control::DACL_PROTECTED.0);
    let change = RightsChange { descriptor: Some(written), clear_admin_count: false };
    // The service account may not.
    seen.service.change_rights(&person.dn, &change).await.unwrap_err();
    set("Third-Password-1").await.unwrap();
    seen.administrator.change_rights(&person.dn, &change).await.unwrap();
    assert_eq!(set("Fourth-Password-1").await, Err(Outcome::PermissionMissing));
    let after = domain.descriptor(person.guid).unwrap();
    assert!(after.is_protected() && after.owner.is_some(), "{after:?}");
    assert!(!after.dacl.unwrap().entries.contains(&forged));
    assert_eq!(domain.journal().iter().filter(|set| set.by == SERVICE_LOGIN).count(), 2);
    drop(seen.served);
}
