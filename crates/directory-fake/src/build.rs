//! Putting units, groups, people and policies into a domain.

use directory::security::rights::{self, Permission};
use directory::{DistinguishedName, ObjectGuid, Sid, filetime};
use lab::Kind;
use ldap3_proto::proto::LdapResultCode;

use crate::access::Rights;
use crate::answer::Refused;
use crate::builtin::{SETTINGS_UNIT, join};
use crate::domain::FakeDomain;
use crate::error::FakeError;
use crate::groups::{DOMAIN_USERS, SECURITY_GLOBAL};
use crate::object::Class;
use crate::person::{FakePerson, NewFakePerson};
use crate::replica::{NewObject, Replica};
use crate::rules::{Candidate, FakePolicy, Place};
use crate::values::Values;

/// In Domain Admins; who is in it is protected only by way of it.
pub const PROTECTED_GROUP: &str = "Helpdesk Leads";
/// The group that [`YOUNG_SETTINGS`] applies to.
pub const YOUNG_GROUP: &str = "Young Passwords Group";
/// The fine-grained policy of [`Kind::Pso`]: at least a day between changes.
pub const YOUNG_SETTINGS: &str = "Young passwords";
/// A name with much that needs escaping (SPEC D-9), for [`Kind::EscapedName`] without a name.
const HARD_NAME: &str = "#Zoë, \"密碼\" + <a>;b=c/d\\e";
/// 2020-01-01, when the account of [`Kind::Expired`] ended.
const ENDED: i64 = 132_223_104_000_000_000;

impl FakeDomain {
    /// Adds a unit by its name relative to the domain: `OU=Utrecht,OU=People`.
    ///
    /// # Errors
    /// If the unit above it is missing, or it is there already.
    pub fn add_unit(&self, unit: &str) -> Result<DistinguishedName, FakeError> {
        let dn = self.below(unit)?;
        self.insert(dn.clone(), Class::Unit, None, Values::default())?;
        Ok(dn)
    }

    /// Adds a group to a unit, as a member of other groups.
    ///
    /// # Errors
    /// If the unit or a group is missing, or the name is taken.
    pub fn add_group(&self, name: &str, unit: &str, member_of: &[&str]) -> Result<Sid, FakeError> {
        self.name_is_free(name)?;
        let sid = self.next_sid()?;
        let mut values = Values::default();
        values.put("sAMAccountName", name);
        values.put("groupType", SECURITY_GLOBAL.to_string());
        let dn = self.below(unit)?.child("CN", name);
        let guid = self.insert(dn, Class::Group, Some(sid.clone()), values)?;
        for group in member_of {
            self.join(guid, group)?;
        }
        Ok(sid)
    }

    /// Adds a person and makes it of its kind. The groups and the policy that
    /// [`Kind::ProtectedNested`] and [`Kind::Pso`] need are made where they are missing.
    ///
    /// # Errors
    /// If the policy refuses the password, the unit or a group is missing, or the name is taken.
    pub fn add_person(&self, new: NewFakePerson) -> Result<FakePerson, FakeError> {
        self.name_is_free(&new.login)?;
        self.judge_first(&new)?;
        let sid = self.next_sid()?;
        let name = new.name.clone().unwrap_or_else(|| match new.kind {
            Kind::EscapedName => format!("{HARD_NAME} {}", new.login),
            _ => new.display_name.clone(),
        });
        let dn = self.below(&new.unit)?.child("CN", &name);
        let values = self.first_values(&new);
        let guid = self.insert(dn.clone(), Class::User, Some(sid), values)?;
        self.administrator_sets_first(guid, &new.password)?;
        self.make_of_kind(guid, new.kind)?;
        let disabled = new.disabled || new.kind == Kind::Disabled;
        self.disable(guid, disabled)?;
        for group in &new.member_of {
            self.join(guid, group)?;
        }
        Ok(FakePerson {
            guid,
            dn,
            login: new.login,
            password: new.password,
            mail: new.mail.unwrap_or_default(),
            private_mail: new.private_mail.unwrap_or_default(),
            display_name: new.display_name,
            disabled,
            kind: new.kind,
        })
    }

    /// Adds a computer, which is an account, too.
    ///
    /// # Errors
    /// If the unit is missing, or the name is taken.
    pub fn add_computer(&self, name: &str, unit: &str) -> Result<ObjectGuid, FakeError> {
        self.add_machine(name, unit, Class::Computer)
    }

    /// Adds a group managed service account: a computer by its class, whose password nobody types.
    ///
    /// # Errors
    /// If the unit is missing, or the name is taken.
    pub fn add_managed_account(&self, name: &str, unit: &str) -> Result<ObjectGuid, FakeError> {
        self.add_machine(name, unit, Class::ManagedServiceAccount)
    }

    fn add_machine(&self, name: &str, unit: &str, class: Class) -> Result<ObjectGuid, FakeError> {
        let login = format!("{name}$");
        self.name_is_free(&login)?;
        let sid = self.next_sid()?;
        let mut values = Values::default();
        values.put("sAMAccountName", login);
        // WORKSTATION_TRUST_ACCOUNT; Domain Computers.
        values.put("userAccountControl", "4096");
        values.put("primaryGroupID", "515");
        values.put("accountExpires", i64::MAX.to_string());
        values.put("pwdLastSet", "0");
        self.insert(self.below(unit)?.child("CN", name), class, Some(sid), values)
    }

    /// Adds a fine-grained policy (a Password Settings object) for accounts and groups, by
    /// `sAMAccountName`.
    ///
    /// # Errors
    /// If one of them is missing, or the name is taken.
    pub fn add_settings(
        &self,
        name: &str,
        precedence: u32,
        policy: &FakePolicy,
        applies_to: &[&str],
    ) -> Result<DistinguishedName, FakeError> {
        let mut values = Values::default();
        policy.write(Place::FineGrained, &mut values);
        values.put("msDS-PasswordSettingsPrecedence", precedence.to_string());
        values.put("msDS-PasswordReversibleEncryptionEnabled", "FALSE");
        let dn = self.below(SETTINGS_UNIT)?.child("CN", name);
        let guid = self.insert(dn.clone(), Class::PasswordSettings, None, values)?;
        let (mut state, now) = self.writing();
        let mut links = Vec::new();
        for login in applies_to {
            let found = state.here().login(login).map(|object| object.guid);
            links.push(found.ok_or_else(|| FakeError::Missing((*login).to_owned()))?);
        }
        state
            .here_mut()
            .write(guid, &["msDS-PSOAppliesTo"], now, |settings| settings.links = links)?;
        Ok(dn)
    }

    /// Gives an account rights on the people at any depth below a unit; an empty unit is the whole
    /// domain. Rights that it had there are replaced. Every controller knows at once.
    ///
    /// # Errors
    /// If the account or the unit is missing.
    pub fn delegate(&self, login: &str, unit: &str, rights: Rights) -> Result<(), FakeError> {
        let unit = self.below(unit)?;
        let mut state = self.state();
        let found = state.here().named(&unit).map(|unit| unit.guid);
        let unit = found.ok_or_else(|| FakeError::Missing(unit.to_string()))?;
        let trustee = sid(state.here(), login)?;
        for replica in &mut state.replicas {
            replica.give(unit, |security| {
                let Some(dacl) = &mut security.dacl else { return };
                rights::revoke(dacl, &Rights::ALL.permissions(), &trustee);
                rights::grant(dacl, &rights.permissions(), &trustee);
            });
        }
        Ok(())
    }

    /// Lets an account read fine-grained policies (SPEC D-12). Every controller knows at once.
    ///
    /// # Errors
    /// If the account is missing.
    pub fn delegate_settings(&self, login: &str) -> Result<(), FakeError> {
        let mut state = self.state();
        let reader = sid(state.here(), login)?;
        let container = container(state.here())?;
        for replica in &mut state.replicas {
            replica.give(container, |security| {
                let Some(dacl) = &mut security.dacl else { return };
                rights::grant(dacl, &[Permission::ReadPasswordSettings], &reader);
            });
        }
        Ok(())
    }

    fn make_of_kind(&self, guid: ObjectGuid, kind: Kind) -> Result<(), FakeError> {
        match kind {
            Kind::Locked => self.lock(guid),
            Kind::Expired => self.put(guid, "accountExpires", &ENDED.to_string()),
            Kind::MustChange => self.put(guid, "pwdLastSet", "0"),
            Kind::CannotChange => self.cannot_change(guid, true),
            Kind::AdmincountOrphan => self.put(guid, "adminCount", "1"),
            Kind::ProtectedNested => {
                if self.state().here().login(PROTECTED_GROUP).is_none() {
                    self.add_group(PROTECTED_GROUP, "CN=Users", &["Domain Admins"])?;
                }
                self.join(guid, PROTECTED_GROUP)
            }
            Kind::Pso => {
                if self.state().here().login(YOUNG_GROUP).is_none() {
                    self.add_group(YOUNG_GROUP, "CN=Users", &[])?;
                }
                let dn = self.below(SETTINGS_UNIT)?.child("CN", YOUNG_SETTINGS);
                if self.state().here().named(&dn).is_none() {
                    let day = std::time::Duration::from_secs(24 * 60 * 60);
                    // As samba-tool makes it: a lock that ends by itself, unlike the domain's.
                    let lockout_duration = std::time::Duration::from_secs(30 * 60);
                    let policy =
                        FakePolicy { minimum_age: day, lockout_duration, ..FakePolicy::default() };
                    self.add_settings(YOUNG_SETTINGS, 10, &policy, &[YOUNG_GROUP])?;
                }
                self.join(guid, YOUNG_GROUP)
            }
            _ => Ok(()),
        }
    }

    fn first_values(&self, new: &NewFakePerson) -> Values {
        let mut values = Values::default();
        let domain = self.domain();
        let now = filetime::from_moment(self.now()).to_string();
        for (name, value) in [
            ("sAMAccountName", new.login.clone()),
            ("userPrincipalName", format!("{}@{domain}", new.login)),
            ("displayName", new.display_name.clone()),
            ("userAccountControl", "512".to_owned()),
            ("primaryGroupID", DOMAIN_USERS.to_string()),
            ("accountExpires", i64::MAX.to_string()),
            ("badPwdCount", "0".to_owned()),
            ("badPasswordTime", "0".to_owned()),
            ("pwdLastSet", now),
        ] {
            values.put(name, value);
        }
        for (name, value) in [
            ("givenName", &new.given_name),
            ("sn", &new.surname),
            ("mail", &new.mail),
            ("otherMailbox", &new.private_mail),
        ] {
            if let Some(value) = value {
                values.put(name, value.clone());
            }
        }
        for (name, value) in &new.attributes {
            values.put(name, value.clone());
        }
        values
    }

    /// A new account's password obeys the domain's policy, too.
    fn judge_first(&self, new: &NewFakePerson) -> Result<(), FakeError> {
        let state = self.state();
        let policy = state.here().domain_policy();
        let candidate = Candidate {
            text: &new.password,
            account_name: &new.login,
            full_name: &new.display_name,
            flags: 0,
        };
        if policy.against(&candidate, state.here().flavour).is_none() {
            return Ok(());
        }
        let refused = Refused::new(
            LdapResultCode::UnwillingToPerform,
            "0000052D: the first password breaks the policy",
        );
        Err(FakeError::Refused(refused.into_refusal()))
    }

    fn name_is_free(&self, login: &str) -> Result<(), FakeError> {
        match self.state().here().login(login) {
            Some(_) => Err(FakeError::Exists(login.to_owned())),
            None => Ok(()),
        }
    }

    fn next_sid(&self) -> Result<Sid, FakeError> {
        let mut state = self.state();
        let rid = state.next_rid;
        state.next_rid += 1;
        state.here().sid_of(rid)
    }

    fn insert(
        &self,
        dn: DistinguishedName,
        class: Class,
        sid: Option<Sid>,
        mut values: Values,
    ) -> Result<ObjectGuid, FakeError> {
        let guid = self.draw_guid();
        values.put("cn", dn.name().unwrap_or_default());
        let (mut state, now) = self.writing();
        state.here_mut().insert(NewObject { guid, dn, class, sid, values }, now)?;
        Ok(guid)
    }

    /// Puts an account or a group into a group, by its `sAMAccountName`.
    ///
    /// # Errors
    /// If one of them is missing.
    pub fn join(&self, guid: ObjectGuid, group: &str) -> Result<(), FakeError> {
        let (mut state, now) = self.writing();
        join(state.here_mut(), guid, group, now)
    }

    /// Takes an account or a group out of a group.
    ///
    /// # Errors
    /// If one of them is missing.
    pub fn leave(&self, guid: ObjectGuid, group: &str) -> Result<(), FakeError> {
        let (mut state, now) = self.writing();
        let missing = || FakeError::Missing(format!("the group {group}"));
        let group = state.here().login(group).ok_or_else(missing)?.guid;
        state
            .here_mut()
            .write(group, &["member"], now, |group| group.links.retain(|link| *link != guid))
    }
}

fn container(replica: &Replica) -> Result<ObjectGuid, FakeError> {
    let dn: DistinguishedName = format!("{SETTINGS_UNIT},{}", replica.head).parse()?;
    let found = replica.named(&dn).map(|container| container.guid);
    found.ok_or_else(|| FakeError::Missing(SETTINGS_UNIT.to_owned()))
}

fn sid(replica: &Replica, login: &str) -> Result<Sid, FakeError> {
    let sid = replica.login(login).and_then(|object| object.sid.clone());
    sid.ok_or_else(|| FakeError::Missing(login.to_owned()))
}
