//! The package for one agent, and the answer to it: under which key they are sealed, and whose they are.

use bytes::Bytes;
use protocol::{AgentId, Answer, Header, KeyId};
use relay::Entity;
use seal::{PackageKey, VerifyingKey};
use store::StoreError;
use store::agents::{Agent, AgentKey};
use store::operations::{OperationRecord, TicketAgent};

use crate::app::App;
use crate::dispatch::SealedPassword;
use crate::dispatch::declined::is_second_choice;
use crate::vault::place_of_package_key;

/// A package that is ready to leave for one agent.
pub(super) struct Packed {
    /// The agent, and the key that the password is sealed for.
    pub(super) offer: TicketAgent,
    /// What it says of itself.
    pub(super) header: Header,
    /// What it and its answer are sealed under.
    pub(super) key: PackageKey,
    /// What leaves.
    pub(super) package: Bytes,
}

/// The package for the first of the agents that listens at this moment, if one does. `keys` are those of
/// the agents that something is sealed for, in that order.
pub(super) fn pack_now(
    app: &App,
    record: &OperationRecord,
    offered: &[TicketAgent],
    sealed: &[SealedPassword],
    keys: &[Option<AgentKey>],
) -> Option<Packed> {
    let entity = |one: &SealedPassword| Entity::of(record.tenant, one.agent);
    let listens = |(one, _): &(&SealedPassword, _)| app.relay.may_listen(&entity(one));
    let first = sealed.iter().zip(keys).filter(listens);
    let (one, keys) = first.min_by_key(|(one, _)| is_second_choice(app, &entity(one)))?;
    packed(app, record, offered, one, keys.as_ref())
}

/// Puts the outer layer around a sealed password; see [`packed`].
pub(super) async fn pack(
    app: &App,
    record: &OperationRecord,
    offered: &[TicketAgent],
    sealed: &SealedPassword,
) -> Result<Option<Packed>, StoreError> {
    let keys = app.store.agent_key(sealed.agent).await?;
    Ok(packed(app, record, offered, sealed, keys.as_ref()))
}

/// Puts the outer layer around a sealed password. None if nothing can be sent to its agent: it was
/// revoked, offboarded or onboarded anew since the ticket.
fn packed(
    app: &App,
    record: &OperationRecord,
    offered: &[TicketAgent],
    sealed: &SealedPassword,
    keys: Option<&AgentKey>,
) -> Option<Packed> {
    let offer = offered.iter().find(|offer| offer.agent == sealed.agent).copied()?;
    let header = record.header(offer);
    let key = usable(app, offer.agent, keys?, Some(offer.key_id))?;
    let package = seal::seal_request(&key, &header, &sealed.inner, app.randomness.as_ref());
    let Ok(package) = package else {
        tracing::error!(event = "dispatch.not_sealed", request = %record.request);
        return None;
    };
    Some(Packed { offer, header, key, package: Bytes::from(package) })
}

/// The package key of an agent; none if it was revoked or offboarded, or if its RSA key is not
/// the `expected` one any more.
pub(super) async fn package_key(
    app: &App,
    agent: AgentId,
    expected: Option<KeyId>,
) -> Result<Option<PackageKey>, StoreError> {
    let keys = app.store.agent_key(agent).await?;
    Ok(keys.and_then(|keys| usable(app, agent, &keys, expected)))
}

/// The package key among these keys of an agent; none if its RSA key is not the `expected` one any more.
fn usable(
    app: &App,
    agent: AgentId,
    keys: &AgentKey,
    expected: Option<KeyId>,
) -> Option<PackageKey> {
    if expected.is_some_and(|expected| expected != keys.key_id) {
        return None;
    }
    let unwrapped = app.master_key.unwrap(&place_of_package_key(agent), &keys.package_key);
    let key = unwrapped.and_then(|bytes| PackageKey::from_bytes(&bytes));
    key.inspect_err(|error| {
        tracing::error!(
            event = "dispatch.package_key_unreadable",
            %agent,
            cause = %error,
            "is this the master key that the database was written with?"
        );
    })
    .ok()
}

/// Opens an answer of the agent that the header names.
pub(super) async fn open(
    app: &App,
    key: &PackageKey,
    header: &Header,
    body: &[u8],
) -> Result<Option<Answer>, StoreError> {
    let signer = app.store.agent(header.agent).await?;
    Ok(signer.and_then(|signer| opened_by(key, &signer, header, body)))
}

/// Opens an answer; one that is not the agent's own, for this very request, counts for nothing.
pub(super) fn opened_by(
    key: &PackageKey,
    signer: &Agent,
    header: &Header,
    body: &[u8],
) -> Option<Answer> {
    let identity = VerifyingKey::from_bytes(&signer.identity_key);
    identity
        .and_then(|identity| seal::open_answer(key, &identity, header, body))
        .inspect_err(|error| {
            tracing::error!(event = "dispatch.answer_refused", request = %header.request, cause = %error);
        })
        .ok()
}

/// Opens the answer to a question how an operation ended. It comes under the agent's present
/// package key, whichever the request came under.
pub(super) async fn open_settlement(
    app: &App,
    header: &Header,
    body: &[u8],
) -> Result<Option<Answer>, StoreError> {
    let Some(key) = package_key(app, header.agent, None).await? else { return Ok(None) };
    open(app, &key, header, body).await
}
