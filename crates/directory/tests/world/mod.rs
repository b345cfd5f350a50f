//! What the tests against the real directory share: clients of the lab, and a wire to cut.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clock::SystemClock;
use directory::{DirectoryConfig, LdapDirectory, ObjectGuid};
use lab::{Credentials, Forest, NewPerson, Person};
use protocol::{ClearPassword, Timestamp};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// No test lasts that long.
pub const LATER: Timestamp = Timestamp::from_millis(i64::MAX);

pub fn forest() -> Forest {
    Forest::of_running_lab().unwrap()
}

pub fn password(text: &str) -> ClearPassword {
    ClearPassword::from_text(text).unwrap()
}

pub fn guid(person: &Person) -> ObjectGuid {
    person.object_guid.parse().unwrap()
}

/// A configuration for the lab, signed in as the given account.
pub fn config_as(forest: &Forest, who: &Credentials) -> DirectoryConfig {
    let name = format!("{}@{}", who.login, forest.domain);
    let ca = std::fs::read(&forest.ca_file).unwrap();
    DirectoryConfig {
        dns: Some(forest.dns_address),
        ldaps_port: forest.ldaps_port,
        ..DirectoryConfig::new(&forest.domain, ca, &name, password(&who.password)).unwrap()
    }
}

/// A configuration as the agent has it.
pub fn config(forest: &Forest) -> DirectoryConfig {
    config_as(forest, &forest.service)
}

pub fn connect(config: DirectoryConfig) -> LdapDirectory {
    LdapDirectory::new(config, Arc::new(SystemClock)).unwrap()
}

/// The agent's client.
pub fn agent(forest: &Forest) -> LdapDirectory {
    connect(config(forest))
}

/// An account that only this test uses.
pub fn somebody(forest: &Forest) -> Person {
    forest.add_person(&NewPerson::default()).unwrap()
}

/// A wire to the lab that can be cut: a TCP proxy on the controller's own address.
pub struct Wire {
    pub port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    requests_lost: AtomicBool,
    answers_lost: AtomicBool,
}

impl Wire {
    pub async fn to(forest: &Forest) -> Self {
        let listener = TcpListener::bind(SocketAddr::new(forest.address, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let controller = SocketAddr::new(forest.address, forest.ldaps_port);
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(controller).await.unwrap();
                let (near_read, near_write) = near.into_split();
                let (far_read, far_write) = far.into_split();
                let (up, down) = (Arc::clone(&shared), Arc::clone(&shared));
                tokio::spawn(carry(near_read, far_write, move || {
                    up.requests_lost.load(Ordering::SeqCst)
                }));
                tokio::spawn(carry(far_read, near_write, move || {
                    down.answers_lost.load(Ordering::SeqCst)
                }));
            }
        });
        Self { port, state }
    }

    /// What is sent from now on is swallowed and the connection closed.
    pub fn lose_requests(&self, lost: bool) {
        self.state.requests_lost.store(lost, Ordering::SeqCst);
    }

    /// What is answered from now on is swallowed and the connection closed.
    pub fn lose_answers(&self, lost: bool) {
        self.state.answers_lost.store(lost, Ordering::SeqCst);
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, lost: impl Fn() -> bool) {
    let mut buffer = vec![0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if lost() {
            // Long enough for what went the other way to arrive.
            tokio::time::sleep(Duration::from_millis(100)).await;
            return;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
