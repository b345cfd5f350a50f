//! The answer to a set, and what its absence means (SPEC PR-2).

use std::time::Duration;

use ldap3_proto::proto::{LdapOp, LdapResult, LdapResultCode};
use tokio::time::timeout;

use crate::connection::Flight;
use crate::session::{refusal, refused_in};
use crate::{DirectoryError, SetError};

/// Waits for the answer to a set. One that has not left within `leaves_within` (the connection
/// takes nothing) never does. Once its bytes may have left, only an answer ends the doubt.
pub(crate) async fn answer(
    flight: &mut Flight,
    limit: Duration,
    leaves_within: Duration,
) -> Result<(), SetError> {
    let rest = limit.saturating_sub(leaves_within);
    let mut answer = timeout(limit.min(leaves_within), flight.next()).await;
    if answer.is_err() && !rest.is_zero() {
        if flight.withdraw() {
            return Err(SetError::TooLate);
        }
        answer = timeout(rest, flight.next()).await;
    }
    let without = |cause: String| match flight.withdraw() {
        true => Err(SetError::NotSent(DirectoryError::Lost { cause })),
        false => Err(SetError::Unknown { cause }),
    };
    let op = match answer {
        Err(_) => return without(format!("no answer within {} s", limit.as_secs())),
        Ok(None) => return without(flight.cause()),
        Ok(Some(message)) => message.op,
    };
    judged(op).unwrap_or_else(|| without("an answer of another kind".to_owned()))
}

/// The answer to a set for which nobody waits any more; none if the connection ends without one, or it is of
/// another kind.
pub(crate) async fn late(flight: &mut Flight) -> Option<Result<(), SetError>> {
    judged(flight.next().await?.op)
}

/// What an answer says; none if it is of another kind.
fn judged(op: LdapOp) -> Option<Result<(), SetError>> {
    let result = match op {
        LdapOp::ModifyResponse(result) => Some(result),
        // Some controllers answer an unknown critical control in this form.
        LdapOp::ExtendedResponse(response) => refused_in(response),
        _ => None,
    };
    result.map(judge)
}

fn judge(result: LdapResult) -> Result<(), SetError> {
    match result.code {
        LdapResultCode::Success => Ok(()),
        LdapResultCode::UnavailableCriticalExtension => Err(SetError::NoPolicyControl),
        _ => Err(SetError::Refused(refusal(result))),
    }
}

#[cfg(test)]
#[path = "set_tests.rs"]
mod tests;
