//! What takes days, by a clock that a test moves, and what Windows does otherwise than Samba.
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

use directory::{BIND_HOLD_OFF, Directory, DirectoryError, ObjectGuid, ROLE_CHECK, SetError};
use directory_fake::{
    FakeDirectory, FakeDomain, FakePolicy, Flavour, NewDomain, NewFakePerson, Population, Rights,
};
use futures_util::FutureExt as _;
use lab::{Bound, Kind};
use protocol::limits::SET_TIME_LIMIT;
use protocol::{ClearPassword, ManualClock, Timestamp};
use seeded::Seeded;

const LATER: Timestamp = Timestamp::from_millis(i64::MAX);
const FIRST: &str = "First-Password-2024";
const SECOND: &str = "Second-Password-1";
const DAY: Duration = Duration::from_secs(86_400);

struct World {
    clock: ManualClock,
    domain: FakeDomain,
    directory: FakeDirectory,
    guid: ObjectGuid,
}

fn password(text: &str) -> ClearPassword {
    ClearPassword::from_text(text).unwrap()
}

fn world(flavour: Flavour, policy: FakePolicy) -> World {
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    let controllers = vec!["dc1".to_owned(), "dc2".to_owned()];
    let new = NewDomain { flavour, policy, controllers, ..NewDomain::new("fake.test") };
    let domain = FakeDomain::new(&new, Arc::new(clock.clone()), Arc::new(Seeded::new(7))).unwrap();
    domain.add_unit("OU=People").unwrap();
    domain.add_person(NewFakePerson::new("svc").in_unit("CN=Users")).unwrap();
    domain.delegate("svc", "OU=People", Rights::ALL).unwrap();
    let jan =
        NewFakePerson { display_name: "Jan de Vries".to_owned(), ..NewFakePerson::new("jdevries") };
    let guid = domain.add_person(jan).unwrap().guid;
    let directory = FakeDirectory::new(&domain, "svc", password(FIRST));
    World { clock, domain, directory, guid }
}

fn samba() -> World {
    world(Flavour::Samba, FakePolicy::default())
}

impl World {
    async fn set(&self, text: &str) -> Result<(), SetError> {
        self.directory.set_password(self.guid, &password(text), LATER).await
    }

    fn bind(&self, text: &str) -> Bound {
        self.domain.bind("jdevries", text)
    }
}

fn refused(sub_code: &str) -> Bound {
    Bound::Refused { sub_code: sub_code.to_owned() }
}

#[tokio::test]
async fn a_password_grows_old_enough_to_be_replaced_and_too_old_to_sign_in() {
    let policy =
        FakePolicy { minimum_age: DAY, maximum_age: Some(42 * DAY), ..FakePolicy::default() };
    let world = world(Flavour::Samba, policy);
    assert!(matches!(world.set(SECOND).await, Err(SetError::Refused(_))));
    world.clock.advance(DAY);
    world.set(SECOND).await.unwrap();
    world.clock.advance(42 * DAY - Duration::from_millis(1));
    assert_eq!(world.bind(SECOND), Bound::Accepted);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.bind(SECOND), refused("532"));
}

#[tokio::test]
async fn a_lockout_ends_and_wrong_passwords_are_forgotten() {
    let half_hour = Duration::from_secs(1_800);
    let policy = FakePolicy { lockout_duration: half_hour, ..FakePolicy::default() };
    let world = world(Flavour::Samba, policy);
    let wrong = |count| (0..count).for_each(|_| assert_eq!(world.bind("wrong"), refused("52e")));
    wrong(4);
    world.clock.advance(half_hour);
    wrong(4);
    assert_eq!(world.bind(FIRST), Bound::Accepted, "it was forgotten");
    wrong(5);
    assert_eq!(world.bind(FIRST), refused("775"));
    assert!(world.domain.is_locked(world.guid));
    world.clock.advance(half_hour);
    assert!(!world.domain.is_locked(world.guid));
    assert_ne!(world.domain.attribute(world.guid, "lockoutTime").as_deref(), Some("0"));
    assert_eq!(world.bind(FIRST), Bound::Accepted);
    assert_eq!(world.domain.attribute(world.guid, "lockoutTime").as_deref(), Some("0"));
}

#[tokio::test]
async fn windows_refers_whoever_asks_for_another_domain_s_to_its_controllers() {
    for (flavour, result) in [(Flavour::Windows, 10), (Flavour::Samba, 32)] {
        let directory = world(flavour, FakePolicy::default()).directory;
        let there = ["OU=People,DC=sales,DC=fake,DC=test".parse().unwrap()];
        let error = directory.people(&there, 10, &mut |_| {}).await.unwrap_err();
        let DirectoryError::Refused(refusal) = &error else { panic!("{error}") };
        assert_eq!(refusal.result, result, "{error}");
        assert!(refusal.is_not_in_the_domain());
        // Looked for by itself, it is not there.
        let rules = directory.policy(there.first()).await.unwrap().rules;
        assert_eq!(rules, None);
    }
}

#[tokio::test]
async fn a_set_that_takes_too_long_is_in_doubt_and_made_all_the_same() {
    let world = samba();
    world.directory.probe().await.unwrap();
    world.domain.slow(SET_TIME_LIMIT + Duration::from_secs(5));
    let mut set = Box::pin(world.set(SECOND));
    assert!(set.as_mut().now_or_never().is_none());
    world.clock.advance(SET_TIME_LIMIT);
    let error = set.await.unwrap_err();
    assert!(matches!(error, SetError::Unknown { .. }), "{error}");
    assert!(!world.domain.is_password(world.guid, SECOND));
    world.clock.advance(Duration::from_secs(5));
    assert!(world.domain.is_password(world.guid, SECOND));
}

#[tokio::test]
async fn whoever_stops_waiting_has_sent_it_all_the_same() {
    let world = samba();
    world.directory.probe().await.unwrap();
    world.domain.slow(Duration::from_secs(2));
    assert!(world.set(SECOND).now_or_never().is_none());
    world.clock.advance(Duration::from_secs(2));
    assert!(world.domain.is_password(world.guid, SECOND));
    assert_eq!(world.domain.journal().len(), 1);
}

#[tokio::test]
async fn a_moved_role_is_followed_after_the_check() {
    let world = samba();
    world.set(SECOND).await.unwrap();
    world.domain.move_role("dc2").unwrap();
    world.clock.advance(ROLE_CHECK);
    world.set("Third-Password-1").await.unwrap();
    assert_eq!(world.domain.journal()[1].controller, "dc2.fake.test");
}

#[tokio::test]
async fn a_refused_bind_is_held_off_and_tried_again() {
    let world = samba();
    let svc = world.domain.guid_of("svc").unwrap();
    world.domain.disable(svc, true).unwrap();
    let refused = world.directory.probe().await;
    assert!(matches!(refused, Err(DirectoryError::BindRefused { .. })));
    world.domain.disable(svc, false).unwrap();
    assert!(world.directory.probe().await.is_err(), "not asked again yet");
    world.clock.advance(BIND_HOLD_OFF);
    world.directory.probe().await.unwrap();
}

#[tokio::test]
async fn windows_judges_names_and_leaves_the_age_to_the_agent() {
    let policy = FakePolicy { minimum_age: DAY, ..FakePolicy::default() };
    let world = world(Flavour::Windows, policy);
    for name in ["X9-jdevries-y", "X9-VRIES-yy"] {
        let error = world.set(name).await.unwrap_err();
        let SetError::Refused(refusal) = &error else { panic!("{error}") };
        assert!(refusal.is_policy() && refusal.result == 53, "{error}");
        assert!(!refusal.diagnostic.contains("complexity"), "it is mute");
    }
    let rules = world.directory.policy(None).await.unwrap().rules.unwrap();
    assert_eq!(rules.judged_by, Some(protocol::policy::Judge::Windows));
    world.set(SECOND).await.unwrap();
    assert!(world.set(SECOND).await.is_err(), "history is enforced");
    assert_eq!(world.domain.bind("nobody", "x"), refused("525"));
    let gone = ObjectGuid::from_bytes([9; 16]);
    let error = world.directory.set_password(gone, &password(SECOND), LATER).await.unwrap_err();
    assert!(
        matches!(&error, SetError::Refused(one) if one.diagnostic.starts_with("00002030")),
        "{error}"
    );
}

/// "Account groups" are global ones (MS-DRSR 4.1.8.1.3); what Samba counts besides is in the contract.
#[tokio::test]
async fn windows_counts_global_groups_alone_for_fine_grained_policies() {
    const UNIVERSAL: &str = "-2147483640";
    const DOMAIN_LOCAL: &str = "-2147483644";
    const GLOBAL: &str = "-2147483646";
    for (kinds, reaches) in [
        (&[GLOBAL][..], true),
        (&[GLOBAL, GLOBAL], true),
        (&[UNIVERSAL], false),
        (&[DOMAIN_LOCAL], false),
        (&[GLOBAL, UNIVERSAL], false),
        (&[GLOBAL, UNIVERSAL, GLOBAL], false),
    ] {
        let World { domain, directory, guid, .. } = world(Flavour::Windows, FakePolicy::default());
        let mut last = guid;
        for (place, kind) in kinds.iter().enumerate() {
            let name = format!("group-{place}");
            domain.add_group(&name, "OU=People", &[]).unwrap();
            domain.join(last, &name).unwrap();
            last = domain.guid_of(&name).unwrap();
            domain.put(last, "groupType", kind).unwrap();
        }
        let long = FakePolicy { minimum_length: 30, ..FakePolicy::default() };
        domain.add_settings("long", 20, &long, &[&format!("group-{}", kinds.len() - 1)]).unwrap();
        let account = directory.account(guid).await.unwrap().unwrap();
        let source = directory.effective_policy(&account).await.unwrap().source.reference();
        assert_eq!(source == "PSO long", reaches, "{kinds:?}: {source}");
        let set = directory.set_password(guid, &password(SECOND), LATER).await;
        assert_eq!(set.is_err(), reaches, "{kinds:?}");
        // The primary group counts as any other.
        domain.leave(guid, "group-0").unwrap();
        let number = domain.sid_of("group-0").unwrap().domain_rid().unwrap();
        domain.put(guid, "primaryGroupID", &number.to_string()).unwrap();
        let account = directory.account(guid).await.unwrap().unwrap();
        let source = directory.effective_policy(&account).await.unwrap().source.reference();
        assert_eq!(source == "PSO long", reaches, "{kinds:?}: {source}");
    }
}

#[tokio::test]
async fn the_lab_s_forests_have_somebody_of_each_kind() {
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    let make = |seed| (Arc::new(clock.clone()), Arc::new(Seeded::new(seed)));
    let ((one, first), (other, second)) = (make(1), make(2));
    let (corp, fabriek) =
        (Population::corp(one, first).unwrap(), Population::fabriek(other, second).unwrap());
    let service = |population: &Population| {
        let who = &population.service;
        FakeDirectory::new(&population.domain, &who.login, password(&who.password))
    };
    let directory = service(&corp);
    for person in &corp.people {
        let account = directory.account(person.guid).await.unwrap().unwrap();
        let policy = directory.effective_policy(&account).await.unwrap();
        let young =
            directory::too_young(policy.rules.as_ref(), &account, clock_now(&clock)).is_some();
        let seen = [
            (Kind::Disabled, account.is_disabled()),
            (Kind::Locked, account.lockout_time.is_some()),
            (Kind::Expired, account.is_expired(clock_now(&clock))),
            (Kind::MustChange, account.pwd_last_set == directory::PwdLastSet::Never),
            (Kind::CannotChange, account.cannot_change_password),
            (
                Kind::ProtectedNested,
                matches!(directory::protected_by(&account), Some(directory::Protection::Member(_))),
            ),
            (Kind::AdmincountOrphan, account.admin_count),
            (Kind::Pso, young),
        ];
        for (kind, is) in seen {
            assert_eq!(is, person.kind == kind, "{} {kind:?}", person.login);
        }
        let mut bases = vec![corp.domain.below("OU=People").unwrap()];
        assert!(account.dn.is_below(&bases.remove(0)));
    }
    let twin = corp.person_of(Kind::TwoForests).unwrap();
    let other = fabriek.person_of(Kind::TwoForests).unwrap();
    assert_eq!(twin.mail, other.mail);
    let other = service(&fabriek).account(other.guid).await.unwrap().unwrap();
    assert!(other.is_disabled());
    assert_ne!(corp.domain.head(), fabriek.domain.head());
}

fn clock_now(clock: &ManualClock) -> Timestamp {
    protocol::Clock::now(clock)
}

#[tokio::test]
async fn the_same_seed_makes_the_same_domain() {
    let (one, other) = (samba(), samba());
    assert_eq!(one.guid, other.guid);
    assert_eq!(one.directory.witness(one.guid).await, other.directory.witness(other.guid).await);
}
