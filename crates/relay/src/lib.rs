//! The rendezvous between cloud service and agent: a relay, and the listener that dials out to
//! it. It speaks the public protocol of Azure Relay Hybrid Connections, so that Azure Relay can
//! take its place. What users need to know stands in `docs/relay.md`.
//!
//! ```text
//! listener → relay   GET /$hc/{entity}?sb-hc-action=listen, ServiceBusAuthorization: token
//!                    (101, or 400 malformed · 401 token · 403 other path · 404 unknown · 503 later)
//! sender             deliver(entity, request), or, where the relay stands alone, HTTP at /{entity}:
//!                    one live channel is chosen, for good
//! relay → listener   text {"request": …}, then one binary message with the body if there is one
//! listener → relay   text {"response": …}, then one binary message with the body if there is one
//! listener → relay   text {"renewToken": {"token": …}} before the channel's token expires
//! ```
//!
//! A relay that stands alone has rendezvous besides, WebSockets that the listener opens once, for
//! one exchange, at an address that it was told:
//!
//! ```text
//! too large for the channel   {"request": {address, id}} → the request and its answer travel there
//! a sender's WebSocket        {"accept": {address, …}} → there the two are piped into each other,
//!                             or the listener declines: &sb-hc-statusCode=…, answered 410
//! ```
//!
//! A relay of somebody else's is sent to over HTTPS, with shared keys, by the `sender`, which says of
//! each request whether it may have arrived.
//!
//! Where a network lets no WebSocket through, the listener's goes over requests that are parked:
//! `POST /$tunnel`, then `GET` and `POST /$tunnel/bytes` (module `tunnel`; ours alone).
//!
//! # Frames
//!
//! JSON, one top-level key names the command, unknown keys are ignored:
//!
//! ```text
//! {"request":  {"address", "id", "requestTarget", "method", "requestHeaders": {name: value},
//!               "body": bool, "remoteEndpoint": {"address", "port"}}}
//!                                                     only address and id: waits elsewhere
//! {"accept":   {"address", "id", "connectHeaders": {name: value}, "remoteEndpoint"}}
//! {"response": {"requestId", "statusCode": 200…599 or "200"…"599", "statusDescription",
//!               "responseHeaders": {name: value}, "body": bool}}          in any order
//! {"renewToken": {"token"}}                                               no reply
//! ```
//!
//! Nothing comes between a frame and its body. Request ids are random and known only to the
//! channel that was asked; another channel's answer is dropped. Pings carry a number: the pong
//! to a ping that was sent after a request proves that the request arrived.
//!
//! # Limits
//!
//! ```text
//! body 64 KiB, headers 32 KiB, message 224 KiB    · larger ends the channel with 1009
//! 1 MiB by a rendezvous, once, within 30 s        · then 403
//! answer begun within 60 s, and in 60 s more over · then "timeout"
//! ping every 20 s, silence of 45 s                · both sides give the channel up
//! token's expiry + 60 s                           · then 1008
//! 256 requests or 1 MiB waiting to be written     · then "busy"
//! 512 requests, 32 MiB, 64 WebSockets per entity  · then "busy"; eight times that in all
//! 5 s without taking a byte                       · the channel is cut
//! 25 channels per entity                          · then 503
//! ```
//!
//! Close codes: 1000 listener left (with "all answered": it took nothing else), 1001 entity gone or
//! node draining, 1002 malformed frame, 1008 token, 1009 too big, 1011 internal.
//!
//! # Working here
//!
//! Waiting, expiry and "once only" are not here but with the dispatcher and the journal. What
//! messages mean is decided in `session`, which has no socket and no clock and is tested message
//! by message; `server` and `listener` move bytes. Promises about time are tested on time that is
//! the test's (`tests/channel/promises.rs`), those about published clients in the crate of the
//! program (`crates/cloud/tests/relay_alone`). This crate must never depend on `seal`: a
//! relay that could open what it carries would be another relay.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test reports a broken expectation by panicking"
    )
)]

mod address;
mod backoff;
mod close;
mod dial;
mod entity;
mod first_byte;
mod frame;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod headers;
pub mod limits;
mod listener;
mod message;
mod node;
mod sender;
mod server;
mod session;
mod taken;
pub mod token;
mod transport;
mod tunnel;

pub use address::{RelayAddress, RelayAddressError};
pub use backoff::Reconnect;
pub use dial::{Dial, Dialled};
pub use entity::{ENTITY_MAX, Entity, EntityError};
pub use first_byte::FirstByte;
pub use futures_util::future::BoxFuture;
pub use limits::Limits;
pub use listener::{Handler, ListenerConfig, Status, TokenSource, listen};
pub use message::{Delivered, DeliveryError, DeliveryErrorKind, Request, Response};
pub use node::{node_of, nodes_of};
pub use sender::{HttpSender, SendError, SendErrorKind};
pub use server::{Asked, Authority, AuthorityError, Relay};
pub use taken::{Counting, Taken};
pub use transport::{
    ByteStream, Proxy, ProxyError, TlsTransport, Transport, TransportError, TrustError, trust,
};
pub use tunnel::client::LongPolling;
