//! How an operation in doubt is settled: the cloud asks the agent that it sent the package to.
//!
//! ```text
//! cloud → agent   POST settle: the header of the request, as it was sent
//! agent → cloud   200 with the sealed, signed answer that stands in the journal
//!                 425 while the agent is still working on it or may not conclude yet
//! ```
//!
//! A request that the agent has never begun is void once it has expired by the agent's own clock.
//! From then on, and not before, the agent says so ([`crate::Outcome::Expired`]): until then a
//! relay could still deliver a package that it held back.

/// The target of a request that carries a package.
pub const TARGET_WRITEBACK: &str = "writeback";
/// The target of a request that asks how one ended.
pub const TARGET_SETTLE: &str = "settle";
/// The status of "not yet, ask again" (RFC 8470 "Too Early").
pub const STATUS_NOT_YET: u16 = 425;
