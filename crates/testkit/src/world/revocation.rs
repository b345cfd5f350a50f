//! An administrator who revokes an agent, in a process of their own, while the service runs.

use store::Store;
use store::agents::Revocation;
use store::audit::Event;

use super::installation::TENANT;
use super::{World, machine};

impl World {
    /// Revokes an agent in the cloud service's database, as `passback agent revoke` does; the service
    /// is told nothing.
    ///
    /// # Panics
    /// If there is no such agent, or it was revoked before.
    pub fn revoke_agent(&mut self, name: &str) {
        self.disturbed = true;
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
            let revoked = store.revoke_agent(agent.id, false, &event, now).await;
            assert_eq!(revoked.expect("an answer"), Revocation::Done);
            store.close().await;
        });
    }
}
