//! Bodies and commands that come in several frames (RFC 6455, 5.4), as published clients and other relays
//! may send them.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::SinkExt as _;
use relay::limits::{BODY_MAX, MESSAGE_MAX};
use relay::{ListenerConfig, TlsTransport};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::port::{by_hand, certificates, held};
use crate::senders::next_body;
use crate::world::{SOON, World, close_code, next_json, request};

/// The frames of one message, cut into pieces of so many bytes, after each of which comes a ping.
fn pieces(kind: Data, message: &[u8], size: usize) -> Vec<Message> {
    let last = message.len().div_ceil(size) - 1;
    let piece = |(number, piece): (usize, &[u8])| {
        let kind = if number == 0 { kind } else { Data::Continue };
        let piece = Bytes::copy_from_slice(piece);
        let frame = Frame::message(piece, OpCode::Data(kind), number == last);
        [Message::Frame(frame), Message::Ping(Bytes::from_static(b"between"))]
    };
    message.chunks(size).enumerate().flat_map(piece).collect()
}

/// Sends `value` and `body` in pieces of so many bytes.
async fn say<S>(socket: &mut WebSocketStream<S>, value: &Value, body: &[u8], size: usize)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let text = pieces(Data::Text, value.to_string().as_bytes(), size);
    for message in text.into_iter().chain(pieces(Data::Binary, body, size)) {
        socket.feed(message).await.unwrap();
    }
    socket.flush().await.unwrap();
}

#[tokio::test]
async fn an_answer_in_pieces_is_put_together() {
    let world = World::new().await;
    let agent = world.agent(1);
    let mut raw = world.raw(&agent).await;
    for (size, length) in [(1, 900), (7, 5_000), (1_000, BODY_MAX), (BODY_MAX, BODY_MAX)] {
        let body: Vec<u8> = (0..length).map(|number| (number % 251) as u8).collect();
        let listen = async {
            let asked = next_json(&mut raw).await;
            let id = &asked["request"]["id"];
            let response = json!({"response": {"requestId": id, "statusCode": 200, "body": true}});
            say(&mut raw, &response, &body, size).await;
        };
        let delivery = world.relay.deliver(&agent.entity, request("/", ""), SOON);
        let (response, ()) = tokio::join!(delivery, listen);
        assert_eq!(response.unwrap().body, body, "{length} bytes in pieces of {size}");
    }
}

#[tokio::test]
async fn pieces_that_never_end_or_are_not_in_order_end_their_channel() {
    let world = World::new().await;
    let agent = world.agent(1);
    let piece = |kind, size, last| {
        Message::Frame(Frame::message(vec![b'x'; size], OpCode::Data(kind), last))
    };
    let begun = |size| piece(Data::Binary, size, false);
    let more = |size| piece(Data::Continue, size, false);
    let endless = std::iter::once(begun(1_000));
    let endless = endless.chain(std::iter::repeat_with(|| more(1_000)).take(MESSAGE_MAX / 1_000));
    for (messages, code) in [
        (endless.collect(), 1009),
        (vec![more(1)], 1002),
        (vec![begun(1), begun(1)], 1002),
        (vec![begun(1), piece(Data::Text, 1, true)], 1002),
    ] {
        let mut raw = world.raw(&agent).await;
        let count = messages.len();
        for message in messages {
            // It may be cut off before it has said all of it.
            let _ = raw.send(message).await;
        }
        assert_eq!(close_code(&mut raw).await, Some(code), "{count} pieces");
    }
}

#[tokio::test]
async fn the_agent_s_side_puts_a_request_in_pieces_together() {
    let world = World::new().await;
    let (server, client) = certificates();
    let (_held, address): (_, SocketAddr) = held();
    let port = TcpListener::bind(address).await.unwrap();
    let agent = world.agent(1);
    let url = format!("wss://{address}/").parse().unwrap();
    let transport = Arc::new(TlsTransport::new(&client));
    let config = ListenerConfig { url, transport, ..world.config(&agent.entity) };
    let listening = world.listen_with(agent, config);
    let mut relay = by_hand(&port, &TlsAcceptor::from(server)).await;
    for (size, length) in [(1, 900), (1_000, BODY_MAX), (BODY_MAX, BODY_MAX)] {
        let body: Vec<u8> = (0..length).map(|number| (number % 251) as u8).collect();
        let id = format!("of {length} in pieces of {size}");
        let asked = json!({"request": {
            "address": format!("wss://{address}/$hc/x?sb-hc-action=request&sb-hc-id=1"),
            "id": id, "requestTarget": "/", "method": "POST", "requestHeaders": {}, "body": true,
        }});
        say(&mut relay, &asked, &body, size).await;
        let answer = next_json(&mut relay).await["response"].take();
        assert_eq!((&answer["requestId"], &answer["body"]), (&json!(id), &json!(true)));
        assert_eq!(next_body(&mut relay).await, body, "{id}");
    }
    listening.stop.cancel();
}
