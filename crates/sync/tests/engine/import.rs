//! Import runs and what they leave in the file.

use crate::world::{NOW, World, directory, guid, person, source_anchor, with};
use proptest::prelude::*;
use sync::{ConnectorName, ImportReport, SyncError, SyncState};

#[tokio::test]
async fn an_import_counts_what_is_new_changed_the_same_and_gone() {
    let world = World::new().await;
    let first = world.import("corp", &[person(1), person(2), person(3)]).await;
    assert_eq!(first, ImportReport { added: 3, ..ImportReport::default() });

    let mut moved = person(3);
    moved.dn = "CN=Person 3,OU=Elsewhere,DC=corp,DC=example".to_owned();
    let objects = [person(1), with(person(2), "displayName", "Somebody"), moved, person(4)];
    let second = world.import("corp", &objects).await;
    let expected = ImportReport { added: 1, updated: 2, unchanged: 1, ..ImportReport::default() };
    assert_eq!(second, expected);

    let third = world.import("corp", &objects[..1]).await;
    assert_eq!(third, ImportReport { unchanged: 1, deleted: 3, ..ImportReport::default() });
}

#[tokio::test]
async fn who_could_not_be_read_stays_as_before_and_is_counted() {
    let world = World::with_people(&[person(1), person(2), person(3)]).await;
    let before = world.state.status().await.unwrap();
    let mut run = world.state.begin_import(&directory("corp")).await.unwrap();
    run.see(person(1)).await.unwrap();
    run.leave_out(guid(2)).await.unwrap();
    // Whom no import has ever read.
    run.leave_out(guid(9)).await.unwrap();
    let report = run.finish(NOW).await.unwrap();
    let expected =
        ImportReport { unchanged: 1, deleted: 1, left_out: 2, ..ImportReport::default() };
    assert_eq!(report, expected);
    let objects = |status: sync::Status| {
        status.connectors.into_iter().find(|one| one.name == directory("corp")).unwrap().objects
    };
    assert_eq!((objects(before), objects(world.state.status().await.unwrap())), (3, 2));
    // The next import that can read the person finds nothing new.
    assert_eq!(world.import("corp", &[person(1), person(2)]).await.unchanged, 2);
}

#[tokio::test]
async fn an_import_of_one_directory_leaves_the_others_alone() {
    let world = World::new().await;
    world.import("corp", &[person(1)]).await;
    world.import("subsidiary", &[person(2)]).await;
    assert_eq!(world.import("corp", &[]).await.deleted, 1);
    let status = world.state.status().await.unwrap();
    let objects: Vec<_> = status.connectors.iter().map(|c| (c.name.as_str(), c.objects)).collect();
    assert_eq!(objects, [("corp", 0), ("subsidiary", 1)]);
}

#[tokio::test]
async fn an_abandoned_import_deletes_nothing() {
    let people: Vec<_> = (0..600).map(person).collect();
    let world = World::with_people(&people).await;
    let mut run = world.state.begin_import(&directory("corp")).await.unwrap();
    // More than one batch, so that a part of the run has been written.
    for object in &people[..550] {
        run.see(with(object.clone(), "displayName", "Changed")).await.unwrap();
    }
    drop(run);
    let report = world.synchronise().await;
    assert_eq!((report.removed, report.pending_deletes), (0, 0));
    let status = world.state.status().await.unwrap();
    assert_eq!(status.connectors[1].objects, 600);
    // The next one that is finished deletes as ever.
    assert_eq!(world.import("corp", &people[1..]).await.deleted, 1);
}

#[tokio::test]
async fn an_older_run_that_ends_late_deletes_nothing_that_a_newer_one_saw() {
    let world = World::new().await;
    let old = world.state.begin_import(&directory("corp")).await.unwrap();
    world.import("corp", &[person(1)]).await;
    assert_eq!(old.finish(NOW).await.unwrap().deleted, 0);
}

#[tokio::test]
async fn a_directory_object_without_an_object_guid_is_refused() {
    let world = World::new().await;
    let mut run = world.state.begin_import(&directory("corp")).await.unwrap();
    let mut object = person(1);
    object.anchor = "not a guid".to_owned();
    assert!(matches!(run.see(object).await, Err(SyncError::Anchor)));
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let mut world = World::with_people(&[person(1), person(2)]).await;
    world.import("corp", &[person(1), with(person(2), "displayName", "New")]).await;
    world.synchronise().await;
    let before = (
        world.state.status().await.unwrap(),
        world.state.lineage("person1").await.unwrap(),
        world.pending().await,
        world.resolve(1).await,
    );
    assert_eq!(before.2.len(), 1);
    world.restart().await;
    let after = (
        world.state.status().await.unwrap(),
        world.state.lineage("person1").await.unwrap(),
        world.pending().await,
        world.resolve(1).await,
    );
    assert_eq!(before, after);
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let mut world = World::with_people(&[person(1)]).await;
    let mode = |name: &str| {
        let path = world.file().with_file_name(name);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode("sync.db"), mode("sync.db-wal")), (0o600, 0o600));
    let loose = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(world.file(), loose).unwrap();
    world.restart().await;
    let mode = std::fs::metadata(world.file()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "a file that was there before");
}

#[tokio::test]
async fn a_file_of_a_newer_agent_is_refused() {
    let world = World::new().await;
    world.state.close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(world.file());
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 99").execute(&pool).await.unwrap();
    pool.close().await;
    let refused = SyncState::open(&world.file()).await;
    assert!(matches!(refused, Err(SyncError::Open(database::OpenError::Newer { found: 99, .. }))));
}

#[tokio::test]
async fn names_with_every_odd_character_come_back_as_they_were() {
    let dn = r#"CN=\ Zoë \"O'Brien\"\, a\+b\\c\<d\>e\;f\=g\#h/i\ ,OU=Žluťoučký 密碼 😀,DC=corp,DC=example"#;
    let name = "Zoë \"Z\" O'Brien, 密碼 😀 \\ %; -- ' OR 1=1 \u{202e}";
    let mut object = with(person(1), "displayName", name);
    object.dn = dn.to_owned();
    object = with(object, "userPrincipalName", "Zoë.O'Brien@Élan.example");
    let world = World::with_people(&[object.clone(), person(2)]).await;
    let lineage = world.state.lineage("zoË.o'brien@éLAN.example").await.unwrap();
    assert_eq!(lineage.source_anchor, source_anchor(1).as_str());
    assert_eq!(lineage.directory[0].dn, dn);
    assert_eq!(lineage.directory[0].attributes, object.attributes);
    assert_eq!(lineage.cloud[0].attributes["displayName"], [name]);
    let sync::Resolution::Account(account) = world.resolve(1).await else { panic!("no account") };
    assert_eq!(account.dn, dn);
    let text = serde_json::to_string(&lineage).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["directory"][0]["dn"], dn);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_text_in_a_name_comes_back(texts in proptest::collection::vec(".{1,60}", 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let named = |(number, text): (u32, &String)| {
                let mut object = with(person(number), "displayName", text);
                object.dn.clone_from(text);
                object
            };
            let people: Vec<_> = (0..).zip(&texts).map(named).collect();
            let world = World::with_people(&people).await;
            for (number, text) in (0..).zip(&texts) {
                let found = world.state.lineage(source_anchor(number).as_str()).await.unwrap();
                prop_assert_eq!(&found.directory[0].dn, text);
                prop_assert_eq!(&found.cloud[0].attributes["displayName"][0], text);
            }
            prop_assert_eq!(world.import("corp", &people).await.updated, 0);
            prop_assert_eq!(world.synchronise().await.pending_updates, 0);
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn two_thousand_people_are_synchronised_and_exported() {
    let people: Vec<_> = (0..2_000).map(person).collect();
    let world = World::new().await;
    world.import("corp", &people).await;
    let report = world.synchronise().await;
    assert_eq!((report.projected, report.changed, report.pending_adds), (2_000, 2_000, 2_000));
    assert_eq!(world.export().await.unwrap().len(), 2_000);
    let again = world.synchronise().await;
    assert_eq!((again.projected, again.joined, again.changed, again.pending_adds), (0, 0, 0, 0));
    assert_eq!((again.pending_updates, again.pending_deletes), (0, 0));
    assert!(matches!(world.resolve(1_999).await, sync::Resolution::Account(_)));
    let status = world.state.status().await.unwrap();
    assert_eq!(status.connectors[0].name, ConnectorName::cloud());
    assert_eq!((status.connectors[0].objects, status.unconfirmed), (2_000, 2_000));
}
