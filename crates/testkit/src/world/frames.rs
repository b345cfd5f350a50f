//! WebSocket frames in a stream of bytes (RFC 6455 section 5.2): where one ends and the next begins,
//! so that the network can lose one, or bring it twice. Frames are not unmasked: a copy is a frame.
//! What a relay in other hands says is read and written here too.

/// The opcode of a text message.
pub(super) const TEXT: u8 = 1;
/// The opcode of a binary message.
pub(super) const BINARY: u8 = 2;

/// Takes the first whole frame off the front; none if there is no whole one yet.
pub(super) fn take(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = frame_length(bytes)?;
    if bytes.len() < length {
        return None;
    }
    let rest = bytes.split_off(length);
    Some(std::mem::replace(bytes, rest))
}

/// The opcode and the payload of a relay's frame; none of a listener's, which is masked.
pub(super) fn read(frame: &[u8]) -> Option<(u8, &[u8])> {
    let (first, second) = (*frame.first()?, *frame.get(1)?);
    let head = match second {
        126 => 4,
        127 => 10,
        masked if masked & 0x80 != 0 => return None,
        _ => 2,
    };
    Some((first & 0x0f, frame.get(head..)?))
}

/// A whole message in one frame. A listener's is masked, with zeros, which change nothing.
pub(super) fn write(opcode: u8, payload: &[u8], of_listener: bool) -> Vec<u8> {
    let mask = if of_listener { 0x80 } else { 0 };
    let mut frame = vec![0x80 | opcode];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ ..=125), _) => frame.push(mask | length),
        (_, Ok(length)) => {
            frame.push(mask | 126);
            frame.extend(length.to_be_bytes());
        }
        _ => {
            frame.push(mask | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    if of_listener {
        frame.extend([0; 4]);
    }
    frame.extend_from_slice(payload);
    frame
}

/// The length of the frame that begins here, head included; none if that cannot be told yet.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    let second = *bytes.get(1)?;
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let (head, payload) = match second & 0x7f {
        126 => (4, u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)),
        short => (2, u64::from(short)),
    };
    usize::try_from(payload).ok()?.checked_add(head + mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_length_are_told_apart() {
        let short = [vec![0x81, 3], vec![b'a'; 3]].concat();
        let masked = [vec![0x82, 0x85], vec![9; 4], vec![1; 5]].concat();
        let long = [vec![0x82, 126, 1, 0], vec![2; 256]].concat();
        let longest = [vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0], vec![3; 65_536]].concat();
        let all = [short, masked, long, longest];
        let mut bytes = all.concat();
        for frame in all {
            assert_eq!(take(&mut bytes), Some(frame));
        }
        assert!(bytes.is_empty() && take(&mut bytes).is_none());
    }

    #[test]
    fn what_is_written_is_one_frame_and_reads_back_unless_it_is_a_listeners() {
        for length in [0, 5, 125, 126, 65_535, 65_536] {
            let payload = vec![7; length];
            for of_listener in [false, true] {
                let mut bytes = write(BINARY, &payload, of_listener);
                let frame = take(&mut bytes).unwrap();
                assert!(bytes.is_empty() && frame.ends_with(&payload), "{length} bytes");
                let expected = (!of_listener).then_some((BINARY, &*payload));
                assert_eq!(read(&frame), expected, "{length} bytes");
            }
        }
    }

    #[test]
    fn half_a_frame_waits_for_the_other_half() {
        let mut bytes = vec![0x81, 126, 0];
        assert_eq!(take(&mut bytes), None);
        bytes.extend([200; 100]);
        assert_eq!(take(&mut bytes), None);
        assert_eq!(bytes.len(), 103);
    }
}
