use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::*;

/// Every number of the table in SPEC 5 that is not our own, and the codes of pages.
const NUMBERS_OF_SPEC_5: &str = "
    31001 31002 31003  31006 31007 31008  31009 31010 31011
    31004 31005  31012 31013 31014
    31015 31016 31017 31018 31019  31034 31044
    32000 32001 32002 32003 32004 32005  32007 32008 32009 32010  32011 32013 32014 32015
    33001 33002 33003 33004 33005 33006 33007 33008 33009
    6329 6800
    SSPR_0009 SSPR_0010 SSPR_0011 SSPR_0012 SSPR_0013 SSPR_0014 SSPR_0029 SSPR_0030
";

/// The names of a number, in the order of the table.
fn names_by_number() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for outcome in Outcome::ALL {
        found.entry(outcome.number()).or_default().push(outcome.name());
    }
    found
}

#[test]
fn names_are_unique_and_read_back() {
    let names: HashSet<_> = Outcome::ALL.iter().map(|outcome| outcome.name()).collect();
    assert_eq!(names.len(), Outcome::ALL.len());
    for outcome in Outcome::ALL {
        assert_eq!(Outcome::from_name(outcome.name()), Some(*outcome));
    }
}

#[test]
fn a_name_can_stand_everywhere() {
    for name in Outcome::ALL.iter().map(|outcome| outcome.name()) {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        assert!(name.bytes().all(fits), "{name}: in addresses, attributes, keys of messages");
        assert!(name.len() <= 28, "{name}: the area of an answer is small");
    }
}

#[test]
fn every_number_of_the_specification_has_an_outcome_and_every_other_is_our_own() {
    let found = names_by_number();
    let specified: BTreeSet<_> = NUMBERS_OF_SPEC_5.split_whitespace().collect();
    for number in &specified {
        assert!(found.contains_key(number), "SPEC 5 has {number}");
    }
    for number in found.keys().filter(|number| !specified.contains(*number)) {
        let own = number.parse::<u32>().is_ok_and(|number| (34001..35000).contains(&number));
        assert!(own, "{number} is neither SPEC 5's nor from 34001");
    }
    assert_eq!(found["6329"].len(), 4, "restriction, denied, not enabled, no policy control");
}

#[test]
fn our_own_numbers_are_used_once() {
    for (number, names) in names_by_number() {
        assert!(!number.starts_with("34") || names.len() == 1, "{number}: {names:?}");
    }
}

#[test]
fn only_a_set_says_that_the_password_changed() {
    for outcome in Outcome::ALL {
        let set = matches!(
            outcome,
            Outcome::PasswordChanged
                | Outcome::ChangedByPerson
                | Outcome::ResetByAdministrator
                | Outcome::ResetChangeNotAsked
                | Outcome::MustChangeNotSet
                | Outcome::SetButExpired
                | Outcome::CloudNotYet
                | Outcome::ReplicasNotYet
                | Outcome::SettledChanged
                | Outcome::SettledElsewhereChanged
        );
        assert_eq!(outcome.changed() == Changed::Yes, set, "{}", outcome.name());
    }
}

#[test]
fn only_what_was_cut_off_is_unknown() {
    for outcome in Outcome::ALL {
        let doubt = matches!(outcome, Outcome::InDoubt | Outcome::CannotBeKnown);
        assert_eq!(outcome.changed() == Changed::Unknown, doubt, "{}", outcome.name());
    }
}

#[test]
fn another_password_is_asked_for_where_none_was_set_and_the_person_must_act() {
    for outcome in Outcome::ALL.iter().filter(|one| one.asks_for_another_password()) {
        let name = outcome.name();
        assert_eq!((outcome.changed(), outcome.actor()), (Changed::No, Actor::Person), "{name}");
        assert!(outcome.is_told(), "{name}");
    }
}

#[test]
fn whoever_must_act_is_told_the_cause_and_the_fix() {
    for outcome in Outcome::ALL {
        let (name, cause, fix) = (outcome.name(), outcome.cause(), outcome.fix());
        assert!(cause.ends_with('.') && cause.len() > 15, "{name}: {cause}");
        assert!(outcome.actor() == Actor::Nobody || !fix.is_empty(), "{name} has no fix");
        assert!(fix.is_empty() || fix.ends_with(['.', '?']), "{name}: {fix}");
        let text = outcome.operator_text();
        assert_eq!(text, [cause, fix].join(" ").trim_end(), "{name}");
        assert_eq!(text.matches('`').count() % 2, 0, "{name}: a quotation does not end");
    }
}

#[test]
fn events_are_for_the_operator_and_no_agent_answers_with_what_only_pages_say() {
    let answers: BTreeSet<_> = Outcome::answers().map(Outcome::name).collect();
    for outcome in Outcome::ALL {
        assert_eq!(outcome.is_told(), outcome.kind() != Kind::Event, "{}", outcome.name());
        assert_eq!(answers.contains(outcome.name()), outcome.kind() == Kind::Answer);
    }
    for outcome in [Outcome::AgentStarted, Outcome::ResetFailed, Outcome::BreakerAlarm] {
        assert_eq!(outcome.kind(), Kind::Event, "{}", outcome.name());
        assert_eq!(outcome.changed(), Changed::No, "{}", outcome.name());
    }
    for outcome in [Outcome::CodeWrong, Outcome::WritebackOff, Outcome::NotEntitled] {
        assert_eq!(outcome.kind(), Kind::Page, "{}", outcome.name());
    }
}

#[test]
fn every_group_has_outcomes_that_stand_together() {
    let mut order: Vec<_> = Outcome::ALL.iter().map(|outcome| outcome.group()).collect();
    order.dedup();
    assert_eq!(order, Group::ALL);
}
