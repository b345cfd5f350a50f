use proptest::prelude::*;

use super::super::samples::{any_descriptor_at_all, samba_user, sid};
use super::*;
use crate::Sid;
use crate::fuzzing;
use crate::security::{Control, mask};
use generated::for_each_input;

fn list(entries: Vec<Ace>) -> Acl {
    Acl { revision: 2, entries }
}

#[test]
fn a_real_descriptor_is_written_as_its_own_directory_wrote_it() {
    let read = SecurityDescriptor::from_value(&samba_user()).unwrap();
    assert_eq!(read.to_value().unwrap(), samba_user());
}

#[test]
fn owner_group_sacl_and_dacl_stand_in_this_order() {
    let (owner, group) = (sid("S-1-5-21-1-2-3-512"), sid("S-1-5-32-544"));
    let audit = Ace { kind: AceKind::AUDIT, ..Ace::allow(mask::DELETE, Sid::everyone()) };
    let descriptor = SecurityDescriptor {
        owner: Some(owner.clone()),
        group: Some(group.clone()),
        sacl: Some(list(vec![audit])),
        ..SecurityDescriptor::of_dacl(list(vec![]))
    };
    let value = descriptor.to_value().unwrap();
    let offset = |at: usize| u32::from_le_bytes(value[at..at + 4].try_into().unwrap());
    assert_eq!([4, 8, 12, 16].map(offset), [20, 48, 64, 92]);
    assert_eq!(value[20..48], owner.to_value());
    assert_eq!(value[48..64], group.to_value());
    // Revision, size, count; then one entry of 20 bytes.
    assert_eq!(value[64..72], [2, 0, 28, 0, 1, 0, 0, 0]);
    assert_eq!(value[92..], [2, 0, 8, 0, 0, 0, 0, 0]);
    // Self-relative, with a DACL, and with the SACL that nobody mentioned.
    assert_eq!(value[2..4], 0x8014_u16.to_le_bytes());
}

#[test]
fn entries_for_a_kind_of_object_raise_the_revision() {
    let class = crate::ObjectGuid::from_bytes([1; 16]);
    let entry = Ace::allow(mask::DELETE, Sid::everyone()).on(class);
    let descriptor = SecurityDescriptor::of_dacl(list(vec![entry]));
    let read = SecurityDescriptor::from_value(&descriptor.to_value().unwrap()).unwrap();
    assert_eq!(read.dacl.unwrap().revision, 4);
}

#[test]
fn a_list_that_is_absent_on_purpose_stays_so() {
    let descriptor = SecurityDescriptor { dacl: None, ..SecurityDescriptor::of_dacl(list(vec![])) };
    let value = descriptor.to_value().unwrap();
    assert_eq!(SecurityDescriptor::from_value(&value).unwrap(), descriptor);
    assert!(descriptor.control.contains(Control::DACL_PRESENT));
}

#[test]
fn what_has_no_form_is_not_written() {
    let entry = Ace::allow(mask::DELETE, Sid::everyone());
    let write = |entries| SecurityDescriptor::of_dacl(list(entries)).to_value();
    // 20 bytes each, and 8 before them.
    assert!(write(vec![entry.clone(); 3276]).is_ok());
    assert_eq!(write(vec![entry.clone(); 3277]), Err(WriteError::TooLong(65_548)));
    let opaque = |kind| Ace { kind, body: AceBody::Opaque(vec![0; 4]), ..entry.clone() };
    assert!(write(vec![opaque(AceKind(0x04))]).is_ok());
    assert_eq!(write(vec![opaque(AceKind::DENIED)]), Err(WriteError::Misfit(1)));
    let unknown = Ace { kind: AceKind(0x04), ..entry.clone() };
    assert_eq!(write(vec![unknown]), Err(WriteError::Misfit(4)));
    let typed = entry.clone().on(crate::ObjectGuid::from_bytes([1; 16]));
    let mistaken = Ace { kind: AceKind::ALLOWED, ..typed };
    assert_eq!(write(vec![mistaken]), Err(WriteError::Misfit(0)));
    let long = Ace { body: AceBody::Opaque(vec![0; 70_000]), ..opaque(AceKind(0x04)) };
    assert_eq!(write(vec![long]), Err(WriteError::TooLong(70_004)));
}

proptest! {
    #[test]
    fn what_is_written_reads_back(descriptor in any_descriptor_at_all()) {
        let value = descriptor.to_value().unwrap();
        prop_assert_eq!(SecurityDescriptor::from_value(&value).unwrap(), descriptor);
    }
}

#[test]
fn reading_never_panics_and_what_is_read_can_be_written() {
    let good = [samba_user(), small()];
    for_each_input("reading descriptors", |chance| {
        let value = match chance.below(4) {
            0 => chance.bytes(200),
            1 => chance.spoilt(&good[0]),
            _ => chance.spoilt(&good[1]),
        };
        fuzzing::security_descriptor(&value)
    });
}

/// A descriptor of one entry of each form.
fn small() -> Vec<u8> {
    let (one, two) =
        (crate::ObjectGuid::from_bytes([1; 16]), crate::ObjectGuid::from_bytes([2; 16]));
    let delegated = Ace::deny(mask::CONTROL_ACCESS, sid("S-1-5-21-1-2-3-1104"));
    let unknown = Ace {
        kind: AceKind(0x55),
        body: AceBody::Opaque(b"anything".to_vec()),
        ..Ace::allow(0, Sid::everyone())
    };
    let entries = vec![
        delegated.on(one).below(Some(two)),
        Ace::allow(mask::DELETE, Sid::everyone()),
        unknown,
    ];
    let descriptor = SecurityDescriptor {
        owner: Some(sid("S-1-5-32-544")),
        group: Some(sid("S-1-5-18")),
        sacl: Some(list(vec![])),
        ..SecurityDescriptor::of_dacl(list(entries))
    };
    descriptor.to_value().unwrap()
}
