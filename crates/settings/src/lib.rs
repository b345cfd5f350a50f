//! Configuration files of both binaries, from one table of keys.
//!
//! Each binary has a table of [`Key`]s. The table is the only place where a key is described: it
//! checks the file (unknown keys, types, lower bounds), gives defaults, and prints the commented
//! example that stands in `docs/` (SPEC I-5: "One commented example configuration per binary
//! lists every key with unit, default and lower bound").
//!
//! A name that ends in `_seconds`, `_millis` or `_days` has that unit. Paths in a file are relative to it.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        reason = "a test reports a broken expectation by panicking"
    )
)]

mod example;
mod key;
mod read;

pub use example::example;
pub use key::{Default, Key, Kind};
pub use read::{Section, Settings, SettingsError};
