//! The road between agent and controller, with somebody on it who reads LDAP and lets a test do something
//! at the moment at which a set is asked for or answered, so that no moment is hit by luck.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use lab::{Authority, Forest};
use tokio::task::spawn_blocking;

use crate::ldap_road::{self, MODIFIED, MODIFY, Message, Middleman};

/// A moment in the life of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Moment {
    /// The agent has sent it, and the controller has nothing of it yet.
    Asked,
    /// The controller's system has all of it.
    Forwarded,
    /// The controller has answered, and the agent has nothing of that yet.
    Answered,
}

/// Whether what was said is passed on after that moment, or the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    GoOn,
    Cut,
}

/// It is told which end of a connection to the controller this is about: the road's.
type Act = Box<dyn FnOnce(SocketAddr) -> Then + Send>;

/// Listens where the controller does, at another port, with a certificate of its own authority.
pub(crate) struct Road {
    led: ldap_road::Road,
    acts: Acts,
}

/// What is to be done at the next set.
#[derive(Clone, Default)]
struct Acts(Arc<Mutex<HashMap<Moment, Act>>>);

impl Acts {
    #[expect(clippy::disallowed_methods, reason = "a controller is stopped, which takes seconds")]
    async fn at(&self, moment: Moment, own: SocketAddr) -> io::Result<()> {
        let Some(act) = self.0.lock().unwrap().remove(&moment) else { return Ok(()) };
        match spawn_blocking(move || act(own)).await.unwrap() {
            Then::GoOn => Ok(()),
            Then::Cut => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }
}

impl Middleman for Acts {
    async fn asked(&self, message: &mut Message, own: SocketAddr) -> io::Result<()> {
        if message.kind == MODIFY { self.at(Moment::Asked, own).await } else { Ok(()) }
    }

    async fn forwarded(&self, message: &Message, own: SocketAddr) -> io::Result<()> {
        if message.kind == MODIFY { self.at(Moment::Forwarded, own).await } else { Ok(()) }
    }

    async fn answered(&self, message: &mut Message, own: SocketAddr) -> io::Result<()> {
        if message.kind == MODIFIED { self.at(Moment::Answered, own).await } else { Ok(()) }
    }
}

impl Road {
    pub(crate) fn to(forest: &Forest) -> Self {
        let acts = Acts::default();
        Self { led: ldap_road::Road::past(acts.clone(), forest), acts }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.led.address
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.led.authority
    }

    /// Does this at that moment of the next set.
    pub(crate) fn at(&self, moment: Moment, act: impl FnOnce() -> Then + Send + 'static) {
        self.at_over(moment, |_| act());
    }

    /// The same, told over which connection it is: the address of this end of it.
    pub(crate) fn at_over(
        &self,
        moment: Moment,
        act: impl FnOnce(SocketAddr) -> Then + Send + 'static,
    ) {
        let before = self.acts.0.lock().unwrap().insert(moment, Box::new(act));
        assert!(before.is_none(), "one thing at a time");
    }

    /// Whether everything was done that was to be done.
    pub(crate) fn is_done(&self) -> bool {
        self.acts.0.lock().unwrap().is_empty()
    }
}
