//! A chosen password is in no file, no mail and no body (SPEC PR-5, K-6; THREATS I8).

use testkit::canary::Canary;

use crate::world::{World, expect, expect_changed, forest, ordinary};

/// Has every kind of character that an escaping changes.
const CANARY: &str = "Kanarie \"Zoë\" & 50%+/\\2025";
/// One that the directory refuses: refusals are what gets logged.
const REFUSED: &str = "kanarievogel";

#[test]
fn a_password_that_was_set_or_refused_is_in_no_file_and_in_no_body_that_was_sealed() {
    let forest = forest();
    let (sealed, unscripted) = (ordinary(&forest), ordinary(&forest));
    let options = testkit::Options::default();
    let mut world = World::with(forest, options);
    let mut visitor = world.cleared(&sealed);
    expect(&visitor.password(REFUSED).unwrap(), "password", "policy_not_complex", "33008", "no");
    expect_changed(&visitor.password(CANARY).unwrap());
    let mut plain = world.cleared(&unscripted);
    let page = plain.password_in_clear(REFUSED, REFUSED).unwrap();
    expect(&page, "password", "policy_not_complex", "33008", "no");
    expect_changed(&plain.password_in_clear(CANARY, CANARY).unwrap());
    assert!(world.holds(&sealed, CANARY) && world.holds(&unscripted, CANARY));

    for secret in [CANARY, REFUSED] {
        let canary = Canary::new(secret);
        let leaks = |bodies: &[Vec<u8>]| bodies.iter().any(|one| canary.in_bytes(one).is_some());
        assert!(!leaks(visitor.sent()), "{secret}: the script sent it");
        assert!(leaks(plain.sent()), "{secret}: the search sees what the plain form sends");
        // While everything runs, with the journals of the databases; and after it has ended.
        assert_eq!(canary.in_files(world.stack.directory()).unwrap(), []);
    }
    world.stack.stop();
    for secret in [CANARY, REFUSED] {
        let canary = Canary::new(secret);
        assert_eq!(canary.in_files(world.stack.directory()).unwrap(), []);
        let planted = world.stack.directory().join("agent/state/planted.db-wal");
        std::fs::write(&planted, [b"\0x".as_slice(), secret.as_bytes()].concat()).unwrap();
        assert_eq!(canary.in_files(world.stack.directory()).unwrap().len(), 1);
        std::fs::remove_file(planted).unwrap();
    }
}
