//! Fresh tokens on an open channel that come far too often, on time that is the test's.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use relay::token::Claims;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::world::{
    Agent, Raw, SOON, World, answer, close_code, eventually, limits, next_json, request,
};

async fn renew(raw: &mut Raw, token: String) {
    let renewal = json!({"renewToken": {"token": token}});
    raw.send(Message::text(renewal.to_string())).await.unwrap();
}

/// Waits until the relay has read all that was said, and has come to rest.
async fn is_read(world: &World, agent: &Agent, raw: &mut Raw) {
    let delivery = world.relay.deliver(&agent.entity, request("/", ""), SOON);
    let listen = async {
        let asked = next_json(raw).await;
        answer(raw, &asked["request"]["id"], 200).await;
    };
    assert_eq!(tokio::join!(delivery, listen).0.unwrap().status, 200);
    eventually(|| world.clock.until_next() == Some(limits().ping)).await;
}

/// Lets so much time pass, and waits for the ping that follows.
async fn pinged_after(world: &World, raw: &mut Raw, time: Duration) {
    world.clock.advance(time);
    while !matches!(raw.next().await.unwrap().unwrap(), Message::Ping(_)) {}
    eventually(|| world.clock.until_next().is_some_and(|next| next <= limits().ping)).await;
}

#[tokio::test]
async fn of_many_renewals_in_one_second_the_first_is_judged_at_once_and_the_newest_later() {
    let world = World::on_manual_time(limits()).await;
    let agent = world.agent(1);
    let mut raw = world.raw(&agent).await;
    is_read(&world, &agent, &mut raw).await;
    let asked = || world.known.asked.load(Ordering::SeqCst);
    let (before, now) = (asked(), agent.claims().not_before);
    let until = |seconds| {
        agent
            .mint(&Claims { expires_at: now.after(Duration::from_secs(seconds)), ..agent.claims() })
    };
    for seconds in 100..150 {
        renew(&mut raw, until(seconds)).await;
    }
    renew(&mut raw, until(500)).await;
    is_read(&world, &agent, &mut raw).await;
    assert_eq!(asked(), before + 1);
    pinged_after(&world, &mut raw, limits().ping).await;
    assert_eq!(asked(), before + 2);
    // By the others it would have ended.
    pinged_after(&world, &mut raw, Duration::from_secs(250)).await;
    assert_eq!(asked(), before + 2);
    renew(&mut raw, until(550)).await;
    is_read(&world, &agent, &mut raw).await;
    assert_eq!(asked(), before + 3, "after a second they are judged at once again");
}

#[tokio::test]
async fn a_bad_renewal_right_after_a_good_one_ends_the_channel_with_the_next_ping() {
    let world = World::on_manual_time(limits()).await;
    let (agent, other) = (world.agent(1), world.agent(2));
    let mut raw = world.raw(&agent).await;
    renew(&mut raw, agent.mint(&agent.claims())).await;
    renew(&mut raw, other.mint(&other.claims())).await;
    is_read(&world, &agent, &mut raw).await;
    world.clock.advance(limits().ping);
    assert_eq!(close_code(&mut raw).await, Some(1008));
}
