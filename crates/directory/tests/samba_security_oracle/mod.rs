//! What the comparisons with Samba share: descriptors that a seed decides, and how Samba is asked.

use directory::security::{
    Access, Ace, AceBody, AceFlags, AceKind, Acl, Control, SecurityDescriptor,
};
use directory::{ObjectGuid, Sid};
use lab::Forest;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// The seed of a run: `PASSBACK_SEED`, or always the same one. A test that fails prints it.
pub fn seed() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "to repeat a run that failed")]
    let wanted = std::env::var("PASSBACK_SEED");
    let seed = wanted.map_or(20, |seed| seed.parse().expect("PASSBACK_SEED is a number"));
    println!("PASSBACK_SEED={seed}");
    seed
}

/// So many values of a kind, as the seed decides.
pub fn some<S: Strategy>(count: usize, of: S) -> Vec<S::Value> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed().to_le_bytes());
    let chance = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), chance);
    (0..count).map(|_| of.new_tree(&mut runner).unwrap().current()).collect()
}

pub fn sid(text: &str) -> Sid {
    text.parse().unwrap()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

pub fn read(hex: &str) -> SecurityDescriptor {
    SecurityDescriptor::from_value(&bytes(hex)).unwrap()
}

/// Asks one of the programs here, one question per line; as many lines come back.
pub fn ask(forest: &Forest, program: &str, head: &[String], questions: &[String]) -> Vec<String> {
    let input = [head, questions].concat().join("\n");
    let answer = forest.python(program, &input).unwrap();
    let answers: Vec<String> = answer.lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), questions.len(), "{answer}");
    answers
}

/// What entries are made of.
pub struct Parts {
    pub kinds: Vec<AceKind>,
    pub flags: Vec<u8>,
    pub masks: Vec<u32>,
    pub types: Vec<ObjectGuid>,
    pub classes: Vec<ObjectGuid>,
    pub trustees: Vec<Sid>,
}

impl Parts {
    /// Any entry of these parts; a mask is one or more of the masks.
    pub fn entry(&self) -> impl Strategy<Value = Ace> + use<> {
        let masks = prop::collection::vec(prop::sample::select(self.masks.clone()), 1..4);
        let one_of =
            |guids: &Vec<ObjectGuid>| prop::option::of(prop::sample::select(guids.clone()));
        let parts = (
            prop::sample::select(self.kinds.clone()),
            prop::sample::select(self.flags.clone()),
            masks,
            one_of(&self.types),
            one_of(&self.classes),
            prop::sample::select(self.trustees.clone()),
        );
        parts.prop_map(|(kind, flags, masks, object_type, class, trustee)| {
            let objects = [AceKind::ALLOWED_OBJECT, AceKind::DENIED_OBJECT, AceKind::AUDIT_OBJECT];
            let typed = objects.contains(&kind);
            let access = Access {
                mask: masks.iter().fold(0, |sum, mask| sum | mask),
                object_type: object_type.filter(|_| typed),
                inherited_object_type: class.filter(|_| typed),
                trustee,
                application: Vec::new(),
            };
            Ace { kind, flags: AceFlags(flags), body: AceBody::Access(access) }
        })
    }
}

/// A DACL of such entries, in its order or not.
pub fn dacl(entry: impl Strategy<Value = Ace>, sorted: bool) -> impl Strategy<Value = Acl> {
    prop::collection::vec(entry, 0..10).prop_map(move |entries| {
        let mut list = Acl { revision: 4, entries: Vec::new() };
        if !sorted {
            return Acl { entries, ..list };
        }
        for entry in entries {
            list.add(entry);
        }
        list
    })
}

/// A descriptor of a DACL that inherits nothing.
pub fn protected(dacl: Acl) -> SecurityDescriptor {
    let mut descriptor = SecurityDescriptor::of_dacl(dacl);
    descriptor.control.0 |= Control::DACL_PROTECTED.0;
    descriptor
}
