//! The real listener when things go wrong around it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use protocol::{Clock as _, InstanceId};
use relay::{DeliveryErrorKind, Limits, ListenerConfig, Reconnect, Status, TlsTransport};
use tokio::time::timeout;

use crate::proxy::Proxy;
use crate::world::{HASTY, SHORT, SOON, World, eventually, limits, listen_path, request};

fn connected(status: &Status) -> bool {
    matches!(status, Status::Connected { .. })
}

fn waiting(status: &Status) -> bool {
    matches!(status, Status::Waiting { .. })
}

#[tokio::test]
async fn it_comes_back_after_the_relay_was_restarted() {
    let mut world = World::new().await;
    let mut listening = world.listening().await;
    assert_eq!(listening.until(connected).await, Status::Connected { since: world.clock.now() });
    world.stop().await;
    listening.until(waiting).await;
    // It goes on trying while nobody is there.
    let before = listening.agent.minted.load(Ordering::SeqCst);
    eventually(|| listening.agent.minted.load(Ordering::SeqCst) >= before + 3).await;
    world.start().await;
    world.listener_is_there(&listening.agent.entity).await;
    let response = world.relay.deliver(&listening.agent.entity, request("/", "back"), SOON).await;
    assert_eq!(response.unwrap().body, "back");
    world.restart().await;
    world.listener_is_there(&listening.agent.entity).await;
}

#[tokio::test]
async fn a_half_open_connection_is_noticed_on_both_sides() {
    let world = World::with(Limits { silence: HASTY, ..limits() }).await;
    let proxy = Proxy::before(world.address).await;
    let agent = world.agent(1);
    let url = format!("wss://{}/", proxy.address).parse().unwrap();
    let config = ListenerConfig { url, silence: HASTY, ..world.config(&agent.entity) };
    let mut listening = world.listen_with(agent, config);
    world.listener_is_there(&listening.agent.entity).await;
    listening.until(connected).await;

    proxy.freeze();
    let status = listening.until(waiting).await;
    assert!(matches!(status, Status::Waiting { reason, .. } if reason == "the relay fell silent"));
    eventually(|| !world.relay.is_listening(&listening.agent.entity)).await;
    let result = world.relay.deliver(&listening.agent.entity, request("/", ""), SOON).await;
    assert_eq!(result.unwrap_err().kind, DeliveryErrorKind::NoListener);

    proxy.thaw();
    world.listener_is_there(&listening.agent.entity).await;
    proxy.cut();
    listening.until(waiting).await;
    listening.until(connected).await;
}

/// Relay protocol, "Limits and promises": a channel that held for long enough ends the outage, and attempts are
/// early ones again; one that did not does not.
#[tokio::test]
async fn a_channel_that_held_for_long_enough_ends_the_outage_and_a_shorter_one_does_not() {
    assert_eq!(Reconnect::default().stable_after, Duration::from_secs(30));
    for (stable_after, is_over) in [(Duration::ZERO, true), (Duration::MAX, false)] {
        let world = World::new().await;
        let proxy = Proxy::before(world.address).await;
        let agent = world.agent(1);
        let url = format!("wss://{}/", proxy.address).parse().unwrap();
        // The first attempt of an outage is made at once; what comes after a handshake is a late one.
        let reconnect = Reconnect {
            early: Duration::ZERO,
            early_for: Duration::from_nanos(1),
            late: Duration::from_secs(60 * 60),
            stable_after,
            ..Reconnect::default()
        };
        let config = ListenerConfig { url, reconnect, ..world.config(&agent.entity) };
        let mut listening = world.listen_with(agent, config);
        listening.until(connected).await;
        proxy.cut();
        listening.until(waiting).await;
        listening.until(connected).await;
        proxy.cut();
        let status = listening.until(waiting).await;
        let Status::Waiting { until, .. } = status else { unreachable!() };
        assert_eq!(until == world.clock.now(), is_over, "{stable_after:?}: until {until}");
    }
}

#[tokio::test]
async fn it_renews_its_token_on_the_open_channel() {
    let world = World::new().await;
    let mut agent = world.agent(1);
    agent.lifetime = Duration::from_secs(400);
    let config = world.config(&agent.entity);
    let mut listening = world.listen_with(agent, config);
    listening.until(connected).await;
    assert_eq!(listening.agent.minted.load(Ordering::SeqCst), 1);
    for renewals in 2..5 {
        world.clock.advance(Duration::from_secs(301));
        eventually(|| listening.agent.minted.load(Ordering::SeqCst) == renewals).await;
    }
    // Three lifetimes of the first token later it is still the first channel.
    let response = world.relay.deliver(&listening.agent.entity, request("/", "same"), SOON).await;
    assert_eq!(response.unwrap().body, "same");
    let Status::Connected { since } = listening.until(connected).await else { unreachable!() };
    assert_eq!(world.clock.now().since(since), Duration::from_secs(3 * 301));
}

#[tokio::test]
async fn when_stopped_it_finishes_what_is_in_flight_and_takes_nothing_new() {
    let world = World::new().await;
    let listening = world.listening().await;
    let entity = &listening.agent.entity;
    let finish = world.relay.deliver(entity, request("/wait", "last"), SOON);
    let stop = async {
        listening.begun(1).await;
        listening.stop.cancel();
        let late = world.relay.deliver(entity, request("/", "late"), SOON).await;
        assert_eq!(late.unwrap().status, 503);
        listening.echo.gate.notify_one();
    };
    let (finished, ()) = tokio::join!(finish, stop);
    assert_eq!(finished.unwrap().body, "last");
    timeout(SOON, listening.task).await.expect("it returns").unwrap();
    assert!(!world.relay.is_listening(entity));
    assert_eq!(listening.echo.begun.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn it_stops_while_it_waits_and_while_it_dials() {
    let mut world = World::new().await;
    let mut listening = world.listening().await;
    world.stop().await;
    listening.until(waiting).await;
    listening.stop.cancel();
    timeout(SOON, listening.task).await.expect("it returns").unwrap();

    // Nobody ever accepts here.
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let agent = world.agent(1);
    let url = format!("wss://{}/", port.local_addr().unwrap()).parse().unwrap();
    let config = ListenerConfig { url, ..world.config(&agent.entity) };
    let listening = world.listen_with(agent, config);
    tokio::time::sleep(SHORT).await;
    listening.stop.cancel();
    timeout(SOON, listening.task).await.expect("it returns").unwrap();
}

#[tokio::test]
async fn a_request_outlives_its_channel() {
    let world = World::new().await;
    let proxy = Proxy::before(world.address).await;
    let agent = world.agent(1);
    let url = format!("wss://{}/", proxy.address).parse().unwrap();
    let config = ListenerConfig { url, ..world.config(&agent.entity) };
    let mut listening = world.listen_with(agent, config);
    let entity = listening.agent.entity.clone();
    world.listener_is_there(&entity).await;
    let lost = world.relay.deliver(&entity, request("/wait", ""), SOON);
    let cut = async {
        listening.begun(1).await;
        proxy.cut();
    };
    let (result, ()) = tokio::join!(lost, cut);
    assert_eq!(result.unwrap_err().kind, DeliveryErrorKind::ListenerLost);
    listening.until(waiting).await;
    // The handler is still at it: the listener does not return before it has ended.
    listening.stop.cancel();
    tokio::time::sleep(SHORT).await;
    assert!(!listening.task.is_finished());
    listening.echo.gate.notify_one();
    timeout(SOON, listening.task).await.expect("it returns").unwrap();
}

#[tokio::test]
async fn a_handler_that_panics_is_an_answer_too() {
    // To print where it panicked may take longer than anybody is silent in these tests.
    let world = World::with(Limits { silence: SOON, ..limits() }).await;
    let agent = world.agent(1);
    let config = ListenerConfig { silence: SOON, ..world.config(&agent.entity) };
    let listening = world.listen_with(agent, config);
    world.listener_is_there(&listening.agent.entity).await;
    let entity = &listening.agent.entity;
    let response = world.relay.deliver(entity, request("/panic", ""), SOON).await;
    assert_eq!(response.unwrap().status, 500);
    let response = world.relay.deliver(entity, request("/", "alive"), SOON).await;
    assert_eq!(response.unwrap().body, "alive");
}

#[tokio::test]
async fn more_than_it_can_handle_at_once_is_refused_at_once() {
    let world = World::new().await;
    let agent = world.agent(1);
    let config = ListenerConfig { concurrent: 1, ..world.config(&agent.entity) };
    let listening = world.listen_with(agent, config);
    let entity = &listening.agent.entity;
    world.listener_is_there(entity).await;
    let first = world.relay.deliver(entity, request("/wait", ""), SOON);
    let second = async {
        listening.begun(1).await;
        let response = world.relay.deliver(entity, request("/", ""), SOON).await;
        listening.echo.gate.notify_one();
        response
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(second.unwrap().status, 503);
    assert_eq!(first.unwrap().status, 200);
}

#[tokio::test]
async fn a_refused_token_is_said_and_waited_for() {
    let world = World::new().await;
    let (one, two) = (world.agent(1), world.agent(2));
    // Agent 2's key on agent 1's path.
    let config = world.config(&one.entity);
    let mut listening = world.listen_with(two, config);
    let before = world.clock.now();
    let Status::Waiting { reason, until } = listening.until(waiting).await else { unreachable!() };
    assert!(reason.contains("403"), "{reason}");
    assert!(until.since(before) >= Duration::from_millis(60));
}

#[tokio::test]
async fn a_relay_with_another_certificate_is_never_told_the_token() {
    let world = World::new().await;
    let other = World::new().await;
    let agent = world.agent(1);
    let config = ListenerConfig {
        transport: Arc::new(TlsTransport::new(&other.tls)),
        ..world.config(&agent.entity)
    };
    let mut listening = world.listen_with(agent, config);
    let Status::Waiting { reason, .. } = listening.until(waiting).await else { unreachable!() };
    assert!(reason.contains("no TLS connection"), "{reason}");
    assert!(!world.relay.is_listening(&listening.agent.entity));
}

#[tokio::test]
async fn a_plain_address_is_refused() {
    let world = World::new().await;
    let agent = world.agent(1);
    let url = format!("ws://{}/", world.address).parse().unwrap();
    let config = ListenerConfig { url, ..world.config(&agent.entity) };
    let mut listening = world.listen_with(agent, config);
    let Status::Waiting { reason, .. } = listening.until(waiting).await else { unreachable!() };
    assert!(reason.contains("wss://"), "{reason}");
}

#[tokio::test]
async fn two_processes_of_one_agent_are_seen() {
    let world = World::new().await;
    let agent = world.agent(1);
    let first = world.raw(&agent).await;
    assert_eq!(world.relay.instances(&agent.entity), [InstanceId::from_bytes([9; 16])]);
    let second = InstanceId::from_bytes([3; 16]);
    let claims = relay::token::Claims { instance: second, ..agent.claims() };
    let path = listen_path(&agent.entity);
    let other = world.open(&path, Some(&agent.mint(&claims))).await.unwrap();
    eventually(|| world.relay.instances(&agent.entity).len() == 2).await;
    drop((first, other));
}

#[tokio::test]
async fn whoever_waits_for_a_newer_channel_is_not_content_with_the_one_that_is_there() {
    let world = World::new().await;
    let agent = world.agent(1);
    assert_eq!(world.relay.newest(), 0);
    let first = world.raw(&agent).await;
    let newest = world.relay.newest();
    world.relay.wait_for_newer(&agent.entity, newest - 1).await;
    let newer = world.relay.wait_for_newer(&agent.entity, newest);
    tokio::pin!(newer);
    let other = world.raw(&world.agent(2)).await;
    assert!(futures_util::poll!(&mut newer).is_pending(), "that is another agent's");
    drop(first);
    let again = world.open(&listen_path(&agent.entity), Some(&agent.mint(&agent.claims()))).await;
    timeout(SOON, newer).await.expect("it is back");
    drop((again, other));
}
