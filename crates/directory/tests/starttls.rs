//! StartTLS with controllers that do not behave: nothing but the request for TLS is sent in clear,
//! and nothing that came in clear is believed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test reports a broken expectation by panicking; its module is private and shared"
)]

mod staged;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use clock::SystemClock;
use directory::{Directory as _, DirectoryConfig, DirectoryError, Encryption, LdapDirectory};
use lab::Authority;
use ldap3_proto::LdapCodec;
use ldap3_proto::proto::{
    LdapBindResponse, LdapExtendedRequest, LdapExtendedResponse, LdapMsg, LdapOp, LdapResult,
    LdapResultCode,
};
use staged::{Stage, acceptor, converse, host, result, stage_of};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::codec::{Decoder as _, Encoder as _};

const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// A TLS record of a handshake (RFC 8446 section 5.1) is all that may follow in clear.
const HANDSHAKE: u8 = 22;

fn client(stage: &Stage) -> LdapDirectory {
    let config = DirectoryConfig {
        encryption: Encryption::StartTls,
        connect_timeout: Duration::from_secs(2),
        ..stage.config.clone()
    };
    LdapDirectory::new(config, Arc::new(SystemClock)).unwrap()
}

fn bytes_of(id: i32, op: LdapOp) -> Vec<u8> {
    let mut buffer = BytesMut::new();
    LdapCodec::default().encode(LdapMsg::new(id, op), &mut buffer).unwrap();
    buffer.to_vec()
}

fn response(id: i32, res: LdapResult) -> Vec<u8> {
    let name = Some(START_TLS.to_owned());
    bytes_of(id, LdapOp::ExtendedResponse(LdapExtendedResponse { res, name, value: None }))
}

fn refusal(code: LdapResultCode, text: &str) -> LdapResult {
    LdapResult { message: text.to_owned(), ..result(code) }
}

/// Reads the request for TLS, which is the only thing that is there.
async fn requested(stream: &mut TcpStream) {
    let mut buffer = BytesMut::new();
    stream.read_buf(&mut buffer).await.unwrap();
    let message = LdapCodec::default().decode(&mut buffer).unwrap().unwrap();
    let wanted = LdapExtendedRequest { name: START_TLS.to_owned(), value: None };
    assert_eq!(message.op, LdapOp::ExtendedRequest(wanted));
    assert!(buffer.is_empty() && message.ctrl.is_empty());
}

/// A controller that answers the request so, and notes what it hears from then on.
async fn answering(answer: Vec<u8>, then: Vec<u8>) -> (Stage, Arc<Mutex<Vec<u8>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&heard);
    let authority = Authority::create().unwrap();
    let stage = stage_of(&authority, move |mut stream, _| {
        let (answer, then, notes) = (answer.clone(), then.clone(), Arc::clone(&notes));
        async move {
            requested(&mut stream).await;
            stream.write_all(&answer).await.unwrap();
            if !then.is_empty() {
                // Behind the client's first words of TLS: it has read the answer by then.
                let first = stream.read_u8().await.unwrap();
                notes.lock().unwrap().push(first);
                stream.write_all(&then).await.unwrap();
            }
            let mut more = Vec::new();
            let _ = stream.read_to_end(&mut more).await;
            notes.lock().unwrap().extend(more);
        }
    });
    (stage.await, heard)
}

fn bind_accepted() -> Vec<u8> {
    let res = result(LdapResultCode::Success);
    bytes_of(1, LdapOp::BindResponse(LdapBindResponse { res, saslcreds: None }))
}

#[tokio::test]
async fn after_the_answer_everything_goes_through_tls() {
    let authority = Authority::create().unwrap();
    let tls = acceptor(&authority, &host(1));
    let stage = stage_of(&authority, move |mut stream, state| {
        let tls = tls.clone();
        async move {
            requested(&mut stream).await;
            stream.write_all(&response(1, result(LdapResultCode::Success))).await.unwrap();
            converse(tls, stream, &host(1), &state).await;
        }
    });
    let stage = stage.await;
    assert_eq!(client(&stage).probe().await.unwrap().controller, host(1));
}

#[tokio::test]
async fn the_certificate_is_verified_as_with_ldaps() {
    let tls = acceptor(&Authority::create().unwrap(), &host(1));
    let trusted = Authority::create().unwrap();
    let stage = stage_of(&trusted, move |mut stream, state| {
        let tls = tls.clone();
        async move {
            requested(&mut stream).await;
            stream.write_all(&response(1, result(LdapResultCode::Success))).await.unwrap();
            converse(tls, stream, &host(1), &state).await;
        }
    });
    let stage = stage.await;
    let error = client(&stage).probe().await.unwrap_err();
    assert!(matches!(error, DirectoryError::Certificate { .. }), "{error}");
    assert_eq!(stage.state.lock().unwrap().binds, 0);
}

#[tokio::test]
async fn what_is_not_a_plain_yes_is_no_and_nothing_is_sent_after_it() {
    let yes = || response(1, result(LdapResultCode::Success));
    let unavailable = refusal(LdapResultCode::Unavailable, "no certificate");
    let cases = [
        (response(1, unavailable), "does not begin TLS: Unavailable \"no certificate\""),
        (response(1, refusal(LdapResultCode::ProtocolError, "")), "does not begin TLS"),
        (response(0, refusal(LdapResultCode::Unavailable, "going down")), "going down"),
        (response(7, result(LdapResultCode::Success)), "does not begin TLS"),
        (bind_accepted(), "does not speak LDAP"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "does not speak LDAP"),
        (vec![0x30, 0x84, 0x7f, 0xff, 0xff, 0xff], "does not speak LDAP"),
        ([yes(), bind_accepted()].concat(), "in clear stood behind"),
        ([yes(), vec![0x30]].concat(), "in clear stood behind"),
    ];
    for (answer, said) in cases {
        let (stage, heard) = answering(answer, Vec::new()).await;
        let error = client(&stage).probe().await.unwrap_err();
        let DirectoryError::Unfit { controller, cause } = &error else { panic!("{said}: {error}") };
        assert!(controller.contains(&host(1)) && cause.contains(said), "{said}: {error}");
        assert_eq!(heard.lock().unwrap().len(), 0, "{said}");
    }
}

#[tokio::test]
async fn words_in_clear_that_come_later_are_no_tls() {
    let (stage, heard) =
        answering(response(1, result(LdapResultCode::Success)), bind_accepted()).await;
    let error = client(&stage).probe().await.unwrap_err();
    let DirectoryError::Unfit { cause, .. } = &error else { panic!("{error}") };
    assert!(cause.contains("does not speak TLS"), "{error}");
    assert_eq!(heard.lock().unwrap()[0], HANDSHAKE);
}

#[tokio::test]
async fn a_controller_that_says_nothing_or_half_an_answer_is_given_up_in_time() {
    for answer in [Vec::new(), response(1, result(LdapResultCode::Success))[..9].to_vec()] {
        let (stage, heard) = answering(answer, Vec::new()).await;
        let error = client(&stage).probe().await.unwrap_err();
        let DirectoryError::PdcUnreachable { cause } = &error else { panic!("{error}") };
        assert!(cause.contains("StartTLS with") && cause.contains("no answer in time"), "{error}");
        assert_eq!(heard.lock().unwrap().len(), 0);
    }
}
