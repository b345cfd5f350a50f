use proptest::prelude::*;

use super::super::samples::{DECIDING, any_entry, any_list, sid};
use super::*;
use crate::security::{AceFlags, Aliases, Ground};

const AGENT: &str = "S-1-5-21-1-2-3-2000";

#[test]
fn the_numbers_are_the_published_ones() {
    for (guid, text) in [
        (RESET_PASSWORD, "00299570-246d-11d0-a768-00aa006e0529"),
        (CHANGE_PASSWORD, "ab721a53-1e2f-11d0-9819-00aa0040529b"),
        (UNEXPIRE_PASSWORD, "ccc2dc7d-a6ad-4a7a-8846-c04e3cc53501"),
        (REPLICATION_GET_CHANGES, "1131f6aa-9c07-11d1-f79f-00c04fc2dcd2"),
        (USER_ACCOUNT_RESTRICTIONS, "4c164200-20c0-11d0-a768-00aa006e0529"),
        (LOCKOUT_TIME.attribute, "28630ebf-41d5-11d1-a9c1-0000f80367c1"),
        (PWD_LAST_SET.attribute, "bf967a0a-0de6-11d0-a285-00aa003049e2"),
        (CONSISTENCY_GUID.attribute, "23773dc2-b63a-11d2-90e1-00c04fd91ab1"),
        (Judged::TokenGroups.property().attribute, "b7c69e6d-2cc7-11d2-854e-00a0c983f608"),
        (Judged::TokenGroups.property().set.unwrap(), "037088f8-0ae1-11d2-b422-00a0c968f939"),
        (Judged::ReplPropertyMetaData.property().attribute, "281416c0-1968-11d0-a28f-00aa003049e2"),
        (Judged::UserAccountControl.property().attribute, "bf967a68-0de6-11d0-a285-00aa003049e2"),
        (Judged::AdminCount.property().attribute, "bf967918-0de6-11d0-a285-00aa003049e2"),
        (Judged::AccountExpires.property().attribute, "bf967915-0de6-11d0-a285-00aa003049e2"),
        (Judged::ResultantPso.property().attribute, "b77ea093-88d0-4780-9a98-911f8e8b1dca"),
        (INET_ORG_PERSON, "4828cc14-1437-45bc-9b07-ad6f015e5f28"),
        (USER, "bf967aba-0de6-11d0-a285-00aa003049e2"),
        (PASSWORD_SETTINGS, "3bcd9db8-f84b-451c-952f-6c52b81f9ec6"),
    ] {
        assert_eq!(guid.to_string(), text);
    }
}

#[test]
fn each_right_is_the_entry_that_administrators_know() {
    const USERS: &str = "bf967aba-0de6-11d0-a285-00aa003049e2";
    for (permission, text) in [
        (
            Permission::ResetPassword,
            format!("OA;CIIO;CR;00299570-246d-11d0-a768-00aa006e0529;{USERS}"),
        ),
        (
            Permission::ChangePassword,
            format!("OA;CIIO;CR;ab721a53-1e2f-11d0-9819-00aa0040529b;{USERS}"),
        ),
        (
            Permission::WriteLockoutTime,
            format!("OA;CIIO;WP;28630ebf-41d5-11d1-a9c1-0000f80367c1;{USERS}"),
        ),
        (
            Permission::WritePwdLastSet,
            format!("OA;CIIO;WP;bf967a0a-0de6-11d0-a285-00aa003049e2;{USERS}"),
        ),
        (
            Permission::WriteConsistencyGuid,
            format!("OA;CIIO;WP;23773dc2-b63a-11d2-90e1-00c04fd91ab1;{USERS}"),
        ),
        (Permission::UnexpirePassword, "OA;;CR;ccc2dc7d-a6ad-4a7a-8846-c04e3cc53501;".to_owned()),
        (
            Permission::ReplicatingDirectoryChanges,
            "OA;;CR;1131f6aa-9c07-11d1-f79f-00c04fc2dcd2;".to_owned(),
        ),
        (Permission::ReadPasswordSettings, "A;CI;LCRPLORC;;".to_owned()),
        (Permission::ReadDeletedObjects, "A;;LCRPLORC;;".to_owned()),
    ] {
        let printed = permission.entry(sid(AGENT)).to_sddl(&Aliases::default()).unwrap();
        assert_eq!(printed, format!("({text};{AGENT})"));
    }
}

/// What a property set grants is read by it, and what one attribute's entry grants is read alone; each by the
/// people of its class.
#[test]
fn what_people_are_judged_by_is_granted_attribute_by_attribute_and_class_by_class() {
    let who = Requester::account(sid(AGENT), []);
    let reading: Vec<_> = Permission::of(Feature::Reading).collect();
    assert_eq!(reading.len(), Judged::ALL.len());
    for permission in reading.iter().copied() {
        for (class, other) in [(USER, INET_ORG_PERSON), (INET_ORG_PERSON, USER)] {
            let mut descriptor = SecurityDescriptor::of_dacl(Acl { revision: 4, entries: vec![] });
            let dacl = descriptor.dacl.as_mut().unwrap();
            assert!(dacl.add(permission.entry_for(class, sid(AGENT))));
            let has =
                |one: Permission, class| one.standing_for(class, &descriptor, &who).is_granted();
            for one in reading.iter().copied() {
                assert_eq!(has(one, class), one == permission, "{permission:?} {one:?}");
                assert!(!has(one, other), "{permission:?} {one:?}");
            }
        }
    }
    let restrictions = Ace::allow(mask::READ_PROPERTY, sid(AGENT)).on(USER_ACCOUNT_RESTRICTIONS);
    let entries = vec![restrictions.below(Some(USER))];
    let descriptor = SecurityDescriptor::of_dacl(Acl { revision: 4, entries });
    let read: Vec<_> =
        reading.into_iter().filter(|one| one.standing(&descriptor, &who).is_granted()).collect();
    let expected = [Judged::UserAccountControl, Judged::AccountExpires, Judged::PwdLastSet];
    assert_eq!(read, expected.map(Permission::Read));
}

#[test]
fn a_right_is_standing_once_it_is_granted_and_not_before_nor_after() {
    let who = Requester::account(sid(AGENT), []);
    for permission in Permission::ALL {
        let mut descriptor = SecurityDescriptor::of_dacl(Acl { revision: 4, entries: vec![] });
        let standing = |descriptor: &SecurityDescriptor| permission.standing(descriptor, &who);
        assert_eq!(standing(&descriptor).decision, Decision::NotGranted, "{permission:?}");
        let before = descriptor.clone();
        let dacl = descriptor.dacl.as_mut().unwrap();
        assert_eq!(grant(dacl, &[permission], &sid(AGENT)), [permission.entry(sid(AGENT))]);
        assert!(standing(&descriptor).is_granted(), "{permission:?}");
        for other in Permission::ALL.into_iter().filter(|other| *other != permission) {
            let reads = |one: Permission| matches!(one.wanted(), Wanted::Whole(_));
            let same =
                reads(permission) && reads(other) && other != Permission::ReadPasswordSettings;
            assert_eq!(other.standing(&descriptor, &who).is_granted(), same, "{other:?}");
        }
        let dacl = descriptor.dacl.as_mut().unwrap();
        assert_eq!(revoke(dacl, &[permission], &sid(AGENT)).len(), 1);
        assert_eq!(descriptor, before);
    }
}

#[test]
fn a_right_that_reaches_only_what_is_right_below_is_not_standing() {
    let who = Requester::account(sid(AGENT), []);
    let entry = Permission::ResetPassword.entry(sid(AGENT)).with(AceFlags::NO_PROPAGATE);
    let dacl = Acl { revision: 4, entries: vec![entry] };
    let ruling = Permission::ResetPassword.standing(&SecurityDescriptor::of_dacl(dacl), &who);
    assert_eq!(ruling.decision, Decision::NotGranted);
}

#[test]
fn a_right_by_a_group_or_by_more_than_is_needed_is_standing_too() {
    let group = "S-1-5-21-1-2-3-2001";
    let who = Requester::account(sid(AGENT), [sid(group)]);
    let dacl = Acl {
        revision: 4,
        entries: vec![Ace::allow(mask::GENERIC_ALL, sid(group)).below(Some(USER))],
    };
    let descriptor = SecurityDescriptor::of_dacl(dacl);
    let ruling = Permission::WritePwdLastSet.standing(&descriptor, &who);
    let ground = Ground::Entry { index: 0, inherited: true, trustee: sid(group) };
    assert_eq!(ruling.grounds, [ground]);
    // It is about users below, not about the root of the domain.
    assert!(!Permission::UnexpirePassword.standing(&descriptor, &who).is_granted());
}

#[test]
fn writeback_takes_four_rights_above_users_and_one_on_the_root() {
    let of = |stand| {
        let mut all = Permission::ALL.into_iter();
        let count = |one: &Permission| one.feature() == Feature::Writeback && one.stand() == stand;
        all.by_ref().filter(count).count()
    };
    assert_eq!((of(Stand::AboveUsers), of(Stand::DomainRoot)), (4, 1));
    let unnamed = Permission::ALL.into_iter().filter(|one| one.name().is_empty());
    assert!(unnamed.eq([Permission::ReadPasswordSettings, Permission::ReadDeletedObjects]));
}

proptest! {
    #[test]
    fn granting_and_revoking_gives_back_what_was(
        list in any_list(any_entry(DECIDING, 0xff)),
        chosen in prop::sample::subsequence(&Permission::ALL[..], 0..=Permission::ALL.len()),
    ) {
        let (mut list, agent) = (list, sid(AGENT));
        revoke(&mut list, &Permission::ALL, &agent);
        let before = list.clone();
        let added = grant(&mut list, &chosen, &agent);
        prop_assert_eq!(added.len(), chosen.len());
        let granted = list.clone();
        prop_assert_eq!(grant(&mut list, &chosen, &agent), vec![]);
        prop_assert_eq!(&list, &granted);
        // One that is there already is not counted, and one of another account is not touched.
        let everything = grant(&mut list, &Permission::ALL, &agent);
        prop_assert_eq!(everything.len(), Permission::ALL.len() - chosen.len());
        prop_assert_eq!(revoke(&mut list, &Permission::ALL, &sid("S-1-5-21-1-2-3-2001")), vec![]);
        prop_assert_eq!(revoke(&mut list, &Permission::ALL, &agent).len(), Permission::ALL.len());
        prop_assert_eq!(&list, &before);
        prop_assert_eq!(revoke(&mut list, &Permission::ALL, &agent), vec![]);
        prop_assert_eq!(list, before);
    }
}
