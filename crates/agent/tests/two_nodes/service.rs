//! What the agent meets outside: the routes of a cloud service, without any database; and relays.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::{Json, State};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clock::SystemClock;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use protocol::onboarding::{
    EnrolRequest, EnrolResponse, HeartbeatRequest, HeartbeatResponse, OnboardingRequest,
    OnboardingResponse,
};
use protocol::scim::User;
use protocol::{AgentId, Clock as _, CloudAnchor, SourceAnchor, TenantId, version};
use relay::{Authority, AuthorityError, BoxFuture, Entity, Limits, Relay};
use rustls::pki_types::PrivateKeyDer;
use seal::{PackageKey, PublicKey, SystemRandomness, VerifyingKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

type Tls = Arc<rustls::ServerConfig>;

/// What the service has learned of its agent.
pub(crate) struct Learned {
    pub(crate) tenant: TenantId,
    pub(crate) agent: AgentId,
    pub(crate) entity: Entity,
    pub(crate) public: PublicKey,
    pub(crate) package_key: PackageKey,
    pub(crate) identity: VerifyingKey,
    listen_key: [u8; 32],
}

#[derive(Default)]
struct Memory {
    identity: Option<VerifyingKey>,
    learned: Option<Arc<Learned>>,
    users: Vec<User>,
}

struct Inner {
    address: SocketAddr,
    nodes: Vec<String>,
    memory: Mutex<Memory>,
}

/// The cloud service, as far as an agent sees it. Nobody can listen there.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    inner: Arc<Inner>,
    accepting: JoinHandle<()>,
}

impl Service {
    pub(crate) async fn start(tls: &Tls, nodes: Vec<String>) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = port.local_addr().unwrap();
        let inner = Arc::new(Inner { address, nodes, memory: Mutex::default() });
        let router = axum::Router::new()
            .route("/agent/v1/enrol", post(enrol))
            .route("/agent/v1/onboarding", post(onboarding))
            .route("/agent/v1/heartbeat", post(heartbeat))
            .route("/scim/v2/Users", get(users).post(add_user))
            .with_state(Arc::clone(&inner));
        let accepting = tokio::spawn(accept(port, Arc::clone(tls), router));
        Self { address, inner, accepting }
    }

    pub(crate) fn learned(&self) -> Arc<Learned> {
        self.inner.memory.lock().unwrap().learned.clone().expect("an agent that is enabled")
    }

    /// Under which name the service knows a person.
    pub(crate) fn cloud_anchor(&self, of: &SourceAnchor) -> CloudAnchor {
        let memory = self.inner.memory.lock().unwrap();
        let user = memory.users.iter().find(|user| user.external_id == *of);
        user.and_then(|user| user.id.clone()).expect("a person that was exported")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn bytes(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

const TENANT: TenantId = TenantId::from_bytes([1; 16]);
const AGENT: AgentId = AgentId::from_bytes([2; 16]);

async fn enrol(
    State(service): State<Arc<Inner>>,
    Json(request): Json<EnrolRequest>,
) -> Json<EnrolResponse> {
    let identity = VerifyingKey::from_bytes(&bytes(&request.identity_key)).unwrap();
    service.memory.lock().unwrap().identity = Some(identity);
    Json(EnrolResponse { tenant: TENANT, agent: AGENT })
}

async fn onboarding(
    State(service): State<Arc<Inner>>,
    Json(request): Json<OnboardingRequest>,
) -> Json<OnboardingResponse> {
    let mut memory = service.memory.lock().unwrap();
    let key_id = match request {
        OnboardingRequest::Offer { spki, package_key, listen_key } => {
            let public = PublicKey::from_spki(&bytes(&spki)).unwrap();
            let key_id = public.key_id().to_string();
            memory.learned = Some(Arc::new(Learned {
                tenant: TENANT,
                agent: AGENT,
                entity: Entity::of(TENANT, AGENT),
                public,
                package_key: PackageKey::from_bytes(&bytes(&package_key)).unwrap(),
                identity: memory.identity.take().expect("enrolled"),
                listen_key: bytes(&listen_key).try_into().unwrap(),
            }));
            key_id
        }
        OnboardingRequest::Confirm { key_id } => key_id,
    };
    Json(OnboardingResponse { key_id, relay_url: format!("wss://{}", service.address) })
}

async fn heartbeat(
    State(service): State<Arc<Inner>>,
    Json(_): Json<HeartbeatRequest>,
) -> Json<HeartbeatResponse> {
    let (now, nodes) = (SystemClock.now(), service.nodes.clone());
    Json(HeartbeatResponse { now, oldest_version: version::CURRENT, nodes })
}

async fn users(State(service): State<Arc<Inner>>) -> Json<Value> {
    let users = service.memory.lock().unwrap().users.clone();
    Json(json!({ "totalResults": users.len(), "Resources": users }))
}

async fn add_user(State(service): State<Arc<Inner>>, body: bytes::Bytes) -> Json<User> {
    let mut user: User = serde_json::from_slice(&body).unwrap();
    let mut memory = service.memory.lock().unwrap();
    let id = format!("0f6e7a3c-0000-4000-8000-{:012}", memory.users.len());
    let id: CloudAnchor = id.parse().unwrap();
    (user.id, user.passback.cloud_anchor) = (Some(id.clone()), Some(id));
    memory.users.push(user.clone());
    Json(user)
}

/// A node: a relay on a port of its own.
pub(crate) struct Node {
    pub(crate) relay: Relay,
    pub(crate) address: SocketAddr,
    known: Arc<Known>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Known(Mutex<HashMap<Entity, [u8; 32]>>);

impl Authority for Known {
    fn listen_keys(&self, entity: &Entity) -> BoxFuture<'_, Result<Vec<[u8; 32]>, AuthorityError>> {
        let keys = self.0.lock().unwrap().get(entity).copied().into_iter().collect();
        Box::pin(async { Ok(keys) })
    }
}

impl Node {
    pub(crate) async fn start(tls: &Tls) -> Self {
        let known = Arc::new(Known::default());
        let randomness = Arc::new(SystemRandomness::default());
        let relay = Relay::new(
            Limits::default(),
            Arc::clone(&known) as _,
            Arc::new(SystemClock),
            randomness,
        );
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = port.local_addr().unwrap();
        let accepting = tokio::spawn(accept(port, Arc::clone(tls), relay.router()));
        Self { relay, address, known, accepting }
    }

    /// Lets the agent listen.
    pub(crate) fn know(&self, learned: &Learned) {
        self.known.0.lock().unwrap().insert(learned.entity.clone(), learned.listen_key);
    }

    pub(crate) fn url(&self) -> String {
        format!("wss://{}/", self.address)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(port: TcpListener, tls: Tls, router: axum::Router) {
    loop {
        let (tcp, _) = port.accept().await.unwrap();
        let (tls, router) = (TlsAcceptor::from(Arc::clone(&tls)), router.clone());
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(tcp).await else { return };
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
                .with_upgrades()
                .await;
        });
    }
}

/// Who is trusted at which names: the agent refuses `localhost` by itself, not by its certificate.
pub(crate) fn certificates() -> (Tls, rustls::ClientConfig) {
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), client)
}
