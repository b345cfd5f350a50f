//! How many tunnels there may be, and which of them make room for others.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Tunnel;
use crate::entity::Entity;
use crate::tunnel::TUNNELS_MAX;

/// How many tunnels one network may have in which nobody has shown a token yet. Each of them has not
/// long.
pub(super) const UNPROVED_OF_ONE: usize = 256;
/// The same of all networks. Every agent that comes back begins without a token shown, and has to be
/// let in: above it, one of the network that has most makes room.
pub(super) const UNPROVED: usize = TUNNELS_MAX / 4;
/// How many tunnels one network may have in all. Behind a balancer that speaks TCP, every agent is of
/// the balancer's.
pub(super) const OF_ONE: usize = TUNNELS_MAX / 2;
/// By so many an entity may have more tunnels in which somebody listens than channels: those that have
/// just ended.
pub(super) const ENDING: usize = 8;

/// All tunnels by their names.
type Open = HashMap<String, Arc<Tunnel>>;

/// What there are too many of.
#[derive(Debug, Clone, Copy)]
enum Full {
    All,
    OfOne,
    UnprovedOfOne,
}

/// What counts as one network: an IPv4 address, or the /64 that one IPv6 customer has.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

/// Makes room for another tunnel, in which nobody has shown a token yet; false if there is none. Those
/// that are over are kept only as long as nobody else needs the place: whoever digs, shows a token and
/// leaves would have all of them.
pub(super) fn make(open: &mut Open, from: Option<IpAddr>) -> bool {
    while let Some(full) = full(open, from) {
        let counts = |one: &Tunnel| match full {
            Full::All => true,
            Full::OfOne => is_beside(one, from),
            Full::UnprovedOfOne => is_beside(one, from) && is_unproved(one),
        };
        let Some(over) = oldest(open, |one| one.over.is_cancelled() && counts(one)) else {
            return false;
        };
        give_up(open, &over);
    }
    if open.values().filter(|one| is_unproved(one)).count() >= UNPROVED {
        let over = oldest(open, |one| one.over.is_cancelled() && is_unproved(one));
        if let Some(name) = over.or_else(|| one_too_many(open)) {
            give_up(open, &name);
        }
    }
    true
}

/// Gives up what `entity` has above `most` tunnels in which somebody listens: what is over before what is
/// not, the oldest first.
pub(super) fn bound(open: &mut Open, entity: &Entity, most: usize) {
    let listens = |one: &Tunnel| one.listens.get() == Some(entity);
    let have = open.values().filter(|one| listens(one)).count();
    for _ in most..have {
        let over = oldest(open, |one| listens(one) && one.over.is_cancelled());
        if let Some(name) = over.or_else(|| oldest(open, listens)) {
            give_up(open, &name);
        }
    }
}

fn full(open: &Open, from: Option<IpAddr>) -> Option<Full> {
    let (mut beside, mut unproved_beside) = (0, 0);
    for tunnel in open.values().filter(|one| is_beside(one, from)) {
        beside += 1;
        unproved_beside += usize::from(is_unproved(tunnel));
    }
    if beside >= OF_ONE {
        Some(Full::OfOne)
    } else if unproved_beside >= UNPROVED_OF_ONE {
        Some(Full::UnprovedOfOne)
    } else if open.len() >= TUNNELS_MAX {
        Some(Full::All)
    } else {
        None
    }
}

/// Where nobody says who is where, nobody is beside anybody.
fn is_beside(tunnel: &Tunnel, from: Option<IpAddr>) -> bool {
    from.is_some() && tunnel.from == from
}

fn is_unproved(tunnel: &Tunnel) -> bool {
    !tunnel.proved.load(Ordering::SeqCst)
}

/// The oldest of those.
fn oldest(open: &Open, of: impl Fn(&Tunnel) -> bool) -> Option<String> {
    let those = open.iter().filter(|(_, one)| of(one));
    those.min_by_key(|(_, one)| one.number).map(|(name, _)| name.clone())
}

fn give_up(open: &mut Open, name: &str) {
    if let Some(tunnel) = open.remove(name) {
        tunnel.end.cancel();
    }
}

/// The oldest tunnel without a token of the network that has most of them.
fn one_too_many(open: &Open) -> Option<String> {
    let mut networks = HashMap::new();
    for (name, tunnel) in open.iter().filter(|(_, one)| is_unproved(one)) {
        let this = (tunnel.number, name);
        let (count, oldest) = networks.entry(tunnel.from).or_insert((0, this));
        *count += 1;
        *oldest = this.min(*oldest);
    }
    let most = networks.into_values().max_by_key(|(count, (number, _))| (*count, Reverse(*number)));
    most.map(|(_, (_, name))| name.clone())
}
