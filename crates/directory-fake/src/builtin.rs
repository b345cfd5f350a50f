//! What is in every domain from the start: containers, controllers, protected groups, accounts.

use std::time::Duration;

use directory::protected::{builtin, domain};
use directory::{DistinguishedName, InvocationId, ObjectGuid, Sid};
use protocol::Timestamp;

use crate::controller::{Controller, PolicyControls};
use crate::error::FakeError;
use crate::groups::{
    DOMAIN_USERS, PRE_WINDOWS_2000, PROTECTED_USERS, SECURITY_BUILT_IN, SECURITY_GLOBAL,
};
use crate::object::Class;
use crate::replica::{NewObject, Replica};
use crate::rules::{FakePolicy, Place};
use crate::state::State;
use crate::values::Values;

/// Where fine-grained policies stand, relative to the domain.
pub(crate) const SETTINGS_UNIT: &str = "CN=Password Settings Container,CN=System";
/// How long its first controller has had a new domain and the PDC role: nothing is asked that was before it.
const AGE: Duration = Duration::from_secs(365 * 24 * 60 * 60);
const SERVERS: [&str; 4] = ["Configuration", "Sites", "Default-First-Site-Name", "Servers"];
/// Domain Computers, Users.
const DOMAIN_COMPUTERS: u32 = 515;
const USERS: u32 = 545;
const GUEST: u32 = 501;
/// Where those stand that are of no domain and in its groups.
const FOREIGN: &str = "ForeignSecurityPrincipals";

/// The groups of BUILTIN.
const BUILTIN: [(&str, u32); 8] = [
    ("Administrators", builtin::ADMINISTRATORS),
    ("Users", USERS),
    ("Account Operators", builtin::ACCOUNT_OPERATORS),
    ("Server Operators", builtin::SERVER_OPERATORS),
    ("Print Operators", builtin::PRINT_OPERATORS),
    ("Backup Operators", builtin::BACKUP_OPERATORS),
    ("Replicator", builtin::REPLICATOR),
    ("Pre-Windows 2000 Compatible Access", PRE_WINDOWS_2000),
];
/// The groups of a domain, and the groups that they are in.
const GROUPS: [(&str, u32, Option<&str>); 10] = [
    ("Domain Admins", domain::DOMAIN_ADMINS, Some("Administrators")),
    ("Domain Users", DOMAIN_USERS, Some("Users")),
    ("Domain Computers", DOMAIN_COMPUTERS, None),
    ("Domain Controllers", domain::DOMAIN_CONTROLLERS, None),
    ("Schema Admins", domain::SCHEMA_ADMINS, None),
    ("Enterprise Admins", domain::ENTERPRISE_ADMINS, Some("Administrators")),
    ("Read-only Domain Controllers", domain::READ_ONLY_DOMAIN_CONTROLLERS, None),
    ("Key Admins", domain::KEY_ADMINS, None),
    ("Enterprise Key Admins", domain::ENTERPRISE_KEY_ADMINS, None),
    ("Protected Users", PROTECTED_USERS, None),
];
/// The accounts: login, number, flags, groups.
const ACCOUNTS: [(&str, u32, u32, &[&str]); 3] = [
    (
        "Administrator",
        domain::ADMINISTRATOR,
        512,
        &["Administrators", "Domain Admins", "Enterprise Admins", "Schema Admins"],
    ),
    ("Guest", GUEST, 0x1_0222, &[]),
    ("krbtgt", domain::KRBTGT, 514, &[]),
];

/// Draws GUIDs.
pub(crate) type Draw<'a> = &'a dyn Fn() -> ObjectGuid;

/// A controller that is to be.
pub(crate) fn controller(head: &DistinguishedName, dns: &str, name: &str) -> Controller {
    let servers = SERVERS.iter().fold(head.clone(), |dn, level| dn.child("CN", level));
    Controller {
        name: name.to_owned(),
        host: format!("{name}.{dns}"),
        settings: servers.child("CN", &name.to_uppercase()).child("CN", "NTDS Settings"),
        offers: PolicyControls::Both,
        up: true,
        run: 0,
    }
}

/// Fills a domain that has its first controller and nothing else.
pub(crate) fn fill(
    state: &mut State,
    policy: &FakePolicy,
    now: Timestamp,
    draw: Draw<'_>,
) -> Result<(), FakeError> {
    let controller = state.controllers[0].clone();
    let mut filling = Filling { state, now, draw };
    filling.containers(policy, &controller)?;
    filling.groups()?;
    let invocation = filling.state.here().invocation;
    filling.controller(&controller, invocation)?;
    filling.accounts()
}

/// Puts in what stands in the directory for a controller.
pub(crate) fn enrol(
    state: &mut State,
    controller: &Controller,
    invocation: InvocationId,
    (now, draw): (Timestamp, Draw<'_>),
) -> Result<(), FakeError> {
    Filling { state, now, draw }.controller(controller, invocation)
}

/// Writes at the PDC emulator.
struct Filling<'a> {
    state: &'a mut State,
    now: Timestamp,
    draw: Draw<'a>,
}

impl Filling<'_> {
    fn containers(&mut self, policy: &FakePolicy, first: &Controller) -> Result<(), FakeError> {
        let head = self.state.here().head.clone();
        let mut values = Values::default();
        policy.write(Place::Domain, &mut values);
        values.put("dc", head.name().unwrap_or_default());
        values.put("fSMORoleOwner", first.settings.to_string());
        let sid = Some(self.state.here().domain_sid.clone());
        let made = self.now.before(AGE);
        self.put_at(made, head.clone(), Class::DomainHead, sid, values)?;
        let container = |name: &str| head.child("CN", name);
        let (system, built_in) = (container("System"), container("Builtin"));
        let foreign = container(FOREIGN);
        for dn in [container("Users"), container("Computers"), foreign, system.clone()] {
            self.put(dn, Class::Container, None, Values::default())?;
        }
        let settings = system.child("CN", "Password Settings Container");
        self.put(settings, Class::SettingsContainer, None, Values::default())?;
        self.put(built_in, Class::Builtin, Some(Sid::nt(&[32])?), Values::default())?;
        let unit = head.child("OU", "Domain Controllers");
        self.put(unit, Class::Unit, None, Values::default())?;
        let mut dn = head;
        for level in SERVERS {
            dn = dn.child("CN", level);
            self.put(dn.clone(), Class::Container, None, Values::default())?;
        }
        Ok(())
    }

    fn groups(&mut self) -> Result<(), FakeError> {
        let head = &self.state.here().head;
        let (users, built_in) = (head.child("CN", "Users"), head.child("CN", "Builtin"));
        for (name, rid) in BUILTIN {
            let kind = [("groupType", SECURITY_BUILT_IN.to_string())];
            self.named(built_in.child("CN", name), Class::Group, Sid::nt(&[32, rid])?, &kind)?;
        }
        for (name, rid, within) in GROUPS {
            let sid = self.state.here().sid_of(rid)?;
            let kind = [("groupType", SECURITY_GLOBAL.to_string())];
            let guid = self.named(users.child("CN", name), Class::Group, sid, &kind)?;
            if let Some(group) = within {
                join(self.state.here_mut(), guid, group, self.now)?;
            }
        }
        // Whoever signs in is in these two by that.
        let signed_in = Sid::authenticated_users();
        let dn = self.state.here().head.child("CN", FOREIGN).child("CN", &signed_in.to_string());
        let guid = self.put(dn, Class::Foreign, Some(signed_in), Values::default())?;
        for group in ["Users", "Pre-Windows 2000 Compatible Access"] {
            join(self.state.here_mut(), guid, group, self.now)?;
        }
        Ok(())
    }

    fn controller(
        &mut self,
        controller: &Controller,
        invocation: InvocationId,
    ) -> Result<(), FakeError> {
        let Controller { name, host, settings, .. } = controller;
        let head = self.state.here().head.clone();
        let mut values = Values::default();
        values.put("dNSHostName", host.clone());
        let server = settings.parent().unwrap_or_else(|| head.clone());
        self.put(server, Class::Server, None, values)?;
        let mut values = Values::default();
        values.put("invocationId", invocation.0.to_bytes());
        self.put(settings.clone(), Class::NtdsSettings, None, values)?;
        let rid = self.state.next_rid;
        self.state.next_rid += 1;
        let sid = self.state.here().sid_of(rid)?;
        let account = [
            ("sAMAccountName", format!("{}$", name.to_uppercase())),
            ("dNSHostName", host.clone()),
            // SERVER_TRUST_ACCOUNT and TRUSTED_FOR_DELEGATION.
            ("userAccountControl", "532480".to_owned()),
            ("primaryGroupID", domain::DOMAIN_CONTROLLERS.to_string()),
        ];
        let unit = head.child("OU", "Domain Controllers");
        let dn = unit.child("CN", &name.to_uppercase());
        self.named(dn, Class::Computer, sid, &account)?;
        Ok(())
    }

    fn accounts(&mut self) -> Result<(), FakeError> {
        let users = self.state.here().head.child("CN", "Users");
        for (login, rid, flags, groups) in ACCOUNTS {
            let sid = self.state.here().sid_of(rid)?;
            let account = [
                ("userAccountControl", flags.to_string()),
                ("primaryGroupID", DOMAIN_USERS.to_string()),
                ("adminCount", "1".to_owned()),
                ("isCriticalSystemObject", "TRUE".to_owned()),
                ("accountExpires", i64::MAX.to_string()),
                ("pwdLastSet", "0".to_owned()),
            ];
            let account = account.iter().filter(|(name, _)| rid != GUEST || *name != "adminCount");
            let account: Vec<_> = account.cloned().collect();
            let guid = self.named(users.child("CN", login), Class::User, sid, &account)?;
            for group in groups {
                join(self.state.here_mut(), guid, group, self.now)?;
            }
        }
        Ok(())
    }

    /// Something with a SID and, unless it is given, its name as `sAMAccountName`.
    fn named(
        &mut self,
        dn: DistinguishedName,
        class: Class,
        sid: Sid,
        attributes: &[(&str, String)],
    ) -> Result<ObjectGuid, FakeError> {
        let mut values = Values::default();
        values.put("sAMAccountName", dn.name().unwrap_or_default());
        attributes.iter().for_each(|(name, value)| values.put(name, value.clone()));
        self.put(dn, class, Some(sid), values)
    }

    fn put(
        &mut self,
        dn: DistinguishedName,
        class: Class,
        sid: Option<Sid>,
        values: Values,
    ) -> Result<ObjectGuid, FakeError> {
        self.put_at(self.now, dn, class, sid, values)
    }

    fn put_at(
        &mut self,
        made: Timestamp,
        dn: DistinguishedName,
        class: Class,
        sid: Option<Sid>,
        mut values: Values,
    ) -> Result<ObjectGuid, FakeError> {
        let guid = (self.draw)();
        values.put("cn", dn.name().unwrap_or_default());
        self.state.here_mut().insert(NewObject { guid, dn, class, sid, values }, made)?;
        Ok(guid)
    }
}

/// Puts an object into a group.
pub(crate) fn join(
    replica: &mut Replica,
    guid: ObjectGuid,
    group: &str,
    now: Timestamp,
) -> Result<(), FakeError> {
    let missing = || FakeError::Missing(format!("the group {group}"));
    let found = replica.login(group).filter(|object| object.class == Class::Group);
    let group = found.ok_or_else(missing)?.guid;
    replica.write(group, &["member"], now, |group| {
        if !group.links.contains(&guid) {
            group.links.push(guid);
        }
    })
}
