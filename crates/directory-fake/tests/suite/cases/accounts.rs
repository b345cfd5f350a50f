//! What is read of an account: whether it is there, its flags, what protects it, and why it may
//! not sign in.

use std::time::Duration;

use clock::SystemClock;
use directory::protected::{self, builtin, domain};
use directory::{
    AccountFlags, Holder, ObjectGuid, Protection, PwdLastSet, SetError, Sid, outcome, protected_by,
};
use lab::{Bound, NewPerson, Person};
use protocol::{Clock as _, Outcome};

use super::{SECOND, set};
use crate::suite::{LATER, Subject, guid, password, somebody};

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

pub async fn a_distribution_group_is_among_nobody_s_groups_and_leads_to_no_other(
    subject: &dyn Subject,
) {
    let (mail, outer) = (subject.add_distribution_group(), subject.add_group());
    let person = somebody(subject);
    let directory = subject.directory();
    subject.join(&person.login, &mail);
    subject.join(&mail, &outer);
    let groups = directory.account(guid(&person)).await.unwrap().unwrap().group_sids;
    let (mail_sid, outer_sid) = (subject.sid_of(&mail), subject.sid_of(&outer));
    assert!(!groups.contains(&mail_sid) && !groups.contains(&outer_sid), "{groups:?}");
    subject.join(&person.login, &outer);
    let groups = directory.account(guid(&person)).await.unwrap().unwrap().group_sids;
    assert!(!groups.contains(&mail_sid) && groups.contains(&outer_sid), "{groups:?}");

    let holder = async |sid: &Sid| directory.holder(sid).await.unwrap();
    assert!(
        matches!(holder(&outer_sid).await, Holder::SecurityGroup(dn) if dn.name() == Some(&*outer))
    );
    assert!(
        matches!(holder(&mail_sid).await, Holder::DistributionGroup(dn) if dn.name() == Some(&*mail))
    );
    assert!(matches!(holder(&subject.sid_of(&person.login)).await, Holder::NoGroup(_)));
    let built_in = Sid::nt(&[32, builtin::BACKUP_OPERATORS]).unwrap();
    assert!(matches!(holder(&built_in).await, Holder::SecurityGroup(_)));
    let own = outer_sid.domain().unwrap();
    assert_eq!(holder(&own.with_rid(999_999).unwrap()).await, Holder::Nobody);
    assert_eq!(holder(&Sid::nt(&[21, 9, 9, 9, 1106]).unwrap()).await, Holder::OfAnotherDomain);
}

/// The groups of SPEC D-6 by the names that they have in an English domain, with their numbers.
const PROTECTED_GROUPS: [(&str, u32); 13] = [
    ("Administrators", builtin::ADMINISTRATORS),
    ("Account Operators", builtin::ACCOUNT_OPERATORS),
    ("Server Operators", builtin::SERVER_OPERATORS),
    ("Print Operators", builtin::PRINT_OPERATORS),
    ("Backup Operators", builtin::BACKUP_OPERATORS),
    ("Replicator", builtin::REPLICATOR),
    ("Domain Admins", domain::DOMAIN_ADMINS),
    ("Domain Controllers", domain::DOMAIN_CONTROLLERS),
    ("Schema Admins", domain::SCHEMA_ADMINS),
    ("Enterprise Admins", domain::ENTERPRISE_ADMINS),
    ("Read-only Domain Controllers", domain::READ_ONLY_DOMAIN_CONTROLLERS),
    ("Key Admins", domain::KEY_ADMINS),
    ("Enterprise Key Admins", domain::ENTERPRISE_KEY_ADMINS),
];

pub async fn every_protected_group_of_the_domain_protects(subject: &dyn Subject) {
    let directory = subject.directory();
    let listed = PROTECTED_GROUPS.len();
    assert_eq!(listed, protected::BUILTIN_GROUPS.len() + protected::DOMAIN_GROUPS.len());
    for (name, rid) in PROTECTED_GROUPS {
        // A domain of Windows has these two from 2016 on; Samba makes none.
        let newer = [domain::KEY_ADMINS, domain::ENTERPRISE_KEY_ADMINS].contains(&rid);
        if newer && subject.edition().is_samba() {
            assert!(!subject.has_group(name), "{name} is there: try it, too");
            continue;
        }
        let person = somebody(subject);
        let account = directory.account(guid(&person)).await.unwrap().unwrap();
        assert_eq!(protected_by(&account), None, "{name}");
        subject.join(&person.login, name);
        let account = directory.account(guid(&person)).await.unwrap().unwrap();
        let Some(Protection::Member(group)) = protected_by(&account) else { panic!("{name}") };
        // Of several that it is in by way of this one, any may be the first.
        assert!(protected::is_protected_group(&group), "{name}");
        let is_it = |sid: &Sid| [sid.builtin_rid(), sid.domain_rid()].contains(&Some(rid));
        assert!(account.group_sids.iter().any(is_it), "{name}: {:?}", account.group_sids);
    }
}

/// Nobody resets the password of a machine from here: the agent knows them, and what is delegated for
/// people does not reach them.
pub async fn accounts_of_machines_are_known_as_such_and_not_set(subject: &dyn Subject) {
    let directory = subject.directory();
    let unit = "OU=Tests";
    let person = directory.account(guid(&somebody(subject))).await.unwrap().unwrap();
    assert!(!person.is_computer_or_trust());
    for (machine, class) in [
        (subject.add_computer(unit, "First-Password-2024"), "computer"),
        (subject.add_managed_account(unit), "msDS-GroupManagedServiceAccount"),
    ] {
        let account = directory.account(guid(&machine)).await.unwrap().unwrap();
        assert!(account.is_computer_or_trust(), "{class}");
        assert_eq!(account.object_classes.last().map(String::as_str), Some(class));
        assert_eq!(account.sam_account_name, machine.login);
        let error = set(&*directory, &machine, SECOND).await.unwrap_err();
        assert_eq!(outcome::outcome(&error), Outcome::PermissionMissing, "{class}: {error}");
    }
}

/// It stands where it has no rights, as SPEC D-12 wants it: the directory, too, refuses what the agent
/// never asks.
pub async fn the_service_account_may_not_reset_itself(subject: &dyn Subject) {
    let (directory, service) = (subject.directory(), subject.service());
    let standing = directory.standing(guid(&service)).await.unwrap().unwrap();
    let account = standing.account.await.unwrap().unwrap();
    assert!(standing.bound_as.unwrap().is(&account.sid));
    assert_eq!(account.sam_account_name, service.login);
    let error = set(&*directory, &service, SECOND).await.unwrap_err();
    assert_eq!(outcome::outcome(&error), Outcome::PermissionMissing, "{error}");
    assert_eq!(subject.bind(&service, &service.password), Bound::Accepted);
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
