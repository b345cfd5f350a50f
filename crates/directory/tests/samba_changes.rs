//! What a real Active Directory, the lab's Samba domain controller, says has changed, and an attribute
//! that it hands out in parts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test reports a broken expectation by panicking; the module is private and shared"
)]

mod world;

use directory::LdapDirectory;
use directory::dirsync::{Change, Cookie};
use world::{agent, forest, guid, somebody};

async fn changes(directory: &LdapDirectory, since: Option<&Cookie>) -> (Vec<Change>, Cookie) {
    let mut changes = Vec::new();
    let read = directory.changes(since, &mut |change| changes.push(change)).await.unwrap();
    assert_eq!(read.left_out, []);
    (changes, read.next)
}

#[tokio::test]
async fn first_everybody_comes_and_then_only_what_changed() {
    let forest = forest();
    let (changed, left_alone) = (somebody(&forest), somebody(&forest));
    let directory = agent(&forest);
    let (all, cookie) = changes(&directory, None).await;
    for person in [&changed, &left_alone] {
        let found = all.iter().find(|change| change.guid == guid(person)).unwrap();
        assert_eq!(found.attributes.text("sAMAccountName"), Some(person.login.as_str()));
        assert_eq!(found.attributes.text("mail"), Some(person.mail.as_str()));
        assert!(!found.deleted);
    }
    assert!(
        all.iter().all(|change| !change.attributes.texts("objectClass").any(|c| c == "computer"))
    );

    // The cookie is kept somewhere in between.
    let cookie = Cookie::from_bytes(cookie.as_bytes().to_vec()).unwrap();
    forest.replace(&changed.dn, "department", "Elsewhere").unwrap();
    let (delta, next) = changes(&agent(&forest), Some(&cookie)).await;
    let found = delta.iter().find(|change| change.guid == guid(&changed)).unwrap();
    assert_eq!(found.attributes.text("department"), Some("Elsewhere"));
    assert_eq!(found.attributes.text("sAMAccountName"), None, "only what changed");
    assert!(delta.iter().all(|change| change.guid != guid(&left_alone)));

    let (nothing, _) = changes(&directory, Some(&next)).await;
    assert!(nothing.iter().all(|change| change.guid != guid(&changed)));

    let ldif = format!("dn: {}\nchangetype: modify\ndelete: department\n-\n", changed.dn);
    forest.modify(&ldif).unwrap();
    let (delta, _) = changes(&directory, Some(&next)).await;
    let found = delta.iter().find(|change| change.guid == guid(&changed)).unwrap();
    let departments = found.attributes.iter().find(|(name, _)| *name == "department");
    assert_eq!(departments.map(|(_, values)| values.len()), Some(0), "taken away, and said so");
}

#[tokio::test]
async fn the_parts_of_a_group_s_members_are_put_together() {
    let forest = forest();
    let group = format!("CN=In parts {},CN=Users,{}", std::process::id(), forest.base_dn);
    let members: Vec<&str> = forest.people.iter().take(5).map(|one| one.dn.as_str()).collect();
    let listed: String = members.iter().map(|dn| format!("member: {dn}\n")).collect();
    let ldif = format!("dn: {group}\nchangetype: add\nobjectClass: group\n{listed}");
    forest.modify(&ldif).unwrap();
    let directory = agent(&forest);
    let dn = group.parse().unwrap();
    let sorted = |mut values: Vec<Vec<u8>>| {
        values.sort();
        values
    };
    let whole = directory.values(&dn, "member").await.unwrap().unwrap();
    let in_parts = directory.values(&dn, "member;range=0-1").await.unwrap().unwrap();
    forest.remove(&group).unwrap();
    let expected = sorted(members.iter().map(|dn| dn.as_bytes().to_vec()).collect());
    assert_eq!(sorted(whole), expected);
    assert_eq!(sorted(in_parts), expected);
}
