use std::time::Duration;

use ldap3_proto::LdapCodec;
use ldap3_proto::proto::{LdapMsg, LdapOp, LdapResult, LdapResultCode};
use protocol::ClearPassword;
use protocol::policy::Judge;
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

/// A set that got no answer in time, and the agent's hanging up; the controller's end.
async fn given_up(all: &Unanswered, is_password: bool) -> DuplexStream {
    let (near, far) = tokio::io::duplex(4_096);
    let connection = Connection::over(near);
    let password = ClearPassword::from_text("New-Password-9").unwrap();
    let mut flight = connection
        .start(|id| Ok(wire::modify(id, "<GUID=x>", crate::Write::Reset(&password), None)))
        .unwrap();
    let late = set::answer(&mut flight, Duration::from_millis(20), Duration::from_secs(60)).await;
    assert!(matches!(late, Err(SetError::Unknown { .. })), "{late:?}");
    all.keep(GUID, &witness(), flight, is_password);
    far
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

async fn answer(far: &mut DuplexStream, code: LdapResultCode) {
    let (matcheddn, message, referral) = (String::new(), String::new(), Vec::new());
    let result = LdapResult { code, matcheddn, message, referral };
    let mut bytes = bytes::BytesMut::new();
    let answer = LdapMsg::new(1, LdapOp::ModifyResponse(result));
    LdapCodec::default().encode(answer, &mut bytes).unwrap();
    far.write_all(&bytes).await.unwrap();
}

/// Looks until it is no longer awaited.
async fn end(all: &Unanswered) -> Late {
    loop {
        match all.late(GUID, NOTED) {
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
        let all = Unanswered::default();
        let mut far = given_up(&all, true).await;
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
    let all = Unanswered::default();
    let mut far = given_up(&all, true).await;
    until_hung_up(&mut far).await;
    assert_eq!(all.late(GUID, NOTED), Late::Awaited);
    drop(far);
    assert_eq!(end(&all).await, Late::Over);
}

/// No version of the password tells one unlock from another.
#[tokio::test]
async fn the_answer_to_what_is_no_password_ends_the_wait_and_says_nothing() {
    let all = Unanswered::default();
    let mut far = given_up(&all, false).await;
    answer(&mut far, LdapResultCode::Success).await;
    assert_eq!(end(&all).await, Late::Over);
}
