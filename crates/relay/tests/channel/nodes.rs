//! One agent and several nodes of its service, on time that is all the test's.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use protocol::{Clock as _, InstanceId};
use relay::{Limits, ListenerConfig, Status};
use tokio::sync::watch;
use url::Url;

use crate::promises::answer_ping;
use crate::world::{
    Echo, Listening, Raw, World, answer, eventually, listen_path, next_json, request,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// Long enough for everything that these tests wait for, and over before any ping is due.
const LATER: Duration = Duration::from_secs(100_000);

/// A service with so many nodes, at which nothing happens by itself, so that time can make steps.
async fn nodes(count: usize) -> Vec<World> {
    let limits = Limits {
        ping: LATER,
        silence: 2 * LATER,
        response: LATER,
        handshake: LATER,
        ..Limits::default()
    };
    let mut nodes = vec![World::on_manual_time(limits).await];
    while nodes.len() < count {
        let node = nodes[0].beside().await;
        nodes.push(node);
    }
    nodes
}

/// An agent whose home is the first node, and who is told the names of nodes.
struct Agent {
    listening: Listening,
    names: watch::Sender<Vec<Url>>,
}

fn agent(nodes: &[World], named: &[usize]) -> Agent {
    let home = &nodes[0];
    let agent = home.agent(1);
    let (names, told) = watch::channel(urls(nodes, named));
    let config = ListenerConfig {
        ping: LATER,
        silence: 2 * LATER,
        handshake: LATER,
        drain: LATER,
        nodes: Some(told),
        ..ListenerConfig::new(
            home.url(),
            agent.entity.clone(),
            home.config(&agent.entity).transport,
        )
    };
    Agent { listening: home.listen_with(agent, config), names }
}

fn urls(nodes: &[World], named: &[usize]) -> Vec<Url> {
    named.iter().map(|at| nodes[*at].url()).collect()
}

impl Agent {
    fn at(&self, node: &World) -> usize {
        node.relay.channels(&self.listening.agent.entity)
    }

    /// At how many channels of which node it listens.
    fn everywhere(&self, nodes: &[World]) -> Vec<usize> {
        nodes.iter().map(|node| self.at(node)).collect()
    }

    async fn listens(&self, nodes: &[World], wanted: &[usize]) {
        eventually(|| self.everywhere(nodes) == wanted).await;
    }

    async fn answers(&self, node: &World, text: &'static str) {
        let entity = &self.listening.agent.entity;
        let response = node.relay.deliver(entity, request("/", text), MINUTE).await;
        assert_eq!(response.unwrap().body, text);
    }

    fn is_connected(&self) -> bool {
        matches!(*self.listening.status.borrow(), Status::Connected { .. })
    }
}

/// Lets time pass, in steps at which whoever is woken does what it has to.
async fn pass(nodes: &[World], time: Duration) {
    let mut left = time;
    while !left.is_zero() {
        let step = left.min(SECOND);
        nodes[0].clock.advance(step);
        left -= step;
        // Connections are real: a handshake takes as long as it takes.
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

/// Lets time pass until something holds; says how much did.
async fn until(nodes: &[World], mut holds: impl FnMut() -> bool) -> Duration {
    let start = nodes[0].clock.running();
    while !holds() {
        pass(nodes, SECOND).await;
        let passed = nodes[0].clock.running() - start;
        assert!(passed < 20 * MINUTE, "it never came to hold");
    }
    nodes[0].clock.running() - start
}

#[tokio::test]
async fn the_second_channel_is_two_minutes_younger_and_at_the_other_node() {
    let nodes = nodes(2).await;
    let agent = agent(&nodes, &[0, 1]);
    eventually(|| agent.everywhere(&nodes).iter().sum::<usize>() == 1).await;
    pass(&nodes, 2 * MINUTE - 5 * SECOND).await;
    assert_eq!(agent.everywhere(&nodes).iter().sum::<usize>(), 1);
    pass(&nodes, 10 * SECOND).await;
    agent.listens(&nodes, &[1, 1]).await;
    for node in &nodes {
        agent.answers(node, "at either").await;
        let own = node.relay.instances(&agent.listening.agent.entity);
        assert_eq!(own, [InstanceId::from_bytes([9; 16])], "one process, no alarm");
    }
    assert_eq!(
        agent.listening.echo.opened.load(Ordering::SeqCst),
        2,
        "who handles requests was told of each"
    );
    let minted = agent.listening.agent.minted.load(Ordering::SeqCst);
    pass(&nodes, 10 * MINUTE).await;
    assert_eq!(agent.everywhere(&nodes), [1, 1]);
    assert_eq!(agent.listening.agent.minted.load(Ordering::SeqCst), minted, "nothing was renewed");
}

#[tokio::test]
async fn a_node_that_is_down_leaves_the_agent_reachable_at_the_other_and_is_taken_up_again() {
    let mut nodes = nodes(2).await;
    let agent = agent(&nodes, &[0, 1]);
    until(&nodes, || agent.everywhere(&nodes) == [1, 1]).await;
    stop(&mut nodes, 0).await;
    for _ in 0..5 {
        pass(&nodes, MINUTE).await;
        assert!(agent.is_connected(), "one of them is");
        agent.answers(&nodes[1], "the other one").await;
    }
    nodes[0].start().await;
    until(&nodes, || agent.everywhere(&nodes) == [1, 1]).await;
    agent.answers(&nodes[0], "back").await;
}

#[tokio::test]
async fn nodes_that_drain_one_after_the_other_never_leave_the_agent_without_a_channel() {
    let mut nodes = nodes(2).await;
    let agent = agent(&nodes, &[0, 1]);
    until(&nodes, || agent.everywhere(&nodes) == [1, 1]).await;
    for at in [0, 1, 0] {
        stop(&mut nodes, at).await;
        agent.answers(&nodes[1 - at], "while one is away").await;
        assert!(agent.is_connected());
        nodes[at].start().await;
        let took = until(&nodes, || agent.at(&nodes[at]) == 1).await;
        assert!(took < 2 * MINUTE, "its own delay and nothing else: {took:?}");
        pass(&nodes, MINUTE).await;
    }
}

#[tokio::test]
async fn both_drained_at_once_come_back_and_are_of_staggered_age_again() {
    let mut nodes = nodes(2).await;
    let agent = agent(&nodes, &[0, 1]);
    until(&nodes, || agent.everywhere(&nodes) == [1, 1]).await;
    stop(&mut nodes, 0).await;
    stop(&mut nodes, 1).await;
    eventually(|| !agent.is_connected()).await;
    nodes[0].start().await;
    nodes[1].start().await;
    until(&nodes, || agent.everywhere(&nodes) == [1, 1]).await;
    let minted = agent.listening.agent.minted.load(Ordering::SeqCst);
    let took = until(&nodes, || agent.everywhere(&nodes).iter().sum::<usize>() == 3).await;
    assert!(took > MINUTE, "the younger one is renewed, a stagger after it came: {took:?}");
    assert_eq!(agent.listening.agent.minted.load(Ordering::SeqCst), minted + 1);
    until(&nodes, || agent.everywhere(&nodes) == [1, 1]).await;
    pass(&nodes, 5 * MINUTE).await;
    assert_eq!(agent.everywhere(&nodes), [1, 1]);
    assert_eq!(agent.listening.agent.minted.load(Ordering::SeqCst), minted + 1, "once");
}

#[tokio::test]
async fn other_nodes_take_over_without_a_gap_and_what_is_in_flight_is_finished() {
    let nodes = nodes(4).await;
    let agent = agent(&nodes, &[0, 1]);
    until(&nodes, || agent.everywhere(&nodes)[..2] == [1, 1]).await;
    let entity = agent.listening.agent.entity.clone();
    let relays = [nodes[0].relay.clone(), nodes[1].relay.clone()];
    let waiting: Vec<_> = relays
        .map(|relay| {
            let entity = entity.clone();
            tokio::spawn(async move { relay.deliver(&entity, request("/wait", "w"), LATER).await })
        })
        .into_iter()
        .collect();
    agent.listening.begun(2).await;
    agent.names.send_replace(urls(&nodes, &[2, 3]));
    until(&nodes, || {
        let listens = agent.everywhere(&nodes);
        assert!(listens.iter().sum::<usize>() >= 2, "{listens:?}");
        assert!(agent.is_connected());
        listens[2..] == [1, 1]
    })
    .await;
    pass(&nodes, 6 * SECOND).await;
    assert!(agent.everywhere(&nodes)[..2].contains(&1), "a request is still in flight there");
    let echo: &Arc<Echo> = &agent.listening.echo;
    echo.gate.notify_waiters();
    for one in waiting {
        assert_eq!(one.await.unwrap().unwrap().body, "w");
    }
    agent.listens(&nodes, &[0, 0, 1, 1]).await;
    for node in &nodes[2..] {
        agent.answers(node, "here now").await;
    }
}

#[tokio::test]
async fn a_list_that_shrinks_to_one_closes_the_other_channel_in_order() {
    let nodes = nodes(2).await;
    let agent = agent(&nodes, &[0, 1]);
    until(&nodes, || agent.everywhere(&nodes) == [1, 1]).await;
    agent.names.send_replace(urls(&nodes, &[1]));
    let took = until(&nodes, || agent.everywhere(&nodes) == [0, 1]).await;
    assert!(took < MINUTE, "{took:?}");
    agent.answers(&nodes[1], "the one that is left").await;
    agent.names.send_replace(Vec::new());
    until(&nodes, || agent.everywhere(&nodes) == [1, 0]).await;
    agent.answers(&nodes[0], "home").await;
}

#[tokio::test]
async fn told_to_stop_it_finishes_what_is_in_flight_on_both_channels() {
    let nodes = nodes(2).await;
    let agent = agent(&nodes, &[0, 1]);
    until(&nodes, || agent.everywhere(&nodes) == [1, 1]).await;
    let entity = &agent.listening.agent.entity;
    let waiting = nodes.iter().map(|node| node.relay.deliver(entity, request("/wait", "w"), LATER));
    let waiting = futures_util::future::join_all(waiting);
    let stop = async {
        agent.listening.begun(2).await;
        agent.listening.stop.cancel();
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(agent.everywhere(&nodes), [1, 1], "not before they are answered");
        agent.listening.echo.gate.notify_waiters();
    };
    let (answers, ()) = tokio::join!(waiting, stop);
    assert!(answers.into_iter().all(|answer| answer.unwrap().status == 200));
    agent.listens(&nodes, &[0, 0]).await;
    eventually(|| agent.listening.task.is_finished()).await;
}

/// Asks the agent, and is answered on this channel.
async fn is_asked(world: &World, agent: &crate::world::Agent, raw: &mut Raw) {
    let delivery = world.relay.deliver(&agent.entity, request("/", ""), MINUTE);
    let listen = async {
        let asked = next_json(raw).await;
        answer(raw, &asked["request"]["id"], 204).await;
    };
    let (response, ()) = tokio::join!(delivery, listen);
    assert_eq!(response.unwrap().status, 204);
}

#[tokio::test]
async fn of_two_channels_at_one_node_the_younger_one_is_asked_unless_it_missed_a_ping() {
    let world = World::on_manual_time(Limits::default()).await;
    let agent = world.agent(1);
    let mut elder = world.raw(&agent).await;
    is_asked(&world, &agent, &mut elder).await;
    world.clock.advance(SECOND);
    let mut younger = world.raw(&agent).await;
    eventually(|| world.relay.channels(&agent.entity) == 2).await;
    assert_eq!(world.relay.instances(&agent.entity).len(), 1, "one process, no alarm");
    is_asked(&world, &agent, &mut younger).await;
    // From here on nobody reads the younger one: it is half open.
    world.clock.advance(19 * SECOND);
    answer_ping(&mut elder).await;
    world.clock.advance(4 * SECOND);
    is_asked(&world, &agent, &mut elder).await;
    world.clock.advance(16 * SECOND);
    answer_ping(&mut elder).await;
    world.clock.advance(6 * SECOND);
    assert_eq!(world.relay.channels(&agent.entity), 1, "after 45 s it does not count any more");
    is_asked(&world, &agent, &mut elder).await;
}

#[tokio::test]
async fn another_process_counts_until_its_channel_has_not_answered_pings_for_45_seconds() {
    let world = World::on_manual_time(Limits::default()).await;
    let agent = world.agent(1);
    let (ours, theirs) = (InstanceId::from_bytes([9; 16]), InstanceId::from_bytes([3; 16]));
    let mut own = world.raw(&agent).await;
    let claims = relay::token::Claims { instance: theirs, ..agent.claims() };
    let other = world.open(&listen_path(&agent.entity), Some(&agent.mint(&claims))).await.unwrap();
    eventually(|| world.relay.instances(&agent.entity) == [theirs, ours]).await;
    for _ in 0..2 {
        world.clock.advance(20 * SECOND);
        answer_ping(&mut own).await;
    }
    world.clock.advance(5 * SECOND - Duration::from_millis(1));
    assert_eq!(world.relay.instances(&agent.entity), [theirs, ours]);
    world.clock.advance(Duration::from_millis(1));
    // At that very moment, whatever its task is at.
    assert_eq!(world.relay.instances(&agent.entity), [ours]);
    drop(other);
}

/// Ends a node in good order, on time that goes on meanwhile.
async fn stop(nodes: &mut [World], at: usize) {
    let clock = Arc::clone(&nodes[at].clock);
    let hand = async {
        loop {
            tokio::time::sleep(Duration::from_millis(3)).await;
            clock.advance(Duration::from_millis(5));
        }
    };
    tokio::select! {
        () = nodes[at].stop() => {}
        () = hand => {}
    }
}
