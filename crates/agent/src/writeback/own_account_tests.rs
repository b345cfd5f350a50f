//! The agent's own account, in scope and with every right: nothing is ever written to it (SPEC D-6).

use directory_fake::{FakeDirectory, NewFakePerson};
use lab::Kind;
use protocol::{ClearPassword, Operation};

use super::operations_tests::{World, change, password};
use super::*;
use crate::directories::Connected;
use crate::settings::DirectorySettings;

#[tokio::test]
async fn whatever_is_asked_for_the_agent_s_own_account_is_refused_and_nothing_is_sent() {
    let mut world = World::new("own-account").await;
    let service = world.population.service.clone();
    let domain = world.population.domain.clone();
    // In a group, so that its token has more SIDs than its own.
    let guid = domain.guid_of(&service.login).unwrap();
    domain.add_group("Agents", "OU=Tests", &[]).unwrap();
    domain.join(guid, "Agents").unwrap();
    let directory = &world.writeback.directories.all()[0].directory;
    let before = directory.witness(guid).await.unwrap();
    let new = || Passwords::New(password("Meadow-Lantern-2025"));
    for (operation, passwords) in [
        (Operation::Reset, new()),
        (Operation::ResetByAdministrator, new()),
        (Operation::Unlock, Passwords::None),
        (Operation::Change, change(&service.password)),
    ] {
        let outcome = world.outcome(operation, guid, &passwords).await;
        assert_eq!(outcome, Outcome::Protected, "{operation:?}");
    }
    let directory = &world.writeback.directories.all()[0].directory;
    assert_eq!(directory.witness(guid).await.unwrap(), before);
    assert!(domain.is_password(guid, &service.password));
}

/// Two directories, each with an account of its own: that of the second stands in the first one's domain.
#[tokio::test]
async fn the_account_of_another_directory_is_the_agent_s_own_as_well_whether_that_answers_or_not() {
    for answers in [true, false] {
        let mut world = World::new(&format!("own-accounts-{answers}")).await;
        let domain = world.population.domain.clone();
        let other = NewFakePerson::new("svc-sales");
        let present = other.password.clone();
        let guid = world.population.add(other).unwrap().guid;
        let directory =
            FakeDirectory::new(&domain, "svc-sales", ClearPassword::from_text(&present).unwrap());
        let Connected { settings, directory: first } = &world.writeback.directories.all()[0];
        let first = Connected { settings: settings.clone(), directory: Arc::clone(first) };
        // As soon as it answers, how it is called in the configuration says nothing any more.
        let bind_name = if answers { "of no form" } else { "CORP\\svc-sales" };
        let settings = DirectorySettings {
            name: "sales".parse().unwrap(),
            domain: "sales.test".into(),
            bind_name: bind_name.into(),
            ..settings.clone()
        };
        let sales = Connected { settings, directory: Arc::new(directory) };
        world.writeback.directories = Directories::of(vec![first, sales]);
        if answers {
            let directories = &world.writeback.directories;
            let [_, sales] = directories.all() else { panic!("two directories") };
            let probe = sales.directory.probe().await.unwrap();
            directories.heard(sales, probe.bound_as.as_ref());
        }
        let new = || Passwords::New(password("Meadow-Lantern-2025"));
        for (operation, passwords) in [
            (Operation::Reset, new()),
            (Operation::ResetByAdministrator, new()),
            (Operation::Unlock, Passwords::None),
            (Operation::Change, change(&present)),
        ] {
            let outcome = world.outcome(operation, guid, &passwords).await;
            assert_eq!(outcome, Outcome::Protected, "{operation:?} {answers}");
        }
        assert!(domain.is_password(guid, &present));
        let (ordinary, _) = world.person(Kind::Ordinary);
        let outcome = world.outcome(Operation::Reset, ordinary, &new()).await;
        assert_eq!(outcome, Outcome::PasswordChanged, "{answers}");
    }
}
