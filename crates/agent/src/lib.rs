//! The agent: the on-premises side, which only ever dials out.
//!
//! ```text
//! intake      refuses by version, size, expiry; opens; begins the journal's entry
//! writeback   resolve → guard → note before → set at the PDC emulator → finish
//! guard       protected? in scope? disabled? too young?
//! journal     what makes a request change a password exactly once or not at all
//! audit       what was done with every request, chained, in the journal's file
//! settle      what a crash or cut left open, settled by looking at the directory
//! directories one client per configured directory
//! duties      what is done beside listening, again and again
//! cycle       import → synchronise → export
//! cloud       the agent's HTTPS requests: enrolment, onboarding, heartbeat, SCIM
//! health      heartbeat and the probe of the LDAP path;  clocks: how far they differ
//! nodes       where else the cloud service may be listened at, as its heartbeats say
//! surroundings  what the agent is given: time, transport, directories
//! permissions what the service account may do;  explain: one person
//! state       identity and keys on disk, encrypted;  settings: the configuration
//! ```
//!
//! Crash points ([`steps::Step`]) are places between which a process may die; a test iterates
//! them. What is refused is refused before the directory is asked.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test reports a broken expectation by panicking"
    )
)]

pub mod audit;
pub mod cli;
mod clocks;
mod cloud;
mod cycle;
mod directories;
mod duties;
mod elsewhere;
mod enrol;
mod explain;
mod guard;
mod health;
mod intake;
pub mod journal;
mod nodes;
mod permissions;
mod run;
mod settings;
mod settle;
mod state;
pub mod steps;
mod surroundings;
mod tls;
mod writeback;

pub use cycle::{CycleError, CycleReport};
pub use directories::SetUpError;
pub use enrol::{EnrolError, disable, enable, enrol};
pub use run::{RunError, SynchroniseError, run, synchronise};
pub use settings::{
    AgentSettings, DirectorySettings, ProxySettings, RelaySettings, RelayTransport,
};
pub use surroundings::{OpenDirectory, Surroundings, WayError};
pub use tls::TlsError;
