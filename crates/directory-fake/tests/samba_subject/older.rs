//! A controller that seems to offer the policy-hints control under its older number alone, as Windows Server
//! 2008 R2 does. It offers both and has no setting to hide one: on the road to it somebody puts a number that
//! nobody knows over the newer one, wherever the controller says it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use directory::PolicyControl;
use lab::Forest;

use super::ldap_road::{MODIFY, Message, Middleman, Road};

/// Nobody's number, as long as the one that it is put over.
const NOBODYS: &str = "1.2.840.113556.1.4.9999";

/// The road to it.
pub struct Older {
    road: Road,
    heard: Heard,
}

/// The policy-hints controls of the modifies that came by.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<PolicyControl>>>);

impl Older {
    pub fn than(forest: &Forest) -> Self {
        let heard = Heard::default();
        Self { road: Road::past(heard.clone(), forest), heard }
    }

    pub fn port(&self) -> u16 {
        self.road.address.port()
    }

    pub fn ca(&self) -> Vec<u8> {
        self.road.authority.pem().as_bytes().to_vec()
    }

    pub fn heard(&self) -> Vec<PolicyControl> {
        self.heard.0.lock().unwrap().clone()
    }
}

impl Middleman for Heard {
    async fn asked(&self, message: &mut Message, _own: SocketAddr) -> io::Result<()> {
        if message.kind == MODIFY {
            let controls = [PolicyControl::Current, PolicyControl::Deprecated];
            let said =
                controls.into_iter().filter(|one| place(&message.bytes, one.oid()).is_some());
            self.0.lock().unwrap().extend(said);
        }
        Ok(())
    }

    async fn answered(&self, message: &mut Message, _own: SocketAddr) -> io::Result<()> {
        let newer = PolicyControl::Current.oid();
        while let Some(at) = place(&message.bytes, newer) {
            message.bytes[at..at + newer.len()].copy_from_slice(NOBODYS.as_bytes());
        }
        Ok(())
    }
}

/// Where a number stands in a message.
fn place(message: &[u8], oid: &str) -> Option<usize> {
    message.windows(oid.len()).position(|part| part == oid.as_bytes())
}
