//! The letters of SDDL (MS-DTYP 2.5.1.1), in the order in which they are printed.

use super::super::{AceFlags, AceKind, mask};

/// A token and what it stands for.
pub(super) type Token<T> = (&'static str, T);

/// Kinds of entries that are read and printed.
pub(super) const KINDS: [Token<AceKind>; 8] = [
    ("A", AceKind::ALLOWED),
    ("D", AceKind::DENIED),
    ("OA", AceKind::ALLOWED_OBJECT),
    ("OD", AceKind::DENIED_OBJECT),
    ("AU", AceKind::AUDIT),
    ("OU", AceKind::AUDIT_OBJECT),
    ("ML", AceKind::MANDATORY_LABEL),
    ("SP", AceKind::SCOPED_POLICY_ID),
];

/// Kinds whose last field is an expression.
pub(super) const EXPRESSIONS: [Token<AceKind>; 5] = [
    ("XA", AceKind::ALLOWED_CALLBACK),
    ("XD", AceKind::DENIED_CALLBACK),
    ("ZA", AceKind::ALLOWED_CALLBACK_OBJECT),
    ("XU", AceKind::AUDIT_CALLBACK),
    ("RA", AceKind::RESOURCE_ATTRIBUTE),
];

/// Flags of entries.
pub(super) const FLAGS: [Token<AceFlags>; 7] = [
    ("OI", AceFlags::OBJECT_INHERIT),
    ("CI", AceFlags::CONTAINER_INHERIT),
    ("NP", AceFlags::NO_PROPAGATE),
    ("IO", AceFlags::INHERIT_ONLY),
    ("ID", AceFlags::INHERITED),
    ("SA", AceFlags::AUDIT_SUCCESS),
    ("FA", AceFlags::AUDIT_FAILURE),
];

/// Rights, one by one.
pub(super) const RIGHTS: [Token<u32>; 17] = [
    ("CC", mask::CREATE_CHILD),
    ("DC", mask::DELETE_CHILD),
    ("LC", mask::LIST_CONTENTS),
    ("SW", mask::VALIDATED_WRITE),
    ("RP", mask::READ_PROPERTY),
    ("WP", mask::WRITE_PROPERTY),
    ("DT", mask::DELETE_TREE),
    ("LO", mask::LIST_OBJECT),
    ("CR", mask::CONTROL_ACCESS),
    ("SD", mask::DELETE),
    ("RC", mask::READ_CONTROL),
    ("WD", mask::WRITE_DACL),
    ("WO", mask::WRITE_OWNER),
    ("GA", mask::GENERIC_ALL),
    ("GX", mask::GENERIC_EXECUTE),
    ("GW", mask::GENERIC_WRITE),
    ("GR", mask::GENERIC_READ),
];

/// Rights on files, which tools also print where a mask happens to be one of them.
pub(super) const FILE_RIGHTS: [Token<u32>; 4] =
    [("FA", 0x1f_01ff), ("FR", 0x12_0089), ("FW", 0x12_0116), ("FX", 0x12_00a0)];

/// Rights on keys of a registry, which are only read.
pub(super) const KEY_RIGHTS: [Token<u32>; 4] =
    [("KA", 0xf_003f), ("KR", 0x2_0019), ("KW", 0x2_0006), ("KX", 0x2_0019)];

/// What a mandatory label forbids to whoever is below it (MS-DTYP 2.4.4.13).
pub(super) const LABEL_RIGHTS: [Token<u32>; 3] = [("NW", 0x1), ("NR", 0x2), ("NX", 0x4)];

/// A list that is not there although there should be one: nothing is refused to anybody.
pub(super) const NO_LIST: &str = "NO_ACCESS_CONTROL";
