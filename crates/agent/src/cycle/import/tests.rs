use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use directory::{
    Account, Attributes as Read, Directory, DirectoryError, EffectivePolicy, Holder, LeftOut,
    ObjectGuid, PeopleRead, PolicySource, Probe, SetError, Sid, Terms, Witness, Write,
};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use protocol::{ManualClock, Timestamp};
use sync::rules::RuleOptions;
use sync::{Resolution, SyncOptions};

use super::*;
use crate::settings::DirectorySettings;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A directory that has these people, or cannot be read to its end.
#[derive(Clone)]
struct Staged {
    people: Vec<PersonEntry>,
    left_out: Vec<u8>,
    breaks: bool,
}

impl Directory for Staged {
    fn people<'a>(
        &'a self,
        _: &'a [DistinguishedName],
        _: u32,
        each: &'a mut (dyn FnMut(PersonEntry) + Send),
    ) -> BoxFuture<'a, Result<PeopleRead, DirectoryError>> {
        self.people.iter().cloned().for_each(each);
        let lost = DirectoryError::Lost { cause: "pulled".to_owned() };
        let cause = DirectoryError::TooMuch { attribute: "x".to_owned(), limit: "1".to_owned() };
        let left_out = self.left_out.iter().map(|number| LeftOut {
            guid: ObjectGuid::from_bytes([*number; 16]),
            cause: cause.clone(),
        });
        let read = PeopleRead { found: self.people.len() as u64, left_out: left_out.collect() };
        let end = if self.breaks { Err(lost) } else { Ok(read) };
        async move { end }.boxed()
    }

    fn policy<'a>(
        &'a self,
        _: Option<&'a DistinguishedName>,
    ) -> BoxFuture<'a, Result<EffectivePolicy, DirectoryError>> {
        let source = PolicySource::Domain("DC=x".parse().unwrap());
        let policy = EffectivePolicy { source, rules: None };
        async { Ok(policy) }.boxed()
    }

    fn holder<'a>(&'a self, _: &'a Sid) -> BoxFuture<'a, Result<Holder, DirectoryError>> {
        panic!("an import looks at no group")
    }

    fn resultant_pso(
        &self,
        _: ObjectGuid,
    ) -> BoxFuture<'_, Result<Option<DistinguishedName>, DirectoryError>> {
        panic!("an import has it with each person")
    }

    fn probe(&self) -> BoxFuture<'_, Result<Probe, DirectoryError>> {
        panic!("an import probes nothing")
    }

    fn account(&self, _: ObjectGuid) -> BoxFuture<'_, Result<Option<Account>, DirectoryError>> {
        panic!("an import reads no single account")
    }

    fn witness(&self, _: ObjectGuid) -> BoxFuture<'_, Result<Option<Witness>, DirectoryError>> {
        panic!("an import asks for no witness")
    }

    fn witness_at<'a>(
        &'a self,
        _: &'a str,
        _: ObjectGuid,
    ) -> BoxFuture<'a, Result<Option<Witness>, DirectoryError>> {
        panic!("an import asks for no witness")
    }

    fn time(&self) -> BoxFuture<'_, Result<Timestamp, DirectoryError>> {
        panic!("an import asks nobody for the time")
    }

    fn role_given(&self) -> BoxFuture<'_, Result<Option<Timestamp>, DirectoryError>> {
        panic!("an import asks nobody for the role")
    }

    fn write<'a>(
        &'a self,
        _: ObjectGuid,
        _: Write<'a>,
        _: Terms<'a>,
    ) -> BoxFuture<'a, Result<(), SetError>> {
        panic!("an import writes nothing")
    }
}

fn person(number: u8, flags: &str) -> PersonEntry {
    let mut attributes = Read::default();
    for (name, value) in [
        ("objectClass", "user"),
        ("sAMAccountName", &format!("jan{number}")),
        ("userPrincipalName", &format!("jan{number}@x.example")),
        ("userAccountControl", flags),
        ("employeeID", "E-007"),
        ("mail", &format!("jan{number}@mail.example")),
        ("otherMailbox", &format!("jan{number}@home.example")),
    ] {
        attributes.insert(name, value);
    }
    let dn = format!("CN=Jan {number},DC=x").parse().unwrap();
    PersonEntry { guid: ObjectGuid::from_bytes([number; 16]), dn, attributes }
}

fn connected(name: &str, address: &str, directory: Staged) -> Connected {
    let settings = DirectorySettings {
        name: name.parse().unwrap(),
        domain: "x".into(),
        ca: PathBuf::new(),
        bind_name: "svc".into(),
        bind_password_file: PathBuf::new(),
        dns: None,
        ldaps_port: 636,
        encryption: directory::Encryption::Ldaps,
        ldap_port: 389,
        controllers: Vec::new(),
        only_preferred: false,
        ous: vec!["DC=x".parse().unwrap()],
        address_attributes: vec![address.to_owned()],
        protected_groups: vec![],
        connect_timeout: Duration::ZERO,
        operation_timeout: Duration::ZERO,
        set_time_limit: Duration::ZERO,
        allow_without_policy_control: false,
        administrator_reset_without_history_and_age: false,
        people_attributes: vec![],
    };
    Connected { settings, directory: Arc::new(directory) }
}

/// A synchronisation state in a folder that is gone when this is dropped.
struct World {
    sync: SyncState,
    folder: PathBuf,
}

impl World {
    async fn new(name: &str) -> Self {
        let name = format!("passback-import-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let sync = SyncState::open(&folder.join("sync.db")).await.unwrap();
        Self { sync, folder }
    }

    async fn import(&self, directories: Vec<Connected>) -> (Vec<String>, Option<CycleError>) {
        let clock = ManualClock::at(NOW);
        let imports = Imports { sync: &self.sync, clock: &clock, page: 10 };
        let (imported, failed) = imports.all(&Directories::of(directories)).await.unwrap();
        self.sync.synchronise(NOW).await.unwrap();
        (imported.into_iter().map(|(name, _)| name).collect(), failed)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn staged(people: &[PersonEntry]) -> Staged {
    Staged { people: people.to_vec(), left_out: vec![], breaks: false }
}

#[tokio::test]
async fn a_directory_that_cannot_be_read_holds_up_no_other_one_and_loses_nobody() {
    let world = World::new("failing").await;
    let (one, two) = (staged(&[person(1, "512")]), staged(&[person(2, "512")]));
    let both = |one: Staged, two: Staged| {
        vec![connected("corp", "otherMailbox", one), connected("subsidiary", "otherMailbox", two)]
    };
    let (imported, failed) = world.import(both(one.clone(), two.clone())).await;
    assert_eq!((imported, failed.is_none()), (vec!["corp".into(), "subsidiary".into()], true));

    // The first one breaks off, after nobody; the second one has somebody new.
    let broken = Staged { people: vec![], left_out: vec![], breaks: true };
    let more = staged(&[person(2, "512"), person(3, "512")]);
    let (imported, failed) = world.import(both(broken, more)).await;
    assert_eq!(imported, ["subsidiary"]);
    assert!(matches!(failed, Some(CycleError::Directory { name, .. }) if name == "corp"));
    assert_eq!(world.sync.status().await.unwrap().metaverse_objects, 3);

    // Nobody at all where somebody was is a mistake in the OUs, not everybody's departure.
    let (imported, failed) = world.import(both(staged(&[]), two)).await;
    assert_eq!(imported, ["subsidiary"]);
    assert!(matches!(failed, Some(CycleError::Empty(name)) if name == "corp"));
    assert_eq!(world.sync.status().await.unwrap().metaverse_objects, 2);
}

#[tokio::test]
async fn who_has_more_than_is_read_holds_up_nobody_and_stays_as_before() {
    let world = World::new("left-out").await;
    let of = |people: &[PersonEntry], left_out: &[u8]| {
        let staged = Staged { left_out: left_out.to_vec(), ..staged(people) };
        vec![connected("corp", "otherMailbox", staged)]
    };
    world.import(of(&[person(1, "512"), person(2, "512")], &[])).await;
    let (imported, failed) = world.import(of(&[person(1, "512"), person(3, "512")], &[2, 4])).await;
    assert_eq!((imported, failed.is_none()), (vec!["corp".into()], true));
    // The first two and the new one; of the fourth nothing is known yet.
    assert_eq!(world.sync.status().await.unwrap().metaverse_objects, 3);
    // Not even where it is the only one that is left.
    let (_, failed) = world.import(of(&[], &[2])).await;
    assert!(failed.is_none(), "{failed:?}");
    assert_eq!(world.sync.status().await.unwrap().metaverse_objects, 1);
}

/// What the directory's client makes of hostile entries; see its tests.
#[tokio::test]
async fn what_is_no_text_or_far_too_long_is_left_out_and_the_others_are_imported() {
    let world = World::new("hostile").await;
    let mut people = [1, 2, 3].map(|number| person(number, "512"));
    people[0].attributes.insert("displayName", &b"J\xff\xfe"[..]);
    people[0].dn = "CN=J??,DC=x".parse().unwrap();
    let large = format!("{}@home.example", "m".repeat(10_000_000));
    people[1].attributes.insert("otherMailbox", large);
    people[1].attributes.insert("displayName", "Jan 2");
    let (imported, failed) =
        world.import(vec![connected("corp", "otherMailbox", staged(&people))]).await;
    assert_eq!((imported, failed.is_none()), (vec!["corp".into()], true));
    let pending = world.sync.pending_exports().await.unwrap();
    let mut users: Vec<_> = pending
        .iter()
        .map(|export| {
            let sync::PendingExport::Add { user } = export else { panic!("{export:?}") };
            (user.display_name.clone(), user.emails.clone())
        })
        .collect();
    users.sort_by(|one, other| one.1.cmp(&other.1));
    let address = |number: u8| vec![format!("jan{number}@home.example")];
    // As whoever has no name at all.
    let names = ["", "Jan 2", ""].map(str::to_owned);
    let expected: Vec<_> = names.into_iter().zip([1, 2, 3].map(address)).collect();
    assert_eq!(users, expected);
}

#[tokio::test]
async fn one_person_in_two_directories_is_one_person_with_each_directory_s_own_addresses() {
    for (flags, expected, address) in [
        (["512", "514"], "corp", "jan1@home.example"),
        (["514", "512"], "subsidiary", "jan2@mail.example"),
    ] {
        let mut world = World::new(&format!("matching-{expected}")).await;
        let directories = || {
            let (one, two) = (person(1, flags[0]), person(2, flags[1]));
            vec![
                connected("corp", "otherMailbox", staged(&[one])),
                connected("subsidiary", "mail", staged(&[two])),
            ]
        };
        let addresses = directories().into_iter().map(|one| one.settings);
        let rules = RuleOptions {
            address_attributes: addresses.map(|one| (one.name, one.address_attributes)).collect(),
            match_people_by: Some("employeeID".to_owned()),
        };
        let options = SyncOptions { rules, ..SyncOptions::default() };
        world.sync = world.sync.clone().with_options(options);
        world.import(directories()).await;
        let pending = world.sync.pending_exports().await.unwrap();
        let [sync::PendingExport::Add { user }] = pending.as_slice() else { panic!("{pending:?}") };
        assert_eq!(user.emails, [address]);
        let anchor = "cloud-1".parse().unwrap();
        world.sync.confirm_added(&user.source_anchor, &anchor).await.unwrap();
        let resolution = world.sync.resolve(&anchor).await.unwrap();
        let Resolution::Account(account) = resolution else { panic!("{resolution:?}") };
        assert_eq!(account.connector.as_str(), expected);
    }
}
