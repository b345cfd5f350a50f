//! `passback relay`, the real process: its configuration, its end, and published clients of Azure
//! Relay at it; and that `passback serve` ends as it does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

mod hyco;
mod node;
mod process;
mod program;
mod serve;
mod share;
