//! Security descriptors: what an object is made with, what it inherits, and how
//! `nTSecurityDescriptor` holds it (MS-DTYP 2.4.6).
//!
//! An object keeps its own entries; what it inherits is worked out whenever it is asked for, so that
//! a unit's entries are in effect below it at once. A controller takes a while for that.

use directory::security::rights::{CHANGE_PASSWORD, INET_ORG_PERSON, UNEXPIRE_PASSWORD, USER};
use directory::security::{Ace, AceFlags, Acl, Child, Control, SecurityDescriptor, mask};
use directory::{ObjectGuid, Sid, SidError, protected};

use crate::groups::PRE_WINDOWS_2000;
use crate::object::{Class, Object};
use crate::replica::Replica;
use crate::schema::{self, GENERAL, PERSONAL, PUBLIC, WEB};

/// OWNER_SECURITY_INFORMATION and the others of the SD-flags control (MS-ADTS 3.1.1.3.4.1.11).
const OWNER: u32 = 0x1;
const GROUP: u32 = 0x2;
/// DACL_SECURITY_INFORMATION: the DACL with the control bits that belong to it.
pub(crate) const DACL: u32 = 0x4;
/// The revision of lists with entries about rights and attributes (MS-DTYP 2.4.5).
const REVISION: u8 = 4;
/// To read all of an object, its descriptor and what is in it.
const READ: u32 =
    mask::READ_CONTROL | mask::LIST_CONTENTS | mask::READ_PROPERTY | mask::LIST_OBJECT;

/// The descriptor that an object is made with, as in a new domain (MS-ADTS 6.1.4, MS-ADSC): Administrators
/// do everything. Whoever is signed in reads all of an object, but of a person no more than four property
/// sets, and nothing of a fine-grained policy. A new account may be given another password by whoever
/// knows the present one.
pub(crate) fn of_new(class: Class) -> Result<SecurityDescriptor, SidError> {
    let administrators = Sid::nt(&[32, protected::builtin::ADMINISTRATORS])?;
    let mut dacl = Acl { revision: REVISION, entries: Vec::new() };
    let everything = Ace::allow(mask::FULL_CONTROL, administrators.clone());
    let account = class.is_account().then(of_an_account).into_iter().flatten();
    let head = if class == Class::DomainHead { of_the_head()? } else { Vec::new() };
    let entries = account.chain([everything]).chain(for_whoever_is_signed_in(class)).chain(head);
    entries.for_each(|entry| _ = dacl.add(entry));
    let mut descriptor = SecurityDescriptor::of_dacl(dacl);
    (descriptor.owner, descriptor.group) = (Some(administrators.clone()), Some(administrators));
    Ok(descriptor)
}

fn for_whoever_is_signed_in(class: Class) -> Vec<Ace> {
    let allow = |mask| Ace::allow(mask, Sid::authenticated_users());
    match class {
        Class::User => {
            let sets = [GENERAL, PUBLIC, PERSONAL, WEB];
            let sets = sets.map(|set| allow(mask::READ_PROPERTY).on(set));
            sets.into_iter().chain([allow(mask::READ_CONTROL)]).collect()
        }
        Class::PasswordSettings | Class::SettingsContainer => Vec::new(),
        _ => vec![allow(READ)],
    }
}

/// Everybody reads what is his own.
fn of_an_account() -> impl Iterator<Item = Ace> {
    change_by_everybody(Ace::allow).into_iter().chain([Ace::allow(READ, Sid::principal_self())])
}

/// What the domain head hands down to Pre-Windows 2000 Compatible Access: to read people and groups, and to
/// see what is in anything. And Unexpire Password, which is everybody's in a new domain.
fn of_the_head() -> Result<Vec<Ace>, SidError> {
    let older = Sid::nt(&[32, PRE_WINDOWS_2000])?;
    let read = |class| Ace::allow(READ, older.clone()).below(Some(class));
    let list = Ace::allow(mask::LIST_CONTENTS, older.clone()).with(AceFlags::CONTAINER_INHERIT);
    let below = [USER, INET_ORG_PERSON, Class::Group.schema_id()].map(read);
    Ok([unexpire_by_everybody(), list].into_iter().chain(below).collect())
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
        schema::guid(match self {
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
            Self::Foreign => 0x89e31c12_8530_11d0_afda_00c04fd930c9,
        })
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
    use directory::security::rights::PASSWORD_SETTINGS;

    use super::*;

    #[test]
    fn classes_are_named_as_the_rest_of_the_agent_names_them() {
        assert_eq!(Class::User.schema_id(), USER);
        assert_eq!(Class::PasswordSettings.schema_id(), PASSWORD_SETTINGS);
        let text = Class::Unit.schema_id().to_string();
        assert_eq!(text, "bf967aa5-0de6-11d0-a285-00aa003049e2");
    }
}
