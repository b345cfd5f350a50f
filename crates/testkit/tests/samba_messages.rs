//! How many messages there are and how large they are, counted on the agent's own connections (SPEC
//! PR-7, K-1), while it is disabled, enabled, resets passwords, and settles one whose answer was lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

use std::sync::atomic::AtomicBool;

use testkit::bench::{self, Bench, Wishes};

#[test]
fn a_reset_is_two_messages_and_no_message_is_larger_than_is_promised() {
    let wishes = Wishes { bench: Bench::Messages, pairs: 1, seed: 1, plain_only: true };
    let stop = AtomicBool::new(false);
    let report = bench::run(&wishes, &|_| {}, &stop).unwrap();
    let figure = |name: &str| report.value(name).unwrap();
    for name in ["messages_per_reset", "onboarding_messages", "offboarding_messages"] {
        assert!((figure(name) - 2.0).abs() < f64::EPSILON, "{name}: {}", figure(name));
    }
    assert!(figure("package_384_bytes") <= 1_000.0);
    assert!(figure("package_1152_bytes") <= 1_800.0);
    assert!(figure("package_384_answer_bytes") <= 1_024.0);
    assert!(figure("settlement_answer_bytes") <= 1_024.0);
    assert!(figure("largest_body_bytes") <= 2_048.0);
}
