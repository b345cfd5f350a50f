//! The seeds of a target, for the ordinary tests of the crate whose reader it is about.

use std::fs;
use std::path::Path;

/// Gives every seed of a target to its check, which must read it; one whose name begins with `refused` it
/// must refuse.
pub(crate) fn take(target: &str, check: fn(&[u8]) -> bool) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let seeds = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{target}: {error}"));
    let mut taken = 0;
    for seed in seeds.map(|seed| seed.unwrap().path()) {
        let name = seed.file_name().unwrap().to_string_lossy().into_owned();
        let read = check(&fs::read(&seed).unwrap());
        assert_eq!(read, !name.starts_with("refused"), "{}", seed.display());
        taken += usize::from(read);
    }
    assert!(taken >= 3, "{target} has {taken} seeds that are read");
}
