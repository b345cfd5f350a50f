//! The sender over HTTPS at a relay that stands alone: what it believes to have become of a request.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use protocol::Clock;
use relay::token::KeyFile;
use relay::{
    Delivered, DeliveryErrorKind, Entity, FirstByte, HttpSender, Limits, RelayAddress, Response,
    SendError, SendErrorKind, TlsTransport,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::port::{certificates, held};
use crate::proxy::Proxy;
use crate::senders::{answer_with, listening_at, next_body};
use crate::shared_keys::{LISTEN, SEND, share, shared};
use crate::world::{Raw, SHORT, SOON, World, limits, next_json, request};

/// A file with a key; it ends with the test.
struct Key(PathBuf);

impl Key {
    fn new(key: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("passback-sender-{}-{number}.key", std::process::id());
        let key_file = Self(std::env::temp_dir().join(name));
        key_file.put(key);
        key_file
    }

    fn put(&self, key: &str) {
        std::fs::write(&self.0, format!("{key}\n")).unwrap();
    }

    fn of(&self, rule: &str) -> KeyFile {
        KeyFile::new(rule, &self.0)
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn sender(world: &World, at: SocketAddr, key: KeyFile) -> HttpSender {
    HttpSender {
        address: RelayAddress::parse(&format!("sb://{at}/")).unwrap(),
        key,
        transport: Arc::new(TlsTransport::new(&world.tls)),
        clock: Arc::clone(&world.clock) as Arc<dyn Clock>,
        connect: SOON,
    }
}

async fn send(sender: &HttpSender, entity: &Entity) -> Result<Response, SendError> {
    let first_byte = FirstByte::default();
    let sent = sender.send(entity, request("/writeback", "sealed"), SOON, &first_byte);
    let sent = timeout(2 * SOON, sent).await.expect("an end");
    if let Err(error) = &sent {
        let certain = error.delivered == Delivered::No && !error.hearsay;
        assert!(!certain || !first_byte.may_have_left(), "{error}");
        assert!(first_byte.may_have_left() || certain, "{error}");
    } else {
        assert!(first_byte.may_have_left());
    }
    sent
}

/// A relay that stands alone, the entity of an agent, and the agent's channel.
async fn listening(limits: Limits) -> (World, Entity, Raw) {
    listening_at(World::alone(limits).await).await
}

/// Takes a request as the agent does, and does not answer it.
async fn taken(raw: &mut Raw) -> serde_json::Value {
    let asked = next_json(raw).await["request"].clone();
    assert_eq!(next_body(raw).await, "sealed");
    asked
}

#[track_caller]
fn assert_is(error: &SendError, said: &str, delivered: Delivered) {
    assert!(error.kind.to_string().contains(said), "{error}");
    assert_eq!(error.delivered, delivered, "{error}");
}

#[tokio::test]
async fn the_listeners_answer_comes_back_whatever_its_status() {
    let (world, entity, mut raw) = listening(limits()).await;
    let key = Key::new(SEND);
    let sender = sender(&world, world.address, key.of("send"));
    let listen = async {
        let asked = taken(&mut raw).await;
        answer_with(&mut raw, &asked["id"], b"answer".to_vec()).await;
        asked
    };
    let (answered, asked) = tokio::join!(send(&sender, &entity), listen);
    let answered = answered.unwrap();
    assert_eq!((answered.status, &answered.body[..]), (201, &b"answer"[..]));
    assert_eq!(answered.reason, "Put  there");
    assert_eq!((asked["method"].as_str(), asked["body"].as_bool()), (Some("POST"), Some(true)));
    assert_eq!(asked["requestTarget"], format!("/{entity}/writeback"));
    assert!(!asked.to_string().contains("SharedAccess"), "{asked}");
    for status in [204, 404, 503] {
        let listen = async {
            let asked = taken(&mut raw).await;
            crate::world::answer(&mut raw, &asked["id"], status).await;
        };
        let (answered, ()) = tokio::join!(send(&sender, &entity), listen);
        assert_eq!(answered.unwrap().status, status);
    }
}

#[tokio::test]
async fn entities_below_a_path_are_reached_there() {
    let (world, entity, raw) = listening(limits()).await;
    drop(raw);
    let below = Entity::parse(&format!("prod/{entity}")).unwrap();
    share(&world, &below);
    let key = Key::new(SEND);
    let at_top = sender(&world, world.address, key.of("send"));
    let address = RelayAddress::parse(&format!("https://{}/Prod/", world.address)).unwrap();
    let sender = HttpSender { address, ..at_top };
    let address = crate::shared_keys::address(&below);
    let token = crate::shared_keys::token(&world, &address, "listen", 3_600);
    let path = crate::world::listen_path(&below);
    let mut raw = world.open(&path, Some(&token)).await.expect("a channel");
    world.listener_is_there(&below).await;
    let listen = async {
        let asked = taken(&mut raw).await;
        crate::world::answer(&mut raw, &asked["id"], 200).await;
        assert_eq!(asked["requestTarget"], format!("/{below}/writeback"));
    };
    let (answered, ()) = tokio::join!(send(&sender, &entity), listen);
    assert_eq!(answered.unwrap().status, 200);
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_delivered() {
    let world = World::alone(limits()).await;
    let (entity, key) = (shared(&world), Key::new(SEND));
    let sender = sender(&world, world.address, key.of("send"));
    let error = send(&sender, &entity).await.unwrap_err();
    assert_is(&error, "nobody listens", Delivered::No);
    let unknown = Entity::parse("tenants/t2").unwrap();
    let error = send(&sender, &unknown).await.unwrap_err();
    assert_is(&error, "no such entity", Delivered::No);
}

#[tokio::test]
async fn a_token_that_is_refused_is_no_delivery_and_a_corrected_key_is_used_at_once() {
    let (world, entity, mut raw) = listening(limits()).await;
    let key = Key::new("the key that it was before");
    let wrong = sender(&world, world.address, key.of("send"));
    let error = send(&wrong, &entity).await.unwrap_err();
    assert_is(&error, "refuses the token to send with (401)", Delivered::No);
    let listeners = Key::new(LISTEN);
    let other = sender(&world, world.address, listeners.of("listen"));
    let error = send(&other, &entity).await.unwrap_err();
    assert_is(&error, "refuses the token to send with (403)", Delivered::No);
    key.put(SEND);
    let listen = async {
        let asked = taken(&mut raw).await;
        crate::world::answer(&mut raw, &asked["id"], 200).await;
    };
    let (answered, ()) = tokio::join!(send(&wrong, &entity), listen);
    assert_eq!(answered.unwrap().status, 200);
    std::fs::remove_file(&key.0).unwrap();
    let error = send(&wrong, &entity).await.unwrap_err();
    assert_is(&error, key.0.to_str().unwrap(), Delivered::No);
}

#[tokio::test]
async fn a_listener_that_is_lost_after_delivery_leaves_it_unknown() {
    let (world, entity, mut raw) = listening(limits()).await;
    let key = Key::new(SEND);
    let sender = sender(&world, world.address, key.of("send"));
    let listen = async {
        taken(&mut raw).await;
        drop(raw);
    };
    let (answered, ()) = tokio::join!(send(&sender, &entity), listen);
    assert_is(&answered.unwrap_err(), "the listener was lost", Delivered::Unknown);
}

#[tokio::test]
async fn no_answer_in_the_relays_time_or_in_the_senders_is_never_no_delivery() {
    let (world, entity, mut raw) = listening(Limits { response: SHORT, ..limits() }).await;
    let key = Key::new(SEND);
    let sender = sender(&world, world.address, key.of("send"));
    let (answered, _) = tokio::join!(send(&sender, &entity), taken(&mut raw));
    assert_is(&answered.unwrap_err(), "no answer in time", Delivered::Unknown);

    let (world, entity, mut raw) = listening(limits()).await;
    let sender = self::sender(&world, world.address, key.of("send"));
    let first_byte = FirstByte::default();
    let sent = sender.send(&entity, request("/writeback", "sealed"), 2 * SHORT, &first_byte);
    let left = async {
        first_byte.left().await;
        taken(&mut raw).await
    };
    let (answered, _) = tokio::join!(sent, left);
    assert_is(&answered.unwrap_err(), "no answer in time", Delivered::Unknown);
}

#[tokio::test]
async fn a_relay_that_is_full_or_being_stopped_has_delivered_nothing() {
    let (world, entity, _raw) = listening(Limits { queue_requests: 0, ..limits() }).await;
    let key = Key::new(SEND);
    let sender = sender(&world, world.address, key.of("send"));
    let error = send(&sender, &entity).await.unwrap_err();
    assert_is(&error, "takes no more requests", Delivered::No);
    world.relay.drain().await;
    let error = send(&sender, &entity).await.unwrap_err();
    assert_is(&error, "takes no more requests", Delivered::No);
}

#[tokio::test]
async fn without_a_connection_nothing_was_delivered() {
    let (world, entity, _raw) = listening(limits()).await;
    let key = Key::new(SEND);
    let (_held, nobody) = held();
    let error = send(&sender(&world, nobody, key.of("send")), &entity).await.unwrap_err();
    assert_is(&error, "no TCP connection", Delivered::No);

    let strangers = TlsTransport::new(&certificates().1);
    let here = sender(&world, world.address, key.of("send"));
    let untrusting = HttpSender { transport: Arc::new(strangers), ..here };
    let error = send(&untrusting, &entity).await.unwrap_err();
    assert_is(&error, "no TLS connection", Delivered::No);

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = sender(&world, silent.local_addr().unwrap(), key.of("send"));
    let impatient = HttpSender { connect: SHORT, ..there };
    let error = send(&impatient, &entity).await.unwrap_err();
    assert_is(&error, "did not take the connection in time", Delivered::No);
}

#[tokio::test]
async fn a_connection_that_is_cut_after_the_request_was_written_leaves_it_unknown() {
    let (world, entity, mut raw) = listening(limits()).await;
    let key = Key::new(SEND);
    let proxy = Proxy::before(world.address).await;
    let sender = sender(&world, proxy.address, key.of("send"));
    let listen = async {
        taken(&mut raw).await;
        proxy.cut();
    };
    let (answered, ()) = tokio::join!(send(&sender, &entity), listen);
    assert_is(&answered.unwrap_err(), "the connection to the relay broke", Delivered::Unknown);
}

/// What a sender makes of a relay that answers with exactly these bytes.
async fn told(answer: &'static str) -> Result<Response, SendError> {
    let world = World::alone(limits()).await;
    let (server_tls, trust) = certificates();
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let key = Key::new(SEND);
    let there = sender(&world, port.local_addr().unwrap(), key.of("send"));
    let sender = HttpSender { transport: Arc::new(TlsTransport::new(&trust)), ..there };
    let serve = async {
        let (tcp, _) = port.accept().await.unwrap();
        let mut stream = TlsAcceptor::from(server_tls).accept(tcp).await.unwrap();
        let mut read = Vec::new();
        while !read.ends_with(b"sealed") {
            let mut buffer = [0; 1_024];
            let count = stream.read(&mut buffer).await.unwrap();
            assert_ne!(count, 0);
            read.extend_from_slice(&buffer[..count]);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        let _ = stream.shutdown().await;
        // Nobody comes a second time: what may have left is not sent again.
        let again = timeout(Duration::from_millis(100), port.accept()).await;
        assert!(again.is_err(), "it was sent again");
    };
    let entity = Entity::parse("t/x/a/y").unwrap();
    tokio::join!(send(&sender, &entity), serve).0
}

#[tokio::test]
async fn of_a_relay_that_says_nothing_else_the_status_and_via_decide() {
    let error = told("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await.unwrap_err();
    assert_is(&error, "nobody listens", Delivered::No);
    let error = told("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").await.unwrap_err();
    assert!(matches!(error.kind, SendErrorKind::Refused(401)), "{error}");
    assert_eq!(error.delivered, Delivered::No);
    let error = told("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").await.unwrap_err();
    assert_is(&error, "status 503", Delivered::Unknown);
    let error = told("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap_err();
    assert_is(&error, "status 200", Delivered::Unknown);
    let answered = told("HTTP/1.1 404 Not Found\r\nVia: 1.1 x\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(answered.unwrap().status, 404, "the listener's own");
}

#[tokio::test]
async fn an_answer_that_breaks_off_shows_at_least_that_the_listener_was_asked() {
    let broken = told("HTTP/1.1 200 OK\r\nVia: 1.1 x\r\nContent-Length: 10\r\n\r\nans").await;
    let error = broken.unwrap_err();
    assert!(
        matches!(error.kind, SendErrorKind::Delivery(DeliveryErrorKind::ListenerLost)),
        "{error}"
    );
    assert_eq!(error.delivered, Delivered::Yes);
    for nothing in ["", "HTTP/1.1 200 O", "not HTTP at all\r\n\r\n"] {
        let error = told(nothing).await.unwrap_err();
        assert_is(&error, "the connection to the relay broke", Delivered::Unknown);
    }
}
