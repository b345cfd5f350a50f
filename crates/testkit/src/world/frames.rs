//! WebSocket frames in a stream of bytes (RFC 6455 section 5.2): where one ends and the next begins,
//! so that the network can lose one, or bring it twice. Frames are not unmasked: a copy is a frame.

/// Takes the first whole frame off the front; none if there is no whole one yet.
pub(super) fn take(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = frame_length(bytes)?;
    if bytes.len() < length {
        return None;
    }
    let rest = bytes.split_off(length);
    Some(std::mem::replace(bytes, rest))
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
    fn half_a_frame_waits_for_the_other_half() {
        let mut bytes = vec![0x81, 126, 0];
        assert_eq!(take(&mut bytes), None);
        bytes.extend([200; 100]);
        assert_eq!(take(&mut bytes), None);
        assert_eq!(bytes.len(), 103);
    }
}
