//! What the relay promises about time, on time that is all the test's: nothing waits in earnest,
//! and no promise is kept early or late by a slow machine.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use relay::{Delivered, DeliveryErrorKind, Limits};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;

use crate::senders::{listening_at, meet, next_body, send, send_with};
use crate::shared_keys::{address, shared, token};
use crate::sockets::met;
use crate::world::{Agent, Raw, World, answer, eventually, listen_path, next_json, request};

/// A second of the test's time.
pub(crate) const SECOND: Duration = Duration::from_secs(1);
/// A thousandth of it.
pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);

/// A relay with the limits of the protocol, and a channel by hand that is at its pings.
pub(crate) async fn channel() -> (World, Agent, Raw) {
    let world = World::on_manual_time(Limits::default()).await;
    let agent = world.agent(1);
    let raw = world.raw(&agent).await;
    waits(&world, 20 * SECOND).await;
    (world, agent, raw)
}

/// A relay that stands alone, at whose time nothing but what a test is about ends.
pub(crate) async fn patient() -> World {
    let limits = Limits { ping: 1_000 * SECOND, silence: 1_000 * SECOND, ..Limits::default() };
    World::alone_on_manual_time(limits).await
}

/// Waits until the next thing that the relay waits for is so far away.
async fn waits(world: &World, until_next: Duration) {
    eventually(|| world.clock.until_next() == Some(until_next)).await;
}

/// Reads until the relay pings, answers, and waits until the relay has read that.
pub(crate) async fn answer_ping(raw: &mut Raw) {
    while !matches!(raw.next().await, Some(Ok(Message::Ping(_)))) {}
    raw.send(Message::Ping(Bytes::from_static(b"read?"))).await.unwrap();
    while !matches!(raw.next().await, Some(Ok(Message::Pong(_)))) {}
}

#[tokio::test]
async fn a_listener_that_answers_its_pings_stays_and_one_that_does_not_has_45_seconds() {
    let (world, agent, mut raw) = channel().await;
    for _ in 0..100 {
        world.clock.advance(20 * SECOND);
        answer_ping(&mut raw).await;
        waits(&world, 20 * SECOND).await;
    }
    // From here on nobody reads: the connection is half open.
    world.clock.advance(20 * SECOND);
    waits(&world, 20 * SECOND).await;
    // The ping that it owes an answer to is 2 s old: others are the better choice from here on.
    world.clock.advance(2 * SECOND);
    assert!(world.relay.is_prompt(&agent.entity));
    world.clock.advance(MILLISECOND);
    assert!(!world.relay.is_prompt(&agent.entity) && world.relay.is_listening(&agent.entity));
    world.clock.advance(18 * SECOND - MILLISECOND);
    waits(&world, 5 * SECOND).await;
    world.clock.advance(5 * SECOND - MILLISECOND);
    waits(&world, MILLISECOND).await;
    assert!(world.relay.is_listening(&agent.entity));
    world.clock.advance(MILLISECOND);
    eventually(|| !world.relay.is_listening(&agent.entity)).await;
}

#[tokio::test]
async fn a_listener_that_takes_nothing_for_5_seconds_is_cut() {
    let (world, agent, _deaf) = channel().await;
    let body = Bytes::from(vec![0; 60_000]);
    let mut asked = Vec::new();
    let mut lasted = Duration::ZERO;
    while world.relay.is_listening(&agent.entity) {
        // As much as the queue takes, until the buffers on the way are full as well.
        while let Ok(one) = world.relay.ask(&agent.entity, request("/", body.clone())) {
            asked.push(one);
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        lasted += 100 * MILLISECOND;
        world.clock.advance(100 * MILLISECOND);
    }
    assert!(lasted >= 5 * SECOND, "{lasted:?}");
    assert!(lasted < 45 * SECOND, "cut for not reading, not for its silence: {lasted:?}");
    let left: Vec<_> = asked.iter().map(|one| one.first_byte().may_have_left()).collect();
    let ends = join_all(asked.into_iter().map(|one| one.answer(60 * SECOND))).await;
    let ends: Vec<_> = ends.into_iter().map(Result::unwrap_err).collect();
    let certain: Vec<_> = ends.iter().map(|end| end.delivered == Delivered::No).collect();
    assert!(left.iter().zip(&certain).all(|(left, certain)| left != certain), "{left:?}");
    assert!(ends.iter().all(|end| end.kind == DeliveryErrorKind::ListenerLost));
    let unwritten = ends.iter().filter(|end| end.delivered == Delivered::No).count();
    assert!((1..=17).contains(&unwritten), "a mebibyte waits at most: {unwritten}");
}

#[tokio::test]
async fn one_tenants_listener_that_reads_nothing_and_another_that_talks_hold_nobody_up() {
    let (world, deaf, _deaf) = channel().await;
    let (loud, good) = (world.agent(2), world.agent(3));
    let mut noise = world.raw(&loud).await;
    let config = world.config(&good.entity);
    let listening = world.listen_with(good, config);
    world.listener_is_there(&listening.agent.entity).await;
    let body = Bytes::from(vec![0; 60_000]);
    let fill = || (0..100).map(|_| world.relay.ask(&deaf.entity, request("/", body.clone())));
    let mut asked = Vec::new();
    while !asked.iter().any(|one: &Result<_, relay::DeliveryError>| one.is_err()) {
        asked.extend(fill());
        tokio::task::yield_now().await;
    }
    let talk = async {
        let word = Message::text(json!({"weather": "x".repeat(1_000)}).to_string());
        loop {
            noise.send(word.clone()).await.unwrap();
        }
    };
    let work = async {
        for number in 0..60 {
            asked.extend(fill().take(2));
            let text = format!("{number}");
            let sent = request("/", text.clone());
            let response = world.relay.deliver(&listening.agent.entity, sent, SECOND).await;
            assert_eq!(response.unwrap().body, text);
        }
    };
    // The clock stands still all the while: nobody was served because another was cut.
    tokio::select! {
        () = talk => {}
        () = work => {}
    }
    assert!(world.relay.is_listening(&deaf.entity));
    let full = asked.into_iter().filter_map(Result::err).next().unwrap();
    assert_eq!((full.kind, full.delivered), (DeliveryErrorKind::Busy, Delivered::No));
}

#[tokio::test]
async fn an_answer_has_60_seconds_to_begin_and_60_more_to_end() {
    let (world, entity, mut raw) = listening_at(patient().await).await;
    let target = format!("/{entity}");
    for (large, ends) in [(false, true), (true, true), (false, false), (true, false)] {
        let body = vec![b'x'; if large { 100_000 } else { 0 }];
        let listen = async {
            let asked = next_json(&mut raw).await;
            let mut met = if large { Some(meet(&world, &asked).await.unwrap()) } else { None };
            if let Some(met) = &mut met {
                next_body(met).await;
            }
            let socket = met.as_mut().unwrap_or(&mut raw);
            waits(&world, 60 * SECOND).await;
            world.clock.advance(60 * SECOND - MILLISECOND);
            let id = &asked["request"]["id"];
            let head = json!({"response": {"requestId": id, "statusCode": 200, "body": true}});
            socket.send(Message::text(head.to_string())).await.unwrap();
            // Its pong shows that the relay has read what came before it.
            socket.send(Message::Ping(Bytes::from_static(b"read?"))).await.unwrap();
            while !matches!(socket.next().await, Some(Ok(Message::Pong(_)))) {}
            world.clock.advance(MILLISECOND);
            waits(&world, 60 * SECOND).await;
            world.clock.advance(60 * SECOND - MILLISECOND);
            waits(&world, MILLISECOND).await;
            if ends {
                socket.send(Message::Binary(Bytes::from_static(b"late"))).await.unwrap();
            } else {
                world.clock.advance(MILLISECOND);
            }
            met
        };
        let (answer, _met) = tokio::join!(send(&world, &entity, &target, body), listen);
        if ends {
            assert_eq!((answer.status, &answer.body[..]), (200, &b"late"[..]), "{large}");
        } else {
            let error = answer.header("Relay-Error");
            assert_eq!((answer.status, error), (504, "timeout; delivered=yes"), "{large}");
            if !large {
                raw.send(Message::Binary(Bytes::from_static(b"too late"))).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn an_answer_that_has_not_begun_after_60_seconds_is_a_timeout() {
    let (world, entity, mut raw) = listening_at(patient().await).await;
    let target = format!("/{entity}");
    let listen = async {
        next_json(&mut raw).await;
        waits(&world, 60 * SECOND).await;
        world.clock.advance(60 * SECOND);
    };
    let (late, ()) = tokio::join!(send(&world, &entity, &target, ""), listen);
    assert_eq!((late.status, late.header("Relay-Error")), (504, "timeout; delivered=unknown"));
}

#[tokio::test]
async fn a_refusal_comes_a_second_late() {
    let world = World::on_manual_time(Limits::default()).await;
    let agent = world.agent(1);
    let path = listen_path(&agent.entity);
    let mut opened = std::pin::pin!(world.open(&path, None));
    let late = async {
        waits(&world, SECOND).await;
        world.clock.advance(SECOND - MILLISECOND);
        waits(&world, MILLISECOND).await;
    };
    tokio::select! {
        early = &mut opened => panic!("{:?}", early.err()),
        () = late => {}
    }
    assert!(opened.as_mut().now_or_never().is_none());
    world.clock.advance(MILLISECOND);
    assert_eq!(opened.await.err(), Some(401));
}

/// A client with the wrong key, however it asks and however much at a time, costs one look at a token
/// a second for each place that there is to wait in.
#[tokio::test]
async fn whoever_sends_with_a_wrong_key_is_told_a_second_late_and_others_are_served_meanwhile() {
    let limits = Limits {
        refused_waiting: 6,
        ping: 1_000 * SECOND,
        silence: 1_000 * SECOND,
        ..Limits::default()
    };
    let (world, entity, mut raw) = listening_at(World::alone_on_manual_time(limits).await).await;
    let world = Arc::new(world);
    let listen_only = token(&world, &address(&entity), "listen", 3_600);
    let (sending, connecting) =
        (format!("/{entity}"), format!("/$hc/{entity}?sb-hc-action=connect"));
    let refused = (0..8).map(|number| {
        let (world, listen_only) = (Arc::clone(&world), listen_only.clone());
        let (sending, connecting) = (sending.clone(), connecting.clone());
        tokio::spawn(async move {
            let wrong = [("ServiceBusAuthorization", "wrong")];
            match number % 4 {
                0 => send_with(&world, &sending, &wrong, "").await.status,
                1 => world.open(&connecting, Some("wrong")).await.err().unwrap(),
                2 => world.open(&connecting, Some(&listen_only)).await.err().unwrap(),
                _ => {
                    world.open(&connecting.replace("connect", "listen"), None).await.err().unwrap()
                }
            }
        })
    });
    let refused: Vec<_> = refused.collect();
    eventually(|| world.clock.begun(SECOND) >= 8).await;
    for _ in 0..255 {
        let wrong = [("ServiceBusAuthorization", "wrong")];
        let answer = send_with(&world, &sending, &wrong, "").await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
        assert_eq!(answer.header("relay-error"), "busy; delivered=no");
        assert_eq!(world.open(&connecting, Some("wrong")).await.err(), Some(503));
    }
    let served = async {
        let asked = next_json(&mut raw).await;
        answer(&mut raw, &asked["request"]["id"], 200).await;
    };
    let (good, ()) = tokio::join!(send(&world, &entity, &sending, ""), served);
    assert_eq!(good.status, 200);
    assert!(refused.iter().all(|one| !one.is_finished()));
    world.clock.advance(SECOND);
    let mut told = join_all(refused).await.into_iter().map(Result::unwrap).collect::<Vec<_>>();
    told.sort_unstable();
    assert_eq!(told, [401, 401, 401, 401, 401, 401, 403, 403]);
}

#[tokio::test]
async fn without_room_to_wait_in_a_listener_is_told_the_truth_at_once_and_a_sender_to_come_back() {
    let limits = Limits { refused_waiting: 0, ..Limits::default() };
    let world = World::alone_on_manual_time(limits).await;
    let entity = shared(&world);
    let send_only = token(&world, &address(&entity), "send", 3_600);
    let listening = listen_path(&entity);
    // Time stands still: whoever is answered did not wait.
    assert_eq!(world.open(&listening, Some("wrong")).await.err(), Some(401));
    assert_eq!(world.open(&listening, None).await.err(), Some(401));
    assert_eq!(world.open(&listening, Some(&send_only)).await.err(), Some(403));
    let wrong = [("ServiceBusAuthorization", "wrong")];
    let answer = send_with(&world, &format!("/{entity}"), &wrong, "").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
}

#[tokio::test]
async fn an_authority_that_does_not_answer_in_10_seconds_is_a_503() {
    let world = World::on_manual_time(Limits::default()).await;
    let agent = world.agent(1);
    world.known.silent.store(true, Ordering::SeqCst);
    let (path, token) = (listen_path(&agent.entity), agent.mint(&agent.claims()));
    let wait = async {
        waits(&world, 10 * SECOND).await;
        world.clock.advance(10 * SECOND);
        waits(&world, SECOND).await;
        world.clock.advance(SECOND);
    };
    let (opened, ()) = tokio::join!(world.open(&path, Some(&token)), wait);
    assert_eq!(opened.err(), Some(503));
}

#[tokio::test]
async fn an_entity_has_25_listeners_and_not_one_more() {
    let limits = Limits { refused_listen: Duration::ZERO, ..Limits::default() };
    let world = World::on_manual_time(limits).await;
    let (agent, other) = (world.agent(1), world.agent(2));
    let (path, token) = (listen_path(&agent.entity), agent.mint(&agent.claims()));
    let mut open = Vec::new();
    for number in 0..25 {
        let raw = world.open(&path, Some(&token)).await;
        open.push(raw.unwrap_or_else(|status| panic!("{number}: {status}")));
    }
    assert_eq!(world.open(&path, Some(&token)).await.err(), Some(503));
    world.raw(&other).await;
}

#[tokio::test]
async fn a_rendezvous_is_over_after_30_seconds() {
    let (world, entity, mut raw) = listening_at(patient().await).await;
    let target = format!("/{entity}");
    for (waited, status) in [(30 * SECOND - MILLISECOND, 200), (30 * SECOND, 504)] {
        let listen = async {
            let asked = next_json(&mut raw).await;
            waits(&world, 60 * SECOND).await;
            world.clock.advance(waited);
            match meet(&world, &asked).await {
                Ok(mut met) => {
                    next_body(&mut met).await;
                    answer(&mut met, &asked["request"]["id"], 200).await;
                }
                Err(refused) => {
                    assert_eq!(refused, 403);
                    world.clock.advance(60 * SECOND);
                }
            }
        };
        let sent = send(&world, &entity, &target, vec![b'x'; 100_000]);
        let (answer, ()) = tokio::join!(sent, listen);
        assert_eq!(answer.status, status, "{waited:?}");
    }
}

#[tokio::test]
async fn a_side_of_a_pipe_that_takes_nothing_for_5_seconds_ends_it_and_no_other() {
    let (world, entity, mut raw) = listening_at(patient().await).await;
    let (mut sender, _deaf) = met(&world, &entity, &mut raw).await;
    let (mut other, mut awake) = met(&world, &entity, &mut raw).await;
    let piece = Message::binary(vec![0; 500_000]);
    let mut lasted = Duration::ZERO;
    let code = loop {
        // As much as the buffers on the way take.
        let _ = tokio::time::timeout(5 * MILLISECOND, sender.send(piece.clone())).await;
        if let Some(Some(Ok(Message::Close(frame)))) = sender.next().now_or_never() {
            break frame.map(|frame| u16::from(frame.code));
        }
        other.send(Message::text("still there")).await.unwrap();
        assert_eq!(awake.next().await.unwrap().unwrap(), Message::text("still there"));
        world.clock.advance(50 * MILLISECOND);
        lasted += 50 * MILLISECOND;
        assert!(lasted < 600 * SECOND, "it is never cut");
    };
    assert_eq!(code, Some(1001));
    assert!(lasted >= 5 * SECOND, "{lasted:?}");
}

#[tokio::test]
async fn a_sender_has_60_seconds_for_its_body() {
    let (world, entity, _raw) = listening_at(patient().await).await;
    let token = token(&world, &address(&entity), "send", 3_600);
    let mut stream = world.connection().await;
    let half = format!(
        "POST /{entity} HTTP/1.1\r\nHost: {}\r\nServiceBusAuthorization: {token}\r\n\
         Content-Length: 10\r\nConnection: close\r\n\r\nhalf",
        world.address
    );
    stream.write_all(half.as_bytes()).await.unwrap();
    waits(&world, 60 * SECOND).await;
    world.clock.advance(60 * SECOND);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
}
