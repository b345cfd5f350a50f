//! One person with accounts in several directories, recognised by an attribute (SPEC D-11, W-7).

use std::collections::{BTreeMap, BTreeSet};

use crate::world::{NOW, World, cloud_anchor, person, source_anchor, with};
use proptest::prelude::*;
use sync::rules::RuleOptions;
use sync::{CloudUser, ImportedObject, PendingExport, Resolution, SyncOptions};

const ENABLED: &str = "512";
const DISABLED: &str = "514";

/// A world in which people are recognised by this attribute.
async fn matching_by(attribute: &str) -> World {
    let mut world = World::new().await;
    world.state = by(&world, Some(attribute));
    world
}

fn by(world: &World, attribute: Option<&str>) -> sync::SyncState {
    let match_people_by = attribute.map(str::to_owned);
    let rules = RuleOptions { match_people_by, ..RuleOptions::default() };
    world.state.clone().with_options(SyncOptions { rules, ..SyncOptions::default() })
}

/// An account with this mail; its number makes it differ from all others, sourceAnchor included.
fn account(number: u32, mail: &str, flags: &str) -> ImportedObject {
    with(with(person(number), "mail", mail), "userAccountControl", flags)
}

/// The metaverse object of an account.
async fn metaverse(world: &World, number: u32) -> i64 {
    let lineage = world.state.lineage(&format!("person{number}@corp.example")).await.unwrap();
    let accounts = lineage.directory.iter();
    let own = accounts.filter(|one| one.dn == person(number).dn);
    own.map(|one| one.link.as_ref().unwrap().metaverse_id).next().unwrap()
}

/// Which accounts are one person.
async fn people(world: &World, numbers: &[u32]) -> BTreeSet<BTreeSet<u32>> {
    let mut people: BTreeMap<i64, BTreeSet<u32>> = BTreeMap::new();
    for number in numbers {
        people.entry(metaverse(world, *number).await).or_default().insert(*number);
    }
    people.into_values().collect()
}

fn sets<const N: usize>(sets: [&[u32]; N]) -> BTreeSet<BTreeSet<u32>> {
    sets.iter().map(|set| set.iter().copied().collect()).collect()
}

/// Imports in this order; with a synchronisation after each, or only after the last.
async fn import(world: &World, each: bool, imports: &[(&str, &[ImportedObject])]) {
    for (connector, objects) in imports {
        world.import(connector, objects).await;
        if each {
            world.synchronise().await;
            world.export().await.unwrap();
        }
    }
    world.synchronise().await;
    world.export().await.unwrap();
}

/// What the cloud holds of the person that account belongs to, and what resolves there.
async fn cloud(world: &World, number: u32) -> (String, Resolution, BTreeMap<String, Vec<String>>) {
    let lineage = world.state.lineage(&format!("person{number}@corp.example")).await.unwrap();
    let [user] = lineage.cloud.as_slice() else { panic!("{:?}", lineage.cloud) };
    (user.cloud_anchor.clone(), user.resolution.clone(), user.attributes.clone())
}

fn number_of(resolution: &Resolution) -> Option<u32> {
    let Resolution::Account(account) = resolution else { return None };
    let number: [u8; 4] = account.object_guid[..4].try_into().unwrap();
    Some(u32::from_le_bytes(number))
}

#[tokio::test]
async fn unless_it_is_configured_nobody_is_recognised_across_directories() {
    let world = World::new().await;
    let (one, two) = (account(1, "jan@x.example", ENABLED), account(2, "jan@x.example", ENABLED));
    import(&world, false, &[("corp", &[one]), ("subsidiary", &[two])]).await;
    assert_eq!(people(&world, &[1, 2]).await, sets([&[1], &[2]]));
}

#[tokio::test]
async fn two_accounts_are_one_person_whichever_directory_comes_first() {
    let (corp, subsidiary) = ("corp", "subsidiary");
    for (first, second, expected) in [
        (ENABLED, DISABLED, Some(1)),
        (DISABLED, ENABLED, Some(2)),
        (ENABLED, ENABLED, None),
        (DISABLED, DISABLED, None),
    ] {
        let one = [account(1, "Jan@X.example", first), account(5, "piet@x.example", ENABLED)];
        let two = [account(2, " jan@x.EXAMPLE ", second)];
        let mut seen = Vec::new();
        for each in [false, true] {
            for imports in
                [[(corp, &one[..]), (subsidiary, &two)], [(subsidiary, &two), (corp, &one)]]
            {
                let world = matching_by("mail").await;
                import(&world, each, &imports).await;
                assert_eq!(people(&world, &[1, 2, 5]).await, sets([&[1, 2], &[5]]));
                assert_eq!(world.synchronise().await.apart, 0);
                assert_eq!(world.pending().await, [], "the cloud knows everything");
                let (_, resolution, attributes) = cloud(&world, 1).await;
                assert_eq!(number_of(&resolution), expected, "{resolution:?}");
                seen.push((resolution, attributes));
            }
        }
        let (resolution, attributes) = &seen[0];
        assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
        match expected {
            Some(number) => {
                assert_eq!(attributes["userName"], [format!("person{number}@corp.example")]);
                assert_eq!(attributes["emails"], [format!("person{number}@home.example")]);
            }
            None if first == ENABLED => assert!(matches!(resolution, Resolution::Several(_))),
            None => assert!(matches!(resolution, Resolution::NoAccountEnabledRule(_))),
        }
    }
}

#[tokio::test]
async fn the_person_follows_the_account_that_is_enabled_and_stays_the_same_in_the_cloud() {
    let world = matching_by("mail").await;
    let accounts =
        |one: &str, two: &str| [account(1, "jan@x.example", one), account(2, "jan@x.example", two)];
    let [one, two] = accounts(ENABLED, DISABLED);
    import(&world, false, &[("corp", &[one]), ("subsidiary", &[two])]).await;
    for (first, second, expected) in [
        (DISABLED, ENABLED, Some(2)),
        (ENABLED, ENABLED, None),
        (ENABLED, DISABLED, Some(1)),
        (DISABLED, DISABLED, None),
        (DISABLED, ENABLED, Some(2)),
    ] {
        let [one, two] = accounts(first, second);
        import(&world, false, &[("subsidiary", &[two]), ("corp", &[one])]).await;
        let (anchor, resolution, attributes) = cloud(&world, 2).await;
        assert_eq!(anchor, cloud_anchor(1).as_str(), "never another person for the cloud");
        assert_eq!(number_of(&resolution), expected);
        let active = first == ENABLED || second == ENABLED;
        assert_eq!(attributes["active"], [active.to_string()]);
        if let Some(number) = expected {
            assert_eq!(attributes["userName"], [format!("person{number}@corp.example")]);
        }
    }
    let lineage = world.state.lineage("person2").await.unwrap();
    assert_eq!(lineage.source_anchor, source_anchor(1).as_str(), "that of whoever came first");
}

#[tokio::test]
async fn nothing_that_the_enabled_account_lacks_comes_from_the_one_that_is_not() {
    let world = matching_by("mail").await;
    let mut one = account(1, "jan@x.example", ENABLED);
    for name in ["otherMailbox", "displayName", "userPrincipalName"] {
        one.attributes.remove(name);
    }
    one = with(one, "pwdLastSet", "0");
    let two = with(account(2, "jan@x.example", DISABLED), "policy", "{}");
    import(&world, false, &[("subsidiary", &[two])]).await;
    world.import("corp", &[one]).await;
    world.synchronise().await;
    let pending = world.pending().await;
    let [PendingExport::Update { user, .. }] = pending.as_slice() else { panic!("{pending:?}") };
    let CloudUser { user_name, display_name, emails, pwd_last_set, policy, active, .. } = user;
    assert_eq!((user_name.as_str(), display_name.as_str(), *active), ("person1", "", true));
    assert_eq!((emails.as_slice(), *pwd_last_set), (&[][..], None));
    assert_eq!(policy.reference, "unknown");
}

#[tokio::test]
async fn a_value_that_one_directory_has_twice_joins_nobody_and_is_reported() {
    let corp = [account(1, "jan@x.example", ENABLED), account(2, "jan@x.example", DISABLED)];
    let subsidiary = [account(3, "jan@x.example", ENABLED)];
    let (corp, subsidiary) = (("corp", &corp[..]), ("subsidiary", &subsidiary[..]));
    for each in [false, true] {
        for imports in [[corp, subsidiary], [subsidiary, corp]] {
            let world = matching_by("mail").await;
            import(&world, each, &imports).await;
            assert_eq!(people(&world, &[1, 2, 3]).await, sets([&[1], &[2], &[3]]));
            assert_eq!(world.synchronise().await.apart, 1);
        }
    }
    // Alone it is nobody's problem: a person's second account in the same directory.
    let world = matching_by("mail").await;
    import(&world, false, &[corp]).await;
    assert_eq!(world.synchronise().await.apart, 0);
}

#[tokio::test]
async fn two_people_with_the_value_are_not_chosen_between() {
    let world = matching_by("mail").await;
    import(
        &world,
        false,
        &[
            ("corp", &[account(1, "a@x.example", ENABLED)]),
            ("subsidiary", &[account(2, "b@x.example", ENABLED)]),
        ],
    )
    .await;
    // Two people come to have the same value; then a third account with it turns up.
    import(
        &world,
        false,
        &[
            ("corp", &[account(1, "c@x.example", ENABLED)]),
            ("subsidiary", &[account(2, "c@x.example", ENABLED)]),
            ("third", &[account(3, "c@x.example", ENABLED)]),
        ],
    )
    .await;
    assert_eq!(people(&world, &[1, 2, 3]).await, sets([&[1], &[2], &[3]]));
    assert_eq!(world.synchronise().await.apart, 1);
}

#[tokio::test]
async fn an_account_never_joins_a_person_who_has_one_in_its_own_directory() {
    // Person 1 has accounts 1 and 3 by the hard match; account 2 has the mail of account 3.
    let corp = [account(1, "a@x.example", ENABLED), account(2, "b@x.example", ENABLED)];
    let mut other = account(3, "b@x.example", ENABLED);
    other.source_anchor = source_anchor(1);
    let swapped = [corp[1].clone(), corp[0].clone()];
    for each in [false, true] {
        for corp in [&corp[..], &swapped] {
            let (corp, subsidiary) = (("corp", corp), ("subsidiary", &[other.clone()][..]));
            for imports in [[corp, subsidiary], [subsidiary, corp]] {
                let world = matching_by("mail").await;
                import(&world, each, &imports).await;
                assert_eq!(people(&world, &[1, 2, 3]).await, sets([&[1, 3], &[2]]));
            }
        }
    }
}

#[tokio::test]
async fn empty_several_and_missing_values_match_nobody() {
    let mut several = account(3, "jan@x.example", ENABLED);
    several.attributes.get_mut("mail").unwrap().push("piet@x.example".to_owned());
    let empty = || account(4, " ", ENABLED);
    let world = matching_by("mail").await;
    import(
        &world,
        false,
        &[
            ("corp", &[account(1, "jan@x.example", ENABLED), person(2), account(5, "", ENABLED)]),
            ("subsidiary", &[several, empty(), person(6)]),
        ],
    )
    .await;
    assert_eq!(people(&world, &[1, 2, 3, 4, 5, 6]).await.len(), 6);
}

#[tokio::test]
async fn any_attribute_can_be_chosen_and_accounts_in_three_directories_are_one_person() {
    let with_number = |number| with(account(number, "", ENABLED), "employeeID", "E-007");
    let all = [("a", [with_number(1)]), ("b", [with_number(2)]), ("c", [with_number(3)])];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        for each in [false, true] {
            let world = matching_by("EmployeeId").await;
            let imports = order.map(|at| (all[at].0, &all[at].1[..]));
            import(&world, each, &imports).await;
            assert_eq!(people(&world, &[1, 2, 3]).await, sets([&[1, 2, 3]]));
        }
    }
}

#[tokio::test]
async fn a_link_stays_when_values_change_or_matching_is_switched_off() {
    let mut world = matching_by("mail").await;
    let one = account(1, "jan@x.example", ENABLED);
    let two = account(2, "jan@x.example", DISABLED);
    import(&world, false, &[("corp", &[one]), ("subsidiary", &[two])]).await;
    world.import("subsidiary", &[account(2, "married@x.example", DISABLED)]).await;
    world.synchronise().await;
    assert_eq!(people(&world, &[1, 2]).await, sets([&[1, 2]]));
    world.state = by(&world, None);
    world.synchronise().await;
    assert_eq!(people(&world, &[1, 2]).await, sets([&[1, 2]]));
    // Whoever now has the old address is somebody else, as long as nothing is configured.
    world.import("third", &[account(3, "jan@x.example", ENABLED)]).await;
    world.synchronise().await;
    assert_eq!(people(&world, &[1, 2, 3]).await, sets([&[1, 2], &[3]]));
}

#[tokio::test]
async fn a_person_whose_first_account_is_gone_keeps_the_other_and_the_cloud_anchor() {
    let world = matching_by("mail").await;
    let accounts = [account(1, "jan@x.example", DISABLED), account(2, "jan@x.example", ENABLED)];
    import(&world, false, &[("corp", &accounts[..1]), ("subsidiary", &accounts[1..])]).await;
    world.import("corp", &[]).await;
    let report = world.synchronise().await;
    assert_eq!((report.removed, report.pending_adds, report.pending_deletes), (0, 0, 0));
    let (anchor, resolution, _) = cloud(&world, 2).await;
    assert_eq!((anchor.as_str(), number_of(&resolution)), (cloud_anchor(1).as_str(), Some(2)));
    // And the account that comes back finds the person again.
    import(&world, false, &[("corp", &accounts[..1])]).await;
    assert_eq!(people(&world, &[1, 2]).await, sets([&[1, 2]]));
}

#[tokio::test]
async fn people_who_were_known_before_stay_apart_and_can_be_matched_anew() {
    let mut world = World::new().await;
    let one = [account(1, "jan@x.example", ENABLED)];
    let two = [account(2, "jan@x.example", DISABLED)];
    import(&world, false, &[("corp", &one), ("subsidiary", &two)]).await;
    world.state = by(&world, Some("mail"));
    let report = world.synchronise().await;
    assert_eq!((report.apart, report.removed, report.pending_deletes), (1, 0, 0));
    assert_eq!(people(&world, &[1, 2]).await, sets([&[1], &[2]]));
    assert_eq!(world.state.status().await.unwrap().synchronisation.unwrap().apart, 1);
    // As the log says: out of the OUs for one synchronisation.
    for objects in [&[][..], &two] {
        import(&world, false, &[("subsidiary", objects)]).await;
    }
    assert_eq!(people(&world, &[1, 2]).await, sets([&[1, 2]]));
    assert_eq!(world.synchronise().await.apart, 0);
}

#[tokio::test]
async fn the_file_of_an_agent_that_matched_nobody_is_taken_over() {
    let mut world = World::new().await;
    let one = [account(1, "jan@x.example", ENABLED)];
    import(&world, false, &[("corp", &one)]).await;
    world.state.close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(world.file());
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let older = "DROP INDEX connector_object_match_value;
        ALTER TABLE connector_object DROP COLUMN match_value;
        UPDATE synchronisation SET report = json_remove(report, '$.apart');
        PRAGMA user_version = 1";
    sqlx::raw_sql(older).execute(&pool).await.unwrap();
    pool.close().await;

    world.restart().await;
    assert_eq!(world.state.status().await.unwrap().synchronisation.unwrap().apart, 0);
    world.state = by(&world, Some("mail"));
    // The directory of the known person is not even read again.
    import(&world, false, &[("subsidiary", &[account(2, "jan@x.example", DISABLED)])]).await;
    assert_eq!(people(&world, &[1, 2]).await, sets([&[1, 2]]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn who_is_whom_does_not_depend_on_the_order_of_imports(
        accounts in proptest::collection::vec((0..3_usize, 0..4_u8), 1..10),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut directories: [Vec<ImportedObject>; 3] = Default::default();
            let mut facts = Vec::new();
            for (number, (at, mail)) in (1..).zip(&accounts) {
                // Mail 0 is none.
                let mail = if *mail == 0 { String::new() } else { format!("{mail}@x.example") };
                directories[*at].push(account(number, &mail, ENABLED));
                facts.push((number, *at, mail));
            }
            let numbers: Vec<u32> = facts.iter().map(|(number, ..)| *number).collect();
            let unique = |mail: &str| {
                let of = |at| facts.iter().filter(|one| one.1 == at && one.2 == mail).count();
                !mail.is_empty() && (0..3).all(|at| of(at) < 2)
            };
            let mut expected: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
            for (number, _, mail) in &facts {
                let key = if unique(mail) { mail.clone() } else { number.to_string() };
                expected.entry(key).or_default().insert(*number);
            }
            let expected: BTreeSet<_> = expected.into_values().collect();
            for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
                let world = matching_by("mail").await;
                for at in order {
                    world.import(["a", "b", "c"][at], &directories[at]).await;
                }
                world.state.synchronise(NOW).await.unwrap();
                prop_assert_eq!(&people(&world, &numbers).await, &expected);
            }
            Ok(())
        })?;
    }
}
