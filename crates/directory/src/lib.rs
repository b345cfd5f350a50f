//! Active Directory as the agent needs it (SPEC 4).
//!
//! [`Directory`] is what the agent asks. [`LdapDirectory`] asks a real one: it finds the domain's PDC
//! emulator, keeps a few bound connections to it, and reads and sets there and nowhere else
//! (SPEC W-8). What AD answers is kept as it came and turned into an outcome in one place,
//! [`outcome`].
//!
//! ```text
//! directory   what the agent asks
//! client      the same over LDAPS, or LDAP and StartTLS
//!   pdc       the PDC emulator: found, kept, followed           (SPEC W-8, D-5)
//!   pool      the few connections to it
//!   locate    DNS: who should be it
//!   find      who is asked: the PDC emulator, or a preferred controller (SPEC D-11)
//!   role      who holds the PDC role by the word of the controllers, where DNS does not lead there
//!   controller  one controller by its name, and who holds the role by its word
//!   session   a bound connection; who the controller says it is, and bound: whom it takes us for
//!     open    how it comes about; starttls, tls: verified (SPEC D-1)
//!     search  entries as they come; range: values in parts
//!   connection  many requests at once; which may have left      (SPEC PR-2)
//!   set       the answer to a set, and what its absence means; unanswered: until it is known
//!   wire, answers   wiped (SPEC K-6), and looked at before they are read
//!   diagnose, certificate   what stands in between, and what to do about it
//! account, policy, witness, people, dirsync   what is read
//!   paging    that pages have an end
//! protected   what is never reset                              (SPEC D-6); holder: which groups count
//! security    security descriptors: who may do what            (SPEC D-7, D-12)
//! survey      descriptors read, and one changed; asker: for whom (SPEC D-12)
//! outcome     from AD's codes to outcomes                      (SPEC 5)
//! refusal     which rule a mute one was about                  (SPEC D-8)
//! dn, guid, sid, filetime, filter   AD's forms of things
//! ```
//!
//! To add an operation: its bytes in `wire` if it carries a password, else an `LdapOp`; its method
//! in `directory` and `client`; its refusals in `outcome`. A request that changes something is never repeated
//! unless [`SetError::NotSent`] says that it did not leave.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test reports a broken expectation by panicking"
    )
)]

mod account;
mod answers;
mod asker;
mod attributes;
mod bound;
mod certificate;
mod client;
pub mod code;
mod config;
mod connection;
mod controller;
mod diagnose;
mod directory;
pub mod dirsync;
pub mod dn;
mod error;
pub mod filetime;
pub mod filter;
mod find;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod guid;
mod hold_off;
mod holder;
mod locate;
mod open;
pub mod outcome;
mod paging;
mod pdc;
pub mod people;
mod policy;
mod pool;
pub mod protected;
mod range;
mod reading;
pub mod refusal;
mod role;
mod root;
mod search;
pub mod security;
mod session;
mod set;
mod sid;
mod starttls;
mod survey;
mod tls;
mod unanswered;
mod wire;
mod witness;

pub use self::directory::{Directory, Late, Probe, Standing, Terms, Write};
pub use account::{Account, AccountFlags, Hidden, PwdLastSet};
pub use asker::Asker;
pub use attributes::{Attributes, Entry};
pub use bound::BoundAs;
pub use client::LdapDirectory;
pub use code::{AdCode, BindRefusal};
pub use config::{
    CONNECT_TIMEOUT, DirectoryConfig, Encryption, LDAP_PORT, LDAPS_PORT, OPERATION_TIMEOUT,
};
pub use controller::Controller;
pub use dn::DistinguishedName;
pub use error::{DirectoryError, Refusal, SetError};
pub use guid::{GuidError, ObjectGuid};
pub use hold_off::BIND_HOLD_OFF;
pub use holder::Holder;
pub use pdc::ROLE_CHECK;
pub use people::{LeftOut, PeopleRead, PersonEntry};
pub use policy::{EffectivePolicy, PolicySource, domain_rules, pso_rules};
pub use protected::{Protection, protected_by};
pub use refusal::{Elimination, Suspect, explain_refusal, too_young};
pub use role::role_given;
pub use root::PolicyControl;
pub use sid::{Sid, SidError};
pub use survey::{ChangeError, MarkedBy, MemberOf, RightsChange, Surveyed, UNITS_MAX};
pub use unanswered::LATE_AWAITED;
pub use witness::{InvocationId, Witness};
