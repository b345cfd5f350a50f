//! A tiny chaos proxy between listener and relay: real sockets, two faults.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Forwards TCP connections to one address.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    frozen: watch::Sender<bool>,
    cuts: watch::Sender<u32>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn before(target: SocketAddr) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = port.local_addr().unwrap();
        let (frozen, is_frozen) = watch::channel(false);
        let (cuts, cut) = watch::channel(0);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (near, _) = port.accept().await.unwrap();
                let (is_frozen, mut cut) = (is_frozen.clone(), cut.clone());
                cut.mark_unchanged();
                connections.spawn(async move {
                    let Ok(far) = TcpStream::connect(target).await else { return };
                    let ((near_in, near_out), (far_in, far_out)) =
                        (near.into_split(), far.into_split());
                    tokio::select! {
                        () = forward(near_in, far_out, is_frozen.clone()) => {}
                        () = forward(far_in, near_out, is_frozen) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { address, frozen, cuts, task }
    }

    /// From now on no byte passes, and nobody is told: a half-open connection.
    pub(crate) fn freeze(&self) {
        self.frozen.send_replace(true);
    }

    pub(crate) fn thaw(&self) {
        self.frozen.send_replace(false);
    }

    /// Ends every connection.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut frozen: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else { return };
        let _ = frozen.wait_for(|frozen| !frozen).await;
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
