//! A relay in other hands that does something to what it carries: turns a bit over, leaves the end
//! out, says it twice, says it to somebody else. One whose word is all that there is, because it is
//! somebody else's, may also deny what it has delivered.
//!
//! Weather does some of that to frames, whatever is in them; this happens to the bodies: packages,
//! questions, and what agents answer.

use std::time::Duration;

use super::World;
use super::dice::Dice;
use super::frames::{self, BINARY, TEXT};
use super::installation::AGENTS;
use super::network::{Network, State};
use super::timeline::Matter;
use super::way::Direction;

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

/// What a relay does to what it carries, by all that it does at the same time.
#[derive(Debug, Default)]
pub(super) struct Tamperings {
    /// Those that have not ended, each with its number, in the order in which they began.
    active: Vec<(usize, Tampering)>,
    /// How many have begun.
    begun: usize,
}

impl World {
    /// What the relay does for so long to what it carries, beside what it does already.
    pub fn tamper(&mut self, tampering: Tampering, lasts: Duration) {
        if tampering == Tampering::default() {
            return;
        }
        let number = self.network.state().tamperings.begin(tampering);
        self.timeline.goes_wrong(Matter::Hands, self.now());
        self.after(lasts, move |world| {
            if world.network.state().tamperings.end(number) {
                world.timeline.is_right(Matter::Hands, world.now());
            }
        });
    }

    /// How often it has done something.
    pub fn tampered(&self) -> usize {
        self.network.state().tricks
    }
}

impl Tamperings {
    /// One more; its number.
    fn begin(&mut self, tampering: Tampering) -> usize {
        self.begun += 1;
        self.active.push((self.begun, tampering));
        self.begun
    }

    /// That one ends, and no other; whether none is left.
    fn end(&mut self, number: usize) -> bool {
        self.active.retain(|(other, _)| *other != number);
        self.active.is_empty()
    }

    /// What is done next: by the first one that does anything.
    pub(super) fn draw(&self, dice: &mut Dice) -> Trick {
        let mut drawn = self.active.iter().map(|(_, tampering)| tampering.draw(dice));
        drawn.find(|trick| !matches!(trick, Trick::Nothing)).unwrap_or(Trick::Nothing)
    }
}

impl Tampering {
    fn draw(self, dice: &mut Dice) -> Trick {
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
        let State { tamperings, dice, .. } = &mut *state;
        let trick = tamperings.draw(dice);
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
        assert!(matches!(Tamperings::default().draw(&mut dice), Trick::Nothing));
        assert_eq!(dice.number(), before, "nothing was thrown where nothing is wanted");
    }

    #[test]
    fn of_two_that_overlap_each_ends_by_itself() {
        let (mut all, mut dice) = (Tamperings::default(), Dice::new(1));
        let twice = all.begin(Tampering { repeat: 100, ..Tampering::default() });
        let denied = all.begin(Tampering { deny: 100, ..Tampering::default() });
        assert!(matches!(all.draw(&mut dice), Trick::Twice), "the first one that does anything");
        assert!(!all.end(twice), "one is left");
        assert!(!all.end(twice), "it had ended");
        assert!(matches!(all.draw(&mut dice), Trick::Denied));
        let again = all.begin(Tampering { repeat: 100, ..Tampering::default() });
        assert!(!all.end(denied));
        assert!(matches!(all.draw(&mut dice), Trick::Twice));
        assert!(all.end(again), "none is left");
        assert!(matches!(all.draw(&mut dice), Trick::Nothing));
    }
}
