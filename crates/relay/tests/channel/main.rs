//! Relay and listener together, over real TLS on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

mod by_hand;
mod crowds;
mod delivery;
mod draining;
mod excess;
mod faults;
mod fragments;
mod hands;
mod handshake;
mod heads;
mod http_proxy;
mod http_sender;
mod known;
mod listener;
mod long_polling;
mod malformed;
mod nodes;
mod port;
mod promises;
mod proxy;
mod rendezvous;
mod renewals;
mod senders;
mod shared_keys;
mod sockets;
mod world;
