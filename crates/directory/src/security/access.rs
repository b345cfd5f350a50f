//! What a list grants (MS-ADTS 5.1.3.3).

use super::{Access, Ace, AceBody, AceFlags, AceKind, Acl, SecurityDescriptor};
use crate::{ObjectGuid, Sid};

/// User-Change-Password (MS-ADTS 5.1.3.2.1): `ab721a53-1e2f-11d0-9819-00aa0040529b`.
pub const CHANGE_PASSWORD: ObjectGuid = ObjectGuid::from_bytes([
    0x53, 0x1a, 0x72, 0xab, 0x2f, 0x1e, 0xd0, 0x11, 0x98, 0x19, 0x00, 0xaa, 0x00, 0x40, 0x52, 0x9b,
]);
/// RIGHT_DS_CONTROL_ACCESS (MS-ADTS 5.1.3.2).
pub const CONTROL_ACCESS: u32 = 0x100;
/// GENERIC_ALL, which lists hold before it is mapped to single rights (MS-DTYP 2.4.3).
const GENERIC_ALL: u32 = 0x1000_0000;

/// What a list says about a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// An entry grants it before any other one denies it.
    Granted,
    /// An entry denies it before any other one grants it.
    Denied,
    /// No entry speaks of it, which is a refusal too.
    NotGranted,
}

impl Acl {
    /// Whether a control access right is granted to whoever is all of `who`: the first entry that
    /// speaks of the right and of one of them decides (MS-ADTS 5.1.3.3.4). In a list in its
    /// canonical order that is: denied beats granted, the object's own entries beat inherited ones.
    ///
    /// Conditional (callback) entries are passed over: their conditions are about the claims of
    /// somebody who is signing in, and nobody is.
    pub fn control_access(&self, right: ObjectGuid, who: &[Sid]) -> Decision {
        let deciding = self.entries.iter().find_map(|entry| entry.about(right, who));
        deciding.unwrap_or(Decision::NotGranted)
    }
}

impl Ace {
    fn about(&self, right: ObjectGuid, who: &[Sid]) -> Option<Decision> {
        let decision = match self.kind {
            AceKind::ALLOWED | AceKind::ALLOWED_OBJECT => Decision::Granted,
            AceKind::DENIED | AceKind::DENIED_OBJECT => Decision::Denied,
            _ => return None,
        };
        let AceBody::Access(access) = &self.body else { return None };
        let effective = !self.flags.contains(AceFlags::INHERIT_ONLY);
        (effective && access.covers(right) && who.contains(&access.trustee)).then_some(decision)
    }
}

impl Access {
    /// Without a type it is about all control access rights.
    fn covers(&self, right: ObjectGuid) -> bool {
        self.mask & (CONTROL_ACCESS | GENERIC_ALL) != 0
            && self.object_type.is_none_or(|object_type| object_type == right)
    }
}

/// Whether the account is one whose *user cannot change password* (SPEC D-7): no flag, but the
/// right Change Password, denied or not granted to the person. Administrators' tools deny it to
/// Self and to Everyone.
///
/// `person` are the account's own SID and its groups; Self, Everyone and Authenticated Users, who
/// the person is as well, are added.
pub fn cannot_change_password(descriptor: &SecurityDescriptor, person: &[Sid]) -> bool {
    let Some(dacl) = &descriptor.dacl else { return false };
    let who =
        [&[Sid::principal_self(), Sid::everyone(), Sid::authenticated_users()], person].concat();
    dacl.control_access(CHANGE_PASSWORD, &who) != Decision::Granted
}
