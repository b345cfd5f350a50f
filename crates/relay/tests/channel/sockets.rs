//! Raw WebSockets between a sender and a listener, at a relay that stands alone.

use futures_util::{SinkExt as _, StreamExt as _};
use relay::limits::RENDEZVOUS_MAX;
use relay::{Entity, Limits};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::promises::{SECOND, answer_ping};
use crate::senders::listening_at;
use crate::shared_keys::{address, shared, token};
use crate::world::{HASTY, Raw, SHORT, SOON, World, close_code, limits, listen_path, next_json};

async fn listening(limits: Limits) -> (World, Entity, Raw) {
    let world = World::alone(limits).await;
    let entity = shared(&world);
    let token = token(&world, &address(&entity), "listen", 3_600);
    let raw = world.open(&listen_path(&entity), Some(&token)).await.expect("a channel");
    world.listener_is_there(&entity).await;
    (world, entity, raw)
}

/// Opens a WebSocket, and says which subprotocol was agreed on; else the status and the text.
async fn open(
    world: &World,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Result<(Raw, Option<String>), (u16, String)> {
    let url = format!("wss://{}{path}", world.address);
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match tokio_tungstenite::client_async(request, world.connection().await).await {
        Ok((socket, response)) => {
            let agreed = response.headers().get("Sec-WebSocket-Protocol");
            Ok((socket, agreed.map(|name| name.to_str().unwrap().to_owned())))
        }
        Err(Error::Http(response)) => {
            let body = response.body().as_deref().unwrap_or_default();
            Err((response.status().as_u16(), String::from_utf8_lossy(body).into_owned()))
        }
        Err(other) => panic!("{other}"),
    }
}

fn connect_path(world: &World, entity: &Entity) -> String {
    let token = token(world, &address(entity), "send", 3_600);
    let token: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
    format!("/$hc/{entity}/more?x=1&sb-hc-action=connect&sb-hc-token={token}")
}

/// The path and query at which a listener meets a sender.
fn meeting(world: &World, frame: &Value) -> String {
    let address = frame["accept"]["address"].as_str().expect("an accept");
    address.strip_prefix(&format!("wss://{}", world.address)).expect("its name").to_owned()
}

/// A sender and a listener that met: sender's socket, listener's socket.
pub(crate) async fn met(world: &World, entity: &Entity, raw: &mut Raw) -> (Raw, Raw) {
    let path = connect_path(world, entity);
    let accept = async {
        let frame = next_json(raw).await;
        open(world, &meeting(world, &frame), &[]).await.unwrap().0
    };
    let (sender, listener) = tokio::join!(open(world, &path, &[]), accept);
    (sender.unwrap().0, listener)
}

/// The next message that is not for the connection itself.
async fn next(raw: &mut Raw) -> Message {
    loop {
        let message = timeout(SOON, raw.next()).await.expect("a message").unwrap().unwrap();
        if !message.is_ping() && !message.is_pong() {
            return message;
        }
    }
}

#[tokio::test]
async fn a_sender_and_a_listener_meet_and_speak_both_ways() {
    let world = World::alone_on_manual_time(Limits::default()).await;
    let (world, entity, mut raw) = listening_at(world).await;
    let path = connect_path(&world, &entity);
    let offered = [("Sec-WebSocket-Protocol", "chat, other"), ("Sec-WebSocket-Extensions", "x")];
    let accept = async {
        let frame = next_json(&mut raw).await;
        let meeting = meeting(&world, &frame);
        let chosen = [("Sec-WebSocket-Protocol", "other")];
        let socket = open(&world, &meeting, &chosen).await.unwrap();
        assert_eq!(open(&world, &meeting, &[]).await.err().map(|refused| refused.0), Some(403));
        (frame, meeting, socket)
    };
    let (sender, (frame, meeting, listener)) = tokio::join!(open(&world, &path, &offered), accept);
    let ((mut sender, chosen), (mut listener, echoed)) = (sender.unwrap(), listener);
    assert_eq!((chosen.as_deref(), echoed.as_deref()), (Some("other"), Some("other")));
    let ours = format!("/$hc/{entity}/more?x=1&sb-hc-action=accept&sb-hc-id=");
    assert!(meeting.starts_with(&ours) && !frame.to_string().contains("SharedAccess"), "{frame}");
    let headers = frame["accept"]["connectHeaders"].as_object().unwrap();
    assert!(headers.contains_key("sec-websocket-key") && headers.contains_key("host"));
    assert_eq!(frame["accept"]["remoteEndpoint"]["address"], "127.0.0.1");
    assert_eq!(headers["sec-websocket-protocol"], "chat, other");
    assert!(!headers.contains_key("sec-websocket-extensions") && headers.contains_key("Via"));

    sender.send(Message::text("there")).await.unwrap();
    assert_eq!(next(&mut listener).await, Message::text("there"));
    let large = Message::binary(vec![7; RENDEZVOUS_MAX]);
    listener.send(large.clone()).await.unwrap();
    assert_eq!(next(&mut sender).await, large);
    // Longer than a silent side is borne with: pings of the relay are answered meanwhile.
    for _ in 0..3 {
        world.clock.advance(20 * SECOND);
        for side in [&mut sender, &mut listener] {
            answer_ping(side).await;
        }
    }
    sender.send(Message::text("still there")).await.unwrap();
    assert_eq!(next(&mut listener).await, Message::text("still there"));

    let why = CloseFrame { code: 4_000.into(), reason: "enough".into() };
    sender.close(Some(why)).await.unwrap();
    assert_eq!(close_code(&mut listener).await, Some(4_000));
}

#[tokio::test]
async fn a_listener_declines_with_a_status_and_is_answered_410() {
    let (world, entity, mut raw) = listening(limits()).await;
    for (prefix, status, told) in
        [("sb-hc-", "409", 409), ("", "400", 400), ("sb-hc-", "200", 502), ("sb-hc-", "x", 502)]
    {
        let path = connect_path(&world, &entity);
        let decline = async {
            let meeting = meeting(&world, &next_json(&mut raw).await);
            let words = format!("&{prefix}statusCode={status}&{prefix}statusDescription=not%20now");
            open(&world, &format!("{meeting}{words}"), &[]).await.err().unwrap()
        };
        let (sender, listener) = tokio::join!(open(&world, &path, &[]), decline);
        assert_eq!(sender.err(), Some((told, "not now".to_owned())));
        assert_eq!(listener.0, 410);
    }
}

#[tokio::test]
async fn what_a_listener_calls_its_refusal_is_what_the_sender_s_status_is_called() {
    let (world, entity, mut raw) = listening(limits()).await;
    let long = "x".repeat(5_000);
    for (words, called, told) in [
        ("not%20now", "not now", "not now"),
        ("not%0d%0aX-Forged:%20now", "not  X-Forged: now", "not  X-Forged: now"),
        (long.as_str(), "Conflict", ""),
    ] {
        let path = connect_path(&world, &entity);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            world.address
        );
        let decline = async {
            let meeting = meeting(&world, &next_json(&mut raw).await);
            let words = format!("&sb-hc-statusCode=409&sb-hc-statusDescription={words}");
            open(&world, &format!("{meeting}{words}"), &[]).await.err().unwrap()
        };
        let said = async { world.said(request.as_bytes()).await };
        let (said, _) = tokio::join!(said, decline);
        let (called, told) = (called.to_lowercase(), told.to_lowercase());
        assert!(said.starts_with(&format!("http/1.1 409 {called}\r\n")), "{said}");
        assert!(said.ends_with(&format!("\r\n\r\n{told}")), "{said}");
    }
}

#[tokio::test]
async fn what_a_sender_calls_its_own_pairs_declines_for_nobody() {
    let (world, entity, mut raw) = listening(limits()).await;
    let path = format!("{}&statusCode=409&statusDescription=mine", connect_path(&world, &entity));
    let accept = async {
        let meeting = meeting(&world, &next_json(&mut raw).await);
        assert!(meeting.contains("statusCode=409"), "the listener reads them: {meeting}");
        open(&world, &meeting, &[]).await
    };
    let (sender, listener) = tokio::join!(open(&world, &path, &[]), accept);
    assert!(sender.is_ok() && listener.is_ok(), "they are in a pipe");
    let decline = async {
        let meeting = meeting(&world, &next_json(&mut raw).await);
        open(&world, &format!("{meeting}&statusCode=404&statusDescription=theirs"), &[]).await
    };
    let (sender, listener) = tokio::join!(open(&world, &path, &[]), decline);
    assert_eq!(sender.err(), Some((404, "theirs".to_owned())));
    assert_eq!(listener.err().map(|refused| refused.0), Some(410));
}

#[tokio::test]
async fn who_may_not_connect_is_told_so() {
    let (world, entity, raw) = listening(Limits { rendezvous: SHORT, ..limits() }).await;
    let status = async |path: &str, token: &str| {
        let refused = open(&world, path, &[("ServiceBusAuthorization", token)]).await;
        refused.err().map(|refused| refused.0)
    };
    let path = format!("/$hc/{entity}?sb-hc-action=connect");
    let good = token(&world, &address(&entity), "send", 3_600);
    assert_eq!(status(&path, "bad").await, Some(401));
    let listen_only = token(&world, &address(&entity), "listen", 3_600);
    assert_eq!(status(&path, &listen_only).await, Some(403));
    assert_eq!(status("/$hc/nobody?sb-hc-action=connect", &good).await, Some(403));
    let everywhere = token(&world, "http://127.0.0.1", "send", 3_600);
    assert_eq!(status("/$hc/nobody?sb-hc-action=connect", &everywhere).await, Some(404));
    assert_eq!(status(&path.replace("connect", "dance"), &good).await, Some(400));
    let large = "x".repeat(32 * 1024);
    let headers = [("ServiceBusAuthorization", good.as_str()), ("X-Large", large.as_str())];
    let refused = open(&world, &path, &headers).await;
    assert_eq!(refused.err().map(|refused| refused.0), Some(431));
    assert_eq!(status(&path, &good).await, Some(504), "the listener does not come");
    drop(raw);
    crate::world::eventually(|| !world.relay.is_listening(&entity)).await;
    assert_eq!(status(&path, &good).await, Some(404), "no listener");
}

#[tokio::test]
async fn each_end_of_a_pipe_has_its_code() {
    let (world, entity, mut raw) = listening(limits()).await;
    let (mut sender, listener) = met(&world, &entity, &mut raw).await;
    drop(listener);
    assert_eq!(close_code(&mut sender).await, Some(1000), "listener left");

    let (sender, mut listener) = met(&world, &entity, &mut raw).await;
    drop(sender);
    assert_eq!(close_code(&mut listener).await, Some(1001), "sender left");

    let (mut sender, mut listener) = met(&world, &entity, &mut raw).await;
    let _ = sender.send(Message::binary(vec![7; RENDEZVOUS_MAX + 1])).await;
    assert_eq!(close_code(&mut listener).await, Some(1009), "too big");

    let (mut sender, mut listener) = met(&world, &entity, &mut raw).await;
    world.relay.disconnect(&entity);
    assert_eq!(close_code(&mut sender).await, Some(1001), "entity gone");
    assert_eq!(close_code(&mut listener).await, Some(1001), "entity gone");
}

#[tokio::test]
async fn a_side_that_does_not_answer_pings_is_given_up() {
    let (world, entity, mut raw) = listening(Limits { silence: HASTY, ..limits() }).await;
    let (_silent, mut listener) = met(&world, &entity, &mut raw).await;
    // Nobody reads the sender's socket, as behind a connection that is half open.
    assert_eq!(close_code(&mut listener).await, Some(1001));
}

#[tokio::test]
async fn a_channel_lost_before_the_listener_came_is_a_listener_lost() {
    let (world, entity, mut raw) = listening(limits()).await;
    let path = connect_path(&world, &entity);
    let lose = async {
        assert_ne!(next_json(&mut raw).await["accept"], json!(null));
        drop(raw);
    };
    let (sender, ()) = tokio::join!(open(&world, &path, &[]), lose);
    assert_eq!(sender.err().map(|refused| refused.0), Some(502));
}
