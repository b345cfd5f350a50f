//! Messages that the protocol does not have, a thousand or as many as `PASSBACK_MALFORMED_MESSAGES` says, each
//! of which ends its channel and nothing else: nothing panics, and memory does not grow.

use bytes::Bytes;
use futures_util::SinkExt as _;
use protocol::Randomness as _;
use relay::limits::{BODY_MAX, MESSAGE_MAX};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::world::{Counted, SOON, World, close_code, request};

/// How many there are, and after how many everything is warm, or whoever waits hears how far it is.
const ALL: usize = 1_000;
const WARM: usize = 200;
/// By so much memory may grow from then on, in bytes.
const GROWTH: usize = 16 << 20;

/// A message, and the code with which it ends a channel.
fn malformed(kind: usize, noise: &str) -> (Message, u16) {
    // An answer as it should be, to nothing.
    let good = json!({ "response": {
        "requestId": "9524df81-d347-426c-bc83-d47e9b56b1ea",
        "statusCode": 200,
        "responseHeaders": { "x-noise": noise },
        "body": false,
    }})
    .to_string();
    let text = |text: String| (Message::text(text), 1002);
    match kind {
        0 => (Message::Binary(Bytes::copy_from_slice(noise.as_bytes())), 1002),
        1 => text(noise.to_owned()),
        2 => text(good[..good.len() / 2].to_owned()),
        3 => text(good.replace("\"9524df81-d347-426c-bc83-d47e9b56b1ea\"", "7")),
        4 => text(good.replace("\"body\":false", "\"body\":99999999999999999999")),
        5 => text(good.replace("\"body\":false", "\"body\":\"no\"")),
        6 => text(format!("[{good}]")),
        7 => text(good.replace("}}", "},\"renewToken\":{\"token\":\"t\"}}")),
        8 => text(format!("{{\"response\":{}", "[".repeat(MESSAGE_MAX / 2))),
        9 => text(good.replace("x-noise", "\\ud800")),
        10 => (Message::text(" ".repeat(MESSAGE_MAX + 1)), 1009),
        11 => (Message::Binary(Bytes::from(vec![b'{'; BODY_MAX + 1])), 1002),
        _ => text("{\"renewToken\":\"t\"}".to_owned()),
    }
}
const KINDS: usize = 13;

/// The memory of this process, in bytes.
fn resident() -> usize {
    let said = std::fs::read_to_string("/proc/self/statm").unwrap();
    said.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

/// How many are sent.
fn wanted() -> usize {
    #[expect(clippy::disallowed_methods, reason = "`cargo xtask soak` asks for more of the same")]
    let wanted = std::env::var("PASSBACK_MALFORMED_MESSAGES");
    wanted.map_or(ALL, |wanted| wanted.parse().expect("PASSBACK_MALFORMED_MESSAGES is a number"))
}

#[tokio::test]
async fn malformed_messages_end_a_channel_each_and_nothing_grows() {
    let (world, all) = (World::new().await, wanted());
    assert!(all > WARM, "{all} say nothing about growth");
    let (agent, noise) = (world.agent(2), Counted::default());
    let mut warm = 0;
    for number in 0..all {
        let mut bytes = [0; 48];
        noise.fill(&mut bytes);
        // Never a command: the first one is a letter.
        let noise: String = bytes.iter().map(|byte| char::from(b'a' + byte % 26)).collect();
        let (message, code) = malformed(number % KINDS, &noise);
        let mut raw = world.raw(&agent).await;
        // It may be cut off before it has said all of it.
        let _ = raw.send(message).await;
        let told = close_code(&mut raw).await;
        assert_eq!(told, Some(code), "number {number}, kind {}", number % KINDS);
        if number == WARM {
            warm = resident();
        }
        if (number + 1).is_multiple_of(WARM) {
            println!("malformed messages: inputs before {} of {all} are done", number + 1);
        }
    }
    let grown = resident().saturating_sub(warm);
    assert!(grown < GROWTH, "{grown} bytes more than after {WARM}");
    // Everybody else is served as ever.
    let listening = world.listening().await;
    let response = world.relay.deliver(&listening.agent.entity, request("/", "x"), SOON).await;
    assert_eq!(response.unwrap().body, "x");
}
