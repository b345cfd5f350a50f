//! Sets that cannot be told by their moment from what was there before.

use std::time::Duration;

use protocol::Timestamp;
use protocol::limits::CLOCK_DIFFERENCE_MAX;
use store::operations::OperationRecord;

use super::{CLOUD, Evidence, MARGIN, World};

impl Evidence {
    /// Whether another agent than the one that was asked cannot tell at a moment how an operation ended: what
    /// is there was written shortly before the request, by the cloud's clock as it is at that moment, or
    /// shortly after, where that clock was put to another time. It is left to the agent that was asked, for a day
    /// (decision 0003).
    pub(super) fn cannot_be_dated(
        &self,
        world: &World,
        operation: &OperationRecord,
        at: Timestamp,
    ) -> bool {
        let request = operation.request.to_string();
        let attempt = self.attempts.iter().find(|one| one.request == request);
        let guid = attempt.and_then(|one| world.domain().guid_of(one.account_name()));
        let of_them = self.all_sets.iter().filter(|set| Some(set.guid) == guid && set.at <= at);
        let Some(written) = of_them.map(|set| set.at).max() else { return false };
        let ahead = world.clock_ahead(CLOUD, at);
        let issued = Timestamp::from_millis(operation.issued_at.as_millis() - ahead);
        let minutes = 2 * CLOCK_DIFFERENCE_MAX + MARGIN;
        let begins = issued.before(minutes);
        let (before, after) = (begins..issued, issued..=issued.after(minutes));
        let stepped = world.jumps_of_the_cloud(begins, at) > Duration::ZERO;
        before.contains(&written) || stepped && after.contains(&written)
    }
}
