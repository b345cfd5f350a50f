//! What becomes of a request.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use relay::DeliveryErrorKind::{Busy, ListenerLost, NoListener, Timeout, TooBig};
use relay::limits::{BODY_MAX, HEADERS_MAX};
use relay::{Delivered, DeliveryError, Limits, Response};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::promises::{SECOND, answer_ping, channel};
use crate::world::{SHORT, SOON, World, answer, eventually, limits, next_json, request};

fn failed(kind: relay::DeliveryErrorKind, delivered: Delivered) -> Result<Response, DeliveryError> {
    Err(DeliveryError { kind, delivered })
}

#[tokio::test]
async fn an_answer_comes_back_whole() {
    let world = World::new().await;
    let listening = world.listening().await;
    let entity = &listening.agent.entity;
    for body in ["", "a body"] {
        let response =
            world.relay.deliver(entity, request("/x?y=1&sb-hc-token=t", body), SOON).await.unwrap();
        assert_eq!(response.status, 200);
        assert_eq!(response.body, body);
        let mut headers = response.headers;
        headers.sort();
        let expected = [("X-Sent", "yes"), ("X-Target", "POST /x?y=1")];
        assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}

#[tokio::test]
async fn fifty_at_once_each_get_their_own_answer() {
    let world = World::new().await;
    let listening = world.listening().await;
    let ask = |number: usize| {
        let body = format!("{number}").repeat(number);
        let (world, entity) = (&world, &listening.agent.entity);
        async move {
            let response = world.relay.deliver(entity, request("/", body.clone()), SOON).await;
            assert_eq!(response.unwrap().body, body);
        }
    };
    join_all((0..50).map(ask)).await;
}

#[tokio::test]
async fn requests_are_handled_side_by_side() {
    let world = World::new().await;
    let listening = world.listening().await;
    let entity = &listening.agent.entity;
    let waiting = world.relay.deliver(entity, request("/wait", ""), SOON);
    let quick = async {
        listening.begun(1).await;
        let response = world.relay.deliver(entity, request("/", "quick"), SOON).await;
        listening.echo.gate.notify_one();
        response
    };
    let (waited, quick) = tokio::join!(waiting, quick);
    assert_eq!(quick.unwrap().body, "quick");
    assert_eq!(waited.unwrap().status, 200);
}

#[tokio::test]
async fn without_listener_nothing_is_delivered() {
    let world = World::new().await;
    let agent = world.agent(1);
    let delivery = || world.relay.deliver(&agent.entity, request("/", "x"), SOON);
    assert_eq!(delivery().await, failed(NoListener, Delivered::No));
    let raw = world.raw(&agent).await;
    drop(raw);
    eventually(|| !world.relay.is_listening(&agent.entity)).await;
    assert_eq!(delivery().await, failed(NoListener, Delivered::No));
}

#[tokio::test]
async fn a_listener_lost_after_delivery_leaves_it_unknown() {
    // No ping ever proves that the listener read the request.
    let quiet = Duration::from_secs(60);
    let world = World::with(Limits { ping: quiet, silence: quiet, ..limits() }).await;
    let agent = world.agent(1);
    let mut raw = world.raw(&agent).await;
    let delivery = world.relay.deliver(&agent.entity, request("/", "x"), SOON);
    let lose = async {
        next_json(&mut raw).await;
        drop(raw);
    };
    let (result, ()) = tokio::join!(delivery, lose);
    assert_eq!(result, failed(ListenerLost, Delivered::Unknown));
}

#[tokio::test]
async fn what_crosses_the_farewell_of_a_listener_that_has_answered_all_is_answered_503() {
    for (reason, declined) in
        [("listener left, all answered", true), ("listener left", false), ("", false)]
    {
        let world = World::new().await;
        let agent = world.agent(1);
        let mut raw = world.raw(&agent).await;
        let asked = world.relay.deliver(&agent.entity, request("/", "crossing"), SOON);
        let leave = async {
            assert_ne!(next_json(&mut raw).await["request"], json!(null));
            let close = CloseFrame { code: CloseCode::Normal, reason: reason.into() };
            raw.send(Message::Close(Some(close))).await.unwrap();
        };
        let (answer, ()) = tokio::join!(asked, leave);
        let lost = failed(ListenerLost, Delivered::Unknown);
        assert_eq!(answer, if declined { Ok(Response::empty(503)) } else { lost }, "{reason}");
    }
}

#[tokio::test]
async fn a_listener_that_answered_a_later_ping_has_the_request() {
    let (world, agent, mut raw) = channel().await;
    let delivery = world.relay.deliver(&agent.entity, request("/", "x"), 60 * SECOND);
    let listen = async {
        next_json(&mut raw).await;
        world.clock.advance(20 * SECOND);
        answer_ping(&mut raw).await;
        world.clock.advance(40 * SECOND);
    };
    let (result, ()) = tokio::join!(delivery, listen);
    assert_eq!(result, failed(Timeout, Delivered::Yes));
}

#[tokio::test]
async fn only_the_channel_that_was_asked_can_answer() {
    let world = World::new().await;
    let agent = world.agent(1);
    let mut first = world.raw(&agent).await;
    let delivery = world.relay.deliver(&agent.entity, request("/", ""), SOON);
    let listen = async {
        let asked = next_json(&mut first).await;
        let mut other = world.raw(&agent).await;
        answer(&mut other, &asked["request"]["id"], 204).await;
        let body = json!({"response": {"requestId": asked["request"]["id"], "statusCode": "205", "body": true}});
        other.send(Message::text(body.to_string())).await.unwrap();
        other.send(Message::Binary(Bytes::from_static(b"forged"))).await.unwrap();
        // Its pong shows that the relay has read all that came before it.
        other.send(Message::Ping(Bytes::from_static(b"read?"))).await.unwrap();
        while !matches!(other.next().await, Some(Ok(Message::Pong(_)))) {}
        answer(&mut first, &asked["request"]["id"], 200).await;
        (first, other)
    };
    let (result, _open) = tokio::join!(delivery, listen);
    assert_eq!(result.unwrap().status, 200);
}

#[tokio::test]
async fn a_late_answer_harms_nobody() {
    let world = World::new().await;
    let agent = world.agent(1);
    let mut raw = world.raw(&agent).await;
    let late = world.relay.deliver(&agent.entity, request("/late", ""), SHORT);
    let (result, asked) = tokio::join!(late, next_json(&mut raw));
    assert!(matches!(result, Err(DeliveryError { kind: Timeout, .. })), "{result:?}");
    let frame =
        json!({"response": {"requestId": asked["request"]["id"], "statusCode": 200, "body": true}});
    raw.send(Message::text(frame.to_string())).await.unwrap();
    raw.send(Message::Binary(Bytes::from_static(b"late"))).await.unwrap();
    let next = world.relay.deliver(&agent.entity, request("/next", ""), SOON);
    let listen = async {
        let asked = next_json(&mut raw).await;
        assert_eq!(asked["request"]["requestTarget"], "/next");
        answer(&mut raw, &asked["request"]["id"], 201).await;
    };
    let (result, ()) = tokio::join!(next, listen);
    assert_eq!(result.unwrap().status, 201);
}

#[tokio::test]
async fn the_relays_own_limit_holds_for_a_patient_sender() {
    let world = World::with(Limits { response: SHORT, ..limits() }).await;
    let listening = world.listening().await;
    let waiting = world.relay.deliver(&listening.agent.entity, request("/wait", ""), SOON);
    let result = waiting.await;
    assert!(matches!(result, Err(DeliveryError { kind: Timeout, .. })), "{result:?}");
}

#[tokio::test]
async fn bodies_and_headers_have_their_limits_in_both_directions() {
    let world = World::new().await;
    let listening = world.listening().await;
    let entity = &listening.agent.entity;
    let send = |count: usize| world.relay.deliver(entity, request("/", vec![b'x'; count]), SOON);
    assert_eq!(send(BODY_MAX).await.unwrap().body.len(), BODY_MAX);
    assert_eq!(send(BODY_MAX + 1).await, failed(TooBig, Delivered::No));
    let answer =
        |count: usize| world.relay.deliver(entity, request(&format!("/bytes/{count}"), ""), SOON);
    assert_eq!(answer(BODY_MAX).await.unwrap().body.len(), BODY_MAX);
    // Inside another service there are no rendezvous: our own listener does not get there.
    assert_eq!(answer(BODY_MAX + 1).await.unwrap().status, 500);
    let mut heavy = request("/", "");
    heavy.headers = vec![("X".to_owned(), "y".repeat(HEADERS_MAX))];
    assert_eq!(world.relay.deliver(entity, heavy, SOON).await, failed(TooBig, Delivered::No));
}

#[tokio::test]
async fn an_answer_of_65537_bytes_ends_the_channel() {
    let world = World::new().await;
    let agent = world.agent(1);
    let mut raw = world.raw(&agent).await;
    let delivery = world.relay.deliver(&agent.entity, request("/", ""), SOON);
    let listen = async {
        let asked = next_json(&mut raw).await;
        let frame = json!({"response": {"requestId": asked["request"]["id"], "statusCode": 200, "body": true}});
        raw.send(Message::text(frame.to_string())).await.unwrap();
        raw.send(Message::Binary(Bytes::from(vec![0; BODY_MAX + 1]))).await.unwrap();
        crate::world::close_code(&mut raw).await
    };
    let (result, code) = tokio::join!(delivery, listen);
    assert_eq!(result, failed(TooBig, Delivered::Yes));
    assert_eq!(code, Some(1009));
}

#[tokio::test]
async fn a_full_queue_is_busy_and_nothing_was_delivered() {
    let world = World::with(Limits { queue_requests: 0, ..limits() }).await;
    let listening = world.listening().await;
    let result = world.relay.deliver(&listening.agent.entity, request("/", ""), SOON).await;
    assert_eq!(result, failed(Busy, Delivered::No));
}

#[tokio::test]
async fn a_sender_that_goes_away_leaves_nothing_behind() {
    let world = World::new().await;
    let listening = world.listening().await;
    let entity = &listening.agent.entity;
    let given_up =
        tokio::time::timeout(SHORT, world.relay.deliver(entity, request("/wait", ""), SOON));
    assert!(given_up.await.is_err());
    // A relay with nothing in flight drains at once; else it waits for longer than anything takes.
    let began = tokio::time::Instant::now();
    world.relay.drain().await;
    assert!(began.elapsed() < limits().drain, "{:?}", began.elapsed());
}

#[tokio::test]
async fn the_request_frame_is_the_one_that_published_listeners_read() {
    let world = World::new().await;
    let agent = world.agent(1);
    let mut raw = world.raw(&agent).await;
    let delivery = world.relay.deliver(&agent.entity, request("/x", "body"), SHORT);
    let listen = async {
        let asked = next_json(&mut raw).await;
        let body = loop {
            if let Message::Binary(body) = raw.next().await.unwrap().unwrap() {
                break body;
            }
        };
        (asked, body)
    };
    let (_, (asked, body)) = tokio::join!(delivery, listen);
    assert_eq!(body, "body");
    let asked = &asked["request"];
    let id = asked["id"].as_str().unwrap();
    let address =
        format!("wss://{}/$hc/{}?sb-hc-action=request&sb-hc-id={id}", world.address, agent.entity);
    assert_eq!(
        *asked,
        json!({"address": address, "id": id, "requestTarget": "/x", "method": "POST",
            "requestHeaders": {"X-Sent": "yes"}, "body": true, "remoteEndpoint": {}})
    );
}
