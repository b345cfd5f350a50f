//! Who is let in where there are many, and who makes room.

use super::super::room::{OF_ONE, UNPROVED, UNPROVED_OF_ONE};
use super::*;
use crate::tunnel::TUNNELS_MAX;

#[tokio::test]
async fn one_network_has_only_so_many_tunnels_without_a_token_and_others_are_not_kept_out() {
    let world = World::new();
    let of_one_customer = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:2::3"];
    for from in of_one_customer.iter().cycle().take(UNPROVED_OF_ONE) {
        world.dig_from(from).await.unwrap();
    }
    assert_eq!(world.dig_from("2001:db8:1:2:3:4:5:6").await, Err(503));
    let neighbour = world.dig_from("2001:db8:1:3::1").await.unwrap();
    world.prove(&neighbour).await;
    for _ in 0..UNPROVED_OF_ONE {
        world.dig_from("192.0.2.1").await.unwrap();
    }
    assert_eq!(world.dig_from("::ffff:192.0.2.1").await, Err(503), "the same one");
    assert_eq!(world.receive(&neighbour, 129).await.0, 400, "it is still there");
    pass(&world, UNPROVED_TIME).await;
    world.dig_from("2001:db8:1:2::1").await.unwrap();
}

#[tokio::test]
async fn an_agent_gets_in_while_others_without_a_token_have_all_the_room_that_there_is_for_them() {
    let world = World::new();
    let mut others = Vec::new();
    for number in 0..UNPROVED {
        let network = number % (UNPROVED / UNPROVED_OF_ONE);
        others.push(world.dig_from(&format!("192.0.2.{network}")).await.unwrap());
    }
    assert_eq!(world.dig_from("192.0.2.0").await, Err(503), "that one has its share");
    let agent = world.dig_from("198.51.100.1").await.unwrap();
    assert_eq!(world.send(&others[0], 0, b"").await, 410, "the oldest makes room");
    for other in &others[1..] {
        assert_eq!(world.send(other, 0, b"").await, 204);
    }
    // Whoever comes with them goes on, however many of theirs come.
    for number in 0..UNPROVED {
        let _ = world.dig_from(&format!("192.0.2.{}", number % 9)).await;
    }
    world.prove(&agent).await;
    let open = world.tunnels.lock();
    let without = open.values().filter(|one| !one.proved.load(Ordering::SeqCst)).count();
    assert_eq!(without, UNPROVED - 1);
}

#[tokio::test]
async fn where_every_network_has_one_tunnel_without_a_token_the_oldest_makes_room() {
    let world = World::new();
    let dig = async |network: usize| world.dig_from(&format!("2001:db8:2:{network:x}::1")).await;
    let proved = dig(0xffff).await.unwrap();
    world.prove(&proved).await;
    let first = dig(0).await.unwrap();
    for network in 1..UNPROVED {
        dig(network).await.unwrap();
    }
    let agent = world.dig_from("198.51.100.1").await.unwrap();
    assert_eq!(world.send(&first, 0, b"").await, 410);
    // It has the time in which as many others come as there is room for.
    for network in UNPROVED..2 * UNPROVED - 1 {
        dig(network).await.unwrap();
    }
    world.prove(&agent).await;
    assert_eq!(world.receive(&proved, 129).await.0, 400, "it is still there");
}

#[tokio::test]
async fn nothing_is_kept_of_a_tunnel_that_made_room() {
    let world = World::new();
    let name = world.dig_from("192.0.2.1").await.unwrap();
    let tunnel = Arc::downgrade(&world.tunnels.lock()[&name]);
    for number in 1..=UNPROVED {
        world.dig_from(&format!("2001:db8:2:{number:x}::1")).await.unwrap();
    }
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(tunnel.strong_count(), 0);
}

/// Behind a balancer that speaks TCP they all come from one address.
#[tokio::test]
async fn tunnels_with_a_token_are_more_than_those_without_and_still_not_all_of_one_network() {
    let world = World::new();
    for number in 0..OF_ONE {
        let tunnel = world.dig_from("192.0.2.1").await.unwrap_or_else(|status| {
            panic!("{number}: {status}");
        });
        world.prove(&tunnel).await;
    }
    assert_eq!(world.dig_from("192.0.2.1").await, Err(503));
    world.dig_from("192.0.2.2").await.unwrap();
}

#[tokio::test]
async fn there_are_only_so_many_tunnels_at_a_time() {
    let world = World::new();
    let first = world.dig().await;
    world.prove(&first).await;
    for _ in 1..TUNNELS_MAX {
        let tunnel = world.dig().await;
        world.prove(&tunnel).await;
    }
    assert_eq!(world.ask("POST", ("", ""), b"").await.0, 503);
    assert_eq!(world.ask("DELETE", (&first, ""), b"").await.0, 204);
    world.dig().await;
}

#[tokio::test]
async fn tunnels_that_are_over_keep_nobody_out() {
    let world = World::new();
    let agent = world.dig_from("192.0.2.1").await.unwrap();
    world.prove(&agent).await;
    let mut over = Vec::new();
    for number in 1..TUNNELS_MAX {
        let tunnel = world.dig_from(&format!("192.0.2.{}", 1 + number % 2)).await.unwrap();
        world.prove_briefly(&tunnel, "/brief").await;
        over.push(tunnel);
    }
    for from in ["192.0.2.1", "192.0.2.2", "198.51.100.1"] {
        world.dig_from(from).await.unwrap_or_else(|status| panic!("{from}: {status}"));
    }
    assert_eq!(world.tunnels.lock().len(), TUNNELS_MAX);
    assert!(world.is_open(&agent), "somebody listens there");
    let gone: Vec<bool> = over.iter().take(5).map(|one| !world.is_open(one)).collect();
    assert_eq!(
        gone,
        [true, true, true, false, false],
        "the oldest, of those whose place is wanted"
    );
    // What ended without a token makes room for those of its network, too.
    for number in 0..2 * UNPROVED_OF_ONE {
        let tunnel = world.dig_from("203.0.113.1").await.unwrap_or_else(|status| {
            panic!("{number}: {status}");
        });
        let over = world.tunnels.lock()[&tunnel].over.clone();
        assert_eq!(world.send(&tunnel, 0, LAST).await, 204);
        over.cancelled().await;
    }
}

#[tokio::test]
async fn an_entity_has_no_more_tunnels_than_channels_and_a_few_that_end() {
    let world = World::new();
    let listen = async |of: &str, how: &str| {
        let (tunnel, path) = (world.dig().await, format!("/listen/{of}/{how}"));
        match how {
            "stays" => world.prove_at(&tunnel, &path).await,
            _ => world.prove_briefly(&tunnel, &path).await,
        }
        tunnel
    };
    let other = listen("b", "stays").await;
    let [first, second] = [listen("a", "stays").await, listen("a", "stays").await];
    let over = listen("a", "leaves").await;
    let third = listen("A", "stays").await;
    assert!([&first, &second, &over, &third].iter().all(|one| world.is_open(one)));
    let fourth = listen("a", "stays").await;
    assert!(!world.is_open(&over) && world.is_open(&first), "what is over goes first");
    let fifth = listen("a", "stays").await;
    assert!(!world.is_open(&first), "then the oldest");
    assert!([&other, &second, &third, &fourth, &fifth].iter().all(|one| world.is_open(one)));
}
