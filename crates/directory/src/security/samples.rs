//! Descriptors for tests: any, and a real one.

use proptest::prelude::*;

use super::{Access, Ace, AceBody, AceFlags, AceKind, Acl, Control, SecurityDescriptor};
use crate::{ObjectGuid, Sid};

/// The descriptor of an account of a Samba domain, with Change Password denied to Self and to
/// Everyone as administrators' tools do it; read over LDAP with only the DACL asked for.
const SAMBA_USER: &str = include_str!("samba_user.hex");

/// The real one.
pub(crate) fn samba_user() -> Vec<u8> {
    let digits: String = SAMBA_USER.split_whitespace().collect();
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// The SID that this text is.
pub(crate) fn sid(text: &str) -> Sid {
    text.parse().unwrap()
}

/// The GUID that this text is.
pub(crate) fn guid(text: &str) -> ObjectGuid {
    text.parse().unwrap()
}

/// Any SID, the known ones often.
pub(crate) fn any_sid() -> impl Strategy<Value = Sid> {
    let known = prop::sample::select(vec![
        "S-1-1-0",
        "S-1-3-0",
        "S-1-3-1",
        "S-1-3-4",
        "S-1-5-10",
        "S-1-5-11",
        "S-1-5-18",
        "S-1-5-32-544",
        "S-1-5-21-1-2-3-512",
        "S-1-5-21-1-2-3-519",
        "S-1-5-21-9-8-7-519",
        "S-1-5-21-1-2-3-1104",
    ]);
    let any = (0..1_u64 << 48, prop::collection::vec(any::<u32>(), 1..=15));
    prop_oneof![
        3 => known.prop_map(sid),
        1 => any.prop_map(|(authority, subs)| Sid::of(authority, &subs).unwrap()),
    ]
}

/// One of three GUIDs, so that they meet.
fn any_type() -> impl Strategy<Value = Option<ObjectGuid>> {
    prop::option::of((1..=3_u8).prop_map(|byte| ObjectGuid::from_bytes([byte; 16])))
}

/// Any entry of one of these kinds, with nothing behind its trustee; flags are some of `flags`.
pub(crate) fn any_entry(
    kinds: &'static [AceKind],
    flags: u8,
) -> impl Strategy<Value = Ace> + use<> {
    let mask = prop_oneof![
        4 => any::<u32>().prop_map(|mask| mask & 0x000f_01ff),
        1 => any::<u32>().prop_map(|mask| mask & 0xf000_0000),
        1 => any::<u32>(),
    ];
    let parts = (prop::sample::select(kinds), any::<u8>(), mask, any_type(), any_type(), any_sid());
    parts.prop_map(move |(kind, some, mask, object, inherited, trustee)| {
        let typed = kind.has_types();
        let access = Access {
            mask,
            object_type: object.filter(|_| typed),
            inherited_object_type: inherited.filter(|_| typed),
            trustee,
            application: Vec::new(),
        };
        Ace { kind, flags: AceFlags(some & flags), body: AceBody::Access(access) }
    })
}

/// Kinds that have letters in SDDL.
pub(crate) const PRINTABLE: &[AceKind] = &[
    AceKind::ALLOWED,
    AceKind::DENIED,
    AceKind::ALLOWED_OBJECT,
    AceKind::DENIED_OBJECT,
    AceKind::AUDIT,
    AceKind::AUDIT_OBJECT,
    AceKind::MANDATORY_LABEL,
    AceKind::SCOPED_POLICY_ID,
];

/// Kinds that grant or deny.
pub(crate) const DECIDING: &[AceKind] =
    &[AceKind::ALLOWED, AceKind::DENIED, AceKind::ALLOWED_OBJECT, AceKind::DENIED_OBJECT];

/// Any entry of any kind, the unknown ones too, with anything behind.
fn any_entry_at_all() -> impl Strategy<Value = Ace> {
    let more = prop::collection::vec(any::<u8>(), 0..20);
    let entry = any_entry(DECIDING, 0xff);
    (entry, any::<u8>(), more).prop_map(|(mut entry, kind, more)| {
        entry.kind = AceKind(kind);
        match (&mut entry.body, entry.kind.form().is_some()) {
            (AceBody::Access(access), true) => {
                if !entry.kind.has_types() {
                    (access.object_type, access.inherited_object_type) = (None, None);
                }
                access.application = more;
            }
            (body, _) => *body = AceBody::Opaque(more),
        }
        entry
    })
}

/// A list of any entries.
pub(crate) fn any_list(entry: impl Strategy<Value = Ace>) -> impl Strategy<Value = Acl> {
    let entries = prop::collection::vec(entry, 0..12);
    entries.prop_map(|entries| Acl { revision: 4, entries })
}

/// A descriptor of such lists, with the control bits of `control` by chance, and those that follow
/// from what is there.
pub(crate) fn any_descriptor<S: Strategy<Value = Acl>>(
    list: impl Fn() -> S,
    control: u16,
) -> impl Strategy<Value = SecurityDescriptor> {
    let sids = (prop::option::of(any_sid()), prop::option::of(any_sid()));
    let lists = (prop::option::of(list()), prop::option::of(list()));
    (any::<u16>(), any::<u8>(), sids, lists).prop_map(
        move |(bits, resource_manager, (owner, group), (sacl, dacl))| {
            let present = |list: &Option<Acl>, bit: Control| list.as_ref().map_or(0, |_| bit.0);
            let control = Control(
                bits & control
                    | Control::SELF_RELATIVE.0
                    | present(&sacl, Control::SACL_PRESENT)
                    | present(&dacl, Control::DACL_PRESENT),
            );
            SecurityDescriptor { control, resource_manager, owner, group, sacl, dacl }
        },
    )
}

/// Any descriptor at all that can be written.
pub(crate) fn any_descriptor_at_all() -> impl Strategy<Value = SecurityDescriptor> {
    any_descriptor(|| any_list(any_entry_at_all()), 0xffff)
}
