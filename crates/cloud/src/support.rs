//! Support codes: what a person reads to the helpdesk, and the operator finds in audit and log.
//!
//! A code is `PB-` and the first 40 bits of the flow's or the request's id in Crockford's base32,
//! in two groups of four; it says nothing about the person.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::RequestId;
use store::flows::{Flow, FlowId};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The support code of a flow.
pub(crate) fn of_flow(flow: FlowId) -> String {
    code(flow.to_bytes())
}

/// The support code of an operation.
pub(crate) fn of_request(request: RequestId) -> String {
    code(request.to_bytes())
}

/// The flow's handle in hidden fields.
pub(crate) fn handle(flow: &Flow) -> String {
    URL_SAFE_NO_PAD.encode(flow.id.to_bytes())
}

fn code(id: [u8; 16]) -> String {
    let bits = id[..5].iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    let mut text = String::from("PB-");
    for group in 0..8 {
        if group == 4 {
            text.push('-');
        }
        let index = (bits >> (35 - 5 * group)) & 31;
        text.push(char::from(ALPHABET[usize::try_from(index).unwrap_or(0)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_no_letters_that_are_mistaken_for_others() {
        assert_eq!(of_flow(FlowId::from_bytes([0xff; 16])), "PB-ZZZZ-ZZZZ");
        assert_eq!(of_request(RequestId::from_bytes([0; 16])), "PB-0000-0000");
        let mut id = [0; 16];
        id[4] = 1;
        assert_eq!(of_flow(FlowId::from_bytes(id)), "PB-0000-0001");
    }
}
