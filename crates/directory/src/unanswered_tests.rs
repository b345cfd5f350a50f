use std::sync::Arc;
use std::time::Duration;

use ldap3_proto::LdapCodec;
use ldap3_proto::proto::{LdapMsg, LdapOp, LdapResult, LdapResultCode};
use protocol::policy::Judge;
use protocol::{ClearPassword, ManualClock, Timestamp};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio_util::codec::{Decoder as _, Encoder as _};

use super::*;
use crate::connection::Connection;
use crate::{PwdLastSet, SetError, wire};

const GUID: ObjectGuid = ObjectGuid::from_bytes([7; 16]);
const COPY: InvocationId = InvocationId(ObjectGuid::from_bytes([1; 16]));
const NOTED: Noted = (COPY, 4);

fn witness() -> Witness {
    Witness {
        version: NOTED.1,
        originator: None,
        written_at: None,
        pwd_last_set: PwdLastSet::Never,
        of_one_write: false,
        judge: Judge::Samba,
        controller: "dc1.corp.example".to_owned(),
        invocation_id: COPY,
    }
}

/// None yet, on time that is the test's.
fn nothing() -> (Unanswered, ManualClock) {
    let clock = ManualClock::at(Timestamp::from_millis(1_800_000_000_000));
    (Unanswered::new(Arc::new(clock.clone())), clock)
}

/// A set that got no answer in time, and the agent's hanging up; the controller's end.
async fn unanswered(all: &Unanswered, is_password: bool) -> DuplexStream {
    let (near, far) = tokio::io::duplex(4_096);
    let connection = Connection::over(near);
    keep(all, GUID, &connection, is_password).await;
    far
}

/// A set over a connection that got no answer in time.
async fn keep(all: &Unanswered, guid: ObjectGuid, connection: &Connection, is_password: bool) {
    let password = ClearPassword::from_text("New-Password-9").unwrap();
    let mut flight = connection
        .start(|id| Ok(wire::modify(id, "<GUID=x>", crate::Write::Reset(&password), None)))
        .unwrap();
    let late = set::answer(&mut flight, Duration::from_millis(20), Duration::from_secs(60)).await;
    assert!(matches!(late, Err(SetError::Unknown { .. })), "{late:?}");
    all.keep(guid, &witness(), flight, is_password);
}

/// What has come until the agent hung up.
async fn until_hung_up(far: &mut DuplexStream) -> Vec<LdapOp> {
    let mut bytes = Vec::new();
    far.read_to_end(&mut bytes).await.unwrap();
    let mut messages = bytes::BytesMut::from(bytes.as_slice());
    let mut ops = Vec::new();
    while let Some(message) = LdapCodec::default().decode(&mut messages).unwrap() {
        ops.push(message.op);
    }
    ops
}

/// Waits until somebody waits for the clock.
async fn awaited(clock: &ManualClock) {
    while clock.until_next().is_none() {
        tokio::task::yield_now().await;
    }
}

async fn answer(far: &mut DuplexStream, code: LdapResultCode) {
    answer_to(1, far, code).await;
}

async fn answer_to(id: i32, far: &mut DuplexStream, code: LdapResultCode) {
    let (matcheddn, message, referral) = (String::new(), String::new(), Vec::new());
    let result = LdapResult { code, matcheddn, message, referral };
    let mut bytes = bytes::BytesMut::new();
    let answer = LdapMsg::new(id, LdapOp::ModifyResponse(result));
    LdapCodec::default().encode(answer, &mut bytes).unwrap();
    far.write_all(&bytes).await.unwrap();
}

/// Looks until it is no longer awaited.
async fn end(all: &Unanswered) -> Late {
    end_of(all, GUID).await
}

async fn end_of(all: &Unanswered, guid: ObjectGuid) -> Late {
    loop {
        match all.late(guid, NOTED) {
            Late::Awaited => tokio::task::yield_now().await,
            end => return end,
        }
    }
}

#[tokio::test]
async fn the_agent_hangs_up_and_hears_a_late_answer_all_the_same() {
    for (code, set) in
        [(LdapResultCode::Success, true), (LdapResultCode::UnwillingToPerform, false)]
    {
        let (all, _clock) = nothing();
        let mut far = unanswered(&all, true).await;
        let ops = until_hung_up(&mut far).await;
        let [LdapOp::ModifyRequest(_), LdapOp::UnbindRequest] = &ops[..] else { panic!("{ops:?}") };
        for _ in 0..100 {
            tokio::task::yield_now().await;
            assert_eq!(all.late(GUID, NOTED), Late::Awaited);
        }
        answer(&mut far, code).await;
        let Late::Answered(answer) = end(&all).await else { panic!("no answer") };
        assert_eq!(answer.is_ok(), set, "{answer:?}");
        // About no other set, of this account or of another one.
        assert_eq!(all.late(GUID, (COPY, 5)), Late::Over);
        let elsewhere = InvocationId(ObjectGuid::from_bytes([2; 16]));
        assert_eq!(all.late(GUID, (elsewhere, 4)), Late::Over);
        assert_eq!(all.late(ObjectGuid::from_bytes([8; 16]), NOTED), Late::Over);
        all.begin(GUID);
        assert_eq!(all.late(GUID, NOTED), Late::Over);
    }
}

#[tokio::test]
async fn when_the_controller_hangs_up_as_well_nothing_is_awaited_any_more() {
    let (all, _clock) = nothing();
    let mut far = unanswered(&all, true).await;
    until_hung_up(&mut far).await;
    assert_eq!(all.late(GUID, NOTED), Late::Awaited);
    drop(far);
    assert_eq!(end(&all).await, Late::Over);
}

/// No version of the password tells one unlock from another.
#[tokio::test]
async fn the_answer_to_what_is_no_password_ends_the_wait_and_says_nothing() {
    let (all, _clock) = nothing();
    let mut far = unanswered(&all, false).await;
    answer(&mut far, LdapResultCode::Success).await;
    assert_eq!(end(&all).await, Late::Over);
}

/// What takes bytes and passes nothing on, ever, and does not hang up.
#[tokio::test]
async fn what_is_never_answered_is_given_up_after_a_quarter_of_an_hour_and_its_connection_ends() {
    let (all, clock) = nothing();
    let mut far = unanswered(&all, true).await;
    until_hung_up(&mut far).await;
    awaited(&clock).await;
    clock.advance(LATE_AWAITED - Duration::from_millis(1));
    for _ in 0..100 {
        tokio::task::yield_now().await;
        assert_eq!(all.late(GUID, NOTED), Late::Awaited);
    }
    assert!(far.write_all(b"0").await.is_ok(), "it is still read");
    clock.advance(Duration::from_millis(1));
    assert_eq!(end(&all).await, Late::GivenUp);
    while far.write_all(b"0").await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(all.late(GUID, NOTED), Late::GivenUp);
}

#[tokio::test]
async fn of_more_than_may_be_awaited_the_one_is_given_up_that_was_awaited_longest() {
    let (all, clock) = nothing();
    let mut far = Vec::new();
    let most = u8::try_from(AWAITED_MOST).unwrap();
    let guid = |number| ObjectGuid::from_bytes([number; 16]);
    for number in 0..=most {
        let (near, one) = tokio::io::duplex(4_096);
        keep(&all, guid(number), &Connection::over(near), true).await;
        far.push(one);
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(end_of(&all, guid(0)).await, Late::GivenUp);
    for number in 1..=most {
        assert_eq!(all.late(guid(number), NOTED), Late::Awaited, "{number}");
    }
    // What has ended takes nobody's place.
    drop(far.remove(1));
    assert_eq!(end_of(&all, guid(1)).await, Late::Over);
    let (near, _far) = tokio::io::duplex(4_096);
    keep(&all, guid(200), &Connection::over(near), true).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
        assert_eq!(all.late(guid(2), NOTED), Late::Awaited);
    }
}

#[tokio::test]
async fn who_waits_over_the_same_connection_is_not_given_up_with_another_one() {
    let (all, clock) = nothing();
    let (near, mut far) = tokio::io::duplex(4_096);
    let connection = Connection::over(near);
    keep(&all, GUID, &connection, true).await;
    awaited(&clock).await;
    clock.advance(Duration::from_secs(60));
    let other = ObjectGuid::from_bytes([8; 16]);
    keep(&all, other, &connection, true).await;
    drop(connection);
    until_hung_up(&mut far).await;
    clock.advance(LATE_AWAITED - Duration::from_secs(60));
    assert_eq!(end(&all).await, Late::GivenUp);
    assert_eq!(all.late(other, NOTED), Late::Awaited);
    answer_to(2, &mut far, LdapResultCode::Success).await;
    assert_eq!(end_of(&all, other).await, Late::Answered(Ok(())));
    // Then there is nothing to wait for.
    while far.write_all(b"0").await.is_ok() {
        tokio::task::yield_now().await;
    }
}

/// What stands between and has not passed it on is to throw it away.
#[tokio::test]
async fn what_is_given_up_ends_with_a_reset() {
    let (all, clock) = nothing();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut far, _) = listener.accept().await.unwrap();
    keep(&all, GUID, &Connection::over(near), true).await;
    let mut bytes = Vec::new();
    far.read_to_end(&mut bytes).await.unwrap();
    awaited(&clock).await;
    clock.advance(LATE_AWAITED);
    assert_eq!(end(&all).await, Late::GivenUp);
    // Without a reset there would be no error of which nobody has asked.
    while far.take_error().unwrap().is_none() {
        tokio::task::yield_now().await;
    }
}
