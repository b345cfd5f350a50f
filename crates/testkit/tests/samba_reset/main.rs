//! Resets from beginning to end: a scripted browser, the cloud service, the agent and a mail
//! server as processes, and a real Active Directory. What the directory holds is proved by
//! OpenLDAP's client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

mod chain;
mod faults;
mod gates;
mod ready;
mod reset;
mod secrecy;
mod world;
