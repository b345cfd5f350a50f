//! A relay that was away gets its listeners back soon, and not all at the same moment (relay protocol,
//! "Limits and promises"): on manual time, so that the shares are the plan's and not the machine's. What
//! it costs on a machine is measured by `cargo xtask bench relay`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "tests report a broken expectation by panicking, and a random one prints its seed"
)]

use std::time::Duration;

use testkit::world::back_after_a_storm;

const LISTENERS: u16 = 100;
const SECOND: Duration = Duration::from_secs(1);
/// So soon all of them are back.
const BACK: Duration = Duration::from_secs(10);
/// Of a hundred so many come within one second at most, wherever that begins.
const AT_ONCE: usize = 30;

#[test]
fn a_hundred_listeners_are_back_within_10_seconds_and_at_most_30_in_any_one() {
    for (seed, away) in [(6_000, 1), (6_001, 3), (6_002, 10)] {
        let back = back_after_a_storm(seed, LISTENERS, Duration::from_secs(away));
        assert_eq!(back.len(), usize::from(LISTENERS), "seed {seed}: not all are back");
        let last = *back.last().unwrap();
        assert!(last <= BACK, "seed {seed}: away for {away} s, the last one came after {last:?}");
        let within = |(at, begins): (usize, &Duration)| {
            back.partition_point(|moment| *moment < *begins + SECOND) - at
        };
        let most = back.iter().enumerate().map(within).max().unwrap();
        println!("seed {seed}: away for {away} s, back after {last:?}, {most} at once");
        assert!(most <= AT_ONCE, "seed {seed}: away for {away} s, {most} came within a second");
    }
}
