//! The weather between an agent and whom it speaks to: what happens to frames by chance.

use std::time::Duration;

/// What happens to what is under way. Each number is a percentage, per frame of a channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weather {
    /// The frame is lost.
    pub lose: u32,
    /// It comes twice.
    pub repeat: u32,
    /// It comes after the next one.
    pub reorder: u32,
    /// One bit of it is another.
    pub alter: u32,
    /// It is held up, with all that follow, at most for [`Weather::longest`].
    pub hold: u32,
    /// The longest that something is held up.
    pub longest: Duration,
    /// The connection breaks.
    pub cut: u32,
    /// Nothing from the agent arrives any more, and nobody is told.
    pub swallow_up: bool,
    /// Nothing to the agent arrives any more, and nobody is told.
    pub swallow_down: bool,
    /// What was said to the agent on its last channel is said again at the beginning of the next.
    pub replay: bool,
    /// Nobody can connect.
    pub closed: bool,
}

/// Turns one bit of a frame's payload over; its head stays, so that it is still a frame.
pub(super) fn alter(frame: &mut [u8], bit: u64) {
    let head = 14.min(frame.len());
    let payload = &mut frame[head..];
    if payload.is_empty() {
        return;
    }
    let bits = payload.len() as u64 * 8;
    let bit = usize::try_from(bit % bits).unwrap_or(0);
    payload[bit / 8] ^= 1 << (bit % 8);
}
