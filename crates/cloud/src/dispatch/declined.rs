//! Who has just said that it takes nothing: an agent that is leaving, or has too much in hand. What it declined
//! stays with it (decision 0021); what comes next goes to others, where others are there.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use protocol::Clock;
use relay::Entity;

use crate::app::App;
use crate::reach::Reach;

/// For how long such a word counts: an agent that is told to stop has so long for what it has in hand.
const COUNTS: Duration = Duration::from_secs(30);

/// When one said so, by [`Clock::running`], and the newest channel of that moment.
#[derive(Debug, Clone, Copy)]
struct Said {
    at: Duration,
    newest: u64,
}

/// Those that have said so. At most as many as there are agents.
#[derive(Debug, Default)]
pub(crate) struct Declined(Mutex<HashMap<Entity, Said>>);

impl Declined {
    /// One says so of a request that was sent when `newest` was the newest channel.
    pub(super) fn note(&self, entity: &Entity, newest: u64, clock: &dyn Clock) {
        let said = Said { at: clock.running(), newest };
        self.all(|all| {
            all.retain(|_, one| said.at.saturating_sub(one.at) < COUNTS);
            all.insert(entity.clone(), said);
        });
    }

    /// Whether one has said so a short while ago, and has not come by a new channel since.
    fn counts(&self, entity: &Entity, relay: &dyn Reach, clock: &dyn Clock) -> bool {
        let said = self.all(|all| all.get(entity).copied());
        let young = said.filter(|said| clock.running().saturating_sub(said.at) < COUNTS);
        young.is_some_and(|said| relay.wait_for_newer(entity, said.newest).now_or_never().is_none())
    }

    fn all<T>(&self, with: impl FnOnce(&mut HashMap<Entity, Said>) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether any other agent that listens is to be preferred to this one.
pub(super) fn is_second_choice(app: &App, entity: &Entity) -> bool {
    app.relay.has_failed(entity) || app.declined.counts(entity, &*app.relay, &*app.clock)
}
