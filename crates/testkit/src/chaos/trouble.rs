//! What can go wrong on a road, and when: written down by a test, or drawn by a seed.

use std::fmt;
use std::time::Duration;

use crate::world::Dice;

/// The longest run of bytes after which something that is drawn is cut: within the first record of TLS
/// or a few later, hardly ever at the end of one.
const CUT_WITHIN: u64 = 3_000;

/// What happens to the bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// They arrive.
    #[default]
    Open,
    /// They arrive so much later.
    Late(Duration),
    /// So many of them arrive in a second.
    Slow(u32),
    /// They are taken and do not arrive, and nobody is told.
    Swallowed,
    /// They are not even taken: whoever writes has to wait.
    Stopped,
    /// So many more arrive on each connection, then it is reset: in the middle of whatever it is.
    CutAfter(u64),
}

/// What happens on a road as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trouble {
    /// Whoever connects is reset at once.
    pub refuse: bool,
    /// From who connects.
    pub up: Way,
    /// To who connects.
    pub down: Way,
    /// What was half open when this is over stays so, as after a firewall has forgotten a connection.
    /// Otherwise it is reset then.
    pub forgotten: bool,
}

impl Trouble {
    /// The connection looks alive to both sides, and nothing arrives.
    pub const HALF_OPEN: Self =
        Self { up: Way::Swallowed, down: Way::Swallowed, ..Self::both(Way::Open) };
    /// Nobody can connect; what is connected stays so.
    pub const REFUSED: Self = Self { refuse: true, ..Self::both(Way::Open) };

    /// The same in both directions.
    pub const fn both(way: Way) -> Self {
        Self { refuse: false, up: way, down: way, forgotten: false }
    }
}

/// A trouble, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spell {
    /// How long everything is well before it.
    pub calm: Duration,
    /// How long it lasts.
    pub lasts: Duration,
    /// What it is.
    pub trouble: Trouble,
}

/// One trouble after the other. When it is over everything is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script(Vec<Spell>);

impl Script {
    /// What a test has in mind.
    pub const fn new(spells: Vec<Spell>) -> Self {
        Self(spells)
    }

    /// What the dice say, `most` spells or fewer, each of at most that length, and half as much calm
    /// before each; sometimes a connection
    /// is `forgotten`, which takes whoever waits on it most of a minute to notice.
    pub fn drawn(dice: &mut Dice, most: u64, length: Duration, forgotten: bool) -> Self {
        let longest = u64::try_from(length.as_millis()).unwrap_or(u64::MAX).max(1);
        let spell = |dice: &mut Dice| Spell {
            calm: Duration::from_millis(dice.below(longest.div_ceil(2))),
            lasts: Duration::from_millis(1 + dice.below(longest)),
            trouble: Trouble { forgotten: forgotten && dice.percent(20), ..drawn(dice) },
        };
        let count = 1 + dice.below(most.max(1));
        Self((0..count).map(|_| spell(dice)).collect())
    }

    /// Its spells, in their order.
    pub fn spells(&self) -> &[Spell] {
        &self.0
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Spell { calm, lasts, trouble }) in self.0.iter().enumerate() {
            let Trouble { refuse, up, down, forgotten } = trouble;
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}after {calm:?} for {lasts:?} ")?;
            match refuse {
                true => write!(f, "refused")?,
                false => write!(f, "up {up:?} down {down:?}")?,
            }
            if *forgotten {
                write!(f, " forgotten")?;
            }
        }
        Ok(())
    }
}

fn drawn(dice: &mut Dice) -> Trouble {
    let way = |dice: &mut Dice| match dice.below(5) {
        0 => Way::Late(Duration::from_millis(1 + dice.below(400))),
        1 => Way::Slow(u32::try_from(500 + dice.below(20_000)).unwrap_or(u32::MAX)),
        2 => Way::Swallowed,
        3 => Way::Stopped,
        _ => Way::CutAfter(dice.below(CUT_WITHIN)),
    };
    match dice.below(6) {
        0 => Trouble::REFUSED,
        1 => Trouble::HALF_OPEN,
        2 => Trouble { up: way(dice), ..Trouble::default() },
        3 => Trouble { down: way(dice), ..Trouble::default() },
        _ => Trouble { up: way(dice), down: way(dice), ..Trouble::default() },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const LENGTH: Duration = Duration::from_secs(2);

    #[test]
    fn the_same_seed_draws_the_same_script_and_every_trouble_is_drawn_sometime() {
        let script = |seed| Script::drawn(&mut Dice::new(seed), 3, LENGTH, true);
        assert_eq!(script(7), script(7));
        let mut seen = BTreeSet::new();
        for spell in (0..500).flat_map(|seed| script(seed).0) {
            assert!(spell.calm < LENGTH / 2 && spell.lasts <= LENGTH, "{spell:?}");
            let Trouble { refuse, up, down, forgotten } = spell.trouble;
            let name =
                |way: Way| format!("{way:?}").split('(').next().unwrap_or_default().to_owned();
            seen.extend([
                name(up),
                name(down),
                format!("refuse {refuse}"),
                format!("forgotten {forgotten}"),
            ]);
        }
        assert_eq!(seen.len(), 6 + 2 + 2, "{seen:?}");
    }

    #[test]
    fn nothing_is_forgotten_where_nobody_has_the_time() {
        let all = (0..500).flat_map(|seed| Script::drawn(&mut Dice::new(seed), 3, LENGTH, false).0);
        assert!(all.into_iter().all(|spell| !spell.trouble.forgotten));
    }

    #[test]
    fn a_script_says_what_it_will_do() {
        let trouble = Trouble { down: Way::CutAfter(7), forgotten: true, ..Trouble::default() };
        let spell = Spell { calm: Duration::ZERO, lasts: LENGTH, trouble };
        let refused = Spell { trouble: Trouble::REFUSED, ..spell };
        let said = Script::new(vec![spell, refused]).to_string();
        assert_eq!(
            said,
            "after 0ns for 2s up Open down CutAfter(7) forgotten, after 0ns for 2s refused"
        );
    }
}
