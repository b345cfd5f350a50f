//! WebSocket frames in a stream of bytes (RFC 6455 section 5.2): where one ends and the next begins,
//! so that the network can lose one, or bring it twice. Frames are not unmasked: a copy is a frame.
//! What a relay in other hands says is read and written here too.

/// The opcode of a text message.
pub(super) const TEXT: u8 = 1;
/// The opcode of a binary message.
pub(super) const BINARY: u8 = 2;
/// The opcode of the end of a channel.
pub(super) const CLOSE: u8 = 8;

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

/// The opcode and the payload of a whole frame of a listener, as it was before it was masked (RFC 6455,
/// 5.3); none of a relay's.
pub(super) fn read_listeners(frame: &[u8]) -> Option<(u8, Vec<u8>)> {
    let (begin, _) = parts(frame)?;
    if frame.get(1)? & 0x80 == 0 {
        return None;
    }
    let (mask, payload) = (frame.get(begin - 4..begin)?, frame.get(begin..)?);
    let unmasked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    Some((opcode(frame)?, unmasked.collect()))
}

/// A whole message in one frame. A listener's is masked, with zeros, which change nothing.
pub(super) fn write(opcode: u8, payload: &[u8], of_listener: bool) -> Vec<u8> {
    let mut frame = head(0x80 | opcode, payload.len(), of_listener);
    if of_listener {
        frame.extend([0; 4]);
    }
    frame.extend_from_slice(payload);
    frame
}

/// The opcode of anybody's frame.
pub(super) fn opcode(frame: &[u8]) -> Option<u8> {
    frame.first().map(|first| first & 0x0f)
}

/// Where the payload of a whole frame stands, masked or not.
pub(super) fn payload(frame: &mut [u8]) -> &mut [u8] {
    let (head, _) = parts(frame).unwrap_or((frame.len(), 0));
    frame.get_mut(head..).unwrap_or_default()
}

/// The same frame with no more than so many bytes of its payload: a whole frame again.
pub(super) fn shortened(frame: &[u8], most: usize) -> Vec<u8> {
    let Some((begin, _)) = parts(frame) else { return frame.to_vec() };
    let masked = frame[1] & 0x80 != 0;
    let left = most.min(frame.len() - begin);
    let mut short = head(frame[0], left, masked);
    let mask = if masked { begin - 4 } else { begin };
    short.extend_from_slice(&frame[mask..begin + left]);
    short
}

/// What stands before the mask and the payload.
fn head(first: u8, length: usize, masked: bool) -> Vec<u8> {
    let mask = if masked { 0x80 } else { 0 };
    let mut head = vec![first];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ ..=125), _) => head.push(mask | length),
        (_, Ok(length)) => {
            head.push(mask | 126);
            head.extend(length.to_be_bytes());
        }
        _ => {
            head.push(mask | 127);
            head.extend((length as u64).to_be_bytes());
        }
    }
    head
}

/// The length of the frame that begins here, head included; none if that cannot be told yet.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    let (head, payload) = parts(bytes)?;
    usize::try_from(payload).ok()?.checked_add(head)
}

/// The lengths of its head, the mask included, and of its payload.
fn parts(bytes: &[u8]) -> Option<(usize, u64)> {
    let second = *bytes.get(1)?;
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let (head, payload) = match second & 0x7f {
        126 => (4, u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)),
        short => (2, u64::from(short)),
    };
    Some((head + mask, payload))
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
    fn what_a_listener_wrote_is_read_through_its_mask() {
        let mut frame = write(TEXT, b"hello", true);
        assert_eq!(read_listeners(&frame), Some((TEXT, b"hello".to_vec())));
        let mask = [1, 2, 3, 4];
        frame[2..6].copy_from_slice(&mask);
        for (at, byte) in frame[6..].iter_mut().enumerate() {
            *byte ^= mask[at % 4];
        }
        assert_eq!(read_listeners(&frame), Some((TEXT, b"hello".to_vec())));
        assert_eq!(read_listeners(&write(TEXT, b"hello", false)), None);
    }

    #[test]
    fn a_shortened_frame_is_a_whole_one_with_the_beginning_of_its_payload() {
        for (length, most) in [(5, 3), (126, 125), (70_000, 300), (4, 9), (300, 0)] {
            let content: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            for of_listener in [false, true] {
                let mut short = shortened(&write(BINARY, &content, of_listener), most);
                assert_eq!(opcode(&short), Some(BINARY));
                let expected = &content[..most.min(content.len())];
                assert_eq!(payload(&mut short.clone()), expected, "{length} bytes");
                let whole = take(&mut short).unwrap();
                assert!(short.is_empty() && whole.ends_with(expected), "{length} bytes");
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
