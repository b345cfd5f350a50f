//! What two Samba controllers know: the cases that the fake is asked, too.
//!
//! One test, with a lab of its own: it holds replication back, on which everybody else's tests rely.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test reports a broken expectation by panicking; its module is private"
)]

#[macro_use]
mod pair;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clock::SystemClock;
use directory::{Directory, DirectoryConfig, InvocationId, LdapDirectory, ObjectGuid};
use lab::{Bound, Forest, Lab, LabOptions, NewPerson, Person, Watch, Written, reset_ldif};
use pair::{MORE, Pair, password};

/// The lab's first forest, of two controllers.
struct Samba(Forest);

impl Samba {
    fn client(&self, preferred: &[String]) -> Box<dyn Directory> {
        let forest = &self.0;
        let name = format!("{}@{}", forest.service.login, forest.domain);
        let ca = std::fs::read(&forest.ca_file).unwrap();
        let secret = password(&forest.service.password);
        let config = DirectoryConfig {
            dns: Some(forest.dns_address),
            ldaps_port: forest.ldaps_port,
            controllers: preferred.to_vec(),
            only_preferred: !preferred.is_empty(),
            people_attributes: MORE.map(str::to_owned).to_vec(),
            ..DirectoryConfig::new(&forest.domain, ca, &name, secret).unwrap()
        };
        Box::new(LdapDirectory::new(config, Arc::new(SystemClock)).unwrap())
    }
}

impl Pair for Samba {
    fn directory(&self) -> Box<dyn Directory> {
        self.client(&[])
    }

    fn reader(&self, at: usize) -> Box<dyn Directory> {
        self.client(&[self.host(at)])
    }

    fn host(&self, at: usize) -> String {
        self.0.controllers[at].name.clone()
    }

    fn invocation_id(&self, at: usize) -> InvocationId {
        let there = self.0.at(at);
        let root = there.root(&["dsServiceName"]).unwrap();
        let settings = root.text("dsServiceName").unwrap();
        let found = there.search(settings, "(objectClass=nTDSDSA)", &["invocationId"]).unwrap();
        let id = ObjectGuid::from_value(found[0].value("invocationId").unwrap());
        InvocationId(id.unwrap())
    }

    fn add(&self) -> Person {
        self.0.add_person(&NewPerson::default()).unwrap()
    }

    fn hold(&self) {
        self.0.hold_replication(true).unwrap();
    }

    fn replicate(&self) {
        self.0.replicate().unwrap();
    }

    fn bind(&self, at: usize, who: &Person, password: &str) -> Bound {
        self.0.at(at).bind(&who.login, password).unwrap()
    }

    fn reset(&self, at: usize, who: &Person, password: &str) {
        let there = self.0.at(at);
        let ldif = reset_ldif(&who.dn, password);
        let written = there.modify_as(&there.administrator, &[], &ldif).unwrap();
        assert_eq!(written, Written::Done);
    }
}

macro_rules! one_after_the_other {
    ($($case:ident,)*) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn two_samba_controllers_know_what_two_of_the_fake_know() {
            let stop = AtomicBool::new(false);
            let options = LabOptions { controllers: 2, ..LabOptions::default() };
            let lab = Lab::start_with(&options, Watch { progress: &|_| {}, stop: &stop }).unwrap();
            let samba = Samba(lab.forest().clone());
            $(
                pair::$case(&samba).await;
            )*
        }
    };
}

for_each_case!(one_after_the_other);
