//! The client against a real Active Directory, the lab's Samba domain controller: what it reads,
//! and what it sets.
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

use std::collections::HashSet;
use std::time::Duration;

use clock::SystemClock;
use directory::{
    AccountFlags, Directory as _, LdapDirectory, PolicyControl, Protection, PwdLastSet, SetError,
    Terms, Write, explain_refusal, filetime, outcome, protected_by, too_young,
};
use lab::{Bound, Credentials, Kind, NewPerson, Person};
use protocol::{Clock as _, Outcome};
use world::{LATER, agent, config, config_as, connect, forest, guid, password, somebody};

const WRONG_PASSWORD: &str = "52e";

fn refused(sub_code: &str) -> Bound {
    Bound::Refused { sub_code: sub_code.to_owned() }
}

/// Tries a password that the directory refuses, and has it explained.
async fn explained(directory: &LdapDirectory, person: &Person, text: &str) -> Outcome {
    let new = password(text);
    let error = directory.set_password(guid(person), &new, LATER).await.unwrap_err();
    let SetError::Refused(refusal) = &error else { panic!("{error}") };
    assert!(refusal.is_policy(), "{error}");
    assert_eq!(outcome::outcome(&error), Outcome::PolicyOther);
    let account = directory.account(guid(person)).await.unwrap().unwrap();
    let policy = directory.effective_policy(&account).await.unwrap();
    explain_refusal(policy.rules.as_ref(), &account, &new, SystemClock.now()).0
}

#[tokio::test]
async fn a_probe_finds_the_pdc_emulator_and_says_who_is_bound() {
    let forest = forest();
    let probe = agent(&forest).probe().await.unwrap();
    assert_eq!(probe.controller, forest.controller);
    assert_eq!(probe.address.ip(), forest.address);
    assert_eq!(probe.policy_control, Some(PolicyControl::Current));
    let filter = format!("(sAMAccountName={})", forest.service.login);
    let found = forest.search(&forest.base_dn, &filter, &["objectSid"]).unwrap();
    let sid = directory::Sid::from_value(found[0].value("objectSid").unwrap()).unwrap();
    assert!(probe.bound_as.unwrap().is(&sid));
}

/// By one question about all SIDs of the token.
#[tokio::test]
async fn whoever_asks_is_told_from_all_its_groups() {
    let forest = forest();
    let person = somebody(&forest);
    let above = person.dn.split_once(',').unwrap().1;
    let names = ["inner", "outer"].map(|name| format!("{}-{name}", person.login));
    for name in &names {
        let ldif = format!(
            "dn: CN={name},{above}\nchangetype: add\nobjectClass: group\nsAMAccountName: {name}\n"
        );
        forest.modify(&ldif).unwrap();
    }
    forest.join(&person.dn, &names[0]).unwrap();
    forest.join(&format!("CN={},{above}", names[0]), &names[1]).unwrap();
    let sid_of = |login: &str| {
        let filter = format!("(sAMAccountName={login})");
        let found = forest.search(&forest.base_dn, &filter, &["objectSid"]).unwrap();
        directory::Sid::from_value(found[0].value("objectSid").unwrap()).unwrap()
    };
    let who = Credentials { login: person.login.clone(), password: person.password.clone() };
    for who in [&who, &forest.service, &forest.administrator] {
        let directory = connect(config_as(&forest, who));
        let asker = directory.asker().await.unwrap();
        let own = sid_of(&who.login);
        assert_eq!(asker.own, own, "{}", who.login);
        assert!(asker.is_samba && !asker.groups.contains(&own), "{}", who.login);
        let in_both = names.iter().all(|name| asker.groups.contains(&sid_of(name)));
        assert_eq!(in_both, who.login == person.login, "{}", who.login);
        let at = directory.at(&forest.controller).await.unwrap().asker().await.unwrap();
        assert_eq!((at.own, at.groups), (asker.own, asker.groups), "{}", who.login);
    }
    names.iter().for_each(|name| forest.remove(&format!("CN={name},{above}")).unwrap());
}

#[tokio::test]
async fn after_a_set_the_new_password_is_taken_and_the_old_one_refused() {
    let forest = forest();
    let person = somebody(&forest);
    assert_eq!(forest.bind(&person.login, &person.password).unwrap(), Bound::Accepted);
    agent(&forest)
        .set_password(guid(&person), &password("Second-Pässwörd-😀"), LATER)
        .await
        .unwrap();
    let new = forest.bind(&person.login, "Second-Pässwörd-😀").unwrap();
    assert_eq!(new, Bound::Accepted);
    assert_eq!(forest.bind(&person.login, &person.password).unwrap(), refused(WRONG_PASSWORD));
}

#[tokio::test]
async fn every_refused_rule_is_named_and_changes_nothing() {
    let forest = forest();
    let person = somebody(&forest);
    let directory = agent(&forest);
    assert_eq!(explained(&directory, &person, "Ab1!").await, Outcome::PolicyTooShort);
    assert_eq!(explained(&directory, &person, "aaaaaaaaaaaa").await, Outcome::PolicyNotComplex);
    assert_eq!(explained(&directory, &person, &person.password).await, Outcome::PolicyHistory);
    assert_eq!(forest.bind(&person.login, &person.password).unwrap(), Bound::Accepted);
    // One that was used before the present one.
    directory.set_password(guid(&person), &password("Second-Password-1"), LATER).await.unwrap();
    assert_eq!(explained(&directory, &person, &person.password).await, Outcome::PolicyHistory);
    assert_eq!(forest.bind(&person.login, "Second-Password-1").unwrap(), Bound::Accepted);
}

#[tokio::test]
async fn samba_does_not_judge_names_so_that_history_is_not_mistaken_for_them() {
    let forest = forest();
    let person = somebody(&forest);
    let directory = agent(&forest);
    let with_name = format!("X9-{}-y", person.login);
    directory.set_password(guid(&person), &password(&with_name), LATER).await.unwrap();
    assert_eq!(forest.bind(&person.login, &with_name).unwrap(), Bound::Accepted);
    assert_eq!(explained(&directory, &person, &with_name).await, Outcome::PolicyHistory);
}

#[tokio::test]
async fn a_fine_grained_policy_is_known_to_whoever_may_read_it() {
    let forest = forest();
    let young = forest.person_of(Kind::Pso).unwrap();
    let now = SystemClock.now();

    let allowed = connect(config_as(&forest, &forest.administrator));
    let account = allowed.account(guid(young)).await.unwrap().unwrap();
    let policy = allowed.effective_policy(&account).await.unwrap();
    assert_eq!(policy.source.reference(), "PSO Young passwords");
    assert_eq!(policy.rules.as_ref().unwrap().minimum_age_seconds, 86_400);
    let PwdLastSet::At(last_set) = account.pwd_last_set else { panic!("never set") };
    // To the next millisecond: AD counts in steps of 100 ns.
    let expected = filetime::moment_from(account.pwd_last_set_steps + 864_000_000_000);
    assert_eq!(
        too_young(policy.rules.as_ref(), &account, last_set.after(Duration::from_secs(1))),
        Some(expected)
    );
    assert!(last_set < now);

    // An account to which that is not delegated: unknown, never wrong.
    let plain = somebody(&forest);
    let plain = Credentials { login: plain.login, password: plain.password };
    let directory = connect(config_as(&forest, &plain));
    let account = directory.account(guid(young)).await.unwrap().unwrap();
    let policy = directory.effective_policy(&account).await.unwrap();
    assert_eq!(policy.source.reference(), "PSO Young passwords");
    assert_eq!(policy.rules, None);
    assert_eq!(too_young(policy.rules.as_ref(), &account, now), None);
}

#[tokio::test]
async fn who_has_a_sid_is_told_by_name_and_that_nobody_has_it_is_no_refusal() {
    let forest = forest();
    let directory = agent(&forest);
    let asker = directory.asker().await.unwrap();
    let name = directory.account_name_of(&asker.own).await.unwrap();
    assert_eq!(name, Some(forest.service.login.clone()));
    let mut named = Vec::new();
    for sid in &asker.groups {
        named.extend(directory.account_name_of(sid).await.unwrap());
    }
    assert!(named.contains(&"Domain Users".to_owned()), "{named:?}");
    // Of the domain, of another one, and those that stand for everybody or for no account.
    let of_the_domain = format!("{}-999999", asker.own.domain().unwrap());
    let others = ["S-1-5-21-1-2-3-1104", "S-1-1-0", "S-1-5-11", "S-1-5-15", "S-1-5-17"];
    for nobody in [&of_the_domain[..]].iter().chain(&others).chain(&["S-1-5-64-10", "S-1-16-8192"])
    {
        let found = directory.account_name_of(&nobody.parse().unwrap()).await;
        assert_eq!(found, Ok(None), "{nobody}");
    }
}

#[tokio::test]
async fn the_domain_s_policy_is_read() {
    let forest = forest();
    let directory = agent(&forest);
    let account = directory.account(guid(&somebody(&forest))).await.unwrap().unwrap();
    let policy = directory.effective_policy(&account).await.unwrap();
    let rules = policy.rules.unwrap();
    assert_eq!((rules.minimum_length, rules.complexity), (7, true));
    assert_eq!((rules.history_length, rules.minimum_age_seconds), (24, 0));
    assert_eq!(policy.source.reference(), format!("domain {}", forest.base_dn));
}

#[tokio::test]
async fn a_set_unlocks_a_locked_account() {
    let forest = forest();
    let person = somebody(&forest);
    let directory = agent(&forest);
    for _ in 0..5 {
        assert_eq!(forest.bind(&person.login, "wrong").unwrap(), refused(WRONG_PASSWORD));
    }
    assert_eq!(forest.bind(&person.login, &person.password).unwrap(), refused("775"));
    let locked = directory.account(guid(&person)).await.unwrap().unwrap();
    assert!(locked.lockout_time.is_some());
    directory.set_password(guid(&person), &password("Second-Password-1"), LATER).await.unwrap();
    assert_eq!(forest.bind(&person.login, "Second-Password-1").unwrap(), Bound::Accepted);
    let unlocked = directory.account(guid(&person)).await.unwrap().unwrap();
    assert_eq!(unlocked.lockout_time, None);
}

#[tokio::test]
async fn the_witness_counts_sets_and_not_refusals() {
    let forest = forest();
    let person = somebody(&forest);
    let directory = agent(&forest);
    let first = directory.witness(guid(&person)).await.unwrap().unwrap();
    assert_eq!(first.controller, forest.controller);
    assert_eq!(first.originator, Some(first.invocation_id), "there is one controller");
    for count in 1..=3 {
        let new = password(&format!("Password-Number-{count}"));
        directory
            .write(
                guid(&person),
                Write::Reset(&new),
                Terms { not_after: LATER, noted: Some(&first) },
            )
            .await
            .unwrap();
        let after = directory.witness(guid(&person)).await.unwrap().unwrap();
        assert_eq!(after.version, first.version + count);
        assert_ne!(after.pwd_last_set, first.pwd_last_set);
    }
    directory.set_password(guid(&person), &password("a"), LATER).await.unwrap_err();
    let after = directory.witness(guid(&person)).await.unwrap().unwrap();
    assert_eq!(after.version, first.version + 3);
}

#[tokio::test]
async fn a_set_for_another_controller_s_witness_is_not_sent() {
    let forest = forest();
    let person = somebody(&forest);
    let directory = agent(&forest);
    let mut elsewhere = directory.witness(guid(&person)).await.unwrap().unwrap();
    elsewhere.invocation_id.0 = directory::ObjectGuid::from_bytes([1; 16]);
    let new = password("Second-Password-1");
    let error = directory
        .write(
            guid(&person),
            Write::Reset(&new),
            Terms { not_after: LATER, noted: Some(&elsewhere) },
        )
        .await
        .unwrap_err();
    assert_eq!(error, SetError::ControllerMoved);
    assert_eq!(forest.bind(&person.login, &person.password).unwrap(), Bound::Accepted);
}

#[tokio::test]
async fn where_no_right_was_delegated_the_set_is_refused_as_such() {
    let forest = forest();
    let outside = NewPerson { unit: "OU=Service".to_owned(), ..NewPerson::default() };
    let person = forest.add_person(&outside).unwrap();
    let new = password("Second-Password-1");
    let error = agent(&forest).set_password(guid(&person), &new, LATER).await.unwrap_err();
    let SetError::Refused(refusal) = &error else { panic!("{error}") };
    assert_eq!(refusal.result, 50);
    assert_eq!(outcome::outcome(&error), Outcome::PermissionMissing);
    assert_eq!(forest.bind(&person.login, &person.password).unwrap(), Bound::Accepted);
}

#[tokio::test]
async fn an_account_is_found_by_guid_after_it_was_renamed_and_gone_after_it_was_deleted() {
    let forest = forest();
    let person = somebody(&forest);
    let directory = agent(&forest);
    let rename = format!(
        "dn: {}\nchangetype: modrdn\nnewrdn: CN=renamed {}\ndeleteoldrdn: 1\n",
        person.dn, person.login
    );
    forest.modify(&rename).unwrap();
    directory.set_password(guid(&person), &password("Second-Password-1"), LATER).await.unwrap();
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    assert_eq!(account.dn.name(), Some(format!("renamed {}", person.login).as_str()));

    forest.modify(&format!("dn: {}\nchangetype: delete\n", account.dn)).unwrap();
    assert!(directory.account(guid(&person)).await.unwrap().is_none());
    assert!(directory.witness(guid(&person)).await.unwrap().is_none());
    let error = directory.set_password(guid(&person), &password("Third-Password-1"), LATER).await;
    assert_eq!(outcome::outcome(&error.unwrap_err()), Outcome::UserGone);
}

#[tokio::test]
async fn names_with_every_character_of_d9_are_read_and_set() {
    let forest = forest();
    let directory = agent(&forest);
    for (place, name) in
        ["a,b+c", "\"q\" \\", "<x>;=/", "#hash", " blanks ", "Zoë 密碼 😀"].iter().enumerate()
    {
        // Accounts of earlier runs stay in the lab: the name is made unique, its ends are kept.
        let end = if name.ends_with(' ') { " " } else { "" };
        let unique = format!("{name}{place}{}{end}", SystemClock.now().as_millis());
        let new = NewPerson { name: Some(unique.clone()), ..NewPerson::default() };
        let person = forest.add_person(&new).unwrap();
        let account = directory.account(guid(&person)).await.unwrap().unwrap();
        assert_eq!(account.dn.name(), Some(unique.as_str()));
        directory.set_password(guid(&person), &password("Second-Password-1"), LATER).await.unwrap();
        // What is written is read by the directory as the same object.
        let found = forest.search(&account.dn.to_string(), "(objectClass=user)", &["cn"]).unwrap();
        assert_eq!(found.len(), 1, "{}", account.dn);
    }
}

#[tokio::test]
async fn kinds_of_accounts_are_recognised() {
    let forest = forest();
    let directory = agent(&forest);
    let read = async |kind| {
        directory.account(guid(forest.person_of(kind).unwrap())).await.unwrap().unwrap()
    };
    let ordinary = read(Kind::Ordinary).await;
    assert!(ordinary.flags.contains(AccountFlags::NORMAL) && !ordinary.is_disabled());
    assert_eq!(protected_by(&ordinary), None);
    assert!(read(Kind::Disabled).await.is_disabled());
    let nested = read(Kind::ProtectedNested).await;
    assert!(matches!(protected_by(&nested), Some(Protection::Member(_))));
    assert!(!nested.admin_count, "found by its groups alone");
    assert_eq!(
        protected_by(&read(Kind::AdmincountOrphan).await),
        Some(Protection::AdminCountAlone)
    );

    let filter = "(|(sAMAccountName=Administrator)(sAMAccountName=krbtgt))";
    for entry in forest.search(&forest.base_dn, filter, &["objectGUID"]).unwrap() {
        let guid = entry.object_guid().unwrap().parse().unwrap();
        let account = directory.account(guid).await.unwrap().unwrap();
        assert!(matches!(protected_by(&account), Some(Protection::Account(_))), "{}", entry.dn);
    }
    let computers = forest.search(&forest.base_dn, "(objectClass=computer)", &["objectGUID"]);
    let controller = computers.unwrap()[0].object_guid().unwrap().parse().unwrap();
    assert!(directory.account(controller).await.unwrap().unwrap().is_computer_or_trust());
}

#[tokio::test]
async fn an_account_that_has_expired_or_must_change_is_read_as_such() {
    let forest = forest();
    let directory = agent(&forest);
    // 2020-01-01T00:00:00Z.
    let end = ("accountExpires".to_owned(), "132223104000000000".to_owned());
    let new = NewPerson { attributes: vec![end], must_change: true, ..NewPerson::default() };
    let person = forest.add_person(&new).unwrap();
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    assert_eq!(account.account_expires.unwrap().as_millis(), 1_577_836_800_000);
    assert!(account.is_expired(SystemClock.now()));
    assert_eq!(account.pwd_last_set, PwdLastSet::Never);
}

#[tokio::test]
async fn people_are_read_page_by_page_each_once_and_without_the_rest() {
    let forest = forest();
    let directory = agent(&forest);
    let people: directory::DistinguishedName =
        format!("OU=People,{}", forest.base_dn).parse().unwrap();
    let inner = people.child("OU", "Amsterdam");
    let mut seen = Vec::new();
    let mut each = |person: directory::PersonEntry| seen.push(person);
    let read = directory.people(&[inner, people.clone()], 2, &mut each).await.unwrap();
    assert_eq!(read.left_out, []);
    assert_eq!(read.found, seen.len() as u64);
    let guids: HashSet<_> = seen.iter().map(|person| person.guid).collect();
    assert_eq!(guids.len(), seen.len(), "nobody twice");
    assert!(seen.iter().all(|person| person.dn.is_below(&people)));
    for person in &forest.people {
        let found = seen.iter().find(|one| one.guid == guid(person)).unwrap();
        assert_eq!(found.attributes.text("samaccountname"), Some(person.login.as_str()));
        assert_eq!(found.attributes.text("otherMailbox"), Some(person.private_mail.as_str()));
    }
}

#[tokio::test]
async fn what_the_configuration_names_is_read_of_people_too() {
    let forest = forest();
    let number = ("employeeID".to_owned(), "E-007".to_owned());
    let new = NewPerson { attributes: vec![number], ..NewPerson::default() };
    let person = forest.add_person(&new).unwrap();
    let people_attributes = vec!["EMPLOYEEID".to_owned(), "mail".to_owned()];
    let directory = connect(directory::DirectoryConfig { people_attributes, ..config(&forest) });
    let unit: directory::DistinguishedName =
        format!("OU=Tests,{}", forest.base_dn).parse().unwrap();
    let mut read = None;
    let mut each = |one: directory::PersonEntry| {
        if one.guid == guid(&person) {
            read = Some(one.attributes);
        }
    };
    directory.people(&[unit], 500, &mut each).await.unwrap();
    let read = read.unwrap();
    assert_eq!(read.text("employeeid"), Some("E-007"));
    assert_eq!(read.values("mail"), [person.mail.into_bytes()]);
}
