//! Everything in the domain: its controllers, each with its copy, and what goes on between them.

use std::cell::Cell;

use directory::ObjectGuid;
use protocol::Timestamp;

use crate::answer::Refused;
use crate::controller::Controller;
use crate::error::FakeError;
use crate::faults::Faults;
use crate::journal::Set;
use crate::modify::Token;
use crate::replica::Replica;
use crate::replication::Replication;
use crate::search::{Found, Query};

/// The domain.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) controllers: Vec<Controller>,
    /// What each of them has, in the same order.
    pub(crate) replicas: Vec<Replica>,
    /// Which controller was last given the PDC role, and which one DNS names. Which one a
    /// controller takes for the holder stands in its own copy.
    pub(crate) owner: usize,
    pub(crate) in_dns: usize,
    pub(crate) replication: Replication,
    pub(crate) journal: Vec<Set>,
    pub(crate) faults: Faults,
    pub(crate) next_rid: u32,
    /// How many searches were answered.
    pub(crate) searches: Cell<u64>,
}

impl State {
    /// A domain whose first controller is there and nothing else.
    pub(crate) fn new(controllers: Vec<Controller>, replicas: Vec<Replica>) -> Self {
        Self {
            controllers,
            replicas,
            owner: 0,
            in_dns: 0,
            replication: Replication::default(),
            journal: Vec::new(),
            faults: Faults::default(),
            // MS-SAMR 3.1.1.9.2.1: accounts that are not built in start here.
            next_rid: 1_103,
            searches: Cell::new(0),
        }
    }

    /// The copy of the PDC emulator: where an administrator looks.
    pub(crate) fn here(&self) -> &Replica {
        &self.replicas[self.owner]
    }

    /// The same, to write in.
    pub(crate) fn here_mut(&mut self) -> &mut Replica {
        &mut self.replicas[self.owner]
    }

    /// The domain head; [`FakeError::Missing`] only without one.
    pub(crate) fn head(&self) -> Result<ObjectGuid, FakeError> {
        let head = self.here().named(&self.here().head).map(|head| head.guid);
        head.ok_or_else(|| FakeError::Missing("the domain head".to_owned()))
    }

    /// Which controller holds the PDC role by the word of one of them; none if it names none that
    /// there is.
    pub(crate) fn owner_seen_by(&self, controller: usize) -> Option<usize> {
        let replica = &self.replicas[controller];
        let owner = replica.named(&replica.head)?.values.text("fSMORoleOwner")?.parse().ok()?;
        self.controllers.iter().position(|one| one.settings == owner)
    }

    /// The index of the controller with this short name or host name; [`FakeError::Missing`] if
    /// there is none.
    pub(crate) fn controller_at(&self, name: &str) -> Result<usize, FakeError> {
        let is = |one: &Controller| {
            one.name.eq_ignore_ascii_case(name) || one.host.eq_ignore_ascii_case(name)
        };
        let found = self.controllers.iter().position(is);
        found.ok_or_else(|| FakeError::Missing(format!("the controller {name}")))
    }

    /// Runs a search at a controller; nobody in particular sees only the rootDSE.
    pub(crate) fn search(
        &self,
        controller: usize,
        token: Option<&Token>,
        query: &Query<'_>,
        now: Timestamp,
    ) -> Result<Vec<Found>, Refused> {
        if self.faults.busy_about_sids && query.base.starts_with("<SID=") {
            return Err(Refused::busy());
        }
        self.searches.update(|count| count + 1);
        self.replicas[controller].search(&self.controllers[controller], token, query, now)
    }
}
