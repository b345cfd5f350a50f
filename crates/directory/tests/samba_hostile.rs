//! What somebody may put into a real Active Directory to make reading it hard: attributes of 10 MB,
//! groups that contain each other, bytes that are no text. Nothing hangs, and the others are read.
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

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use directory::{
    Attributes, Directory as _, DirectoryConfig, DirectoryError, DistinguishedName, LdapDirectory,
    LeftOut, PersonEntry, Protection, protected_by,
};
use lab::{Bound, Forest, NewPerson, Person, Written};
use tokio::time::timeout;
use world::{LATER, agent, config, connect, forest, guid, password};

/// What a whole test may take; each step has limits of its own, far below.
const PATIENCE: Duration = Duration::from_secs(60);
const MANY: usize = 10_000_000;

/// A unit of the test's own, gone with all below it when this is dropped.
struct Unit {
    forest: Forest,
    dn: String,
}

impl Unit {
    fn new(name: &str) -> Self {
        let forest = forest();
        let dn = format!("OU=Hostile {name} {},OU=Tests,{}", std::process::id(), forest.base_dn);
        let ldif = format!("dn: {dn}\nchangetype: add\nobjectClass: organizationalUnit\n");
        forest.modify(&ldif).unwrap();
        Self { forest, dn }
    }

    fn person(&self, attributes: &[(&str, String)]) -> Person {
        let unit = self.dn.strip_suffix(&format!(",{}", self.forest.base_dn)).unwrap().to_owned();
        let person = self.forest.add_person(&NewPerson { unit, ..NewPerson::default() }).unwrap();
        for (name, value) in attributes {
            self.forest.replace(&person.dn, name, value).unwrap();
        }
        person
    }

    /// A group; its `sAMAccountName` is its name.
    fn group(&self, name: &str) -> String {
        let dn = format!("CN={name},{}", self.dn);
        let ldif = format!(
            "dn: {dn}\nchangetype: add\nobjectClass: group\nsAMAccountName: {name}\n\
             groupType: -2147483646\n"
        );
        self.forest.modify(&ldif).unwrap();
        dn
    }

    async fn read(&self, directory: &LdapDirectory) -> Result<Vec<PersonEntry>, DirectoryError> {
        let (found, left_out) = self.read_all(directory).await?;
        assert_eq!(left_out, []);
        Ok(found)
    }

    async fn read_all(
        &self,
        directory: &LdapDirectory,
    ) -> Result<(Vec<PersonEntry>, Vec<LeftOut>), DirectoryError> {
        let base: DistinguishedName = self.dn.parse().unwrap();
        let mut found = Vec::new();
        let read = directory.people(&[base], 500, &mut |person| found.push(person)).await?;
        assert_eq!(read.found, found.len() as u64);
        Ok((found, read.left_out))
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        let found = self.forest.search(&self.dn, "(objectClass=*)", &["cn"]);
        let mut below: Vec<String> = found.into_iter().flatten().map(|entry| entry.dn).collect();
        below.sort_by_key(|dn| std::cmp::Reverse(dn.len()));
        for dn in below {
            // A test that failed says so itself.
            let _ = self.forest.remove(&dn);
        }
    }
}

fn attributes<'p>(people: &'p [PersonEntry], person: &Person) -> &'p Attributes {
    let guid = guid(person);
    &people.iter().find(|one| one.guid == guid).unwrap().attributes
}

/// A password is set, and holds.
async fn set(unit: &Unit, directory: &LdapDirectory, person: &Person, new: &str) {
    let standing = directory.standing(guid(person)).await.unwrap().unwrap();
    assert_eq!(standing.account.await.unwrap().unwrap().sam_account_name, person.login);
    directory.set_password(guid(person), &password(new), LATER).await.unwrap();
    assert_eq!(unit.forest.bind(&person.login, new).unwrap(), Bound::Accepted);
}

#[tokio::test]
async fn an_attribute_of_ten_megabytes_is_read_where_it_is_asked_for_and_in_nobodys_way() {
    let unit = Unit::new("large");
    let asked = unit.person(&[("otherMailbox", "m".repeat(MANY))]);
    let not_asked = unit.person(&[("jpegPhoto", "j".repeat(MANY))]);
    let other = unit.person(&[]);
    let directory = agent(&unit.forest);
    let all = async {
        let people = unit.read(&directory).await.unwrap();
        assert_eq!(people.len(), 3);
        assert_eq!(attributes(&people, &asked).value("otherMailbox").unwrap().len(), MANY);
        assert!(attributes(&people, &not_asked).value("jpegPhoto").is_none());
        assert_eq!(attributes(&people, &other).text("mail"), Some(&*other.mail));
        for person in [&asked, &not_asked, &other] {
            set(&unit, &directory, person, "Large-Password-2024").await;
        }
    };
    timeout(PATIENCE, all).await.unwrap();
}

#[tokio::test]
async fn who_has_more_than_one_answer_may_hold_is_left_out_by_name_and_nobody_else_is() {
    let unit = Unit::new("too-large");
    let half = |letter: &str| letter.repeat(MANY);
    let large = unit.person(&[("otherMailbox", half("m")), ("jpegPhoto", half("j"))]);
    let other = unit.person(&[]);
    let people_attributes = vec!["jpegPhoto".to_owned()];
    let all = async {
        let asking = DirectoryConfig { people_attributes, ..config(&unit.forest) };
        let directory = connect(asking);
        let (people, left_out) = unit.read_all(&directory).await.unwrap();
        assert_eq!(attributes(&people, &other).text("mail"), Some(&*other.mail));
        let [one] = &left_out[..] else { panic!("{left_out:?}") };
        assert_eq!((one.guid, people.len()), (guid(&large), 1));
        let text = one.cause.to_string();
        assert!(text.contains(&format!("the entry {} has more", large.dn)), "{text}");
        assert!(text.ends_with(" bytes; at most 16777216"), "{text}");
        set(&unit, &directory, &large, "Too-Large-Password-2024").await;
        assert_eq!(unit.read(&agent(&unit.forest)).await.unwrap().len(), 2, "without the photo");
    };
    timeout(PATIENCE, all).await.unwrap();
}

/// While everybody's changes are read; so the name that came with the entry leads nowhere when it is told
/// of.
#[tokio::test]
async fn who_is_renamed_while_being_passed_over_is_left_out_and_the_reading_goes_on() {
    let unit = Unit::new("renamed");
    let half = |letter: &str| letter.repeat(MANY);
    let large = unit.person(&[("otherMailbox", half("m")), ("jpegPhoto", half("j"))]);
    let people_attributes = vec!["jpegPhoto".to_owned()];
    let directory = connect(DirectoryConfig { people_attributes, ..config(&unit.forest) });
    let mut found = 0;
    let mut take = |_| {
        if found == 0 {
            let (dn, name) = (&large.dn, format!("CN=renamed {}", large.login));
            let rename = format!("dn: {dn}\nchangetype: modrdn\nnewrdn: {name}\ndeleteoldrdn: 1\n");
            unit.forest.modify(&rename).unwrap();
        }
        found += 1;
    };
    let read = timeout(PATIENCE, directory.changes(None, &mut take)).await.unwrap().unwrap();
    assert!(found >= unit.forest.people.len(), "{found}");
    let one = read.left_out.iter().find(|one| one.guid == guid(&large)).unwrap();
    let text = one.cause.to_string();
    assert!(text.contains(&format!("the entry CN=renamed {},", large.login)), "{text}");
}

/// The same while everybody of a unit is read. One of those who are renamed is made smaller as well.
#[tokio::test]
async fn who_is_renamed_while_everybody_is_read_is_left_out_or_read_by_what_names_it_for_ever() {
    let unit = Unit::new("renamed-people");
    let half = |letter: &str| letter.repeat(MANY);
    let [large, smaller] =
        ["l", "s"].map(|_| unit.person(&[("otherMailbox", half("m")), ("jpegPhoto", half("j"))]));
    let other = unit.person(&[]);
    let people_attributes = vec!["jpegPhoto".to_owned()];
    let directory = connect(DirectoryConfig { people_attributes, ..config(&unit.forest) });
    let mut found = Vec::new();
    let mut take = |person: PersonEntry| {
        if found.is_empty() {
            for Person { dn, login, .. } in [&large, &smaller] {
                let name = format!("CN=renamed {login}");
                let rename = format!("changetype: modrdn\nnewrdn: {name}\ndeleteoldrdn: 1\n");
                unit.forest.modify(&format!("dn: {dn}\n{rename}")).unwrap();
            }
            let dn = format!("CN=renamed {},{}", smaller.login, unit.dn);
            unit.forest.replace(&dn, "jpegPhoto", "j").unwrap();
        }
        found.push(person.guid);
    };
    let bases = [unit.dn.parse().unwrap()];
    let read = directory.people(&bases, 500, &mut take);
    let read = timeout(PATIENCE, read).await.unwrap().unwrap();
    assert_eq!((found, read.found), (vec![guid(&other), guid(&smaller)], 2));
    let [one] = &read.left_out[..] else { panic!("{read:?}") };
    let text = one.cause.to_string();
    assert_eq!(one.guid, guid(&large));
    assert!(text.contains(&format!("the entry CN=renamed {},", large.login)), "{text}");
}

#[tokio::test]
async fn groups_in_a_circle_end_and_protection_is_seen_through_them() {
    let unit = Unit::new("circle");
    let name = |letter: &str| format!("circle-{letter}-{}", std::process::id());
    let groups = ["a", "b", "c"].map(|letter| unit.group(&name(letter)));
    for (member, group) in [("a", "b"), ("b", "c"), ("c", "a")] {
        let dn = format!("CN={},{}", name(member), unit.dn);
        unit.forest.join(&dn, &name(group)).unwrap();
    }
    let person = unit.person(&[]);
    unit.forest.join(&person.dn, &name("a")).unwrap();
    let directory = agent(&unit.forest);
    let all = async {
        let account = directory.account(guid(&person)).await.unwrap().unwrap();
        assert_eq!(protected_by(&account), None);
        for group in &groups {
            let found = unit.forest.search(group, "(objectClass=group)", &["objectSid"]).unwrap();
            let sid = directory::Sid::from_value(found[0].value("objectSid").unwrap()).unwrap();
            assert!(account.group_sids.contains(&sid), "{group}");
        }
        set(&unit, &directory, &person, "Circle-Password-2024").await;
        unit.forest.join(&groups[2], "Domain Admins").unwrap();
        let account = directory.account(guid(&person)).await.unwrap().unwrap();
        let protection = protected_by(&account);
        assert!(matches!(protection, Some(Protection::Member(_))), "{protection:?}");
        let standing = directory.standing(guid(&person)).await.unwrap().unwrap();
        let account = standing.account.await.unwrap().unwrap();
        assert_eq!(protected_by(&account), protection);
        assert_eq!(unit.read(&directory).await.unwrap().len(), 1);
    };
    timeout(PATIENCE, all).await.unwrap();
}

/// Samba refuses what is no text, so that it cannot be read either; what an octet string holds is
/// anybody's. For the rest see `hostile_entries.rs`.
#[tokio::test]
async fn bytes_that_are_no_text_are_refused_or_read_as_bytes() {
    let unit = Unit::new("bytes");
    let (person, other) = (unit.person(&[]), unit.person(&[]));
    let bytes = b"Jan \xff\xfe\xc3(";
    let write = |attribute: &str| {
        let value = STANDARD.encode(bytes);
        let ldif = format!(
            "dn: {}\nchangetype: modify\nreplace: {attribute}\n{attribute}:: {value}\n-\n",
            person.dn
        );
        unit.forest.modify_as(&unit.forest.administrator, &[], &ldif).unwrap()
    };
    let refused = write("displayName");
    assert!(matches!(refused, Written::Refused { .. }), "{refused:?}");
    assert_eq!(write("thumbnailPhoto"), Written::Done);
    let people_attributes = vec!["thumbnailPhoto".to_owned()];
    let directory = connect(DirectoryConfig { people_attributes, ..config(&unit.forest) });
    let people = timeout(PATIENCE, unit.read(&directory)).await.unwrap().unwrap();
    let read = attributes(&people, &person);
    assert_eq!(
        (read.value("thumbnailPhoto"), read.text("thumbnailPhoto")),
        (Some(&bytes[..]), None)
    );
    assert_eq!(attributes(&people, &other).text("mail"), Some(&*other.mail));
}
