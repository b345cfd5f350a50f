//! Why a channel is closed, as the other side is told (RFC 6455, 7.4; relay protocol "Close
//! codes"). A reason has at most 123 bytes.

/// A close code and its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
}

impl Close {
    /// What a listener sends when it stops of its own accord.
    pub(crate) const LISTENER_LEFT: Self = Self { code: 1000, reason: "listener left" };
    /// What a rendezvous was opened for is done.
    pub(crate) const EXCHANGE_OVER: Self = Self { code: 1000, reason: "exchange over" };
    /// The relay is being shut down: the listener is to come back, to another node or to the next
    /// start.
    pub(crate) const DRAINING: Self = Self { code: 1001, reason: "node draining" };
    /// The entity is not known any more, for example because its agent was revoked.
    pub(crate) const ENTITY_GONE: Self = Self { code: 1001, reason: "entity gone" };
    /// The sender of a raw WebSocket went away without a word.
    pub(crate) const SENDER_LEFT: Self = Self { code: 1001, reason: "sender left" };
    /// The other side of a raw WebSocket is gone, or takes nothing more.
    pub(crate) const OTHER_SIDE_GONE: Self = Self { code: 1001, reason: "other side gone" };
    /// The one code that the relay protocol does not list: RFC 6455's own for a peer that does
    /// not keep to the protocol.
    pub(crate) const MALFORMED: Self = Self { code: 1002, reason: "malformed frame" };
    /// The listener's token ran out and was not renewed in time.
    pub(crate) const TOKEN_EXPIRED: Self = Self { code: 1008, reason: "token expired" };
    /// The token that should renew the right to listen is malformed, not valid, or for something
    /// else.
    pub(crate) const TOKEN_REFUSED: Self = Self { code: 1008, reason: "token refused" };
    /// A message or body is larger than the channel carries ([`BODY_MAX`](crate::limits::BODY_MAX)
    /// bytes for a body).
    pub(crate) const TOO_BIG: Self = Self { code: 1009, reason: "larger than the channel carries" };
    /// Something on the relay's own side failed, such as asking who may listen.
    pub(crate) const INTERNAL: Self = Self { code: 1011, reason: "internal" };
}
