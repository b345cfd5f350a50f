//! Listeners with tokens of shared keys, as published clients have them.

use std::time::Duration;

use futures_util::SinkExt as _;
use protocol::Clock as _;
use relay::Entity;
use relay::token::Right;
use relay::token::sas::{self, Rule};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::senders::send_as;
use crate::world::{World, close_code, eventually, limits, listen_path};

pub(crate) const LISTEN: &str = "the key of listeners";
const OLD: &str = "the key that listeners had before";
pub(crate) const SEND: &str = "the key of senders";

/// An entity that shared keys open.
pub(crate) fn shared(world: &World) -> Entity {
    let entity = Entity::parse("tenants/t1/writeback").unwrap();
    share(world, &entity);
    entity
}

/// Opens an entity to shared keys.
pub(crate) fn share(world: &World, entity: &Entity) {
    let key = |text: &str| text.to_owned().into();
    let rules = vec![
        Rule::new("listen", key(LISTEN), Some(key(OLD)), vec![Right::Listen]),
        Rule::new("send", key(SEND), None, vec![Right::Send]),
    ];
    world.known.everywhere.lock().unwrap().clone_from(&rules);
    world.known.shared.lock().unwrap().insert(entity.clone(), rules);
}

pub(crate) fn address(entity: &Entity) -> String {
    format!("http://127.0.0.1/{entity}")
}

/// A token of the rule `listen` or `send` for `address`, good for so many seconds.
pub(crate) fn token(world: &World, address: &str, rule: &str, seconds: u64) -> String {
    let key = if rule == "send" { SEND } else { LISTEN };
    sas::mint(address, rule, key, world.clock.now().after(Duration::from_secs(seconds)))
}

#[tokio::test]
async fn each_kind_of_refusal_has_its_status_for_shared_keys_too() {
    let world = World::new().await;
    let entity = shared(&world);
    let path = listen_path(&entity);
    let hour = world.clock.now().after(Duration::from_secs(3_600));
    let here = address(&entity);
    let status = async |token: &str| world.open(&path, Some(token)).await.err();

    assert_eq!(status(&token(&world, &here, "listen", 3_600)).await, None);
    assert_eq!(status(&sas::mint(&here, "listen", OLD, hour)).await, None, "rolled over");
    let parent = "sb://127.0.0.1:5671/Tenants/T1/";
    assert_eq!(status(&token(&world, parent, "listen", 3_600)).await, None, "a parent");

    assert_eq!(status("SharedAccessSignature sr=x").await, Some(401), "malformed");
    assert_eq!(status(&sas::mint(&here, "listen", SEND, hour)).await, Some(401), "another's key");
    assert_eq!(status(&sas::mint(&here, "nobody", LISTEN, hour)).await, Some(401), "no such rule");
    assert_eq!(status(&token(&world, &here, "listen", 0)).await, Some(401), "expired");
    assert_eq!(status(&token(&world, &here, "send", 3_600)).await, Some(403), "another right");
    let beside = format!("{here}-2");
    assert_eq!(status(&token(&world, &beside, "listen", 3_600)).await, Some(403), "another path");
    let other = here.replace("127.0.0.1", "127.0.0.2");
    assert_eq!(status(&token(&world, &other, "listen", 3_600)).await, Some(403), "another host");
}

#[tokio::test]
async fn whoever_has_no_token_for_a_path_does_not_learn_what_is_there() {
    let world = World::alone(limits()).await;
    let entity = shared(&world);
    let hour = world.clock.now().after(Duration::from_secs(3_600));
    let everywhere = "http://127.0.0.1/";
    for right in ["listen", "connect"] {
        let (mine, other) = if right == "listen" { ("listen", "send") } else { ("send", "listen") };
        let path = |entity: &str| format!("/$hc/{entity}?sb-hc-action={right}");
        let status =
            async |entity: &str, token: Option<&str>| world.open(&path(entity), token).await.err();
        let stranger = format!("Bearer {}", world.agent(1).mint(&world.agent(1).claims()));
        for (token, refused) in [
            (None, 401),
            (Some("SharedAccessSignature sr=x".to_owned()), 401),
            (Some(sas::mint(everywhere, mine, "a guess", hour)), 401),
            (Some(sas::mint(everywhere, "nobody", LISTEN, hour)), 401),
            (Some(token(&world, everywhere, mine, 0)), 401),
            (Some("Bearer x.y.z".to_owned()), 401),
            (Some(token(&world, everywhere, other, 3_600)), 403),
            (Some(token(&world, "http://127.0.0.1/elsewhere", mine, 3_600)), 403),
            (Some(token(&world, "http://127.0.0.2/", mine, 3_600)), 403),
            (Some(stranger), 403),
        ] {
            let token = token.as_deref();
            for place in [entity.as_str(), "tenants/t2", "a//b", "%00"] {
                assert_eq!(status(place, token).await, Some(refused), "{right} {place} {token:?}");
            }
        }
        let good = token(&world, everywhere, mine, 3_600);
        for place in ["tenants/t2", "a//b"] {
            assert_eq!(status(place, Some(&good)).await, Some(404), "{right} {place}");
        }
    }
}

/// A token is for a host; which one a request was sent to, its sender says.
#[tokio::test]
async fn a_token_that_was_made_for_another_relay_opens_nothing_where_the_own_names_are_known() {
    let world = World::alone(limits()).await;
    let entity = shared(&world);
    let path = format!("/{entity}");
    let elsewhere = format!("http://other.example.org/{entity}");
    let everywhere = "http://other.example.org";
    let status = async |host: &str, path: &str, address: &str| {
        let token = token(&world, address, "send", 3_600);
        let headers = [("Host", host), ("ServiceBusAuthorization", token.as_str())];
        send_as(&world, path, &headers, "").await.status
    };
    let other = "other.example.org:9443";
    // 404: nobody listens, or there is no such entity; the token is good.
    assert_eq!(status(other, &path, &elsewhere).await, 404, "no names are known");
    assert_eq!(status(other, "/nobody", everywhere).await, 404);
    let names = ["Relay.Example.org", "127.0.0.1"].map(str::to_owned).to_vec();
    world.known.names.set(names).unwrap();
    assert_eq!(status(other, &path, &elsewhere).await, 403);
    assert_eq!(status(other, "/nobody", everywhere).await, 403);
    let here = format!("http://relay.example.org/{entity}");
    assert_eq!(status("relay.example.org", &path, &here).await, 404);
    assert_eq!(status("RELAY.example.org:1", &path, &here).await, 404);
    assert_eq!(status("127.0.0.1:1", &path, &address(&entity)).await, 404);
}

#[tokio::test]
async fn where_only_agents_keys_are_known_a_shared_key_opens_nothing() {
    let world = World::new().await;
    let agent = world.agent(1);
    let token = token(&world, &address(&agent.entity), "listen", 3_600);
    assert_eq!(world.open(&listen_path(&agent.entity), Some(&token)).await.err(), Some(401));
}

#[tokio::test]
async fn a_channel_lives_on_with_a_renewed_token_and_ends_with_a_bad_one() {
    let world = World::new().await;
    let entity = shared(&world);
    let good = |seconds| token(&world, &address(&entity), "listen", seconds);
    let mut raw = world.open(&listen_path(&entity), Some(&good(60))).await.unwrap();
    world.listener_is_there(&entity).await;
    let renew = |token: String| Message::text(json!({"renewToken": {"token": token}}).to_string());
    raw.send(renew(good(600))).await.unwrap();
    // Its pong shows that the relay has read what came before it.
    raw.send(Message::Ping("read?".into())).await.unwrap();
    while !matches!(futures_util::StreamExt::next(&mut raw).await, Some(Ok(Message::Pong(_)))) {}
    world.clock.advance(Duration::from_secs(300));
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert!(world.relay.is_listening(&entity), "the first token and its grace are long over");
    raw.send(renew(token(&world, &address(&entity), "send", 600))).await.unwrap();
    assert_eq!(close_code(&mut raw).await, Some(1008));
    eventually(|| !world.relay.is_listening(&entity)).await;
}

#[tokio::test]
async fn a_channel_outlives_its_token_by_the_grace_and_no_more() {
    let world = World::new().await;
    let entity = shared(&world);
    let token = token(&world, &address(&entity), "listen", 60);
    let mut raw = world.open(&listen_path(&entity), Some(&token)).await.unwrap();
    world.listener_is_there(&entity).await;
    world.clock.advance(Duration::from_secs(119));
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert!(world.relay.is_listening(&entity));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(close_code(&mut raw).await, Some(1008));
}
