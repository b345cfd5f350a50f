//! Search filters as text (RFC 4515), for messages and for what an administrator writes. Requests
//! of our own are built from parts and need no escaping.

use std::fmt::Write as _;

/// A value as it stands in a filter: whatever could end it or has a meaning of its own becomes
/// `\xx` (RFC 4515 section 3), and so do bytes that are no text, so that binary values work.
pub fn escape(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len());
    for chunk in value.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '*' | '(' | ')' | '\\' | '\0'..' ' | '\x7f' => {
                    hexadecimal(&mut text, &[character as u8]);
                }
                plain => text.push(plain),
            }
        }
        hexadecimal(&mut text, chunk.invalid());
    }
    text
}

fn hexadecimal(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "\\{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What RFC 4515 reads: a backslash and two digits are a byte, the rest stands for itself.
    fn read(text: &str) -> Vec<u8> {
        let mut bytes = text.bytes();
        let mut value = Vec::new();
        while let Some(byte) = bytes.next() {
            if byte == b'\\' {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                let digits = str::from_utf8(&digits).unwrap();
                value.push(u8::from_str_radix(digits, 16).unwrap());
            } else {
                value.push(byte);
            }
        }
        value
    }

    #[test]
    fn what_ends_a_filter_is_escaped() {
        assert_eq!(escape(b"a)(uid=*"), "a\\29\\28uid=\\2a");
        assert_eq!(escape("é\0\\".as_bytes()), "é\\00\\5c");
        assert_eq!(escape(&[b'a', 0xff, 0x1f]), "a\\ff\\1f");
    }

    proptest! {
        #[test]
        fn any_bytes_read_back_and_hold_nothing_special(
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let text = escape(&bytes);
            prop_assert!(!text.contains(['*', '(', ')', '\0']));
            prop_assert_eq!(read(&text), bytes);
        }
    }
}
