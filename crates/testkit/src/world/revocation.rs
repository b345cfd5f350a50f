//! An administrator who revokes an agent, in a process of their own, while the service runs; and what the
//! agent still gets.

use store::Store;
use store::agents::Revocation;
use store::audit::Event;

use super::installation::{AGENTS, TENANT};
use super::processes::known;
use super::timeline::Matter;
use super::{World, machine};

impl World {
    /// Revokes an agent in the cloud service's database, as `passback agent revoke` does; the service
    /// is told nothing.
    ///
    /// # Panics
    /// If there is no such agent, or it was revoked before.
    pub fn revoke_agent(&mut self, name: &str) {
        self.timeline.goes_wrong(Matter::Revoked(known(name)), self.now());
        let (database, now) = (self.folder.cloud().database, self.now());
        machine::on_a_runtime(async {
            let store = Store::open(&database).await.expect("the store");
            let agents = store.agents(TENANT).await.expect("agents");
            let agent = agents.iter().find(|one| one.name == name).expect("the agent");
            let event = Event {
                tenant: Some(TENANT),
                name: "agent.revoked".to_owned(),
                ..Event::default()
            };
            let revoked = store.revoke_agent(agent.id, true, &event, now).await;
            assert_eq!(revoked.expect("an answer"), Revocation::Done);
            store.close().await;
        });
    }

    /// Whether every agent was revoked.
    pub(super) fn is_without_agents(&self) -> bool {
        let is_revoked = |name| self.timeline.wrong(Matter::Revoked(name)).next().is_some();
        AGENTS.into_iter().take(self.agents()).all(is_revoked)
    }

    /// The same, unless it was revoked before.
    ///
    /// # Panics
    /// If there is no such agent.
    pub fn revoke_agent_once(&mut self, name: &str) {
        let first = self.timeline.wrong(Matter::Revoked(known(name))).next().is_none();
        if first {
            self.revoke_agent(name);
        }
    }

    /// How many packages were said to an agent so far.
    pub fn given_to(&self, name: &str) -> usize {
        self.network.packages().iter().filter(|package| package.agent == name).count()
    }

    /// Whether an agent has a channel, to whichever relay it is.
    pub fn has_channel(&self, name: &str) -> bool {
        self.network.has_channel(name)
    }

    /// Whether the cloud service's audit trail has an entry of this name.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn has_audited(&self, name: &str) -> bool {
        let database = self.folder.cloud().database;
        let trail = machine::on_a_runtime(async {
            let store = Store::open(&database).await.expect("the store");
            let (trail, _) = store.audit_trail().await.expect("the cloud's trail");
            store.close().await;
            trail
        });
        trail.iter().any(|entry| entry.event.name == name)
    }
}
