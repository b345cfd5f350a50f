//! A real Active Directory on this machine, for tests and the demo.
//!
//! Samba 4.24 or newer runs as a domain controller from a root filesystem of its own, on a
//! loopback address of its own, with the standard ports. Nothing of it is in the checkout, and
//! nothing of it is left when the lab ends, however it ends. A lab is one such controller, or
//! what [`LabOptions`] says: a second controller, a second forest, an old Samba, a fast one.
//!
//! ```text
//! tools       which host packages are missing
//! options     what a lab is made of
//! names       what its forests are called           contents   who is in them
//! rootfs      Debian 13 with Samba, built once per machine      $PASSBACK_CACHE/rootfs-…
//! provision   makes a domain        join   adds a second controller
//! template    keeps what these made, and copies it              $PASSBACK_CACHE/domain-…
//! address     claims 127.0.0.2, 127.0.0.3, …                    /run/passback-lab/ADDRESS.lock
//! settle      makes a copy at home there                        /run/passback-lab/ADDRESS/
//! fast        a library that derives Kerberos keys faster       $PASSBACK_CACHE/fast-…
//! controller  Samba's programs, started and stopped
//! lab         puts all that together and waits until it answers
//! forest      what tests know about it, as JSON
//! ldap        what tests ask of it, through OpenLDAP's clients
//! bindings    what tests ask of Samba's own library
//! person      fresh accounts of a test's own
//! roles       stops, starts and updates controllers, moves the PDC role
//! replication holds back what controllers tell each other, and has them tell it
//! authority   certificates for it and for other servers of a lab
//! ```
//!
//! A test starts with [`Forest::of_running_lab`] and [`Forest::add_person`]; `cargo xtask test`
//! and `cargo xtask lab up` start the lab. Tests share its forest: they may change only what
//! they made. A test that needs more, or that stops something, starts a [`Lab`] of its own.
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
mod bindings;
mod contents;
mod controller;
mod descriptor;
mod error;
mod escape;
mod fast;
mod forest;
// The module and its type are named alike, as in most small crates of one thing.
mod join;
mod lab;
pub mod ldap;
mod lock;
mod names;
mod options;
mod person;
mod places;
mod provision;
mod replication;
mod roles;
mod rootfs;
mod settle;
mod space;
mod template;
mod tools;

pub use authority::Authority;
pub use contents::Kind;
pub use error::LabError;
pub use forest::{Controller, Credentials, Forest, Person};
pub use lab::{Lab, prepare, process_of};
pub use ldap::{Bound, Entry, POLICY_HINTS, Written, change_ldif, reset_ldif};
pub use options::LabOptions;
pub use person::NewPerson;
pub use places::forest_file;
pub use space::Watch;
pub use tools::{HostPackage, needs};
