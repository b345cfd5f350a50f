//! What the relay allows, each with its source. All can be configured (INTERFACES "Commands").

use std::time::Duration;

/// The largest body that may use the control channel, in bytes. Relay protocol, "Limits".
pub const BODY_MAX: usize = 64 * 1024;
/// The most bytes of headers and body of a request, or of the body of an answer, that travel by a
/// rendezvous. Relay protocol, "Limits".
pub const RENDEZVOUS_MAX: usize = 1024 * 1024;
/// The most bytes in the names and values of all headers. Relay protocol, "Limits".
pub const HEADERS_MAX: usize = 32 * 1024;
/// The largest message on the control channel, in bytes. [`HEADERS_MAX`] may grow sixfold when
/// every byte becomes a `\u00XX` of JSON; the rest is for ids, addresses and tokens.
pub const MESSAGE_MAX: usize = 6 * HEADERS_MAX + 32 * 1024;
/// The longest token, in bytes. Ours take about 450; the header of an HTTP request holds no more
/// than this with most servers.
pub const TOKEN_MAX: usize = 8 * 1024;
/// How much a WebSocket reads at once, in bytes. With the default an idle connection takes
/// 149 kB, with this 21 kB (DEPENDENCIES "WebSocket").
pub(crate) const READ_BUFFER: usize = 4_096;
/// How much a WebSocket gathers before it writes by itself, in bytes: as much as one TLS record
/// carries. What is less waits for the flush that ends every batch, so that the two messages of a
/// request, and requests that are there at the same time, leave together.
pub(crate) const WRITE_BUFFER: usize = 16 * 1024;

/// The limits of a relay.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long an answer may take; a delivery may ask for less. Where the sender is one of HTTP,
    /// how long the answer may take to begin, and then to end. Relay protocol, "Control channel".
    pub response: Duration,
    /// How long the address of a rendezvous works. Relay protocol, "Control channel".
    pub rendezvous: Duration,
    /// How often the relay pings. Relay protocol, "Control channel".
    pub ping: Duration,
    /// How long a channel may leave pings unanswered before it is given up: two pings and the
    /// time to answer. Relay protocol, "Limits and promises".
    pub silence: Duration,
    /// How long the handshake may take, the authority's answer included. Relay protocol.
    pub handshake: Duration,
    /// How long a channel outlives its token, because published clients renew at the very second
    /// of expiry: 60 to 120 s. Looked at with every ping.
    pub grace: Duration,
    /// How far the clock of the token's maker may be off. SPEC W-11.
    pub clock_difference: Duration,
    /// How many channels one entity may have. Relay protocol, "Limits and promises".
    pub listeners_per_entity: usize,
    /// How many requests may wait to be written to one listener. Relay protocol.
    pub queue_requests: usize,
    /// How many bytes of requests may wait to be written to one listener. Relay protocol.
    pub queue_bytes: usize,
    /// How many requests of senders may be under way at one entity, from their heads until their
    /// answers are taken. With answers of [`BODY_MAX`] they hold 32 MiB. Ours.
    pub requests_per_entity: usize,
    /// The same of all entities.
    pub requests: usize,
    /// How many of one entity's may be at work without waiting for their turn, so that a flood at
    /// one entity is not what every other entity's requests stand behind. Ours, for the relay
    /// protocol's promise to other tenants.
    pub turns_per_entity: usize,
    /// How long a request waits for its turn at most: where a listener is slow, turns are not what
    /// holds requests up. Ours.
    pub turn: Duration,
    /// How many bytes of senders' headers and bodies, and of answers that come by a rendezvous, may
    /// be held at one entity. Ours.
    pub bytes_per_entity: usize,
    /// The same of all entities.
    pub bytes: usize,
    /// How many WebSockets senders may have to one entity. Each may hold a message of
    /// [`RENDEZVOUS_MAX`] in both directions. Ours.
    pub sockets_per_entity: usize,
    /// The same of all entities.
    pub sockets: usize,
    /// How long a listener may take no byte of what is being written to it, where the server that
    /// owns the port counts what is taken (see [`Taken`](crate::Taken)); else how long one message
    /// may take. Relay protocol.
    pub slow_listener: Duration,
    /// How long a refused listen waits for its refusal, and a sender for that of its token: a
    /// mis-keyed published client tries 255 times a second. Relay protocol, "Limits and promises".
    pub refused_listen: Duration,
    /// How many listeners may wait for that, and how many senders; above it a listener is refused at
    /// once, and a sender told "not now". Ours.
    pub refused_waiting: usize,
    /// How long what is in flight may take to end when the relay drains. Relay protocol.
    pub drain: Duration,
    /// How far apart a draining relay closes its channels, so that they do not all come back at
    /// once.
    pub drain_pace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            response: Duration::from_secs(60),
            rendezvous: Duration::from_secs(30),
            ping: Duration::from_secs(20),
            silence: Duration::from_secs(45),
            handshake: Duration::from_secs(10),
            grace: Duration::from_secs(60),
            clock_difference: protocol::limits::CLOCK_DIFFERENCE_MAX,
            listeners_per_entity: 25,
            queue_requests: 256,
            queue_bytes: 1024 * 1024,
            requests_per_entity: 512,
            requests: 4_096,
            turns_per_entity: 16,
            turn: Duration::from_millis(50),
            bytes_per_entity: 32 * 1024 * 1024,
            bytes: 256 * 1024 * 1024,
            sockets_per_entity: 64,
            sockets: 512,
            slow_listener: Duration::from_secs(5),
            refused_listen: Duration::from_secs(1),
            refused_waiting: 1_024,
            drain: Duration::from_secs(30),
            drain_pace: Duration::from_millis(5),
        }
    }
}
