//! Which channels an agent keeps where its cloud service has several nodes (relay protocol, "Limits
//! and promises"). It has no socket and no clock: it is told how things stand, and says what to do.
//!
//! Two channels, each at another node, and never of one age: the younger one is opened a *stagger*
//! after the elder, and where they came to be opened closer together (both were lost, and both came
//! back), the younger one is renewed a stagger later. So a limit on a connection's age or idleness,
//! a token's end, or nodes restarted one after the other, end one of them while the other stands.
//!
//! What takes a channel's place stands before it is closed. The one address that the agent knows
//! from its onboarding, *home*, is listened at until a node stands, and again while none does: names
//! that lead nowhere make nobody unreachable.

use std::time::Duration;

use url::Url;

/// How many channels are kept, of as many nodes.
const CHANNELS: usize = 2;
/// A channel that has stood for so long takes requests, and another one may be closed.
const SETTLED: Duration = Duration::from_secs(5);
/// While a first channel has not come about for so long, the second one does not wait for it: the
/// time of a handshake.
const PATIENCE: Duration = Duration::from_secs(10);
/// A channel that has not come about for so long goes to another node, if there is one: longer than
/// a node takes to restart, and than four attempts with the longest delays, by which a listener has
/// found out that WebSockets are blocked and has tried without them.
const ELSEWHERE: Duration = Duration::from_secs(180);
/// While no channel has stood for so long, home is tried as well.
const HOME: Duration = Duration::from_secs(60);

/// How a channel stands. Times are those of `Clock::running`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Open since then.
    Open(Duration),
    /// On its way, or lost, since then.
    Closed(Duration),
}

/// One channel, or what tries to become it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    id: u64,
    node: Url,
    standing: Standing,
    /// It is closed as soon as it is not needed any more.
    leaving: bool,
}

impl Kept {
    fn opened(&self) -> Option<Duration> {
        match self.standing {
            Standing::Open(at) => Some(at),
            Standing::Closed(_) => None,
        }
    }

    /// For how long it has been open, and where.
    pub(super) fn age(&self, now: Duration) -> Option<(Duration, &Url)> {
        self.opened().map(|at| (now.saturating_sub(at), &self.node))
    }

    fn closed(&self) -> Option<Duration> {
        match self.standing {
            Standing::Open(_) => None,
            Standing::Closed(since) => Some(since),
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Begin to listen at that node. If an outage has lasted since then, go on with its delays.
    Open { id: u64, node: Url, outage: Option<Duration> },
    /// Close that channel in good order.
    Close(u64),
}

/// The channels of one agent.
pub(super) struct Plan {
    home: Url,
    nodes: Vec<Url>,
    stagger: Duration,
    kept: Vec<Kept>,
    next_id: u64,
    /// Since when no channel has stood.
    dark: Option<Duration>,
}

impl Plan {
    pub(super) fn new(home: Url, stagger: Duration) -> Self {
        let nodes = vec![home.clone()];
        Self { home, nodes, stagger, kept: Vec::new(), next_id: 0, dark: None }
    }

    /// Learns which nodes there are; none means home.
    pub(super) fn name(&mut self, nodes: &[Url]) {
        self.nodes = nodes.to_vec();
        if nodes.is_empty() {
            self.nodes.push(self.home.clone());
        }
    }

    /// Learns how a channel stands.
    pub(super) fn learn(&mut self, id: u64, standing: Standing) {
        if let Some(one) = self.kept.iter_mut().find(|one| one.id == id) {
            one.standing = standing;
        }
    }

    pub(super) fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// What is to be done now; `random` chooses among nodes, so that they get equal shares of the
    /// agents.
    pub(super) fn steps(&mut self, now: Duration, random: u64) -> Vec<Step> {
        let is_dark = self.kept.iter().all(|one| one.opened().is_none());
        self.dark = is_dark.then(|| self.dark.unwrap_or(now));
        for one in &mut self.kept {
            one.leaving |= !self.nodes.contains(&one.node);
        }
        let mut steps = Vec::new();
        self.go_elsewhere(now, random, &mut steps);
        self.fill(now, random, &mut steps);
        self.renew(now, &mut steps);
        self.go_home(now, &mut steps);
        self.close(now, &mut steps);
        steps
    }

    /// When to look again, if nothing happens before; nothing where there is nothing to wait for.
    pub(super) fn next(&self, now: Duration) -> Option<Duration> {
        if self.nodes.len() == 1 && self.kept.iter().all(|one| !one.leaving) {
            let elsewhere = self.nodes.first() != Some(&self.home);
            // One node: its channel comes back by itself.
            return elsewhere.then(|| self.dark.map(|dark| dark + HOME)).flatten();
        }
        let times = self.kept.iter().flat_map(|one| match one.standing {
            Standing::Open(at) => [at + SETTLED, at + self.stagger],
            Standing::Closed(since) => [since + PATIENCE, since + ELSEWHERE],
        });
        times.chain(self.dark.map(|dark| dark + HOME)).filter(|time| *time > now).min()
    }

    /// Lets a channel that does not come about try another node.
    fn go_elsewhere(&mut self, now: Duration, random: u64, steps: &mut Vec<Step>) {
        let waited = |one: &&mut Kept| {
            let since = one.closed().filter(|_| !one.leaving);
            since.is_some_and(|since| now >= since + ELSEWHERE)
        };
        let Some(other) = self.unused(random) else { return };
        if let Some(one) = self.kept.iter_mut().find(waited) {
            one.leaving = true;
            let outage = one.closed();
            steps.push(self.open(other, now, outage));
        }
    }

    /// Opens channels until there are enough, the second one a stagger after the first.
    fn fill(&mut self, now: Duration, random: u64, steps: &mut Vec<Step>) {
        while self.staying().count() < CHANNELS {
            let may = self.staying().all(|one| match one.standing {
                Standing::Open(at) => now >= at + self.stagger,
                Standing::Closed(since) => now >= since + PATIENCE,
            });
            let Some(node) = self.unused(random).filter(|_| may) else { return };
            steps.push(self.open(node, now, None));
        }
    }

    /// Renews the younger of two channels that are too much of one age.
    fn renew(&mut self, now: Duration, steps: &mut Vec<Step>) {
        let mut open: Vec<_> =
            self.staying().filter_map(|one| Some((one.opened()?, one.id))).collect();
        open.sort_unstable();
        let [(elder, _), (younger, id)] = open[..] else { return };
        if younger - elder >= self.stagger || now < younger + self.stagger {
            return;
        }
        if let Some(one) = self.kept.iter_mut().find(|one| one.id == id) {
            one.leaving = true;
            let node = one.node.clone();
            steps.push(self.open(node, now, None));
        }
    }

    /// Tries home while no node can be reached.
    fn go_home(&mut self, now: Duration, steps: &mut Vec<Step>) {
        let overdue = self.dark.is_some_and(|dark| now >= dark + HOME);
        if overdue && self.kept.iter().all(|one| one.node != self.home) {
            let outage = self.dark;
            steps.push(self.open(self.home.clone(), now, outage));
            if let Some(home) = self.kept.last_mut() {
                home.leaving = true;
            }
        }
    }

    /// Closes what is leaving: at once if it does not stand, else as soon as enough others do.
    fn close(&mut self, now: Duration, steps: &mut Vec<Step>) {
        let target = CHANNELS.min(self.nodes.len());
        let settled = |one: &&Kept| one.opened().is_some_and(|at| now >= at + SETTLED);
        let settled = self.staying().filter(settled).count();
        let mut open: Vec<_> = self
            .kept
            .iter()
            .filter(|one| one.leaving)
            .filter_map(|one| Some((one.opened()?, one.id)))
            .collect();
        open.sort_unstable();
        let too_many = if settled == 0 { 0 } else { (settled + open.len()).saturating_sub(target) };
        let mut gone: Vec<u64> = open.iter().take(too_many).map(|(_, id)| *id).collect();
        // While nothing stands, home goes on trying.
        let tries = |one: &Kept| self.dark.is_some() && one.node == self.home;
        let lost = |one: &&Kept| one.leaving && one.opened().is_none() && !tries(one);
        gone.extend(self.kept.iter().filter(lost).map(|one| one.id));
        self.kept.retain(|one| !gone.contains(&one.id));
        steps.extend(gone.into_iter().map(Step::Close));
    }

    fn staying(&self) -> impl Iterator<Item = &Kept> {
        self.kept.iter().filter(|one| !one.leaving)
    }

    /// A node where no channel stays.
    fn unused(&self, random: u64) -> Option<Url> {
        let is_used = |node: &Url| self.staying().any(|one| one.node == *node);
        let unused: Vec<_> = self.nodes.iter().filter(|node| !is_used(node)).collect();
        let count = u64::try_from(unused.len()).ok().filter(|count| *count > 0)?;
        let chosen = usize::try_from(random % count).unwrap_or_default();
        unused.get(chosen).map(|node| (*node).clone())
    }

    fn open(&mut self, node: Url, now: Duration, outage: Option<Duration>) -> Step {
        let id = self.next_id;
        self.next_id += 1;
        let standing = Standing::Closed(now);
        self.kept.push(Kept { id, node: node.clone(), standing, leaving: false });
        Step::Open { id, node, outage }
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
