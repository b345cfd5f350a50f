//! Security descriptors: what an object is made with, what it inherits, and how
//! `nTSecurityDescriptor` holds it (MS-DTYP 2.4.6).
//!
//! An object keeps its own entries; what it inherits is worked out whenever it is asked for, so that
//! a unit's entries are in effect below it at once. A controller takes a while for that.

use directory::security::rights::{CHANGE_PASSWORD, UNEXPIRE_PASSWORD};
use directory::security::{Ace, Acl, Child, Control, SecurityDescriptor, mask};
use directory::{ObjectGuid, Sid, SidError, protected};

use crate::object::{Class, Object};
use crate::replica::Replica;

/// OWNER_SECURITY_INFORMATION and the others of the SD-flags control (MS-ADTS 3.1.1.3.4.1.11).
const OWNER: u32 = 0x1;
const GROUP: u32 = 0x2;
/// DACL_SECURITY_INFORMATION: the DACL with the control bits that belong to it.
pub(crate) const DACL: u32 = 0x4;
/// The revision of lists with entries about rights and attributes (MS-DTYP 2.4.5).
const REVISION: u8 = 4;

/// The descriptor that an object is made with: Administrators do everything; whoever is signed in
/// reads, but no fine-grained policy, and Unexpire Password is everybody's, as in a new domain. A
/// new account may be given another password by whoever knows the present one.
pub(crate) fn of_new(class: Class) -> Result<SecurityDescriptor, SidError> {
    let administrators = Sid::nt(&[32, protected::builtin::ADMINISTRATORS])?;
    let mut dacl = Acl { revision: REVISION, entries: Vec::new() };
    if class.is_account() {
        for entry in change_by_everybody(Ace::allow) {
            dacl.add(entry);
        }
    }
    dacl.add(Ace::allow(mask::FULL_CONTROL, administrators.clone()));
    if !matches!(class, Class::PasswordSettings | Class::SettingsContainer) {
        dacl.add(Ace::allow(mask::mapped(mask::GENERIC_READ), Sid::authenticated_users()));
    }
    if class == Class::DomainHead {
        dacl.add(unexpire_by_everybody());
    }
    let mut descriptor = SecurityDescriptor::of_dacl(dacl);
    (descriptor.owner, descriptor.group) = (Some(administrators.clone()), Some(administrators));
    Ok(descriptor)
}

/// Change Password for Everyone and for Self: allowed on a new account, and denied where the "user
/// cannot change password".
pub(crate) fn change_by_everybody(ace: fn(u32, Sid) -> Ace) -> [Ace; 2] {
    [Sid::everyone(), Sid::principal_self()]
        .map(|who| ace(mask::CONTROL_ACCESS, who).on(CHANGE_PASSWORD))
}

/// Unexpire Password for whoever is signed in.
pub(crate) fn unexpire_by_everybody() -> Ace {
    Ace::allow(mask::CONTROL_ACCESS, Sid::authenticated_users()).on(UNEXPIRE_PASSWORD)
}

impl Class {
    /// `schemaIDGUID` of the class (MS-ADSC), by which entries name it.
    pub(crate) const fn schema_id(self) -> ObjectGuid {
        let text: u128 = match self {
            Self::DomainHead => 0x19195a5b_6da0_11d0_afd3_00c04fd930c9,
            Self::Container => 0xbf967a8b_0de6_11d0_a285_00aa003049e2,
            Self::Unit => 0xbf967aa5_0de6_11d0_a285_00aa003049e2,
            Self::Builtin => 0xbf967a81_0de6_11d0_a285_00aa003049e2,
            Self::Group => 0xbf967a9c_0de6_11d0_a285_00aa003049e2,
            Self::User => 0xbf967aba_0de6_11d0_a285_00aa003049e2,
            Self::Computer => 0xbf967a86_0de6_11d0_a285_00aa003049e2,
            Self::ManagedServiceAccount => 0x7b8b558a_93a5_4af7_adca_c017e67f1057,
            Self::SettingsContainer => 0x5b06b06a_4cf3_44c0_bd16_43bc10a987da,
            Self::PasswordSettings => 0x3bcd9db8_f84b_451c_952f_6c52b81f9ec6,
            Self::Server => 0xbf967a92_0de6_11d0_a285_00aa003049e2,
            Self::NtdsSettings => 0xf0f8ffab_1191_11d0_a060_00aa006c33ed,
        };
        let [a, b, c, d, e, f, g, h, rest @ ..] = text.to_be_bytes();
        // The first three parts are stored the least significant byte first (MS-DTYP 2.3.4.2).
        let [i, j, k, l, m, n, o, p] = rest;
        ObjectGuid::from_bytes([d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p])
    }
}

impl Replica {
    /// An object's descriptor as it is in effect: its own entries, and behind them what it inherits,
    /// the nearest first.
    pub(crate) fn security(&self, object: &Object) -> SecurityDescriptor {
        let mut whole = object.security.clone();
        if whole.is_protected() {
            return whole;
        }
        let above = object.dn.parent().and_then(|parent| self.named(&parent));
        let above = above.and_then(|above| self.security(above).dacl);
        if let (Some(dacl), Some(above)) = (&mut whole.dacl, above) {
            let (owner, group) = (whole.owner.as_ref(), whole.group.as_ref());
            let child = Child { classes: &[object.class.schema_id()], owner, group };
            dacl.entries.extend(above.inherited_by(&child).entries);
        }
        whole
    }

    /// An object's descriptor: the parts that the SD-flags control asks for. There is no SACL.
    pub(crate) fn descriptor(&self, object: &Object, parts: u32) -> Option<Vec<u8>> {
        let mut descriptor = self.security(object);
        if parts & DACL == 0 {
            (descriptor.dacl, descriptor.control) = (None, Control::SELF_RELATIVE);
        }
        descriptor.owner = descriptor.owner.filter(|_| parts & OWNER != 0);
        descriptor.group = descriptor.group.filter(|_| parts & GROUP != 0);
        descriptor.to_value().ok()
    }
}

/// Whether inheritance is on, as the control bit has it.
pub(crate) const fn inheriting(control: Control, inherits: bool) -> Control {
    let protected = Control::DACL_PROTECTED.0;
    Control(if inherits { control.0 & !protected } else { control.0 | protected })
}

/// A DACL that is written over another one (MS-ADTS 6.1.3): what it says of inherited entries does
/// not count, they are worked out anew.
pub(crate) fn overwritten(
    stored: &SecurityDescriptor,
    written: SecurityDescriptor,
) -> SecurityDescriptor {
    let control = inheriting(stored.control, !written.is_protected());
    let dacl = written.dacl.map(|mut dacl| {
        dacl.entries.retain(|entry| !entry.is_inherited());
        dacl
    });
    SecurityDescriptor { control, dacl, ..stored.clone() }
}

#[cfg(test)]
mod tests {
    use directory::security::rights::{PASSWORD_SETTINGS, USER};

    use super::*;

    #[test]
    fn classes_are_named_as_the_rest_of_the_agent_names_them() {
        assert_eq!(Class::User.schema_id(), USER);
        assert_eq!(Class::PasswordSettings.schema_id(), PASSWORD_SETTINGS);
        let text = Class::Unit.schema_id().to_string();
        assert_eq!(text, "bf967aa5-0de6-11d0-a285-00aa003049e2");
    }
}
