//! Listeners that misbehave, connections that break, relays that end.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use relay::token::Claims;
use relay::{Delivered, DeliveryErrorKind, Limits};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::world::{
    HASTY, Raw, SOON, World, answer, close_code, eventually, limits, listen_path, next_json,
    request,
};

#[tokio::test]
async fn a_malformed_message_ends_its_channel_and_no_other() {
    let world = World::new().await;
    let (good, bad) = (world.agent(1), world.agent(2));
    let config = world.config(&good.entity);
    let listening = world.listen_with(good, config);
    world.listener_is_there(&listening.agent.entity).await;
    let announce = json!({"response": {"requestId": "x", "statusCode": 200, "body": true}});
    let (announce, long) = (announce.to_string(), "x".repeat(relay::limits::MESSAGE_MAX + 1));
    let text = |text: &str| Message::text(text.to_owned());
    let cases = [
        (vec![text("")], 1002),
        (vec![text("[]")], 1002),
        (vec![text(r#"{"response":{"statusCode":200}}"#)], 1002),
        (vec![Message::Binary(Bytes::from_static(b"unannounced"))], 1002),
        (vec![text(&announce), text(&announce)], 1002),
        (vec![text(r#"{"renewToken":{"token":"no"}}"#)], 1008),
        (vec![text(&long)], 1009),
        (vec![Message::Binary(Bytes::from(long.clone()))], 1009),
    ];
    for (messages, code) in cases {
        let mut raw = world.raw(&bad).await;
        let shown = format!("{messages:.80?}");
        for message in messages {
            raw.send(message).await.unwrap();
        }
        assert_eq!(close_code(&mut raw).await, Some(code), "{shown}");
    }
    let response = world.relay.deliver(&listening.agent.entity, request("/", "still here"), SOON);
    assert_eq!(response.await.unwrap().body, "still here");
}

#[tokio::test]
async fn unknown_commands_and_unsolicited_pongs_are_tolerated() {
    let world = World::new().await;
    let agent = world.agent(1);
    let mut raw = world.raw(&agent).await;
    raw.send(Message::text(r#"{"weather":{"sunny":true}}"#)).await.unwrap();
    raw.send(Message::Pong(Bytes::from_static(b"hello"))).await.unwrap();
    raw.send(Message::Pong(Bytes::new())).await.unwrap();
    let delivery = world.relay.deliver(&agent.entity, request("/", ""), SOON);
    let listen = async {
        let asked = next_json(&mut raw).await;
        answer(&mut raw, &asked["request"]["id"], 200).await;
    };
    let (result, ()) = tokio::join!(delivery, listen);
    assert_eq!(result.unwrap().status, 200);
}

#[tokio::test]
async fn an_answer_that_cannot_be_carried_costs_its_own_request_and_no_other_and_not_the_channel() {
    let world = World::new().await;
    let agent = world.agent(1);
    let mut raw = world.raw(&agent).await;
    let ask = || world.relay.deliver(&agent.entity, request("/", ""), SOON);
    let listen = async {
        let (one, two) = (next_json(&mut raw).await, next_json(&mut raw).await);
        let odd = json!({"response": {
            "requestId": one["request"]["id"], "statusCode": 1000, "body": true,
        }});
        let unknown = json!({"response": {"requestId": "x", "statusCode": null, "body": true}});
        for announced in [odd, unknown] {
            raw.send(Message::text(announced.to_string())).await.unwrap();
            raw.send(Message::Binary(Bytes::from_static(b"nobody's"))).await.unwrap();
        }
        answer(&mut raw, &two["request"]["id"], 200).await;
    };
    let (one, two, ()) = tokio::join!(ask(), ask(), listen);
    let error = one.unwrap_err();
    assert_eq!((error.kind, error.delivered), (DeliveryErrorKind::ListenerLost, Delivered::Yes));
    assert_eq!(two.unwrap().status, 200);
    assert!(world.relay.is_listening(&agent.entity));
}

#[tokio::test]
async fn a_listener_that_reads_nothing_is_cut() {
    let world = World::with(Limits {
        slow_listener: Duration::from_millis(200),
        silence: Duration::from_secs(60),
        queue_bytes: 64 << 20,
        ..limits()
    })
    .await;
    let agent = world.agent(1);
    let _deaf = world.raw(&agent).await;
    // More than all buffers on the way take.
    let ask = |_| world.relay.deliver(&agent.entity, request("/", vec![0; 64 << 10]), SOON);
    let results = futures_util::future::join_all((0..250).map(ask)).await;
    let lost = |result: &Result<_, relay::DeliveryError>| matches!(result, Err(error) if error.kind == DeliveryErrorKind::ListenerLost);
    assert!(results.iter().all(lost));
    let delivered =
        |wanted| results.iter().any(|r| matches!(r, Err(error) if error.delivered == wanted));
    assert!(delivered(Delivered::Unknown), "the first ones were written");
    assert!(delivered(Delivered::No), "the last ones never were");
    assert!(!world.relay.is_listening(&agent.entity));
}

#[tokio::test]
async fn a_listener_that_answers_no_pings_does_not_count() {
    let world = World::with(Limits { silence: HASTY, ..limits() }).await;
    let agent = world.agent(1);
    let began = tokio::time::Instant::now();
    let mut mute = world.raw(&agent).await;
    // It talks, but it does not hear: nothing is read, so no ping is answered.
    while world.relay.is_listening(&agent.entity) {
        assert!(began.elapsed() < SOON);
        let _ = mute.send(Message::Ping(Bytes::new())).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(began.elapsed() >= HASTY, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_revoked_agent_is_cut_at_once_and_does_not_come_back() {
    let world = World::new().await;
    let mut listening = world.listening().await;
    let entity = listening.agent.entity.clone();
    let waiting = world.relay.deliver(&entity, request("/wait", ""), SOON);
    let revoke = async {
        listening.begun(1).await;
        world.known.forget(&entity);
        assert!(world.relay.revoke(&entity), "there was a channel");
    };
    let (result, ()) = tokio::join!(waiting, revoke);
    assert_eq!(result.unwrap_err().kind, DeliveryErrorKind::ListenerLost);
    assert!(!world.relay.is_listening(&entity));
    listening
        .until(|status| matches!(status, relay::Status::Waiting { reason, .. } if reason.contains("401")))
        .await;
    let agent = world.agent(1);
    for (reason, cut) in [
        ("entity gone", relay::Relay::disconnect as fn(&_, &_) -> bool),
        ("agent revoked", relay::Relay::revoke),
    ] {
        let mut raw = world.raw(&agent).await;
        assert!(cut(&world.relay, &entity));
        assert!(!cut(&world.relay, &entity), "it is ending already, or has ended");
        let told = loop {
            match raw.next().await {
                Some(Ok(Message::Close(told))) => break told.expect("a reason"),
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        };
        assert_eq!((u16::from(told.code), told.reason.as_str()), (1001, reason));
    }
}

/// Reads until the relay has pinged so often.
async fn pinged(raw: &mut Raw, count: usize) {
    let mut pings = 0;
    while pings < count {
        match raw.next().await {
            Some(Ok(message)) => pings += usize::from(matches!(message, Message::Ping(_))),
            ended => panic!("the channel ended: {ended:?}"),
        }
    }
}

#[tokio::test]
async fn a_channel_outlives_its_token_by_the_grace_and_no_longer() {
    let world = World::new().await;
    let agent = world.agent(1);
    let mut raw = world.raw(&agent).await;
    world.clock.advance(agent.lifetime + limits().grace - Duration::from_millis(1));
    // Some pings later it is still there.
    pinged(&mut raw, 3).await;
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(close_code(&mut raw).await, Some(1008));
}

#[tokio::test]
async fn a_renewed_token_keeps_the_channel_and_a_bad_one_ends_it() {
    let world = World::new().await;
    let (agent, other) = (world.agent(1), world.agent(2));
    let mut raw = world.raw(&agent).await;
    world.clock.advance(agent.lifetime);
    let renew = |token: String| Message::text(json!({"renewToken": {"token": token}}).to_string());
    raw.send(renew(agent.mint(&agent.claims()))).await.unwrap();
    world.clock.advance(agent.lifetime);
    pinged(&mut raw, 3).await;
    raw.send(renew(other.mint(&other.claims()))).await.unwrap();
    assert_eq!(close_code(&mut raw).await, Some(1008));
    let mut raw = world.raw(&agent).await;
    let no_right = Claims { right: None, ..agent.claims() };
    raw.send(renew(agent.mint(&no_right))).await.unwrap();
    assert_eq!(close_code(&mut raw).await, Some(1008));
}

#[tokio::test]
async fn where_nobody_can_say_whether_a_new_token_is_good_the_old_one_holds_as_long_as_it_would_have()
 {
    let world = World::new().await;
    let agent = world.agent(1);
    let mut raw = world.raw(&agent).await;
    world.known.broken.store(true, Ordering::SeqCst);
    world.clock.advance(agent.lifetime);
    let token = agent.mint(&agent.claims());
    let renew = json!({"renewToken": {"token": token}}).to_string();
    raw.send(Message::text(renew)).await.unwrap();
    pinged(&mut raw, 3).await;
    world.clock.advance(limits().grace);
    assert_eq!(close_code(&mut raw).await, Some(1008));
}

#[tokio::test]
async fn a_new_token_that_nobody_could_judge_is_judged_as_soon_as_somebody_can() {
    let world = World::new().await;
    let agent = world.agent(1);
    let mut raw = world.raw(&agent).await;
    world.known.broken.store(true, Ordering::SeqCst);
    world.clock.advance(agent.lifetime);
    let token = agent.mint(&agent.claims());
    let renew = json!({"renewToken": {"token": token}}).to_string();
    raw.send(Message::text(renew)).await.unwrap();
    pinged(&mut raw, 3).await;
    world.known.broken.store(false, Ordering::SeqCst);
    pinged(&mut raw, 3).await;
    world.clock.advance(agent.lifetime);
    pinged(&mut raw, 3).await;
}

#[tokio::test]
async fn a_draining_relay_lets_what_is_in_flight_end() {
    let world = World::new().await;
    let agent = world.agent(1);
    let path = listen_path(&agent.entity);
    let token = agent.mint(&agent.claims());
    let mut raw = world.raw(&agent).await;
    let delivery = world.relay.deliver(&agent.entity, request("/", ""), SOON);
    let drain = async {
        let asked = next_json(&mut raw).await;
        let finish = async {
            let mut refused = None;
            while refused != Some(503) {
                refused = world.open(&path, Some(&token)).await.err();
            }
            let busy = world.relay.deliver(&agent.entity, request("/", ""), SOON).await;
            assert_eq!(busy.unwrap_err().kind, DeliveryErrorKind::Busy);
            answer(&mut raw, &asked["request"]["id"], 200).await;
            close_code(&mut raw).await
        };
        tokio::join!(world.relay.drain(), finish).1
    };
    let (result, code) = tokio::join!(delivery, drain);
    assert_eq!(result.unwrap().status, 200);
    assert_eq!(code, Some(1001));
    eventually(|| !world.relay.is_listening(&agent.entity)).await;
}
