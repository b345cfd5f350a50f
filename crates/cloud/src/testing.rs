//! A service without a port, for tests: its store in a folder of the test's own, on time that is the
//! test's.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use protocol::{
    AgentId, ClearPassword, ManualClock, Operation, Passwords, RequestId, TenantId, Timestamp,
};
use seal::KeyPair;
use store::agents::AgentKey;
use store::flows::{Flow, FlowId};
use store::operations::{OperationRecord, State, TicketAgent};
use store::tenants::Tenant;
use zeroize::Zeroizing;

use crate::app::App;
use crate::dispatch::SealedPassword;
use crate::notify::{Message, Notifier};
use crate::steps::Unwatched;
use crate::surroundings::Surroundings;
use crate::vault::place_of_package_key;

/// When tests begin.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// The tenant of [`ticketed`].
pub(crate) const TENANT: TenantId = TenantId::from_bytes([1; 16]);
/// Its visit.
pub(crate) const FLOW: FlowId = FlowId::from_bytes([9; 16]);
/// Its request.
pub(crate) const REQUEST: RequestId = RequestId::from_bytes([7; 16]);
/// How long its message lives.
pub(crate) const LIFETIME: Duration = Duration::from_secs(180);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// A folder, gone when the test ends.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// One that no other test has.
    pub(crate) fn of(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("passback-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("master.key"), [7; 32]).unwrap();
        Self(folder)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Nobody is written to.
struct Nobody;

impl Notifier for Nobody {
    fn hand_over(&self, _: String, _: Message) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// A service in this folder, with nothing in its store.
pub(crate) async fn app(folder: &Folder, clock: &ManualClock) -> App {
    let mut settings = crate::settings::tests::read(&[]).unwrap();
    settings.database = folder.path().join("passback.db");
    settings.master_key = folder.path().join("master.key");
    let surroundings = Surroundings {
        clock: Arc::new(clock.clone()),
        randomness: Arc::new(seal::SystemRandomness::default()),
        notifier: Arc::new(Nobody),
        watch: Arc::new(Unwatched),
        relay: None,
    };
    let app = App::start(settings, surroundings).await.unwrap();
    Arc::into_inner(app).unwrap()
}

/// An agent of a tenant that is made with it, with a key of its own.
pub(crate) async fn enrolled(app: &App, agent: AgentId) -> (TicketAgent, KeyPair) {
    let store = &app.store;
    let tenant = Tenant { id: TENANT, slug: "t".to_owned(), name: "T".to_owned() };
    if store.tenant_by_slug("t").await.unwrap().is_none() {
        store.create_tenant(&tenant, NOW).await.unwrap();
    }
    let name = agent.to_string();
    store.issue_enrol_code(TENANT, &name, NOW.after(HOUR)).await.unwrap();
    store.enrol_agent(&name, agent, &name, agent_key_of(agent), NOW).await.unwrap();
    let place = place_of_package_key(agent);
    let package_key = app.master_key.wrap(&place, &[4; 32], app.randomness.as_ref()).unwrap();
    let pair = KeyPair::generate().unwrap();
    let (key_id, spki) = (pair.public().key_id(), pair.public().spki().to_vec());
    let keys = AgentKey { key_id, spki, package_key, listen_key: [4; 32] };
    store.offer_keys(agent, &keys, NOW).await.unwrap();
    assert!(store.confirm_keys(agent, key_id, NOW).await.unwrap());
    (TicketAgent { agent, key_id }, pair)
}

/// No two agents have the same.
fn agent_key_of(agent: AgentId) -> [u8; 32] {
    let mut key = [0; 32];
    key[..16].copy_from_slice(&agent.to_bytes());
    key
}

/// A visit of somebody who has a ticket for this agent, and has submitted nothing yet.
pub(crate) async fn ticketed(app: &App, offer: TicketAgent) -> OperationRecord {
    let flow = Flow {
        id: FLOW,
        tenant: TENANT,
        person: Some("p".parse().unwrap()),
        name: [0; 32],
        locale: "en".to_owned(),
        expires_at: NOW.after(HOUR),
        ended: false,
    };
    app.store.open_flow(&flow, b"cookie", NOW).await.unwrap();
    another_ticket(app, REQUEST, offer).await
}

/// Another ticket in that visit.
pub(crate) async fn another_ticket(
    app: &App,
    request: RequestId,
    offer: TicketAgent,
) -> OperationRecord {
    let record = OperationRecord {
        request,
        tenant: TENANT,
        flow: FLOW,
        person: "p".parse().unwrap(),
        operation: Operation::Reset,
        state: State::Ticketed,
        issued_at: NOW,
        expires_at: NOW.after(LIFETIME),
        agent: None,
        result: None,
    };
    app.store.issue_ticket(&record, &[offer]).await.unwrap();
    record
}

/// A password that is sealed for the agent of a ticket.
pub(crate) fn sealed(
    app: &App,
    record: &OperationRecord,
    (offer, pair): &(TicketAgent, KeyPair),
) -> SealedPassword {
    let password = Passwords::New(ClearPassword::from_text("a long enough password").unwrap());
    let (header, random) = (record.header(*offer), app.randomness.as_ref());
    let inner = seal::seal_passwords(pair.public(), &header, &password, random).unwrap();
    SealedPassword { agent: offer.agent, inner: Zeroizing::new(inner) }
}
