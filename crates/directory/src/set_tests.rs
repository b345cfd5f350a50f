use ldap3_proto::LdapCodec;
use ldap3_proto::proto::{LdapExtendedResponse, LdapMsg, LdapResult};
use protocol::ClearPassword;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio_util::codec::{Decoder as _, Encoder as _};

use super::*;
use crate::connection::Connection;
use crate::{AdCode, wire};

const LIMIT: Duration = Duration::from_millis(200);
/// Longer than a test lasts.
const LONG: Duration = Duration::from_secs(60);

fn start(connection: &Connection) -> Flight {
    let password = ClearPassword::from_text("New-Password-9").unwrap();
    connection
        .start(|id| Ok(wire::modify(id, "<GUID=x>", crate::Write::Reset(&password), None)))
        .unwrap()
}

fn pair(buffer: usize) -> (Connection, DuplexStream) {
    let (near, far) = tokio::io::duplex(buffer);
    (Connection::over(near), far)
}

/// A controller that reads the request and answers it.
async fn answered(op: LdapOp) -> Result<(), SetError> {
    let (connection, mut far) = pair(4_096);
    let mut flight = start(&connection);
    assert!(far.read(&mut [0; 4_096]).await.unwrap() > 0);
    let mut bytes = bytes::BytesMut::new();
    LdapCodec::default().encode(LdapMsg::new(1, op), &mut bytes).unwrap();
    far.write_all(&bytes).await.unwrap();
    answer(&mut flight, LIMIT, LONG).await
}

fn result(code: LdapResultCode, message: &str) -> LdapResult {
    LdapResult { code, matcheddn: String::new(), message: message.to_owned(), referral: Vec::new() }
}

#[tokio::test]
async fn success_is_success() {
    let op = LdapOp::ModifyResponse(result(LdapResultCode::Success, ""));
    assert_eq!(answered(op).await, Ok(()));
}

#[tokio::test]
async fn a_refusal_keeps_its_code() {
    let diagnostic = "0000052D: SvcErr: DSID-031A12D2";
    let op = LdapOp::ModifyResponse(result(LdapResultCode::UnwillingToPerform, diagnostic));
    let Err(SetError::Refused(refusal)) = answered(op).await else { panic!("no refusal") };
    assert_eq!((refusal.result, refusal.code), (53, Some(AdCode::PASSWORD_RESTRICTION)));
    assert!(refusal.is_policy());
}

#[tokio::test]
async fn an_unknown_control_is_told_apart_in_either_form() {
    let unavailable = result(LdapResultCode::UnavailableCriticalExtension, "");
    let extended = LdapExtendedResponse { res: unavailable.clone(), name: None, value: None };
    for op in [LdapOp::ModifyResponse(unavailable), LdapOp::ExtendedResponse(extended)] {
        assert_eq!(answered(op).await, Err(SetError::NoPolicyControl));
    }
}

#[tokio::test]
async fn an_answer_of_another_kind_leaves_it_unknown() {
    let success = result(LdapResultCode::Success, "");
    let extended = LdapExtendedResponse { res: success.clone(), name: None, value: None };
    for op in [LdapOp::DelResponse(success), LdapOp::ExtendedResponse(extended)] {
        let outcome = answered(op.clone()).await;
        assert!(matches!(outcome, Err(SetError::Unknown { .. })), "{op:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn silence_after_sending_is_unknown() {
    let (connection, mut far) = pair(4_096);
    let mut flight = start(&connection);
    assert!(far.read(&mut [0; 4_096]).await.unwrap() > 0);
    assert!(matches!(answer(&mut flight, LIMIT, LONG).await, Err(SetError::Unknown { .. })));
}

#[tokio::test]
async fn a_cut_at_any_byte_of_the_request_is_unknown() {
    let whole = {
        let (connection, mut far) = pair(4_096);
        let _flight = start(&connection);
        far.read(&mut [0; 4_096]).await.unwrap()
    };
    for taken in 1..=whole {
        let (connection, mut far) = pair(1);
        let mut flight = start(&connection);
        far.read_exact(&mut vec![0; taken]).await.unwrap();
        drop(far);
        let outcome = answer(&mut flight, LIMIT, LONG).await;
        assert!(
            matches!(outcome, Err(SetError::Unknown { .. })),
            "{taken} of {whole}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn what_never_left_has_failed_for_certain() {
    let (connection, far) = pair(1);
    let mut stuck = start(&connection);
    let mut waiting = start(&connection);
    assert!(
        matches!(answer(&mut waiting, LIMIT, LONG).await, Err(SetError::NotSent(_))),
        "timed out"
    );
    let mut waiting = start(&connection);
    drop(far);
    assert!(matches!(answer(&mut waiting, LIMIT, LONG).await, Err(SetError::NotSent(_))), "cut");
    assert!(matches!(answer(&mut stuck, LIMIT, LONG).await, Err(SetError::Unknown { .. })));
}

#[tokio::test]
async fn what_has_not_left_in_its_time_never_leaves() {
    let (connection, mut far) = pair(1);
    let stuck = start(&connection);
    let mut waiting = start(&connection);
    let soon = Duration::from_millis(20);
    assert_eq!(answer(&mut waiting, LONG, soon).await, Err(SetError::TooLate));
    drop(connection);
    let mut bytes = Vec::new();
    far.read_to_end(&mut bytes).await.unwrap();
    let mut messages = bytes::BytesMut::from(bytes.as_slice());
    let mut ops = Vec::new();
    while let Some(message) = LdapCodec::default().decode(&mut messages).unwrap() {
        ops.push(message.op);
    }
    assert!(matches!(ops.as_slice(), [LdapOp::ModifyRequest(_), LdapOp::UnbindRequest]), "{ops:?}");
    drop(stuck);
}

#[tokio::test]
async fn what_has_left_in_its_time_is_waited_for_beyond_it() {
    let (connection, mut far) = pair(4_096);
    let mut flight = start(&connection);
    let answering =
        tokio::spawn(async move { answer(&mut flight, LONG, Duration::from_millis(20)).await });
    assert!(far.read(&mut [0; 4_096]).await.unwrap() > 0);
    tokio::time::sleep(Duration::from_millis(60)).await;
    let op = LdapOp::ModifyResponse(result(LdapResultCode::Success, ""));
    let mut bytes = bytes::BytesMut::new();
    LdapCodec::default().encode(LdapMsg::new(1, op), &mut bytes).unwrap();
    far.write_all(&bytes).await.unwrap();
    assert_eq!(answering.await.unwrap(), Ok(()));
}
