//! The nodes of the cloud service, as its heartbeats name them: believed only below the configured
//! host, so that the cloud cannot have the agent listen anywhere else (SPEC A-5).

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use url::Url;

/// The most bytes of a refused name that are logged.
const LOGGED: usize = 200;

/// What the cloud says about its nodes.
pub(crate) struct Nodes {
    cloud: Url,
    /// As they came last, so that refused ones are told once and not with every heartbeat.
    last: Mutex<Vec<String>>,
    accepted: watch::Sender<Vec<Url>>,
}

impl Nodes {
    /// None so far, of the cloud service at `cloud`; and where the listener hears of them.
    pub(crate) fn of(cloud: Url) -> (Self, watch::Receiver<Vec<Url>>) {
        let (accepted, heard) = watch::channel(Vec::new());
        (Self { cloud, last: Mutex::default(), accepted }, heard)
    }

    /// Takes up what a heartbeat's answer says.
    pub(crate) fn told(&self, names: Vec<String>) {
        let (accepted, others) = relay::nodes_of(&names, &self.cloud);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == names {
            return;
        }
        if !others.is_empty() {
            let mut shown = format!("{others:?}");
            let end = (0..=LOGGED.min(shown.len())).rev().find(|at| shown.is_char_boundary(*at));
            shown.truncate(end.unwrap_or_default());
            tracing::error!(
                event = "heartbeat.nodes_refused",
                nodes = shown,
                "these nodes of the cloud service are not below the configured `cloud.url`, or too many"
            );
        }
        tracing::info!(event = "heartbeat.nodes", accepted = accepted.len());
        *last = names;
        self.accepted.send_if_modified(|nodes| {
            let changed = *nodes != accepted;
            *nodes = accepted;
            changed
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(nodes: &Nodes, names: &[&str]) {
        nodes.told(names.iter().map(|name| (*name).to_owned()).collect());
    }

    #[test]
    fn the_listener_hears_of_accepted_nodes_and_only_of_changes() {
        let (nodes, mut heard) = Nodes::of("https://reset.example.org".parse().unwrap());
        told(&nodes, &[]);
        assert!(!heard.has_changed().unwrap(), "an old cloud service names none");
        let named =
            ["wss://a.reset.example.org", "wss://evil.example", "wss://b.reset.example.org"];
        told(&nodes, &named);
        let accepted = ["wss://a.reset.example.org/", "wss://b.reset.example.org/"];
        let heard_now: Vec<String> =
            heard.borrow_and_update().iter().map(|node| node.to_string()).collect();
        assert_eq!(heard_now, accepted);
        told(&nodes, &named);
        told(&nodes, &accepted);
        assert!(!heard.has_changed().unwrap(), "the same ones");
        told(&nodes, &["wss://evil.example"]);
        assert_eq!(*heard.borrow_and_update(), [], "then home is listened at");
    }

    #[test]
    fn a_name_that_is_absurd_is_refused_and_logged_in_part() {
        let (nodes, heard) = Nodes::of("https://reset.example.org".parse().unwrap());
        told(&nodes, &[&"ä\n".repeat(10_000)]);
        assert_eq!(*heard.borrow(), []);
    }
}
