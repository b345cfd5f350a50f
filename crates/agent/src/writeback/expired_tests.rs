//! A password that expires as it is set: Windows does that to whoever sets it without the right Unexpire
//! Password (SPEC D-12), whatever it was before. Live, and after a crash.

use directory::{AccountFlags, ObjectGuid};
use directory_fake::{FakeDirectory, FakeDomain, Fault, Flavour, NewDomain, NewFakePerson, Rights};
use protocol::{ClearPassword, Operation, Outcome, Passwords};

use super::operations_tests::{World, change, new_one};
use crate::directories::{Connected, Directories};
use crate::guard::tests::settings;
use crate::settings::DirectorySettings;

/// An ordinary person in a directory of some kind.
pub(crate) struct Somebody {
    pub(crate) domain: FakeDomain,
    pub(crate) guid: ObjectGuid,
    /// The present password.
    pub(crate) old: String,
}

/// Gives an agent a directory of that kind, with one person in it.
pub(crate) fn somebody(world: &mut World, flavour: Flavour) -> Somebody {
    let new = NewDomain { flavour, ..NewDomain::new("corp.passback.test") };
    let randomness = std::sync::Arc::new(seal::SystemRandomness::default());
    let clock = std::sync::Arc::new(world.clock.clone());
    let domain = FakeDomain::new(&new, clock, randomness).unwrap();
    domain.add_unit("OU=People").unwrap();
    let service = NewFakePerson::new("svc").in_unit("CN=Users");
    let password = ClearPassword::from_text(&service.password).unwrap();
    domain.add_person(service).unwrap();
    domain.delegate("svc", "OU=People", Rights::ALL).unwrap();
    let person = NewFakePerson::new("anna").in_unit("OU=People");
    let old = person.password.clone();
    let guid = domain.add_person(person).unwrap().guid;
    let settings = DirectorySettings { ous: vec![domain.head()], ..settings() };
    let directory = std::sync::Arc::new(FakeDirectory::new(&domain, "svc", password));
    world.writeback.directories = Directories::of(vec![Connected { settings, directory }]);
    Somebody { domain, guid, old }
}

/// The passwords that an operation takes.
pub(crate) fn passwords(operation: Operation, old: &str) -> Passwords {
    if operation == Operation::Change { change(old) } else { new_one() }
}

/// What somebody is told at once, and what after a crash, where only some have the right.
async fn told(
    name: &str,
    flavour: Flavour,
    operation: Operation,
    prepare: impl Fn(&Somebody),
) -> [Outcome; 2] {
    let mut outcomes = Vec::new();
    for crash in [false, true] {
        let mut world =
            World::new(&format!("expired-{name}-{flavour:?}-{operation:?}-{crash}")).await;
        let somebody = somebody(&mut world, flavour);
        prepare(&somebody);
        if crash {
            somebody.domain.inject(Fault::AnswerLost);
        }
        let passwords = passwords(operation, &somebody.old);
        let (header, outcome) = world.done(operation, somebody.guid, &passwords).await;
        assert_eq!(outcome.is_none(), crash, "{name}");
        outcomes.push(match outcome {
            Some(outcome) => outcome,
            None => world.settled(&header).await,
        });
    }
    [outcomes[0], outcomes[1]]
}

const BOTH: [(Operation, Outcome); 2] =
    [(Operation::Reset, Outcome::PasswordChanged), (Operation::Change, Outcome::ChangedByPerson)];

#[tokio::test]
async fn where_nobody_may_unexpire_whoever_sets_a_password_must_choose_another_one_and_is_told() {
    let nobody_may = |somebody: &Somebody| somebody.domain.everybody_unexpires(false).unwrap();
    for (operation, set) in BOTH {
        let expired = told("missing", Flavour::Windows, operation, nobody_may).await;
        assert_eq!(expired, [Outcome::SetButExpired; 2], "{operation:?}");
        // Samba does not look at the right.
        let ordinary = told("missing", Flavour::Samba, operation, nobody_may).await;
        assert_eq!(ordinary, [set, Outcome::SettledChanged], "{operation:?}");
    }
}

#[tokio::test]
async fn with_the_right_a_password_is_set_and_that_is_all() {
    for (operation, set) in BOTH {
        for flavour in [Flavour::Windows, Flavour::Samba] {
            let ordinary = told("given", flavour, operation, |_| {}).await;
            assert_eq!(ordinary, [set, Outcome::SettledChanged], "{flavour:?} {operation:?}");
        }
    }
}

#[tokio::test]
async fn a_password_that_never_expires_has_not_expired_whatever_stands_there() {
    let prepare = |somebody: &Somebody| {
        let Somebody { domain, guid, .. } = somebody;
        domain.everybody_unexpires(false).unwrap();
        domain.flag(*guid, AccountFlags::PASSWORD_NEVER_EXPIRES, true).unwrap();
    };
    for (operation, set) in BOTH {
        let ordinary = told("never", Flavour::Windows, operation, prepare).await;
        assert_eq!(ordinary, [set, Outcome::SettledChanged], "{operation:?}");
    }
}

/// How often a directory is asked for one operation.
async fn searches(operation: Operation, flavour: Flavour, never_expires: bool) -> u64 {
    let name = format!("expired-asked-{operation:?}-{flavour:?}-{never_expires}");
    let mut world = World::new(&name).await;
    let Somebody { domain, guid, old } = somebody(&mut world, flavour);
    domain.flag(guid, AccountFlags::PASSWORD_NEVER_EXPIRES, never_expires).unwrap();
    let before = domain.searches();
    let changed = world.outcome(operation, guid, &passwords(operation, &old)).await.changed();
    assert_eq!(changed, protocol::Changed::Yes);
    domain.searches() - before
}

/// A question more is time that whoever waits for an answer waits.
#[tokio::test]
async fn only_where_a_password_may_have_expired_is_the_directory_asked_once_more() {
    for (operation, _) in BOTH {
        let samba = searches(operation, Flavour::Samba, false).await;
        assert_eq!(searches(operation, Flavour::Windows, true).await, samba, "{operation:?}");
        assert_eq!(searches(operation, Flavour::Windows, false).await, samba + 1, "{operation:?}");
        // Standing, account, and the policy: its source and its rules.
        assert_eq!(samba, 4, "{operation:?}");
    }
}
