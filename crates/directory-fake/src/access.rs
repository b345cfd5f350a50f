//! Who may do what: what an object's descriptor says, judged as the agent's own client judges it.
//!
//! Nobody has a right by being somebody: administrators may do what they may, and whoever signs in reads
//! what he reads, because the descriptors that a new domain has say so, until a test says otherwise.

use directory::Sid;
use directory::protected;
use directory::security::rights::Permission;
use directory::security::{Requester, SecurityDescriptor, Target, Wanted, mask};

use crate::modify::Token;
use crate::object::Object;
use crate::replica::Replica;
use crate::rules::Flavour;

/// The rights of SPEC D-12 on people. Unexpire Password stands elsewhere, on the domain head, where
/// everybody has it in a new domain: [`crate::FakeDomain::everybody_unexpires`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// The extended right Reset Password.
    pub reset_password: bool,
    /// The extended right Change Password.
    pub change_password: bool,
    /// Write `lockoutTime`.
    pub write_lockout_time: bool,
    /// Write `pwdLastSet`.
    pub write_pwd_last_set: bool,
}

impl Rights {
    /// All of them.
    pub const ALL: Self = Self {
        reset_password: true,
        change_password: true,
        write_lockout_time: true,
        write_pwd_last_set: true,
    };

    /// The same by name, in the order of SPEC D-12.
    pub fn permissions(self) -> Vec<Permission> {
        let all = [
            (self.reset_password, Permission::ResetPassword),
            (self.change_password, Permission::ChangePassword),
            (self.write_lockout_time, Permission::WriteLockoutTime),
            (self.write_pwd_last_set, Permission::WritePwdLastSet),
        ];
        all.into_iter().filter_map(|(given, permission)| given.then_some(permission)).collect()
    }
}

/// Somebody before an object.
pub(crate) struct Access<'a> {
    descriptor: SecurityDescriptor,
    who: Requester,
    target: Target<'a>,
}

impl Access<'_> {
    /// Whether this may be done.
    pub(crate) fn allows(&self, wanted: Wanted) -> bool {
        self.descriptor.effective(wanted, &self.who, &self.target).is_granted()
    }

    /// Whether one of the rights of SPEC D-12 is there.
    pub(crate) fn has(&self, permission: Permission) -> bool {
        self.allows(permission.wanted())
    }
}

impl Replica {
    /// What somebody may do to an object.
    pub(crate) fn access<'a>(&self, token: &Token, object: &'a Object) -> Access<'a> {
        let mut sids = token.sids.iter().cloned();
        let who = match sids.next() {
            Some(own) => Requester::account(own, sids),
            // Whoever is not signed in is not even Everyone.
            None => Requester::exactly([]),
        };
        let who = if self.flavour == Flavour::Samba { who.at_samba() } else { who };
        let target = Target { sid: object.sid.as_ref(), class: Some(object.class.schema_id()) };
        Access { descriptor: self.security(object), who, target }
    }

    /// Whether somebody sees that an object is there: its place has to show what is in it (MS-ADTS
    /// 5.1.3.3.6, without the mode of List Object). Nothing is above the head.
    pub(crate) fn shows(&self, token: &Token, object: &Object) -> bool {
        let above = object.dn.parent().and_then(|parent| self.named(&parent));
        let listed = Wanted::Whole(mask::LIST_CONTENTS);
        above.is_none_or(|above| self.access(token, above).allows(listed))
    }

    /// The token of an account: itself first, then its groups, then those that it is in by being signed in.
    pub(crate) fn token(&self, account: &Object) -> Token {
        let login = account.values.text("sAMAccountName").unwrap_or_default().to_owned();
        let mut sids: Vec<Sid> = account.sid.iter().cloned().collect();
        let signed_in = self.with_sid(&Sid::authenticated_users());
        for one in [Some(account), signed_in].into_iter().flatten() {
            for group in self.token_groups(one) {
                if !sids.contains(&group) {
                    sids.push(group);
                }
            }
        }
        Token { login, sids }
    }
}

impl Token {
    /// Whether it is of Administrators, who have the privilege to read a SACL.
    pub(crate) fn is_administrator(&self) -> bool {
        let administrators = Some(protected::builtin::ADMINISTRATORS);
        self.sids.iter().any(|sid| sid.builtin_rid() == administrators)
    }
}
