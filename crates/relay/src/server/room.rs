//! How much senders may hold at once, of one entity and in all, so that nobody who may send to one
//! fills the process: requests under way, the bytes of bodies, WebSockets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use protocol::{Clock, timeout};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::entity::Entity;
use crate::limits::Limits;

/// Bytes are counted in pieces of this size, rounded up.
const PIECE: usize = 1024;

/// The room of all senders of one relay.
pub(super) struct Rooms {
    all: Room,
    of: Mutex<HashMap<Entity, Arc<Share>>>,
    limits: Limits,
}

/// What is left, of one entity or in all.
struct Room {
    requests: Arc<Semaphore>,
    pieces: Arc<Semaphore>,
    sockets: Arc<Semaphore>,
}

/// One entity's.
pub(super) struct Share {
    room: Room,
    turns: Arc<Semaphore>,
}

/// What is held of something, of the entity's share and of all. It is given back when this is
/// dropped.
pub(super) struct Held {
    of_entity: OwnedSemaphorePermit,
    of_all: OwnedSemaphorePermit,
}

impl Rooms {
    pub(super) fn new(limits: &Limits) -> Self {
        let all = Room::of(limits.requests, limits.bytes, limits.sockets);
        Self { all, of: Mutex::default(), limits: limits.clone() }
    }

    /// Room for one request; nothing if there is none.
    pub(super) fn request(&self, share: &Share) -> Option<Held> {
        take(&share.room.requests, &self.all.requests, 1)
    }

    /// Room for so many bytes of a sender's; nothing if there is none.
    pub(super) fn bytes(&self, share: &Share, count: usize) -> Option<Held> {
        take(&share.room.pieces, &self.all.pieces, pieces(count))
    }

    /// Room for so many bytes of a listener's, as soon as there is some. Whoever waits for a share
    /// of all has its entity's already: others of that entity wait behind it, and nobody else does.
    /// What is freed of all is kept for it meanwhile: all of it is held then, and senders find none.
    pub(super) async fn bytes_when_free(&self, share: &Share, count: usize) -> Option<Held> {
        let count = pieces(count);
        let of_entity = Arc::clone(&share.room.pieces).acquire_many_owned(count).await.ok()?;
        let of_all = Arc::clone(&self.all.pieces).acquire_many_owned(count).await.ok()?;
        Some(Held { of_entity, of_all })
    }

    /// Room for one sender's WebSocket; nothing if there is none.
    pub(super) fn socket(&self, share: &Share) -> Option<Held> {
        take(&share.room.sockets, &self.all.sockets, 1)
    }

    /// One of an entity's turns, to be kept until its request is answered; nothing if none came
    /// free in [`Limits::turn`]. Whoever waits longest has the next one.
    pub(super) async fn turn(
        &self,
        share: &Share,
        clock: &dyn Clock,
    ) -> Option<OwnedSemaphorePermit> {
        let turns = Arc::clone(&share.turns);
        if let Ok(turn) = Arc::clone(&turns).try_acquire_owned() {
            return Some(turn);
        }
        timeout(clock, self.limits.turn, turns.acquire_owned()).await.ok()?.ok()
    }

    /// What one entity may hold. There are no more of them than entities that the authority knows:
    /// it is asked before anybody gets here.
    pub(super) fn share(&self, entity: &Entity) -> Arc<Share> {
        let mut of = self.lock();
        if let Some(share) = of.get(entity) {
            return Arc::clone(share);
        }
        let Limits { requests_per_entity, bytes_per_entity, sockets_per_entity, .. } = self.limits;
        let room = Room::of(requests_per_entity, bytes_per_entity, sockets_per_entity);
        let share = Arc::new(Share { room, turns: semaphore(self.limits.turns_per_entity) });
        of.insert(entity.clone(), Arc::clone(&share));
        share
    }

    /// Forgets the share of an entity that is gone. What is still held of it counts in all until it is
    /// given back; should the entity come again, it begins with a share of its own.
    pub(super) fn forget(&self, entity: &Entity) {
        self.lock().remove(entity);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Entity, Arc<Share>>> {
        // Each change under this lock is one step: a panic elsewhere leaves nothing half done.
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    fn of(requests: usize, bytes: usize, sockets: usize) -> Self {
        let (requests, pieces) = (semaphore(requests), semaphore(bytes / PIECE));
        Self { requests, pieces, sockets: semaphore(sockets) }
    }
}

impl Held {
    /// Gives back what is held of bytes above so many.
    pub(super) fn shrink_to(&mut self, count: usize) {
        for permit in [&mut self.of_entity, &mut self.of_all] {
            let over = permit.num_permits().saturating_sub(pieces(count) as usize);
            drop(permit.split(over));
        }
    }
}

/// A body that holds something for as long as there is a copy of it.
pub(super) fn keep(body: Bytes, held: Held) -> Bytes {
    struct Kept {
        body: Bytes,
        _held: Held,
    }
    impl AsRef<[u8]> for Kept {
        fn as_ref(&self) -> &[u8] {
            &self.body
        }
    }
    Bytes::from_owner(Kept { body, _held: held })
}

fn take(of_entity: &Arc<Semaphore>, of_all: &Arc<Semaphore>, count: u32) -> Option<Held> {
    let of_entity = Arc::clone(of_entity).try_acquire_many_owned(count).ok()?;
    let of_all = Arc::clone(of_all).try_acquire_many_owned(count).ok()?;
    Some(Held { of_entity, of_all })
}

fn semaphore(most: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)))
}

fn pieces(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(PIECE)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use futures_util::future::BoxFuture;
    use protocol::{ManualClock, Randomness};

    use super::*;
    use crate::server::{Authority, AuthorityError, Relay};

    /// Knows nobody, and needs no chance.
    struct Nobody;

    impl Authority for Nobody {
        fn listen_keys(&self, _: &Entity) -> BoxFuture<'_, Result<Vec<[u8; 32]>, AuthorityError>> {
            Box::pin(std::future::ready(Ok(Vec::new())))
        }
    }

    impl Randomness for Nobody {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    #[test]
    fn nothing_is_kept_of_an_entity_that_is_gone() {
        let clock = Arc::new(ManualClock::default());
        let relay = Relay::new(Limits::default(), Arc::new(Nobody), clock, Arc::new(Nobody));
        let rooms = &relay.inner.rooms;
        let [a, b, c] = ["a", "b", "c"].map(|name| Entity::parse(name).unwrap());
        for entity in [&a, &b, &c] {
            rooms.share(entity);
        }
        relay.disconnect(&a);
        relay.revoke(&b);
        assert_eq!(rooms.lock().keys().collect::<Vec<_>>(), [&c]);
        let (before, held) = (rooms.share(&c), rooms.request(&rooms.share(&c)));
        relay.disconnect(&c);
        assert!(held.is_some() && !Arc::ptr_eq(&before, &rooms.share(&c)));
    }

    fn rooms() -> (Rooms, [Arc<Share>; 3]) {
        let limits = Limits {
            requests_per_entity: 2,
            requests: 3,
            bytes_per_entity: 10 * PIECE,
            bytes: 15 * PIECE,
            ..Limits::default()
        };
        let rooms = Rooms::new(&limits);
        let shares = ["a", "b", "c"].map(|name| rooms.share(&Entity::parse(name).unwrap()));
        (rooms, shares)
    }

    #[test]
    fn an_entity_has_its_share_and_all_have_no_more_than_all() {
        let (rooms, [a, b, c]) = rooms();
        let held = [rooms.request(&a), rooms.request(&a)];
        assert!(held.iter().all(Option::is_some) && rooms.request(&a).is_none());
        let other = rooms.request(&b);
        assert!(other.is_some() && rooms.request(&c).is_none(), "three in all");
        drop(held);
        assert!(rooms.request(&c).is_some() && rooms.request(&a).is_some());
    }

    #[test]
    fn what_did_not_fit_into_all_is_not_held_of_the_entity_either() {
        let (rooms, [a, b, _]) = rooms();
        let most = rooms.bytes(&a, 10 * PIECE).unwrap();
        assert!(rooms.bytes(&b, 6 * PIECE).is_none());
        drop(most);
        assert!(rooms.bytes(&b, 10 * PIECE).is_some());
    }

    #[test]
    fn a_body_holds_what_it_has_until_its_last_copy_is_gone() {
        let (rooms, [a, ..]) = rooms();
        let mut held = rooms.bytes(&a, 10 * PIECE).unwrap();
        held.shrink_to(PIECE + 1);
        let body = keep(Bytes::from_static(b"body"), held);
        let copy = body.clone();
        drop(body);
        assert_eq!(copy, "body");
        assert!(rooms.bytes(&a, 9 * PIECE).is_none() && rooms.bytes(&a, 8 * PIECE).is_some());
        drop(copy);
        assert!(rooms.bytes(&a, 10 * PIECE).is_some());
    }

    #[test]
    fn a_listener_waits_until_there_is_room() {
        let (rooms, [a, b, _]) = rooms();
        let held = rooms.bytes(&a, PIECE).unwrap();
        let mut waits = Box::pin(rooms.bytes_when_free(&a, 10 * PIECE));
        assert!(waits.as_mut().now_or_never().is_none());
        assert!(rooms.bytes(&b, 10 * PIECE).is_some(), "another entity's room is its own");
        drop(held);
        assert!(waits.now_or_never().flatten().is_some());
    }
}
