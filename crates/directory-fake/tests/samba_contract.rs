//! The contract suite on a real Active Directory: the lab's Samba domain controller.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test reports a broken expectation by panicking; its module is private"
)]

#[macro_use]
mod suite;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clock::SystemClock;
use directory::security::rights::{self, Permission};
use directory::security::{Aliases, SecurityDescriptor};
use directory::{Directory, DirectoryConfig, DistinguishedName, LdapDirectory, SetError};
use directory_fake::{FakePolicy, PolicyControls, Rights};
use lab::{Bound, Credentials, Forest, NewPerson, Person};
use protocol::{Clock as _, Randomness as _};
use suite::seeded::Seeded;
use suite::{LATER, Subject, guid, password, somebody};

contract! { samba() }

/// The lab's first forest.
struct Samba(Forest);

async fn samba() -> Samba {
    Samba(Forest::of_running_lab().unwrap())
}

impl Samba {
    /// LDIF of an entry to be added, with a name that no other case has.
    fn add_entry(&self, above: &str, class: &str, attributes: &[(&str, String)]) -> String {
        // Accounts of earlier runs stay in a lab.
        let name = format!("test-{:x}-{}", SystemClock.now().as_millis(), count());
        let mut ldif = format!("dn: CN={name},{above},{}\n", self.0.base_dn);
        ldif.push_str(&format!("changetype: add\nobjectClass: {class}\n"));
        for (attribute, value) in attributes {
            ldif.push_str(&format!("{attribute}: {}\n", value.replace("NAME", &name)));
        }
        self.0.modify(&ldif).unwrap();
        name
    }

    fn dn_of(&self, login: &str) -> String {
        let filter = format!("(sAMAccountName={login})");
        let found = self.0.search(&self.0.base_dn, &filter, &["cn"]).unwrap();
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
    fn directory(&self) -> Box<dyn Directory> {
        self.directory_as(&self.0.service)
    }

    fn directory_as(&self, who: &Credentials) -> Box<dyn Directory> {
        let forest = &self.0;
        let name = format!("{}@{}", who.login, forest.domain);
        let ca = std::fs::read(&forest.ca_file).unwrap();
        let config = DirectoryConfig {
            dns: Some(forest.dns_address),
            ldaps_port: forest.ldaps_port,
            ..DirectoryConfig::new(&forest.domain, ca, &name, password(&who.password)).unwrap()
        };
        Box::new(LdapDirectory::new(config, Arc::new(SystemClock)).unwrap())
    }

    fn add(&self, new: &NewPerson) -> Person {
        self.0.add_person(new).unwrap()
    }

    fn add_group(&self) -> String {
        let name = ("sAMAccountName", "NAME".to_owned());
        // A global security group.
        self.add_entry("OU=Tests", "group", &[name, ("groupType", "-2147483646".to_owned())])
    }

    fn join(&self, who: &str, group: &str) {
        self.0.join(&self.dn_of(who), group).unwrap();
    }

    fn put(&self, who: &Person, attribute: &str, value: &str) {
        self.0.replace(&who.dn, attribute, value).unwrap();
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
        let of = |wanted: bool, permission| wanted.then_some(permission);
        let permissions: Vec<Permission> = [
            of(rights.reset_password, Permission::ResetPassword),
            of(rights.change_password, Permission::ChangePassword),
            of(rights.write_lockout_time, Permission::WriteLockoutTime),
            of(rights.write_pwd_last_set, Permission::WritePwdLastSet),
        ]
        .into_iter()
        .flatten()
        .collect();
        let filter = format!("(sAMAccountName={})", self.0.service.login);
        let found = self.0.search(&self.0.base_dn, &filter, &["objectSid"]).unwrap();
        let service = found[0].value("objectSid").unwrap();
        let service = directory::Sid::from_value(service).unwrap();
        // Everybody who is signed in reads; administrators do everything.
        let plain = "D:(A;CI;GA;;;BA)(A;CI;GA;;;SY)(A;CI;RPLCLORC;;;AU)";
        let mut descriptor =
            SecurityDescriptor::from_sddl(plain, &Aliases::without_domain()).unwrap();
        rights::grant(descriptor.dacl.as_mut().unwrap(), &permissions, &service);
        let value = BASE64.encode(descriptor.to_value().unwrap());
        let name = format!("matrix-{:x}-{}", SystemClock.now().as_millis(), count());
        let ldif = format!(
            "dn: OU={name},{}\nchangetype: add\nobjectClass: organizationalUnit\nnTSecurityDescriptor:: {value}\n",
            self.0.base_dn
        );
        self.0.modify(&ldif).unwrap();
        format!("OU={name}")
    }

    /// Samba offers both; another edition is another controller.
    fn offer(&self, controls: PolicyControls) -> bool {
        controls == PolicyControls::Both
    }

    fn rename(&self, who: &Person, name: &str) {
        let ldif =
            format!("dn: {}\nchangetype: modrdn\nnewrdn: CN={name}\ndeleteoldrdn: 1\n", who.dn);
        self.0.modify(&ldif).unwrap();
    }

    fn remove(&self, who: &Person) {
        self.0.remove(&who.dn).unwrap();
    }

    fn bind(&self, who: &Person, password: &str) -> Bound {
        self.0.bind(&who.login, password).unwrap()
    }

    fn head(&self) -> DistinguishedName {
        self.0.base_dn.parse().unwrap()
    }

    fn people(&self) -> Vec<Person> {
        self.0.people.clone()
    }
}

/// Everything by which a person is told from another, but the GUID.
fn told(people: &[Person]) -> Vec<(String, String, DistinguishedName, String, String, String)> {
    let told = |person: &Person| {
        let person = person.clone();
        let special = format!("{:?} {} {}", person.kind, person.disabled, person.password);
        let dn = person.dn.parse().unwrap();
        (person.login, person.display_name, dn, person.mail, person.private_mail, special)
    };
    people.iter().map(told).collect()
}

#[tokio::test]
async fn the_fake_has_the_lab_s_people() {
    let (lab, fake) = (samba().await, suite::fake::direct().await);
    assert_eq!(told(&fake.people()), told(&lab.people()));
    assert_eq!((fake.population.service.clone(), fake.head()), (lab.0.service.clone(), lab.head()));
    assert_eq!(fake.population.administrator, lab.0.administrator);
}

fn number(seeded: &Seeded, below: usize) -> usize {
    let mut bytes = [0; 4];
    seeded.fill(&mut bytes);
    u32::from_le_bytes(bytes) as usize % below
}

/// A password of a few characters that are likely to decide something.
fn made_up(seeded: &Seeded) -> String {
    const PARTS: [&str; 14] =
        ["a", "b", "A", "Z", "1", "9", "!", "\"", " ", "é", "É", "密", "😀", "test"];
    let length = 1 + number(seeded, 12);
    (0..length).map(|_| PARTS[number(seeded, PARTS.len())]).collect()
}

/// One person on each side lives through the same: the same are taken, the same are refused, and
/// with the same result.
#[tokio::test]
async fn the_fake_and_samba_judge_the_same_passwords_alike() {
    const SEED: u64 = 20_241;
    let (lab, fake) = (samba().await, suite::fake::served().await);
    let policies = [
        None,
        Some(FakePolicy { history_length: 2, minimum_length: 3, ..FakePolicy::default() }),
        Some(FakePolicy {
            complexity: false,
            minimum_length: 5,
            history_length: 0,
            ..FakePolicy::default()
        }),
    ];
    for (place, policy) in policies.iter().enumerate() {
        let seeded = Seeded::new(SEED + place as u64);
        let people = [somebody(&lab), somebody(&fake)];
        for (subject, person) in [&lab as &dyn Subject, &fake].into_iter().zip(&people) {
            if let Some(policy) = policy {
                subject.add_settings(policy, 20, &person.login);
            }
        }
        let clients = [lab.directory(), fake.directory()];
        let mut earlier: Vec<String> = Vec::new();
        for step in 0..60 {
            // Every third one is one of the last few.
            let text = match number(&seeded, 3) {
                0 if !earlier.is_empty() => {
                    earlier[earlier.len() - 1 - number(&seeded, earlier.len().min(4))].clone()
                }
                _ => made_up(&seeded),
            };
            let mut answers = Vec::new();
            for (client, person) in clients.iter().zip(&people) {
                let set = client.set_password(guid(person), &password(&text), LATER).await;
                answers.push(match set {
                    Ok(()) => None,
                    Err(SetError::Refused(refusal)) => Some((refusal.result, refusal.code)),
                    Err(error) => panic!("{error}"),
                });
            }
            assert_eq!(
                answers[0], answers[1],
                "seed {SEED}, policy {place}, step {step}, {text:?}"
            );
            if answers[0].is_none() {
                earlier.push(text);
            }
        }
    }
}

/// OpenLDAP's clients, which are not ours, take the fake for a directory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openldap_s_clients_can_work_with_the_fake() {
    let population =
        directory_fake::Population::corp(Arc::new(SystemClock), Arc::new(Seeded::new(3))).unwrap();
    let authority = lab::Authority::create().unwrap();
    let served = directory_fake::Served::start(&population.domain, &authority).await.unwrap();
    let ca_file = std::env::temp_dir().join(format!("passback-fake-{}.pem", std::process::id()));
    let forest = served.forest(&population, &ca_file).unwrap();
    // This blocks the test's own thread; the fake answers on the others.
    let anna = forest.people[0].clone();
    assert_eq!(forest.bind(&anna.login, &anna.password).unwrap(), Bound::Accepted);
    let wrong = Bound::Refused { sub_code: "52e".to_owned() };
    assert_eq!(forest.bind(&anna.login, "wrong").unwrap(), wrong);
    let reset = lab::reset_ldif(&anna.dn, "Second-Password-1");
    let hints = [lab::POLICY_HINTS];
    let set = |who| forest.modify_as(who, &hints, &reset).unwrap();
    assert_eq!(set(&forest.service), lab::Written::Done);
    // It is the present one now.
    let lab::Written::Refused { code, text } = set(&forest.service) else { panic!("done") };
    assert!(code == 53 && text.contains("0000052D"), "{code} {text}");
    let change = lab::change_ldif(&anna.dn, "Second-Password-1", "Third-Password-1");
    let own = Credentials { login: anna.login, password: "Second-Password-1".to_owned() };
    assert_eq!(forest.modify_as(&own, &[], &change).unwrap(), lab::Written::Done);
    let filter = "(&(objectCategory=person)(displayName=*zoë*))";
    let found = forest.search(&forest.base_dn, filter, &["sAMAccountName"]).unwrap();
    let logins: Vec<_> = found.iter().filter_map(|one| one.text("sAMAccountName")).collect();
    assert_eq!(logins, ["zoe", "alles"]);
    forest.replace(&anna.dn, "description", "changed").unwrap();
    let found = forest.search(&anna.dn, "(objectClass=*)", &[]).unwrap();
    assert_eq!(found[0].text("description"), Some("changed"));
    std::fs::remove_file(ca_file).unwrap();
}
