//! How agents are reached: by the relay inside this service, or by one that an organisation put in
//! its place. Everything that the service wants of its relay is said here, and nowhere is it asked
//! which of the two it is.
//!
//! A relay of somebody else's cannot be asked who listens, and cannot be told to cut anybody. What
//! that costs stands in docs/relay.md, "Azure Relay in its place".

mod elsewhere;
mod processes;

use std::time::Duration;

use axum::Router;
use futures_util::future::BoxFuture;
use protocol::InstanceId;
use relay::{Entity, FirstByte, Relay, Request, Response, SendError};

pub(crate) use elsewhere::{Elsewhere, check};

/// A request that may leave.
pub(crate) struct Asked<'a> {
    /// Tells when its first byte does.
    pub(crate) first_byte: FirstByte,
    /// What comes of it.
    pub(crate) answer: BoxFuture<'a, Result<Response, SendError>>,
}

/// The relay that the service sends through. Waiting, expiry and "once only" are not here but with
/// the dispatcher.
pub(crate) trait Reach: Send + Sync {
    /// Whether it is worth asking: somebody listens on `entity`, or it is not known that nobody does.
    fn may_listen(&self, entity: &Entity) -> bool;

    /// Whether people may be told that `entity` is reached, as far as it is known here.
    fn is_up(&self, entity: &Entity) -> bool {
        self.may_listen(entity)
    }

    /// Whether `entity` may not be there, going by how it was when it was last heard of: somebody else
    /// is the better choice, if there is anybody.
    fn has_failed(&self, entity: &Entity) -> bool;

    /// Takes down what the agent of `entity` says itself of its channel.
    fn told(&self, entity: &Entity, listening: Option<bool>) {
        let _ = (entity, listening);
    }

    /// Takes down that this process of the agent of `entity` is alive.
    fn heard(&self, entity: &Entity, instance: InstanceId) {
        let _ = (entity, instance);
    }

    /// Comes as soon as it is worth asking.
    fn wait_for_listener<'a>(&'a self, entity: &'a Entity) -> BoxFuture<'a, ()>;

    /// A number that rises whenever somebody is known to have come, for [`Reach::wait_for_newer`].
    fn newest(&self) -> u64;

    /// Comes as soon as it is known that somebody has begun to listen on `entity` since
    /// [`Reach::newest`] was `than`.
    fn wait_for_newer<'a>(&'a self, entity: &'a Entity, than: u64) -> BoxFuture<'a, ()>;

    /// Gives `request` to one listener of `entity`. From then on its first byte may leave at any
    /// moment; the answer comes within `limit` of the first look at it. Nothing is sent twice.
    ///
    /// # Errors
    /// [`SendError`] with [`relay::Delivered::No`]; that of the answer says what became of it.
    fn ask<'a>(
        &'a self,
        entity: &'a Entity,
        request: Request,
        limit: Duration,
    ) -> Result<Asked<'a>, SendError>;

    /// The processes that are known to listen on `entity`, or to live.
    fn instances(&self, entity: &Entity) -> Vec<InstanceId>;

    /// Cuts whoever listens on `entity`, as far as that can be done from here.
    fn disconnect(&self, entity: &Entity);

    /// The same for an agent that was revoked, which is told so; whether there was somebody.
    fn revoke(&self, entity: &Entity) -> bool;

    /// What the service serves of it.
    fn router(&self) -> Router;

    /// Ends in good order.
    fn drain(&self) -> BoxFuture<'_, ()>;
}

impl Reach for Relay {
    fn may_listen(&self, entity: &Entity) -> bool {
        self.is_listening(entity)
    }

    fn has_failed(&self, entity: &Entity) -> bool {
        !self.is_prompt(entity)
    }

    fn wait_for_listener<'a>(&'a self, entity: &'a Entity) -> BoxFuture<'a, ()> {
        Box::pin(Self::wait_for_listener(self, entity))
    }

    fn newest(&self) -> u64 {
        Self::newest(self)
    }

    fn wait_for_newer<'a>(&'a self, entity: &'a Entity, than: u64) -> BoxFuture<'a, ()> {
        Box::pin(Self::wait_for_newer(self, entity, than))
    }

    fn ask<'a>(
        &'a self,
        entity: &'a Entity,
        request: Request,
        limit: Duration,
    ) -> Result<Asked<'a>, SendError> {
        let asked = Self::ask(self, entity, request)?;
        let first_byte = asked.first_byte().clone();
        let answer = Box::pin(async move { asked.answer(limit).await.map_err(SendError::from) });
        Ok(Asked { first_byte, answer })
    }

    fn instances(&self, entity: &Entity) -> Vec<InstanceId> {
        Self::instances(self, entity)
    }

    fn disconnect(&self, entity: &Entity) {
        Self::disconnect(self, entity);
    }

    fn revoke(&self, entity: &Entity) -> bool {
        Self::revoke(self, entity)
    }

    fn router(&self) -> Router {
        Self::router(self)
    }

    fn drain(&self) -> BoxFuture<'_, ()> {
        Box::pin(Self::drain(self))
    }
}
