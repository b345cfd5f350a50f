//! I6 and I7: when everything has to be at a state that is told, and when what is in doubt has to be
//! settled.
//!
//! Settlement needs an agent that listens, a road, a directory and clocks that agree. A story may take
//! any of them away for as long as it likes; the first time that all of them are there, and stay, is
//! when the promise counts from. Nothing is excused for a whole story because something went wrong in
//! it.

use std::time::Duration;

use protocol::Timestamp;
use protocol::limits::SET_TIME_LIMIT;
use store::operations::{OperationRecord, State};

use super::{Evidence, MARGIN};
use crate::world::World;
use crate::world::installation::AGENTS;
use crate::world::timeline::{Matter, NEVER, Span, first_calm, outside};

/// So soon what is in doubt is settled (I7).
const SETTLED: Duration = Duration::from_secs(60);
/// How long an agent that finds its directory well again may take to know what it needs: a request that
/// it still waits for, and the time in which a set may stand in the controller's queue, and then it
/// looks again.
const LOOKS: Duration = Duration::from_secs(2 * SET_TIME_LIMIT.as_secs() + 2);

/// For so long a channel may look open of which the other end is gone (relay protocol, "Limits and
/// promises"), and what was said on it is lost.
const HALF_OPEN: Duration = Duration::from_secs(45);

const IN_DOUBT: &str = "operation.in_doubt";
const ANSWERED: &str = "operation.answered";

/// I6: every request is at a state that is told within its deadline + 5 s; where the cloud service
/// was not there, 5 s after it was back. In doubt is such a state: for how long it may be one is I7's.
pub(super) fn i6_everything_is_at_a_state_in_time(
    world: &World,
    evidence: &Evidence,
    found: &mut Vec<String>,
) {
    const STATES: &[&str] = &["operation.expired", IN_DOUBT, ANSWERED];
    for (request, operation) in &evidence.operations {
        match operation.state {
            // Nothing was under way, for however long nobody submitted it.
            State::Ticketed | State::Refused => continue,
            // Nobody is left who could say.
            State::Unknown if world.is_without_agents() => continue,
            // Who could say is waited for, for a day, although it never comes again.
            State::Unknown if is_left_to_who_is_gone(world, evidence, operation) => continue,
            State::Waiting | State::Sent | State::Unknown => {
                found.push(format!("I6: {request} is still {:?}", operation.state));
                continue;
            }
            State::Answered | State::Expired => {}
        }
        let issued = evidence.issued(world, request, operation);
        let expired = world.latest(issued, operation.expires_at);
        let deadline = world.when_there(expired).after(MARGIN);
        match evidence.moments(request, STATES).min() {
            None => found.push(format!("I6: how {request} ended is in no trail")),
            Some(at) if at > deadline => {
                found.push(format!("I6: {request} was at a state {:?} late", at.since(deadline)));
            }
            Some(_) => {}
        }
    }
}

/// Whether only the agent that an operation was sent to could say how it ended, and that was revoked.
fn is_left_to_who_is_gone(world: &World, evidence: &Evidence, operation: &OperationRecord) -> bool {
    let asked = evidence.agents.iter().find(|(_, id)| Some(**id) == operation.agent);
    let asked = asked.and_then(|(name, _)| World::named(name));
    let is_revoked = |name| world.timeline.wrong(Matter::Revoked(name)).next().is_some();
    asked.is_some_and(is_revoked) && evidence.cannot_be_dated(world, operation, world.now())
}

/// I7: *unknown* only after a crash, a cut or silence between the sending and that moment. A fault that the
/// directory was told to make of a set explains one request.
pub(super) fn i7_unknown_only_after_a_disturbance(
    world: &World,
    evidence: &Evidence,
    found: &mut Vec<String>,
) {
    let mut unexplained: Vec<(Timestamp, &String)> = Vec::new();
    for (request, operation) in &evidence.operations {
        let Some(doubt) = evidence.moments(request, &[IN_DOUBT]).min() else { continue };
        let given = evidence.given.get(request).and_then(|given| given.first());
        let sent =
            given.map_or_else(|| evidence.issued(world, request, operation), |given| given.at);
        // A clock that was put back may show it to have been before that.
        let doubt = doubt.max(sent);
        if !something_was_wrong(world, evidence, operation, (sent, doubt)) {
            unexplained.push((doubt, request));
        }
    }
    unexplained.sort_unstable();
    let mut faults = world.injected.iter().peekable();
    for (doubt, request) in unexplained {
        if faults.next_if(|injected| **injected <= doubt).is_none() {
            found.push(format!(
                "I7: {request} was in doubt although nothing went wrong, from {doubt} on"
            ));
        }
    }
}

/// Whether anything that a request needs was wrong between two moments, or so shortly before that its
/// channel may not have been what it seemed to be: of the agent that was asked, or of all if nobody was.
fn something_was_wrong(
    world: &World,
    evidence: &Evidence,
    operation: &OperationRecord,
    (from, to): (Timestamp, Timestamp),
) -> bool {
    let asked = evidence.agents.iter().find(|(_, id)| Some(**id) == operation.agent);
    let asked = asked.and_then(|(name, _)| World::named(name));
    let of_all = [
        Matter::Cloud,
        Matter::CloudClock,
        Matter::Relay,
        Matter::Hands,
        Matter::Trick,
        Matter::Directory,
        Matter::SlowDirectory,
    ];
    let of_one = |name| {
        let matters = [Matter::Agent, Matter::Revoked, Matter::Road, Matter::Clock, Matter::Disk];
        matters.map(|matter| matter(name))
    };
    let concerned = AGENTS.into_iter().filter(|name| asked.is_none_or(|asked| asked == *name));
    let matters = of_all.into_iter().chain(concerned.flat_map(of_one));
    let mut spans = matters.flat_map(|matter| world.wrong(matter));
    // That a channel ended says nothing by itself: it may be the product that ended it.
    let since = from.before(HALF_OPEN);
    spans.any(|(begins, ends)| begins <= to && ends >= since)
}

/// I7: what is in doubt is settled within 60 s of the agent's return; else, 10 minutes after the message
/// has expired, by another one that is there.
pub(super) fn i7_what_is_in_doubt_is_settled(
    world: &World,
    evidence: &Evidence,
    found: &mut Vec<String>,
) {
    let ends = world.now();
    for (request, operation) in &evidence.operations {
        let Some(since) = evidence.moments(request, &[IN_DOUBT]).min() else { continue };
        let settled = evidence.moments(request, &[ANSWERED]).min().unwrap_or(NEVER);
        for name in evidence.agents.keys() {
            let Some(who) = Settling::of(world, evidence, operation, name) else { continue };
            let Some(calm) = who.calm(since) else { continue };
            if !who.was_asked && evidence.cannot_be_dated(world, operation, calm) {
                continue;
            }
            let deadline = calm.after(who.within(calm));
            // What is not settled by then, and could not be yet when the world ended, is I6's.
            if settled > deadline && deadline <= ends {
                found.push(format!(
                    "I7: {request} was in doubt from {since}; {name} could have settled it from {calm} on, by {deadline}, and it was settled at {settled}"
                ));
            }
        }
    }
}

/// What it takes for one agent to settle one operation.
struct Settling {
    /// It is the one that the operation was sent to.
    was_asked: bool,
    /// It may say so from then on.
    from: Timestamp,
    expires_at: Timestamp,
    /// When something that it needs was not there.
    wrong: Vec<Span>,
    /// The same without what its return begins with: process, road, channel.
    unsteady: Vec<Span>,
    /// When the agent that is asked before it may have had a channel that carried nothing.
    silent: Vec<Span>,
    /// How long a question may go unanswered.
    question: Duration,
}

impl Settling {
    /// None of an agent that has no say.
    fn of(
        world: &World,
        evidence: &Evidence,
        operation: &OperationRecord,
        name: &str,
    ) -> Option<Self> {
        let name = World::named(name)?;
        let cloud = world.folder.cloud();
        let asked = evidence.agents.iter().find(|(_, id)| Some(**id) == operation.agent);
        let asked = asked.and_then(|(asked, _)| World::named(asked));
        let was_asked = asked == Some(name);
        let from = match was_asked {
            // What it has begun it settles. What it has not may still come, until it is void.
            true => evidence.begun(name, operation).unwrap_or(operation.expires_at.after(MARGIN)),
            false => {
                let issued = evidence.issued(world, &operation.request.to_string(), operation);
                world.latest(issued, operation.expires_at.after(cloud.others_look))
            }
        };
        let spans = |matters: &[Matter]| -> Vec<Span> {
            matters.iter().flat_map(|matter| world.wrong(*matter)).collect()
        };
        let unsteady = spans(&[
            Matter::CloudClock,
            Matter::Directory,
            Matter::SlowDirectory,
            Matter::Clock(name),
            Matter::Disk(name),
        ]);
        let way = [Matter::Cloud, Matter::Relay, Matter::Hands, Matter::Road(name)];
        let mut wrong = spans(&way);
        wrong.extend(spans(&[Matter::Agent(name), Matter::Revoked(name)]));
        wrong.extend(outside(&world.network.channels(name)));
        wrong.extend(&unsteady);
        // A question on a channel that ends is asked anew; on one that outlives a bad road it is waited
        // for.
        let first = asked.unwrap_or(name);
        let channels = world.network.channels(first);
        let outlived = |(_, to): &Span| channels.iter().any(|(open, end)| open < to && end >= to);
        let mut silent = spans(&[Matter::Road(first), Matter::Hands]);
        silent.retain(outlived);
        let (expires_at, question) = (operation.expires_at, cloud.relay_response);
        Some(Self { was_asked, from, expires_at, wrong, unsteady, silent, question })
    }

    /// The first moment from which it has everything for long enough.
    fn calm(&self, since: Timestamp) -> Option<Timestamp> {
        first_calm(&self.wrong, since.max(self.from), |at| self.within(at))
    }

    /// How long it may take from a moment on: a minute. Where that moment is not its return but the end
    /// of something else that was wrong, the cloud service does not know of it: it asks when its
    /// pause is over, which is a minute and later a tenth of the request's age, at most an hour;
    /// a question may be under way that nobody will answer; and the agent may have to look first.
    fn within(&self, at: Timestamp) -> Duration {
        let lately = |spans: &[Span], time: Duration| {
            spans.iter().any(|(from, to)| *from <= at && *to >= at.before(time))
        };
        let silent = lately(&self.silent, SETTLED + self.question);
        if !silent && !lately(&self.unsteady, SETTLED) {
            return SETTLED;
        }
        let age = at.since(self.expires_at);
        let pause = (age / 10).clamp(SETTLED, Duration::from_secs(60 * 60));
        pause + 2 * self.question + LOOKS
    }
}
