//! The cloud service: pages, flows, gates, dispatcher, SCIM, the agents' routes, mail.
//!
//! It never speaks LDAP and cannot open a password that it carries (`docs/decisions`): what it
//! holds of a password is sealed for an agent's key, in the browser where scripting is on.
//!
//! ```text
//! http        pages of a reset, one file per page; the ticket and the sealed password
//! flow        the next step, derived from recorded facts by one pure function
//! gate        methods of proof; each gives GatePassed, enough of them give Cleared
//! availability  is writeback up for this tenant
//! dispatch    one operation from submission to its settled outcome
//! agent_api   enrolment, onboarding, heartbeat;  scim: the people that agents export
//! notify      mails;  locale: languages;  settings: the configuration
//! serve       `passback serve`;  alone: that no other process does;  leaving: its end in good order
//! reach       how agents are reached: by the relay in here, or by one elsewhere
//! relay_alone `passback relay`: the relay by itself, with a configuration of its own
//! ```
//!
//! A request is served with [`app::App`]; time and randomness come from it.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test reports a broken expectation by panicking"
    )
)]

mod agent_api;
mod alone;
pub mod app;
mod availability;
pub mod cli;
mod connection;
mod dispatch;
mod flow;
mod gate;
mod http;
mod leaving;
mod locale;
mod moment;
mod notify;
mod patience;
mod reach;
mod relay_alone;
mod revocation;
mod scim;
pub mod serve;
mod settings;
mod shares;
pub mod steps;
mod support;
mod surroundings;
#[cfg(test)]
mod testing;
mod tls;
mod vault;

pub use notify::{Message, Notifier};
pub use settings::CloudSettings;
pub use surroundings::Surroundings;
