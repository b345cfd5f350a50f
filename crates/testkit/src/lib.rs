//! A world of real processes on a real Active Directory, for end-to-end tests and the demo.
//!
//! ```text
//! stack     cloud service, agent and mail server as processes, on the forests of a lab
//! embedded  forests that only act like Active Directory, in place of a lab
//! sink      a mail server of our own, where none is installed
//! ready     the file that describes a running stack (INTERFACES, "Ready file")
//! port      ports that nobody else comes to have
//! outbox    the mails that the mail server took, and the codes in them
//! visitor   a browser with a script: pages, cookies, ticket, sealed password
//! canary    looks for a secret in files and bodies, in every form it could hide in
//! demo      what `cargo xtask demo` shows
//! chaos     a bad road between real processes
//! world     the same without any process or socket: everything in one process, on manual time
//! bench     what `cargo xtask bench` measures
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

pub mod bench;
pub mod canary;
pub mod chaos;
pub mod demo;
mod directory;
mod embedded;
mod error;
mod outbox;
mod port;
mod program;
pub mod ready;
pub mod sink;
pub mod stack;
pub mod visitor;
mod wait;
pub mod world;

pub use embedded::Embedded;
pub use error::StackError;
pub use outbox::{Mail, Mark, Outbox};
pub use port::Port;
pub use ready::ReadyFile;
pub use stack::{MailServer, Options, Stack};
pub use visitor::{Answer, Page, Ticket, Visitor};
