use directory::{InvocationId, ObjectGuid, PwdLastSet, Witness};
use protocol::Timestamp;
use protocol::policy::Judge;

use super::*;
use crate::journal::Place;

const ASKED: [u8; 16] = [7; 16];

fn before() -> Before {
    Before {
        place: Place { connector: "corp".to_owned(), guid: ObjectGuid::from_bytes([1; 16]) },
        controller: "dc1.corp.test".to_owned(),
        invocation_id: ASKED,
        version: 5,
    }
}

fn witness(version: u32, originator: [u8; 16]) -> Witness {
    let id = |bytes| InvocationId(ObjectGuid::from_bytes(bytes));
    Witness {
        version,
        originator: Some(id(originator)),
        written_at: None,
        pwd_last_set: PwdLastSet::Never,
        of_one_write: false,
        judge: Judge::Windows,
        controller: "dc1.corp.test".to_owned(),
        invocation_id: id(ASKED),
    }
}

#[test]
fn only_the_next_version_from_the_controller_that_was_asked_is_ours_and_no_other_is_told_as_ours() {
    let changed = Ok((Outcome::SettledChanged, false));
    let unknown = Ok((Outcome::CannotBeKnown, false));
    assert_eq!(judge(&before(), &witness(6, ASKED)), changed);
    assert_eq!(judge(&before(), &witness(7, ASKED)), unknown, "two writes");
    assert_eq!(judge(&before(), &witness(6, [8; 16])), unknown, "written elsewhere");
    let nowhere = Witness { originator: None, ..witness(6, ASKED) };
    assert_eq!(judge(&before(), &nowhere), unknown);
}

#[test]
fn unchanged_counts_only_at_the_controller_that_was_asked() {
    let unchanged = |inferred| Ok((Outcome::SettledUnchanged, inferred));
    assert_eq!(judge(&before(), &witness(5, [8; 16])), unchanged(false));
    assert_eq!(judge(&before(), &witness(4, ASKED)), unchanged(true), "put back from a backup");
    let elsewhere = Witness { controller: "dc2.corp.test".to_owned(), ..witness(5, ASKED) };
    assert!(matches!(judge(&before(), &elsewhere), Err(Why::OtherController { .. })));
    let restored = InvocationId(ObjectGuid::from_bytes([9; 16]));
    let restored = Witness { invocation_id: restored, ..witness(5, ASKED) };
    assert!(matches!(judge(&before(), &restored), Err(Why::OtherController { .. })));
}

#[test]
fn what_was_given_up_is_not_called_unchanged_whoever_knows_that_it_does_not_show() {
    let unknown = Ok((Outcome::CannotBeKnown, false));
    assert_eq!(given_up(Ok((Outcome::SettledUnchanged, true))), unknown);
    let (noted, now) = ("dc1.corp.test".to_owned(), "dc2.corp.test".to_owned());
    assert_eq!(given_up(Err(Why::OtherController { noted, now })), unknown);
    for stays in [
        Ok((Outcome::SettledChanged, false)),
        Ok((Outcome::Unlocked, true)),
        Ok((Outcome::UserGone, true)),
        Err(Why::MayStillHappen),
    ] {
        assert_eq!(given_up(stays.clone()), stays);
    }
}

#[test]
fn the_same_is_said_once_a_minute_and_something_else_at_once() {
    let gone = Why::NoSuchDirectory { connector: "corp".to_owned() };
    let silent = |cause: &str| Why::Unreadable { cause: cause.to_owned() };
    let mut said = Said::default();
    let start = Timestamp::from_millis(1_800_000_000_000);
    let at = |seconds| start.after(Duration::from_secs(seconds));
    assert!(said.is_due(&gone, at(0)));
    assert!(!said.is_due(&gone, at(59)));
    assert!(said.is_due(&gone, at(60)));
    assert!(said.is_due(&silent("a"), at(62)));
    assert!(!said.is_due(&silent("b"), at(64)));
    assert!(said.is_due(&gone, at(66)));
}
