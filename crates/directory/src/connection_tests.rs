use std::time::Duration;

use bytes::BytesMut;
use ldap3_proto::proto::{LdapResult, LdapResultCode};
use tokio::io::{AsyncReadExt as _, DuplexStream};
use tokio::time::timeout;
use tokio_util::codec::{Decoder as _, Encoder as _};

use super::*;

/// The controller's end of the stream.
struct Far {
    stream: DuplexStream,
    buffer: BytesMut,
}

impl Far {
    async fn receive(&mut self) -> Option<LdapMsg> {
        loop {
            if let Some(message) = wire::codec().decode(&mut self.buffer).unwrap() {
                return Some(message);
            }
            if self.stream.read_buf(&mut self.buffer).await.unwrap() == 0 {
                return None;
            }
        }
    }

    async fn send(&mut self, id: i32, op: LdapOp) {
        let mut buffer = BytesMut::new();
        wire::codec().encode(LdapMsg::new(id, op), &mut buffer).unwrap();
        self.stream.write_all(&buffer).await.unwrap();
    }
}

fn pair(buffer: usize) -> (Connection, Far) {
    let (near, far) = tokio::io::duplex(buffer);
    (Connection::over(near), Far { stream: far, buffer: BytesMut::new() })
}

fn result(message: &str) -> LdapResult {
    LdapResult {
        code: LdapResultCode::Success,
        matcheddn: String::new(),
        message: message.to_owned(),
        referral: Vec::new(),
    }
}

fn request(connection: &Connection) -> Flight {
    connection
        .start(|id| wire::plain(id, LdapOp::DelRequest("CN=x".to_owned()), Vec::new()))
        .unwrap()
}

async fn said(flight: &mut Flight) -> String {
    match flight.next().await.unwrap().op {
        LdapOp::DelResponse(result) => result.message,
        LdapOp::ExtendedResponse(response) => response.res.message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn answers_in_another_order_reach_who_asked() {
    let (connection, mut far) = pair(4_096);
    let (mut first, mut second) = (request(&connection), request(&connection));
    let (one, two) = (far.receive().await.unwrap().msgid, far.receive().await.unwrap().msgid);
    far.send(two, LdapOp::DelResponse(result("second"))).await;
    far.send(one, LdapOp::DelResponse(result("first"))).await;
    assert_eq!(said(&mut first).await, "first");
    assert_eq!(said(&mut second).await, "second");
}

#[tokio::test]
async fn an_extended_answer_to_another_request_is_taken_by_its_id() {
    let (connection, mut far) = pair(4_096);
    let mut flight = request(&connection);
    let id = far.receive().await.unwrap().msgid;
    let response = LdapExtendedResponse { res: result("unknown control"), name: None, value: None };
    far.send(id, LdapOp::ExtendedResponse(response)).await;
    assert_eq!(said(&mut flight).await, "unknown control");
}

#[tokio::test]
async fn an_answer_nobody_waits_for_disturbs_nobody() {
    let (connection, mut far) = pair(4_096);
    drop(request(&connection));
    let mut flight = request(&connection);
    let mut id = far.receive().await.unwrap().msgid;
    if id == 1 {
        far.send(1, LdapOp::DelResponse(result("late"))).await;
        id = far.receive().await.unwrap().msgid;
    }
    far.send(999, LdapOp::DelResponse(result("for nobody"))).await;
    far.send(id, LdapOp::DelResponse(result("mine"))).await;
    assert_eq!(said(&mut flight).await, "mine");
}

#[tokio::test]
async fn what_reached_the_wire_cannot_be_withdrawn() {
    let (connection, mut far) = pair(4_096);
    let mut flight = request(&connection);
    far.receive().await.unwrap();
    assert!(!flight.withdraw());
    drop(far);
    assert!(flight.next().await.is_none());
    assert!(!flight.withdraw());
    assert!(connection.has_ended());
}

#[tokio::test]
async fn what_still_waits_behind_a_stuck_write_is_withdrawn_and_never_sent() {
    // One byte fits: the first request is stuck in the middle of its write.
    let (connection, mut far) = pair(1);
    let stuck = request(&connection);
    let waiting = request(&connection);
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    assert!(waiting.withdraw());
    assert!(waiting.withdraw(), "asked twice, answered alike");
    assert!(!stuck.withdraw());
    let third = request(&connection);
    let ids = [far.receive().await.unwrap().msgid, far.receive().await.unwrap().msgid];
    assert_eq!(ids, [1, 3], "the second never reaches the wire");
    drop(third);
}

#[tokio::test]
async fn after_the_end_nothing_is_sent() {
    let (connection, far) = pair(4_096);
    drop(far);
    while !connection.has_ended() {
        tokio::task::yield_now().await;
    }
    let refused = connection.start(|id| wire::plain(id, LdapOp::UnbindRequest, Vec::new()));
    assert!(refused.err().unwrap().0.contains("closed"));
}

#[tokio::test]
async fn a_request_that_waits_when_the_connection_ends_was_not_sent() {
    let (connection, far) = pair(1);
    let mut stuck = request(&connection);
    let mut waiting = request(&connection);
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    drop(far);
    assert!(stuck.next().await.is_none());
    assert!(waiting.next().await.is_none());
    assert!(!stuck.withdraw());
    assert!(waiting.withdraw());
}

#[tokio::test]
async fn a_notice_of_disconnection_ends_it_with_its_text() {
    let (connection, mut far) = pair(4_096);
    let mut flight = request(&connection);
    let res = LdapResult { code: LdapResultCode::Unavailable, ..result("going down") };
    let name = Some("1.3.6.1.4.1.1466.20036".to_owned());
    far.send(0, LdapOp::ExtendedResponse(LdapExtendedResponse { res, name, value: None })).await;
    assert!(flight.next().await.is_none());
    assert!(flight.cause().contains("going down"), "{}", flight.cause());
}

#[tokio::test]
async fn a_dropped_search_is_abandoned_and_a_dropped_modify_is_not() {
    let (connection, mut far) = pair(4_096);
    let search = request(&connection).abandoned_when_dropped();
    far.receive().await.unwrap();
    drop(search);
    assert_eq!(far.receive().await.unwrap().op, LdapOp::AbandonRequest(1));
    let modify = request(&connection);
    far.receive().await.unwrap();
    drop(modify);
    assert!(timeout(Duration::from_millis(50), far.receive()).await.is_err());
}

#[tokio::test]
async fn dropping_the_connection_unbinds() {
    let (connection, mut far) = pair(4_096);
    drop(connection);
    assert_eq!(far.receive().await.unwrap().op, LdapOp::UnbindRequest);
    assert!(far.receive().await.is_none());
}

#[tokio::test]
async fn nested_or_cut_answers_end_the_connection_and_nothing_else() {
    for bytes in
        [[0x30_u8; 7].to_vec(), [0x30, 0x80].repeat(5_000), vec![0x30, 5, 2, 1, 1, 0x65, 0]]
    {
        let (connection, mut far) = pair(65_536);
        let mut flight = request(&connection);
        far.receive().await.unwrap();
        far.stream.write_all(&bytes).await.unwrap();
        drop(far);
        assert!(flight.next().await.is_none());
        assert!(connection.has_ended());
    }
}

#[test]
fn when_the_runtime_goes_nobody_is_left_waiting() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let (connection, mut flight, far) = first.block_on(async {
        let (connection, mut far) = pair(4_096);
        let flight = request(&connection);
        far.receive().await.unwrap();
        (connection, flight, far)
    });
    drop(first);
    assert!(connection.has_ended());
    assert!(runtime().block_on(flight.next()).is_none());
    assert!(!flight.withdraw());
    drop(far);
}
