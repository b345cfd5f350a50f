use std::time::Duration;

use directory::{AccountFlags, ObjectGuid, PwdLastSet};

use super::breaker::BreakerSettings;
use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

pub(crate) fn sid(text: &str) -> Sid {
    text.parse().unwrap()
}

const OWN: &str = "S-1-5-21-1-2-3-9999";

/// The agent's own account, behind a group of its token.
fn own() -> Option<BoundAs> {
    BoundAs::of(["S-1-5-21-1-2-3-513", OWN].map(sid))
}

/// The limits of a configuration that names none.
pub(crate) const fn limits() -> BreakerSettings {
    BreakerSettings { resets_per_hour: 60, percent_of_people: 1, alarm_percent: 80 }
}

pub(crate) fn settings() -> DirectorySettings {
    DirectorySettings {
        name: "corp".parse().unwrap(),
        domain: "corp.test".into(),
        ca: "ca".into(),
        bind_name: "svc".into(),
        bind_password_file: "p".into(),
        dns: None,
        ldaps_port: 636,
        encryption: directory::Encryption::Ldaps,
        ldap_port: 389,
        controllers: Vec::new(),
        only_preferred: false,
        ous: vec!["OU=People,DC=corp,DC=test".parse().unwrap()],
        address_attributes: vec![],
        protected_groups: vec![sid("S-1-5-21-1-2-3-5000")],
        connect_timeout: Duration::from_secs(1),
        operation_timeout: Duration::from_secs(1),
        set_time_limit: Duration::from_secs(1),
        allow_without_policy_control: false,
        administrator_reset_without_history_and_age: false,
        people_attributes: vec![],
    }
}

pub(crate) fn ordinary() -> Account {
    Account {
        guid: ObjectGuid::from_bytes([1; 16]),
        dn: "CN=Anna,OU=People,DC=corp,DC=test".parse().unwrap(),
        sid: sid("S-1-5-21-1-2-3-1105"),
        sam_account_name: "anna".into(),
        user_principal_name: Some("anna@corp.test".into()),
        display_name: Some("Anna".into()),
        flags: AccountFlags::NORMAL,
        admin_count: false,
        lockout_time: None,
        locked_now: None,
        pwd_last_set: PwdLastSet::Never,
        pwd_last_set_steps: 0,
        account_expires: None,
        object_classes: vec!["top".into(), "person".into(), "user".into()],
        group_sids: vec![sid("S-1-5-21-1-2-3-513")],
        cannot_change_password: false,
        service_may_not_change: false,
        hidden: directory::Hidden::default(),
    }
}

fn refused(account: &Account) -> Option<Outcome> {
    refusal(Operation::Reset, &settings(), account, own().as_ref(), NOW)
}

fn refused_change(account: &Account) -> Option<Outcome> {
    refusal(Operation::Change, &settings(), account, own().as_ref(), NOW)
}

#[test]
fn an_ordinary_account_is_let_through() {
    assert_eq!(refused(&ordinary()), None);
}

#[test]
fn members_of_every_protected_group_are_refused_by_sid() {
    let builtin = [544, 548, 549, 550, 551, 552].map(|rid| format!("S-1-5-32-{rid}"));
    let domain = [512, 516, 518, 519, 521, 526, 527].map(|rid| format!("S-1-5-21-7-8-9-{rid}"));
    for group in builtin.iter().chain(&domain) {
        let mut account = ordinary();
        account.group_sids.push(sid(group));
        assert_eq!(refused(&account), Some(Outcome::Protected), "{group}");
    }
}

#[test]
fn groups_that_the_administrator_added_count_too() {
    let mut account = ordinary();
    account.group_sids.push(sid("S-1-5-21-1-2-3-5000"));
    assert_eq!(refused(&account), Some(Outcome::Protected));
}

#[test]
fn administrator_krbtgt_the_agent_itself_and_computers_are_refused() {
    for rid in [500, 502, 9999] {
        let account = Account { sid: sid(&format!("S-1-5-21-1-2-3-{rid}")), ..ordinary() };
        assert_eq!(refused(&account), Some(Outcome::Protected), "{rid}");
    }
    for flags in [
        AccountFlags::WORKSTATION_TRUST,
        AccountFlags::SERVER_TRUST,
        AccountFlags::INTERDOMAIN_TRUST,
    ] {
        assert_eq!(refused(&Account { flags, ..ordinary() }), Some(Outcome::Protected));
    }
}

#[test]
fn whoever_is_protected_may_change_a_password_that_they_know_and_nothing_else() {
    let mut member = ordinary();
    member.group_sids.push(sid("S-1-5-21-1-2-3-512"));
    let mut locally = ordinary();
    locally.group_sids.push(sid("S-1-5-21-1-2-3-5000"));
    let administrator = Account { sid: sid("S-1-5-21-1-2-3-500"), ..ordinary() };
    let left_behind = Account { admin_count: true, ..ordinary() };
    for account in [member, locally, administrator, left_behind] {
        assert_eq!(refused_change(&account), None, "{account:?}");
        for operation in Operation::ALL.into_iter().filter(|one| *one != Operation::Change) {
            let outcome = refusal(operation, &settings(), &account, own().as_ref(), NOW);
            assert!(outcome.is_some(), "{operation:?} {account:?}");
        }
    }
}

#[test]
fn a_change_is_not_let_through_for_the_agent_itself_computers_or_who_may_not() {
    let itself = Account { sid: sid(OWN), ..ordinary() };
    let computer = Account { flags: AccountFlags::WORKSTATION_TRUST, ..ordinary() };
    for account in [itself, computer] {
        assert_eq!(refused_change(&account), Some(Outcome::Protected), "{account:?}");
    }
    let fixed = Account { cannot_change_password: true, ..ordinary() };
    assert_eq!(refused_change(&fixed), Some(Outcome::CannotChange));
    let elsewhere =
        Account { dn: "CN=Anna,OU=Other,DC=corp,DC=test".parse().unwrap(), ..ordinary() };
    assert_eq!(refused_change(&elsewhere), Some(Outcome::UserNotFoundNoObject));
}

#[test]
fn an_admin_count_left_behind_is_told_apart_from_a_membership() {
    let left_behind = Account { admin_count: true, ..ordinary() };
    assert_eq!(refused(&left_behind), Some(Outcome::AdminCountLeftBehind));
    let mut member = left_behind;
    member.group_sids.push(sid("S-1-5-21-1-2-3-512"));
    assert_eq!(refused(&member), Some(Outcome::Protected));
}

#[test]
fn an_agent_that_does_not_know_its_own_account_refuses_everything() {
    for operation in Operation::ALL {
        let outcome = refusal(operation, &settings(), &ordinary(), None, NOW);
        assert_eq!(outcome, Some(Outcome::DirectoryConfiguration));
    }
}

#[test]
fn who_is_out_of_scope_disabled_expired_on_a_smart_card_or_fixed_has_an_outcome_of_their_own() {
    let elsewhere =
        Account { dn: "CN=Anna,OU=Other,DC=corp,DC=test".parse().unwrap(), ..ordinary() };
    assert_eq!(refused(&elsewhere), Some(Outcome::UserNotFoundNoObject));
    let disabled = Account {
        flags: AccountFlags(AccountFlags::NORMAL.0 | AccountFlags::DISABLED.0),
        ..ordinary()
    };
    assert_eq!(refused(&disabled), Some(Outcome::Disabled));
    let expired =
        Account { account_expires: Some(NOW.before(Duration::from_secs(1))), ..ordinary() };
    assert_eq!(refused(&expired), Some(Outcome::AccountExpired));
    let card = Account {
        flags: AccountFlags(AccountFlags::NORMAL.0 | AccountFlags::SMART_CARD_REQUIRED.0),
        ..ordinary()
    };
    assert_eq!(refused(&card), Some(Outcome::SmartCardOnly));
    let fixed = Account { cannot_change_password: true, ..ordinary() };
    assert_eq!(refused(&fixed), Some(Outcome::CannotChange));
}

#[test]
fn who_cannot_change_the_password_is_told_that_only_when_nothing_else_is_in_the_way() {
    let fixed = || Account { cannot_change_password: true, ..ordinary() };
    let with = |flag: AccountFlags| Account {
        flags: AccountFlags(AccountFlags::NORMAL.0 | flag.0),
        ..fixed()
    };
    let mut member = fixed();
    member.group_sids.push(sid("S-1-5-32-544"));
    for (account, expected) in [
        (member, Outcome::Protected),
        (Account { admin_count: true, ..fixed() }, Outcome::AdminCountLeftBehind),
        (
            Account { dn: "CN=Anna,OU=Other,DC=corp,DC=test".parse().unwrap(), ..fixed() },
            Outcome::UserNotFoundNoObject,
        ),
        (with(AccountFlags::DISABLED), Outcome::Disabled),
        (Account { account_expires: Some(NOW), ..fixed() }, Outcome::AccountExpired),
        (with(AccountFlags::SMART_CARD_REQUIRED), Outcome::SmartCardOnly),
        // It never expires, and still may not be changed by the person.
        (with(AccountFlags::PASSWORD_NEVER_EXPIRES), Outcome::CannotChange),
    ] {
        assert_eq!(refused(&account), Some(expected), "{account:?}");
    }
}

#[test]
fn protection_is_said_before_everything_else() {
    let mut account = Account {
        flags: AccountFlags(AccountFlags::NORMAL.0 | AccountFlags::DISABLED.0),
        ..ordinary()
    };
    account.group_sids.push(sid("S-1-5-32-544"));
    assert_eq!(refused(&account), Some(Outcome::Protected));
}

/// Who it is, and what each operation comes to: reset (of one's own, or by an administrator), change, unlock.
#[test]
fn each_kind_of_account_is_refused_by_the_operations_that_it_is_about() {
    use Outcome::{
        AccountExpired, AdminCountLeftBehind, CannotChange, Disabled, Protected, SmartCardOnly,
        UserNotFoundNoObject,
    };
    let flagged = |flag: AccountFlags| Account {
        flags: AccountFlags(AccountFlags::NORMAL.0 | flag.0),
        ..ordinary()
    };
    let mut member = ordinary();
    member.group_sids.push(sid("S-1-5-32-544"));
    let elsewhere =
        Account { dn: "CN=Anna,OU=Other,DC=corp,DC=test".parse().unwrap(), ..ordinary() };
    for (account, reset, change, unlock) in [
        (ordinary(), None, None, None),
        (
            Account { sid: sid(OWN), ..ordinary() },
            Some(Protected),
            Some(Protected),
            Some(Protected),
        ),
        (flagged(AccountFlags::SERVER_TRUST), Some(Protected), Some(Protected), Some(Protected)),
        (member, Some(Protected), None, Some(Protected)),
        (
            Account { admin_count: true, ..ordinary() },
            Some(AdminCountLeftBehind),
            None,
            Some(AdminCountLeftBehind),
        ),
        (
            elsewhere,
            Some(UserNotFoundNoObject),
            Some(UserNotFoundNoObject),
            Some(UserNotFoundNoObject),
        ),
        (flagged(AccountFlags::DISABLED), Some(Disabled), Some(Disabled), Some(Disabled)),
        (
            Account { account_expires: Some(NOW), ..ordinary() },
            Some(AccountExpired),
            Some(AccountExpired),
            Some(AccountExpired),
        ),
        // An unlock says nothing about a password.
        (
            flagged(AccountFlags::SMART_CARD_REQUIRED),
            Some(SmartCardOnly),
            Some(SmartCardOnly),
            None,
        ),
        (
            Account { cannot_change_password: true, ..ordinary() },
            Some(CannotChange),
            Some(CannotChange),
            None,
        ),
    ] {
        for (operation, expected) in [
            (Operation::Reset, reset),
            (Operation::ResetByAdministrator, reset),
            (Operation::Change, change),
            (Operation::Unlock, unlock),
        ] {
            let outcome = refusal(operation, &settings(), &account, own().as_ref(), NOW);
            assert_eq!(outcome, expected, "{operation:?} {account:?}");
        }
    }
}
