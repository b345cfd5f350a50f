//! How an operation in doubt is settled: the cloud asks the agent that it sent the package to.
//!
//! ```text
//! cloud → agent   POST settle: the header of the request, as it was sent
//! agent → cloud   200 with the sealed, signed answer that stands in the journal
//!                 425 while the agent is still working on it or may not conclude yet
//! ```
//!
//! If the agent has never seen the request it writes down that it never will (a tombstone in the
//! journal), so that a package which a relay held back can no longer be applied; the answer is
//! then [`crate::Outcome::Expired`].

/// The target of a request that carries a package.
pub const TARGET_WRITEBACK: &str = "writeback";
/// The target of a request that asks how one ended.
pub const TARGET_SETTLE: &str = "settle";
/// The status of "not yet, ask again" (RFC 8470 "Too Early").
pub const STATUS_NOT_YET: u16 = 425;
