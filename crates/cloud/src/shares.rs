//! How many connections one address may have, so that nobody who has a single one takes the places of
//! everybody else.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often at most it is said that somebody has no place left: whoever is refused tries again.
const SAID: Duration = Duration::from_secs(60);

/// The shares of all addresses.
pub(crate) struct Shares {
    most: usize,
    of: Mutex<HashMap<IpAddr, usize>>,
}

/// A place of one address's share. It is given back when this is dropped.
pub(crate) struct Share {
    shares: Arc<Shares>,
    network: IpAddr,
}

/// Says rarely what happens often.
#[derive(Default)]
pub(crate) struct Refusals {
    since: usize,
    said: Option<Duration>,
}

impl Shares {
    /// Shares of `most` places each.
    pub(crate) fn of(most: usize) -> Arc<Self> {
        Arc::new(Self { most, of: Mutex::default() })
    }

    /// A place for a connection from there; none if that address has all of its own.
    pub(crate) fn take(self: &Arc<Self>, from: IpAddr) -> Option<Share> {
        let network = network(from);
        let mut of = self.lock();
        let held = of.entry(network).or_default();
        if *held >= self.most {
            return None;
        }
        *held += 1;
        Some(Share { shares: Arc::clone(self), network })
    }

    /// Each change under this lock is one step: a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut of = self.shares.lock();
        let Some(held) = of.get_mut(&self.network) else { return };
        *held -= 1;
        if *held == 0 {
            of.remove(&self.network);
        }
    }
}

impl Refusals {
    /// Counts a refusal; how many there were since it was last said, if it is to be said `now`, by
    /// [`Clock::running`](protocol::Clock::running).
    pub(crate) fn count(&mut self, now: Duration) -> Option<usize> {
        self.since += 1;
        if self.said.is_some_and(|said| now.saturating_sub(said) < SAID) {
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.since))
    }
}

/// What counts as one address: one of IPv4, or a /64, the least that one customer of IPv6 has.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_share_and_gets_back_what_ends() {
        let shares = Shares::of(2);
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let held = [shares.take(one), shares.take(one)];
        assert!(held.iter().all(Option::is_some) && shares.take(one).is_none());
        let others = shares.take(other);
        assert!(others.is_some(), "another address has its own");
        let [first, second] = held;
        drop(first);
        let again = shares.take(one);
        assert!(again.is_some() && shares.take(one).is_none());
        drop((second, again, others));
        assert!(shares.lock().is_empty(), "who has none is forgotten");
    }

    #[test]
    fn one_ipv6_customer_is_one_address_and_an_ipv4_one_is_the_same_however_it_is_written() {
        let shares = Shares::of(1);
        let _one = shares.take(address("2001:db8:0:1::1")).unwrap();
        assert!(shares.take(address("2001:db8:0:1:ffff::2")).is_none());
        let _next_door = shares.take(address("2001:db8:0:2::1")).unwrap();
        let _ipv4 = shares.take(address("::ffff:192.0.2.1")).unwrap();
        assert!(shares.take(address("192.0.2.1")).is_none());
        assert!(shares.take(address("192.0.2.2")).is_some());
    }

    #[test]
    fn refusals_are_said_once_a_minute_with_how_many_there_were() {
        let mut refusals = Refusals::default();
        assert_eq!(refusals.count(Duration::from_secs(7)), Some(1));
        let within = (0..59).filter_map(|second| refusals.count(Duration::from_secs(8 + second)));
        assert_eq!(within.count(), 0);
        assert_eq!(refusals.count(Duration::from_secs(67)), Some(60));
        assert_eq!(refusals.count(Duration::from_secs(68)), None);
    }
}
