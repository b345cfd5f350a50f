//! Sets that a controller works on for longer than a set may take.

use protocol::limits::SET_TIME_LIMIT;

use super::{Attempt, Evidence, Matter, Set, World};

impl Evidence {
    /// Whether a set was made that late and nobody had its connection any more: the agent that had sent it
    /// was gone meanwhile, or was revoked. Only time counts then, and it may be told as not made (decision
    /// 0003, "What stays").
    pub(super) fn nobody_saw_it_made(&self, world: &World, attempt: &Attempt, set: &Set) -> bool {
        let (asked, made) = (set.asked_at, set.at);
        let operation = self.operations.get(&attempt.request);
        let agent = operation.and_then(|operation| operation.agent);
        let name = self.agents.iter().find(|(_, id)| Some(**id) == agent);
        let Some(name) = name.and_then(|(name, _)| World::named(name)) else { return false };
        let mut gone = [Matter::Agent(name), Matter::Revoked(name)]
            .into_iter()
            .flat_map(|matter| world.timeline.wrong(matter));
        made.since(asked) > SET_TIME_LIMIT && gone.any(|(from, to)| from <= made && to >= asked)
    }
}
