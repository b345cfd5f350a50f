//! A bad road between real processes: a proxy that listens on this machine, and delays, throttles,
//! swallows, stops, cuts and refuses what goes through it.
//!
//! ```text
//! ChaosProxy   leads connections to one place
//!   trouble    what goes wrong, and when: a script, or a seed
//!   pipe       one connection
//!   tunnel     asked for as of an HTTP proxy
//! ```
//!
//! It knows nothing of TLS and nothing of HTTP or LDAP: it cuts in the middle of a record because it
//! counts bytes. What it decides comes from its script alone; what the processes were doing at that
//! moment does not, so a seed repeats the troubles and not every interleaving.

mod pipe;
mod trouble;
mod tunnel;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::StackError;

pub use trouble::{Script, Spell, Trouble, Way};

/// A proxy on a port of its own; it ends when this value is dropped, and everything through it.
#[derive(Debug)]
pub struct ChaosProxy {
    address: SocketAddr,
    road: Arc<Road>,
    runtime: Runtime,
}

/// How a connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// With what is meant for the other end.
    Plain,
    /// With CONNECT, as to an HTTP proxy (RFC 9110, 9.3.6). It leads to where the proxy leads, whatever
    /// is asked for: who connects keeps the name and the port of its peer.
    Tunnel,
}

/// What all connections through a proxy share.
#[derive(Debug)]
struct Road {
    target: watch::Sender<Option<SocketAddr>>,
    trouble: watch::Sender<Trouble>,
    entry: Entry,
    /// Cancelled to break every connection; replaced then.
    cut: watch::Sender<CancellationToken>,
    counts: Counts,
}

/// [`Done`], as it is counted.
#[derive(Debug, Default)]
struct Counts {
    led: AtomicU64,
    refused: AtomicU64,
    cut: AtomicU64,
    swallowed: AtomicU64,
}

/// What a proxy has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Done {
    /// Connections that it has led to its target.
    pub led: u64,
    /// Connections that it has reset at once, and those that nobody took at its target.
    pub refused: u64,
    /// Connections that were cut, by it or by one of their sides.
    pub cut: u64,
    /// Bytes that it has taken and not passed on.
    pub swallowed: u64,
}

impl ChaosProxy {
    /// A calm one, that leads nowhere yet: whoever connects is refused.
    ///
    /// # Errors
    ///
    /// If there is no port or no thread for it.
    pub fn start(entry: Entry) -> Result<Self, StackError> {
        let place = Path::new("127.0.0.1");
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(StackError::io("starting a proxy at", place))?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let listening = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = listening.map_err(StackError::io("listening at", place))?;
        let road = Arc::new(Road {
            target: watch::Sender::new(None),
            trouble: watch::Sender::new(Trouble::default()),
            entry,
            cut: watch::Sender::new(CancellationToken::new()),
            counts: Counts::default(),
        });
        runtime.spawn(accept(listener, Arc::clone(&road)));
        Ok(Self { address, road, runtime })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it leads to this place.
    pub fn lead_to(&self, target: SocketAddr) {
        self.road.target.send_replace(Some(target));
    }

    /// From now on this happens, to what is connected and to what comes.
    pub fn set(&self, trouble: Trouble) {
        self.road.trouble.send_replace(trouble);
    }

    /// Breaks every connection.
    pub fn cut(&self) {
        self.road.cut.send_replace(CancellationToken::new()).cancel();
    }

    /// What it has done so far.
    pub fn done(&self) -> Done {
        let read = |count: &AtomicU64| count.load(Ordering::SeqCst);
        let Counts { led, refused, cut, swallowed } = &self.road.counts;
        let (led, refused) = (read(led), read(refused));
        Done { led, refused, cut: read(cut), swallowed: read(swallowed) }
    }

    /// Lets everything of a script happen; returns when it is over and the road is calm. Where it refuses,
    /// what is connected breaks at that moment, too: somebody comes to be refused.
    pub fn play(&self, script: &Script) {
        self.runtime.block_on(async {
            for Spell { calm, lasts, trouble } in script.spells() {
                pipe::wait(*calm).await;
                self.set(*trouble);
                if trouble.refuse {
                    self.cut();
                }
                pipe::wait(*lasts).await;
                self.set(Trouble::default());
            }
        });
    }
}

async fn accept(listener: TcpListener, road: Arc<Road>) {
    let tasks = TaskTracker::new();
    loop {
        // Out of descriptors, or one that has gone already: the next one may do better.
        let Ok((near, _)) = listener.accept().await else { continue };
        let road = Arc::clone(&road);
        tasks.spawn(async move { road.lead(near).await });
    }
}

impl Road {
    async fn lead(&self, mut near: TcpStream) {
        let cut = self.cut.borrow().clone();
        let refuse = self.trouble.borrow().refuse;
        let far = if refuse { None } else { self.connect(&mut near, &cut).await };
        let Some(far) = far else {
            pipe::reset(&near);
            self.counts.refused.fetch_add(1, Ordering::SeqCst);
            return;
        };
        self.counts.led.fetch_add(1, Ordering::SeqCst);
        pipe::connection(near, far, self.trouble.subscribe(), cut.child_token(), &self.counts)
            .await;
    }

    async fn connect(&self, near: &mut TcpStream, cut: &CancellationToken) -> Option<TcpStream> {
        let target = (*self.target.borrow())?;
        let connected = async {
            let far = TcpStream::connect(target).await?;
            if self.entry == Entry::Tunnel {
                tunnel::accept(near).await?;
            }
            Ok::<_, io::Error>(far)
        };
        cut.run_until_cancelled(connected).await?.ok()
    }
}

#[cfg(test)]
mod tests;
