//! Who listens where.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::channel::Channel;
use crate::entity::Entity;

/// All channels of one relay.
#[derive(Default)]
pub(super) struct Registry {
    entities: Mutex<HashMap<Entity, Vec<Arc<Channel>>>>,
    /// How many channels have become live.
    changed: watch::Sender<u64>,
    draining: AtomicBool,
}

/// A place in the registry. When it is dropped, the channel leaves, and every request that is
/// under way on it ends.
pub(super) struct Place {
    registry: Arc<Registry>,
    channel: Arc<Channel>,
}

impl Registry {
    /// Gives `channel` a place among at most `most` of its entity. Nobody is asked on it before
    /// [`Place::go_live`].
    pub(super) fn enter(self: &Arc<Self>, channel: Arc<Channel>, most: usize) -> Option<Place> {
        let mut entities = self.lock();
        let there = entities.get(&channel.entity).map_or(0, Vec::len);
        // Under the same lock as a draining relay's list of channels: none slips through.
        if there >= most || self.is_draining() {
            return None;
        }
        entities.entry(channel.entity.clone()).or_default().push(Arc::clone(&channel));
        Some(Place { registry: Arc::clone(self), channel })
    }

    /// The channels that can be asked, the best one first; see [`Channel::rank`].
    pub(super) fn live(&self, entity: &Entity) -> Vec<Arc<Channel>> {
        let mut live: Vec<_> =
            self.all_of(entity).into_iter().filter(|one| one.is_live()).collect();
        live.sort_by_cached_key(|channel| std::cmp::Reverse(channel.rank()));
        live
    }

    /// All channels of one entity.
    pub(super) fn all_of(&self, entity: &Entity) -> Vec<Arc<Channel>> {
        self.lock().get(entity).cloned().unwrap_or_default()
    }

    /// All channels.
    pub(super) fn all(&self) -> Vec<Arc<Channel>> {
        self.lock().values().flatten().cloned().collect()
    }

    /// A receiver that notices every channel that becomes live from now on.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// The number of the channel that became live last.
    pub(super) fn newest(&self) -> u64 {
        *self.changed.borrow()
    }

    /// From here on no channel enters.
    pub(super) fn begin_draining(&self) {
        let _entities = self.lock();
        self.draining.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Entity, Vec<Arc<Channel>>>> {
        // Each change under this lock is one step: a panic elsewhere leaves nothing half done.
        self.entities.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// From here on the channel can be asked.
    pub(super) fn go_live(&self) {
        self.registry.changed.send_modify(|number| {
            *number += 1;
            self.channel.go_live(*number);
        });
    }

    pub(super) fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut entities = self.registry.lock();
        if let Some(of_entity) = entities.get_mut(&self.channel.entity) {
            of_entity.retain(|channel| !Arc::ptr_eq(channel, &self.channel));
            if of_entity.is_empty() {
                entities.remove(&self.channel.entity);
            }
        }
        drop(entities);
        self.channel.end();
    }
}
