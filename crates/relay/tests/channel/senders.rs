//! Senders of HTTP at a relay that stands alone, and rendezvous.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper_util::rt::TokioIo;
use relay::limits::{BODY_MAX, HEADERS_MAX, RENDEZVOUS_MAX};
use relay::{Entity, Limits};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::promises::{SECOND, patient};
use crate::shared_keys::{address, shared, token};
use crate::world::{Raw, SHORT, SOON, World, answer, close_code, limits, listen_path, next_json};

/// What a sender gets.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: hyper::HeaderMap,
    pub(crate) reason: String,
    pub(crate) body: bytes::Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A relay that stands alone, an entity, and its listener.
async fn listening(limits: Limits) -> (World, Entity, Raw) {
    listening_at(World::alone(limits).await).await
}

pub(crate) async fn listening_at(world: World) -> (World, Entity, Raw) {
    let entity = shared(&world);
    let token = token(&world, &address(&entity), "listen", 3_600);
    let raw = world.open(&listen_path(&entity), Some(&token)).await.expect("a channel");
    world.listener_is_there(&entity).await;
    (world, entity, raw)
}

/// Sends one request, with a token that is good.
pub(crate) async fn send(
    world: &World,
    entity: &Entity,
    target: &str,
    body: impl Into<Body>,
) -> Answer {
    let token = token(world, &address(entity), "send", 3_600);
    send_with(world, target, &[("ServiceBusAuthorization", &token)], body).await
}

pub(crate) async fn send_with(
    world: &World,
    target: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Answer {
    let host = world.address.to_string();
    send_as(world, target, &[&[("Host", host.as_str())], headers].concat(), body).await
}

/// The same with these headers and no other ones.
pub(crate) async fn send_as(
    world: &World,
    target: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Answer {
    let stream = TokioIo::new(world.connection().await);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Body>(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut request = hyper::Request::post(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.into()).unwrap();
    let response = timeout(SOON, sender.send_request(request)).await.expect("an answer").unwrap();
    let (head, body) = response.into_parts();
    let reason = head.extensions.get::<hyper::ext::ReasonPhrase>();
    let reason = String::from_utf8(reason.map_or(Vec::new(), |one| one.as_bytes().to_vec()));
    let body = to_bytes(Body::new(body), usize::MAX).await.unwrap();
    connection.abort();
    let (status, headers) = (head.status.as_u16(), head.headers);
    Answer { status, headers, reason: reason.unwrap(), body }
}

/// The next binary message.
pub(crate) async fn next_body<S>(raw: &mut WebSocketStream<S>) -> bytes::Bytes
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        if let Message::Binary(body) = timeout(SOON, raw.next()).await.unwrap().unwrap().unwrap() {
            return body;
        }
    }
}

/// Opens the address that a frame carried.
pub(crate) async fn meet(world: &World, frame: &Value) -> Result<Raw, u16> {
    let address = frame["request"]["address"].as_str().unwrap();
    let base = format!("wss://{}", world.address);
    world.open(address.strip_prefix(&base).expect("this relay's name"), None).await
}

pub(crate) async fn answer_with(raw: &mut Raw, id: &Value, body: Vec<u8>) {
    let frame = json!({"response": {"requestId": id, "statusCode": "201", "statusDescription": "Put\r\nthere",
        "responseHeaders": {"X-Answer": "a\r\nX-Forged: b", "Content-Length": "7"}, "body": true}});
    raw.send(Message::text(frame.to_string())).await.unwrap();
    raw.send(Message::Binary(body.into())).await.unwrap();
}

#[tokio::test]
async fn a_small_request_and_its_answer_use_the_channel() {
    let (world, entity, mut raw) = listening(limits()).await;
    let target = format!("/{}/more?x=1&sb-hc-id=i", entity.as_str().to_uppercase());
    let sent = send(&world, &entity, &target, "body");
    let listen = async {
        let asked = next_json(&mut raw).await["request"].clone();
        let body = next_body(&mut raw).await;
        answer_with(&mut raw, &asked["id"], b"answer".to_vec()).await;
        (asked, body)
    };
    let (answer, (asked, body)) = tokio::join!(sent, listen);
    assert_eq!(body, "body");
    assert_eq!(asked["requestTarget"], format!("/{}/more?x=1", entity.as_str().to_uppercase()));
    assert_eq!((&asked["method"], &asked["body"]), (&json!("POST"), &json!(true)));
    let headers = asked["requestHeaders"].as_object().unwrap();
    let host = world.address.to_string();
    assert_eq!(headers["host"], host);
    assert_eq!(headers["Via"], format!("1.1 {host}"));
    assert_eq!(headers.len(), 2, "{headers:?}");
    assert_eq!(asked["remoteEndpoint"]["address"], "127.0.0.1");
    assert!(asked["remoteEndpoint"]["port"].as_u64().is_some_and(|port| port > 1_023));
    assert_eq!(answer.reason, "Put  there");
    assert_eq!((answer.status, &answer.body[..]), (201, &b"answer"[..]));
    assert_eq!(answer.header("Via"), format!("1.1 {host}"));
    assert_eq!(answer.header("X-Answer"), "a  X-Forged: b");
    assert_eq!((answer.header("X-Forged"), answer.header("Relay-Error")), ("", ""));
}

#[tokio::test]
async fn authorization_is_looked_at_last_and_forwarded_unless_it_was_looked_at() {
    let (world, entity, mut raw) = listening(limits()).await;
    let good = token(&world, &address(&entity), "send", 3_600);
    let target = format!("/{entity}");
    let query: String = url::form_urlencoded::byte_serialize(good.as_bytes()).collect();
    let in_query = format!("{target}?sb-hc-token={query}");
    let in_header = ("ServiceBusAuthorization", good.as_str());
    let other = ("Authorization", "Basic bGlzdGVuZXI6aXRz");
    for (target, headers, forwarded) in [
        (&target, vec![("Authorization", good.as_str())], None),
        (&target, vec![in_header, other], Some(other.1)),
        (&in_query, vec![other], Some(other.1)),
    ] {
        let listen = async {
            let asked = next_json(&mut raw).await["request"].clone();
            answer(&mut raw, &asked["id"], 200).await;
            asked
        };
        let (answer, asked) = tokio::join!(send_with(&world, target, &headers, ""), listen);
        assert_eq!(answer.status, 200);
        assert!(!asked.to_string().contains("SharedAccess"), "{asked}");
        assert_eq!(asked["requestHeaders"].get("authorization").and_then(Value::as_str), forwarded);
    }
    let bad = [("ServiceBusAuthorization", "bad"), ("Authorization", good.as_str())];
    assert_eq!(send_with(&world, &target, &bad, "").await.status, 401, "the first place decides");
}

#[tokio::test]
async fn what_is_above_64_kib_or_chunked_waits_at_a_rendezvous_and_is_answered_there() {
    let (world, entity, mut raw) = listening(limits()).await;
    let target = format!("/{entity}");
    let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>("in "), Ok("chunks")]);
    let large = vec![b'x'; BODY_MAX];
    for (body, expected) in
        [(Body::from(large.clone()), large), (Body::from_stream(chunks), b"in chunks".to_vec())]
    {
        let listen = async {
            let announced = next_json(&mut raw).await;
            let keys: Vec<_> = announced["request"].as_object().unwrap().keys().collect();
            assert_eq!(keys, ["address", "id"]);
            let id = &announced["request"]["id"];
            let mut met = meet(&world, &announced).await.expect("a rendezvous");
            assert_eq!(meet(&world, &announced).await.err(), Some(403), "once only");
            let asked = next_json(&mut met).await["request"].clone();
            assert_eq!((&asked["id"], &asked["method"]), (id, &json!("POST")));
            assert_eq!(next_body(&mut met).await, expected);
            answer(&mut raw, id, 500).await;
            answer_with(&mut met, id, vec![b'y'; RENDEZVOUS_MAX]).await;
            assert_eq!(close_code(&mut met).await, Some(1000));
        };
        let (answer, ()) = tokio::join!(send(&world, &entity, &target, body), listen);
        assert_eq!((answer.status, answer.body.len()), (201, RENDEZVOUS_MAX));
    }
}

#[tokio::test]
async fn a_large_answer_to_a_small_request_comes_by_the_rendezvous() {
    let (world, entity, mut raw) = listening(limits()).await;
    let listen = async {
        let asked = next_json(&mut raw).await;
        let mut met = meet(&world, &asked).await.expect("a rendezvous");
        answer_with(&mut met, &asked["request"]["id"], vec![b'y'; BODY_MAX + 1]).await;
        assert_eq!(close_code(&mut met).await, Some(1000));
    };
    let target = format!("/{entity}");
    let (answer, ()) = tokio::join!(send(&world, &entity, &target, ""), listen);
    assert_eq!((answer.status, answer.body.len()), (201, BODY_MAX + 1));
}

#[tokio::test]
async fn a_rendezvous_that_fails_is_a_listener_lost() {
    let (world, entity, mut raw) = listening(limits()).await;
    let target = format!("/{entity}");
    for too_much in [false, true] {
        let listen = async {
            let announced = next_json(&mut raw).await;
            let mut met = meet(&world, &announced).await.expect("a rendezvous");
            next_body(&mut met).await;
            if too_much {
                let id = &announced["request"]["id"];
                answer_with(&mut met, id, vec![b'y'; RENDEZVOUS_MAX + 1]).await;
                assert_eq!(close_code(&mut met).await, Some(1009));
            }
        };
        let sent = send(&world, &entity, &target, vec![b'x'; BODY_MAX + 1]);
        let (answer, ()) = tokio::join!(sent, listen);
        assert_eq!(answer.status, 502);
        let delivered = if too_much { "yes" } else { "unknown" };
        assert_eq!(answer.header("Relay-Error"), format!("listener-lost; delivered={delivered}"));
    }
}

#[tokio::test]
async fn a_rendezvous_has_its_time_and_ends_with_its_sender() {
    let soon_over = Limits { rendezvous: SHORT, response: 4 * SHORT, ..limits() };
    let (world, entity, mut raw) = listening(soon_over).await;
    let listen = async {
        let announced = next_json(&mut raw).await;
        tokio::time::sleep(SHORT + Duration::from_millis(20)).await;
        assert_eq!(meet(&world, &announced).await.err(), Some(403));
    };
    let target = format!("/{entity}");
    let sent = send(&world, &entity, &target, vec![b'x'; BODY_MAX + 1]);
    let (answer, ()) = tokio::join!(sent, listen);
    assert_eq!((answer.status, answer.header("Relay-Error")), (504, "timeout; delivered=no"));

    let (world, entity, mut raw) = listening_at(patient().await).await;
    let target = format!("/{entity}");
    let listen = async {
        let announced = next_json(&mut raw).await;
        let mut met = meet(&world, &announced).await.expect("a rendezvous");
        next_body(&mut met).await;
        world.clock.advance(60 * SECOND);
        assert_eq!(close_code(&mut met).await, Some(1000), "nobody waits any more");
    };
    let sent = send(&world, &entity, &target, vec![b'x'; BODY_MAX + 1]);
    let (answer, ()) = tokio::join!(sent, listen);
    assert_eq!((answer.status, answer.header("Relay-Error")), (504, "timeout; delivered=unknown"));
}

#[tokio::test]
async fn the_relays_own_errors_say_what_became_of_the_request_and_carry_no_via() {
    let (world, entity, raw) = listening(limits()).await;
    let target = format!("/{entity}");
    let listen_only = token(&world, &address(&entity), "listen", 3_600);
    let expired = token(&world, &address(&entity), "send", 0);
    let good = token(&world, &address(&entity), "send", 3_600);
    let heavy = "y".repeat(HEADERS_MAX);
    let everywhere = token(&world, "http://127.0.0.1", "send", 3_600);
    let authorised = ("ServiceBusAuthorization", good.as_str());
    let authorised_everywhere = ("ServiceBusAuthorization", everywhere.as_str());
    drop(raw);
    crate::world::eventually(|| !world.relay.is_listening(&entity)).await;
    for (target, headers, body, status, error) in [
        (target.as_str(), vec![], 0, 401, ""),
        (&target, vec![("Authorization", expired.as_str())], 0, 401, ""),
        (&target, vec![("Authorization", listen_only.as_str())], 0, 403, ""),
        ("/nobody/there", vec![], 0, 401, ""),
        ("/nobody/there", vec![("Authorization", expired.as_str())], 0, 401, ""),
        ("/nobody/there", vec![authorised], 0, 403, ""),
        ("/nobody/there", vec![authorised_everywhere], 0, 404, "no-endpoint; delivered=no"),
        ("/", vec![], 0, 401, ""),
        ("/", vec![authorised_everywhere], 0, 404, "no-endpoint; delivered=no"),
        (&target, vec![authorised], 0, 404, "no-listener; delivered=no"),
        (&target, vec![authorised], RENDEZVOUS_MAX, 413, ""),
        (&target, vec![authorised, ("X-Heavy", &heavy)], 0, 431, ""),
    ] {
        let answer = send_with(&world, target, &headers, vec![b'x'; body]).await;
        assert_eq!((answer.status, answer.header("Relay-Error")), (status, error), "{target}");
        assert_eq!(answer.header("Via"), "");
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(text.ends_with('\n') && text.len() > 10 && text.lines().count() == 1, "{text}");
    }
    world.relay.drain().await;
    let answer = send(&world, &entity, &target, "").await;
    assert_eq!((answer.status, answer.header("Relay-Error")), (503, "busy; delivered=no"));
    assert_eq!(answer.header("Retry-After"), "5");
}

#[tokio::test]
async fn the_longest_entity_at_a_slash_is_the_one_that_is_meant() {
    let (world, entity, mut raw) = listening(limits()).await;
    let below = Entity::parse(&format!("{entity}/deep")).unwrap();
    let rules = world.known.shared.lock().unwrap()[&entity].clone();
    world.known.shared.lock().unwrap().insert(below, rules);
    let deep = send(&world, &entity, &format!("/{entity}/deep/x"), "").await;
    assert_eq!(deep.header("Relay-Error"), "no-listener; delivered=no", "another's listener");
    let listen = async {
        let asked = next_json(&mut raw).await;
        answer(&mut raw, &asked["request"]["id"], 204).await;
    };
    let target = format!("/{entity}/deeper/%2e%2e//x");
    let (answer, ()) = tokio::join!(send(&world, &entity, &target, ""), listen);
    assert_eq!(answer.status, 204);
    let parent = token(&world, "http://127.0.0.1/tenants", "send", 3_600);
    let parent = [("ServiceBusAuthorization", parent.as_str())];
    let beside = send_with(&world, &format!("/{entity}s"), &parent, "").await;
    assert_eq!(beside.header("Relay-Error"), "no-endpoint; delivered=no");
}
