//! A world of real processes on a real Active Directory, for end-to-end tests and the demo.
//!
//! ```text
//! stack     cloud service, agent and mail server as processes, on the forest of a lab
//! ready     the file that describes a running stack (INTERFACES, "Ready file")
//! outbox    the mails that the mail server took, and the codes in them
//! visitor   a browser with a script: pages, cookies, ticket, sealed password
//! canary    looks for a secret in files and bodies, in every form it could hide in
//! demo      what `cargo xtask demo` shows
//! ```
//!
//! A test starts with [`lab::Forest::of_running_lab`], a person of its own
//! ([`lab::Forest::add_person`]), and [`Stack::start`]; then a [`Visitor`] visits. Everything is
//! synchronous, and ends with the value that started it: processes die with the thread that
//! started them, also when it is killed.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test reports a broken expectation by panicking"
    )
)]

pub mod canary;
pub mod demo;
mod directory;
mod error;
mod outbox;
mod program;
pub mod ready;
pub mod stack;
pub mod visitor;
mod wait;

pub use error::StackError;
pub use outbox::{Mail, Mark, Outbox};
pub use ready::ReadyFile;
pub use stack::{Options, Stack};
pub use visitor::{Answer, Page, Ticket, Visitor};
