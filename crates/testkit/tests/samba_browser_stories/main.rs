//! What happens to people on the pages, in Chromium, on the real Active Directory and real
//! processes: each story is told from the first page to the end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

#[path = "../browser/mod.rs"]
mod browser;
#[path = "../walk/mod.rs"]
mod walk;

mod expired;
mod lost;
mod tabs;
mod unreachable;
mod way;

use testkit::Options;

/// Passwords that the lab's policy accepts.
const NEW: &str = "Meadow-Lantern-2025";
const OTHER: &str = "Harbour-Lantern-2026";
const THIRD: &str = "Orchard-Lantern-2027";

/// Pages that soon follow an operation, and little time until "not changed" is certain: the
/// controller here answers at once.
fn hasty() -> Options {
    Options {
        cloud: "[flow]\nwait_for_answer_seconds = 1\n[message]\nlifetime_seconds = 6\n".to_owned(),
        agent: "[directory]\nset_time_limit_seconds = 3\n".to_owned(),
        ..Options::default()
    }
}
