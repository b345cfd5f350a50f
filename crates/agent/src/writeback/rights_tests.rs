//! What the service account may not do to a person, where the controller does not say that it is a right.

use directory::security::rights::CHANGE_PASSWORD;
use directory::security::{Ace, SecurityDescriptor, mask};
use directory::{ObjectGuid, Sid};
use directory_fake::{FakeDomain, Flavour, Rights};
use protocol::{Operation, Outcome};

use super::expired_tests::{Somebody, passwords, somebody};
use super::operations_tests::World;

/// Takes Change Password from the service account: what is granted on the unit, and what the person's list
/// grants to everybody. The person keeps it, whose "user cannot change password" is not set by this.
fn nobody_else_changes(domain: &FakeDomain, guid: ObjectGuid) {
    let rights = Rights { change_password: false, ..Rights::ALL };
    domain.delegate("svc", "OU=People", rights).unwrap();
    let by_everybody = |entry: &Ace| {
        entry.access().is_some_and(|one| {
            one.object_type == Some(CHANGE_PASSWORD) && one.trustee == Sid::everyone()
        })
    };
    let without = |held: &mut SecurityDescriptor| {
        held.dacl.as_mut().unwrap().entries.retain(|entry| !by_everybody(entry));
    };
    domain.secure(guid, without).unwrap();
}

async fn changed(name: &str, prepare: impl Fn(&Somebody)) -> Outcome {
    let mut world = World::new(name).await;
    let somebody = somebody(&mut world, Flavour::Samba);
    prepare(&somebody);
    let passwords = passwords(Operation::Change, &somebody.old);
    world.outcome(Operation::Change, somebody.guid, &passwords).await
}

/// Samba answers as to a restriction, without a code (SPEC 5, D-12).
#[tokio::test]
async fn who_lacks_change_password_at_samba_is_told_to_lack_a_right() {
    let lacking = changed("rights-lacking", |one| nobody_else_changes(&one.domain, one.guid)).await;
    assert_eq!(lacking, Outcome::PermissionMissing);
    // The operator looks for that one among the rights.
    assert!(lacking.operator_text().contains("Change Password"), "{}", lacking.operator_text());
    let has = changed("rights-there", |_| {}).await;
    assert_eq!(has, Outcome::ChangedByPerson);
    let again = changed("rights-again", |one| {
        nobody_else_changes(&one.domain, one.guid);
        let everyone = Ace::allow(mask::CONTROL_ACCESS, Sid::everyone()).on(CHANGE_PASSWORD);
        let give = |held: &mut SecurityDescriptor| {
            held.dacl.as_mut().unwrap().add(everyone.clone());
        };
        one.domain.secure(one.guid, give).unwrap();
    });
    assert_eq!(again.await, Outcome::ChangedByPerson);
}
