//! A relay that is being stopped, on time that is all the test's.

use std::time::Duration;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use protocol::Clock as _;
use relay::{DeliveryErrorKind, Limits};
use tokio_tungstenite::tungstenite::Message;

use crate::promises::{MILLISECOND, SECOND, channel, patient};
use crate::senders::listening_at;
use crate::sockets::met;
use crate::world::{World, close_code, eventually, next_json, request};

#[tokio::test]
async fn a_draining_relay_closes_its_channels_one_after_the_other() {
    let limits = Limits { drain_pace: SECOND, ..Limits::default() };
    let world = World::on_manual_time(limits).await;
    let agents: Vec<_> = (1..5).map(|number| world.agent(number)).collect();
    let mut open = Vec::new();
    for agent in &agents {
        open.push(world.raw(agent).await);
    }
    let left = || agents.iter().filter(|one| world.relay.is_listening(&one.entity)).count();
    let mut drain = std::pin::pin!(world.relay.drain());
    for closed in 1..=agents.len() {
        assert!(drain.as_mut().now_or_never().is_none());
        eventually(|| left() == agents.len() - closed).await;
        world.clock.advance(SECOND);
    }
    for raw in &mut open {
        assert_eq!(close_code(raw).await, Some(1001));
    }
    // It looks every few milliseconds whether all have left.
    while drain.as_mut().now_or_never().is_none() {
        world.clock.advance(20 * MILLISECOND);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_is_in_flight_has_30_seconds_when_a_relay_drains_and_the_idle_go_first() {
    let (world, agent, mut raw) = channel().await;
    let idle = world.agent(2);
    let mut other = world.raw(&idle).await;
    let asked = world.relay.ask(&agent.entity, request("/", "")).unwrap();
    next_json(&mut raw).await;
    let mut drain = std::pin::pin!(world.relay.drain());
    let mut lasted = Duration::ZERO;
    while world.relay.is_listening(&agent.entity) {
        assert!(drain.as_mut().now_or_never().is_none());
        world.clock.advance(100 * MILLISECOND);
        lasted += 100 * MILLISECOND;
        if lasted == SECOND {
            assert_eq!(close_code(&mut other).await, Some(1001));
        }
        // It reads, as a listener that lives does, and has not answered.
        while raw.next().now_or_never().is_some() {}
        tokio::time::sleep(MILLISECOND).await;
    }
    assert!((29 * SECOND..=31 * SECOND).contains(&lasted), "{lasted:?}");
    let ended = asked.answer(60 * SECOND).await.unwrap_err();
    assert_eq!(ended.kind, DeliveryErrorKind::ListenerLost);
}

/// Time stands still wherever something goes over a socket.
#[tokio::test]
async fn a_draining_relay_gives_its_pipes_30_seconds_and_then_ends_them_too() {
    let (world, entity, mut raw) = listening_at(patient().await).await;
    let mut pipes = Vec::new();
    for _ in 0..4 {
        pipes.push(met(&world, &entity, &mut raw).await);
    }
    let began = world.clock.running();
    let mut drain = std::pin::pin!(world.relay.drain());
    assert!(drain.as_mut().now_or_never().is_none());
    assert_eq!(close_code(&mut raw).await, Some(1001));
    for passes in [29 * SECOND, SECOND - MILLISECOND] {
        world.clock.advance(passes);
        assert!(drain.as_mut().now_or_never().is_none());
        for (number, (sender, listener)) in pipes.iter_mut().enumerate() {
            let word = Message::text(format!("still there {number}"));
            sender.send(word.clone()).await.unwrap();
            assert_eq!(listener.next().await.unwrap().unwrap(), word);
        }
    }
    // As often as it looks: one after the other.
    for _ in &pipes {
        world.clock.advance(20 * MILLISECOND);
        assert!(drain.as_mut().now_or_never().is_none());
    }
    for (sender, listener) in &mut pipes {
        assert_eq!(close_code(sender).await, Some(1001));
        assert_eq!(close_code(listener).await, Some(1001));
    }
    // Nobody agrees to the end, which is waited for, for a second.
    while drain.as_mut().now_or_never().is_none() {
        world.clock.advance(20 * MILLISECOND);
        tokio::task::yield_now().await;
    }
    let lasted = world.clock.running() - began;
    assert!((31 * SECOND..32 * SECOND).contains(&lasted), "{lasted:?}");
}

#[tokio::test]
async fn a_draining_relay_does_not_wait_for_pipes_that_have_ended() {
    let (world, entity, mut raw) = listening_at(patient().await).await;
    let (sender, mut listener) = met(&world, &entity, &mut raw).await;
    let mut drain = std::pin::pin!(world.relay.drain());
    let mut lasted = Duration::ZERO;
    let mut sender = Some(sender);
    while drain.as_mut().now_or_never().is_none() {
        if lasted == 2 * SECOND {
            drop(sender.take());
            assert_eq!(close_code(&mut listener).await, Some(1001));
        }
        world.clock.advance(20 * MILLISECOND);
        lasted += 20 * MILLISECOND;
        tokio::time::sleep(MILLISECOND).await;
    }
    assert!((2 * SECOND..5 * SECOND).contains(&lasted), "{lasted:?}");
}
