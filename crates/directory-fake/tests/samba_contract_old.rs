//! The cells of the contract suite's product that a controller without policy-hints controls runs: the
//! lab's old Samba. Each test has a lab of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code,
    unused_imports,
    unused_macros,
    reason = "a test reports a broken expectation by panicking; the suite is private, and shared"
)]

#[macro_use]
mod suite;

mod samba_subject;

use std::sync::atomic::AtomicBool;

use lab::{Lab, LabOptions, Watch};
use samba_subject::Samba;
use suite::matrix::cells::{Edition, State};
use suite::matrix::of_state;

/// So many labs share the states.
const PARTS: usize = 5;

async fn part(number: usize) {
    let stop = AtomicBool::new(false);
    let options = LabOptions { old_samba: true, fast: true, ..LabOptions::default() };
    let lab = Lab::start_with(&options, Watch { progress: &|_| {}, stop: &stop }).unwrap();
    let samba = Samba::of(lab.forest().clone(), Edition::OldSamba);
    for state in State::ALL.iter().skip(number).step_by(PARTS) {
        of_state(&samba, *state).await;
    }
}

macro_rules! parts {
    ($($case:ident: $number:literal,)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                part($number).await;
            }
        )*

        #[test]
        fn every_part_has_its_test() {
            assert_eq!(vec![$($number),*], (0..PARTS).collect::<Vec<_>>());
        }
    };
}

parts! {
    every_write_without_policy_hints_in_the_first_states: 0,
    every_write_without_policy_hints_in_the_second_states: 1,
    every_write_without_policy_hints_in_the_third_states: 2,
    every_write_without_policy_hints_in_the_fourth_states: 3,
    every_write_without_policy_hints_in_the_fifth_states: 4,
}
