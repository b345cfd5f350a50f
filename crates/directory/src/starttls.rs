//! StartTLS (RFC 4511 section 4.14): the port for LDAP, and nothing on it in clear but the request for
//! TLS and its answer.
//!
//! The answer is read up to its last byte. Bytes behind it would be taken for the controller's first
//! words inside TLS by a client that keeps its buffer; here they end the connection.

use bytes::BytesMut;
use ldap3_proto::proto::{LdapExtendedRequest, LdapMsg, LdapOp, LdapResultCode};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_util::codec::Decoder as _;

use crate::answers::{Answer, Answers, Garbled};
use crate::diagnose::{Fault, Step};
use crate::wire;

/// The extended operation's number (RFC 4511 section 4.14.1).
const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// The request's message id. TLS begins a new count, and nothing else is under way.
const ID: i32 = 1;
/// The largest answer that is read in clear, in bytes: a result code and a sentence.
const ANSWER_MAX: usize = 4_096;

/// Asks for TLS. When this has succeeded, the next byte of either side belongs to TLS.
pub(crate) async fn ask<S>(stream: &mut S) -> Result<(), Fault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let broken = |error: std::io::Error| Fault::Broken(Step::StartTls, error.to_string());
    let request = LdapExtendedRequest { name: START_TLS.to_owned(), value: None };
    let frame = wire::plain(ID, LdapOp::ExtendedRequest(request), Vec::new()).map_err(broken)?;
    stream.write_all(&frame).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let mut buffer = BytesMut::with_capacity(ANSWER_MAX);
    let mut answers = Answers::of_at_most(ANSWER_MAX);
    let answer = loop {
        match answers.decode(&mut buffer) {
            Ok(Some(Answer::Whole(answer))) => break answer,
            Ok(Some(Answer::TooLarge(_))) => return Err(other_kind()),
            Ok(None) => {}
            Err(error) if Garbled::is_cause_of(&error) => {
                return Err(Fault::NotLdap(error.to_string()));
            }
            Err(error) => return Err(broken(error)),
        }
        if stream.read_buf(&mut buffer).await.map_err(broken)? == 0 {
            let cause = "it closed the connection when it was asked to";
            return Err(Fault::StartTlsRefused(cause.to_owned()));
        }
    };
    accepted(answer)?;
    if buffer.is_empty() { Ok(()) } else { Err(Fault::StartTlsInjected) }
}

fn other_kind() -> Fault {
    Fault::NotLdap("it sent an answer of another kind".to_owned())
}

fn accepted(answer: LdapMsg) -> Result<(), Fault> {
    let LdapOp::ExtendedResponse(response) = answer.op else {
        return Err(other_kind());
    };
    let result = response.res;
    // Message id 0: it hangs up, and says why (RFC 4511 section 4.4.1).
    if answer.msgid == ID && result.code == LdapResultCode::Success {
        return Ok(());
    }
    let text: String = result.message.chars().filter(|c| !c.is_control()).take(300).collect();
    Err(Fault::StartTlsRefused(format!("{:?} \"{text}\"", result.code)))
}
