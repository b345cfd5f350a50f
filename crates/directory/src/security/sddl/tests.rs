use proptest::prelude::*;

use super::super::samples::{PRINTABLE, any_descriptor, any_entry, any_list, samba_user, sid};
use super::super::{AceBody, AceFlags, AceKind, Acl, Control, mask};
use super::*;
use crate::fuzzing;
use generated::for_each_input;

/// The flags of a list that have letters, the SACL's and the DACL's.
const LETTERED: u16 = 0x3f00;

fn aliases() -> Aliases {
    Aliases::of(sid("S-1-5-21-1-2-3"), sid("S-1-5-21-9-8-7"))
}

fn read(text: &str) -> Result<SecurityDescriptor, SddlError> {
    SecurityDescriptor::from_sddl(text, &aliases())
}

/// Texts that are printed as they are read.
const GOOD: [&str; 14] = [
    "",
    "D:",
    "S:",
    "D:NO_ACCESS_CONTROL",
    "D:PNO_ACCESS_CONTROL",
    "O:BAG:DUD:PARAI(A;;RP;;;WD)S:PARAI(AU;SAFA;WPWDWO;;;WD)",
    "O:S-1-5-21-1-2-4-500G:SYD:AI",
    "D:(OA;CIIO;CR;00299570-246d-11d0-a768-00aa006e0529;bf967aba-0de6-11d0-a285-00aa003049e2;S-1-5-21-1-2-3-1104)",
    "D:(OD;OICINPIOID;CCDCLCSWRPWPDTLOCRSDRCWDWOGAGXGWGR;;bf967aba-0de6-11d0-a285-00aa003049e2;PS)(OA;;RP;;;AU)",
    "D:(A;;FA;;;DA)(A;;FR;;;EA)(A;;FW;;;SA)(A;;FX;;;RO)(A;;0x1000;;;EK)(A;;;;;OW)",
    "S:(ML;;NWNRNX;;;HI)(SP;CI;;;;S-1-17-1-2-3)(OU;FA;CR;ab721a53-1e2f-11d0-9819-00aa0040529b;;WD)",
    "D:(D;ID;0x10200;;;S-1-0x0001000000AB-7)",
    "G:S-1-5-21-9-8-7-512D:(A;;GA;;;S-1-5-21-9-8-7-512)",
    "D:(A;;RC;;;RC)(A;;SD;;;SO)(A;;WD;;;WD)",
];

#[test]
fn what_is_read_is_printed_as_it_was() {
    for text in GOOD {
        assert_eq!(read(text).unwrap().to_sddl(&aliases()).unwrap(), text);
    }
}

#[test]
fn every_part_says_what_it_means() {
    let found = read(
        "G:DUO:BAS:AI(OU;FA;CR;00299570-246d-11d0-a768-00aa006e0529;;WD)D:PAI(A;CI;LCRP;;;EA)",
    );
    let found = found.unwrap();
    assert_eq!(
        (found.owner, found.group),
        (Some(sid("S-1-5-32-544")), Some(sid("S-1-5-21-1-2-3-513")))
    );
    let expected = Control::SELF_RELATIVE.0
        | Control::DACL_PRESENT.0
        | Control::SACL_PRESENT.0
        | Control::DACL_PROTECTED.0
        | Control::DACL_AUTO_INHERITED.0
        | Control::SACL_AUTO_INHERITED.0;
    assert_eq!(found.control, Control(expected));
    let entry = Ace::allow(mask::LIST_CONTENTS | mask::READ_PROPERTY, sid("S-1-5-21-9-8-7-519"));
    let entries = vec![entry.with(AceFlags::CONTAINER_INHERIT)];
    assert_eq!(found.dacl, Some(Acl { revision: 4, entries }));
    let right = "00299570-246d-11d0-a768-00aa006e0529".parse().unwrap();
    let [audit] = &found.sacl.as_ref().unwrap().entries[..] else { panic!("{:?}", found.sacl) };
    assert_eq!((audit.kind, audit.flags), (AceKind::AUDIT_OBJECT, AceFlags::AUDIT_FAILURE));
    assert_eq!(audit.access().unwrap().object_type, Some(right));
}

#[test]
fn rights_are_read_in_every_form() {
    for (text, mask) in [
        ("", 0),
        ("CCWO", 0x8_0001),
        ("WOCC", 0x8_0001),
        ("FACR", 0x1f_01ff),
        ("KA", 0xf_003f),
        ("KR", 0x2_0019),
        ("KW", 0x2_0006),
        ("KX", 0x2_0019),
        ("0x1f", 31),
        ("0X1F", 31),
        ("0xffffffff", u32::MAX),
        ("31", 31),
        ("037", 31),
        ("0", 0),
    ] {
        let entry = Ace::from_sddl(&format!("(A;;{text};;;WD)"), &aliases()).unwrap();
        assert_eq!(entry.access().unwrap().mask, mask, "{text}");
    }
}

#[test]
fn an_alias_for_a_domain_s_group_needs_the_domain() {
    let without = Aliases::without_domain();
    for text in ["O:DA", "O:LA", "O:EA", "O:EK"] {
        assert!(read(text).is_ok());
        let error = SecurityDescriptor::from_sddl(text, &without).unwrap_err();
        assert!(error.what.contains("no domain is known"), "{error}");
    }
    let admins = SecurityDescriptor { owner: Some(sid("S-1-5-21-1-2-3-512")), ..read("").unwrap() };
    assert_eq!(admins.to_sddl(&without).unwrap(), "O:S-1-5-21-1-2-3-512");
    assert_eq!(admins.to_sddl(&aliases()).unwrap(), "O:DA");
    // The forest's groups are those of its root domain.
    let not_root = SecurityDescriptor { owner: Some(sid("S-1-5-21-1-2-3-519")), ..admins };
    assert_eq!(not_root.to_sddl(&aliases()).unwrap(), "O:S-1-5-21-1-2-3-519");
}

#[test]
fn what_cannot_be_read_is_refused_where_it_stands() {
    for (text, at) in [
        ("x", 1),
        ("D", 1),
        ("o:SY", 1),
        ("O:", 3),
        ("O:XX", 3),
        ("O:é", 3),
        ("O:S-1-5", 3),
        ("O:S-1-5-32-4294967296", 3),
        ("O:S-2-5-32", 3),
        ("O:S-1-5-+32", 3),
        ("O:SYO:BA", 5),
        ("D:D:", 3),
        ("D:S:S:", 5),
        ("D:NO_ACCESS_CONTROL(A;;;;;WD)", 20),
        ("D:(", 4),
        ("D:()", 4),
        ("D:(A", 5),
        ("D:(B;;;;;WD)", 4),
        ("D:(a;;;;;WD)", 4),
        ("D:(XA;;RP;;;WD;(1==1))", 4),
        ("S:(RA;;;;;WD;(\"a\",TU,0,1))", 4),
        ("D:(A;XX;;;;WD)", 6),
        ("D:(A;CIci;;;;WD)", 8),
        ("D:(A;CI", 8),
        ("D:(A;;XX;;;WD)", 7),
        ("D:(A;;RPxx;;;WD)", 9),
        ("D:(A;;NW;;;WD)", 7),
        ("D:(A;;0x;;;WD)", 7),
        ("D:(A;;0x100000000;;;WD)", 7),
        ("D:(A;;09;;;WD)", 7),
        ("D:(A;;RP0x1;;;WD)", 9),
        ("D:(A;;RP;00299570-246d-11d0-a768-00aa006e0529;;WD)", 10),
        ("D:(OA;;RP;0029957é-246d-11d0-a768-00aa006e052;;WD)", 11),
        ("D:(OA;;RP;{0299570-246d-11d0-a768-00aa006e052};;WD)", 11),
        ("D:(OA;;RP;00299570-246d-11d0-a768-00aa006e0529,;WD)", 47),
        ("D:(OA;;RP;;00299570;WD)", 12),
        ("D:(A;;RP;;WD)", 11),
        ("D:(A;;RP;;;)", 12),
        ("D:(A;;RP;;;WD", 14),
        ("D:(A;;RP;;;WD;)", 14),
        ("D:(A;;RP;;;WD) ", 15),
        ("D: (A;;RP;;;WD)", 3),
        ("D:AI(A;;RP;;;WD)P", 17),
    ] {
        let error = read(text).unwrap_err();
        assert_eq!(error.at, Place::Character(at), "{text}: {error}");
    }
    let error = read("O:é").unwrap_err().to_string();
    assert_eq!(error, "SDDL, character 3: no security identifier and no alias of one");
}

#[test]
fn an_entry_by_itself_is_all_there_is() {
    let entry = Ace::from_sddl("(D;;CC;;;AN)", &aliases()).unwrap();
    assert_eq!(entry, Ace::deny(mask::CREATE_CHILD, sid("S-1-5-7")));
    assert_eq!(entry.to_sddl(&aliases()).unwrap(), "(D;;CC;;;AN)");
    for (text, at) in [("", 1), ("D;;CC;;;AN", 1), ("(D;;CC;;;AN)(D;;CC;;;AN)", 13)] {
        assert_eq!(Ace::from_sddl(text, &aliases()).unwrap_err().at, Place::Character(at));
    }
}

#[test]
fn what_has_no_letters_is_refused_by_its_place() {
    let entry = Ace::allow(mask::DELETE, Sid::everyone());
    let with_bytes = |kind| {
        let mut access = entry.access().unwrap().clone();
        access.application = vec![1];
        Ace { kind, body: AceBody::Access(access), ..entry.clone() }
    };
    let opaque = Ace { kind: AceKind(0x04), body: AceBody::Opaque(vec![]), ..entry.clone() };
    for (refused, why) in [
        (with_bytes(AceKind::ALLOWED_CALLBACK), "an expression"),
        (with_bytes(AceKind::RESOURCE_ATTRIBUTE), "an expression"),
        (with_bytes(AceKind::DENIED_CALLBACK_OBJECT), "no letters"),
        (with_bytes(AceKind::ALLOWED), "bytes behind"),
        (opaque, "no letters"),
        (entry.clone().with(AceFlags(0x20)), "flags has no letters"),
        (
            Ace {
                kind: AceKind::ALLOWED,
                ..entry.clone().on(crate::ObjectGuid::from_bytes([1; 16]))
            },
            "no room",
        ),
    ] {
        let list = Acl { revision: 4, entries: vec![entry.clone(), refused] };
        let dacl = SecurityDescriptor::of_dacl(list.clone());
        let error = dacl.to_sddl(&aliases()).unwrap_err();
        assert_eq!(error.at, Place::Entry { list: "DACL", number: 2 });
        assert!(error.what.contains(why), "{error}");
        let sacl =
            SecurityDescriptor { dacl: None, sacl: Some(list), control: Control(0x8010), ..dacl };
        let error = sacl.to_sddl(&aliases()).unwrap_err().to_string();
        assert!(error.starts_with("SDDL, entry 2 of the SACL: "), "{error}");
    }
}

#[test]
fn a_list_that_no_descriptor_holds_is_not_read_to_its_end() {
    let entries = |count| format!("D:{}", "(A;;RP;;;WD)".repeat(count));
    assert_eq!(read(&entries(3276)).unwrap().dacl.unwrap().entries.len(), 3276);
    // Entries of 20 bytes each.
    let error = read(&entries(100_000)).unwrap_err();
    assert_eq!(error.at, Place::Character(3 + 3276 * 12));
    assert!(read(&"(".repeat(1_000_000)).is_err());
    assert!(read(&format!("D:{}", "(".repeat(1_000_000))).is_err());
    assert!(read(&format!("D:(A;;{};;;WD)", "RP".repeat(1_000_000))).is_ok());
}

#[test]
fn a_real_descriptor_is_printed_and_read() {
    let real = SecurityDescriptor::from_value(&samba_user()).unwrap();
    let text = real.to_sddl(&aliases()).unwrap();
    assert!(text.starts_with("D:AI(OD;;CR;ab721a53-1e2f-11d0-9819-00aa0040529b;;PS)"), "{text}");
    assert_eq!(read(&text).unwrap(), real);
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(
        descriptor in any_descriptor(|| any_list(any_entry(PRINTABLE, 0xdf)), LETTERED),
        with_domain in any::<bool>(),
    ) {
        let aliases = if with_domain { aliases() } else { Aliases::without_domain() };
        let text = descriptor.to_sddl(&aliases).unwrap();
        let mut expected = descriptor;
        expected.resource_manager = 0;
        // The flags of a list that is not there are not printed.
        for (present, flags) in [(Control::DACL_PRESENT, 0x1500), (Control::SACL_PRESENT, 0x2a00)] {
            if !expected.control.contains(present) {
                expected.control.0 &= !flags;
            }
        }
        prop_assert_eq!(SecurityDescriptor::from_sddl(&text, &aliases).unwrap(), expected);
    }
}

#[test]
fn reading_never_panics_and_what_is_read_reads_back() {
    const LETTERS: &[u8] = b"OGDS:();-,_ ARCIXPWLMU0123456789xabcdef\"\xc3\xa9";
    for_each_input("reading SDDL", |chance| {
        let bytes = match chance.below(8) {
            0 => chance.bytes(60),
            1 => (0..chance.below(60)).map(|_| *chance.one_of(LETTERS)).collect(),
            _ => {
                let good = *chance.one_of(&GOOD);
                chance.spoilt(good.as_bytes())
            }
        };
        fuzzing::sddl(&bytes)
    });
}
