//! A lab's Samba domain controller as a subject of the contract suite.
#![allow(dead_code, reason = "each suite needs another part of it")]

#[path = "../../../testkit/tests/ldap_road/mod.rs"]
mod ldap_road;
mod older;

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clock::SystemClock;
use directory::security::rights::grant;
use directory::security::{Aliases, SecurityDescriptor};
use directory::{Directory, DirectoryConfig, DistinguishedName, LdapDirectory, PolicyControl, Sid};
use directory_fake::{FakePolicy, PolicyControls, Rights};
use lab::{Bound, Credentials, Forest, NewPerson, Person, Written};
use older::Older;
use protocol::Clock as _;

use crate::suite::matrix::cells::Edition;
use crate::suite::{Subject, account, password};

/// The SD-flags control (MS-ADTS 3.1.1.3.4.1.11) with the DACL alone, as `ldapmodify -e` takes it.
const DACL_ONLY: &str = "!1.2.840.113556.1.4.801=MAMCAQQ=";

/// `lockoutTime` in the default prefix table (MS-DRSR 5.16.4).
const LOCKOUT_TIME: u32 = 0x0009_0296;

/// A forest of a lab.
pub struct Samba {
    pub forest: Forest,
    pub edition: Edition,
    /// The road that clients take, where the controller is to look older than it is.
    older: Mutex<Option<Older>>,
}

impl Samba {
    pub fn of(forest: Forest, edition: Edition) -> Self {
        Self { forest, edition, older: Mutex::default() }
    }

    /// Where clients connect to, and whom they trust there.
    fn ldaps(&self) -> (u16, Vec<u8>) {
        match &*self.older.lock().unwrap() {
            Some(older) => (older.port(), older.ca()),
            None => (self.forest.ldaps_port, std::fs::read(&self.forest.ca_file).unwrap()),
        }
    }

    /// LDIF of an entry to be added, with a name that no other case has.
    fn add_entry(&self, above: &str, class: &str, attributes: &[(&str, String)]) -> String {
        // Accounts of earlier runs stay in a lab.
        let name = format!("test-{:x}-{}", SystemClock.now().as_millis(), count());
        let mut ldif = format!("dn: CN={name},{above},{}\n", self.forest.base_dn);
        ldif.push_str(&format!("changetype: add\nobjectClass: {class}\n"));
        for (attribute, value) in attributes {
            ldif.push_str(&format!("{attribute}: {}\n", value.replace("NAME", &name)));
        }
        self.forest.modify(&ldif).unwrap();
        name
    }

    fn account(&self, login: String, password: &str) -> Person {
        let dn = self.dn_of(&login);
        let found = self.forest.search(&dn, "(objectClass=*)", &["objectGUID"]).unwrap();
        account((login, password), dn, found[0].object_guid().unwrap())
    }

    fn secure_at(&self, dn: &str, change: &dyn Fn(&mut SecurityDescriptor)) {
        let attribute = "nTSecurityDescriptor";
        let found = self.forest.search(dn, "(objectClass=*)", &[attribute]).unwrap();
        let mut descriptor =
            SecurityDescriptor::from_value(found[0].value(attribute).unwrap()).unwrap();
        let before = descriptor.clone();
        change(&mut descriptor);
        if descriptor == before {
            return;
        }
        let dacl = SecurityDescriptor { owner: None, group: None, sacl: None, ..descriptor };
        let (dn, value) = (BASE64.encode(dn), BASE64.encode(dacl.to_value().unwrap()));
        let ldif = format!(
            "dn:: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}:: {value}\n-\n"
        );
        let written = self.forest.modify_as(&self.forest.administrator, &[DACL_ONLY], &ldif);
        assert_eq!(written.unwrap(), Written::Done);
    }

    fn dn_of(&self, login: &str) -> String {
        let filter = format!("(sAMAccountName={login})");
        let found = self.forest.search(&self.forest.base_dn, &filter, &["cn"]).unwrap();
        found[0].dn.clone()
    }
}

fn count() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    // Cases run in processes of their own.
    u64::from(std::process::id()) * 1_000 + COUNT.fetch_add(1, Ordering::SeqCst)
}

fn negative(span: std::time::Duration) -> String {
    format!("-{}", span.as_nanos() / 100)
}

impl Subject for Samba {
    fn edition(&self) -> Edition {
        self.edition
    }

    fn administrator(&self) -> Credentials {
        self.forest.administrator.clone()
    }

    fn directory(&self) -> Box<dyn Directory> {
        self.directory_as(&self.forest.service)
    }

    fn directory_as(&self, who: &Credentials) -> Box<dyn Directory> {
        let forest = &self.forest;
        let name = format!("{}@{}", who.login, forest.domain);
        let (ldaps_port, ca) = self.ldaps();
        let config = DirectoryConfig {
            dns: Some(forest.dns_address),
            ldaps_port,
            ..DirectoryConfig::new(&forest.domain, ca, &name, password(&who.password)).unwrap()
        };
        Box::new(LdapDirectory::new(config, Arc::new(SystemClock)).unwrap())
    }

    fn add(&self, new: &NewPerson) -> Person {
        self.forest.add_person(new).unwrap()
    }

    fn add_computer(&self, unit: &str, password: &str) -> Person {
        let quoted: Vec<u8> =
            format!("\"{password}\"").encode_utf16().flat_map(u16::to_le_bytes).collect();
        // WORKSTATION_TRUST_ACCOUNT. The colon makes the value one in base64.
        let attributes = [
            ("sAMAccountName", "NAME$".to_owned()),
            ("userAccountControl", "4096".to_owned()),
            ("unicodePwd:", BASE64.encode(quoted)),
        ];
        let name = self.add_entry(unit, "computer", &attributes);
        self.account(format!("{name}$"), password)
    }

    fn add_managed_account(&self, unit: &str) -> Person {
        let attributes = [
            ("sAMAccountName", "NAME$".to_owned()),
            ("userAccountControl", "4096".to_owned()),
            ("msDS-ManagedPasswordInterval", "30".to_owned()),
        ];
        let name = self.add_entry(unit, "msDS-GroupManagedServiceAccount", &attributes);
        self.account(format!("{name}$"), "")
    }

    fn service(&self) -> Person {
        let Credentials { login, password } = self.forest.service.clone();
        self.account(login, &password)
    }

    fn has_group(&self, name: &str) -> bool {
        let filter = format!("(&(objectClass=group)(sAMAccountName={name}))");
        !self.forest.search(&self.forest.base_dn, &filter, &["cn"]).unwrap().is_empty()
    }

    fn add_group_of(&self, kind: i32) -> String {
        let name = ("sAMAccountName", "NAME".to_owned());
        self.add_entry("OU=Tests", "group", &[name, ("groupType", kind.to_string())])
    }

    fn sid_of(&self, name: &str) -> Sid {
        let filter = format!("(sAMAccountName={name})");
        let found = self.forest.search(&self.forest.base_dn, &filter, &["objectSid"]).unwrap();
        Sid::from_value(found[0].value("objectSid").unwrap()).unwrap()
    }

    fn join(&self, who: &str, group: &str) {
        self.forest.join(&self.dn_of(who), group).unwrap();
    }

    fn put_value(&self, who: &Person, attribute: &str, value: &[u8]) {
        let (dn, value) = (BASE64.encode(&who.dn), BASE64.encode(value));
        let change = format!("replace: {attribute}\n{attribute}:: {value}\n-\n");
        self.forest.modify(&format!("dn:: {dn}\nchangetype: modify\n{change}")).unwrap();
    }

    fn lockout_writes(&self, who: &Person) -> u32 {
        let attribute = "replPropertyMetaData";
        let found = self.forest.search(&who.dn, "(objectClass=*)", &[attribute]).unwrap();
        // A header of 16 bytes, then 48 for each attribute: its number first, then its version (MS-DRSR,
        // PROPERTY_META_DATA_VECTOR as stored).
        let mut each = found[0].value(attribute).unwrap()[16..].chunks_exact(48);
        let number =
            |one: &[u8], at: usize| u32::from_le_bytes(one[at..at + 4].try_into().unwrap());
        each.find(|one| number(one, 0) == LOCKOUT_TIME).map_or(0, |one| number(one, 4))
    }

    fn add_settings(&self, policy: &FakePolicy, precedence: u32, applies_to: &str) -> String {
        let complexity = if policy.complexity { "TRUE" } else { "FALSE" };
        let never = i64::MIN.to_string();
        let settings = [
            ("msDS-PasswordSettingsPrecedence", precedence.to_string()),
            ("msDS-PasswordReversibleEncryptionEnabled", "FALSE".to_owned()),
            ("msDS-PasswordComplexityEnabled", complexity.to_owned()),
            ("msDS-PasswordHistoryLength", policy.history_length.to_string()),
            ("msDS-MinimumPasswordLength", policy.minimum_length.to_string()),
            ("msDS-MinimumPasswordAge", negative(policy.minimum_age)),
            ("msDS-MaximumPasswordAge", policy.maximum_age.map_or(never, negative)),
            ("msDS-LockoutThreshold", policy.lockout_threshold.to_string()),
            ("msDS-LockoutObservationWindow", negative(policy.lockout_window)),
            ("msDS-LockoutDuration", negative(policy.lockout_duration)),
            ("msDS-PSOAppliesTo", self.dn_of(applies_to)),
        ];
        let above = "CN=Password Settings Container,CN=System";
        self.add_entry(above, "msDS-PasswordSettings", &settings)
    }

    fn add_unit(&self, rights: Rights) -> String {
        let filter = format!("(sAMAccountName={})", self.forest.service.login);
        let found = self.forest.search(&self.forest.base_dn, &filter, &["objectSid"]).unwrap();
        let service = found[0].value("objectSid").unwrap();
        let service = Sid::from_value(service).unwrap();
        // Everybody who is signed in reads; administrators do everything.
        let plain = "D:(A;CI;GA;;;BA)(A;CI;GA;;;SY)(A;CI;RPLCLORC;;;AU)";
        let mut descriptor =
            SecurityDescriptor::from_sddl(plain, &Aliases::without_domain()).unwrap();
        grant(descriptor.dacl.as_mut().unwrap(), &rights.permissions(), &service);
        let value = BASE64.encode(descriptor.to_value().unwrap());
        let name = format!("matrix-{:x}-{}", SystemClock.now().as_millis(), count());
        let ldif = format!(
            "dn: OU={name},{}\nchangetype: add\nobjectClass: organizationalUnit\nnTSecurityDescriptor:: {value}\n",
            self.forest.base_dn
        );
        self.forest.modify(&ldif).unwrap();
        format!("OU={name}")
    }

    /// It offers what it offers; but of both controls somebody on the way can hide the newer one.
    fn offer(&self, controls: PolicyControls) {
        let older = match (self.edition, controls) {
            (Edition::Samba, PolicyControls::DeprecatedOnly) => Some(Older::than(&self.forest)),
            (Edition::Samba, PolicyControls::Both) | (Edition::OldSamba, PolicyControls::None) => {
                None
            }
            other => panic!("{other:?}"),
        };
        *self.older.lock().unwrap() = older;
    }

    fn heard(&self) -> Option<Vec<PolicyControl>> {
        self.older.lock().unwrap().as_ref().map(Older::heard)
    }

    fn secure(&self, who: &Person, change: &dyn Fn(&mut SecurityDescriptor)) {
        self.secure_at(&who.dn, change);
    }

    fn secure_unit(&self, unit: &str, change: &dyn Fn(&mut SecurityDescriptor)) {
        self.secure_at(&format!("{unit},{}", self.forest.base_dn), change);
    }

    fn rename(&self, who: &Person, name: &str) {
        let ldif =
            format!("dn: {}\nchangetype: modrdn\nnewrdn: CN={name}\ndeleteoldrdn: 1\n", who.dn);
        self.forest.modify(&ldif).unwrap();
    }

    fn remove(&self, who: &Person) {
        self.forest.remove(&who.dn).unwrap();
    }

    fn bind(&self, who: &Person, password: &str) -> Bound {
        self.forest.bind(&who.login, password).unwrap()
    }

    fn head(&self) -> DistinguishedName {
        self.forest.base_dn.parse().unwrap()
    }

    fn people(&self) -> Vec<Person> {
        self.forest.people.clone()
    }
}
