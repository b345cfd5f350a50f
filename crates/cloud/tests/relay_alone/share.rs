//! One address has a share of a port's connections and no more, whichever of the two programs has the
//! port: with real sockets, from two addresses of this machine.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::process::{token, trusted, with_top};
use crate::program::{Folder, HOST, LISTEN_KEY, PATH, Program};
use crate::serve::configured;

const SHARE: &str = "connections_per_address = 4";
/// Another address of the same machine.
const OTHER: &str = "127.0.0.2";
/// Longer than anything takes that is waited for here, and less than a handshake may take.
const SOON: Duration = Duration::from_secs(8);

/// A connection of this address, on which nothing is said.
async fn from(address: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
    socket.connect(to).await.unwrap()
}

/// Whether the other side ends a connection before anything was said on it.
async fn is_ended(mut stream: TcpStream) -> bool {
    let read = timeout(SOON, stream.read(&mut [0])).await;
    matches!(read, Ok(Ok(0) | Err(_)))
}

/// Whether somebody is served over this connection, which ends with it.
async fn is_served(folder: &Folder, stream: TcpStream) -> bool {
    let Ok(mut stream) = trusted(folder, stream).await else { return false };
    let request = format!("GET /$health HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    let mut said = Vec::new();
    if stream.write_all(request.as_bytes()).await.is_err() {
        return false;
    }
    let _ = stream.read_to_end(&mut said).await;
    said.starts_with(b"HTTP/1.1 200")
}

/// What one address can and cannot do at either program.
async fn story(folder: &Folder, command: &str, config: &Path) {
    let service = Program::start_as(command, config);
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(from(HOST, service.address).await);
    }
    for _ in 0..3 {
        assert!(is_ended(from(HOST, service.address).await).await, "it has four already");
    }
    service.await_logged("http.address_full").await;
    assert!(is_served(folder, from(OTHER, service.address).await).await, "it has its own");
    assert!(is_served(folder, held.pop().unwrap()).await, "who was there is served");
    // That one has ended, which the other side knows a moment later.
    let again = async {
        while !is_served(folder, from(HOST, service.address).await).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, again).await.expect("a place that is given back is taken again");
    assert_eq!(service.count_logged("http.address_full"), 1, "it is said once, not each time");
}

#[tokio::test]
async fn at_a_relay_alone_one_address_has_its_share_and_the_next_is_refused_at_once() {
    let folder = Folder::new();
    let config = with_top(&folder, SHARE);
    story(&folder, "relay", &config).await;
}

#[tokio::test]
async fn at_the_service_one_address_has_its_share_and_the_next_is_refused_at_once() {
    let folder = Folder::new();
    let config = configured(&folder, SHARE);
    story(&folder, "serve", &config).await;
}

#[tokio::test]
async fn channels_of_one_address_are_no_part_of_its_share() {
    let folder = Folder::new();
    let relay = Program::start(&with_top(&folder, SHARE));
    let listener = token("listen-rule", LISTEN_KEY);
    let url = format!("wss://{}/$hc/{PATH}?sb-hc-action=listen", relay.address);
    let mut channels = Vec::new();
    // The place of a connection is free a moment after it has become a channel.
    let open = async {
        while channels.len() < 10 {
            let mut request = url.as_str().into_client_request().unwrap();
            request.headers_mut().insert("ServiceBusAuthorization", listener.parse().unwrap());
            let stream = trusted(&folder, from(HOST, relay.address).await).await;
            let Ok(stream) = stream else { continue };
            channels.extend(tokio_tungstenite::client_async(request, stream).await.ok());
        }
    };
    timeout(SOON, open).await.expect("ten channels from one address whose share is four");
}
