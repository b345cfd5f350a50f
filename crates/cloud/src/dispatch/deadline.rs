//! Until when an operation's message is kept and sent (SPEC W-11).

use std::time::Duration;

use protocol::{Clock, Timestamp};
use store::operations::OperationRecord;

/// The end of a message by both clocks: by the time of day that its agent compares, and by how long it
/// has been here, because the time of day may be put back meanwhile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    expires_at: Timestamp,
    /// By [`Clock::running`].
    ends: Duration,
}

impl Deadline {
    /// That of an operation that has just been submitted. It is never kept for longer than it lives, also
    /// where the clock was put back since its ticket was issued.
    pub(super) fn of(record: &OperationRecord, clock: &dyn Clock) -> Self {
        let lifetime = record.expires_at.since(record.issued_at);
        let left = record.expires_at.since(clock.now()).min(lifetime);
        Self { expires_at: record.expires_at, ends: clock.running().saturating_add(left) }
    }

    /// How much time is left, by the clock by which it is less.
    pub(super) fn left(&self, clock: &dyn Clock) -> Duration {
        let left = self.ends.saturating_sub(clock.running());
        left.min(self.expires_at.since(clock.now()))
    }
}
