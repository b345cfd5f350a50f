//! Who may listen, and how the others are told.

use std::sync::atomic::Ordering;
use std::time::Duration;

use protocol::{AgentId, TenantId};
use relay::token::{Claims, Right};
use relay::{Entity, Limits};

use crate::world::{World, limits, listen_path};

#[tokio::test]
async fn each_kind_of_refusal_has_its_status() {
    let world = World::new().await;
    let (one, two) = (world.agent(1), world.agent(2));
    let path = listen_path(&one.entity);
    let good = one.mint(&one.claims());

    assert_eq!(world.open(&path, None).await.err(), Some(401), "no token");
    assert_eq!(world.open(&path, Some("x.y.z")).await.err(), Some(401), "no token of ours");
    let forged = two.mint(&one.claims());
    assert_eq!(world.open(&path, Some(&forged)).await.err(), Some(401), "another key");
    let elsewhere = two.mint(&two.claims());
    assert_eq!(world.open(&path, Some(&elsewhere)).await.err(), Some(403), "another's token");
    let send = one.mint(&Claims { right: Some(Right::Send), ..one.claims() });
    assert_eq!(world.open(&path, Some(&send)).await.err(), Some(403), "another right");
    let api = one.mint(&Claims { right: None, ..one.claims() });
    assert_eq!(world.open(&path, Some(&api)).await.err(), Some(403), "no right at all");
    let late = one.claims().not_before.before(Duration::from_secs(61));
    let expired = one.mint(&Claims { expires_at: late, ..one.claims() });
    assert_eq!(world.open(&path, Some(&expired)).await.err(), Some(401), "expired");
    let early = one.claims().not_before.after(Duration::from_secs(121));
    let future = one.mint(&Claims { not_before: early, ..one.claims() });
    assert_eq!(world.open(&path, Some(&future)).await.err(), Some(401), "not yet");

    // The agent of that number of another tenant, and somebody who names its path.
    let theirs = Entity::of(TenantId::from_bytes([2; 16]), AgentId::from_bytes([1; 16]));
    let for_theirs = one.mint(&Claims { audience: theirs.as_str().to_owned(), ..one.claims() });
    for whether_it_is_there in [false, true] {
        if whether_it_is_there {
            world.known.keys.lock().unwrap().insert(theirs.clone(), vec![[9; 32]]);
        }
        let path = listen_path(&theirs);
        assert_eq!(world.open(&path, Some(&good)).await.err(), Some(403), "another tenant's");
        assert_eq!(world.open(&path, Some(&for_theirs)).await.err(), Some(401), "named by us");
    }
    world.known.forget(&two.entity);
    let unknown = listen_path(&two.entity);
    // Nobody can say any more whose token it is.
    assert_eq!(world.open(&unknown, Some(&elsewhere)).await.err(), Some(401), "unknown entity");
    assert_eq!(world.open(&unknown, Some(&good)).await.err(), Some(403), "as if it were there");
    let connect = path.replace("listen", "connect");
    assert_eq!(world.open(&connect, Some(&good)).await.err(), Some(400), "another action");
    let bare = format!("/$hc/{}", one.entity);
    assert_eq!(world.open(&bare, Some(&good)).await.err(), Some(400), "no action");
    assert!(!world.relay.is_listening(&one.entity));
    assert!(world.open(&path, Some(&good)).await.is_ok());
}

#[tokio::test]
async fn a_token_may_come_in_the_query_with_or_without_its_scheme_and_the_header_goes_first() {
    let world = World::new().await;
    let agent = world.agent(1);
    let good = agent.mint(&agent.claims());
    let path = listen_path(&agent.entity);
    let with_query = format!("{path}&sb-hc-token=Bearer%20{good}");
    assert!(world.open(&with_query, None).await.is_ok());
    assert!(world.open(&path, Some(&format!("bearer {good}"))).await.is_ok());
    assert_eq!(world.open(&with_query, Some("bad")).await.err(), Some(401));
}

#[tokio::test]
async fn a_path_matches_in_any_case() {
    let world = World::new().await;
    let agent = world.agent(0xab);
    let upper = Claims { audience: agent.entity.as_str().to_uppercase(), ..agent.claims() };
    let path = format!("/$hc/{}?sb-hc-action=listen", agent.entity.as_str().to_uppercase());
    let raw = world.open(&path, Some(&agent.mint(&upper))).await;
    assert!(raw.is_ok());
    world.listener_is_there(&agent.entity).await;
}

#[tokio::test]
async fn what_may_pass_is_503_because_a_404_is_for_ever() {
    let world = World::with(Limits { listeners_per_entity: 2, ..limits() }).await;
    let agent = world.agent(1);
    let path = listen_path(&agent.entity);
    let token = agent.mint(&agent.claims());

    world.known.broken.store(true, Ordering::SeqCst);
    assert_eq!(world.open(&path, Some(&token)).await.err(), Some(503), "authority away");
    world.known.broken.store(false, Ordering::SeqCst);

    let _one = world.open(&path, Some(&token)).await.unwrap();
    let two = world.open(&path, Some(&token)).await.unwrap();
    assert_eq!(world.open(&path, Some(&token)).await.err(), Some(503), "full");
    drop(two);
    let mut again = world.open(&path, Some(&token)).await;
    while again.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
        again = world.open(&path, Some(&token)).await;
    }

    drop(again);
    world.relay.drain().await;
    assert_eq!(world.open(&path, Some(&token)).await.err(), Some(503), "draining");
}

#[tokio::test]
async fn a_listener_may_listen_below_its_entity() {
    let world = World::new().await;
    let agent = world.agent(1);
    let token = agent.mint(&agent.claims());
    let below = format!("/$hc/{}/More/of%20it?sb-hc-action=listen", agent.entity);
    let _raw = world.open(&below, Some(&token)).await.unwrap();
    world.listener_is_there(&agent.entity).await;
    let beside = format!("/$hc/{}s?sb-hc-action=listen", agent.entity);
    assert_eq!(world.open(&beside, Some(&token)).await.err(), Some(403));
}

#[tokio::test]
async fn paths_that_cannot_be_entities_are_refused_as_others_are() {
    let world = World::new().await;
    let agent = world.agent(1);
    let token = agent.mint(&agent.claims());
    for path in ["a%2f..%2fb", "a//b", "%00", "t/x y".replace(' ', "%20").as_str()] {
        let path = format!("/$hc/{path}?sb-hc-action=listen");
        assert_eq!(world.open(&path, Some(&token)).await.err(), Some(403), "{path}");
    }
}

#[tokio::test]
async fn a_revocation_in_the_middle_of_a_handshake_leaves_no_channel() {
    let world = World::new().await;
    let agent = world.agent(1);
    let token = agent.mint(&agent.claims());
    // Revoked right after the relay has looked for the entity and then at its keys: there is no
    // channel to cut yet.
    world.known.forget_after.store(2, Ordering::SeqCst);
    let opened = world.open(&listen_path(&agent.entity), Some(&token)).await;
    assert_eq!(opened.err(), Some(404));
    assert!(!world.relay.is_listening(&agent.entity));
}

/// What comes of a request by hand: its head and its body, in one text.
async fn said(world: &World, request: &str) -> String {
    let rest = "HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    world.said(format!("{request} {rest}").as_bytes()).await
}

#[tokio::test]
async fn a_relay_that_drains_says_so_and_opens_no_tunnel() {
    for world in [World::new().await, World::alone(limits()).await] {
        let serving = said(&world, "GET /$health").await;
        assert!(serving.starts_with("http/1.1 200") && serving.ends_with("\r\n\r\nserving\n"));
        assert!(serving.contains("cache-control: no-store"), "{serving}");
        assert!(said(&world, "POST /$tunnel").await.starts_with("http/1.1 201"));
        world.relay.drain().await;
        let draining = said(&world, "GET /$health").await;
        assert!(draining.starts_with("http/1.1 503"), "{draining}");
        assert!(draining.contains("retry-after: 5\r\n") && draining.ends_with("draining\n"));
        let refused = said(&world, "POST /$tunnel").await;
        assert!(refused.starts_with("http/1.1 503") && refused.contains("retry-after: 5\r\n"));
    }
}
