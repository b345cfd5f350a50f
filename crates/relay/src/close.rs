//! Why a channel is closed, as the other side is told (RFC 6455, 7.4; relay protocol "Close
//! codes"). A reason has at most 123 bytes.

/// A close code and its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
}

impl Close {
    pub(crate) const LISTENER_LEFT: Self = Self { code: 1000, reason: "listener left" };
    pub(crate) const DRAINING: Self = Self { code: 1001, reason: "node draining" };
    pub(crate) const ENTITY_GONE: Self = Self { code: 1001, reason: "entity gone" };
    /// The one code that the relay protocol does not list: RFC 6455's own for a peer that does
    /// not keep to the protocol.
    pub(crate) const MALFORMED: Self = Self { code: 1002, reason: "malformed frame" };
    pub(crate) const TOKEN_EXPIRED: Self = Self { code: 1008, reason: "token expired" };
    pub(crate) const TOKEN_REFUSED: Self = Self { code: 1008, reason: "token refused" };
    pub(crate) const TOO_BIG: Self = Self { code: 1009, reason: "larger than the channel carries" };
    pub(crate) const INTERNAL: Self = Self { code: 1011, reason: "internal" };
}
