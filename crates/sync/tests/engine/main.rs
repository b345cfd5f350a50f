//! The engine as the agent uses it, on a file of its own for each test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

mod export;
mod forests;
mod import;
mod resolve;
mod world;
