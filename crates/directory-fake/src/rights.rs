//! What an administrator does to security descriptors.

use directory::security::{Ace, SecurityDescriptor};
use directory::{ObjectGuid, Sid};

use crate::descriptor::{self, change_by_everybody, unexpire_by_everybody};
use crate::domain::FakeDomain;
use crate::error::FakeError;

impl FakeDomain {
    /// An object's security descriptor as it is in effect: its own entries first, then those that it
    /// inherits. None if it is gone.
    pub fn descriptor(&self, guid: ObjectGuid) -> Option<SecurityDescriptor> {
        let state = self.state();
        state.here().object(guid).map(|object| state.here().security(object))
    }

    /// `objectSid` of the account or group with this `sAMAccountName`.
    pub fn sid_of(&self, login: &str) -> Option<Sid> {
        self.state().here().login(login)?.sid.clone()
    }

    /// The object with a name relative to the domain; an empty one is the head.
    ///
    /// # Errors
    /// If it is no name, or there is nothing of that name.
    pub fn guid_at(&self, relative: &str) -> Result<ObjectGuid, FakeError> {
        let dn = self.below(relative)?;
        let found = self.state().here().named(&dn).map(|object| object.guid);
        found.ok_or_else(|| FakeError::Missing(dn.to_string()))
    }

    /// Changes an object's security descriptor: what it holds itself, without what it inherits.
    ///
    /// # Errors
    /// If the object is gone.
    pub fn secure(
        &self,
        guid: ObjectGuid,
        change: impl FnOnce(&mut SecurityDescriptor),
    ) -> Result<(), FakeError> {
        let (mut state, now) = self.writing();
        let written = &["nTSecurityDescriptor"];
        state.here_mut().write(guid, written, now, |object| change(&mut object.security))
    }

    /// "User cannot change password": two denying entries in place of two that allow it.
    ///
    /// # Errors
    /// If the account is gone.
    pub fn cannot_change(&self, guid: ObjectGuid, denied: bool) -> Result<(), FakeError> {
        let (allow, deny) = (change_by_everybody(Ace::allow), change_by_everybody(Ace::deny));
        let (gone, there) = if denied { (allow, deny) } else { (deny, allow) };
        self.secure(guid, |security| {
            let Some(dacl) = &mut security.dacl else { return };
            gone.iter().for_each(|entry| _ = dacl.remove(entry));
            there.into_iter().for_each(|entry| _ = dacl.add(entry));
        })
    }

    /// Switches the inheritance of rights on or off for one object.
    ///
    /// # Errors
    /// If it is gone.
    pub fn inherit(&self, guid: ObjectGuid, inherits: bool) -> Result<(), FakeError> {
        self.secure(guid, |security| {
            security.control = descriptor::inheriting(security.control, inherits);
        })
    }

    /// Whether whoever is signed in has Unexpire Password on the domain head, as in a new domain. As
    /// Windows ([`Flavour::Windows`](crate::Flavour::Windows)), a password that somebody without it
    /// sets has expired at once.
    ///
    /// # Errors
    /// Never while there is a domain head.
    pub fn everybody_unexpires(&self, given: bool) -> Result<(), FakeError> {
        let head = self.guid_at("")?;
        self.secure(head, |security| {
            let Some(dacl) = &mut security.dacl else { return };
            let entry = unexpire_by_everybody();
            if given { _ = dacl.add(entry) } else { _ = dacl.remove(&entry) }
        })
    }
}
