//! Whom the agent's client is told it is (SPEC D-12), by controllers of both kinds: they tell the SIDs of a
//! token in opposite orders.
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
use directory::{LdapDirectory, Sid};
use directory_fake::{FakeDomain, Flavour, NewDomain, NewFakePerson, Served};
use lab::{Authority, Credentials};
use seeded::Seeded;

/// More than any one question holds.
const GROUPS: usize = 300;

#[tokio::test]
async fn the_account_is_told_from_all_its_groups_wherever_in_its_token_it_stands() {
    for flavour in [Flavour::Samba, Flavour::Windows] {
        let new = NewDomain { flavour, ..NewDomain::new("fake.test") };
        let clock = Arc::new(SystemClock);
        let domain = FakeDomain::new(&new, clock.clone(), Arc::new(Seeded::new(9))).unwrap();
        domain.add_unit("OU=People").unwrap();
        domain.add_group("outer", "OU=People", &[]).unwrap();
        let name = |number: usize| format!("group-{number}");
        let made = |number| domain.add_group(&name(number), "OU=People", &["outer"]).unwrap();
        let groups: Vec<Sid> = (0..GROUPS).map(made).collect();
        let member_of = (0..GROUPS).map(name).collect();
        let svc = domain.add_person(NewFakePerson { member_of, ..NewFakePerson::new("svc") });
        let svc = svc.unwrap();
        let served = Served::start(&domain, &Authority::create().unwrap()).await.unwrap();
        let who = Credentials { login: svc.login, password: svc.password };
        let directory = LdapDirectory::new(served.config(&who).unwrap(), clock).unwrap();

        let asker = directory.asker().await.unwrap();
        let own = directory.surveyed_by_guid(svc.guid).await.unwrap().unwrap().sid.unwrap();
        assert_eq!(asker.own, own, "{flavour:?}");
        assert!(!asker.groups.contains(&own), "{flavour:?}");
        assert!(groups.iter().all(|group| asker.groups.contains(group)), "{flavour:?}");
        let at = directory.at(&domain.controller()).await.unwrap().asker().await.unwrap();
        assert_eq!((at.own, at.groups), (asker.own, asker.groups), "{flavour:?}");
    }
}
