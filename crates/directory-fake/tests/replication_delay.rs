//! What controllers know while replication takes its time, by a clock that a test moves: what no
//! real directory can be made to do at a given moment.
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
use std::time::Duration;

use directory::{
    Directory as _, DirectoryError, Entry, ObjectGuid, ROLE_CHECK, SetError, Terms, Witness, Write,
};
use directory_fake::{FakeDirectory, FakeDomain, FakeError, NewDomain, NewFakePerson, Rights};
use lab::Bound;
use protocol::policy::Judge;
use protocol::{ClearPassword, ManualClock, Timestamp};
use seeded::Seeded;

const LATER: Timestamp = Timestamp::from_millis(i64::MAX);
const FIRST: &str = "First-Password-2024";
const SECOND: &str = "Second-Password-1";
const THIRD: &str = "Third-Password-1";
const DELAY: Duration = Duration::from_secs(15);
const MOMENT: Duration = Duration::from_millis(1);

/// A domain of some controllers with one person, and a client of it.
struct World {
    clock: ManualClock,
    domain: FakeDomain,
    directory: FakeDirectory,
    guid: ObjectGuid,
}

fn password(text: &str) -> ClearPassword {
    ClearPassword::from_text(text).unwrap()
}

fn world(controllers: usize) -> World {
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    let controllers = (1..=controllers).map(|number| format!("dc{number}")).collect();
    let new = NewDomain { controllers, ..NewDomain::new("fake.test") };
    let domain = FakeDomain::new(&new, Arc::new(clock.clone()), Arc::new(Seeded::new(7))).unwrap();
    domain.add_unit("OU=People").unwrap();
    domain.add_person(NewFakePerson::new("svc").in_unit("CN=Users")).unwrap();
    domain.delegate("svc", "OU=People", Rights::ALL).unwrap();
    let guid = domain.add_person(NewFakePerson::new("anna")).unwrap().guid;
    let directory = client(&domain);
    World { clock, domain, directory, guid }
}

fn client(domain: &FakeDomain) -> FakeDirectory {
    FakeDirectory::new(domain, "svc", password(FIRST))
}

impl World {
    async fn set(&self, text: &str) -> Result<(), SetError> {
        self.directory.set_password(self.guid, &password(text), LATER).await
    }

    async fn witness(&self) -> Witness {
        self.directory.witness(self.guid).await.unwrap().unwrap()
    }

    fn knows(&self, controller: &str, text: &str) -> bool {
        self.domain.bind_at(controller, "anna", text).unwrap() == Bound::Accepted
    }

    /// Everybody at and below `OU=People`, as a controller has them, by their names.
    async fn people(&self, controller: &str) -> Result<Vec<Entry>, DirectoryError> {
        let host = format!("{controller}.fake.test");
        let more = ["replPropertyMetaData", "description"];
        let reader = self.directory.configured(false, &more).preferring(&[&host], true);
        let mut found = Vec::new();
        let base = self.domain.below("OU=People").unwrap();
        let each = &mut |one: directory::PersonEntry| {
            found.push(Entry { dn: one.dn, attributes: one.attributes });
        };
        reader.people(&[base], 100, each).await?;
        Ok(found)
    }

    async fn names(&self, controller: &str) -> Vec<String> {
        let people = self.people(controller).await.unwrap();
        people.iter().map(|one| one.dn.name().unwrap().to_owned()).collect()
    }

    /// How often the password of the first person was set, as a controller knows it.
    async fn version(&self, controller: &str) -> u32 {
        let people = self.people(controller).await.unwrap();
        let id = self.domain.invocation_id(controller).unwrap();
        Witness::read(&people[0], controller, id, Judge::Samba).unwrap().version
    }
}

#[tokio::test]
async fn without_a_delay_what_is_written_is_everywhere_at_once() {
    let world = world(3);
    world.set(SECOND).await.unwrap();
    for controller in ["dc1", "dc2", "dc3"] {
        assert!(world.knows(controller, SECOND), "{controller}");
        assert_eq!(world.version(controller).await, 2, "{controller}");
    }
}

#[tokio::test]
async fn what_is_written_arrives_at_the_very_moment_and_each_thing_at_its_own() {
    let world = world(2);
    world.domain.replicate_after(DELAY);
    world.set(SECOND).await.unwrap();
    world.clock.advance(Duration::from_secs(5));
    world.set(THIRD).await.unwrap();
    world.clock.advance(DELAY - Duration::from_secs(5) - MOMENT);
    assert!(world.knows("dc2", FIRST), "nothing has arrived");
    world.clock.advance(MOMENT);
    assert!(world.knows("dc2", SECOND), "what was written then, not what is there by now");
    assert_eq!(world.version("dc2").await, 2);
    world.clock.advance(Duration::from_secs(5));
    assert!(world.knows("dc2", THIRD));
    assert_eq!(world.version("dc2").await, 3);
}

#[tokio::test]
async fn whoever_is_down_hears_of_it_when_it_is_back_and_hands_it_on() {
    let world = world(3);
    world.domain.replicate_after(DELAY);
    world.domain.up("dc3", false).unwrap();
    world.set(SECOND).await.unwrap();
    world.clock.advance(DELAY);
    assert!(world.knows("dc2", SECOND) && world.knows("dc3", FIRST));
    // The one that wrote it is gone; another one has it.
    world.domain.up("dc1", false).unwrap();
    world.domain.up("dc3", true).unwrap();
    assert!(world.knows("dc3", FIRST));
    world.clock.advance(DELAY);
    assert!(world.knows("dc3", SECOND));
}

#[tokio::test]
async fn a_role_that_is_handed_over_is_known_to_both_and_what_was_set_before_may_not_be() {
    let world = world(2);
    world.domain.replicate_after(DELAY);
    let noted = world.witness().await;
    world.set(SECOND).await.unwrap();
    world.domain.move_role("dc2").unwrap();
    for named in ["dc1", "dc2"] {
        world.domain.name_in_dns(named).unwrap();
        let client = client(&world.domain);
        assert_eq!(client.probe().await.unwrap().controller, "dc2.fake.test", "by way of {named}");
    }
    // The same version at another controller: that says nothing about the set.
    world.clock.advance(MOMENT);
    let now = client(&world.domain).witness(world.guid).await.unwrap().unwrap();
    assert_eq!((now.version, now.originator), (noted.version, noted.originator));
    assert_ne!((now.controller, now.invocation_id), (noted.controller, noted.invocation_id));
    world.clock.advance(DELAY);
    let now = client(&world.domain).witness(world.guid).await.unwrap().unwrap();
    assert_eq!((now.version, now.originator), (noted.version + 1, Some(noted.invocation_id)));
}

#[tokio::test]
async fn after_a_seizure_both_say_that_they_hold_the_role_until_the_former_holder_hears_of_it() {
    let world = world(2);
    world.domain.replicate_after(DELAY);
    world.set(SECOND).await.unwrap();
    world.domain.up("dc1", false).unwrap();
    world.domain.move_role("dc2").unwrap();
    assert_eq!(world.directory.probe().await.unwrap().controller, "dc2.fake.test");
    world.set(THIRD).await.unwrap();
    world.clock.advance(Duration::from_secs(2));
    world.domain.up("dc1", true).unwrap();
    // It has not been told, and whoever asks it believes it.
    world.domain.name_in_dns("dc1").unwrap();
    let deceived = client(&world.domain);
    assert_eq!(deceived.probe().await.unwrap().controller, "dc1.fake.test");
    let noted = deceived.witness(world.guid).await.unwrap().unwrap();
    deceived.set_password(world.guid, &password("Fourth-Password-1"), LATER).await.unwrap();

    world.clock.advance(DELAY.max(ROLE_CHECK));
    let terms = Terms { not_after: LATER, noted: Some(&noted) };
    let moved = deceived.write(world.guid, Write::Reset(&password("Fifth-1")), terms).await;
    assert_eq!(moved, Err(SetError::ControllerMoved));
    assert_eq!(deceived.probe().await.unwrap().controller, "dc2.fake.test");
    // Two sets at the former holder stand against one at the new one.
    for controller in ["dc1", "dc2"] {
        assert!(world.knows(controller, "Fourth-Password-1"), "{controller}");
        assert_eq!(world.version(controller).await, 3, "{controller}");
    }
}

#[tokio::test]
async fn who_is_given_the_role_says_since_when_also_where_nothing_else_has_replicated() {
    let world = world(2);
    world.domain.replicate_after(DELAY);
    let before = world.directory.role_given().await.unwrap().unwrap();
    let now = Timestamp::from_millis(1_700_000_000_000);
    assert!(now.since(before) > Duration::from_secs(86_400), "a new domain has had it for long");
    world.domain.move_role("dc2").unwrap();
    assert_eq!(client(&world.domain).role_given().await, Ok(Some(now)));
    world.clock.advance(DELAY);
    world.domain.up("dc2", false).unwrap();
    world.domain.move_role("dc1").unwrap();
    let seized = client(&world.domain).role_given().await;
    assert_eq!(seized, Ok(Some(now.after(DELAY))));
}

#[tokio::test]
async fn attributes_of_one_person_from_two_controllers_come_together() {
    let world = world(2);
    world.domain.replicate_after(Duration::MAX);
    world.set(SECOND).await.unwrap();
    world.domain.move_role("dc2").unwrap();
    world.domain.put(world.guid, "description", "moved").unwrap();
    world.domain.disable(world.guid, true).unwrap();
    world.domain.replicate();
    for controller in ["dc1", "dc2"] {
        let people = world.people(controller).await.unwrap();
        assert_eq!(people[0].attributes.text("description"), Some("moved"), "{controller}");
        assert_eq!(people[0].attributes.text("userAccountControl"), Some("514"), "{controller}");
        assert_eq!(world.version(controller).await, 2, "{controller}");
    }
    world.domain.disable(world.guid, false).unwrap();
    world.domain.replicate();
    assert!(world.knows("dc1", SECOND) && world.knows("dc2", SECOND));
}

#[tokio::test]
async fn of_two_writes_in_the_same_second_the_greater_id_stands_at_both() {
    let world = world(2);
    world.domain.replicate_after(Duration::MAX);
    for (controller, text) in [("dc1", SECOND), ("dc2", THIRD)] {
        world.domain.administrator_sets_at(controller, world.guid, text).unwrap();
        // Less than a second: times of writes are not exact enough to tell.
        world.clock.advance(Duration::from_millis(400));
    }
    let ids = ["dc1", "dc2"].map(|one| world.domain.invocation_id(one).unwrap().0);
    let stands = if ids[0] > ids[1] { SECOND } else { THIRD };
    world.domain.replicate();
    assert!(world.knows("dc1", stands) && world.knows("dc2", stands));
}

#[tokio::test]
async fn who_is_deleted_is_deleted_whatever_was_written_elsewhere() {
    let world = world(2);
    world.domain.replicate_after(Duration::MAX);
    world.domain.remove(world.guid).unwrap();
    world.domain.administrator_sets_at("dc2", world.guid, SECOND).unwrap();
    assert_eq!(world.names("dc2").await, ["anna"]);
    world.domain.replicate();
    assert!(world.names("dc1").await.is_empty() && world.names("dc2").await.is_empty());
    let gone = world.domain.administrator_sets_at("dc2", world.guid, THIRD);
    assert!(matches!(gone, Err(FakeError::Refused(_))), "{gone:?}");
}

#[tokio::test]
async fn what_has_no_place_yet_waits_for_it() {
    let world = world(2);
    world.domain.replicate_after(Duration::MAX);
    world.domain.add_unit("OU=New,OU=People").unwrap();
    world.domain.replicate_after(Duration::ZERO);
    let bram = NewFakePerson::new("bram").in_unit("OU=New,OU=People");
    let guid = world.domain.add_person(bram).unwrap().guid;
    assert_eq!(world.names("dc1").await, ["anna", "bram"]);
    assert_eq!(world.names("dc2").await, ["anna"], "its unit is not there");
    world.domain.rename(guid, "bram jansen").unwrap();
    world.domain.replicate();
    assert_eq!(world.names("dc2").await, ["anna", "bram jansen"]);
    assert_eq!(world.domain.bind_at("dc2", "bram", FIRST).unwrap(), Bound::Accepted);
}

#[tokio::test]
async fn a_new_controller_has_everything_and_takes_part() {
    let world = world(1);
    world.set(SECOND).await.unwrap();
    world.domain.add_controller("dc2").unwrap();
    assert!(matches!(world.domain.add_controller("DC2"), Err(FakeError::Exists(_))));
    assert!(world.knows("dc2", SECOND));
    assert_eq!(world.version("dc2").await, 2);
    world.set(THIRD).await.unwrap();
    assert!(world.knows("dc2", THIRD));
    world.domain.move_role("dc2").unwrap();
    assert_eq!(world.directory.probe().await.unwrap().controller, "dc2.fake.test");
}

#[tokio::test]
async fn people_are_read_at_the_first_preferred_controller_that_is_up() {
    let world = world(2);
    world.domain.replicate_after(Duration::MAX);
    world.domain.add_person(NewFakePerson::new("bram")).unwrap();
    let count = async |hosts: &[&str], only| {
        let base = world.domain.below("OU=People").unwrap();
        world
            .directory
            .preferring(hosts, only)
            .people(&[base], 100, &mut |_| ())
            .await
            .map(|read| read.found)
    };
    assert_eq!(count(&[], false).await, Ok(2), "none is preferred: at the PDC emulator");
    assert_eq!(count(&["dc2.fake.test"], true).await, Ok(1));
    assert_eq!(count(&["dc9.fake.test", "dc2.fake.test"], true).await, Ok(1));
    world.domain.up("dc2", false).unwrap();
    assert_eq!(count(&["dc2.fake.test"], false).await, Ok(2));
    let none = count(&["dc2.fake.test"], true).await;
    assert!(matches!(none, Err(DirectoryError::NoPreferred { .. })), "{none:?}");
}
