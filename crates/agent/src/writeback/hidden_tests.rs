//! What the service account may not read of a person: nothing is claimed by its absence.

use std::time::Duration;

use directory::security::rights::Judged;
use directory::security::{Ace, mask};
use directory::{ObjectGuid, Sid};
use directory_fake::{FakeDomain, Fault, Flavour};
use lab::Kind;
use protocol::limits::SET_TIME_LIMIT;
use protocol::scim::PolicyReference;
use protocol::{Operation, Outcome, PasswordPolicy, Passwords};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::expired_tests::{Somebody, somebody};
use super::operations_tests::{NEW, World, new_one, password};
use crate::settle::Settler;

/// Hides an attribute of somebody from whoever signs in, or shows it again.
pub(super) fn hide(domain: &FakeDomain, guid: ObjectGuid, attribute: Judged, hidden: bool) {
    let denial = Ace::deny(mask::READ_PROPERTY, Sid::authenticated_users());
    let denial = denial.on(attribute.property().attribute);
    let change = domain.secure(guid, |security| {
        let entries = &mut security.dacl.as_mut().unwrap().entries;
        match hidden {
            true => entries.insert(0, denial),
            false => entries.retain(|entry| *entry != denial),
        }
    });
    change.unwrap();
}

/// Whoever settles begins to look.
async fn settles(world: &World) {
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    Settler::new(world.writeback.clone(), tasks, stop).settle_all().await.unwrap();
}

#[tokio::test]
async fn nobody_is_called_not_locked_whose_lockout_may_not_be_read() {
    let mut world = World::new("hidden-lockout").await;
    let (guid, _) = world.person(Kind::Locked);
    let domain = world.population.domain.clone();
    hide(&domain, guid, Judged::LockoutTime, true);
    let unlocked = world.outcome(Operation::Unlock, guid, &Passwords::None).await;
    assert_eq!((unlocked, domain.is_locked(guid)), (Outcome::Unlocked, false));
}

#[tokio::test]
async fn an_unlock_in_doubt_is_not_settled_by_a_lockout_that_may_not_be_read() {
    for (number, fault, settled) in [
        (0, Fault::RequestLost, Outcome::SettledUnchanged),
        (1, Fault::AnswerLost, Outcome::Unlocked),
    ] {
        let mut world = World::new(&format!("hidden-unlock-{number}")).await;
        world.is_patient();
        let (guid, _) = world.person(Kind::Locked);
        // It was locked long before.
        world.clock.advance(SET_TIME_LIMIT * 30);
        let domain = world.population.domain.clone();
        hide(&domain, guid, Judged::LockoutTime, true);
        domain.inject(fault);
        let (header, doubt) = world.done(Operation::Unlock, guid, &Passwords::None).await;
        assert_eq!(doubt, None);
        settles(&world).await;
        for _ in 1..SET_TIME_LIMIT.as_secs() {
            world.sleeping().await;
            world.clock.advance(Duration::from_secs(1));
        }
        world.sleeping().await;
        let entry = world.writeback.journal.entry(header.request).await.unwrap().unwrap();
        assert!(entry.answer.is_none(), "{settled:?}");
        hide(&domain, guid, Judged::LockoutTime, false);
        assert_eq!(world.goes_on(&header).await, settled);
    }
}

/// A right that is never granted keeps nobody from the next request.
#[tokio::test]
async fn an_unlock_in_doubt_whose_lockout_may_never_be_read_ends_after_the_time_for_a_set() {
    for fault in [Fault::RequestLost, Fault::AnswerLost] {
        let mut world = World::new(&format!("hidden-unlock-ends-{fault:?}")).await;
        world.is_patient();
        let (guid, _) = world.person(Kind::Locked);
        let domain = world.population.domain.clone();
        hide(&domain, guid, Judged::LockoutTime, true);
        domain.inject(fault);
        let (header, doubt) = world.done(Operation::Unlock, guid, &Passwords::None).await;
        assert_eq!(doubt, None);
        let meanwhile = world.outcome(Operation::Reset, guid, &new_one()).await;
        assert_eq!(meanwhile, Outcome::AlreadyInFlight);
        assert_eq!(world.settled(&header).await, Outcome::CannotBeKnown);
        let later = world.outcome(Operation::Reset, guid, &new_one()).await;
        assert_eq!(later, Outcome::PasswordChanged);
    }
}

/// The domain's rules may not be those of the person.
#[tokio::test]
async fn no_rule_is_held_against_a_password_whose_policy_may_not_be_read() {
    let mut world = World::new("hidden-policy").await;
    let (guid, _) = world.person(Kind::Ordinary);
    let domain = world.population.domain.clone();
    let short = Passwords::New(password("Aa1-"));
    assert_eq!(world.outcome(Operation::Reset, guid, &short).await, Outcome::PolicyTooShort);
    hide(&domain, guid, Judged::ResultantPso, true);
    // The directory says it, and not by which rule.
    let (header, refused) = world.done(Operation::Reset, guid, &short).await;
    assert_eq!(refused, Some(Outcome::PolicyOther));
    let trail = world.trail(&header).await;
    assert!(trail.iter().any(|event| event == "writeback.minimum_age_unknown"), "{trail:?}");
    // What the import took for the rules refuses nobody, either.
    let rules = PasswordPolicy { minimum_length: 200, ..PasswordPolicy::default() };
    let reference = "domain".to_owned();
    world.seen = Some(PolicyReference { reference, rules: Some(rules) });
    assert_eq!(world.outcome(Operation::Reset, guid, &new_one()).await, Outcome::PasswordChanged);
    assert!(domain.is_password(guid, NEW));
}

/// Windows judges the history alone on a reset with policy hints, as far as it is documented.
#[tokio::test]
async fn a_reset_of_a_password_whose_age_may_not_be_read_stands_in_the_trail_as_one() {
    for (age, hidden, said) in [(1, true, true), (0, true, false), (0, false, false)] {
        let name = format!("hidden-age-{age}-{hidden}");
        let mut world = World::new(&name).await;
        let Somebody { domain, guid, .. } = somebody(&mut world, Flavour::Windows);
        hide(&domain, guid, Judged::PwdLastSet, hidden);
        let age = Duration::from_secs(age * 86_400);
        let rules = PasswordPolicy::default().with_minimum_age(age);
        let reference = "domain".to_owned();
        world.seen = Some(PolicyReference { reference, rules: Some(rules) });
        let (header, outcome) = world.done(Operation::Reset, guid, &new_one()).await;
        assert_eq!(outcome, Some(Outcome::PasswordChanged), "{name}");
        let trail = world.trail(&header).await;
        let says = trail.iter().any(|event| event == "writeback.minimum_age_unknown");
        assert_eq!(says, said, "{name}: {trail:?}");
    }
}
