//! An Active Directory in memory, for tests and for a demo that needs nothing installed.
//!
//! It answers as a real one was seen to answer (LAB.md); where the two differ, the contract suite in
//! `tests` fails, which runs on this and on Samba alike. It is a crate of its own so that no
//! program that is released can contain it.
//!
//! ```text
//! FakeDomain    the domain: what a test asks it
//!   administer, wrong   what an administrator does to it, and what goes wrong
//!   build, builtin, person, population   what is put into it
//!   state, object, values, metadata      what is kept
//!   groups, access, descriptor, rules    what follows from it
//!   bind, search, modify, answer         what a controller does, as LDAP has it
//!   filter, render                       how a search is answered
//!   faults, journal                      what went wrong, and what was set
//! FakeDirectory   the agent's view (`directory::Directory`), without any socket
//! serve           the same over LDAPS and DNS, for the agent's own LDAP client
//! ```
//!
//! To add an attribute: nothing, if it is only stored; in `render` if it is computed. To add a
//! fault: a variant in [`Fault`], and what it does in `fake` and in `serve`.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test reports a broken expectation by panicking"
    )
)]

mod access;
mod administer;
mod answer;
mod bind;
mod build;
mod builtin;
mod controller;
mod descriptor;
mod domain;
mod error;
mod fake;
mod faults;
mod filter;
mod groups;
mod journal;
mod metadata;
mod modify;
mod object;
mod password;
mod person;
mod population;
mod render;
mod rules;
mod search;
pub mod serve;
mod state;
mod values;
mod wrong;

pub use access::Rights;
pub use build::{PROTECTED_GROUP, YOUNG_GROUP, YOUNG_SETTINGS};
pub use controller::PolicyControls;
pub use domain::{FakeDomain, NewDomain};
pub use error::FakeError;
pub use fake::FakeDirectory;
pub use faults::Fault;
pub use journal::Set;
pub use person::{FakePerson, NewFakePerson};
pub use population::{Population, SERVICE_LOGIN};
pub use rules::{FakePolicy, Flavour};
pub use serve::Served;
