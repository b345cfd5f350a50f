//! A request or its answer is lost in the middle, and somebody else sets the person's password before
//! the agent looks how it ended: what is in the directory is not what the person chose, and they are not
//! told that it is. The invariants are checked when each world ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests report a broken expectation by panicking"
)]

use std::time::Duration;

use directory_fake::Fault;
use lab::Kind;
use testkit::world::{CrashPoint, Told, World};

const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// When the helpdesk sets another one: before the time limit of a set, beyond which *unchanged* could be
/// said.
const HELPDESK: Duration = Duration::from_secs(8);
/// How long an agent stays away that died after the set.
const AWAY: Duration = Duration::from_secs(60);
const THEIRS: &str = "Chosen-By-The-Helpdesk-1";

/// What becomes of the person's own request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Own {
    /// It never reaches the controller.
    Lost,
    /// It is set, and the agent dies before it can say so.
    Set,
}

/// One person resets a password; the helpdesk sets another one meanwhile, at that controller.
fn story(seed: u64, own: Own, at: &'static str) -> Told {
    let mut world = World::start(seed, 1);
    let domain = world.domain().clone();
    domain.add_controller("dc2").unwrap();
    let person = world.people().iter().find(|one| one.kind == Kind::Ordinary).unwrap().clone();
    let (mut guest, password) = (world.guest(), world.password());
    let login = format!("{}@{}", person.login, domain.domain());
    let (guid, chosen) = (person.guid, password.clone());
    match own {
        Own::Lost => world.inject(Fault::RequestLost),
        Own::Set => {
            let points = CrashPoint::all();
            let applied = points.into_iter().find(|point| point.to_string() == "agent: applied");
            world.crash_at(applied.unwrap(), "agent-1", AWAY);
        }
    }
    world.after(HELPDESK, move |world| {
        assert_eq!(world.domain().journal().len(), usize::from(own == Own::Set), "seed {seed}");
        world.domain().administrator_sets_at(at, guid, THEIRS).unwrap();
    });
    let told = world.attend(move || guest.reset(&login, &person.private_mail, &password, PATIENCE));
    assert!(world.domain().is_password(guid, THEIRS), "seed {seed}");
    assert!(!world.domain().is_password(guid, &chosen), "seed {seed}");
    assert!(world.has_logged(&["writeback.finished", "cannot_be_known"]), "seed {seed}");
    told
}

#[test]
fn nobody_is_told_that_their_password_was_set_where_somebody_else_has_set_another_one() {
    for (seed, own, at) in [(51, Own::Lost, "dc2"), (52, Own::Set, "dc2"), (53, Own::Set, "dc1")] {
        assert_eq!(story(seed, own, at), Told::Unknown, "seed {seed}: {own:?} {at}");
    }
}
