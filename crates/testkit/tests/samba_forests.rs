//! Two forests of Active Directory, in a lab of their own because people of the lab are changed:
//! everybody of the second one, and the person who is in both.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clock::SystemClock;
use directory::{Directory as _, DirectoryConfig, LdapDirectory, ObjectGuid};
use lab::{Bound, Forest, Kind, Lab, LabOptions, Person, Watch};
use protocol::ClearPassword;
use testkit::{Options, Page, Stack};

/// userAccountControl (MS-ADTS 2.2.16).
const ON: &str = "512";
const OFF: &str = "514";

/// Two forests and a stack on both.
struct World {
    // Dropped first: nobody is left who asks the lab.
    stack: Stack,
    lab: Lab,
}

/// An account of somebody, and the forest that it is in.
struct Account {
    forest: Forest,
    person: Person,
}

impl World {
    fn start() -> Self {
        let stop = AtomicBool::new(false);
        let watch = Watch { progress: &|_| {}, stop: &stop };
        let options = LabOptions { forests: 2, ..LabOptions::default() };
        let lab = Lab::start_with(&options, watch).unwrap();
        Self { stack: Stack::start(lab.forest(), Options::default()).unwrap(), lab }
    }

    /// The accounts of the person who is in both forests.
    fn tessa(&self) -> [Account; 2] {
        let account = |forest: &Forest| {
            let person = forest.person_of(Kind::TwoForests).unwrap().clone();
            Account { forest: forest.clone(), person }
        };
        let accounts: Vec<_> = self.lab.forest().whole_lab().map(account).collect();
        accounts.try_into().ok().unwrap()
    }

    /// The page that a reset by this name ends on.
    fn reset(&self, login: &str, address: &str, password: &str) -> Page {
        let mut visitor = self.stack.visitor().unwrap();
        let outbox = self.stack.outbox();
        let mark = outbox.mark();
        assert_eq!(visitor.start(login).unwrap().step, "code");
        let code = outbox.await_code(&mark, address).unwrap();
        assert_eq!(visitor.code(&code).unwrap().step, "password");
        visitor.password(password).unwrap()
    }
}

impl Account {
    fn login(&self) -> String {
        format!("{}@{}", self.person.login, self.forest.domain)
    }

    fn switch(&self, control: &str) {
        self.forest.replace(&self.person.dn, "userAccountControl", control).unwrap();
    }

    fn bind(&self, password: &str) -> Bound {
        self.forest.bind(&self.login(), password).unwrap()
    }

    /// How often the directory has taken a password for the account.
    fn version(&self) -> u32 {
        let forest = &self.forest;
        let ca = std::fs::read(&forest.ca_file).unwrap();
        let name = format!("{}@{}", forest.service.login, forest.domain);
        let password = ClearPassword::from_text(&forest.service.password).unwrap();
        let config = DirectoryConfig::new(&forest.domain, ca, &name, password).unwrap();
        let config = DirectoryConfig { dns: Some(forest.dns_address), ..config };
        let guid: ObjectGuid = self.person.object_guid.parse().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let directory = LdapDirectory::new(config, Arc::new(SystemClock)).unwrap();
            directory.witness(guid).await.unwrap().unwrap().version
        })
    }
}

fn is(page: &Page, outcome: &str, changed: &str) {
    assert_eq!([&page.outcome, &page.changed], [outcome, changed], "{}", page.text);
}

#[test]
fn the_password_of_a_person_in_two_forests_is_set_where_the_account_is_enabled_and_only_there() {
    let world = World::start();
    let [corp, fabriek] = world.tessa();
    let address = &corp.person.private_mail;
    let before = [corp.version(), fabriek.version()];
    let versions = || [corp.version() - before[0], fabriek.version() - before[1]];

    let first = "Meadow-Lantern-2025";
    is(&world.reset(&corp.login(), address, first), "password_changed", "yes");
    assert_eq!(corp.bind(first), Bound::Accepted);
    assert_eq!(versions(), [1, 0], "sets in each forest");

    // The person moves over: now the other account is the one that is used, and its name.
    corp.switch(OFF);
    fabriek.switch(ON);
    world.stack.synchronise().unwrap();
    assert_eq!(fabriek.bind(&fabriek.person.password), Bound::Accepted, "it has its own still");
    let second = "Harbour-Lantern-2026";
    is(&world.reset(&fabriek.login(), address, second), "password_changed", "yes");
    assert_eq!(fabriek.bind(second), Bound::Accepted);
    assert_eq!(versions(), [1, 1], "sets in each forest");

    // Never a guess between two (SPEC W-7), and never one that is off.
    corp.switch(ON);
    world.stack.synchronise().unwrap();
    let third = "Orchard-Lantern-2027";
    is(&world.reset(&corp.login(), address, third), "several_matches", "no");
    corp.switch(OFF);
    fabriek.switch(OFF);
    world.stack.synchronise().unwrap();
    is(&world.reset(&corp.login(), address, third), "disabled", "no");
    assert_eq!(versions(), [1, 1], "sets in each forest");
    assert_eq!(corp.bind(first), Bound::Refused { sub_code: "533".to_owned() });
}

#[test]
fn the_ready_file_names_both_forests_and_everybody_of_the_second_is_reset_as_it_expects() {
    let mut world = World::start();
    let ready = world.stack.ready().unwrap();
    let realms: Vec<_> = ready.directories.iter().map(|one| one.realm.as_str()).collect();
    assert_eq!(realms, ["CORP.PASSBACK.TEST", "FABRIEK.PASSBACK.TEST"]);
    let [corp, fabriek] = world.lab.forest().whole_lab().collect::<Vec<_>>()[..] else {
        panic!("two forests")
    };
    let [tessa] = Vec::from_iter(ready.people.iter().filter(|one| !one.also.is_empty()))[..] else {
        panic!("one person is in both")
    };
    assert_eq!((tessa.kind, tessa.expected.as_str()), (Kind::TwoForests, "password_changed"));
    assert_eq!(ready.people.len(), corp.people.len() + fabriek.people.len() - 1);
    let second = ready.people.iter().filter(|one| one.forest == fabriek.realm);
    let mut count = 0;
    for person in second {
        count += 1;
        let page = world.reset(&person.login, &person.mail, "Meadow-Lantern-2025");
        assert_eq!(page.outcome, person.expected, "{}: {}", person.login, page.text);
        let bound = fabriek.bind(&person.login, "Meadow-Lantern-2025").unwrap();
        let changed = person.expected == "password_changed";
        assert_eq!(bound == Bound::Accepted, changed, "{}: {bound:?}", person.login);
    }
    assert_eq!(count, fabriek.people.len() - 1);
}
