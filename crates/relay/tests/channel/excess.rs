//! Far more than anything carries, on each of the four roads; and a rendezvous that somebody wants more
//! than once. What is beside it goes on.

use axum::body::Body;
use futures_util::{SinkExt as _, StreamExt as _};
use relay::Entity;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::senders::{answer_with, listening_at, meet, next_body, send};
use crate::sockets::met;
use crate::world::{Raw, World, answer, close_code, limits, next_json};

/// Twenty times what anything carries.
const FAR_TOO_MUCH: usize = 20 * 1024 * 1024;

async fn listening() -> (World, Entity, Raw) {
    listening_at(World::alone(limits()).await).await
}

/// Somebody sends, and the listener on this channel answers.
async fn works(world: &World, entity: &Entity, raw: &mut Raw) {
    let listen = async {
        let asked = next_json(raw).await;
        answer(raw, &asked["request"]["id"], 200).await;
    };
    let target = format!("/{entity}");
    let (answer, ()) = tokio::join!(send(world, entity, &target, ""), listen);
    assert_eq!(answer.status, 200);
}

/// Says a message of 20 MiB for as long as the other side takes it, and hears how it ends.
async fn say_far_too_much(raw: &mut Raw, message: Message) -> Option<u16> {
    let (mut sink, mut stream) = raw.split();
    let said = async {
        // It breaks off when the other side has gone.
        let _ = sink.send(message).await;
        std::future::pending::<()>().await;
    };
    let heard = async {
        loop {
            match stream.next().await {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                // Bytes that nobody read any more: the connection may be reset before the farewell.
                Some(Err(_)) | None => return None,
            }
        }
    };
    tokio::select! {
        () = said => None,
        code = heard => code,
    }
}

fn is_too_big(code: Option<u16>) -> bool {
    matches!(code, Some(1009) | None)
}

#[tokio::test]
async fn a_message_of_20_mib_on_a_channel_ends_it_and_no_other() {
    let (world, entity, mut raw) = listening().await;
    let other = world.agent(2);
    for message in
        [Message::binary(vec![b'x'; FAR_TOO_MUCH]), Message::text("x".repeat(FAR_TOO_MUCH))]
    {
        let mut loud = world.raw(&other).await;
        let code = say_far_too_much(&mut loud, message).await;
        assert!(is_too_big(code), "{code:?}");
        crate::world::eventually(|| !world.relay.is_listening(&other.entity)).await;
        works(&world, &entity, &mut raw).await;
    }
}

#[tokio::test]
async fn an_answer_of_20_mib_at_a_rendezvous_is_a_listener_lost_for_its_sender_alone() {
    let (world, entity, mut raw) = listening().await;
    let listen = async {
        let announced = next_json(&mut raw).await;
        let mut met = meet(&world, &announced).await.expect("a rendezvous");
        next_body(&mut met).await;
        let head = json!({"response": {
            "requestId": announced["request"]["id"], "statusCode": 200, "body": true,
        }});
        met.send(Message::text(head.to_string())).await.unwrap();
        let code = say_far_too_much(&mut met, Message::binary(vec![b'x'; FAR_TOO_MUCH])).await;
        assert!(is_too_big(code), "{code:?}");
    };
    let target = format!("/{entity}");
    let sent = send(&world, &entity, &target, vec![b'x'; 100_000]);
    let (answer, ()) = tokio::join!(sent, listen);
    assert_eq!(answer.status, 502);
    assert_eq!(answer.header("Relay-Error"), "listener-lost; delivered=yes");
    works(&world, &entity, &mut raw).await;
}

#[tokio::test]
async fn a_message_of_20_mib_in_a_pipe_ends_it_for_both_sides_and_no_other() {
    let (world, entity, mut raw) = listening().await;
    let (mut neighbour, mut awake) = met(&world, &entity, &mut raw).await;
    for from_listener in [false, true] {
        let (sender, listener) = met(&world, &entity, &mut raw).await;
        let (mut loud, mut quiet) =
            if from_listener { (listener, sender) } else { (sender, listener) };
        let message = Message::binary(vec![b'x'; FAR_TOO_MUCH]);
        let (code, told) =
            tokio::join!(say_far_too_much(&mut loud, message), close_code(&mut quiet));
        assert!(is_too_big(code) && told == Some(1009), "{code:?} {told:?}");
        neighbour.send(Message::text("still there")).await.unwrap();
        while awake.next().await.unwrap().unwrap() != Message::text("still there") {}
    }
}

#[tokio::test]
async fn a_body_of_20_mib_over_http_is_a_413_announced_or_not() {
    let (world, entity, mut raw) = listening().await;
    let whole = vec![b'x'; FAR_TOO_MUCH];
    let pieces: Vec<_> = whole.chunks(64 * 1024).map(<[u8]>::to_vec).collect();
    let pieces = futures_util::stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>));
    for body in [Body::from(whole.clone()), Body::from_stream(pieces)] {
        let answer = send(&world, &entity, &format!("/{entity}"), body).await;
        assert_eq!(answer.status, 413);
        works(&world, &entity, &mut raw).await;
    }
}

/// The address of the rendezvous for a large request that somebody has just begun to send.
fn address_of(announced: &Value) -> String {
    announced["request"]["address"].as_str().expect("an address").to_owned()
}

#[tokio::test]
async fn of_two_who_come_to_one_rendezvous_at_once_one_is_let_in() {
    let (world, entity, mut raw) = listening().await;
    let target = format!("/{entity}");
    for _ in 0..10 {
        let listen = async {
            let announced = next_json(&mut raw).await;
            let (one, two) = tokio::join!(meet(&world, &announced), meet(&world, &announced));
            let (mut met, refused) = match (one, two) {
                (Ok(met), Err(refused)) | (Err(refused), Ok(met)) => (met, refused),
                (one, two) => panic!("{:?} {:?}", one.err(), two.err()),
            };
            assert_eq!(refused, 403);
            next_body(&mut met).await;
            answer_with(&mut met, &announced["request"]["id"], b"yes".to_vec()).await;
            assert_eq!(close_code(&mut met).await, Some(1000));
        };
        let sent = send(&world, &entity, &target, vec![b'x'; 100_000]);
        let (answer, ()) = tokio::join!(sent, listen);
        assert_eq!((answer.status, &answer.body[..]), (201, &b"yes"[..]));
    }
}

/// Two readers of one address must not take it for two things.
#[tokio::test]
async fn of_an_id_that_stands_twice_in_an_address_the_first_one_counts() {
    let (world, entity, mut raw) = listening().await;
    let listen = async {
        let announced = next_json(&mut raw).await;
        let address = address_of(&announced);
        let (path, id) = address.split_once("sb-hc-id=").expect("an id");
        let other = "00000000-0000-4000-8000-000000000000";
        let open = async |query: String| {
            let changed = json!({"request": {"address": format!("{path}{query}")}});
            meet(&world, &changed).await
        };
        let wrong_first = format!("sb-hc-id={other}&sb-hc-id={id}");
        assert_eq!(open(wrong_first).await.err(), Some(403));
        let mut met = open(format!("sb-hc-id={id}&sb-hc-id={other}")).await.expect("a rendezvous");
        next_body(&mut met).await;
        answer_with(&mut met, &announced["request"]["id"], b"yes".to_vec()).await;
        assert_eq!(close_code(&mut met).await, Some(1000));
    };
    let target = format!("/{entity}");
    let sent = send(&world, &entity, &target, vec![b'x'; 100_000]);
    let (answer, ()) = tokio::join!(sent, listen);
    assert_eq!(answer.status, 201);
}
