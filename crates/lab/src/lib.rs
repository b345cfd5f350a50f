//! A real Active Directory on this machine, for tests and the demo.
//!
//! Samba 4.24 or newer runs as a domain controller from a root filesystem of its own, on a
//! loopback address of its own, with the standard ports. Nothing of it is in the checkout, and
//! nothing of it is left when the lab ends, however it ends.
//!
//! ```text
//! tools     which host packages are missing
//! rootfs    Debian 13 with Samba, built once per machine       $PASSBACK_CACHE/rootfs-N
//! template  a provisioned, filled domain, once per address     $PASSBACK_CACHE/domain-…
//! address   claims 127.0.0.2, 127.0.0.3, …                     /run/passback-lab/ADDRESS.lock
//! lab       starts a copy of the template and waits for LDAPS  /run/passback-lab/ADDRESS/
//! forest    what tests know about it, as JSON
//! ldap      what tests ask of it, through OpenLDAP's clients
//! person    fresh accounts of a test's own
//! authority certificates for it and for other servers of a lab
//! ```
//!
//! A test starts with [`Forest::of_running_lab`] and [`Forest::add_person`]; `cargo xtask test`
//! and `cargo xtask lab up` start the lab. Tests share its forest: they may change only what
//! they made.
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
mod apt;
pub mod authority;
mod contents;
mod error;
mod forest;
// The module and its type are named alike, as in most small crates of one thing.
mod lab;
pub mod ldap;
mod lock;
mod person;
mod places;
mod rootfs;
mod space;
mod template;
mod tools;

pub use authority::Authority;
pub use contents::Kind;
pub use error::LabError;
pub use forest::{Credentials, Forest, Person};
pub use lab::{Lab, process_of};
pub use ldap::{Bound, Entry, POLICY_HINTS, Written, change_ldif, reset_ldif};
pub use person::NewPerson;
pub use places::forest_file;
pub use rootfs::prepare;
pub use space::Watch;
pub use tools::{HostPackage, needs};
