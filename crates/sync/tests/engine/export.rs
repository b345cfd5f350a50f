//! Joining, flows, and what the cloud is told.

use crate::world::{NOW, World, cloud_anchor, directory, person, source_anchor, with};
use protocol::Timestamp;
use sync::rules::RuleOptions;
use sync::{CloudUser, ConnectorName, PendingExport, Resolution, SyncError, SyncOptions};

fn user(export: &PendingExport) -> &CloudUser {
    match export {
        PendingExport::Add { user } | PendingExport::Update { user, .. } => user,
        PendingExport::Delete { .. } => panic!("a deletion"),
    }
}

/// What the cloud would show of a person who was exported.
async fn exported(world: &World) -> Vec<CloudUser> {
    world.pending().await.iter().map(|export| user(export).clone()).collect()
}

#[tokio::test]
async fn a_new_person_is_added_with_what_scim_carries() {
    let world = World::new().await;
    let policy = r#"{"reference":"domain","rules":{"minimumLength":7,"complexity":true,"historyLength":24,"minimumAgeSeconds":0}}"#;
    world.import("corp", &[with(person(1), "policy", policy)]).await;
    world.synchronise().await;
    let pending = exported(&world).await;
    let [user] = pending.as_slice() else { panic!("{pending:?}") };
    assert_eq!(user.source_anchor, source_anchor(1));
    assert_eq!(user.user_name, "person1@corp.example");
    assert_eq!(user.display_name, "Person 1");
    assert!(user.active);
    assert_eq!(user.emails, ["person1@home.example"]);
    assert_eq!(user.pwd_last_set, Some(Timestamp::from_millis(1_700_000_000_123)));
    assert_eq!(user.policy.rules.as_ref().unwrap().minimum_length, 7);
}

#[tokio::test]
async fn a_person_without_a_principal_name_signs_in_with_the_account_name() {
    let world = World::new().await;
    let mut object = person(1);
    object.attributes.remove("userPrincipalName");
    world.import("corp", &[object]).await;
    world.synchronise().await;
    assert_eq!(exported(&world).await[0].user_name, "person1");
}

#[tokio::test]
async fn a_disabled_person_is_exported_as_not_active() {
    let world = World::with_people(&[person(1)]).await;
    world.import("corp", &[with(person(1), "userAccountControl", "514")]).await;
    world.synchronise().await;
    assert!(!exported(&world).await[0].active);
}

#[tokio::test]
async fn addresses_come_from_the_attributes_that_are_configured() {
    let world = World::new().await;
    let object = with(person(1), "mail", "person1@corp.example");
    world.import("corp", &[object]).await;
    world.synchronise().await;
    assert_eq!(exported(&world).await[0].emails, ["person1@home.example"], "`mail` is off");
    let names = vec!["mail".to_owned(), "otherMailbox".to_owned()];
    let rules = RuleOptions {
        address_attributes: [(directory("corp"), names)].into(),
        ..RuleOptions::default()
    };
    let options = SyncOptions { rules, ..SyncOptions::default() };
    let state = world.state.clone().with_options(options);
    state.synchronise(NOW).await.unwrap();
    let emails = &exported(&world).await[0].emails;
    assert_eq!(*emails, ["person1@corp.example", "person1@home.example"]);

    // What is configured for one directory does not hold for another one.
    world.import("subsidiary", &[with(person(2), "mail", "person2@corp.example")]).await;
    state.synchronise(NOW).await.unwrap();
    assert_eq!(exported(&world).await[1].emails, ["person2@home.example"]);
}

#[tokio::test]
async fn only_what_differs_from_the_last_export_is_exported() {
    let world = World::with_people(&[person(1), person(2)]).await;
    assert_eq!(world.synchronise().await.pending_updates, 0);
    // An attribute that SCIM does not carry is no change.
    let unseen = with(person(1), "description", "x");
    world.import("corp", &[unseen, with(person(2), "displayName", "Other")]).await;
    world.synchronise().await;
    let pending = world.export().await.unwrap();
    let [PendingExport::Update { cloud_anchor: to, user }] = pending.as_slice() else {
        panic!("{pending:?}")
    };
    assert_eq!((to, user.display_name.as_str()), (&cloud_anchor(2), "Other"));
    assert_eq!(world.pending().await, [], "confirmed");
    assert_eq!(world.synchronise().await.pending_updates, 0);
}

#[tokio::test]
async fn an_export_is_confirmed_by_the_next_import_of_the_cloud() {
    let world = World::new().await;
    world.import("corp", &[person(1)]).await;
    world.synchronise().await;
    let sent = exported(&world).await;
    world.export().await.unwrap();
    let unconfirmed = || async { world.state.status().await.unwrap().unconfirmed };
    assert_eq!(unconfirmed().await, 1);
    let report = world.import_cloud(&[(cloud_anchor(1), sent[0].clone())]).await;
    assert_eq!((report.unchanged, unconfirmed().await), (1, 0));
    assert!(world.state.lineage("person1").await.unwrap().cloud[0].confirmed);
}

#[tokio::test]
async fn an_export_that_the_cloud_does_not_hold_is_sent_again() {
    let world = World::new().await;
    world.import("corp", &[person(1)]).await;
    world.synchronise().await;
    let mut held = exported(&world).await.remove(0);
    world.export().await.unwrap();
    held.display_name = "Something else".to_owned();
    world.import_cloud(&[(cloud_anchor(1), held)]).await;
    assert_eq!(world.synchronise().await.pending_updates, 1);
}

#[tokio::test]
async fn an_addition_whose_answer_was_lost_is_found_by_the_import_and_joined() {
    let world = World::new().await;
    world.import("corp", &[person(1)]).await;
    world.synchronise().await;
    let sent = exported(&world).await.remove(0);
    world.import_cloud(&[(cloud_anchor(1), sent)]).await;
    let report = world.synchronise().await;
    assert_eq!((report.joined, report.pending_adds, report.pending_updates), (1, 0, 0));
    assert!(matches!(world.resolve(1).await, Resolution::Account(_)));
}

#[tokio::test]
async fn a_person_whom_the_cloud_lost_is_added_again() {
    let world = World::with_people(&[person(1)]).await;
    world.import_cloud(&[]).await;
    let report = world.synchronise().await;
    assert_eq!((report.pending_adds, report.pending_deletes), (1, 0));
}

#[tokio::test]
async fn an_addition_during_an_import_of_the_cloud_is_not_lost() {
    let world = World::new().await;
    world.import("corp", &[person(1)]).await;
    world.synchronise().await;
    // The import has read the cloud before the person was there.
    let run = world.state.begin_import(&ConnectorName::cloud()).await.unwrap();
    world.export().await.unwrap();
    assert_eq!(run.finish(NOW).await.unwrap().deleted, 0);
    assert!(matches!(world.resolve(1).await, Resolution::Account(_)));
}

#[tokio::test]
async fn an_answer_may_come_twice_or_late() {
    let world = World::with_people(&[person(1), person(2)]).await;
    let state = &world.state;
    state.confirm_added(&source_anchor(1), &cloud_anchor(1)).await.unwrap();
    assert_eq!(world.synchronise().await.pending_updates, 0, "the second one changes nothing");

    // An answer after a synchronisation that no longer wants it: the person left in between.
    world.import("corp", &[person(1), person(2), person(3)]).await;
    world.synchronise().await;
    world.import("corp", &[person(1), person(2)]).await;
    world.synchronise().await;
    state.confirm_added(&source_anchor(3), &cloud_anchor(3)).await.unwrap();
    let report = world.synchronise().await;
    assert_eq!((report.pending_deletes, report.pending_updates), (1, 0));
}

#[tokio::test]
async fn a_person_who_left_is_deleted_in_the_cloud_once() {
    let world = World::with_people(&[person(1), person(2)]).await;
    world.import("corp", &[person(2)]).await;
    assert_eq!(world.synchronise().await.removed, 1);
    let delete =
        PendingExport::Delete { cloud_anchor: cloud_anchor(1), source_anchor: source_anchor(1) };
    assert_eq!(world.pending().await, std::slice::from_ref(&delete));
    world.synchronise().await;
    assert_eq!(world.export().await.unwrap(), [delete], "until the cloud has said so");
    assert_eq!(world.synchronise().await.pending_deletes, 0);
}

#[tokio::test]
async fn a_person_who_came_back_in_time_is_not_deleted() {
    let world = World::with_people(&[person(1)]).await;
    world.import("corp", &[]).await;
    assert_eq!(world.synchronise().await.pending_deletes, 1);
    world.import("corp", &[person(1)]).await;
    let report = world.synchronise().await;
    assert_eq!((report.pending_deletes, report.pending_adds), (0, 0));
    assert!(matches!(world.resolve(1).await, Resolution::Account(_)));
}

#[tokio::test]
async fn a_cloud_user_that_was_never_ours_is_never_deleted_or_changed() {
    let world = World::new().await;
    world.import("corp", &[person(1)]).await;
    world.synchronise().await;
    let mut foreign = exported(&world).await.remove(0);
    foreign.source_anchor = source_anchor(50);
    world.export().await.unwrap();
    world.import_cloud(&[(cloud_anchor(50), foreign)]).await;
    // The import did not see cloud-1: that one is added again, the foreign one left alone.
    world.synchronise().await;
    let pending = world.pending().await;
    assert!(matches!(pending.as_slice(), [PendingExport::Add { .. }]), "{pending:?}");
    assert_eq!(world.resolve(50).await, Resolution::NoCloudLink);
}

#[tokio::test]
async fn more_deletions_than_the_threshold_stop_the_export_before_the_first() {
    let people: Vec<_> = (0..503).map(person).collect();
    let world = World::with_people(&people).await;
    world.import("corp", &people[501..]).await;
    assert_eq!(world.synchronise().await.pending_deletes, 501);
    let refused = world.state.pending_exports().await;
    let expected =
        matches!(refused, Err(SyncError::TooManyDeletions { pending: 501, threshold: 500 }));
    assert!(expected, "{refused:?}");
    // One person less is not more than 500.
    world.import("corp", &people[500..]).await;
    world.synchronise().await;
    assert_eq!(world.pending().await.len(), 500);
}

#[tokio::test]
async fn the_threshold_can_be_set() {
    let world = World::with_people(&[person(1), person(2)]).await;
    world.import("corp", &[]).await;
    world.synchronise().await;
    let options = SyncOptions { deletion_threshold: 1, ..SyncOptions::default() };
    let strict = world.state.clone().with_options(options);
    assert!(matches!(strict.pending_exports().await, Err(SyncError::TooManyDeletions { .. })));
    assert_eq!(world.pending().await.len(), 2);
}

#[tokio::test]
async fn deletions_come_before_additions_that_may_need_the_login() {
    let world = World::with_people(&[person(1)]).await;
    world.import("corp", &[with(person(2), "userPrincipalName", "person1@corp.example")]).await;
    world.synchronise().await;
    let pending = world.pending().await;
    let in_order = [
        matches!(pending[0], PendingExport::Delete { .. }),
        matches!(pending[1], PendingExport::Add { .. }),
    ];
    assert_eq!(in_order, [true, true]);
}

#[tokio::test]
async fn computers_and_system_objects_are_disconnectors() {
    let world = World::new().await;
    let mut computer = person(1);
    computer.attributes.get_mut("objectClass").unwrap().push("computer".to_owned());
    let critical = with(person(2), "isCriticalSystemObject", "TRUE");
    world.import("corp", &[computer, critical, person(3)]).await;
    let report = world.synchronise().await;
    assert_eq!((report.projected, report.disconnectors), (1, 2));
    let status = world.state.status().await.unwrap();
    assert_eq!(status.connectors[0].disconnectors, 2);
    assert_eq!((status.metaverse_objects, status.pending.adds), (1, 1));
    assert_eq!(status.synchronised_at, Some(NOW));
    assert_eq!(status.connectors[0].imported_at, Some(NOW));
}

#[tokio::test]
async fn the_enabled_account_describes_a_person_with_two() {
    let world = World::new().await;
    let disabled = with(with(person(1), "userAccountControl", "514"), "displayName", "Old");
    world.import("a-first", &[disabled]).await;
    world.import("b-second", &[with(person(1), "displayName", "New")]).await;
    world.synchronise().await;
    let pending = exported(&world).await;
    assert_eq!(pending.len(), 1);
    assert_eq!((pending[0].display_name.as_str(), pending[0].active), ("New", true));
}

#[tokio::test]
async fn readers_see_one_state_while_others_write() {
    let world = World::with_people(&(0..200).map(person).collect::<Vec<_>>()).await;
    let state = world.state.clone();
    let writing = tokio::spawn(async move {
        for round in 0..5 {
            let mut run = state.begin_import(&directory("corp")).await.unwrap();
            for number in 0..200 {
                run.see(with(person(number), "displayName", &round.to_string())).await.unwrap();
            }
            run.finish(NOW).await.unwrap();
            state.synchronise(NOW).await.unwrap();
        }
    });
    while !writing.is_finished() {
        assert!(matches!(world.resolve(7).await, Resolution::Account(_)));
    }
    writing.await.unwrap();
}
