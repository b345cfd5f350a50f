//! A stream of bytes over requests that are parked: the second transport, for networks that let
//! HTTPS through but no WebSocket (SPEC A-6, W-6). What goes through it is the same WebSocket, with
//! the same handshake and the same tokens; this only carries its bytes.
//!
//! ```text
//! POST   /$tunnel                 201, the tunnel's secret name in the body
//! GET    /$tunnel/bytes?from=N    the bytes from the Nth on, as soon as there are some; 204 after
//!                                 [`PARKED`] without any; 410 after the last one
//! POST   /$tunnel/bytes?at=N      bytes, of which the first is the Nth; 204 when all are taken
//! DELETE /$tunnel/bytes           the end
//! ```
//!
//! All but the first carry the name as `Authorization: Bearer NAME`: addresses are written into the
//! logs of proxies, and that header is left out of them as a rule. No answer may be kept by a cache: the same
//! address is another stream for another name.
//!
//! Both directions are counted, so that a request whose answer was lost is simply made again: what
//! arrived twice is dropped, and what was not acknowledged is kept. `from=N` acknowledges everything
//! before N. A new `GET` ends one that is still parked. A tunnel that nobody asks about for
//! [`SILENCE`] is closed, and sooner one inside which nobody has shown a token.
//!
//! Azure Relay has no such thing; it is between our agent and our relay only.

pub(crate) mod client;
pub(crate) mod server;

use std::time::Duration;

use crate::entity::Entity;

/// The path of tunnels.
pub(crate) const PATH: &str = "/$tunnel";
/// The path of a tunnel's bytes.
pub(crate) const BYTES: &str = "/$tunnel/bytes";
/// How long a request for bytes is parked. Proxies give up on an answer after 30 to 60 s.
pub(crate) const PARKED: Duration = Duration::from_secs(25);
/// After so long without a request a tunnel is given up.
pub(crate) const SILENCE: Duration = Duration::from_secs(45);
/// The most bytes of one answer or one request: what a connection that breaks costs.
pub(crate) const PIECE: usize = 16 * 1024;
/// How many tunnels a relay has at most.
pub(crate) const TUNNELS_MAX: usize = 4_096;

/// Says of the answer to a handshake whose channel it opens, as an extension.
#[derive(Debug, Clone)]
pub(crate) struct Listens(pub(crate) Entity);
