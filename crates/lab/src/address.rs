//! Claims a loopback address, so that labs of several checkouts run side by side.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::LabError;
use crate::lock::Lock;
use crate::places;

/// The last number of the addresses: 127.0.0.1 is left to everybody else.
const RANGE: RangeInclusive<u8> = 2..=20;

/// What a domain controller listens on: DNS, Kerberos, RPC, LDAP, password changes, LDAPS and
/// the global catalogue.
const PORTS: [u16; 8] = [53, 88, 135, 389, 464, 636, 3268, 3269];

/// An address that nobody else claims while this value lives.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) address: Ipv4Addr,
    /// Where what lives as long as the lab is kept: empty after the claim.
    pub(crate) directory: PathBuf,
    _lock: Lock,
}

impl Claim {
    /// Claims the first free address, and removes what killed labs left below `run`.
    pub(crate) fn first_free(run: &Path) -> Result<Self, LabError> {
        Self::first_free_with(run, |address| ports_free(address, &PORTS))
    }

    fn first_free_with(
        run: &Path,
        free: impl Fn(Ipv4Addr) -> Result<(), String>,
    ) -> Result<Self, LabError> {
        // One at a time: otherwise two would pass over the addresses that the other is looking at.
        let _choosing = Lock::soon(&run.join("choosing.lock"))?;
        let mut detail = String::new();
        let mut claimed = None;
        for address in RANGE.map(|last| Ipv4Addr::new(127, 0, 0, last)) {
            let Some(lock) = Lock::take(&lock_file(run, address))? else {
                detail = format!("a lab has {address}");
                continue;
            };
            let directory = run.join(address.to_string());
            places::remove(&directory)?;
            if claimed.is_some() {
                continue;
            }
            match free(address) {
                Ok(()) => claimed = Some(Self { address, directory, _lock: lock }),
                Err(taken) => detail = taken,
            }
        }
        let claim = claimed.ok_or_else(|| no_address(detail))?;
        fs::create_dir_all(&claim.directory)
            .map_err(LabError::io("making the directory", &claim.directory))?;
        Ok(claim)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next claim.
        let _ = places::remove(&self.directory);
    }
}

/// The process that has claimed an address below `run`; none if it is free.
pub(crate) fn holder(run: &Path, address: Ipv4Addr) -> Result<Option<u32>, LabError> {
    Lock::holder(&lock_file(run, address))
}

fn lock_file(run: &Path, address: Ipv4Addr) -> PathBuf {
    run.join(format!("{address}.lock"))
}

fn no_address(detail: String) -> LabError {
    let name = |last: &u8| Ipv4Addr::new(127, 0, 0, *last).to_string();
    LabError::NoAddress { first: name(RANGE.start()), last: name(RANGE.end()), detail }
}

/// Whether all ports can be listened on, TCP and UDP; otherwise which not.
fn ports_free(address: Ipv4Addr, ports: &[u16]) -> Result<(), String> {
    for &port in ports {
        let place = SocketAddr::new(IpAddr::V4(address), port);
        let explain = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => format!("something else listens on {place}"),
            _ => format!("listening on {place}: {error}"),
        };
        TcpListener::bind(place).map_err(explain)?;
        UdpSocket::bind(place).map_err(explain)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that is removed when the test ends.
    struct Scratch(PathBuf);

    impl Scratch {
        fn named(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("lab-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn two_claims_give_two_addresses_and_a_dropped_one_is_free_again() {
        let run = Scratch::named("two");
        let free = |_| Ok(());
        let first = Claim::first_free_with(&run.0, free).unwrap();
        let second = Claim::first_free_with(&run.0, free).unwrap();
        assert_eq!(first.address, Ipv4Addr::new(127, 0, 0, 2));
        assert_eq!(second.address, Ipv4Addr::new(127, 0, 0, 3));
        assert_eq!(holder(&run.0, first.address).unwrap(), Some(std::process::id()));
        drop(first);
        assert_eq!(holder(&run.0, Ipv4Addr::new(127, 0, 0, 2)).unwrap(), None);
        let third = Claim::first_free_with(&run.0, free).unwrap();
        assert_eq!(third.address, Ipv4Addr::new(127, 0, 0, 2));
    }

    #[test]
    fn what_a_killed_lab_left_is_removed_and_what_a_running_one_has_is_not() {
        let run = Scratch::named("stale");
        let running = Claim::first_free_with(&run.0, |_| Ok(())).unwrap();
        fs::write(running.directory.join("kept"), "").unwrap();
        let stale = run.0.join("127.0.0.9");
        fs::create_dir(&stale).unwrap();
        fs::write(stale.join("left"), "").unwrap();
        let _next = Claim::first_free_with(&run.0, |_| Ok(())).unwrap();
        assert!(running.directory.join("kept").exists());
        assert!(!stale.exists());
    }

    #[test]
    fn an_address_with_a_listener_is_passed_over_and_named_when_it_is_the_last() {
        let run = Scratch::named("taken");
        let taken = |address: Ipv4Addr| match address.octets()[3] {
            2 => Err("something".to_owned()),
            _ => Ok(()),
        };
        assert_eq!(Claim::first_free_with(&run.0, taken).unwrap().address.octets()[3], 3);
        let none = Claim::first_free_with(&run.0, |_| Err("port 53 taken".to_owned()));
        let line = none.unwrap_err().to_string();
        assert!(line.contains("127.0.0.2 to 127.0.0.20"), "{line}");
        assert!(line.contains("port 53 taken"), "{line}");
    }

    #[test]
    fn a_listener_on_every_address_takes_the_port_of_each() {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = ports_free(Ipv4Addr::new(127, 0, 0, 7), &[port]).unwrap_err();
        assert!(taken.contains(&format!("127.0.0.7:{port}")), "{taken}");
    }
}
