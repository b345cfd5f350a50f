//! The contract suite on the fake: asked directly, and over LDAPS by the agent's own client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test reports a broken expectation by panicking; its module is private"
)]

#[macro_use]
mod suite;

mod direct {
    contract! { crate::suite::fake::direct() }
}

mod served {
    contract! { crate::suite::fake::served() }
}
