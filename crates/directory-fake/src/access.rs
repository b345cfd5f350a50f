//! Who may do what: administrators everything, others what was delegated to them.

use directory::{DistinguishedName, Sid, protected};

use crate::modify::Token;
use crate::object::{Class, Object};
use crate::replica::Replica;

/// The rights of SPEC D-12 on people.
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
}

/// Rights that stand on a unit and are inherited by the people at any depth below it.
#[derive(Debug, Clone)]
pub(crate) struct Delegation {
    pub(crate) trustee: Sid,
    pub(crate) unit: DistinguishedName,
    pub(crate) rights: Rights,
}

impl Replica {
    /// The rights that reach an object from the units above it.
    pub(crate) fn inherited(&self, object: &Object) -> impl Iterator<Item = &Delegation> {
        let reached = object.class == Class::User && object.inherits;
        let dn = object.dn.clone();
        self.delegations.iter().filter(move |one| reached && dn.is_below(&one.unit))
    }

    /// Whether somebody has a right on an object.
    pub(crate) fn may(
        &self,
        token: &Token,
        object: &Object,
        right: impl Fn(&Rights) -> bool,
    ) -> bool {
        token.is_administrator()
            || self
                .inherited(object)
                .any(|one| token.sids.contains(&one.trustee) && right(&one.rights))
    }

    /// Whether somebody may read what stands in an object. Everything but fine-grained policies
    /// is open to whoever is signed in.
    pub(crate) fn may_read(&self, token: &Token, object: &Object) -> bool {
        object.class != Class::PasswordSettings
            || token.is_administrator()
            || self.settings_readers.iter().any(|reader| token.sids.contains(reader))
    }

    /// The token of an account: itself first, then its groups.
    pub(crate) fn token(&self, account: &Object) -> Token {
        let own = account.sid.iter().cloned();
        let login = account.values.text("sAMAccountName").unwrap_or_default().to_owned();
        Token {
            guid: Some(account.guid),
            login,
            sids: own.chain(self.token_groups(account)).collect(),
        }
    }
}

impl Token {
    /// Whether it is of Administrators or Domain Admins.
    pub(crate) fn is_administrator(&self) -> bool {
        self.sids.iter().any(|sid| {
            sid.builtin_rid() == Some(protected::builtin::ADMINISTRATORS)
                || sid.domain_rid() == Some(protected::domain::DOMAIN_ADMINS)
        })
    }
}
