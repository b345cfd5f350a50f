//! What one sender that may send can make the relay hold, and that others do not notice it.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use relay::limits::RENDEZVOUS_MAX;
use relay::{Entity, Limits};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;

use crate::senders::{Answer, answer_with, listening_at, meet, send};
use crate::shared_keys::{address, share, token};
use crate::sockets::met;
use crate::world::{Raw, World, answer, eventually, limits, listen_path, next_json};

type Sender = TlsStream<TcpStream>;

const MIB: usize = 1024 * 1024;
const BUSY: (u16, &str) = (503, "busy; delivered=no");

/// Limits at which no listener by hand is cut because it does not read all the time.
fn patient() -> Limits {
    let quiet = Duration::from_secs(100_000);
    Limits { ping: quiet, silence: quiet, ..limits() }
}

/// Another tenant's entity, with its listener.
async fn neighbour(world: &World) -> (Entity, Raw) {
    let entity = Entity::parse("tenants/t2/writeback").unwrap();
    share(world, &entity);
    let token = token(world, &address(&entity), "listen", 3_600);
    let raw = world.open(&listen_path(&entity), Some(&token)).await.expect("a channel");
    world.listener_is_there(&entity).await;
    (entity, raw)
}

fn said(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.header("Relay-Error"))
}

/// One request that its listener answers.
async fn served(world: &World, entity: &Entity, raw: &mut Raw) {
    let listen = async {
        let asked = next_json(raw).await;
        answer(raw, &asked["request"]["id"], 204).await;
    };
    let target = format!("/{entity}");
    let (answer, ()) = tokio::join!(send(world, entity, &target, ""), listen);
    assert_eq!(answer.status, 204);
}

/// A sender by hand whose request begins like this.
async fn begun(world: &World, entity: &Entity, length: &str, body: &[u8]) -> Sender {
    let mut stream = world.connection().await;
    let token = token(world, &address(entity), "send", 3_600);
    let head = format!(
        "POST /{entity} HTTP/1.1\r\nHost: {}\r\nServiceBusAuthorization: {token}\r\n{length}\r\n\r\n",
        world.address
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    stream
}

/// The status that such a sender is told.
async fn status(sender: &mut Sender) -> String {
    let mut said = [0; 12];
    sender.read_exact(&mut said).await.unwrap();
    String::from_utf8_lossy(&said[9..]).into_owned()
}

#[tokio::test]
async fn an_entity_has_so_many_requests_under_way_and_the_next_hears_busy_at_once() {
    let world = World::alone(Limits { requests_per_entity: 2, ..patient() }).await;
    let (world, entity, mut raw) = listening_at(world).await;
    let (other, mut others) = neighbour(&world).await;
    let target = format!("/{entity}");
    let first = send(&world, &entity, &target, "");
    let second = send(&world, &entity, &target, "");
    let story = async {
        let asked = [next_json(&mut raw).await, next_json(&mut raw).await];
        let third = send(&world, &entity, &target, "").await;
        assert_eq!((said(&third), third.header("Retry-After")), (BUSY, "5"));
        served(&world, &other, &mut others).await;
        for one in asked {
            answer(&mut raw, &one["request"]["id"], 204).await;
        }
    };
    let (first, second, ()) = tokio::join!(first, second, story);
    assert_eq!((first.status, second.status), (204, 204));
    served(&world, &entity, &mut raw).await;
}

#[tokio::test]
async fn requests_of_one_entity_take_turns_and_wait_for_a_moment_at_most() {
    let limits = Limits { turns_per_entity: 1, ..patient() };
    let (world, entity, mut raw) = listening_at(World::alone_on_manual_time(limits).await).await;
    let (other, mut others) = neighbour(&world).await;
    let (target, moment) = (format!("/{entity}"), Duration::from_millis(50));
    let story = async {
        let first = next_json(&mut raw).await;
        eventually(|| world.clock.until_next() == Some(moment)).await;
        served(&world, &other, &mut others).await;
        // The next one's turn is when the first is answered, or when its moment is over.
        answer(&mut raw, &first["request"]["id"], 204).await;
        let second = next_json(&mut raw).await;
        eventually(|| world.clock.until_next() == Some(moment)).await;
        world.clock.advance(moment);
        let third = next_json(&mut raw).await;
        for one in [second, third] {
            answer(&mut raw, &one["request"]["id"], 204).await;
        }
    };
    let ask = || send(&world, &entity, &target, "");
    let (one, two, three, ()) = tokio::join!(ask(), ask(), ask(), story);
    assert_eq!([one.status, two.status, three.status], [204; 3]);
}

#[tokio::test]
async fn where_64_requests_of_one_entity_wait_another_ones_is_written_before_the_17th_of_theirs() {
    const FLOOD: usize = 64;
    let (limits, turns) = (patient(), Limits::default().turns_per_entity);
    assert_eq!((limits.turns_per_entity, turns), (16, 16), "as it is shipped");
    let moment = limits.turn;
    let (world, entity, mut raw) = listening_at(World::alone_on_manual_time(limits).await).await;
    let (other, mut others) = neighbour(&world).await;
    let target = format!("/{entity}");
    let flood = join_all((0..FLOOD).map(|_| send(&world, &entity, &target, "")));
    let story = async {
        // Nobody has answered, and no time has passed: whoever has no turn waits for one.
        eventually(|| world.clock.begun(moment) == FLOOD - turns).await;
        served(&world, &other, &mut others).await;
        let mut asked = Vec::new();
        while asked.len() < turns {
            asked.push(next_json(&mut raw).await);
        }
        served(&world, &other, &mut others).await;
        assert!(raw.next().now_or_never().is_none(), "the 17th is not written yet");
        world.clock.advance(moment);
        while asked.len() < FLOOD {
            asked.push(next_json(&mut raw).await);
        }
        for one in asked {
            answer(&mut raw, &one["request"]["id"], 204).await;
        }
    };
    let (flood, ()) = tokio::join!(flood, story);
    assert!(flood.iter().all(|answer| answer.status == 204));
}

#[tokio::test]
async fn all_entities_together_have_so_many_requests_under_way() {
    let world = World::alone(Limits { requests: 1, ..patient() }).await;
    let (world, entity, mut raw) = listening_at(world).await;
    let (other, mut others) = neighbour(&world).await;
    let (target, beside) = (format!("/{entity}"), format!("/{other}"));
    let story = async {
        let asked = next_json(&mut raw).await;
        assert_eq!(said(&send(&world, &other, &beside, "").await), BUSY);
        answer(&mut raw, &asked["request"]["id"], 204).await;
    };
    let (answer, ()) = tokio::join!(send(&world, &entity, &target, ""), story);
    assert_eq!(answer.status, 204);
    served(&world, &other, &mut others).await;
}

#[tokio::test]
async fn a_body_that_comes_slowly_holds_its_entitys_room_for_a_minute_and_nobody_elses() {
    let limits = Limits { bytes_per_entity: RENDEZVOUS_MAX + 16 * 1024, ..patient() };
    let (world, entity, mut raw) = listening_at(World::alone_on_manual_time(limits).await).await;
    let (other, mut others) = neighbour(&world).await;
    let target = format!("/{entity}");
    let mut slow = begun(&world, &entity, "Content-Length: 1040000", b"slow").await;
    let minute = Duration::from_secs(60);
    eventually(|| world.clock.until_next() == Some(minute)).await;
    let large = || send(&world, &entity, &target, vec![b'x'; 100_000]);
    assert_eq!(said(&large().await), BUSY);
    served(&world, &other, &mut others).await;
    world.clock.advance(minute);
    assert_eq!(status(&mut slow).await, "408");
    let listen = async {
        let asked = next_json(&mut raw).await;
        let mut met = meet(&world, &asked).await.expect("a rendezvous");
        answer(&mut met, &asked["request"]["id"], 204).await;
    };
    let (answer, ()) = tokio::join!(large(), listen);
    assert_eq!(answer.status, 204);
}

#[tokio::test]
async fn a_sender_that_never_ends_is_told_when_it_is_enough_and_holds_nothing() {
    let limits = Limits { bytes_per_entity: 2 * MIB, ..patient() };
    let (world, entity, mut raw) = listening_at(World::alone(limits).await).await;
    let chunk = [b"4000\r\n".as_slice(), &[b'x'; 0x4000], b"\r\n"].concat();
    for _ in 0..10 {
        let chunks = chunk.repeat(RENDEZVOUS_MAX / 0x4000 + 1);
        let mut endless = begun(&world, &entity, "Transfer-Encoding: chunked", &chunks).await;
        assert_eq!(status(&mut endless).await, "413");
    }
    let mut twenty = begun(&world, &entity, "Content-Length: 20971520", b"").await;
    assert_eq!(status(&mut twenty).await, "413");
    served(&world, &entity, &mut raw).await;
}

#[tokio::test]
async fn a_listener_whose_answers_do_not_end_fills_its_own_entitys_room_only() {
    // For two of the largest answers, and for requests.
    let limits = Limits { bytes_per_entity: 2 * MIB + 16 * 1024, ..patient() };
    let (world, entity, mut raw) = listening_at(World::alone(limits).await).await;
    let (other, mut others) = neighbour(&world).await;
    let target = format!("/{entity}");
    let ask = || send(&world, &entity, &target, "");
    let story = async {
        let mut begun = Vec::new();
        for number in 0..3 {
            let asked = next_json(&mut raw).await;
            let mut met = meet(&world, &asked).await.expect("a rendezvous");
            let id = asked["request"]["id"].clone();
            if number < 2 {
                let head = json!({"response": {"requestId": id, "statusCode": 200, "body": true}});
                met.send(Message::text(head.to_string())).await.unwrap();
                // Its pong shows that the relay reads here.
                met.send(Message::Ping(Bytes::from_static(b"read?"))).await.unwrap();
                while !matches!(met.next().await, Some(Ok(Message::Pong(_)))) {}
            } else {
                answer_with(&mut met, &id, vec![b'y'; 100_000]).await;
            }
            begun.push(met);
        }
        served(&world, &other, &mut others).await;
        begun
    };
    let (first, second, third) = (ask(), ask(), ask());
    tokio::pin!(first, second, third, story);
    let mut begun = tokio::select! {
        _ = &mut first => panic!("it has not ended"),
        _ = &mut second => panic!("it has not ended"),
        answer = &mut third => panic!("there is no room for it: {}", answer.status),
        begun = &mut story => begun,
    };
    // Which of the requests the listener took first is open: all of them are answered.
    begun[0].send(Message::binary("the end")).await.unwrap();
    let end_of_two = async {
        begun[1].send(Message::binary("the end")).await.unwrap();
    };
    let (one, two, three, ()) = tokio::join!(first, second, third, end_of_two);
    let mut sizes = [one.body.len(), two.body.len(), three.body.len()];
    sizes.sort_unstable();
    assert_eq!(sizes, [7, 7, 100_000]);
}

#[tokio::test]
async fn an_entity_has_so_many_web_sockets_of_senders() {
    let world = World::alone(Limits { sockets_per_entity: 1, ..patient() }).await;
    let (world, entity, mut raw) = listening_at(world).await;
    let (other, mut others) = neighbour(&world).await;
    let first = met(&world, &entity, &mut raw).await;
    let path = format!("/$hc/{entity}?sb-hc-action=connect");
    let send = token(&world, &address(&entity), "send", 3_600);
    assert_eq!(world.open(&path, Some(&send)).await.err(), Some(503));
    let beside = met(&world, &other, &mut others).await;
    drop(first);
    let again = async {
        loop {
            if let Ok(socket) = world.open(&path, Some(&send)).await {
                break socket;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let listen = async {
        let asked = next_json(&mut raw).await;
        let at = asked["accept"]["address"].as_str().unwrap().to_owned();
        let path = at.strip_prefix(&format!("wss://{}", world.address)).unwrap();
        world.open(path, None).await.unwrap()
    };
    let _both = tokio::join!(again, listen);
    drop(beside);
}
