//! What is carried: one HTTP-like request, one answer.

use std::fmt;

use bytes::Bytes;

/// A request to one listener. What it says is between sender and listener: the relay looks at
/// sizes only.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The HTTP method.
    pub method: String,
    /// Path and query as the listener shall see them.
    pub target: String,
    /// Name and value of each header. Those of connection management and relay tokens are not
    /// forwarded; values of one name are joined with a comma (RFC 9110, 5.3).
    pub headers: Vec<(String, String)>,
    /// The body, at most [`crate::limits::BODY_MAX`] bytes.
    pub body: Bytes,
}

/// A listener's answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status, 200 to 599.
    pub status: u16,
    /// What the status is called, where that is not its usual name (RFC 9112, 4). Else empty.
    pub reason: String,
    /// Name and value of each header.
    pub headers: Vec<(String, String)>,
    /// The body, at most [`crate::limits::BODY_MAX`] bytes.
    pub body: Bytes,
}

impl Response {
    /// An answer of a status only.
    pub fn empty(status: u16) -> Self {
        Self { status, reason: String::new(), headers: Vec::new(), body: Bytes::new() }
    }
}

// Neither headers nor body are for logs: they are the sender's and the listener's.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, body, .. } = self;
        write!(f, "Request({method}, {} bytes)", body.len())
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({}, {} bytes)", self.status, self.body.len())
    }
}

/// Why a request got no answer, and whether the listener may have seen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (delivered: {delivered})")]
pub struct DeliveryError {
    /// What went wrong.
    pub kind: DeliveryErrorKind,
    /// Whether the listener may have seen the request.
    pub delivered: Delivered,
}

/// What went wrong with a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryErrorKind {
    /// Nobody listens there.
    #[error("nobody listens")]
    NoListener,
    /// The channel that was asked ended before it answered.
    #[error("the listener was lost before it answered")]
    ListenerLost,
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// Too much is queued for every listener there, or the relay is draining.
    #[error("the relay takes no more requests for this listener")]
    Busy,
    /// The request or its answer is larger than the channel carries.
    #[error("larger than the channel carries")]
    TooBig,
}

/// Whether the listener has seen a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    /// Certainly not: not a byte of it was written. Only then may it be sent again elsewhere.
    No,
    /// Certainly: the listener began to answer it, or answered a ping that was sent after it.
    Yes,
    /// It was written, at least in part; nobody can tell how far it came.
    Unknown,
}

impl fmt::Display for Delivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::No => "no",
            Self::Yes => "yes",
            Self::Unknown => "unknown",
        })
    }
}
