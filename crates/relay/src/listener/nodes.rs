//! Listening at several nodes: one listener for each channel of the [`Plan`], each with delays and a
//! transport of its own, all with one handler.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::{OptionFuture, select_all};
use protocol::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::plan::{Plan, Standing, Step};
use super::{Listener, ListenerConfig, Status};

/// A listener at one node.
struct AtNode {
    status: watch::Receiver<Status>,
    /// Since when its channel is open, as it says itself; another moment is another channel.
    open: Option<Timestamp>,
    stop: CancellationToken,
}

struct Nodes<'a> {
    /// What the listeners are made from.
    listener: &'a Listener,
    plan: Plan,
    at: HashMap<u64, AtNode>,
    /// Those that are being closed as well.
    tasks: TaskTracker,
}

/// Listens at the nodes that `names` tells, until the listener is told to stop.
pub(super) async fn listen(listener: &Listener, mut names: watch::Receiver<Vec<Url>>) {
    let config = &listener.config;
    let plan = Plan::new(config.url.clone(), config.stagger);
    let tasks = TaskTracker::new();
    let mut nodes = Nodes { listener, plan, at: HashMap::new(), tasks };
    nodes.plan.name(&names.borrow_and_update());
    let mut is_told = true;
    loop {
        let next = nodes.advance();
        let wait: OptionFuture<_> = next.map(|time| listener.clock.sleep(time)).into();
        tokio::select! {
            () = listener.stop.cancelled() => break,
            told = names.changed(), if is_told => is_told = told.is_ok(),
            () = nodes.changed() => {}
            Some(()) = wait => {}
        }
        nodes.plan.name(&names.borrow_and_update());
        nodes.learn();
    }
    nodes.tasks.close();
    nodes.tasks.wait().await;
}

impl Nodes<'_> {
    /// Does what the plan says; gives how long it holds.
    fn advance(&mut self) -> Option<Duration> {
        let now = self.listener.clock.running();
        for step in self.plan.steps(now, self.listener.random()) {
            match step {
                Step::Open { id, node, outage } => self.open(id, node, outage),
                Step::Close(id) => {
                    // Its task lives until what is in flight has ended.
                    if let Some(left) = self.at.remove(&id) {
                        left.stop.cancel();
                    }
                }
            }
        }
        self.tell();
        self.plan.next(now).map(|time| time.saturating_sub(now))
    }

    fn open(&mut self, id: u64, node: Url, outage: Option<Duration>) {
        let (sender, status) = watch::channel(Status::Connecting);
        let stop = self.listener.stop.child_token();
        let config = ListenerConfig { url: node, nodes: None, ..(*self.listener.config).clone() };
        let at = Listener {
            config: config.into(),
            status: sender,
            stop: stop.clone(),
            tasks: TaskTracker::new(),
            ..self.listener.clone()
        };
        self.tasks.spawn(async move { at.run(outage).await });
        self.at.insert(id, AtNode { status, open: None, stop });
    }

    /// Returns when one of the listeners has something new to say.
    async fn changed(&mut self) {
        if self.at.is_empty() {
            return std::future::pending().await;
        }
        let changes = self.at.values_mut().map(|one| {
            Box::pin(async {
                if one.status.changed().await.is_err() {
                    // It has ended without being told to, and says nothing any more.
                    std::future::pending::<()>().await;
                }
            })
        });
        select_all(changes).await;
    }

    /// Takes up how the channels stand.
    fn learn(&mut self) {
        let now = self.listener.clock.running();
        let mut changed = false;
        for (id, one) in &mut self.at {
            let open = match &*one.status.borrow_and_update() {
                Status::Connected { since } => Some(*since),
                Status::Connecting | Status::Waiting { .. } => None,
            };
            if open != one.open {
                one.open = open;
                let standing = open.map_or(Standing::Closed(now), |_| Standing::Open(now));
                self.plan.learn(*id, standing);
                changed = true;
            }
        }
        if changed {
            self.log_ages(now);
        }
    }

    /// Says how old each channel is, the elder one first.
    fn log_ages(&self, now: Duration) {
        let mut ages: Vec<_> = self.plan.kept().iter().filter_map(|one| one.age(now)).collect();
        ages.sort_unstable_by_key(|(age, _)| std::cmp::Reverse(*age));
        let ages: Vec<_> =
            ages.iter().map(|(age, node)| format!("{node} {} s", age.as_secs())).collect();
        tracing::info!(channels = ages.join(", "), "relay.listener.channels");
    }

    /// The status of all of them: it is connected if one is.
    fn tell(&self) {
        let statuses: Vec<_> = self.at.values().map(|one| one.status.borrow().clone()).collect();
        let overall = overall(&statuses);
        self.listener.status.send_if_modified(|status| {
            let changed = *status != overall;
            status.clone_from(&overall);
            changed
        });
    }
}

/// The best of several statuses.
fn overall(statuses: &[Status]) -> Status {
    let connected = statuses.iter().filter_map(|one| match one {
        Status::Connected { since } => Some(*since),
        _ => None,
    });
    if let Some(since) = connected.min() {
        return Status::Connected { since };
    }
    if statuses.contains(&Status::Connecting) {
        return Status::Connecting;
    }
    let waiting = statuses.iter().filter_map(|one| match one {
        Status::Waiting { until, .. } => Some((*until, one)),
        _ => None,
    });
    waiting.min_by_key(|(until, _)| *until).map_or(Status::Connecting, |(_, one)| one.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_several_channels_is_connected_if_one_is_and_else_the_nearest_attempt() {
        let at = Timestamp::from_millis;
        let connected = |since| Status::Connected { since: at(since) };
        let waiting = |until| Status::Waiting { reason: "lost".to_owned(), until: at(until) };
        assert_eq!(overall(&[waiting(1), connected(3), connected(2)]), connected(2));
        assert_eq!(overall(&[waiting(1), Status::Connecting]), Status::Connecting);
        assert_eq!(overall(&[waiting(5), waiting(4)]), waiting(4));
        assert_eq!(overall(&[]), Status::Connecting);
    }
}
