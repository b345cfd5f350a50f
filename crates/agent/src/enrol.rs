//! Enrolment, onboarding and offboarding (SPEC ).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::InstanceId;
use protocol::onboarding::{EnrolRequest, OffboardingRequest, OnboardingRequest};
use seal::{AgentKeys, KeyPair, PackageKey, SealError, SigningKey};
use serde_json::json;

use crate::audit::Event;
use crate::cloud::{Caller, CloudClient, CloudError};
use crate::journal::{Journal, JournalError};
use crate::settings::AgentSettings;
use crate::state::{Identity, StateDir, StateError, StateLock, WritebackKeys};
use crate::surroundings::Surroundings;

/// Why enrolment or onboarding did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The state directory.
    #[error(transparent)]
    State(#[from] StateError),
    /// The cloud service.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Keys could not be made.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The cloud holds other keys than were offered.
    #[error("the cloud service holds other keys than this agent offered; enable writeback again")]
    OtherKeys,
}

/// The agent's identity with what it needs to ask the cloud service.
pub(crate) struct Enrolled {
    /// The state directory.
    pub(crate) state: StateDir,
    /// Who the agent is.
    pub(crate) identity: Identity,
    /// The agent identity.
    pub(crate) key: Arc<SigningKey>,
    /// This process.
    pub(crate) instance: InstanceId,
    /// The way to the cloud service.
    pub(crate) cloud: Arc<CloudClient>,
}

impl Enrolled {
    /// Opens the state of an enrolled agent for itself alone: for whoever uses the keys or changes
    /// them.
    pub(crate) fn open_alone(
        settings: &AgentSettings,
        surroundings: &Surroundings,
    ) -> Result<(Self, StateLock), EnrolError> {
        let lock = StateDir::open(&settings.state_dir, &settings.vault_key)?.lock()?;
        Ok((Self::open(settings, surroundings)?, lock))
    }

    /// Opens the state of an enrolled agent.
    pub(crate) fn open(
        settings: &AgentSettings,
        surroundings: &Surroundings,
    ) -> Result<Self, EnrolError> {
        let state = StateDir::open(&settings.state_dir, &settings.vault_key)?;
        let (identity, key) = state.identity()?;
        let key = Arc::new(key);
        let instance = InstanceId::random(&*surroundings.randomness);
        let caller = Caller {
            agent: identity.agent,
            instance,
            identity: Arc::clone(&key),
            token_lifetime: settings.token_lifetime,
        };
        let cloud = Arc::new(CloudClient::of(settings, surroundings, caller));
        Ok(Self { state, identity, key, instance, cloud })
    }
}

/// Spends an enrolment code for an agent identity.
///
/// # Errors
/// [`EnrolError`]; nothing is kept then.
pub async fn enrol(
    settings: &AgentSettings,
    code: &str,
    name: &str,
    surroundings: &Surroundings,
) -> Result<Identity, EnrolError> {
    let randomness = &*surroundings.randomness;
    let state = StateDir::create(&settings.state_dir, &settings.vault_key, randomness)?;
    state.refuse_if_enrolled()?;
    let key = SigningKey::generate()?;
    let request = EnrolRequest {
        code: code.to_owned(),
        name: name.to_owned(),
        identity_key: URL_SAFE_NO_PAD.encode(key.verifying_key().to_bytes()),
    };
    let enrolled = CloudClient::anonymous(settings, surroundings).enrol(&request).await?;
    let identity = Identity { tenant: enrolled.tenant, agent: enrolled.agent, relay_url: None };
    state.keep_identity(&identity, &key, randomness)?;
    Ok(identity)
}

/// Enables writeback: makes the keys, keeps them, and gives the cloud its halves. Two messages; the
/// cloud uses the keys only after the second, which says that they are on the agent's disk.
///
/// # Errors
/// [`EnrolError`]; it can be carried out again.
pub async fn enable(
    settings: &AgentSettings,
    surroundings: &Surroundings,
) -> Result<(), EnrolError> {
    let (clock, randomness) = (&*surroundings.clock, &*surroundings.randomness);
    let (enrolled, _lock) = Enrolled::open_alone(settings, surroundings)?;
    let made = WritebackKeys {
        listen: SigningKey::generate()?,
        keys: AgentKeys::new(KeyPair::generate()?, PackageKey::generate(randomness)),
    };
    let current = made.keys.current();
    let key_id = current.pair.public().key_id().to_string();
    let offer = OnboardingRequest::Offer {
        spki: URL_SAFE_NO_PAD.encode(current.pair.public().spki()),
        package_key: URL_SAFE_NO_PAD.encode(current.package_key.as_bytes()),
        listen_key: URL_SAFE_NO_PAD.encode(made.listen.verifying_key().to_bytes()),
    };
    let answer = enrolled.cloud.onboarding(&offer).await?;
    if answer.key_id != key_id {
        return Err(EnrolError::OtherKeys);
    }
    // Beside a new journal the old keys would take old messages, should this end half way.
    if !Journal::is_whole(enrolled.state.path()).await {
        enrolled.state.destroy_writeback_keys()?;
    }
    // Old packages cannot be opened with the new keys, so a fresh journal forgets nothing that
    // could come back; and it knows that it cannot answer for what was issued before.
    let journal = Journal::create(enrolled.state.path(), clock.now()).await?;
    let tell = async |name| {
        let event = Event::of_agent(name, json!({ "key_id": key_id.as_str() }));
        journal.record(&[event], clock.now()).await
    };
    tell("writeback.enabling").await?;
    enrolled.state.keep_writeback_keys(&made, randomness)?;
    let relay_url = Some(answer.relay_url);
    enrolled.state.keep_agent(&Identity { relay_url, ..enrolled.identity })?;
    let confirm = OnboardingRequest::Confirm { key_id: key_id.clone() };
    enrolled.cloud.onboarding(&confirm).await?;
    tell("writeback.enabled").await?;
    journal.close().await;
    Ok(())
}

/// Disables writeback: the cloud forgets its halves, then the agent destroys its own. The identity
/// stays.
///
/// # Errors
/// [`EnrolError`]; it can be carried out again.
pub async fn disable(
    settings: &AgentSettings,
    surroundings: &Surroundings,
) -> Result<(), EnrolError> {
    let (enrolled, _lock) = Enrolled::open_alone(settings, surroundings)?;
    enrolled.cloud.offboarding(&OffboardingRequest::Stop).await?;
    enrolled.state.destroy_writeback_keys()?;
    enrolled.state.keep_agent(&Identity { relay_url: None, ..enrolled.identity })?;
    enrolled.cloud.offboarding(&OffboardingRequest::Destroyed).await?;
    // Only now: where the journal was gone, a new one beside the old keys would take old messages.
    let now = surroundings.clock.now();
    let journal = Journal::create(enrolled.state.path(), now).await?;
    journal.record(&[Event::of_agent("writeback.disabled", json!({}))], now).await?;
    journal.close().await;
    Ok(())
}
