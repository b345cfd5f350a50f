//! Security descriptors as `nTSecurityDescriptor` holds them (MS-DTYP 2.4.6).

use directory::Sid;
use directory::security::rights::{CHANGE_PASSWORD, Permission, USER};
use directory::security::{Ace, Acl, Child, Control, SecurityDescriptor, mask};

use crate::object::Object;
use crate::replica::Replica;

/// OWNER_SECURITY_INFORMATION and the others of the SD-flags control (MS-ADTS 3.1.1.3.4.1.11).
const OWNER: u32 = 0x1;
const GROUP: u32 = 0x2;
const DACL: u32 = 0x4;

impl Replica {
    /// An object's descriptor: the parts that the SD-flags control asks for. There is no SACL.
    pub(crate) fn descriptor(&self, object: &Object, parts: u32) -> Option<Vec<u8>> {
        let administrators = Sid::nt(&[32, 544]).ok()?;
        let mut descriptor = SecurityDescriptor::of_dacl(self.dacl(object)?);
        if !object.inherits {
            descriptor.control = Control(descriptor.control.0 | Control::DACL_PROTECTED.0);
        }
        if parts & DACL == 0 {
            (descriptor.dacl, descriptor.control) = (None, Control::SELF_RELATIVE);
        }
        descriptor.owner = (parts & OWNER != 0).then(|| administrators.clone());
        descriptor.group = (parts & GROUP != 0).then_some(administrators);
        descriptor.to_value().ok()
    }

    fn dacl(&self, object: &Object) -> Option<Acl> {
        let administrators = Sid::nt(&[32, 544]).ok()?;
        let mut dacl = Acl { revision: 4, entries: Vec::new() };
        if object.is_account() {
            // A new account's descriptor allows both.
            let ace = if object.cannot_change { Ace::deny } else { Ace::allow };
            for who in [Sid::everyone(), Sid::principal_self()] {
                dacl.add(ace(mask::CONTROL_ACCESS, who).on(CHANGE_PASSWORD));
            }
        }
        dacl.add(Ace::allow(mask::FULL_CONTROL, administrators));
        dacl.add(Ace::allow(mask::mapped(mask::GENERIC_READ), Sid::authenticated_users()));
        let child = Child { classes: &[USER], owner: None, group: None };
        for one in self.inherited(object) {
            let rights = [
                (one.rights.reset_password, Permission::ResetPassword),
                (one.rights.change_password, Permission::ChangePassword),
                (one.rights.write_lockout_time, Permission::WriteLockoutTime),
                (one.rights.write_pwd_last_set, Permission::WritePwdLastSet),
            ];
            for (_, right) in rights.into_iter().filter(|(given, _)| *given) {
                for entry in right.entry(one.trustee.clone()).inherited_by(&child) {
                    dacl.add(entry);
                }
            }
        }
        Some(dacl)
    }
}
