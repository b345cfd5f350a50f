//! The seeds of the targets for a fuzzer, for the ordinary tests of the crate whose reader a target is
//! about.

use std::fs;
use std::path::Path;

use crate::for_each_input;

/// Gives every seed of a target to its check, which must read it; one whose name begins with `refused` it
/// must refuse.
///
/// # Panics
/// With the first that it takes otherwise, and where a target has hardly any seeds.
pub fn take(target: &str, check: fn(&[u8]) -> bool) {
    let mut taken = 0;
    for (name, seed) in all(target) {
        let read = check(&seed);
        assert_eq!(read, !name.starts_with("refused"), "{target}: {name}");
        taken += usize::from(read);
    }
    assert!(taken >= 3, "{target} has {taken} seeds that are read");
}

/// Gives a check what becomes of a target's seeds when a few things are wrong with them.
///
/// # Panics
/// As [`for_each_input`].
pub fn spoil(target: &str, check: fn(&[u8]) -> bool) {
    let seeds: Vec<_> = all(target).map(|(_, seed)| seed).collect();
    for_each_input(target, |chance| {
        let seed = chance.one_of(&seeds);
        check(&chance.spoilt(seed))
    });
}

/// The seeds of a target, by name.
fn all(target: &str) -> impl Iterator<Item = (String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let seeds = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{target}: {error}"));
    let mut seeds: Vec<_> = seeds.map(|seed| seed.unwrap().path()).collect();
    seeds.sort();
    seeds.into_iter().map(|seed| {
        let name = seed.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = fs::read(&seed).unwrap();
        (name, bytes)
    })
}
