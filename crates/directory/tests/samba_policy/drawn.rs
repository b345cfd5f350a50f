//! What the property tests draw: policies, and passwords that lie near their borders. Everything
//! comes from one seed.

use std::time::Duration;

/// Chance that a seed repeats (SplitMix64).
pub struct Dice {
    /// What it began with, to be told when something fails.
    pub seed: u64,
    state: u64,
}

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }

    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// A policy of the test.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub name: &'static str,
    pub minimum_length: u32,
    pub complexity: bool,
    pub history_length: u32,
    pub minimum_age: Duration,
}

const DAY: Duration = Duration::from_secs(86_400);

/// The first is the domain's own, the others are fine-grained ones.
pub const POLICIES: [Rules; 6] = [
    Rules::of("the domain's", 7, true, 24, Duration::ZERO),
    Rules::of("long and complex", 12, true, 0, Duration::ZERO),
    Rules::of("complex at any length", 0, true, 24, Duration::ZERO),
    Rules::of("length and history", 5, false, 24, Duration::ZERO),
    Rules::of("length alone", 20, false, 0, Duration::ZERO),
    Rules::of("a day between changes", 7, true, 3, DAY),
];

impl Rules {
    const fn of(
        name: &'static str,
        minimum_length: u32,
        complexity: bool,
        history_length: u32,
        minimum_age: Duration,
    ) -> Self {
        Self { name, minimum_length, complexity, history_length, minimum_age }
    }
}

/// Characters of one sort each. Those that are written twice as often matter more.
const SORTS: [&str; 14] = [
    "abcxyz",
    "ABCXYZ",
    "0123456789",
    "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/",
    "abcxyz",
    "ABCXYZ",
    "0123456789",
    " \t\u{1}\u{7f}",
    "éèñøžščßŉıſµª",
    "ÉÈÑØŽŠČİΩЖЉ",
    "ωжњșțəʃꙁⲁ",
    "密碼字かなקم٣²ⅧⒶⓐǅ",
    "€£“…😀🎂",
    "𠮷𝐀𐐀𐐨\u{e000}\u{ffff}\u{10ffff}",
];

/// A password that may break any of the rules, or none.
pub fn password(dice: &mut Dice, rules: &Rules, names: &[&str]) -> String {
    let least = rules.minimum_length as usize;
    let units = match dice.below(6) {
        0 => 1 + dice.below(4),
        1 => 1 + least + dice.below(30),
        _ => (least + 3).saturating_sub(dice.below(5)).max(1),
    };
    let sorts: Vec<&str> = (0..1 + dice.below(4)).map(|_| dice.one_of(&SORTS)).collect();
    let mut text = String::new();
    if dice.below(8) == 0 {
        text.push_str(dice.one_of(names));
    }
    while text.encode_utf16().count() < units {
        text.push(match dice.below(40) {
            0 => anything(dice),
            _ => {
                let sort: Vec<char> = dice.one_of(&sorts).chars().collect();
                dice.one_of(&sort)
            }
        });
    }
    text
}

/// Any character of any plane.
pub fn anything(dice: &mut Dice) -> char {
    loop {
        let bound = dice.one_of(&[0x100, 0x2_0000, 0x11_0000]);
        let code = u32::try_from(1 + dice.below(bound - 1)).unwrap();
        if let Some(character) = char::from_u32(code) {
            return character;
        }
    }
}
