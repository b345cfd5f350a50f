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

/// The first five bytes of the ids that a code stands for, however it was written down: in small
/// letters, without hyphens, with O for 0 and I or L for 1. None if it is no code.
pub(crate) fn beginning(code: &str) -> Option<[u8; 5]> {
    let code = code.trim().to_ascii_uppercase().replace(['-', ' '], "");
    let symbols = code.strip_prefix("PB").filter(|symbols| symbols.len() == 8)?;
    let mut bits = 0_u64;
    for symbol in symbols.bytes() {
        let symbol = match symbol {
            b'O' => b'0',
            b'I' | b'L' => b'1',
            symbol => symbol,
        };
        let index = ALPHABET.iter().position(|one| *one == symbol)?;
        bits = bits << 5 | u64::try_from(index).ok()?;
    }
    bits.to_be_bytes()[3..].try_into().ok()
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

    #[test]
    fn a_code_is_read_however_it_was_written_down() {
        let id = [0x08, 0x42, 0x10, 0xff, 0x12, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
        let code = of_flow(FlowId::from_bytes(id));
        assert_eq!(beginning(&code).unwrap(), id[..5]);
        assert_eq!(beginning("PB-1111-1ZRJ").unwrap()[..3], id[..3]);
        for written in ["pb-1111-1zrj", " PB 1111 1ZRJ", "pbil1I-lzrj", "PB-IIII-1ZRJ"] {
            assert_eq!(beginning(written), beginning("PB-1111-1ZRJ"), "{written}");
        }
        assert_eq!(beginning("PB-OOOO-oooo"), Some([0; 5]));
        for wrong in
            ["", "PB-", "1111-1ZRJ", "PB-1111-1ZR", "PB-1111-1ZRJ0", "PB-1111-1ZRU", "PB-é111-1ZR"]
        {
            assert_eq!(beginning(wrong), None, "{wrong}");
        }
    }
}
