//! How an operation in doubt is settled: the cloud asks the agent that it sent the package to; and
//! if that one does not come back, another one of the tenant, which looks and writes nothing (SPEC
//! PR-2).
//!
//! ```text
//! cloud → agent     POST settle: the header of the request, as it was sent
//! agent → cloud     200 with the sealed, signed answer that stands in the journal
//!                   425 while the agent is still working on it or may not conclude yet:
//!                   nobody else is asked meanwhile
//!                   424 if it needs something for that which is not there, and may never be
//! cloud → another   POST look: the same header, but with the agent and the key of the one that is
//!                   asked
//! another → cloud   200 with its sealed, signed answer: what the directory's metadata show
//!                   425 while it may not conclude, or cannot
//! ```
//!
//! A request that the agent has never begun is void once it has expired by the agent's own clock.
//! From then on, and not before, the agent says so ([`crate::Outcome::Expired`]): until then a
//! relay could still deliver a package that it held back.

use std::time::Duration;

/// The target of a request that carries a package.
pub const TARGET_WRITEBACK: &str = "writeback";
/// The target of a request that asks how one ended.
pub const TARGET_SETTLE: &str = "settle";
/// The target of a request that asks an agent how another one's request ended.
pub const TARGET_LOOK: &str = "look";
/// How long after a message's expiry others are asked, by default.
pub const OTHERS_LOOK_AFTER: Duration = Duration::from_secs(10 * 60);
/// For how long, from when others may look, "not yet" keeps them from it: longer than an agent awaits the
/// end of a set, which it says for as long. One that still says so has lost the request, or is of a version that
/// says it of everything.
pub const NOT_YET_COUNTS: Duration = Duration::from_secs(15 * 60);
/// The status of "not yet, ask again" (RFC 8470 "Too Early").
pub const STATUS_NOT_YET: u16 = 425;
/// The status of "this cannot be found out here, as things are" (RFC 4918 "Failed Dependency"): the
/// directory, the journal or a right clock is missing.
pub const STATUS_CANNOT_SAY: u16 = 424;
