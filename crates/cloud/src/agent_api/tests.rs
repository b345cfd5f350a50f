//! What an agent's requests cost the service when they come too often, on time that is the test's.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use protocol::onboarding::{HeartbeatRequest, OffboardingRequest};
use protocol::{AgentId, Clock as _, InstanceId, ManualClock, TenantId};
use relay::token::{self, Claims};
use seal::SigningKey;
use serde::Serialize;
use store::tenants::Tenant;
use tower::Service as _;

use super::*;
use crate::testing::{self, Folder, NOW};

const AGENT: AgentId = AgentId::from_bytes([5; 16]);
const SECOND: Duration = Duration::from_secs(1);

struct World {
    app: Arc<App>,
    clock: ManualClock,
    identity: SigningKey,
    _folder: Folder,
}

impl World {
    async fn new(test: &str) -> Self {
        let (folder, clock) = (Folder::of(test), ManualClock::at(NOW));
        let app = Arc::new(testing::app(&folder, &clock).await);
        let (tenant, identity) = (TenantId::from_bytes([1; 16]), SigningKey::generate().unwrap());
        let made = Tenant { id: tenant, slug: "t".to_owned(), name: "T".to_owned() };
        app.store.create_tenant(&made, NOW).await.unwrap();
        app.store.issue_enrol_code(tenant, "code", NOW.after(SECOND)).await.unwrap();
        let key = identity.verifying_key().to_bytes();
        app.store.enrol_agent("code", AGENT, "agent", key, NOW).await.unwrap().unwrap();
        Self { app, clock, identity, _folder: folder }
    }

    async fn post(&self, path: &str, body: &impl Serialize) -> Response {
        let now = self.clock.now();
        let claims = Claims {
            issuer: AGENT,
            audience: self.app.settings.origin(),
            right: None,
            not_before: now,
            expires_at: now.after(60 * SECOND),
            instance: InstanceId::from_bytes([9; 16]),
        };
        let token = token::mint(self.identity.to_pkcs8(), &claims).unwrap();
        let request = Request::post(path).header("Authorization", format!("Bearer {token}"));
        let request = request.body(Body::from(serde_json::to_vec(body).unwrap())).unwrap();
        router().with_state(Arc::clone(&self.app)).call(request).await.unwrap()
    }

    async fn beat(&self, directory_reachable: bool) -> Response {
        let heartbeat = HeartbeatRequest {
            version: "1".to_owned(),
            now: self.clock.now(),
            directory_reachable,
            breaker_open: Some(false),
            listening: None,
        };
        self.post("/agent/v1/heartbeat", &heartbeat).await
    }

    /// How long after the beginning the heartbeat came that the store has, and whether the directory
    /// was reached.
    async fn kept(&self) -> (Duration, bool) {
        let agent = self.app.store.agent(AGENT).await.unwrap().unwrap();
        (agent.heartbeat_at.unwrap().since(NOW), agent.directory_reachable)
    }
}

#[tokio::test]
async fn a_flood_of_heartbeats_is_one_write_a_second_and_is_told_to_come_back() {
    let world = World::new("heartbeats").await;
    assert_eq!(world.beat(true).await.status(), 200);
    let mut passed = Duration::ZERO;
    for _ in 0..3 {
        world.clock.advance(SECOND / 4);
        passed += SECOND / 4;
        assert_eq!(world.beat(true).await.status(), 200);
        assert_eq!(world.kept().await, (Duration::ZERO, true), "nothing new, and no second ago");
    }
    assert_eq!(world.beat(false).await.status(), 200);
    assert_eq!(world.kept().await, (passed, false), "what has changed is kept at once");
    world.clock.advance(SECOND);
    passed += SECOND;
    assert_eq!(world.beat(false).await.status(), 200);
    assert_eq!(world.kept().await, (passed, false), "a second ago");
    let mut refused = world.beat(true).await;
    for _ in 0..10 {
        if refused.status() == 429 {
            break;
        }
        refused = world.beat(true).await;
    }
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    assert_eq!(world.beat(false).await.status(), 429);
    assert_eq!(world.kept().await, (passed, true), "nothing is kept of one that is refused");
    world.clock.advance(SECOND);
    assert_eq!(world.beat(false).await.status(), 200);
    assert_eq!(world.kept().await, (passed + SECOND, false));
}

#[tokio::test]
async fn onboarding_and_offboarding_have_a_pace_too_and_one_of_their_own() {
    let world = World::new("onboarding").await;
    let mut statuses = Vec::new();
    for _ in 0..11 {
        let done = world.post("/agent/v1/offboarding", &OffboardingRequest::Destroyed).await;
        statuses.push(done.status().as_u16());
    }
    assert_eq!(statuses, [[204; 10].as_slice(), &[429]].concat());
    assert_eq!(world.beat(true).await.status(), 200);
}
