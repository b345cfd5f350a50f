//! What an administrator does to a domain.

use directory::{AccountFlags, ObjectGuid, filetime};
use protocol::ClearPassword;

use crate::domain::FakeDomain;
use crate::error::FakeError;
use crate::modify::{Modification, PasswordWrite};
use crate::password::Digest;
use crate::replica::Replica;
use crate::rules::{FakePolicy, Flavour, Place};

/// How many passwords are kept when the directory itself replaces one.
const CARD_HISTORY: u32 = 24;

impl FakeDomain {
    /// Imitates this directory from now on, in place of the one that it was made as.
    pub fn imitate(&self, flavour: Flavour) {
        self.state().replicas.iter_mut().for_each(|replica| replica.flavour = flavour);
    }

    /// Gives an attribute one value.
    ///
    /// # Errors
    /// If the object is gone.
    pub fn put(&self, guid: ObjectGuid, attribute: &str, value: &str) -> Result<(), FakeError> {
        self.put_value(guid, attribute, value.as_bytes())
    }

    /// Gives an attribute one value, which need not be text.
    ///
    /// # Errors
    /// If the object is gone.
    pub fn put_value(
        &self,
        guid: ObjectGuid,
        attribute: &str,
        value: &[u8],
    ) -> Result<(), FakeError> {
        let (mut state, now) = self.writing();
        let primary = |replica: &Replica| {
            let group = replica.object(guid).and_then(|account| replica.primary_group(account));
            group.map(|group| group.guid)
        };
        let former = primary(state.here());
        state.here_mut().write(guid, &[attribute], now, |object| {
            let before = crate::bind::flags(object);
            object.values.put(attribute, value);
            let card = AccountFlags::SMART_CARD_REQUIRED;
            if crate::bind::flags(object).contains(card) && !before.contains(card) {
                // Whoever signs in with a card has a password that nobody knows (as tried).
                let unknown = format!("{guid} {}", object.password_version());
                object.secret.set(Digest::of(&unknown), CARD_HISTORY);
            }
        })?;
        let present = primary(state.here());
        if former == present {
            return Ok(());
        }
        // The primary group lists nobody, the former one does from now on (as tried).
        for (group, lists) in [(former, true), (present, false)] {
            let Some(group) = group else { continue };
            state.here_mut().write(group, &["member"], now, |group| {
                group.links.retain(|link| *link != guid);
                group.links.extend(lists.then_some(guid));
            })?;
        }
        Ok(())
    }

    /// Installs a password filter on every controller, which refuses whatever holds one of these. Samba
    /// calls none.
    pub fn filter(&self, parts: &[&str]) {
        let parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        for replica in &mut self.state().replicas {
            replica.filtered.clone_from(&parts);
        }
    }

    /// Switches the account off, or on again.
    ///
    /// # Errors
    /// If the account is gone.
    pub fn disable(&self, guid: ObjectGuid, disabled: bool) -> Result<(), FakeError> {
        self.flag(guid, AccountFlags::DISABLED, disabled)
    }

    /// Sets or clears bits of `userAccountControl`.
    ///
    /// # Errors
    /// If the account is gone.
    pub fn flag(&self, guid: ObjectGuid, flags: AccountFlags, on: bool) -> Result<(), FakeError> {
        let (mut state, now) = self.writing();
        state.here_mut().write(guid, &["userAccountControl"], now, |object| {
            let before = crate::bind::flags(object).0;
            let after = if on { before | flags.0 } else { before & !flags.0 };
            object.values.put("userAccountControl", after.cast_signed().to_string());
        })
    }

    /// Locks the account out, as too many wrong passwords do.
    ///
    /// # Errors
    /// If the account is gone.
    pub fn lock(&self, guid: ObjectGuid) -> Result<(), FakeError> {
        let (mut state, now) = self.writing();
        let steps = filetime::from_moment(now).to_string();
        state.here_mut().write(guid, &["lockoutTime"], now, |object| {
            object.values.put("lockoutTime", steps.clone());
            object.values.put("badPasswordTime", steps);
            object.values.put("badPwdCount", "5");
        })
    }

    /// Replaces the domain's policy.
    ///
    /// # Errors
    /// Never while there is a domain head.
    pub fn set_policy(&self, policy: &FakePolicy) -> Result<(), FakeError> {
        let (mut state, now) = self.writing();
        let head = state.head()?;
        state.here_mut().write(head, &["minPwdLength"], now, |head| {
            policy.write(Place::Domain, &mut head.values);
        })
    }

    /// Sets a password as an administrator does: length and complexity count, history does not.
    ///
    /// # Errors
    /// [`FakeError::Refused`] as a controller refuses.
    pub fn administrator_sets(&self, guid: ObjectGuid, password: &str) -> Result<(), FakeError> {
        let owner = self.state().owner;
        self.set_at(owner, guid, password)
    }

    /// The same at that controller and not at the PDC emulator.
    ///
    /// # Errors
    /// As above, and if there is no controller of that name.
    pub fn administrator_sets_at(
        &self,
        controller: &str,
        guid: ObjectGuid,
        password: &str,
    ) -> Result<(), FakeError> {
        let at = self.state().controller_at(controller)?;
        self.set_at(at, guid, password)
    }

    fn set_at(&self, at: usize, guid: ObjectGuid, password: &str) -> Result<(), FakeError> {
        let password = ClearPassword::from_text(password)
            .map_err(|error| FakeError::Missing(error.to_string()))?;
        let modification = Modification {
            password: Some(PasswordWrite::Reset(password)),
            ..Modification::default()
        };
        let (mut state, now) = self.writing();
        let replica = &state.replicas[at];
        let account = replica.login("Administrator");
        let account = account.ok_or_else(|| FakeError::Missing("Administrator".to_owned()))?;
        let token = replica.token(account);
        state
            .modify(at, &token, guid, &modification, now)
            .map_err(|refused| FakeError::Refused(refused.into_refusal()))
    }

    /// Gives an object another common name; its GUID stays.
    ///
    /// # Errors
    /// If it is gone, the name is taken, or there are objects below it.
    pub fn rename(&self, guid: ObjectGuid, name: &str) -> Result<(), FakeError> {
        let (mut state, now) = self.writing();
        let above = state.here().object(guid).and_then(|object| object.dn.parent());
        let above = above.ok_or_else(|| FakeError::Missing(guid.to_string()))?;
        state.here_mut().rename(guid, &above.child("CN", name), now)
    }

    /// Deletes an object and what is below it.
    ///
    /// # Errors
    /// If it is gone.
    pub fn remove(&self, guid: ObjectGuid) -> Result<(), FakeError> {
        let (mut state, now) = self.writing();
        state.here_mut().remove(guid, now)
    }

    /// The built-in administrator, who has no password in a new domain.
    pub(crate) fn first_administrator_password(&self, password: &str) -> Result<(), FakeError> {
        let guid = self.guid_of("Administrator");
        let guid = guid.ok_or_else(|| FakeError::Missing("Administrator".to_owned()))?;
        self.administrator_sets_first(guid, password)?;
        self.put(guid, "pwdLastSet", &filetime::from_moment(self.now()).to_string())
    }

    /// The password that an account is made with: no rule but its own judges it.
    pub(crate) fn administrator_sets_first(
        &self,
        guid: ObjectGuid,
        password: &str,
    ) -> Result<(), FakeError> {
        let (mut state, now) = self.writing();
        let (digest, length) = (Digest::of(password), state.here().domain_policy().history_length);
        state
            .here_mut()
            .write(guid, &["unicodePwd"], now, |object| object.secret.set(digest, length))
    }
}
