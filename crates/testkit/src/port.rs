//! Ports of this machine for servers that are told theirs before they start, and again when they are
//! started anew.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;

use crate::StackError;

/// Where the kernel takes ports from for whoever does not care which: for connections, and for port 0.
const FOR_ANYBODY: &str = "/proc/sys/net/ipv4/ip_local_port_range";
/// Below it. What stands lower belongs to well-known services.
const FIRST: u16 = 20_000;

/// A port that nobody else comes to have while this value lives: none of our own processes, which claim
/// theirs in the same way, and no connection, because those have others. A port that the kernel gave and
/// that was let go may be anybody's by the time at which the server wants it, or wants it back.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// A socket of the port's name. The kernel takes it back, however a process ends.
    _claim: UnixListener,
}

impl Port {
    /// A port that nobody has.
    ///
    /// # Errors
    /// [`StackError::Io`] if there is none.
    pub fn claim() -> Result<Self, StackError> {
        let known = fs::read_to_string(FOR_ANYBODY).unwrap_or_default();
        let candidates = candidates(own(&known), std::process::id());
        let none = || io::Error::from(io::ErrorKind::AddrInUse);
        let claimed = candidates.into_iter().find_map(Self::claim_this);
        let refused = StackError::io("looking for a free port of", Path::new("127.0.0.1"));
        claimed.ok_or_else(none).map_err(refused)
    }

    /// This port, if nobody has it.
    pub fn claim_this(wanted: u16) -> Option<Self> {
        let name = SocketAddr::from_abstract_name(format!("passback-port-{wanted}")).ok()?;
        let claim = UnixListener::bind_addr(&name).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)).ok()?;
        Some(Self { number: wanted, _claim: claim })
    }

    /// Its number.
    pub const fn number(&self) -> u16 {
        self.number
    }
}

/// The ports that the kernel gives to nobody by itself, going by how it says which it does; all from
/// [`FIRST`] on, where that leaves none.
fn own(known: &str) -> Range<u16> {
    let low = known.split_whitespace().next().and_then(|low| low.parse().ok());
    match low {
        Some(low) if low > FIRST => FIRST..low,
        _ => FIRST..u16::MAX,
    }
}

/// All of them, in another order in each process: those that start at the same moment do not go through
/// the same ones.
fn candidates(own: Range<u16>, process: u32) -> Vec<u16> {
    let mut all: Vec<u16> = own.collect();
    let begin = usize::try_from(process).unwrap_or(0).wrapping_mul(16) % all.len().max(1);
    all.rotate_left(begin);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_claimed_once_and_can_be_listened_on() {
        let (one, other) = (Port::claim().unwrap(), Port::claim().unwrap());
        assert_ne!(one.number(), other.number());
        assert!(Port::claim_this(one.number()).is_none());
        let listens = TcpListener::bind((Ipv4Addr::LOCALHOST, one.number())).unwrap();
        let number = one.number();
        drop(one);
        assert!(Port::claim_this(number).is_none(), "somebody listens on it");
        drop(listens);
        assert!(Port::claim_this(number).is_some());
    }

    #[test]
    fn ports_that_connections_are_given_are_left_out() {
        assert_eq!(own("32768\t60999\n"), 20_000..32_768);
        assert_eq!(own("1024 65535"), 20_000..u16::MAX, "it leaves none");
        assert_eq!(own(""), 20_000..u16::MAX);
        for process in [0, 1, 799, u32::MAX] {
            let mut all = candidates(20_000..32_768, process);
            all.sort_unstable();
            assert!(all.iter().copied().eq(20_000..32_768), "{process}");
        }
        assert_ne!(candidates(20_000..32_768, 7)[0], candidates(20_000..32_768, 8)[0]);
        assert!(candidates(5..5, 7).is_empty());
    }
}
