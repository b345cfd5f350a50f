//! By way of which groups the agent's client finds an account in another one, at controllers of both kinds.
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
use directory::{Directory as _, LdapDirectory, MarkedBy, protected_by};
use directory_fake::{FakeDomain, Flavour, NewDomain, NewFakePerson, Served};
use lab::{Authority, Credentials};
use seeded::Seeded;

/// `tokenGroups` ends at a group for mail; the way to what marks an account does not.
#[tokio::test]
async fn the_way_to_a_protected_group_goes_through_groups_for_mail_as_well() {
    for flavour in [Flavour::Samba, Flavour::Windows] {
        let new = NewDomain { flavour, ..NewDomain::new("fake.test") };
        let clock = Arc::new(SystemClock);
        let domain = FakeDomain::new(&new, clock.clone(), Arc::new(Seeded::new(9))).unwrap();
        domain.add_unit("OU=People").unwrap();
        for (name, above, kind) in [
            ("mail", &["Domain Admins"][..], "2"),
            ("team", &["mail"][..], "-2147483646"),
            ("choir", &[][..], "2"),
        ] {
            domain.add_group(name, "OU=People", above).unwrap();
            domain.put(domain.guid_of(name).unwrap(), "groupType", kind).unwrap();
        }
        let member_of = ["choir", "team"].map(str::to_owned).into();
        let jan = domain.add_person(NewFakePerson { member_of, ..NewFakePerson::new("jan") });
        let mia =
            NewFakePerson { member_of: vec!["choir".to_owned()], ..NewFakePerson::new("mia") };
        let (jan, mia) = (jan.unwrap(), domain.add_person(mia).unwrap());
        let served = Served::start(&domain, &Authority::create().unwrap()).await.unwrap();
        let who = Credentials { login: jan.login, password: jan.password };
        let directory = LdapDirectory::new(served.config(&who).unwrap(), clock).unwrap();
        for (guid, expected) in
            [(jan.guid, &["team", "mail", "Domain Admins"][..]), (mia.guid, &[])]
        {
            let account = directory.account(guid).await.unwrap().unwrap();
            assert_eq!(protected_by(&account), None, "{flavour:?}");
            let way = match directory.chain_to_any_protected(&account).await.unwrap() {
                MarkedBy::Groups(way) => way,
                MarkedBy::Nothing => Vec::new(),
                MarkedBy::Unknown => panic!("every group can be followed"),
            };
            let names: Vec<&str> = way.iter().map(|group| group.name.as_str()).collect();
            assert_eq!(names, expected, "{flavour:?}");
            let admins = domain.sid_of("Domain Admins").unwrap();
            assert_eq!(directory.chain_to(&account, &admins).await.unwrap(), []);
        }
    }
}
