//! The agent's HTTPS requests to the cloud service: enrolment, onboarding, heartbeat, SCIM. All of
//! them are dialled out (SPEC PR-4).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use protocol::onboarding::{
    EnrolRequest, EnrolResponse, HeartbeatRequest, HeartbeatResponse, OffboardingRequest,
    OnboardingRequest, OnboardingResponse,
};
use protocol::scim::{MEDIA_TYPE, User};
use protocol::{AgentId, Clock, CloudAnchor, InstanceId};
use relay::token::{self, Claims};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use seal::SigningKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::settings::AgentSettings;
use crate::tls::{self, TlsError};

/// How many users are read at a time.
const PAGE: usize = 500;

/// Why a request to the cloud service failed, for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CloudError {
    /// It cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
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
    /// What time it is.
    pub(crate) clock: Arc<dyn Clock>,
    /// How long a token holds.
    pub(crate) token_lifetime: Duration,
}

/// The way to the cloud service.
pub(crate) struct CloudClient {
    client: reqwest::Client,
    url: Url,
    audience: String,
    caller: Option<Caller>,
}

impl CloudClient {
    /// A client that nobody has enrolled yet.
    pub(crate) fn anonymous(settings: &AgentSettings) -> Result<Self, CloudError> {
        Self::new(settings, None)
    }

    /// A client that proves who it is.
    pub(crate) fn of(settings: &AgentSettings, caller: Caller) -> Result<Self, CloudError> {
        Self::new(settings, Some(caller))
    }

    fn new(settings: &AgentSettings, caller: Option<Caller>) -> Result<Self, CloudError> {
        let config = tls::config(settings.cloud_ca.as_deref().map(Path::as_ref))?;
        let mut config = rustls::ClientConfig::clone(&config);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(settings.cloud_timeout)
            .user_agent(concat!("passback-agent/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| unreachable(&settings.cloud_url, &error))?;
        let (url, audience) = (settings.cloud_url.clone(), settings.cloud_origin());
        Ok(Self { client, url, audience, caller })
    }

    pub(crate) async fn enrol(&self, request: &EnrolRequest) -> Result<EnrolResponse, CloudError> {
        self.post("agent/v1/enrol", request).await
    }

    pub(crate) async fn onboarding(
        &self,
        request: &OnboardingRequest,
    ) -> Result<OnboardingResponse, CloudError> {
        self.post("agent/v1/onboarding", request).await
    }

    pub(crate) async fn offboarding(&self, request: &OffboardingRequest) -> Result<(), CloudError> {
        self.send(Method::POST, "agent/v1/offboarding", Some(request)).await.map(drop)
    }

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
    ) -> Result<Vec<u8>, CloudError> {
        let url = self.url.join(path).map_err(|_| CloudError::Unreadable)?;
        let mut request = self.client.request(method, url);
        if let Some(caller) = &self.caller {
            request = request.bearer_auth(caller.token(&self.audience)?);
        }
        if let Some(body) = body {
            let body = serde_json::to_vec(body).map_err(|_| CloudError::Unreadable)?;
            let media_type =
                if path.starts_with("scim/") { MEDIA_TYPE } else { "application/json" };
            request = request.header(CONTENT_TYPE, media_type).body(body);
        }
        let response = request.send().await.map_err(|error| unreachable(&self.url, &error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| unreachable(&self.url, &error))?;
        if status.is_success() {
            return Ok(body.to_vec());
        }
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or("no reason given").to_owned();
        Err(CloudError::Refused { status: status.as_u16(), detail })
    }
}

impl Caller {
    fn token(&self, audience: &str) -> Result<String, token::TokenError> {
        let now = self.clock.now();
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

/// The whole chain of causes: the last one is the one that helps (for example a certificate that
/// does not have the name).
fn unreachable(url: &Url, error: &reqwest::Error) -> CloudError {
    use std::error::Error as _;
    let mut cause = String::new();
    let mut next = error.source();
    while let Some(error) = next {
        if !cause.is_empty() {
            cause.push_str(": ");
        }
        cause.push_str(&error.to_string());
        next = error.source();
    }
    if cause.is_empty() {
        // The error's own words hold the address, and with it anchors of people.
        cause =
            if error.is_timeout() { "no answer in time" } else { "the request failed" }.to_owned();
    }
    CloudError::Unreachable { url: url.to_string(), cause }
}
