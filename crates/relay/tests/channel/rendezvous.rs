//! The real listener, and what is too large for its channel.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use protocol::{Clock as _, Timestamp};
use relay::limits::{BODY_MAX, RENDEZVOUS_MAX};
use relay::token::sas;
use relay::{Status, TokenSource};
use tokio::time::timeout;

use crate::hands::Hands;
use crate::senders::send;
use crate::shared_keys::{LISTEN, address, share};
use crate::world::{Listening, SHORT, SOON, World, limits};

/// A relay that stands alone, with the real listener of an agent that shared keys may send to.
async fn listening() -> (World, Listening) {
    let world = World::alone(limits()).await;
    let agent = world.agent(1);
    let config = world.config(&agent.entity);
    let listening = world.listen_with(agent, config);
    world.listener_is_there(&listening.agent.entity).await;
    share(&world, &listening.agent.entity);
    (world, listening)
}

#[tokio::test]
async fn it_fetches_what_is_large_and_answers_there() {
    let (world, listening) = listening().await;
    let entity = &listening.agent.entity;
    for size in [1, BODY_MAX - 512, BODY_MAX, BODY_MAX + 1, RENDEZVOUS_MAX - 1_024] {
        let body = vec![b'x'; size];
        let answer = send(&world, entity, &format!("/{entity}/echo"), body.clone()).await;
        assert_eq!((answer.status, answer.body.len()), (200, size));
        assert!(answer.body == body && answer.header("Via").starts_with("1.1 "));
        assert_eq!(answer.header("X-Target"), format!("POST /{entity}/echo"));
    }
}

#[tokio::test]
async fn its_large_answers_to_small_requests_come_by_the_rendezvous() {
    let (world, listening) = listening().await;
    let entity = &listening.agent.entity;
    for (size, status) in [(BODY_MAX, 200), (BODY_MAX + 1, 200), (RENDEZVOUS_MAX, 200)] {
        let answer = send(&world, entity, &format!("/{entity}/bytes/{size}"), "").await;
        assert_eq!((answer.status, answer.body.len()), (status, size));
    }
    let target = format!("/{entity}/bytes/{}", RENDEZVOUS_MAX + 1);
    assert_eq!(send(&world, entity, &target, "").await.status, 500, "more than anything carries");
}

#[tokio::test]
async fn its_rendezvous_are_handled_side_by_side_and_a_panic_is_answered() {
    let (world, listening) = listening().await;
    let entity = &listening.agent.entity;
    let ask = |number: u8| {
        let world = &world;
        async move {
            let body = vec![number; 100_000];
            let answer = send(world, entity, &format!("/{entity}"), body.clone()).await;
            assert!(answer.status == 200 && answer.body == body, "{number}");
        }
    };
    join_all((0..8).map(ask)).await;
    let broken = send(&world, entity, &format!("/{entity}/panic"), vec![0; 100_000]).await;
    assert_eq!(broken.status, 500);
    ask(9).await;
}

/// Tokens of a shared key, good for ten minutes.
struct Shared {
    clock: Arc<Hands>,
    address: String,
}

impl TokenSource for Shared {
    fn token(&self) -> Result<(String, Timestamp), String> {
        let until = self.clock.now().after(Duration::from_secs(600));
        Ok((sas::mint(&self.address, "listen", LISTEN, until), until))
    }
}

#[tokio::test]
async fn it_listens_with_a_shared_key_where_only_such_are_known_and_renews_its_token() {
    let world = World::alone(limits()).await;
    let agent = Arc::new(world.agent(1));
    let entity = agent.entity.clone();
    world.known.forget(&entity);
    share(&world, &entity);
    let (clock, address) = (Arc::clone(&world.clock), address(&entity));
    let tokens = Arc::new(Shared { clock, address });
    let mut listening = world.listen_by(tokens, agent, world.config(&entity));
    world.listener_is_there(&entity).await;
    let opened = listening.until(|status| matches!(status, Status::Connected { .. })).await;
    for _ in 0..3 {
        // Longer than the first token holds in the end, with its grace.
        world.clock.advance(Duration::from_secs(500));
        tokio::time::sleep(SHORT).await;
        let answer = send(&world, &entity, &format!("/{entity}"), "body").await;
        assert_eq!((answer.status, &answer.body[..]), (200, &b"body"[..]));
    }
    assert_eq!(*listening.status.borrow(), opened, "the first channel");
}

#[tokio::test]
async fn when_stopped_it_finishes_what_it_fetched() {
    let (world, listening) = listening().await;
    let entity = &listening.agent.entity;
    let target = format!("/{entity}/wait");
    let stop = async {
        listening.begun(1).await;
        listening.stop.cancel();
        listening.echo.gate.notify_one();
    };
    let (answer, ()) = tokio::join!(send(&world, entity, &target, vec![7; 100_000]), stop);
    assert_eq!((answer.status, answer.body.len()), (200, 100_000));
    timeout(SOON, listening.task).await.expect("it returns").unwrap();
}
