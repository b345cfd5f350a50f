//! One identity in two processes: an agent's state that somebody has copied (SPEC A-3).

use std::sync::Arc;

use super::machine::Machine;
use super::skew::Skewed;
use super::{AgentPlace, World, installation};

impl World {
    /// Copies an agent's folder as it is at this moment, and starts what is in it beside the agent;
    /// the copy's name.
    ///
    /// # Panics
    /// If there is no such agent.
    pub fn start_copy_of(&mut self, name: &str) -> String {
        let copy = format!("copy-of-{name}");
        let top = self.folder.path();
        installation::copy(&top.join(name), &top.join(&copy));
        let clock = Arc::new(Skewed::new(self.clock.clone()));
        self.agents.insert(copy.clone(), AgentPlace::with(clock));
        let (settings, surroundings) = (self.folder.agent(&copy), self.surroundings_of(&copy));
        let directory = self.folder.path().join(&copy);
        let machine = Machine::start(&copy, &directory, |stop| async move {
            agent::run(settings, surroundings, stop).await.expect("the copy");
        });
        self.agents.get_mut(&copy).expect("the copy").place.machine = Some(machine);
        copy
    }
}
