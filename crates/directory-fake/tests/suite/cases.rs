//! The cases.

use std::collections::HashMap;
use std::time::Duration;

use clock::SystemClock;
use directory::{
    AccountFlags, BindRefusal, Directory, DirectoryError, ObjectGuid, PersonEntry, PolicyControl,
    Protection, PwdLastSet, SetError, explain_refusal, outcome, protected_by, too_young,
};
use directory_fake::FakePolicy;
use futures_util::future::join_all;
use lab::{Bound, Credentials, NewPerson, Person};
use protocol::{Clock as _, Outcome};

use super::{LATER, Subject, guid, password, somebody};

const SECOND: &str = "Second-Password-1";
const DAY: Duration = Duration::from_secs(86_400);

fn refused(sub_code: &str) -> Bound {
    Bound::Refused { sub_code: sub_code.to_owned() }
}

async fn set(directory: &dyn Directory, person: &Person, text: &str) -> Result<(), SetError> {
    directory.set_password(guid(person), &password(text), LATER).await
}

/// Tries a password that the directory refuses for the policy, and has it explained.
async fn explained(directory: &dyn Directory, person: &Person, text: &str) -> Outcome {
    let error = set(directory, person, text).await.unwrap_err();
    let SetError::Refused(refusal) = &error else { panic!("{error}") };
    assert!(refusal.is_policy(), "{error}");
    assert_eq!(refusal.result, 53, "{error}");
    assert_eq!(outcome::outcome(&error), Outcome::PolicyOther);
    let account = directory.account(guid(person)).await.unwrap().unwrap();
    let policy = directory.effective_policy(&account).await.unwrap();
    explain_refusal(&policy, &account, &password(text)).0
}

/// A policy that asks for nothing.
fn lax() -> FakePolicy {
    FakePolicy {
        minimum_length: 0,
        complexity: false,
        history_length: 0,
        lockout_threshold: 0,
        lockout_duration: Duration::from_secs(1_800),
        ..FakePolicy::default()
    }
}

pub async fn a_probe_says_who_is_bound_and_which_control_there_is(subject: &dyn Subject) {
    let directory = subject.directory();
    let probe = directory.probe().await.unwrap();
    assert!(probe.controller.starts_with("dc1."), "{}", probe.controller);
    assert_eq!(probe.policy_control, Some(PolicyControl::Current));
    for oid in ["1.2.840.113556.1.4.2239", "1.2.840.113556.1.4.319", "1.2.840.113556.1.4.801"] {
        assert!(probe.controls.iter().any(|offered| offered == oid), "{oid}");
    }
    // Somebody else is somebody else.
    let person = somebody(subject);
    let own = directory.account(guid(&person)).await.unwrap().unwrap().sid;
    let who = Credentials { login: person.login, password: person.password };
    assert_eq!(subject.directory_as(&who).probe().await.unwrap().bound_as, Some(own.clone()));
    assert!(probe.bound_as.is_some_and(|sid| sid != own && sid.domain() == own.domain()));
}

pub async fn after_a_set_the_new_password_is_taken_and_the_old_one_refused(subject: &dyn Subject) {
    let person = somebody(subject);
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
    set(&*subject.directory(), &person, SECOND).await.unwrap();
    assert_eq!(subject.bind(&person, SECOND), Bound::Accepted);
    assert_eq!(subject.bind(&person, &person.password), refused("52e"));
}

pub async fn a_set_unlocks(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    let before = directory.account(guid(&person)).await.unwrap().unwrap();
    assert_eq!(before.lockout_time, None);
    for _ in 0..5 {
        assert_eq!(subject.bind(&person, "wrong"), refused("52e"));
    }
    assert_eq!(subject.bind(&person, &person.password), refused("775"));
    let locked = directory.account(guid(&person)).await.unwrap().unwrap();
    assert!(locked.lockout_time.is_some());
    set(&*directory, &person, SECOND).await.unwrap();
    let unlocked = directory.account(guid(&person)).await.unwrap().unwrap();
    assert_eq!(unlocked.lockout_time, None);
    assert_eq!(subject.bind(&person, SECOND), Bound::Accepted);
    // The count began anew: one wrong one does not lock again.
    assert_eq!(subject.bind(&person, "wrong"), refused("52e"));
    assert_eq!(subject.bind(&person, SECOND), Bound::Accepted);
}

pub async fn history_is_enforced_on_the_present_password_and_on_earlier_ones(
    subject: &dyn Subject,
) {
    let person = somebody(subject);
    let directory = subject.directory();
    assert_eq!(explained(&*directory, &person, &person.password).await, Outcome::PolicyHistory);
    set(&*directory, &person, SECOND).await.unwrap();
    assert_eq!(explained(&*directory, &person, &person.password).await, Outcome::PolicyHistory);
    assert_eq!(subject.bind(&person, SECOND), Bound::Accepted);
}

pub async fn a_history_of_three_remembers_three(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    subject.add_settings(&FakePolicy { history_length: 3, ..lax() }, 20, &person.login);
    let mut taken = Vec::new();
    for text in ["A1", "A2", "A1", "A3", "A4", "A1", "A2", "A1"] {
        taken.push(set(&*directory, &person, text).await.is_ok());
    }
    assert_eq!(taken, [true, true, false, true, true, true, true, false]);
}

pub async fn a_history_that_was_kept_counts_under_a_shorter_one_until_the_next_set(
    subject: &dyn Subject,
) {
    let person = somebody(subject);
    let directory = subject.directory();
    set(&*directory, &person, SECOND).await.unwrap();
    // From here on no history is asked for.
    subject.add_settings(&lax(), 20, &person.login);
    for text in [&person.password, SECOND] {
        assert_eq!(explained(&*directory, &person, text).await, Outcome::PolicyOther);
    }
    for text in ["a", "a", "b", "a", SECOND, &person.password] {
        set(&*directory, &person, text).await.unwrap();
    }
}

pub async fn every_refused_rule_is_named_and_changes_nothing(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    let before = directory.witness(guid(&person)).await.unwrap().unwrap();
    assert_eq!(explained(&*directory, &person, "Ab1!").await, Outcome::PolicyTooShort);
    assert_eq!(explained(&*directory, &person, "aaaaaaaaaaaa").await, Outcome::PolicyNotComplex);
    let after = directory.witness(guid(&person)).await.unwrap().unwrap();
    assert_eq!(before, after);
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
}

pub async fn a_password_that_is_too_young_is_refused_whatever_the_new_one_is(
    subject: &dyn Subject,
) {
    let person = somebody(subject);
    let directory = subject.directory();
    subject.add_settings(
        &FakePolicy { minimum_age: DAY, ..FakePolicy::default() },
        20,
        &person.login,
    );
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    let policy = directory.effective_policy(&account).await.unwrap();
    assert_eq!(policy.rules.as_ref().unwrap().minimum_age_seconds, 86_400);
    // The agent's own check says from when on; the directory refuses, too.
    let PwdLastSet::At(last_set) = account.pwd_last_set else { panic!("never set") };
    assert_eq!(too_young(&policy, &account, SystemClock.now()), Some(last_set.after(DAY)));
    for text in [SECOND, "S", &person.password] {
        let error = set(&*directory, &person, text).await.unwrap_err();
        assert!(matches!(&error, SetError::Refused(refusal) if refusal.is_policy()), "{error}");
    }
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
}

pub async fn whoever_must_change_is_never_too_young(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    subject.add_settings(
        &FakePolicy { minimum_age: DAY, ..FakePolicy::default() },
        20,
        &person.login,
    );
    subject.put(&person, "pwdLastSet", "0");
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    let policy = directory.effective_policy(&account).await.unwrap();
    assert_eq!(too_young(&policy, &account, SystemClock.now()), None);
    set(&*directory, &person, SECOND).await.unwrap();
}

pub async fn what_is_not_there_is_gone_and_not_an_error(subject: &dyn Subject) {
    let directory = subject.directory();
    let nobody = ObjectGuid::from_bytes([0x5a; 16]);
    assert!(directory.account(nobody).await.unwrap().is_none());
    assert!(directory.witness(nobody).await.unwrap().is_none());
    let error = directory.set_password(nobody, &password(SECOND), LATER).await.unwrap_err();
    assert!(matches!(&error, SetError::Refused(refusal) if refusal.result == 32), "{error}");
    assert_eq!(outcome::outcome(&error), Outcome::UserGone);
}

pub async fn a_renamed_account_is_found_and_a_deleted_one_is_not(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    let name = format!("renamed {}", person.login);
    subject.rename(&person, &name);
    set(&*directory, &person, SECOND).await.unwrap();
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    assert_eq!(account.dn.name(), Some(name.as_str()));
    subject.remove(&Person { dn: account.dn.to_string(), ..person.clone() });
    assert!(directory.account(guid(&person)).await.unwrap().is_none());
    let error = set(&*directory, &person, "Third-Password-1").await.unwrap_err();
    assert_eq!(outcome::outcome(&error), Outcome::UserGone);
}

pub async fn flags_are_read_as_they_are(subject: &dyn Subject) {
    let directory = subject.directory();
    let read = async |new: NewPerson| {
        let person = subject.add(&new);
        directory.account(guid(&person)).await.unwrap().unwrap()
    };
    let plain = || NewPerson::default();
    let now = SystemClock.now();

    let ordinary = read(plain()).await;
    assert_eq!(ordinary.flags, AccountFlags::NORMAL);
    assert_eq!(ordinary.object_classes, ["top", "person", "organizationalPerson", "user"]);
    assert_eq!((ordinary.lockout_time, ordinary.account_expires), (None, None));
    let PwdLastSet::At(set) = ordinary.pwd_last_set else { panic!("never set") };
    assert!(set.apart(now) < Duration::from_secs(60));
    assert!(ordinary.user_principal_name.unwrap().starts_with(&ordinary.sam_account_name));

    assert!(read(NewPerson { disabled: true, ..plain() }).await.is_disabled());
    let expired = read(NewPerson { expired: true, ..plain() }).await;
    assert_eq!(expired.account_expires.unwrap().as_millis(), 1_577_836_800_000);
    assert!(expired.is_expired(now));
    let locked = read(NewPerson { locked: true, ..plain() }).await;
    assert!(locked.lockout_time.unwrap().apart(now) < Duration::from_secs(60));
    let must_change = read(NewPerson { must_change: true, ..plain() }).await;
    assert_eq!(must_change.pwd_last_set, PwdLastSet::Never);
    assert!(!must_change.cannot_change_password && !must_change.admin_count);
}

pub async fn every_reason_to_refuse_a_sign_in_has_its_sub_code(subject: &dyn Subject) {
    for (new, right, wrong) in [
        (NewPerson { disabled: true, ..NewPerson::default() }, "533", "52e"),
        (NewPerson { expired: true, ..NewPerson::default() }, "701", "52e"),
        (NewPerson { must_change: true, ..NewPerson::default() }, "773", "52e"),
        (NewPerson { locked: true, ..NewPerson::default() }, "775", "775"),
        // Two reasons at once: which one is told.
        (NewPerson { disabled: true, expired: true, ..NewPerson::default() }, "533", "52e"),
        (NewPerson { disabled: true, must_change: true, ..NewPerson::default() }, "533", "52e"),
        (NewPerson { expired: true, must_change: true, ..NewPerson::default() }, "701", "52e"),
    ] {
        let person = subject.add(&new);
        assert_eq!(subject.bind(&person, &person.password), refused(right), "{new:?}");
        assert_eq!(subject.bind(&person, "wrong"), refused(wrong), "{new:?}");
    }
}

pub async fn a_password_that_is_too_old_is_refused_as_expired(subject: &dyn Subject) {
    let person = somebody(subject);
    let policy = FakePolicy { maximum_age: Some(Duration::from_secs(1)), ..lax() };
    subject.add_settings(&policy, 20, &person.login);
    SystemClock.sleep(Duration::from_millis(1_500)).await;
    assert_eq!(subject.bind(&person, &person.password), refused("532"));
    assert_eq!(subject.bind(&person, "wrong"), refused("52e"));
    // 0x10000: the password never expires.
    subject.put(&person, "userAccountControl", "66048");
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
}

pub async fn a_disabled_account_is_set_and_stays_disabled(subject: &dyn Subject) {
    let person = subject.add(&NewPerson { disabled: true, ..NewPerson::default() });
    let directory = subject.directory();
    set(&*directory, &person, SECOND).await.unwrap();
    assert!(directory.account(guid(&person)).await.unwrap().unwrap().is_disabled());
    assert_eq!(subject.bind(&person, SECOND), refused("533"));
}

pub async fn an_expired_account_is_set_and_stays_expired(subject: &dyn Subject) {
    let person = subject.add(&NewPerson { expired: true, ..NewPerson::default() });
    set(&*subject.directory(), &person, SECOND).await.unwrap();
    assert_eq!(subject.bind(&person, SECOND), refused("701"));
}

pub async fn who_must_change_has_done_so_after_a_set(subject: &dyn Subject) {
    let person = subject.add(&NewPerson { must_change: true, ..NewPerson::default() });
    let directory = subject.directory();
    set(&*directory, &person, SECOND).await.unwrap();
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    assert!(matches!(account.pwd_last_set, PwdLastSet::At(_)));
    assert_eq!(subject.bind(&person, SECOND), Bound::Accepted);
}

pub async fn who_cannot_change_is_read_and_set(subject: &dyn Subject) {
    let person = subject.add(&NewPerson { cannot_change: true, ..NewPerson::default() });
    let directory = subject.directory();
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    assert!(account.cannot_change_password);
    // The directory does not mind; it is the agent that refuses (SPEC D-7).
    set(&*directory, &person, SECOND).await.unwrap();
    assert_eq!(subject.bind(&person, SECOND), Bound::Accepted);
}

pub async fn protection_is_seen_through_nested_groups(subject: &dyn Subject) {
    let (inner, outer) = (subject.add_group(), subject.add_group());
    let person = somebody(subject);
    let directory = subject.directory();
    subject.join(&person.login, &inner);
    subject.join(&inner, &outer);
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    assert_eq!(protected_by(&account), None);
    // Itself, both groups, Domain Users and Users.
    assert_eq!(account.group_sids.len(), 4, "{:?}", account.group_sids);
    subject.join(&outer, "Domain Admins");
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    let Some(Protection::Member(group)) = protected_by(&account) else { panic!("not protected") };
    assert!([Some(512), None].contains(&group.domain_rid()), "{group}");
    assert!(!account.admin_count, "found by its groups alone");
}

pub async fn protection_is_seen_through_the_primary_group(subject: &dyn Subject) {
    let new = NewPerson { member_of: vec!["Domain Admins".to_owned()], ..NewPerson::default() };
    let person = subject.add(&new);
    subject.put(&person, "primaryGroupID", "512");
    let account = subject.directory().account(guid(&person)).await.unwrap().unwrap();
    assert!(account.group_sids.iter().any(|sid| sid.domain_rid() == Some(512)));
    assert!(matches!(protected_by(&account), Some(Protection::Member(_))));
}

pub async fn a_left_over_admin_count_is_told_from_a_membership(subject: &dyn Subject) {
    let person = subject.add(&NewPerson { admin_count: true, ..NewPerson::default() });
    let account = subject.directory().account(guid(&person)).await.unwrap().unwrap();
    assert_eq!(protected_by(&account), Some(Protection::AdminCountAlone));
}

async fn source(subject: &dyn Subject, person: &Person) -> String {
    let directory = subject.directory();
    let account = directory.account(guid(person)).await.unwrap().unwrap();
    let policy = directory.effective_policy(&account).await.unwrap();
    assert!(policy.rules.is_some());
    policy.source.reference()
}

pub async fn of_two_policies_the_one_with_precedence_decides(subject: &dyn Subject) {
    let person = somebody(subject);
    let (inner, outer) = (subject.add_group(), subject.add_group());
    subject.join(&person.login, &inner);
    subject.join(&inner, &outer);
    assert_eq!(source(subject, &person).await, format!("domain {}", subject.head()));
    let second = subject.add_settings(&lax(), 31, &inner);
    assert_eq!(source(subject, &person).await, format!("PSO {second}"));
    // Through a nested group, too.
    let first = subject.add_settings(&lax(), 30, &outer);
    assert_eq!(source(subject, &person).await, format!("PSO {first}"));
    // It decides: the domain's policy would refuse this one.
    set(&*subject.directory(), &person, "x").await.unwrap();
}

pub async fn a_policy_of_ones_own_comes_before_those_of_groups(subject: &dyn Subject) {
    let person = somebody(subject);
    let group = subject.add_group();
    subject.join(&person.login, &group);
    subject.add_settings(&lax(), 5, &group);
    let strict = FakePolicy { minimum_length: 20, ..lax() };
    let own = subject.add_settings(&strict, 50, &person.login);
    assert_eq!(source(subject, &person).await, format!("PSO {own}"));
    let directory = subject.directory();
    assert_eq!(
        explained(&*directory, &person, "nineteen characters").await,
        Outcome::PolicyTooShort
    );
    set(&*directory, &person, "twenty characters ok").await.unwrap();
}

pub async fn a_policy_s_rules_are_hidden_from_whoever_may_not_read_them(subject: &dyn Subject) {
    let (person, other) = (somebody(subject), somebody(subject));
    let name = subject.add_settings(&lax(), 20, &person.login);
    let who = Credentials { login: other.login, password: other.password };
    let directory = subject.directory_as(&who);
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    let policy = directory.effective_policy(&account).await.unwrap();
    assert_eq!(policy.source.reference(), format!("PSO {name}"));
    assert_eq!(policy.rules, None);
}

pub async fn the_domain_s_policy_is_read(subject: &dyn Subject) {
    let policy = subject.directory().policy(None).await.unwrap();
    let rules = policy.rules.unwrap();
    assert_eq!((rules.minimum_length, rules.complexity), (7, true));
    assert_eq!((rules.history_length, rules.minimum_age_seconds), (24, 0));
    assert_eq!(policy.source.reference(), format!("domain {}", subject.head()));
    assert!(!policy.names_judged);
}

pub async fn a_policy_has_a_lockout_of_its_own(subject: &dyn Subject) {
    let person = somebody(subject);
    subject.add_settings(&FakePolicy { lockout_threshold: 2, ..lax() }, 20, &person.login);
    for _ in 0..2 {
        assert_eq!(subject.bind(&person, "wrong"), refused("52e"));
    }
    assert_eq!(subject.bind(&person, &person.password), refused("775"));
}

pub async fn the_witness_rises_by_one_with_each_set_and_not_with_a_refusal(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    let first = directory.witness(guid(&person)).await.unwrap().unwrap();
    assert_eq!(first.controller, directory.probe().await.unwrap().controller);
    assert_eq!(first.originator, Some(first.invocation_id));
    for count in 1..=3 {
        let new = password(&format!("Password-Number-{count}"));
        directory.set_password_at(&first, guid(&person), &new, LATER).await.unwrap();
        let after = directory.witness(guid(&person)).await.unwrap().unwrap();
        assert_eq!(after.version, first.version + count);
        assert_ne!(after.pwd_last_set, first.pwd_last_set);
    }
    set(&*directory, &person, "a").await.unwrap_err();
    subject.put(&person, "pwdLastSet", "0");
    let after = directory.witness(guid(&person)).await.unwrap().unwrap();
    assert_eq!((after.version, after.pwd_last_set), (first.version + 3, PwdLastSet::Never));
}

pub async fn a_set_for_another_controller_s_witness_is_not_sent(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    let mut elsewhere = directory.witness(guid(&person)).await.unwrap().unwrap();
    elsewhere.invocation_id.0 = ObjectGuid::from_bytes([1; 16]);
    let moved =
        directory.set_password_at(&elsewhere, guid(&person), &password(SECOND), LATER).await;
    assert_eq!(moved, Err(SetError::ControllerMoved));
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
}

pub async fn a_set_whose_time_is_over_is_not_sent(subject: &dyn Subject) {
    let person = somebody(subject);
    let now = SystemClock.now();
    let late = subject.directory().set_password(guid(&person), &password(SECOND), now).await;
    assert_eq!(late, Err(SetError::TooLate));
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
}

pub async fn hard_passwords_are_taken_as_they_are(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    let longest = format!("Aa1!{}", "x".repeat(252));
    for text in
        ["\"Quoted-1\"", "'); DROP--1aA", "Zoë-Ĳssel-12", "😀😀😀aA", "密碼密碼aA1", &longest]
    {
        set(&*directory, &person, text).await.unwrap();
        assert_eq!(subject.bind(&person, text), Bound::Accepted, "{text}");
    }
    // One that is made of other code points is another one.
    assert_eq!(subject.bind(&person, &longest[1..]), refused("52e"));
}

pub async fn kinds_of_characters_are_counted_alike(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    for (text, complex) in [
        ("aaaa AAAA", false),
        ("aaaa_AAAA", true),
        ("密碼密碼😀😀a", false),
        ("密碼密碼😀😀a1", true),
        ("aaaaÉaaa1", true),
        ("aaaaéaaa1", false),
        ("1234567!", false),
    ] {
        let taken = set(&*directory, &person, text).await;
        assert_eq!(taken.is_ok(), complex, "{text}");
    }
}

pub async fn where_no_right_was_delegated_the_set_is_refused_as_such(subject: &dyn Subject) {
    let outside = NewPerson { unit: "OU=Service".to_owned(), ..NewPerson::default() };
    let person = subject.add(&outside);
    let error = set(&*subject.directory(), &person, SECOND).await.unwrap_err();
    assert!(matches!(&error, SetError::Refused(refusal) if refusal.result == 50), "{error}");
    assert_eq!(outcome::outcome(&error), Outcome::PermissionMissing);
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
}

pub async fn rights_come_before_rules(subject: &dyn Subject) {
    let outside = NewPerson { unit: "OU=Service".to_owned(), ..NewPerson::default() };
    let person = subject.add(&outside);
    for text in ["S", &person.password] {
        let error = set(&*subject.directory(), &person, text).await.unwrap_err();
        assert_eq!(outcome::outcome(&error), Outcome::PermissionMissing, "{text}");
    }
}

async fn all(directory: &dyn Directory, bases: &[&str], head: &str, page: u32) -> Vec<PersonEntry> {
    let bases: Vec<_> =
        bases.iter().map(|base| format!("{base},{head}").parse().unwrap()).collect();
    let mut seen = Vec::new();
    let count = directory.people(&bases, page, &mut |person| seen.push(person)).await.unwrap();
    assert_eq!(count, seen.len() as u64);
    seen
}

pub async fn people_are_read_once_each_with_their_attributes(subject: &dyn Subject) {
    let (directory, head) = (subject.directory(), subject.head().to_string());
    let bases = ["OU=Amsterdam,OU=People", "OU=People"];
    let seen = all(&*directory, &bases, &head, 2).await;
    let by_guid: HashMap<_, _> = seen.iter().map(|person| (person.guid, person)).collect();
    assert_eq!(by_guid.len(), seen.len(), "nobody twice");
    let people = subject.people();
    assert!(people.len() > 10);
    for person in people {
        let found = by_guid[&guid(&person)];
        assert_eq!(found.dn, person.dn.parse().unwrap());
        for (attribute, value) in [
            ("sAMAccountName", &person.login),
            ("displayName", &person.display_name),
            ("mail", &person.mail),
            ("otherMailbox", &person.private_mail),
        ] {
            assert_eq!(found.attributes.text(attribute), Some(value.as_str()), "{attribute}");
        }
        let changed = found.attributes.text("whenChanged").unwrap();
        assert!(changed.len() == 17 && changed.ends_with(".0Z"), "{changed}");
        assert!(found.attributes.text("uSNChanged").unwrap().parse::<u64>().unwrap() > 0);
        assert_eq!(found.attributes.value("unicodePwd"), None);
    }
}

pub async fn people_below_a_unit_that_is_not_there_are_an_error(subject: &dyn Subject) {
    let nowhere = [format!("OU=Nowhere,{}", subject.head()).parse().unwrap()];
    let directory = subject.directory();
    let error = directory.people(&nowhere, 10, &mut |_| {}).await.unwrap_err();
    let DirectoryError::Refused(refusal) = &error else { panic!("{error}") };
    assert!(refusal.is_no_such_object(), "{error}");
}

pub async fn names_that_need_escaping_are_read_and_set(subject: &dyn Subject) {
    let directory = subject.directory();
    for (place, name) in
        ["a,b+c", "\"q\" \\", "<x>;=/", "#hash", " blanks ", "Zoë 密碼 😀"].iter().enumerate()
    {
        // Accounts of earlier runs stay in a lab: the name is made unique, its ends are kept.
        let end = if name.ends_with(' ') { " " } else { "" };
        let unique = format!("{name}{place}{}{end}", SystemClock.now().as_millis());
        let person = subject.add(&NewPerson { name: Some(unique.clone()), ..NewPerson::default() });
        let account = directory.account(guid(&person)).await.unwrap().unwrap();
        assert_eq!(account.dn.name(), Some(unique.as_str()));
        assert_eq!(account.dn, person.dn.parse().unwrap());
        set(&*directory, &person, SECOND).await.unwrap();
    }
}

pub async fn a_client_with_a_wrong_password_is_told_so(subject: &dyn Subject) {
    let person = somebody(subject);
    let who = Credentials { login: person.login.clone(), password: "wrong".to_owned() };
    let directory = subject.directory_as(&who);
    // The second time nothing is asked: every wrong password counts towards a lockout.
    for _ in 0..7 {
        let error = directory.probe().await.unwrap_err();
        let DirectoryError::BindRefused { refusal, .. } = &error else { panic!("{error}") };
        assert_eq!(*refusal, BindRefusal::WrongPassword);
        assert_eq!(error.outcome(), Outcome::DirectoryConfiguration);
    }
    let set = set(&*directory, &person, SECOND).await;
    assert!(matches!(set, Err(SetError::NotSent(DirectoryError::BindRefused { .. }))));
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
}

pub async fn a_client_whose_account_is_disabled_is_told_so(subject: &dyn Subject) {
    let person = subject.add(&NewPerson { disabled: true, ..NewPerson::default() });
    let who = Credentials { login: person.login, password: person.password };
    let error = subject.directory_as(&who).probe().await.unwrap_err();
    let DirectoryError::BindRefused { refusal, .. } = &error else { panic!("{error}") };
    assert_eq!(*refusal, BindRefusal::Disabled);
}

pub async fn sets_at_the_same_time_are_all_counted(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    let before = directory.witness(guid(&person)).await.unwrap().unwrap();
    let texts: Vec<_> = (0..4).map(|count| format!("Password-Number-{count}")).collect();
    let sets = texts.iter().map(|text| set(&*directory, &person, text));
    assert!(join_all(sets).await.iter().all(Result::is_ok));
    let after = directory.witness(guid(&person)).await.unwrap().unwrap();
    assert_eq!(after.version, before.version + 4);
    let accepted = texts.iter().filter(|text| subject.bind(&person, text) == Bound::Accepted);
    assert_eq!(accepted.count(), 1, "one of them is the password");
}
