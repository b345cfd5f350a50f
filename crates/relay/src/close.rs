//! Why a channel is closed, as the other side is told (RFC 6455, 7.4; relay protocol "Close
//! codes").

/// A close code and its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
}

/// The longest reason, in bytes: a control frame has 125, two of which are the code (RFC 6455, 5.5).
const REASON_MAX: usize = 123;

impl Close {
    /// What a listener sends when it stops of its own accord.
    pub(crate) const LISTENER_LEFT: Self = Self::of(1000, "listener left");
    /// The same where it has answered all that it took: what it has not answered, it has not taken.
    pub(crate) const ALL_ANSWERED: Self = Self::of(1000, "listener left, all answered");
    /// What a rendezvous was opened for is done.
    pub(crate) const EXCHANGE_OVER: Self = Self::of(1000, "exchange over");
    /// The relay is being shut down: the listener is to come back, to another node or to the next
    /// start.
    pub(crate) const DRAINING: Self = Self::of(1001, "node draining");
    /// The entity is not known any more, for example because its agent was offboarded.
    pub(crate) const ENTITY_GONE: Self = Self::of(1001, "entity gone");
    /// The same where an administrator has revoked the agent.
    pub(crate) const REVOKED: Self = Self::of(1001, "agent revoked");
    /// The sender of a raw WebSocket went away without a word.
    pub(crate) const SENDER_LEFT: Self = Self::of(1001, "sender left");
    /// The other side of a raw WebSocket is gone, or takes nothing more.
    pub(crate) const OTHER_SIDE_GONE: Self = Self::of(1001, "other side gone");
    /// The one code that the relay protocol does not list: RFC 6455's own for a peer that does
    /// not keep to the protocol.
    pub(crate) const MALFORMED: Self = Self::of(1002, "malformed frame");
    /// The listener's token ran out and was not renewed in time.
    pub(crate) const TOKEN_EXPIRED: Self = Self::of(1008, "token expired");
    /// The token that should renew the right to listen is malformed, not valid, or for something
    /// else.
    pub(crate) const TOKEN_REFUSED: Self = Self::of(1008, "token refused");
    /// A message or body is larger than the channel carries ([`BODY_MAX`](crate::limits::BODY_MAX)
    /// bytes for a body).
    pub(crate) const TOO_BIG: Self = Self::of(1009, "larger than the channel carries");
    /// Something on the relay's own side failed, such as asking who may listen.
    pub(crate) const INTERNAL: Self = Self::of(1011, "internal");

    /// All of them are constants: one with a reason that is too long does not compile.
    const fn of(code: u16, reason: &'static str) -> Self {
        assert!(reason.len() <= REASON_MAX, "longer than a control frame");
        Self { code, reason }
    }
}
