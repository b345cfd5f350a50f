//! What a test lets go wrong with a domain.

use std::time::Duration;

use directory::InvocationId;

use crate::controller::{Controller, PolicyControls};
use crate::domain::FakeDomain;
use crate::error::FakeError;
use crate::faults::Fault;

impl FakeDomain {
    /// The next set meets this; several wait in line, one for each set.
    pub fn inject(&self, fault: Fault) {
        self.state().faults.next.push_back(fault);
    }

    /// Every answer takes that long from now on, by the domain's clock.
    pub fn slow(&self, delay: Duration) {
        self.state().faults.slow = delay;
    }

    /// From now on, whoever looks for an object by its SID is told that the controller is busy.
    pub fn busy_about_sids(&self) {
        self.state().faults.busy_about_sids = true;
    }

    /// Nothing is wrong any more: faults in line are forgotten, answers take no time, nobody is busy,
    /// every controller is up. Sets that are still under way arrive all the same.
    pub fn heal(&self) {
        let mut state = self.state();
        state.faults.slow = Duration::ZERO;
        state.faults.next.clear();
        state.faults.busy_about_sids = false;
        let down: Vec<_> = state.controllers.iter().filter(|one| !one.up).cloned().collect();
        drop(state);
        for controller in down {
            // It is there: it was just read.
            let _ = self.up(&controller.name, true);
        }
    }

    /// Takes a controller down, which ends its connections, or brings it up again.
    ///
    /// # Errors
    /// If there is none of that name; its first label is enough.
    pub fn up(&self, controller: &str, up: bool) -> Result<(), FakeError> {
        self.at_controller(controller, |one| {
            one.run += u64::from(one.up && !up);
            one.up = up;
        })
    }

    /// Ends a controller's connections; it stays up.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn disconnect(&self, controller: &str) -> Result<(), FakeError> {
        self.at_controller(controller, |one| one.run += 1)
    }

    /// Says under which numbers a controller offers the policy-hints control.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn offer(&self, controller: &str, controls: PolicyControls) -> Result<(), FakeError> {
        // What a controller offers changes with its software: it was restarted.
        self.at_controller(controller, |one| {
            one.offers = controls;
            one.run += 1;
        })
    }

    /// Restores a controller from a backup: it has another invocationId, and its connections end.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn restore(&self, controller: &str) -> Result<(), FakeError> {
        let id = InvocationId(self.draw_guid());
        let (mut state, now) = self.writing();
        let at = state.controller_at(controller)?;
        let settings = state.controllers[at].settings.clone();
        let replica = &mut state.replicas[at];
        let guid = replica.named(&settings).map(|object| object.guid);
        let guid = guid.ok_or_else(|| FakeError::Missing(settings.to_string()))?;
        replica.invocation = id;
        replica.write(guid, &["invocationId"], now, |object| {
            object.values.put("invocationId", id.0.to_bytes());
        })?;
        drop(state);
        self.at_controller(controller, |one| one.run += 1)
    }

    /// Moves the PDC role to another controller. The present holder hands it over if it is up, and
    /// both know at once; else the role is seized, and the former holder takes itself for the
    /// holder until it hears of it. All others hear of it by replication. DNS follows at once unless
    /// it is made to name another one with [`FakeDomain::name_in_dns`].
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn move_role(&self, controller: &str) -> Result<(), FakeError> {
        let (mut state, now) = self.writing();
        let (from, to) = (state.owner, state.controller_at(controller)?);
        let head = state.head()?;
        let settings = state.controllers[to].settings.to_string();
        let handed_over = state.controllers[from].up;
        let writer = if handed_over { from } else { to };
        state.replicas[writer].write(head, &["fSMORoleOwner"], now, |head| {
            head.values.put("fSMORoleOwner", settings);
        })?;
        (state.owner, state.in_dns) = (to, to);
        if handed_over {
            state.hand_over(from, to, now);
        }
        Ok(())
    }

    /// From now on, what is written at one controller is seen at the others only so much later, by
    /// the domain's clock, or when [`FakeDomain::replicate`] is called; with [`Duration::MAX`] only
    /// then. What is under way already is not delayed. A new domain has no delay.
    pub fn replicate_after(&self, delay: Duration) {
        // What was written before goes its way.
        let mut state = self.state();
        state.send();
        state.replication.delay = delay;
    }

    /// Everything that is under way between controllers that are up arrives now.
    pub fn replicate(&self) {
        let (mut state, now) = self.writing();
        state.replicate_all(now);
    }

    /// Lets DNS name that controller as the PDC emulator, rightly or not.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn name_in_dns(&self, controller: &str) -> Result<(), FakeError> {
        let mut state = self.state();
        state.in_dns = state.controller_at(controller)?;
        Ok(())
    }

    fn at_controller(
        &self,
        name: &str,
        change: impl FnOnce(&mut Controller),
    ) -> Result<(), FakeError> {
        let mut state = self.state();
        let at = state.controller_at(name)?;
        change(&mut state.controllers[at]);
        drop(state);
        self.tell();
        Ok(())
    }
}
