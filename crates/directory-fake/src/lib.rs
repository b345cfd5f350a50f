//! An Active Directory in memory, for tests and for a demo that needs nothing installed.
//!
//! It answers as a real one was seen to answer (LAB.md); where the two differ, the contract suite in
//! `tests` fails, which runs on this and on Samba alike. It is a crate of its own so that no
//! program that is released can contain it.
//!
//! ```text
//! FakeDomain    the domain: what a test asks it
//!   administer, rights, wrong   what an administrator does to it, and what goes wrong
//!   build, builtin, person, population   what is put into it
//!   state, replica     what is kept: each controller has a copy of its own
//!   replication        what controllers tell each other, and when
//!   object, values, metadata             what a copy consists of
//!   schema             what attributes are called in descriptors
//!   groups, access, descriptor, rules    what follows from it
//!   bind, search, modify, answer         what a controller does, as LDAP has it
//!   filter, render                       how a search is answered
//!   faults, journal                      what went wrong, and what was set
//! FakeDirectory   the agent's view (`directory::Directory`), without any socket
//! serve           the same over LDAPS and DNS, for the agent's own LDAP client
//! ```
//!
//! # Controllers
//!
//! What is written at a controller is seen at the others once it has replicated: at once, unless a
//! test says otherwise ([`FakeDomain::replicate_after`], [`FakeDomain::replicate`]). Each attribute
//! has its version, time and originator, which go along (`replPropertyMetaData`); of two writes the
//! higher version stands, then the later second, then the greater invocation id (MS-DRSR 5.11).
//! Also `fSMORoleOwner` replicates: whoever hands the role over and whoever gets it know at once,
//! others do not, and after a seizure two may take themselves for the holder. A controller that is
//! down neither tells nor hears anything. Wrong passwords are counted by each for itself.
//!
//! What Windows does besides is not done here, nor was Samba seen to do it: to send a new password
//! to the PDC emulator outside replication (MS-SAMS), to ask it before a password is refused, to
//! replicate a lockout, an unlock and `pwdLastSet` urgently (MS-ADTS 3.1.1.5.1.7). All of it makes
//! news travel faster, and whoever relies on that is wrong where a link is down. The agent sets
//! passwords at the PDC emulator and asks nobody else about them (SPEC W-8), where none of it matters.
//!
//! Simpler than AD: a list of members is one value, not one for each link; what has a name that is
//! taken waits until it is free; what was deleted is gone for ever; a delegation is known everywhere
//! at once, as is what DNS names. The write of one descriptor replicates.
//!
//! To add an attribute: its numbers in `schema`, by which its readers are told apart; that is all, if it is
//! only stored (in `metadata` if controllers do not tell each other of it); in `render` if it is computed. To add a fault: a variant in [`Fault`], and what it
//! does in `fake` and in `serve`.
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
mod replica;
mod replication;
mod rights;
mod rules;
mod schema;
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
pub use schema::properties;
pub use serve::Served;
