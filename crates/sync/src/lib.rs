//! The synchronisation engine (SPEC 11): who in the directory is whom in the cloud.
//!
//! Rules and SQL, nothing else: no LDAP, no HTTP, no clock. The agent feeds it with what it read
//! from the directories and from the cloud, and carries out the exports that it asks for.
//!
//! ```text
//! begin_import → see … → finish    AD objects → connector space of that directory
//! begin_import(cloud) → …          cloud users → the cloud's connector space; confirms exports
//! synchronise                      scope, join, projection, attribute flow, pending exports
//! pending_exports → confirm_*      what the cloud must be told, and what it answered
//! resolve                          cloudAnchor → exactly one AD account, or why not (SPEC W-7)
//! ```
//!
//! Everything is one SQLite file, `sync.db`. It holds personal data and decides whose password is
//! set, so it is created with mode 0600. Every step is one transaction: a reader sees the state
//! before or after a synchronisation, never half of it.
//!
//! To add a rule: one entry in [`rules::default_rules`] and one table of tests beside it. A rule
//! that needs an operator or a function that is not there adds a variant in [`rules::Test`] or
//! [`rules::FlowSource`].
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test reports a broken expectation by panicking"
    )
)]

mod cloud_user;
mod connector;
mod disconnect;
mod error;
mod export;
mod import;
mod lineage;
mod person;
mod resolve;
mod row;
pub mod rules;
mod schema;
mod state;
mod status;
mod synchronise;

pub use cloud_user::CloudUser;
pub use connector::{Attributes, ConnectorName, ConnectorNameError, ImportedObject};
pub use disconnect::Disconnect;
pub use error::{DatabaseFault, SyncError};
pub use export::PendingExport;
pub use import::{ImportReport, ImportRun};
pub use lineage::{
    Lineage, LineageCloudObject, LineageLink, LineageMetaverse, LineageObject, LineageRule,
};
pub use resolve::{AdAccount, Resolution};
pub use state::{SyncOptions, SyncState};
pub use status::{ConnectorStatus, PendingCounts, Status};
pub use synchronise::SynchronisationReport;
