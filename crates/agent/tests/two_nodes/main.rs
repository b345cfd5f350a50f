//! The agent as it is, with real TLS on loopback: a cloud service that names two nodes, a relay at
//! each of them, and a directory that acts like Active Directory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

mod service;

use std::sync::Arc;
use std::time::Duration;

use agent::{AgentSettings, DirectorySettings, OpenDirectory, SetUpError, Surroundings};
use clock::SystemClock;
use directory::Directory;
use directory_fake::{FakeDirectory, FakeDomain, FakePerson, Population};
use lab::Kind;
use protocol::settlement::{STATUS_NOT_YET, TARGET_SETTLE, TARGET_WRITEBACK};
use protocol::{ClearPassword, Clock, Header, Operation, Outcome, Passwords, RequestId};
use relay::{Request, TlsTransport};
use seal::SystemRandomness;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use service::{Learned, Node, Service};

/// Longer than anything takes that is waited for.
const SOON: Duration = Duration::from_secs(60);
const PASSWORD: &str = "Meadow-Lantern-2025";

/// One directory, whatever is configured.
struct Only(Arc<dyn Directory>);

impl OpenDirectory for Only {
    fn open(
        &self,
        _settings: &DirectorySettings,
        _clock: &Arc<dyn Clock>,
    ) -> Result<Arc<dyn Directory>, SetUpError> {
        Ok(Arc::clone(&self.0))
    }
}

/// A folder that is removed when it is dropped.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("passback-two-nodes-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The agent, running, with everything around it.
struct Running {
    service: Service,
    nodes: [Node; 2],
    /// Not at the service's own host, though it is named and answers.
    elsewhere: Node,
    domain: FakeDomain,
    person: FakePerson,
    stop: CancellationToken,
    agent: JoinHandle<()>,
    _folder: Folder,
}

fn settings(folder: &Folder, service: &Service) -> AgentSettings {
    let file = folder.0.join("agent.toml");
    let text = format!(
        r#"[agent]
state_dir = "state"
vault_key = "vault.key"
name = "agent-1"
[cloud]
url = "https://{}"
[relay]
stagger_seconds = 1
[[directory]]
name = "corp"
domain = "corp.passback.test"
ca = "unused.pem"
bind_name = "svc-passback@corp.passback.test"
bind_password_file = "unused"
ous = ["OU=People,DC=corp,DC=passback,DC=test"]
"#,
        service.address
    );
    std::fs::write(&file, text).unwrap();
    AgentSettings::load(&file).unwrap()
}

impl Running {
    async fn start() -> Self {
        let (server_tls, client_tls) = service::certificates();
        let nodes = [Node::start(&server_tls).await, Node::start(&server_tls).await];
        let elsewhere = Node::start(&server_tls).await;
        let name = format!("wss://localhost:{}/", elsewhere.address.port());
        let names = [name, nodes[0].url(), nodes[1].url()];
        let service = Service::start(&server_tls, names.into()).await;
        let folder = Folder::new();
        let settings = settings(&folder, &service);
        let (clock, randomness) = (Arc::new(SystemClock), Arc::new(SystemRandomness::default()));
        let people = Population::corp(Arc::clone(&clock) as _, Arc::clone(&randomness) as _);
        let people = people.unwrap();
        let password = ClearPassword::from_text(&people.service.password).unwrap();
        let directory = FakeDirectory::new(&people.domain, &people.service.login, password);
        let transport = Arc::new(TlsTransport::new(&client_tls));
        let surroundings = Surroundings {
            clock,
            randomness,
            watch: Arc::new(agent::steps::Unwatched),
            transport: Arc::clone(&transport) as _,
            relay: transport,
            directories: Arc::new(Only(Arc::new(directory))),
        };
        agent::enrol(&settings, "a code", "agent-1", &surroundings).await.unwrap();
        agent::enable(&settings, &surroundings).await.unwrap();
        let learned = service.learned();
        nodes.iter().chain([&elsewhere]).for_each(|node| node.know(&learned));
        agent::synchronise(&settings, &surroundings).await.unwrap();
        let stop = CancellationToken::new();
        let ending = stop.clone();
        let agent = tokio::spawn(async move {
            agent::run(settings, surroundings, ending).await.unwrap();
        });
        let person = people.person_of(Kind::Ordinary).unwrap().clone();
        let (domain, _folder) = (people.domain, folder);
        Self { service, nodes, elsewhere, domain, person, stop, agent, _folder }
    }

    async fn listens_at(&self, node: &Node) {
        let entity = &self.service.learned().entity;
        timeout(SOON, node.relay.wait_for_listener(entity)).await.expect("a listener");
    }

    fn header(&self, request: u8) -> Header {
        let (learned, now) = (self.service.learned(), SystemClock.now());
        Header {
            tenant: learned.tenant,
            agent: learned.agent,
            request: RequestId::from_bytes([request; 16]),
            operation: Operation::Reset,
            cloud_anchor: self.service.cloud_anchor(&self.person.guid.to_source_anchor()),
            key_id: learned.public.key_id(),
            issued_at: now,
            expires_at: now.after(Duration::from_secs(180)),
        }
    }

    fn package(&self, header: &Header) -> Vec<u8> {
        let (learned, random) = (self.service.learned(), SystemRandomness::default());
        let passwords = Passwords::New(ClearPassword::from_text(PASSWORD).unwrap());
        let inner = seal::seal_passwords(&learned.public, header, &passwords, &random).unwrap();
        seal::seal_request(&learned.package_key, header, &inner, &random).unwrap()
    }

    /// Asks the agent over a node: the outcome that it signs, or the status.
    async fn ask(
        &self,
        node: &Node,
        target: &str,
        body: Vec<u8>,
        header: &Header,
    ) -> Result<Outcome, u16> {
        let Learned { entity, package_key, identity, .. } = &*self.service.learned();
        let target = format!("/{target}");
        let request =
            Request { method: "POST".to_owned(), target, headers: Vec::new(), body: body.into() };
        let response = node.relay.deliver(entity, request, SOON).await.unwrap();
        match response.status {
            200 => Ok(seal::open_answer(package_key, identity, header, &response.body)
                .unwrap()
                .outcome),
            status => Err(status),
        }
    }

    /// How the request ended, asked over a node until it is known.
    async fn settled(&self, node: &Node, header: &Header) -> Outcome {
        let ask = async {
            loop {
                match self.ask(node, TARGET_SETTLE, header.encode(), header).await {
                    Ok(outcome) => return outcome,
                    Err(status) => assert_eq!(status, STATUS_NOT_YET),
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(SOON, ask).await.expect("an outcome")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_comes_over_both_nodes_is_applied_once_and_one_node_is_enough() {
    let running = Running::start().await;
    let [one, other] = &running.nodes;
    running.listens_at(one).await;
    running.listens_at(other).await;
    let entity = running.service.learned().entity.clone();
    assert_eq!(one.relay.instances(&entity), other.relay.instances(&entity), "one process");
    assert_eq!([one.relay.channels(&entity), other.relay.channels(&entity)], [1, 1]);
    assert!(!running.elsewhere.relay.is_listening(&entity), "the cloud cannot send it there");

    // The very same package over both at the same moment.
    let header = running.header(1);
    let package = running.package(&header);
    let (first, second) = tokio::join!(
        running.ask(one, TARGET_WRITEBACK, package.clone(), &header),
        running.ask(other, TARGET_WRITEBACK, package.clone(), &header),
    );
    for answered in [first, second] {
        assert!(
            matches!(answered, Ok(Outcome::PasswordChanged) | Err(STATUS_NOT_YET)),
            "{answered:?}"
        );
    }
    for node in [one, other] {
        assert_eq!(running.settled(node, &header).await, Outcome::PasswordChanged);
        let again = running.ask(node, TARGET_WRITEBACK, package.clone(), &header).await;
        assert_eq!(again, Ok(Outcome::PasswordChanged), "what the journal holds");
    }
    assert!(running.domain.is_password(running.person.guid, PASSWORD));
    assert_eq!(running.domain.journal().len(), 1, "one set, over both nodes together");

    // A node goes; the agent answers at the other one.
    one.relay.drain().await;
    assert!(!one.relay.is_listening(&entity));
    let late = running.header(2);
    let outcome = running.ask(other, TARGET_WRITEBACK, running.package(&late), &late).await;
    assert!(outcome.is_ok(), "carried out, or refused by the directory: {outcome:?}");

    running.stop.cancel();
    timeout(SOON, running.agent).await.expect("an end").unwrap();
    assert!(!other.relay.is_listening(&entity));
}
