//! The agent's HTTPS requests to the cloud service: enrolment, onboarding, heartbeat, SCIM. All of
//! them are dialled out (SPEC PR-4).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use protocol::onboarding::{
    EnrolRequest, EnrolResponse, HeartbeatRequest, HeartbeatResponse, OffboardingRequest,
    OnboardingRequest, OnboardingResponse,
};
use protocol::scim::{MEDIA_TYPE, User};
use protocol::{AgentId, Clock, CloudAnchor, InstanceId, Timestamp, timeout};
use relay::Dial;
use relay::token::{self, Claims};
use seal::SigningKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::settings::AgentSettings;
use crate::surroundings::Surroundings;

/// How many users are read at a time.
const PAGE: usize = 500;
/// The longest answer that is read: a page of users, each at most 8 KiB.
const ANSWER_MAX: usize = 4 * 1024 * 1024;

/// Why a request to the cloud service failed, for the operator.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// It cannot be reached: name, port, certificate, proxy.
    #[error("the cloud service {url} cannot be reached: {cause}")]
    Unreachable {
        /// Where.
        url: String,
        /// The chain of causes.
        cause: String,
    },
    /// It refused, with its reason.
    #[error("the cloud service refused ({status}): {detail}")]
    Refused {
        /// The status.
        status: u16,
        /// Its own words.
        detail: String,
        /// What its clock says, where it refused because of that.
        now: Option<Timestamp>,
    },
    /// It answered something that is no answer.
    #[error("the cloud service gave an answer that cannot be read; is `cloud.url` right?")]
    Unreadable,
    /// The agent's own key cannot sign.
    #[error("the agent's identity cannot sign a token: {0}")]
    Token(#[from] token::TokenError),
}

impl CloudError {
    /// Whether the status was this.
    pub(crate) fn is(&self, wanted: StatusCode) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == wanted.as_u16())
    }
}

/// Who asks: the agent and this process.
pub(crate) struct Caller {
    /// The agent.
    pub(crate) agent: AgentId,
    /// This process.
    pub(crate) instance: InstanceId,
    /// The agent identity.
    pub(crate) identity: Arc<SigningKey>,
    /// How long a token holds.
    pub(crate) token_lifetime: Duration,
}

/// The way to the cloud service.
pub(crate) struct CloudClient {
    client: Client<Dial, Full<Bytes>>,
    url: Url,
    audience: String,
    caller: Option<Caller>,
    clock: Arc<dyn Clock>,
    limit: Duration,
}

impl CloudClient {
    /// A client that nobody has enrolled yet.
    pub(crate) fn anonymous(settings: &AgentSettings, surroundings: &Surroundings) -> Self {
        Self::new(settings, surroundings, None)
    }

    /// A client that proves who it is.
    pub(crate) fn of(
        settings: &AgentSettings,
        surroundings: &Surroundings,
        caller: Caller,
    ) -> Self {
        Self::new(settings, surroundings, Some(caller))
    }

    fn new(settings: &AgentSettings, surroundings: &Surroundings, caller: Option<Caller>) -> Self {
        let dial = Dial(Arc::clone(&surroundings.transport));
        Self {
            client: Client::builder(TokioExecutor::new()).build(dial),
            url: settings.cloud_url.clone(),
            audience: settings.cloud_origin(),
            caller,
            clock: Arc::clone(&surroundings.clock),
            limit: settings.cloud_timeout,
        }
    }

    /// Spends an enrolment code on the identity's public key; gives the ids of the tenant and of
    /// the new agent (`POST /agent/v1/enrol`). Needs no token.
    pub(crate) async fn enrol(&self, request: &EnrolRequest) -> Result<EnrolResponse, CloudError> {
        self.post("agent/v1/enrol", request).await
    }

    /// Offers the keys that the agent has made, or confirms that they are on its disk; gives the id
    /// of the RSA key that the cloud holds and the relay's address (`POST /agent/v1/onboarding`,
    /// SPEC A-2).
    pub(crate) async fn onboarding(
        &self,
        request: &OnboardingRequest,
    ) -> Result<OnboardingResponse, CloudError> {
        self.post("agent/v1/onboarding", request).await
    }

    /// Has the cloud send nothing more and forget the package key, or tells it that the agent has
    /// destroyed its halves (`POST /agent/v1/offboarding`, SPEC PR-7).
    pub(crate) async fn offboarding(&self, request: &OffboardingRequest) -> Result<(), CloudError> {
        self.send(Method::POST, "agent/v1/offboarding", Some(request)).await.map(drop)
    }

    /// Reports the agent's health; gives the cloud's time and the oldest protocol version that it
    /// accepts (`POST /agent/v1/heartbeat`).
    pub(crate) async fn heartbeat(
        &self,
        request: &HeartbeatRequest,
    ) -> Result<HeartbeatResponse, CloudError> {
        self.post("agent/v1/heartbeat", request).await
    }

    /// Adds a user; the answer has its cloudAnchor.
    pub(crate) async fn add_user(&self, user: &User) -> Result<User, CloudError> {
        self.post("scim/v2/Users", user).await
    }

    /// Replaces a user.
    pub(crate) async fn replace_user(
        &self,
        id: &CloudAnchor,
        user: &User,
    ) -> Result<(), CloudError> {
        self.send(Method::PUT, &format!("scim/v2/Users/{id}"), Some(user)).await.map(drop)
    }

    /// Removes a user; one that is gone already is removed.
    pub(crate) async fn remove_user(&self, id: &CloudAnchor) -> Result<(), CloudError> {
        let path = format!("scim/v2/Users/{id}");
        match self.send(Method::DELETE, &path, None::<&()>).await {
            Err(error) if error.is(StatusCode::NOT_FOUND) => Ok(()),
            other => other.map(drop),
        }
    }

    /// One page of users, from the `start`-th on (counted from 1), and how many there are.
    pub(crate) async fn users(&self, start: usize) -> Result<(Vec<User>, usize), CloudError> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct List {
            total_results: usize,
            #[serde(rename = "Resources", default)]
            resources: Vec<User>,
        }
        let path = format!("scim/v2/Users?startIndex={start}&count={PAGE}");
        let body = self.send(Method::GET, &path, None::<&()>).await?;
        let list: List = serde_json::from_slice(&body).map_err(|_| CloudError::Unreadable)?;
        Ok((list.resources, list.total_results))
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CloudError> {
        let answer = self.send(Method::POST, path, Some(body)).await?;
        serde_json::from_slice(&answer).map_err(|_| CloudError::Unreadable)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Bytes, CloudError> {
        let request = self.request(method, path, body)?;
        let exchange = async {
            let response = self.client.request(request).await;
            let response = response.map_err(|error| self.unreachable(&error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
            match body {
                Ok(body) => Ok((status, body.to_bytes())),
                Err(error) if error.is::<LengthLimitError>() => Err(CloudError::Unreadable),
                Err(error) => Err(self.unreachable(&*error)),
            }
        };
        let (status, body) = match timeout(&*self.clock, self.limit, exchange).await {
            Ok(done) => done?,
            Err(_) => {
                let (url, cause) = (self.url.to_string(), "no answer in time".to_owned());
                return Err(CloudError::Unreachable { url, cause });
            }
        };
        if status.is_success() {
            return Ok(body);
        }
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or("no reason given").to_owned();
        let now = problem["now"].as_i64().map(Timestamp::from_millis);
        Err(CloudError::Refused { status: status.as_u16(), detail, now })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Request<Full<Bytes>>, CloudError> {
        let url = self.url.join(path).map_err(|_| CloudError::Unreadable)?;
        let agent = concat!("passback-agent/", env!("CARGO_PKG_VERSION"));
        let mut request =
            Request::builder().method(method).uri(url.as_str()).header(USER_AGENT, agent);
        if let Some(caller) = &self.caller {
            let token = caller.token(&self.audience, self.clock.now())?;
            let bearer = HeaderValue::try_from(format!("Bearer {token}"));
            let mut bearer = bearer.map_err(|_| CloudError::Unreadable)?;
            bearer.set_sensitive(true);
            request = request.header(AUTHORIZATION, bearer);
        }
        let mut sent = Bytes::new();
        if let Some(body) = body {
            sent = serde_json::to_vec(body).map_err(|_| CloudError::Unreadable)?.into();
            let media_type =
                if path.starts_with("scim/") { MEDIA_TYPE } else { "application/json" };
            request = request.header(CONTENT_TYPE, media_type);
        }
        request.body(Full::new(sent)).map_err(|_| CloudError::Unreadable)
    }

    /// The whole chain of causes: the last one is the one that helps (for example a certificate
    /// that does not have the name).
    fn unreachable(&self, error: &dyn std::error::Error) -> CloudError {
        let causes = std::iter::successors(error.source(), |error| error.source());
        let mut cause = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
        if cause.is_empty() {
            cause = error.to_string();
        }
        CloudError::Unreachable { url: self.url.to_string(), cause }
    }
}

impl Caller {
    fn token(&self, audience: &str, now: Timestamp) -> Result<String, token::TokenError> {
        let claims = Claims {
            issuer: self.agent,
            audience: audience.to_owned(),
            right: None,
            not_before: now,
            expires_at: now.after(self.token_lifetime),
            instance: self.instance,
        };
        token::mint(self.identity.to_pkcs8(), &claims)
    }
}
