//! What a hostile hand writes into the head of a request: hosts, ids, actions and tokens that are none,
//! that stand there twice, or that would be lines of their own somewhere else.

use std::collections::HashSet;

use futures_util::StreamExt as _;
use relay::Entity;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::senders::{listening_at, send, send_as};
use crate::shared_keys::{address, token};
use crate::world::{Raw, World, answer, limits, listen_path, next_json};

/// A request below `entity` with a good token of a sender, with these lines in its head, and no body.
fn sent(world: &World, entity: &Entity, lines: &str) -> Vec<u8> {
    let token = token(world, &address(entity), "send", 3_600);
    let kept = format!("ServiceBusAuthorization: {token}\r\nConnection: close\r\n");
    format!("GET /{entity}/by-hand HTTP/1.1\r\n{kept}{lines}\r\n").into_bytes()
}

/// A request to open a channel with a good token of a listener, and these lines in its head.
fn listens(world: &World, entity: &Entity, lines: &str) -> Vec<u8> {
    let token = token(world, &address(entity), "listen", 3_600);
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let path = listen_path(entity);
    format!("GET {path} HTTP/1.1\r\nServiceBusAuthorization: {token}\r\n{upgrade}{lines}\r\n")
        .into_bytes()
}

/// The request that comes next on a channel, which is answered.
async fn answered(raw: &mut Raw) -> Value {
    let asked = next_json(raw).await["request"].take();
    answer(raw, &asked["id"], 204).await;
    asked
}

/// Nothing that was sent before has come to the listener: what comes first is this.
async fn nothing_has_come(world: &World, entity: &Entity, raw: &mut Raw) {
    let target = format!("/{entity}/good");
    let (answer, asked) = tokio::join!(send(world, entity, &target, ""), answered(raw));
    assert_eq!((answer.status, &asked["requestTarget"]), (204, &json!(target)));
}

#[tokio::test]
async fn a_request_names_one_host() {
    let (world, entity, mut raw) = listening_at(World::alone(limits()).await).await;
    for lines in ["", "Host: one\r\nHost: one\r\n", "Host: 127.0.0.1\r\nHost: two\r\n"] {
        for request in [sent(&world, &entity, lines), listens(&world, &entity, lines)] {
            let last = b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
            let said = world.said(&[&request[..], last].concat()).await;
            assert!(said.starts_with("http/1.1 400"), "{lines:?}: {said}");
            assert!(said.contains("\r\n\r\na request names one host"), "{lines:?}: {said}");
        }
    }
    nothing_has_come(&world, &entity, &mut raw).await;
    // Whoever looks whether the relay is there may speak the HTTP that knows no hosts.
    let health = world.said(b"GET /$health HTTP/1.0\r\n\r\n").await;
    assert!(health.starts_with("http/1.0 200"), "{health}");
}

#[tokio::test]
async fn what_is_no_name_of_a_host_stands_in_no_header_and_in_no_address() {
    let (world, entity, mut raw) = listening_at(World::alone(limits()).await).await;
    // Such a host has a name that no token has by chance.
    let token = token(&world, &format!("http://localhost/{entity}"), "send", 3_600);
    for host in ["x y", "x\"},\"y", "x/..", "user@x", "x?y", "x;y", "\u{e9}", ""] {
        let refused = world.said(&sent(&world, &entity, &format!("Host: {host}\r\n"))).await;
        assert!(refused.starts_with("http/1.1 403"), "{host:?}: {refused}");
        let headers = [("Host", host), ("ServiceBusAuthorization", &token)];
        let target = format!("/{entity}");
        let sent = send_as(&world, &target, &headers, "");
        let (answer, asked) = tokio::join!(sent, answered(&mut raw));
        assert_eq!((answer.status, answer.header("Via")), (204, "1.1 localhost"), "{host:?}");
        assert_eq!(asked["requestHeaders"]["Via"], "1.1 localhost", "{host:?}");
        let address = asked["address"].as_str().expect("an address");
        assert!(address.starts_with(&format!("wss://{}/$hc/", world.address)), "{address}");
    }
}

#[tokio::test]
async fn a_line_that_would_be_two_is_refused_before_anybody_hears_of_it() {
    let (world, entity, mut raw) = listening_at(World::alone(limits()).await).await;
    let host = format!("Host: {}\r\n", world.address);
    for line in [
        "X-Sent: a\rX-Forged: b\r\n",
        "X-Sent: a\0b\r\n",
        "X Sent: a\r\n",
        "X-Sent : a\r\n",
        ": a\r\n",
        "X-Sent\r\n",
        "X-Sent: a\r\n X-Forged: b\r\n",
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Content-Length: +0\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
    ] {
        let said = world.said(&sent(&world, &entity, &format!("{host}{line}"))).await;
        assert!(said.starts_with("http/1.1 400"), "{line:?}: {said}");
        assert!(!said.contains("forged"), "{line:?}: {said}");
    }
    nothing_has_come(&world, &entity, &mut raw).await;
}

#[tokio::test]
async fn a_listener_s_own_id_means_nothing_whatever_it_is_and_whoever_else_has_it() {
    let (world, entity, first) = listening_at(World::alone(limits()).await).await;
    let token = token(&world, &address(&entity), "listen", 3_600);
    let long = "x".repeat(20_000);
    let some = "0f6e7a3c-0000-4000-8000-000000000001";
    let twice = format!("{some}&sb-hc-id={some}");
    let mut seen = HashSet::from([some.to_owned()]);
    drop(first);
    for id in [some, some, &twice, "%0d%0aX-Forged:%20b", "%00", "%ff%zz", "&&=", &long, ""] {
        let path = format!("/$hc/{entity}?sb-hc-action=listen&sb-hc-id={id}");
        let older = world.open(&path, Some(&token)).await.expect("a channel");
        let younger = world.open(&path, Some(&token)).await.expect("another");
        for mut raw in [younger, older] {
            let target = format!("/{entity}");
            let sent = send(&world, &entity, &target, "");
            let (answer, asked) = tokio::join!(sent, answered(&mut raw));
            assert_eq!(answer.status, 204, "{id:.40}");
            let address = asked["address"].as_str().expect("an address");
            let (place, own) = address.rsplit_once("sb-hc-id=").expect("an id of the relay's");
            let expected = format!("wss://{}/$hc/{entity}?sb-hc-action=request&", world.address);
            assert_eq!(place, expected);
            assert!(Uuid::try_parse(own).is_ok() && seen.insert(own.to_owned()), "{own}");
            raw.close(None).await.expect("a farewell");
            // Once the relay answers it, nobody is asked there any more.
            while raw.next().await.is_some() {}
        }
    }
}

#[tokio::test]
async fn of_what_stands_twice_in_a_query_the_first_one_counts() {
    let (world, entity, _raw) = listening_at(World::alone(limits()).await).await;
    let encoded = |right: &str| {
        let token = token(&world, &address(&entity), right, 3_600);
        url::form_urlencoded::byte_serialize(token.as_bytes()).collect::<String>()
    };
    let (good, other) = (encoded("listen"), encoded("send"));
    for (query, refused) in [
        (format!("sb-hc-action=listen&sb-hc-action=connect&sb-hc-token={good}"), None),
        (format!("sb-hc-action=listen&sb-hc-token={good}&sb-hc-token=x"), None),
        (format!("sb-hc-action=listen&sb-hc-token={good}&sb-hc-token={other}"), None),
        (format!("sb-hc-action=listen&sb-hc-token=x&sb-hc-token={good}"), Some(401)),
        (format!("sb-hc-action=listen&sb-hc-token={other}&sb-hc-token={good}"), Some(403)),
        (format!("sb-hc-action=other&sb-hc-action=listen&sb-hc-token={good}"), Some(400)),
    ] {
        let opened = world.open(&format!("/$hc/{entity}?{query}"), None).await;
        assert_eq!(opened.err(), refused, "{query}");
    }
}

#[tokio::test]
async fn a_sender_may_use_any_method_but_one() {
    let (world, entity, mut raw) = listening_at(World::alone(limits()).await).await;
    let good = token(&world, &address(&entity), "send", 3_600);
    let head = format!(
        "Host: {}\r\nServiceBusAuthorization: {good}\r\nConnection: close\r\n\r\n",
        world.address
    );
    let tunnel =
        world.said(format!("CONNECT {} HTTP/1.1\r\n{head}", world.address).as_bytes()).await;
    assert!(tunnel.starts_with("http/1.1 405"), "{tunnel}");
    for method in ["GET", "HEAD", "OPTIONS", "DELETE", "PATCH", "PROPFIND", "X-OWN"] {
        let request = format!("{method} /{entity} HTTP/1.1\r\n{head}");
        let (said, asked) = tokio::join!(world.said(request.as_bytes()), answered(&mut raw));
        assert!(said.starts_with("http/1.1 204"), "{method}: {said}");
        assert_eq!(asked["method"], method);
    }
}
