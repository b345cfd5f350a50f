//! One object of the directory.

use std::collections::BTreeMap;

use directory::security::SecurityDescriptor;
use directory::{AccountFlags, DistinguishedName, ObjectGuid, Sid};
use protocol::Timestamp;

use crate::bind::flags;
use crate::metadata::Write;
use crate::password::Secret;
use crate::values::Values;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    DomainHead,
    Container,
    Unit,
    Builtin,
    Group,
    User,
    Computer,
    ManagedServiceAccount,
    SettingsContainer,
    PasswordSettings,
    Server,
    NtdsSettings,
    /// Somebody of no domain: Authenticated Users.
    Foreign,
}

impl Class {
    /// `objectClass`, most general first.
    pub(crate) const fn names(self) -> &'static [&'static str] {
        match self {
            Self::DomainHead => &["top", "domain", "domainDNS"],
            Self::Container => &["top", "container"],
            Self::Unit => &["top", "organizationalUnit"],
            Self::Builtin => &["top", "builtinDomain"],
            Self::Group => &["top", "group"],
            Self::User => &["top", "person", "organizationalPerson", "user"],
            Self::Computer => &["top", "person", "organizationalPerson", "user", "computer"],
            Self::ManagedServiceAccount => &[
                "top",
                "person",
                "organizationalPerson",
                "user",
                "computer",
                "msDS-GroupManagedServiceAccount",
            ],
            Self::SettingsContainer => &["top", "msDS-PasswordSettingsContainer"],
            Self::PasswordSettings => &["top", "msDS-PasswordSettings"],
            Self::Server => &["top", "server"],
            Self::NtdsSettings => &["top", "applicationSettings", "nTDSDSA"],
            Self::Foreign => &["top", "foreignSecurityPrincipal"],
        }
    }

    /// The name of the category's class in the schema, as `objectCategory` holds it.
    pub(crate) const fn category(self) -> &'static str {
        match self {
            Self::DomainHead => "Domain-DNS",
            Self::Container => "Container",
            Self::Unit => "Organizational-Unit",
            Self::Builtin => "Builtin-Domain",
            Self::Group => "Group",
            Self::User => "Person",
            Self::Computer => "Computer",
            Self::ManagedServiceAccount => "ms-DS-Group-Managed-Service-Account",
            Self::SettingsContainer => "ms-DS-Password-Settings-Container",
            Self::PasswordSettings => "ms-DS-Password-Settings",
            Self::Server => "Server",
            Self::NtdsSettings => "NTDS-DSA",
            Self::Foreign => "Foreign-Security-Principal",
        }
    }

    /// Whether it is one of accounts that somebody, or something, can sign in with.
    pub(crate) const fn is_account(self) -> bool {
        matches!(self, Self::User | Self::Computer | Self::ManagedServiceAccount)
    }
}

/// An object, its links and what is never shown of it.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) guid: ObjectGuid,
    pub(crate) dn: DistinguishedName,
    pub(crate) class: Class,
    pub(crate) sid: Option<Sid>,
    pub(crate) values: Values,
    /// The members of a group, or whom a fine-grained policy applies to. Links name objects and
    /// not names, so that they survive a rename.
    pub(crate) links: Vec<ObjectGuid>,
    pub(crate) secret: Secret,
    /// Its security descriptor, with its own entries and none that it inherits.
    pub(crate) security: SecurityDescriptor,
    pub(crate) created: Timestamp,
    pub(crate) changed: Timestamp,
    pub(crate) usn_created: u64,
    pub(crate) usn_changed: u64,
    /// How often each attribute was written, by its name in lower case.
    pub(crate) writes: BTreeMap<String, Write>,
}

impl Object {
    /// Whether it is an account that somebody can sign in with.
    pub(crate) const fn is_account(&self) -> bool {
        self.class.is_account()
    }

    /// How often the password was set.
    pub(crate) fn password_version(&self) -> u32 {
        self.writes.get("unicodepwd").map_or(0, |write| write.version)
    }

    /// Takes over an attribute, by its name in lower case, as another controller has it, as the
    /// change `usn` of this copy. A list of links is taken as a whole.
    pub(crate) fn adopt(&mut self, theirs: &Self, attribute: &str, usn: u64) {
        let has_card = |object: &Self| flags(object).contains(AccountFlags::SMART_CARD_REQUIRED);
        let new_card = has_card(theirs) && !has_card(self);
        self.values.replace(attribute, theirs.values.all(attribute).to_vec());
        match attribute {
            "cn" => self.dn = theirs.dn.clone(),
            "unicodepwd" => self.secret = theirs.secret.clone(),
            // With it comes a password that nobody knows.
            "useraccountcontrol" if new_card => self.secret = theirs.secret.clone(),
            "member" | "msds-psoappliesto" => self.links.clone_from(&theirs.links),
            "ntsecuritydescriptor" => self.security.clone_from(&theirs.security),
            _ => {}
        }
        let write = theirs.writes.get(attribute).map(|write| Write { local_usn: usn, ..*write });
        self.writes.extend(write.map(|write| (attribute.to_owned(), write)));
    }

    /// A number that is stored as text; 0 where there is none.
    pub(crate) fn number(&self, attribute: &str) -> i64 {
        self.values.number(attribute).unwrap_or_default()
    }
}
