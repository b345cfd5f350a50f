//! The agent's own account, in scope and with every right: nothing is ever written to it (SPEC D-6).

use protocol::Operation;

use super::operations_tests::{World, change, password};
use super::*;

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
