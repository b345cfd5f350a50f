//! Which policy is believed before a set: the one that the last import saw, where it lets somebody
//! pass; else the one that the directory has now (decision 0010).

use std::sync::Arc;
use std::time::Duration;

use directory::ObjectGuid;
use directory_fake::{
    FakeDirectory, FakeDomain, FakePolicy, Fault, Flavour, NewDomain, NewFakePerson,
    PolicyControls, Rights,
};
use lab::Kind;
use protocol::scim::PolicyReference;
use protocol::{Changed, ClearPassword, Operation, Outcome, PasswordPolicy, Passwords};

use super::expired_tests::passwords;
use super::operations_tests::World;
use crate::directories::{Connected, Directories};
use crate::guard::tests::settings;
use crate::settings::DirectorySettings;

const DAY: Duration = Duration::from_secs(86_400);

fn seen(minimum_age: Duration) -> Option<PolicyReference> {
    let rules = PasswordPolicy::default().with_minimum_age(minimum_age);
    Some(PolicyReference { reference: "domain".to_owned(), rules: Some(rules) })
}

/// What somebody is told about a reset whose import saw that policy.
async fn reset(name: &str, kind: Kind, seen: Option<PolicyReference>) -> Outcome {
    let mut world = World::new(name).await;
    world.seen = seen;
    let (guid, _) = world.person(kind);
    let passwords = Passwords::New(ClearPassword::from_text("Meadow-Lantern-2025").unwrap());
    told(&mut world, guid, &passwords).await
}

/// The same where whatever is sent would be lost and leave doubt.
async fn refused_unsent(name: &str, kind: Kind, seen: Option<PolicyReference>) -> Outcome {
    let mut world = World::new(name).await;
    world.seen = seen;
    let (guid, _) = world.person(kind);
    let passwords = Passwords::New(ClearPassword::from_text("Meadow-Lantern-2025").unwrap());
    world.population.domain.inject(Fault::RequestLost);
    told(&mut world, guid, &passwords).await
}

async fn told(world: &mut World, guid: ObjectGuid, passwords: &Passwords) -> Outcome {
    let (header, outcome) = world.done(Operation::Reset, guid, passwords).await;
    let entry = world.writeback.journal.entry(header.request).await.unwrap().unwrap();
    let (answer, outcome) = (entry.answer.unwrap(), outcome.unwrap());
    // Whatever is said about an age comes with the moment.
    assert_eq!(answer.details.not_before.is_some(), outcome == Outcome::PolicyTooYoung);
    outcome
}

/// Rules that the import saw, with that least length.
fn long(minimum_length: u32) -> Option<PolicyReference> {
    let rules = PasswordPolicy { minimum_length, ..PasswordPolicy::default() };
    Some(PolicyReference { reference: "domain".to_owned(), rules: Some(rules) })
}

/// Whatever is sent is lost here, and would leave doubt.
async fn unsent(name: &str, seen: Option<PolicyReference>, text: &str) -> Option<Outcome> {
    let mut world = World::new(name).await;
    world.seen = seen;
    let (guid, _) = world.person(Kind::Ordinary);
    let passwords = Passwords::New(ClearPassword::from_text(text).unwrap());
    world.population.domain.inject(Fault::RequestLost);
    world.done(Operation::Reset, guid, &passwords).await.1
}

#[tokio::test]
async fn what_is_certain_to_be_refused_is_not_sent() {
    let short = unsent("certain-short", None, "Aa1-").await;
    assert_eq!(short, Some(Outcome::PolicyTooShort));
    let plain = unsent("certain-plain", None, "meadowlantern").await;
    assert_eq!(plain, Some(Outcome::PolicyNotComplex));
    let good = unsent("certain-good", None, "Meadow-Lantern-2025").await;
    assert_eq!(good, None, "it was sent");
}

#[tokio::test]
async fn rules_that_the_import_saw_refuse_nobody_by_themselves() {
    // Relaxed since: the directory asks for less than the import saw.
    let relaxed = unsent("stale-relaxed", long(200), "Meadow-Lantern-2025").await;
    assert_eq!(relaxed, None, "it was sent");
    let still = unsent("stale-still", long(200), "Aa1-").await;
    assert_eq!(still, Some(Outcome::PolicyTooShort));
    // Tightened since, which costs the good path no question: the directory says so itself.
    let outcome = {
        let mut world = World::new("stale-tightened").await;
        world.seen = long(0);
        let (guid, _) = world.person(Kind::Ordinary);
        let passwords = Passwords::New(ClearPassword::from_text("Aa1-").unwrap());
        world.outcome(Operation::Reset, guid, &passwords).await
    };
    assert_eq!(outcome, Outcome::PolicyTooShort);
}

/// A fine-grained policy that the service account may not read.
#[tokio::test]
async fn a_reset_whose_least_age_nobody_looked_at_stands_in_the_trail_as_one() {
    let hidden = PolicyReference { reference: "PSO Strict".to_owned(), rules: None };
    for (name, seen, operation, said) in [
        ("age-hidden", Some(hidden.clone()), Operation::Reset, true),
        ("age-shown", seen(Duration::ZERO), Operation::Reset, false),
        ("age-unlock", Some(hidden), Operation::Unlock, false),
    ] {
        let mut world = World::new(name).await;
        world.seen = seen;
        let unlock = operation == Operation::Unlock;
        let (guid, _) = world.person(if unlock { Kind::Locked } else { Kind::Ordinary });
        let new = || ClearPassword::from_text("Meadow-Lantern-2025").unwrap();
        let passwords = if unlock { Passwords::None } else { Passwords::New(new()) };
        let (header, outcome) = world.done(operation, guid, &passwords).await;
        assert!(matches!(outcome, Some(Outcome::PasswordChanged | Outcome::Unlocked)), "{name}");
        let told = world.trail(&header).await;
        let says = told.iter().any(|event| event == "writeback.minimum_age_unknown");
        assert_eq!(says, said, "{name}: {told:?}");
    }
}

impl World {
    /// From now on the directory is one in which a reset may go without the policy-hints control.
    fn allows_without_policy_control(&mut self) {
        let settings = &self.writeback.directories.all()[0].settings;
        let settings = DirectorySettings { allow_without_policy_control: true, ..settings.clone() };
        let service = &self.population.service;
        let password = ClearPassword::from_text(&service.password).unwrap();
        let directory = FakeDirectory::new(&self.population.domain, &service.login, password);
        let directory = Arc::new(directory.configured(true, &[]));
        self.writeback.directories = Directories::of(vec![Connected { settings, directory }]);
    }
}

/// SPEC D-2: whoever reads the trail later is to know which resets asked for no history.
#[tokio::test]
async fn a_reset_at_a_controller_that_enforces_no_history_stands_in_the_trail_as_one() {
    for (offers, operation, said) in [
        (PolicyControls::None, Operation::Reset, true),
        (PolicyControls::None, Operation::ResetByAdministrator, true),
        (PolicyControls::None, Operation::Change, false),
        (PolicyControls::None, Operation::Unlock, false),
        (PolicyControls::DeprecatedOnly, Operation::Reset, false),
    ] {
        let name = format!("history-{offers:?}-{operation:?}");
        let mut world = World::new(&name).await;
        world.allows_without_policy_control();
        world.population.domain.offer("dc1", offers).unwrap();
        let unlock = operation == Operation::Unlock;
        let (guid, old) = world.person(if unlock { Kind::Locked } else { Kind::Ordinary });
        let passwords = if unlock { Passwords::None } else { passwords(operation, &old) };
        let (header, outcome) = world.done(operation, guid, &passwords).await;
        let outcome = outcome.unwrap();
        assert!(outcome.changed() == Changed::Yes || outcome == Outcome::Unlocked, "{name}");
        let trail = world.trail(&header).await;
        let says = trail.iter().any(|event| event == "writeback.history_not_enforced");
        assert_eq!(says, said, "{name}: {trail:?}");
    }
}

/// A directory of Windows's kind, with one person whose fine-grained policy asks for a day.
fn windows(world: &mut World, may_read: bool) -> ObjectGuid {
    let new = NewDomain { flavour: Flavour::Windows, ..NewDomain::new("corp.passback.test") };
    let randomness = Arc::new(seal::SystemRandomness::default());
    let domain = FakeDomain::new(&new, Arc::new(world.clock.clone()), randomness).unwrap();
    domain.add_unit("OU=People").unwrap();
    let service = NewFakePerson::new("svc").in_unit("CN=Users");
    let password = ClearPassword::from_text(&service.password).unwrap();
    domain.add_person(service).unwrap();
    domain.delegate("svc", "OU=People", Rights::ALL).unwrap();
    if may_read {
        domain.delegate_settings("svc").unwrap();
    }
    let guid = domain.add_person(NewFakePerson::new("young").in_unit("OU=People")).unwrap().guid;
    let policy = FakePolicy { minimum_age: DAY, ..FakePolicy::default() };
    domain.add_settings("Strict", 10, &policy, &["young"]).unwrap();
    let settings = DirectorySettings { ous: vec![domain.head()], ..settings() };
    let directory = Arc::new(FakeDirectory::new(&domain, "svc", password));
    world.writeback.directories = Directories::of(vec![Connected { settings, directory }]);
    guid
}

/// Windows judges the history alone on a reset with policy hints, as far as it is documented.
#[tokio::test]
async fn where_windows_asks_for_no_age_and_the_agent_cannot_the_trail_says_so() {
    for (name, may_read, outcome) in [
        ("windows-hidden", false, Outcome::PasswordChanged),
        ("windows-shown", true, Outcome::PolicyTooYoung),
    ] {
        let mut world = World::new(name).await;
        let guid = windows(&mut world, may_read);
        let passwords = Passwords::New(ClearPassword::from_text("Meadow-Lantern-2025").unwrap());
        let (header, told) = world.done(Operation::Reset, guid, &passwords).await;
        assert_eq!(told, Some(outcome), "{name}");
        let trail = world.trail(&header).await;
        let says = trail.iter().any(|event| event == "writeback.minimum_age_unknown");
        assert_eq!(says, !may_read, "{name}: {trail:?}");
    }
}

#[tokio::test]
async fn an_age_that_is_no_longer_asked_for_refuses_nobody() {
    let outcome = reset("age-gone", Kind::Ordinary, seen(DAY)).await;
    assert_eq!(outcome, Outcome::PasswordChanged);
}

#[tokio::test]
async fn without_an_imported_policy_the_directory_is_asked() {
    let outcome = refused_unsent("age-asked", Kind::Pso, None).await;
    assert_eq!(outcome, Outcome::PolicyTooYoung);
    let outcome = reset("age-asked-plain", Kind::Ordinary, None).await;
    assert_eq!(outcome, Outcome::PasswordChanged);
}

#[tokio::test]
async fn an_age_that_the_import_knows_is_told_before_anything_is_sent() {
    let outcome = refused_unsent("age-known", Kind::Pso, seen(DAY)).await;
    assert_eq!(outcome, Outcome::PolicyTooYoung);
}

/// The fake refuses it as Samba does; Windows documents that for the history alone.
#[tokio::test]
async fn an_age_that_came_after_the_import_is_the_directorys_to_refuse_and_named_by_its_rules_of_now()
 {
    let outcome = reset("age-new", Kind::Pso, seen(Duration::ZERO)).await;
    assert_eq!(outcome, Outcome::PolicyTooYoung);
}
