//! From a cloudAnchor to the one AD account, and the four conditions of SPEC W-7.

use crate::world::{NOW, World, cloud_anchor, directory, guid, person, source_anchor, with};
use protocol::PasswordPolicy;
use protocol::scim::PolicyReference;
use sync::{AdAccount, Disconnect, ImportedObject, Resolution, SyncError};

/// userAccountControl of a disabled account.
const DISABLED: &str = "514";

/// An account of another directory that belongs to the same person.
fn second_account(number: u32, flags: &str) -> ImportedObject {
    let mut object = with(person(number), "userAccountControl", flags);
    let elsewhere =
        ImportedObject::of_directory(guid(9_000), "", source_anchor(number), object.attributes);
    object = elsewhere;
    object.dn = "CN=Second,DC=subsidiary,DC=example".to_owned();
    object
}

fn account(resolution: Resolution) -> AdAccount {
    match resolution {
        Resolution::Account(account) => account,
        other => panic!("{other:?}"),
    }
}

async fn two_accounts(first: &str, second: &str) -> World {
    let world = World::new().await;
    world.import("corp", &[with(person(1), "userAccountControl", first)]).await;
    world.import("subsidiary", &[second_account(1, second)]).await;
    let report = world.synchronise().await;
    assert_eq!((report.projected, report.joined), (1, 1));
    world.export().await.unwrap();
    world
}

#[tokio::test]
async fn a_whole_chain_ends_at_the_account() {
    let world = World::with_people(&[person(1), person(2)]).await;
    let account = account(world.resolve(1).await);
    assert_eq!(account.object_guid, guid(1));
    assert_eq!(account.connector.as_str(), "corp");
    assert_eq!(account.source_anchor, source_anchor(1));
    assert_eq!(account.dn, person(1).dn);
}

#[tokio::test]
async fn an_account_comes_with_the_policy_that_its_import_saw() {
    let policy = |text: &str| with(person(1), "policy", text);
    let rules = PasswordPolicy { minimum_length: 14, ..PasswordPolicy::default() };
    let seen = PolicyReference { reference: "PSO \"Zoë\"".to_owned(), rules: Some(rules) };
    let text = serde_json::to_string(&seen).unwrap();
    let world = World::with_people(&[policy(&text)]).await;
    assert_eq!(account(world.resolve(1).await).policy, Some(seen));
    // What cannot be read is not known; a later import mends it.
    world.import("corp", &[policy("{")]).await;
    assert_eq!(account(world.resolve(1).await).policy, None);
}

#[tokio::test]
async fn each_condition_has_its_own_answer_and_the_engine_repairs_it() {
    let who = account(World::with_people(&[person(1)]).await.resolve(1).await);
    for (what, expected) in [
        (Disconnect::AdObject, Resolution::NoAdObject),
        (Disconnect::AdLink, Resolution::NotJoined),
        (Disconnect::CloudLink, Resolution::NoCloudLink),
        (Disconnect::AccountEnabledRule, Resolution::NoAccountEnabledRule(vec![who.clone()])),
    ] {
        for name in ["person1@corp.example", "PERSON1", source_anchor(1).as_str()] {
            let world = World::with_people(&[person(1), person(2)]).await;
            world.state.disconnect(name, what).await.unwrap();
            assert_eq!(world.resolve(1).await, expected, "{what:?} {name}");
            assert!(matches!(world.resolve(2).await, Resolution::Account(_)), "{what:?}");

            if what == Disconnect::AdObject {
                world.import("corp", &[person(1), person(2)]).await;
            }
            world.synchronise().await;
            assert_eq!(world.resolve(1).await, Resolution::Account(who.clone()), "{what:?}");
            assert_eq!(world.pending().await, [], "{what:?}: nobody is told of it");
        }
    }
}

#[tokio::test]
async fn a_synchronisation_without_an_import_never_takes_a_disconnected_person_for_gone() {
    let world = World::with_people(&[person(1)]).await;
    world.state.disconnect("person1", Disconnect::AdLink).await.unwrap();
    world.state.disconnect("person1", Disconnect::AdObject).await.unwrap();
    world.import_cloud(&[]).await;
    for _ in 0..2 {
        let report = world.synchronise().await;
        assert_eq!((report.removed, report.pending_deletes), (0, 0));
    }
    // An import that looks, and does not find the person, is another matter.
    world.import("corp", &[]).await;
    assert_eq!(world.synchronise().await.removed, 1);
}

#[tokio::test]
async fn only_an_import_that_was_begun_after_the_disconnect_can_say_that_a_person_left() {
    let world = World::with_people(&[person(1)]).await;
    let run = world.state.begin_import(&directory("corp")).await.unwrap();
    world.state.disconnect("person1", Disconnect::AdObject).await.unwrap();
    run.finish(NOW).await.unwrap();
    assert_eq!(world.synchronise().await.removed, 0);
    world.import("subsidiary", &[]).await;
    assert_eq!(world.synchronise().await.removed, 0, "another directory has no say");
    world.import("corp", &[]).await;
    assert_eq!(world.synchronise().await.removed, 1);
}

#[tokio::test]
async fn a_cloud_anchor_that_nobody_has_is_not_linked() {
    let world = World::with_people(&[person(1)]).await;
    assert_eq!(world.resolve(77).await, Resolution::NoCloudLink);
}

#[tokio::test]
async fn a_disabled_account_lacks_the_rule() {
    let world = World::with_people(&[with(person(1), "userAccountControl", DISABLED)]).await;
    assert!(matches!(world.resolve(1).await, Resolution::NoAccountEnabledRule(_)));
}

#[tokio::test]
async fn an_account_whose_flags_cannot_be_read_lacks_the_rule() {
    let mut object = person(1);
    object.attributes.remove("userAccountControl");
    let world = World::with_people(&[object]).await;
    assert!(matches!(world.resolve(1).await, Resolution::NoAccountEnabledRule(_)));
}

#[tokio::test]
async fn two_enabled_accounts_are_never_guessed_between() {
    let world = two_accounts("512", "512").await;
    let Resolution::Several(accounts) = world.resolve(1).await else { panic!("not several") };
    let names: Vec<_> = accounts.iter().map(|account| account.connector.as_str()).collect();
    assert_eq!(names, ["corp", "subsidiary"]);
}

#[tokio::test]
async fn of_two_accounts_the_enabled_one_is_chosen() {
    for (first, second, expected) in [("512", DISABLED, "corp"), (DISABLED, "512", "subsidiary")] {
        let world = two_accounts(first, second).await;
        assert_eq!(account(world.resolve(1).await).connector.as_str(), expected);
    }
    let neither = two_accounts(DISABLED, DISABLED).await;
    assert!(matches!(neither.resolve(1).await, Resolution::NoAccountEnabledRule(_)));
}

#[tokio::test]
async fn a_renamed_and_moved_account_stays_the_same() {
    let world = World::with_people(&[person(1)]).await;
    let mut moved = with(person(1), "userPrincipalName", "married@corp.example");
    moved.dn = "CN=Married,OU=New,DC=corp,DC=example".to_owned();
    world.import("corp", &[moved.clone()]).await;
    // Known at once, before any synchronisation.
    let found = account(world.resolve(1).await);
    assert_eq!((found.object_guid, &found.dn), (guid(1), &moved.dn));
}

#[tokio::test]
async fn a_person_who_left_the_directory_is_reported_as_that() {
    let world = World::with_people(&[person(1)]).await;
    world.import("corp", &[]).await;
    assert_eq!(world.resolve(1).await, Resolution::NoAdObject);
    world.synchronise().await;
    assert_eq!(world.resolve(1).await, Resolution::NoAdObject, "until the cloud has deleted them");
    world.export().await.unwrap();
    assert_eq!(world.resolve(1).await, Resolution::NoCloudLink);
}

#[tokio::test]
async fn a_person_who_left_the_scope_is_not_joined() {
    let world = World::with_people(&[person(1)]).await;
    world.import("corp", &[with(person(1), "isCriticalSystemObject", "TRUE")]).await;
    let report = world.synchronise().await;
    assert_eq!((report.disconnected, report.disconnectors, report.removed), (1, 1, 1));
    assert_eq!(world.resolve(1).await, Resolution::NotJoined);
}

#[tokio::test]
async fn a_changed_source_anchor_does_not_tear_a_link() {
    let world = World::with_people(&[person(1)]).await;
    let mut object = person(1);
    object.source_anchor = source_anchor(5);
    world.import("corp", &[object]).await;
    let report = world.synchronise().await;
    assert_eq!((report.projected, report.removed, report.pending_adds), (0, 0, 0));
    assert_eq!(account(world.resolve(1).await).object_guid, guid(1));
    // The person is still one person, under the name that does not change.
    let lineage = world.state.lineage("person1").await.unwrap();
    assert_eq!(lineage.source_anchor, source_anchor(1).as_str());
    world.state.disconnect("person1", Disconnect::AccountEnabledRule).await.unwrap();
    assert!(matches!(world.resolve(1).await, Resolution::NoAccountEnabledRule(_)));
}

#[tokio::test]
async fn a_disconnect_needs_exactly_one_person() {
    let world = World::with_people(&[person(1), person(2)]).await;
    let twin = with(person(3), "sAMAccountName", "person1");
    world.import("subsidiary", &[twin]).await;
    let state = &world.state;
    let nobody = state.disconnect("nobody", Disconnect::AdLink).await;
    assert!(matches!(nobody, Err(SyncError::NobodyFound)));
    let several = state.disconnect("person1", Disconnect::AdLink).await;
    assert!(matches!(several, Err(SyncError::SeveralFound(2))));
    assert!(matches!(world.resolve(1).await, Resolution::Account(_)), "nobody was touched");
}

#[tokio::test]
async fn the_lineage_shows_the_chain_and_where_it_is_broken() {
    let world = World::with_people(&[person(1)]).await;
    let whole = world.state.lineage("person1@corp.example").await.unwrap();
    let link = whole.directory[0].link.as_ref().unwrap();
    let titles: Vec<_> = link.rules.iter().map(|rule| rule.title.as_str()).collect();
    let expected =
        ["In from AD – User Join", "In from AD – User AccountEnabled", "In from AD – User Common"];
    assert_eq!(titles, expected);
    assert_eq!(link.metaverse_id, whole.metaverse.as_ref().unwrap().id);
    assert_eq!(whole.cloud[0].cloud_anchor, cloud_anchor(1).as_str());
    assert!(matches!(whole.cloud[0].resolution, Resolution::Account(_)));

    world.state.disconnect("person1", Disconnect::AdLink).await.unwrap();
    let broken = world.state.lineage("person1").await.unwrap();
    assert_eq!(broken.directory[0].link, None);
    assert_eq!(broken.cloud[0].resolution, Resolution::NotJoined);
    let json = serde_json::to_value(&broken).unwrap();
    assert_eq!(json["cloud"][0]["resolution"]["result"], "not_joined");
}
