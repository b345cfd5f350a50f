//! What two controllers of the fake know: the cases that Samba is asked, too.
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
#[path = "suite/seeded.rs"]
mod seeded;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clock::SystemClock;
use directory::{Directory, DirectoryConfig, InvocationId, LdapDirectory};
use directory_fake::{FakeDirectory, FakeDomain, NewDomain, NewFakePerson, Rights, Served};
use lab::{Authority, Bound, Credentials, Person};
use pair::{MORE, Pair, guid, password};
use seeded::Seeded;

const LOGIN: &str = "svc";
const FIRST: &str = "First-Password-2024";

/// The fake, directly or served.
struct Fake {
    domain: FakeDomain,
    served: Option<Served>,
    count: AtomicU64,
}

async fn direct() -> Fake {
    let controllers = vec!["dc1".to_owned(), "dc2".to_owned()];
    let new = NewDomain { controllers, ..NewDomain::new("fake.test") };
    let domain = FakeDomain::new(&new, Arc::new(SystemClock), Arc::new(Seeded::new(7))).unwrap();
    domain.add_unit("OU=People").unwrap();
    domain.add_person(NewFakePerson::new(LOGIN).in_unit("CN=Users")).unwrap();
    domain.delegate(LOGIN, "OU=People", Rights::ALL).unwrap();
    Fake { domain, served: None, count: AtomicU64::new(0) }
}

async fn served() -> Fake {
    let fake = direct().await;
    let authority = Authority::create().unwrap();
    let served = Served::start(&fake.domain, &authority).await.unwrap();
    Fake { served: Some(served), ..fake }
}

impl Fake {
    fn client(&self, preferred: &[String]) -> Box<dyn Directory> {
        let Some(served) = &self.served else {
            let hosts: Vec<&str> = preferred.iter().map(String::as_str).collect();
            let client = FakeDirectory::new(&self.domain, LOGIN, password(FIRST));
            return Box::new(client.configured(false, &MORE).preferring(&hosts, true));
        };
        let who = Credentials { login: LOGIN.to_owned(), password: FIRST.to_owned() };
        let config = DirectoryConfig {
            controllers: preferred.to_vec(),
            only_preferred: !preferred.is_empty(),
            people_attributes: MORE.map(str::to_owned).to_vec(),
            ..served.config(&who).unwrap()
        };
        Box::new(LdapDirectory::new(config, Arc::new(SystemClock)).unwrap())
    }
}

fn label(at: usize) -> String {
    format!("dc{}", at + 1)
}

impl Pair for Fake {
    fn directory(&self) -> Box<dyn Directory> {
        self.client(&[])
    }

    fn reader(&self, at: usize) -> Box<dyn Directory> {
        self.client(&[self.host(at)])
    }

    fn host(&self, at: usize) -> String {
        format!("{}.fake.test", label(at))
    }

    fn invocation_id(&self, at: usize) -> InvocationId {
        self.domain.invocation_id(&label(at)).unwrap()
    }

    fn add(&self) -> Person {
        let login = format!("person-{}", self.count.fetch_add(1, Ordering::SeqCst));
        Person::from(&self.domain.add_person(NewFakePerson::new(&login)).unwrap())
    }

    fn hold(&self) {
        self.domain.replicate_after(Duration::MAX);
    }

    fn replicate(&self) {
        self.domain.replicate();
    }

    fn bind(&self, at: usize, who: &Person, password: &str) -> Bound {
        self.domain.bind_at(&label(at), &who.login, password).unwrap()
    }

    fn reset(&self, at: usize, who: &Person, password: &str) {
        self.domain.administrator_sets_at(&label(at), guid(who), password).unwrap();
    }
}

macro_rules! without_sockets {
    ($($case:ident,)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                crate::pair::$case(&crate::direct().await).await;
            }
        )*
    };
}

macro_rules! over_ldap {
    ($($case:ident,)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                crate::pair::$case(&crate::served().await).await;
            }
        )*
    };
}

mod without_sockets {
    for_each_case!(without_sockets);
}

mod over_ldap {
    for_each_case!(over_ldap);
}
