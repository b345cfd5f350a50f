//! A relay in other hands that does something to what it carries: turns a bit over, leaves the end
//! out, says it twice, says it to somebody else. One whose word is all that there is, because it is
//! somebody else's, may also deny what it has delivered.
//!
//! Weather does some of that to frames, whatever is in them; this happens to the bodies: packages,
//! questions, and what agents answer.

use super::World;
use super::dice::Dice;
use super::frames::{self, BINARY, TEXT};
use super::installation::AGENTS;
use super::network::{Direction, Network};
use super::timeline::Matter;

/// What a relay does to what it carries. Each number is a percentage, per package, question or
/// answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tampering {
    /// One bit of it is another.
    pub flip: u32,
    /// Its end is missing.
    pub shorten: u32,
    /// It is said twice.
    pub repeat: u32,
    /// Another agent is told it, too.
    pub mislead: u32,
    /// A relay of somebody else's says that it was not delivered.
    pub deny: u32,
}

/// What is done to one of them.
pub(super) enum Trick {
    Nothing,
    Flip(u64),
    Shorten(u64),
    Twice,
    Misled,
    Denied,
}

/// What was said last in one direction of a channel.
#[derive(Default)]
pub(super) struct Tamperer {
    announced: Vec<u8>,
}

impl World {
    /// What the relay does from now on to what it carries; nothing by [`Tampering::default`].
    pub fn tamper(&mut self, tampering: Tampering) {
        self.disturbed = true;
        self.network.state().tampering = tampering;
        match tampering == Tampering::default() {
            true => self.timeline.is_right(Matter::Hands, self.now()),
            false => self.timeline.goes_wrong(Matter::Hands, self.now()),
        }
    }

    /// How often it has done something.
    pub fn tampered(&self) -> usize {
        self.network.state().tricks
    }
}

impl Tampering {
    /// What is done next. Nothing is thrown where nothing is wanted: what else is drawn stays as it was.
    pub(super) fn draw(self, dice: &mut Dice) -> Trick {
        if self == Self::default() {
            return Trick::Nothing;
        }
        if dice.percent(self.flip) {
            Trick::Flip(dice.number())
        } else if dice.percent(self.shorten) {
            Trick::Shorten(dice.number())
        } else if dice.percent(self.repeat) {
            Trick::Twice
        } else if dice.percent(self.mislead) {
            Trick::Misled
        } else if dice.percent(self.deny) {
            Trick::Denied
        } else {
            Trick::Nothing
        }
    }
}

impl Network {
    /// What is carried in place of a frame of this agent's channel.
    pub(super) fn tampered(
        &self,
        tamperer: &mut Tamperer,
        (agent, direction): (&str, Direction),
        mut frame: Vec<u8>,
    ) -> Vec<u8> {
        match frames::opcode(&frame) {
            Some(TEXT) => {
                tamperer.announced.clone_from(&frame);
                return frame;
            }
            Some(BINARY) => {}
            _ => return frame,
        }
        let mut state = self.state();
        let tampering = state.tampering;
        let trick = tampering.draw(&mut state.dice);
        let came = frame.clone();
        let mut said_elsewhere = false;
        match trick {
            // Denials are for those who have nothing but this relay's word.
            Trick::Nothing | Trick::Denied => {}
            Trick::Flip(bit) => flip(frames::payload(&mut frame), bit),
            Trick::Shorten(most) => {
                let length = frames::payload(&mut frame).len();
                frame = frames::shortened(&frame, below(most, length));
            }
            Trick::Twice => frame = [&*frame, &tamperer.announced, &frame].concat(),
            Trick::Misled => {
                let both = [&*tamperer.announced, &frame].concat();
                let others = AGENTS.into_iter().filter(|other| *other != agent);
                for other in others {
                    said_elsewhere |= state.try_to_say(other, direction, both.clone());
                }
            }
        }
        // What had no effect, as where there is no other agent, does not count.
        state.tricks += usize::from(said_elsewhere || frame != came);
        frame
    }
}

/// Turns one bit over.
pub(super) fn flip(bytes: &mut [u8], bit: u64) {
    let at = below(bit >> 3, bytes.len());
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << (bit & 7);
    }
}

/// A number below `end`, or 0 if there is none.
pub(super) fn below(number: u64, end: usize) -> usize {
    usize::try_from(number.checked_rem(end as u64).unwrap_or(0)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_is_another_and_all_of_them_can_be() {
        let mut seen = [0_u8; 3];
        for bit in 0..24 {
            let mut bytes = [0_u8; 3];
            flip(&mut bytes, bit);
            assert_eq!(bytes.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1, "{bit}");
            seen.iter_mut().zip(bytes).for_each(|(seen, byte)| *seen |= byte);
        }
        assert_eq!(seen, [0xff; 3]);
        flip(&mut [], 7);
    }

    #[test]
    fn every_trick_is_drawn_and_none_where_none_is_wanted() {
        let all = Tampering { flip: 20, shorten: 20, repeat: 20, mislead: 20, deny: 20 };
        let (mut dice, mut drawn) = (Dice::new(1), [0; 6]);
        for _ in 0..1_000 {
            let which = match all.draw(&mut dice) {
                Trick::Nothing => 0,
                Trick::Flip(_) => 1,
                Trick::Shorten(_) => 2,
                Trick::Twice => 3,
                Trick::Misled => 4,
                Trick::Denied => 5,
            };
            drawn[which] += 1;
        }
        assert!(drawn.iter().all(|count| *count > 50), "{drawn:?}");
        let before = dice.clone().number();
        assert!(matches!(Tampering::default().draw(&mut dice), Trick::Nothing));
        assert_eq!(dice.number(), before, "nothing was thrown");
    }
}
