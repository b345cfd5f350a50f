use proptest::prelude::*;

use super::rights::{LOCKOUT_TIME, RESET_PASSWORD, USER};
use super::samples::{samba_user, sid};
use super::*;
use crate::ObjectGuid;

/// The entries of the real descriptor as Samba's own library reads them: type, flags, mask, object
/// type, inherited object type, trustee.
const SAMBA_ENTRIES: &str = include_str!("samba_user.txt");

/// The same of a person with these SIDs, at a controller of Windows.
fn cannot_change(descriptor: &SecurityDescriptor, person: &[Sid]) -> bool {
    let person = Requester::person(person.iter().cloned());
    cannot_change_password(descriptor, &person)
}

/// An entry's bytes.
fn entry(kind: AceKind, flags: u8, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let size = u16::try_from(4 + body.len()).unwrap().to_le_bytes();
    [&[kind.0, flags], &size[..], &body].concat()
}

/// An entry about a right, for all objects or for one type of them.
fn about(kind: AceKind, flags: u8, mask: u32, right: Option<ObjectGuid>, who: &str) -> Vec<u8> {
    let (mask, who) = (mask.to_le_bytes(), sid(who).to_value());
    match right {
        None => entry(kind, flags, &[&mask, &who]),
        Some(right) => {
            let present = 1_u32.to_le_bytes();
            entry(kind, flags, &[&mask, &present, &right.to_bytes(), &who])
        }
    }
}

fn list(entries: &[Vec<u8>]) -> Vec<u8> {
    let body = entries.concat();
    let size = u16::try_from(8 + body.len()).unwrap().to_le_bytes();
    let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
    [&[4, 0], &size[..], &count, &[0, 0], &body].concat()
}

/// A descriptor with only a DACL.
fn descriptor(dacl: &[u8]) -> Vec<u8> {
    let offset = u32::try_from(HEADER).unwrap().to_le_bytes();
    [&[1, 0, 0x04, 0x80][..], &[0; 12], &offset, dacl].concat()
}

fn read(entries: &[Vec<u8>]) -> SecurityDescriptor {
    SecurityDescriptor::from_value(&descriptor(&list(entries))).unwrap()
}

#[test]
fn a_real_descriptor_is_read_as_its_own_directory_reads_it() {
    let descriptor = SecurityDescriptor::from_value(&samba_user()).unwrap();
    assert_eq!(descriptor.control, Control(0x8404));
    assert_eq!((&descriptor.owner, &descriptor.group, &descriptor.sacl), (&None, &None, &None));
    let dacl = descriptor.dacl.as_ref().unwrap();
    let or_dash = |guid: Option<ObjectGuid>| guid.map_or("-".to_owned(), |guid| guid.to_string());
    let printed: Vec<String> = dacl
        .entries
        .iter()
        .map(|entry| {
            let AceBody::Access(access) = &entry.body else { panic!("{entry:?}") };
            assert!(access.application.is_empty());
            format!(
                "{:02x} {:02x} {:08x} {} {} {}",
                entry.kind.0,
                entry.flags.0,
                access.mask,
                or_dash(access.object_type),
                or_dash(access.inherited_object_type),
                access.trustee
            )
        })
        .collect();
    assert_eq!(printed, SAMBA_ENTRIES.lines().collect::<Vec<_>>());
    assert!(cannot_change(&descriptor, &[]));
}

#[test]
fn the_right_has_its_published_number() {
    assert_eq!(CHANGE_PASSWORD.to_string(), "ab721a53-1e2f-11d0-9819-00aa0040529b");
}

#[test]
fn who_may_change_the_password_is_decided_by_the_first_entry_that_speaks_of_it() {
    const SELF: &str = "S-1-5-10";
    const EVERYONE: &str = "S-1-1-0";
    const USERS: &str = "S-1-5-11";
    const JAN: &str = "S-1-5-21-1-2-3-1104";
    const GROUP: &str = "S-1-5-21-1-2-3-513";
    const STRANGER: &str = "S-1-5-21-1-2-3-9";
    let (allowed, denied) = (AceKind::ALLOWED_OBJECT, AceKind::DENIED_OBJECT);
    let change = Some(CHANGE_PASSWORD);
    let other = Some("00299570-246d-11d0-a768-00aa006e0529".parse().unwrap());
    let allow = |who| about(allowed, 0, CONTROL_ACCESS, change, who);
    let deny = |who| about(denied, 0, CONTROL_ACCESS, change, who);
    let inherit_only = |kind, who| about(kind, 0x0a, CONTROL_ACCESS, change, who);
    let inherited = |kind, who| about(kind, 0x12, CONTROL_ACCESS, change, who);
    let plain = |kind, mask, who| about(kind, 0, mask, None, who);
    let table: &[(&str, Vec<Vec<u8>>, bool)] = &[
        ("as every account is made", vec![allow(SELF), allow(EVERYONE)], false),
        ("as tools set it", vec![deny(SELF), deny(EVERYONE), allow(SELF), allow(EVERYONE)], true),
        ("Self is denied", vec![deny(SELF), allow(SELF), allow(EVERYONE)], true),
        ("Everyone is denied", vec![deny(EVERYONE), allow(SELF), allow(EVERYONE)], true),
        ("nothing is granted", vec![], true),
        ("only others are granted it", vec![allow(STRANGER)], true),
        ("others are denied it", vec![deny(STRANGER), allow(SELF)], false),
        ("one of the two is granted it", vec![allow(EVERYONE)], false),
        ("the account itself", vec![allow(JAN)], false),
        ("one of its groups", vec![allow(GROUP)], false),
        ("one of its groups is denied it", vec![deny(GROUP), allow(SELF)], true),
        ("everybody with an account", vec![allow(USERS)], false),
        ("another right is denied", vec![about(denied, 0, 0x100, other, SELF), allow(SELF)], false),
        ("another right is granted", vec![about(allowed, 0, 0x100, other, SELF)], true),
        ("all rights are granted", vec![plain(AceKind::ALLOWED, CONTROL_ACCESS, SELF)], false),
        ("all rights are denied", vec![plain(AceKind::DENIED, 0x100, SELF), allow(SELF)], true),
        ("an object entry without a type", vec![untyped(allowed, SELF)], false),
        ("full control, not mapped", vec![plain(AceKind::ALLOWED, 0x1000_0000, SELF)], false),
        ("reading is no control access", vec![plain(AceKind::ALLOWED, 0x94, SELF)], true),
        ("a denial to be inherited", vec![inherit_only(denied, SELF), allow(SELF)], false),
        ("a grant to be inherited", vec![inherit_only(allowed, SELF)], true),
        ("an inherited denial comes last", vec![allow(SELF), inherited(denied, SELF)], false),
        ("an inherited denial alone", vec![inherited(denied, SELF), allow(EVERYONE)], true),
        (
            "a conditional denial is taken for one",
            vec![about(AceKind::DENIED_CALLBACK_OBJECT, 0, 0x100, change, SELF), allow(SELF)],
            true,
        ),
        (
            "a conditional grant is taken for none",
            vec![about(AceKind::ALLOWED_CALLBACK_OBJECT, 0, 0x100, change, SELF)],
            true,
        ),
        ("an audit entry grants nothing", vec![plain(AceKind::AUDIT, 0x100, SELF)], true),
    ];
    for (what, entries, expected) in table {
        let found = cannot_change(&read(entries), &[sid(JAN), sid(GROUP)]);
        assert_eq!(found, *expected, "{what}");
    }
}

#[test]
fn a_person_who_owns_the_account_is_whom_owner_rights_are_about() {
    let (person, stranger) = (sid("S-1-5-21-1-2-3-1104"), sid("S-1-5-21-1-2-3-9"));
    let entry = |kind| about(kind, 0, CONTROL_ACCESS, Some(CHANGE_PASSWORD), "S-1-3-4");
    let allowed = about(AceKind::ALLOWED, 0, CONTROL_ACCESS, None, "S-1-5-10");
    let denied = read(&[entry(AceKind::DENIED_OBJECT), allowed]);
    let granted = read(&[entry(AceKind::ALLOWED_OBJECT)]);
    for (descriptor, by_owner, by_others) in [(denied, true, false), (granted, false, true)] {
        let owned_by = |owner: &Sid, is_samba| {
            let descriptor =
                SecurityDescriptor { owner: Some(owner.clone()), ..descriptor.clone() };
            let jan = Requester::person([person.clone()]).at(is_samba);
            cannot_change_password(&descriptor, &jan)
        };
        let by = |is_samba| (owned_by(&person, is_samba), owned_by(&stranger, is_samba));
        assert_eq!(by(false), (by_owner, by_others));
        // Samba's directory passes them over.
        assert_eq!(by(true), (by_others, by_others));
    }
}

/// MS-ADTS 5.1.3.3.4, and so does Samba (`samba_security`): for attributes it counts, for a right it does not.
#[test]
fn an_entry_for_the_class_of_the_account_is_about_no_control_access_right() {
    let entry = |kind| about(kind, 0, CONTROL_ACCESS | 0x20, Some(USER), "S-1-5-10");
    let all = || about(AceKind::ALLOWED, 0, CONTROL_ACCESS, None, "S-1-5-10");
    let denied = read(&[entry(AceKind::DENIED_OBJECT), all()]);
    let granted = read(&[entry(AceKind::ALLOWED_OBJECT)]);
    assert_eq!((cannot_change(&denied, &[]), cannot_change(&granted, &[])), (false, true));
    let target = Target { sid: None, class: Some(USER) };
    let may = |held: &SecurityDescriptor, wanted| {
        held.effective(wanted, &Requester::person([]), &target).decision
    };
    assert_eq!(may(&denied, Wanted::Control(RESET_PASSWORD)), Decision::Granted);
    assert_eq!(may(&granted, Wanted::Control(RESET_PASSWORD)), Decision::NotGranted);
    assert_eq!(may(&denied, Wanted::Write(LOCKOUT_TIME)), Decision::Denied);
    assert_eq!(may(&granted, Wanted::Write(LOCKOUT_TIME)), Decision::Granted);
}

/// An object entry that names no type is about all of them.
fn untyped(kind: AceKind, who: &str) -> Vec<u8> {
    let (mask, who) = (CONTROL_ACCESS.to_le_bytes(), sid(who).to_value());
    entry(kind, 0, &[&mask, &[0; 4], &who])
}

#[test]
fn no_list_refuses_nothing_and_an_empty_one_everything() {
    let mut absent = descriptor(&[]);
    absent[2] = 0;
    let mut null = descriptor(&[]);
    null[16] = 0;
    for value in [absent, null] {
        let descriptor = SecurityDescriptor::from_value(&value).unwrap();
        assert_eq!(descriptor.dacl, None);
        assert!(!cannot_change(&descriptor, &[]));
    }
    assert!(cannot_change(&read(&[]), &[]));
}

#[test]
fn owner_group_and_both_lists_are_found_wherever_they_stand() {
    let (owner, group) = (sid("S-1-5-21-1-2-3-512"), sid("S-1-5-32-544"));
    let label = about(AceKind::MANDATORY_LABEL, 0, 1, None, "S-1-16-8192");
    let sacl = list(&[label, about(AceKind::AUDIT, 0xc0, 0x100, None, "S-1-1-0")]);
    let dacl = list(&[]);
    let parts = [group.to_value(), dacl, owner.to_value(), sacl];
    let mut at = HEADER;
    let mut offsets = [0_u8; 16];
    // Where the descriptor says: owner, group, SACL, DACL.
    for (part, place) in parts.iter().zip([1, 3, 0, 2]) {
        offsets[place * 4..][..4].copy_from_slice(&u32::try_from(at).unwrap().to_le_bytes());
        at += part.len();
    }
    let value = [&[1, 7, 0x14, 0xc0][..], &offsets, &parts.concat()].concat();
    let read = SecurityDescriptor::from_value(&value).unwrap();
    assert_eq!((read.owner.as_ref(), read.group.as_ref()), (Some(&owner), Some(&group)));
    assert_eq!(read.resource_manager, 7);
    assert!(read.control.contains(Control::RM_CONTROL_VALID));
    let kinds = |list: &Acl| list.entries.iter().map(|entry| entry.kind).collect::<Vec<_>>();
    assert_eq!(read.sacl.as_ref().map(kinds).unwrap(), [AceKind::MANDATORY_LABEL, AceKind::AUDIT]);
    assert_eq!(read.dacl.as_ref().map(kinds).unwrap(), []);
}

#[test]
fn entries_of_every_kind_are_kept() {
    let (mask, who) = (0x30_u32.to_le_bytes(), sid("S-1-5-10").to_value());
    let (one, two) = (ObjectGuid::from_bytes([1; 16]), ObjectGuid::from_bytes([2; 16]));
    let (one_bytes, two_bytes) = (one.to_bytes(), two.to_bytes());
    let types: [&[u8]; 4] = [&[], &one_bytes, &two_bytes, &[one_bytes, two_bytes].concat()];
    for kind in 0..=u8::MAX {
        let plain = matches!(kind, 0..=2 | 9 | 10 | 13 | 0x11..=0x13);
        let object = matches!(kind, 5..=7 | 11 | 12 | 15);
        for present in 0..4_u8 {
            let flags = [present, 0, 0, 0];
            let types = types[usize::from(present)];
            let body: Vec<u8> = match (plain, object) {
                (true, _) => [&mask[..], &who, b"more"].concat(),
                (_, true) => [&mask[..], &flags, types, &who, b"more"].concat(),
                _ => b"anything".to_vec(),
            };
            let read = read(&[entry(AceKind(kind), 0x1f, &[&body])]);
            let [entry] = read.dacl.unwrap().entries.try_into().unwrap();
            assert_eq!((entry.kind.0, entry.flags.0), (kind, 0x1f));
            let AceBody::Access(access) = entry.body else {
                assert!(!plain && !object, "{kind}");
                assert_eq!(entry.body, AceBody::Opaque(body));
                continue;
            };
            assert!(plain || object, "{kind}");
            assert_eq!((access.mask, access.trustee.to_string().as_str()), (0x30, "S-1-5-10"));
            assert_eq!(access.application, b"more");
            assert_eq!(access.object_type, (object && present & 1 != 0).then_some(one));
            assert_eq!(access.inherited_object_type, (object && present & 2 != 0).then_some(two));
        }
    }
}

#[test]
fn what_leads_out_of_the_bytes_is_refused() {
    let good = descriptor(&list(&[about(AceKind::ALLOWED, 0, 0x100, None, "S-1-5-10")]));
    assert!(SecurityDescriptor::from_value(&good).is_ok());
    for end in 0..good.len() {
        assert!(SecurityDescriptor::from_value(&good[..end]).is_err(), "{end} bytes");
    }
    for (at, byte, what) in [
        (0, 2, "revision"),
        (3, 0x00, "not self-relative"),
        (4, 0xff, "offset of the owner"),
        (4, 19, "owner inside the header"),
        (16, 0xff, "offset of the list"),
        (20, 1, "revision of the list"),
        (20, 5, "revision of the list"),
        (22, 7, "size of the list"),
        (22, 0xff, "size of the list"),
        (24, 2, "count of entries"),
        (30, 3, "size of the entry"),
        (30, 0xff, "size of the entry"),
        (37, 2, "count of sub-authorities"),
        (37, 0, "count of sub-authorities"),
    ] {
        let mut bad = good.clone();
        bad[at] = byte;
        assert!(SecurityDescriptor::from_value(&bad).is_err(), "{what}");
    }
}

#[test]
fn only_who_asks_for_a_descriptor_sends_the_control() {
    let control = LdapControl::SdFlags { criticality: false, flags: 7 };
    assert_eq!(controls_for(&["cn", "ntsecuritydescriptor"]), [control]);
    assert_eq!(controls_for(&["cn", "objectSid"]), []);
}

proptest! {
    #[test]
    fn nearly_right_headers_never_panic(
        control in any::<u16>(),
        offsets in proptest::array::uniform4(0..64_u32),
        tail in proptest::collection::vec(0..20_u8, 0..64),
    ) {
        let offsets = offsets.map(u32::to_le_bytes).concat();
        let control = (control | Control::SELF_RELATIVE.0).to_le_bytes();
        let value = [&[1, 0][..], &control, &offsets, &tail].concat();
        let _ = SecurityDescriptor::from_value(&value);
    }
}
