//! Changing an object: passwords under the policy, everything else under the rights.

use std::fmt;

use directory::security::rights::Permission;
use directory::security::{SecurityDescriptor, Wanted, mask};
use directory::{ObjectGuid, Sid, filetime};
use ldap3_proto::proto::LdapResultCode;
use protocol::{ClearPassword, Timestamp};

use crate::answer::Refused;
use crate::descriptor;
use crate::journal::Set;
use crate::object::{Class, Object};
use crate::password::Digest;
use crate::replica::Replica;
use crate::rules::{Candidate, Flavour};
use crate::schema;
use crate::state::State;

/// Who asks: an account and its groups.
#[derive(Debug, Clone, Default)]
pub(crate) struct Token {
    pub(crate) login: String,
    pub(crate) sids: Vec<Sid>,
}

/// What one modify request asks for; all of it is done or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Modification {
    pub(crate) password: Option<PasswordWrite>,
    /// Whether the policy-hints control was on it, with a value that asks for history.
    pub(crate) hints: bool,
    /// Which parts of a descriptor are written, by the SD-flags control.
    pub(crate) sd_parts: Option<u32>,
    pub(crate) others: Vec<AttributeWrite>,
}

/// A password to be written.
#[derive(Clone)]
pub(crate) enum PasswordWrite {
    /// By somebody with the right to.
    Reset(ClearPassword),
    /// By whoever knows the old one (SPEC D-3).
    Change { old: ClearPassword, new: ClearPassword },
}

impl PasswordWrite {
    const fn new_one(&self) -> &ClearPassword {
        match self {
            Self::Reset(new) | Self::Change { new, .. } => new,
        }
    }
}

impl fmt::Debug for PasswordWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Reset(_)) { "Reset(..)" } else { "Change(..)" })
    }
}

impl PartialEq for PasswordWrite {
    fn eq(&self, other: &Self) -> bool {
        *self.new_one().to_text() == *other.new_one().to_text()
    }
}

impl Eq for PasswordWrite {}

/// Another attribute to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttributeWrite {
    pub(crate) name: String,
    pub(crate) how: How,
    pub(crate) values: Vec<Vec<u8>>,
}

/// What a modify does with an attribute's values (RFC 4511, 4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Add,
    Delete,
    Replace,
}

impl Modification {
    /// What the agent's client writes, as the modify that it sends.
    pub(crate) fn of(write: directory::Write<'_>, hints: bool) -> Self {
        let zero = |attribute: &str| AttributeWrite {
            name: attribute.to_owned(),
            how: How::Replace,
            values: vec![b"0".to_vec()],
        };
        let (password, others) = match write {
            directory::Write::Reset(new) | directory::Write::ResetWithoutHints(new) => {
                (Some(PasswordWrite::Reset(new.clone())), vec![zero("lockoutTime")])
            }
            directory::Write::Change { old, new } => {
                let (old, new) = (old.clone(), new.clone());
                (Some(PasswordWrite::Change { old, new }), Vec::new())
            }
            directory::Write::Unlock => (None, vec![zero("lockoutTime")]),
            directory::Write::RequireChange => (None, vec![zero("pwdLastSet")]),
        };
        Self { password, hints, sd_parts: None, others }
    }

    fn writes(&self, attribute: &str) -> Option<&AttributeWrite> {
        self.others.iter().find(|write| write.name.eq_ignore_ascii_case(attribute))
    }
}

impl State {
    /// Does what a modify asks for, at a controller.
    pub(crate) fn modify(
        &mut self,
        controller: usize,
        token: &Token,
        target: ObjectGuid,
        asked: &Modification,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let replica = &mut self.replicas[controller];
        replica.modify(token, target, asked, now)?;
        if let Some(password) = &asked.password {
            self.journal.push(Set {
                asked_at: now,
                at: now,
                guid: target,
                controller: self.controllers[controller].host.clone(),
                version: replica.object(target).map_or(0, Object::password_version),
                by: token.login.clone(),
                hints: asked.hints,
                unlocked: asked.writes("lockoutTime").is_some(),
                digest: Digest::of(&password.new_one().to_text()),
            });
        }
        Ok(())
    }
}

impl Replica {
    fn modify(
        &mut self,
        token: &Token,
        target: ObjectGuid,
        asked: &Modification,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let gone = || Refused::no_such_object(self.flavour, &format!("<GUID={target}>"));
        let object = self.object(target).ok_or_else(gone)?;
        self.permitted(token, object, asked)?;
        if let Some(password) = &asked.password {
            match self.judge(object, password, asked, now) {
                Ok(()) => {}
                Err(Judged::Refused(refused)) => return Err(refused),
                Err(Judged::WrongOld) => {
                    self.count_wrong(target, now);
                    return Err(Refused::wrong_old_password());
                }
            }
        }
        let mut changed = object.clone();
        for write in &asked.others {
            self.apply(&mut changed, write, asked.sd_parts, now)?;
        }
        let mut written: Vec<&str> = asked.others.iter().map(|one| one.name.as_str()).collect();
        if let Some(password) = &asked.password {
            let history_length = self.policy_of(object).history_length;
            changed.secret.set(Digest::of(&password.new_one().to_text()), history_length);
            let expires = self.flavour == Flavour::Windows && !self.may_unexpire(token);
            let steps = if expires { 0 } else { filetime::from_moment(now) };
            changed.values.put("pwdLastSet", steps.to_string());
            written.extend(["unicodePwd", "pwdLastSet"]);
        }
        let failed = |_| Refused::new(LdapResultCode::Other, "the object is gone");
        self.write(target, &written, now, |object| *object = changed).map_err(failed)
    }

    /// The rights come before everything else: whoever has none learns nothing about the policy.
    fn permitted(
        &self,
        token: &Token,
        object: &Object,
        asked: &Modification,
    ) -> Result<(), Refused> {
        let access = self.access(token, object);
        let may_set = match &asked.password {
            None => true,
            Some(PasswordWrite::Reset(_)) => access.has(Permission::ResetPassword),
            Some(PasswordWrite::Change { .. }) => access.has(Permission::ChangePassword),
        };
        if !may_set && matches!(asked.password, Some(PasswordWrite::Change { .. })) {
            return Err(Refused::may_not_change(self.flavour));
        }
        if !may_set || (asked.password.is_some() && !object.is_account()) {
            return Err(Refused::may_not_set(self.flavour));
        }
        for write in &asked.others {
            let may = match write.name.to_ascii_lowercase().as_str() {
                "ntsecuritydescriptor" => access.allows(Wanted::Whole(mask::WRITE_DACL)),
                name => access.allows(match schema::property(name) {
                    Some(property) => Wanted::Write(property),
                    None => Wanted::Whole(mask::WRITE_PROPERTY),
                }),
            };
            if !may {
                return Err(Refused::may_not_write(self.flavour, &object.dn.to_string()));
            }
        }
        Ok(())
    }

    /// Whether somebody has Unexpire Password on the domain head. Without it a password that was set
    /// has expired at once (MS-SAMR 3.1.1.8.7); Samba does not look at it.
    fn may_unexpire(&self, token: &Token) -> bool {
        let head = self.named(&self.head);
        head.is_some_and(|head| self.access(token, head).has(Permission::UnexpirePassword))
    }

    fn judge(
        &self,
        object: &Object,
        password: &PasswordWrite,
        asked: &Modification,
        now: Timestamp,
    ) -> Result<(), Judged> {
        let change = match password {
            PasswordWrite::Reset(_) => false,
            PasswordWrite::Change { old, .. } => {
                if self.is_locked(object, now) {
                    return Err(Judged::Refused(Refused::locked_out()));
                }
                if !object.secret.is(&old.to_text()) {
                    return Err(Judged::WrongOld);
                }
                true
            }
        };
        let hinted = change || asked.hints;
        let policy = self.policy_of(object);
        let refused =
            |rule: &str| Err(Judged::Refused(Refused::policy(self.flavour, change, rule)));
        let age_counts = change || (hinted && self.flavour == Flavour::Samba);
        // Together with pwdLastSet a set is refused whatever its age (LAB.md).
        let young = asked.writes("pwdLastSet").is_some()
            || policy.finds_too_young(object.number("pwdLastSet"), now);
        if age_counts && young {
            return refused("password is too young to change!");
        }
        let text = password.new_one().to_text();
        let name = |attribute| object.values.text(attribute).unwrap_or_default();
        let candidate = Candidate {
            text: &text,
            account_name: name("sAMAccountName"),
            full_name: name("displayName"),
            flags: object.number("userAccountControl"),
        };
        if let Some(rule) = policy.against(&candidate, self.flavour) {
            return refused(&rule);
        }
        // A password filter is asked about every password, last and without a word to whoever set it.
        let windows = self.flavour == Flavour::Windows;
        if windows && self.filtered.iter().any(|part| text.contains(part.as_str())) {
            return refused("a password filter");
        }
        // Samba looks at all that was kept (as tried), Windows at as much as the policy wants.
        let length = match self.flavour {
            Flavour::Samba => usize::MAX,
            Flavour::Windows => policy.history_length as usize,
        };
        let exempt = self.flavour.exempts(candidate.flags);
        if hinted && !exempt && object.secret.remembers(&text, length) {
            return refused("the password was already used!");
        }
        Ok(())
    }

    fn apply(
        &self,
        object: &mut Object,
        write: &AttributeWrite,
        sd_parts: Option<u32>,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let first = write.values.first().and_then(|value| str::from_utf8(value).ok());
        let invalid =
            || Refused::new(LdapResultCode::InvalidAttributeSyntax, "00000057: a wrong value");
        match write.name.to_ascii_lowercase().as_str() {
            "pwdlastset" => {
                let steps = match first {
                    Some("0") => "0".to_owned(),
                    Some("-1") => filetime::from_moment(now).to_string(),
                    _ => return Err(Refused::unwilling("00000057: pwdLastSet must be 0 or -1")),
                };
                object.values.put("pwdLastSet", steps);
            }
            "lockouttime" => {
                let steps: i64 = first.and_then(|text| text.parse().ok()).ok_or_else(invalid)?;
                object.values.put("lockoutTime", steps.to_string());
                if steps == 0 {
                    object.values.put("badPwdCount", "0");
                }
            }
            "member" if object.class == Class::Group => self.link(object, write)?,
            "ntsecuritydescriptor" => {
                let value = write.values.first().filter(|_| write.how == How::Replace);
                let written = value.map(|value| SecurityDescriptor::from_value(value));
                // The owner and the group are not written here.
                let (Some(Ok(written)), Some(descriptor::DACL)) = (written, sd_parts) else {
                    return Err(Refused::unwilling("0000209A: only a DACL is replaced"));
                };
                object.security = descriptor::overwritten(&object.security, written);
            }
            "objectguid" | "objectsid" | "objectclass" | "cn" => {
                return Err(Refused::unwilling("0000209A: this is not changed like that"));
            }
            _ => plain(object, write)?,
        }
        Ok(())
    }

    fn link(&self, object: &mut Object, write: &AttributeWrite) -> Result<(), Refused> {
        let mut wanted = Vec::new();
        for value in &write.values {
            let dn = str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            let found = dn.and_then(|dn| self.named(&dn)).map(|object| object.guid);
            let text = String::from_utf8_lossy(value);
            wanted.push(found.ok_or_else(|| Refused::no_such_object(self.flavour, &text))?);
        }
        match write.how {
            How::Replace => object.links = wanted,
            How::Delete if wanted.is_empty() => object.links.clear(),
            How::Delete => object.links.retain(|link| !wanted.contains(link)),
            How::Add => {
                if wanted.iter().any(|link| object.links.contains(link)) {
                    return Err(already());
                }
                object.links.extend(wanted);
            }
        }
        Ok(())
    }
}

/// Why a password is not taken.
enum Judged {
    /// By a rule of the policy, or because the account is locked.
    Refused(Refused),
    /// The old password is wrong, which counts towards a lockout.
    WrongOld,
}

fn plain(object: &mut Object, write: &AttributeWrite) -> Result<(), Refused> {
    let (name, values) = (&write.name, &mut object.values);
    match write.how {
        How::Replace => values.replace(name, write.values.clone()),
        How::Delete if write.values.is_empty() => values.replace(name, Vec::new()),
        How::Delete => {
            if !write.values.iter().all(|value| values.remove(name, value)) {
                return Err(Refused::new(
                    LdapResultCode::NoSuchAttribute,
                    "00002001: no such value",
                ));
            }
        }
        How::Add => {
            if !write.values.iter().all(|value| values.add(name, value.clone())) {
                return Err(already());
            }
        }
    }
    Ok(())
}

fn already() -> Refused {
    Refused::new(LdapResultCode::AttributeOrValueExists, "00002083: the value is there already")
}
