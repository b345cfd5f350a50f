//! The invariants I1 to I10 (`docs/testing.md`): what must hold at the end of every test that
//! starts a world, whatever happened in it. One side is what people tried and were told; the other
//! is what stands in the directory, the databases, the audit trails, the logs and the mails.

mod dated;
mod held;
mod in_order;
mod in_time;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use directory_fake::Set;
use protocol::limits::CLOCK_DIFFERENCE_MAX;
use protocol::{AgentId, Changed, Outcome, RequestId, Timestamp};
use store::Store;
use store::audit::Entry;
use store::flows::Fact;
use store::operations::{OperationRecord, State};

use super::attempt::{Attempt, Told};
use super::hands::Package;
use super::installation::{AGENTS, TENANT};
use super::skew::CLOUD;
use super::timeline::{Matter, NEVER, Span};
use super::{World, machine, secrecy};

/// How much later than its deadline anything may be (I4, I6).
const MARGIN: Duration = Duration::from_secs(5);

/// Everything that the invariants look at, read once after everything has ended.
pub(super) struct Evidence {
    attempts: Vec<Attempt>,
    /// Those of the agents.
    sets: Vec<Set>,
    /// Those of anybody.
    all_sets: Vec<Set>,
    operations: HashMap<String, OperationRecord>,
    facts: HashMap<String, Vec<Fact>>,
    trail: Vec<Entry>,
    /// When each entry of it was written, by the world's time.
    written: Vec<Timestamp>,
    broken: Option<i64>,
    agents: BTreeMap<String, AgentId>,
    /// What each agent's trail says, and the first entry that does not verify.
    trails: BTreeMap<&'static str, (Vec<agent::audit::Entry>, Option<i64>)>,
    /// When each request was given to whom.
    given: BTreeMap<String, Vec<Package>>,
}

/// What does not hold, one line each.
pub(super) fn violations(world: &World) -> Vec<String> {
    let evidence = gather(world);
    let mut found = Vec::new();
    i1_told_changed_is_changed(world, &evidence, &mut found);
    i2_every_set_has_its_request(world, &evidence, &mut found);
    i3_no_request_sets_twice(&evidence, &mut found);
    in_order::i3_no_set_is_overtaken(world, &evidence, &mut found);
    i3_no_request_is_given_twice(world, &evidence, &mut found);
    i4_no_set_is_late(world, &evidence, &mut found);
    i5_nobody_who_must_not_be_is_set(world, &evidence, &mut found);
    in_time::i6_everything_is_at_a_state_in_time(world, &evidence, &mut found);
    in_time::i7_unknown_only_after_a_disturbance(world, &evidence, &mut found);
    in_time::i7_what_is_in_doubt_is_settled(world, &evidence, &mut found);
    found.extend(secrecy::violations(world).into_iter().map(|line| format!("I8: {line}")));
    i9_every_clearance_has_its_facts(world, &evidence, &mut found);
    i9_no_code_is_guessed(&evidence, &mut found);
    i10_both_trails_agree(world, &evidence, &mut found);
    found
}

fn gather(world: &World) -> Evidence {
    let attempts = world.ledger.all();
    let requests: Vec<String> = attempts.iter().map(|one| one.request.clone()).collect();
    let settings = world.folder.cloud();
    let states = AGENTS.map(|name| (name, world.folder.agent(name).state_dir));
    let read = async move {
        let store = Store::open(&settings.database).await.expect("the store");
        let (mut operations, mut facts) = (HashMap::new(), HashMap::new());
        for request in requests {
            let id: RequestId = request.parse().expect("a request id");
            let Some(record) = store.operation(id).await.expect("an operation") else { continue };
            facts.insert(request.clone(), store.facts(record.flow).await.expect("facts"));
            operations.insert(request, record);
        }
        let (trail, broken) = store.audit_trail().await.expect("the cloud's trail");
        let agents = store.agents(TENANT).await.expect("the agents").into_iter();
        let agents = agents.map(|agent| (agent.name, agent.id)).collect();
        let mut trails = BTreeMap::new();
        for (name, state) in states {
            let (trail, verified) = agent::audit::read(&state).await.expect("an agent's trail");
            trails.insert(name, (trail, verified.wrong));
        }
        store.close().await;
        (operations, facts, trail, broken, agents, trails)
    };
    let (operations, facts, trail, broken, agents, trails) = machine::on_a_runtime(read);
    let service = world.population.service.login.clone();
    let all_sets = world.domain().journal();
    let sets = all_sets.iter().filter(|set| set.by == service).cloned().collect();
    let mut given: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for package in world.network.packages() {
        let Some(header) = seal::claimed_header(&package.body) else { continue };
        given.entry(header.request.to_string()).or_default().push(package);
    }
    let shown = trail.iter().map(|entry| entry.at);
    let written = world.when_shown(CLOUD, shown);
    Evidence {
        attempts,
        sets,
        all_sets,
        operations,
        facts,
        trail,
        written,
        broken,
        agents,
        trails,
        given,
    }
}

impl Evidence {
    fn sets_of<'a>(&'a self, attempt: &'a Attempt) -> impl Iterator<Item = &'a Set> {
        self.sets.iter().filter(|set| set.is(&attempt.password))
    }

    fn attempts_of<'a>(&'a self, set: &'a Set) -> impl Iterator<Item = &'a Attempt> {
        self.attempts.iter().filter(|attempt| set.is(&attempt.password))
    }

    /// What the cloud has concluded of an attempt, where the directory says otherwise.
    fn concluded_wrongly(&self, world: &World, attempt: &Attempt) -> Option<&'static str> {
        let (outcome, details) = self.operations.get(&attempt.request)?.result?;
        match (outcome.changed(), self.sets_of(attempt).next()) {
            (Changed::No, Some(_)) => Some("unchanged and it was set"),
            // A set of somebody else's just then looks the same.
            (Changed::Yes, None) if !(details.inferred && self.others_set(world, attempt)) => {
                Some("changed and nothing was set")
            }
            _ => None,
        }
    }

    /// Whether anybody but the agents set the password of whom an attempt was about, while it was under way.
    fn others_set(&self, world: &World, attempt: &Attempt) -> bool {
        let guid = world.domain().guid_of(attempt.account_name());
        let answered = self.moments(&attempt.request, &["operation.answered"]).min();
        let Some(operation) = self.operations.get(&attempt.request) else { return false };
        // Controllers date what they write to the second.
        let issued = self.issued(world, &attempt.request, operation).before(MARGIN);
        let during = issued..=answered.unwrap_or(NEVER);
        let of_it = |sets: &[Set]| {
            sets.iter().filter(|set| Some(set.guid) == guid && during.contains(&set.at)).count()
        };
        of_it(&self.all_sets) > of_it(&self.sets)
    }

    /// Whether the password was changed, as the trail of one agent says it in an entry of one of
    /// these names: its last word.
    fn said_at(&self, agent: &str, request: &str, names: &[&str]) -> Option<&str> {
        let (trail, _) = self.trails.get(agent)?;
        let said = trail.iter().rfind(|entry| {
            let of_it = entry.event.request.is_some_and(|id| id.to_string() == request);
            of_it && names.contains(&entry.event.name.as_str())
        })?;
        said.event.detail["changed"].as_str()
    }

    /// Whether the password was changed, as the trail of one agent says how a request ended. Of one that was
    /// begun that is its last word. Of another one it may be several: each question is answered as it came,
    /// and one that a relay has altered is none that the cloud has asked.
    fn ends_at(&self, agent: &str, request: &str) -> Vec<&str> {
        if let Some(word) =
            self.said_at(agent, request, &["writeback.finished", "writeback.settled"])
        {
            return vec![word];
        }
        let trail = self.trails.get(agent).into_iter().flat_map(|(trail, _)| trail);
        let never_begun = trail.filter(|entry| {
            let of_it = entry.event.request.is_some_and(|id| id.to_string() == request);
            of_it && entry.event.name == "settle.never_begun"
        });
        never_begun.filter_map(|entry| entry.event.detail["changed"].as_str()).collect()
    }

    /// The agent that has looked how it ended, if the cloud was told by another one than it had asked.
    fn settled_by_another(&self, request: &str, operation: &OperationRecord) -> Option<&str> {
        let answered = self.trail.iter().find(|entry| {
            let of_it = entry.event.request.is_some_and(|id| id.to_string() == request);
            of_it && entry.event.name == "operation.answered"
        })?;
        let by = answered.event.detail["settled_by"].as_str()?;
        let (name, id) = self.agents.iter().find(|(_, id)| id.to_string() == by)?;
        (operation.agent != Some(*id)).then_some(name.as_str())
    }

    /// When the cloud wrote something about a request into its trail.
    fn moments<'a>(
        &'a self,
        request: &'a str,
        names: &'a [&'a str],
    ) -> impl Iterator<Item = Timestamp> {
        self.trail.iter().zip(&self.written).filter_map(move |(entry, at)| {
            let of_it = entry.event.request.is_some_and(|id| id.to_string() == request);
            (of_it && names.contains(&entry.event.name.as_str())).then_some(*at)
        })
    }

    /// When the ticket of a request was issued: the last time that it can have been before the request
    /// was submitted.
    fn issued(&self, world: &World, request: &str, operation: &OperationRecord) -> Timestamp {
        let attempt = self.attempts.iter().find(|one| one.request == request);
        let submitted = attempt.map_or(operation.issued_at, |one| one.submitted_at);
        world.last_shown(operation.issued_at, submitted)
    }

    /// When an agent began a request, by its own clock.
    fn begun(&self, agent: &str, operation: &OperationRecord) -> Option<Timestamp> {
        let (trail, _) = self.trails.get(agent)?;
        let begun = trail.iter().find(|entry| {
            entry.event.name == "writeback.begun" && entry.event.request == Some(operation.request)
        });
        begun.map(|entry| entry.at)
    }
}

/// I1: told *changed* ⇒ the directory holds that password, unless a later set replaced it. What was concluded
/// when nobody waited any more is told as well, by mail.
fn i1_told_changed_is_changed(world: &World, evidence: &Evidence, found: &mut Vec<String>) {
    for attempt in &evidence.attempts {
        let changed = matches!(attempt.told, Some((Told::Changed, _)));
        let unchanged = matches!(attempt.told, Some((Told::Unchanged(_) | Told::Refused(_), _)));
        let set = evidence.sets_of(attempt).next();
        let excused = set.is_some_and(|set| evidence.nobody_saw_it_made(world, attempt, set));
        let wrong = evidence.concluded_wrongly(world, attempt);
        if let Some(wrong) = wrong.filter(|_| !excused) {
            found.push(format!("I1: {} was concluded {wrong}", attempt.request));
        }
        if changed && set.is_none() {
            found.push(format!("I1: {} was told changed and nothing was set", attempt.request));
        }
        if unchanged && set.is_some() && !excused {
            found.push(format!("I1: {} was told unchanged and it was set", attempt.request));
        }
        let Some(set) = set else { continue };
        let last = evidence.all_sets.iter().rfind(|other| other.guid == set.guid);
        let is_last = last.is_some_and(|last| last.is(&attempt.password));
        if changed && is_last && !world.domain().is_password(set.guid, &attempt.password) {
            found.push(format!("I1: the directory lost the password of {}", attempt.request));
        }
    }
}

/// I2: every set traces to exactly one cleared, unexpired request.
fn i2_every_set_has_its_request(world: &World, evidence: &Evidence, found: &mut Vec<String>) {
    for set in &evidence.sets {
        let mut attempts = evidence.attempts_of(set);
        let (Some(attempt), None) = (attempts.next(), attempts.next()) else {
            found.push(format!("I2: the set of {} at {} is of no one request", set.guid, set.at));
            continue;
        };
        let Some(operation) = evidence.operations.get(&attempt.request) else {
            found.push(format!("I2: {} was set and the cloud knows no operation", attempt.request));
            continue;
        };
        let whose = world.domain().guid_of(attempt.account_name());
        if whose != Some(set.guid) {
            found.push(format!("I2: {} set the password of somebody else", attempt.request));
        }
        if matches!(operation.state, State::Expired | State::Ticketed | State::Refused) {
            found.push(format!("I2: {} was set and is {:?}", attempt.request, operation.state));
        }
    }
}

/// I3: one request id causes at most one set, over all agents together.
fn i3_no_request_sets_twice(evidence: &Evidence, found: &mut Vec<String>) {
    for attempt in &evidence.attempts {
        let sets = evidence.sets_of(attempt).count();
        if sets > 1 {
            found.push(format!("I3: {} was set {sets} times", attempt.request));
        }
    }
}

/// I3, before the set: a request is given to one agent, once (SPEC W-12, PR-7). A relay of somebody
/// else's that denies what it delivered is given it again, for the same agent (decision 0013), and so is an
/// agent that said that it took nothing (decision 0021). What a relay in other hands says again by itself is the
/// agent's matter.
fn i3_no_request_is_given_twice(world: &World, evidence: &Evidence, found: &mut Vec<String>) {
    let in_other_hands: Vec<Span> = match world.is_elsewhere() {
        true => world.timeline.wrong(Matter::Hands).collect(),
        false => Vec::new(),
    };
    let is_denied = |(given, again): (Timestamp, Timestamp)| {
        in_other_hands.iter().any(|(from, to)| *from <= again && *to >= given)
    };
    for (request, given) in &evidence.given {
        let agents: BTreeSet<&str> = given.iter().map(|one| one.agent.as_str()).collect();
        if agents.len() > 1 {
            found.push(format!("I3: {request} was given to {agents:?}"));
        }
        let again = given.iter().zip(given.iter().skip(1));
        let again = again.filter(|(first, again)| {
            !is_denied((first.at, again.at)) && !world.network.is_declined(first, again.at)
        });
        let again = again.count();
        if again > 0 {
            let (times, when) = (given.len(), given.iter().map(|one| one.at));
            let when: Vec<_> = when.collect();
            found.push(format!("I3: {request} was given to agents {times} times: {when:?}"));
        }
    }
}

/// I4: no set starts later than its expiry + 5 s by the agent's clock, which is within 120 s of the
/// cloud's.
fn i4_no_set_is_late(world: &World, evidence: &Evidence, found: &mut Vec<String>) {
    for (attempt, set) in
        evidence.attempts.iter().flat_map(|one| evidence.sets_of(one).map(move |set| (one, set)))
    {
        let Some(operation) = evidence.operations.get(&attempt.request) else { continue };
        // What is under way at a slow controller no clock stops.
        let started = set.asked_at;
        let agent = evidence.agents.iter().find(|(_, id)| Some(**id) == operation.agent);
        let ahead = agent.map_or(0, |(name, _)| world.clock_ahead(name, started));
        let off = world.off_the_cloud(ahead, started);
        if Duration::from_millis(off.unsigned_abs()) > CLOCK_DIFFERENCE_MAX {
            found.push(format!("I4: {} was set by a clock {off} ms off", attempt.request));
        }
        let by_agent = Timestamp::from_millis(started.as_millis() + ahead);
        if by_agent > operation.expires_at.after(MARGIN) {
            found.push(format!("I4: {} was set after its expiry", attempt.request));
        }
    }
}

/// I5: no reset of a protected, out-of-scope or disabled account.
fn i5_nobody_who_must_not_be_is_set(world: &World, evidence: &Evidence, found: &mut Vec<String>) {
    for set in &evidence.sets {
        if let Some(why) = world.why_never_to_be_set(set.guid) {
            found.push(format!("I5: the password of {} was set, who is {why}", set.guid));
        }
    }
}

/// I9: every clearance has its full set of gate facts, none older than allowed.
fn i9_every_clearance_has_its_facts(world: &World, evidence: &Evidence, found: &mut Vec<String>) {
    let live = world.folder.cloud().flow_lifetime;
    for (request, operation) in &evidence.operations {
        // A clock that is put back meanwhile shows the later moment before the earlier one. A visit
        // lives no longer than twice its time by the worst clock there is here.
        let issued = evidence.issued(world, request, operation);
        let jumps = world.jumps_of_the_cloud(issued.before(live * 2), issued);
        let fresh = |fact: &&Fact| {
            fact.passed_at <= operation.issued_at.after(jumps)
                && operation.issued_at.since(fact.passed_at) <= live + jumps
        };
        let facts = evidence.facts.get(request).map_or(0, |all| all.iter().filter(fresh).count());
        if facts == 0 {
            found.push(format!("I9: {request} was cleared without a fresh fact"));
        }
        let audited = evidence.trail.iter().any(|entry| {
            entry.event.name == "gate.email.passed"
                && entry.event.flow == Some(operation.flow)
                && entry.at <= operation.issued_at.after(jumps)
        });
        if !audited {
            found.push(format!("I9: the gate of {request} is not in the trail"));
        }
    }
    // One code opens one gate.
    let mut codes: HashMap<_, u32> = HashMap::new();
    for entry in evidence.trail.iter().filter(|entry| entry.event.name == "gate.email.passed") {
        *codes.entry(entry.event.flow).or_default() += 1;
    }
    for count in codes.values().filter(|count| **count > 1) {
        found.push(format!("I9: the code of one flow opened its gate {count} times"));
    }
}

/// What THREATS allows at most for one code: five comparisons.
const COMPARISONS: usize = 5;

/// I9, before the clearance: no code is compared more than five times.
fn i9_no_code_is_guessed(evidence: &Evidence, found: &mut Vec<String>) {
    let mut compared: HashMap<_, usize> = HashMap::new();
    for entry in &evidence.trail {
        let flow = entry.event.flow;
        match entry.event.name.as_str() {
            "gate.email.issued_again" => drop(compared.remove(&flow)),
            "gate.email.passed" => *compared.entry(flow).or_default() += 1,
            "gate.email.not_passed"
                if entry.event.detail["outcome"] == Outcome::CodeWrong.name() =>
            {
                *compared.entry(flow).or_default() += 1;
            }
            _ => continue,
        }
        if compared.get(&flow).is_some_and(|count| *count == COMPARISONS + 1) {
            found.push(format!("I9: a code was compared more than {COMPARISONS} times"));
        }
    }
}

/// I10: cloud and agents agree on every request, and all trails verify.
fn i10_both_trails_agree(world: &World, evidence: &Evidence, found: &mut Vec<String>) {
    let alters = [Matter::Altering, Matter::Hands, Matter::Trick];
    let altered = alters.iter().any(|matter| world.timeline.wrong(*matter).next().is_some());
    if let Some(entry) = evidence.broken {
        found.push(format!("I10: the cloud's trail is broken at entry {entry}"));
    }
    for (name, (_, broken)) in &evidence.trails {
        if let Some(entry) = broken {
            found.push(format!("I10: the trail of {name} is broken at entry {entry}"));
        }
    }
    for (request, operation) in &evidence.operations {
        let of_cloud = operation.result.map(|(outcome, _)| outcome.changed().word());
        let mut ends = 0;
        for (name, agent) in &evidence.agents {
            let said = evidence.ends_at(name, request);
            ends += usize::from(!said.is_empty());
            let agree = match altered {
                true => of_cloud.is_some_and(|word| said.contains(&word)),
                false => said.iter().all(|word| of_cloud == Some(*word)),
            };
            if !said.is_empty() && operation.agent != Some(*agent) {
                found.push(format!("I10: {name} ended {request}, which it was not given"));
            } else if !said.is_empty() && operation.state == State::Answered && !agree {
                found.push(format!("I10: {request}: cloud {of_cloud:?}, {name} {said:?}"));
            }
        }
        if let Some(name) = evidence.settled_by_another(request, operation) {
            // The one that was asked may never have begun it, and nobody asks it any more.
            let looked = evidence.said_at(name, request, &["look.concluded"]);
            if looked != of_cloud {
                found.push(format!("I10: {request}: cloud {of_cloud:?}, {name} saw {looked:?}"));
            }
        } else if operation.state == State::Answered && ends != 1 {
            found.push(format!("I10: {ends} agents' trails say how {request} ended"));
        }
    }
}
