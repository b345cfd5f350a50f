//! Resets by an administrator without history and least age, where the directory's own configuration says so
//! (SPEC O-3).

use std::sync::Arc;
use std::time::Duration;

use directory::ObjectGuid;
use directory_fake::{FakePolicy, Fault, Flavour, NewFakePerson, PolicyControls};
use lab::Kind;
use protocol::policy::Judge;
use protocol::scim::PolicyReference;
use protocol::{Operation, Outcome, PasswordPolicy, Passwords};

use super::expired_tests::{passwords, somebody};
use super::operations_tests::{NEW, World, change, password};
use super::{Details, Ended, Unrecorded};
use crate::directories::{Connected, Directories};
use crate::settings::DirectorySettings;

const TOLD: &str = "writeback.history_and_age_not_kept";

impl World {
    /// From now on the directory's administrators are spared history and least age.
    fn spares(&mut self) {
        let Connected { settings, directory } = &self.writeback.directories.all()[0];
        let settings = DirectorySettings {
            administrator_reset_without_history_and_age: true,
            ..settings.clone()
        };
        let spares = Connected { settings, directory: Arc::clone(directory) };
        self.writeback.directories = Directories::of(vec![spares]);
    }

    /// Somebody whose policy remembers passwords and wants one to be kept for a day, and the present one.
    fn bound(&mut self, login: &str) -> (ObjectGuid, String) {
        let person = self.population.add(NewFakePerson::new(login)).unwrap();
        let day = Duration::from_secs(86_400);
        let policy = FakePolicy { minimum_age: day, ..FakePolicy::default() };
        self.population.domain.add_settings(login, 1, &policy, &[login]).unwrap();
        (person.guid, person.password)
    }
}

fn one(text: &str) -> Passwords {
    Passwords::New(password(text))
}

/// Rules as the import may have seen them, or may not have read.
fn seen() -> [Option<PolicyReference>; 3] {
    let kept = PasswordPolicy {
        history_length: 24,
        judged_by: Some(Judge::Samba),
        ..PasswordPolicy::default()
    };
    let kept = kept.with_minimum_age(Duration::from_secs(86_400));
    let reference = |rules| PolicyReference { reference: "PSO".to_owned(), rules };
    [None, Some(reference(Some(kept))), Some(reference(None))]
}

#[tokio::test]
async fn an_administrator_obeys_history_and_least_age_unless_the_directory_spares_them() {
    for (case, seen) in seen().into_iter().enumerate() {
        let mut world = World::new(&format!("spared-{case}")).await;
        world.seen = seen;
        let (bound, present) = world.bound("bound");
        let (remembers, old) = world.person(Kind::Ordinary);
        for (guid, text, refused) in [
            (bound, present.as_str(), Outcome::PolicyTooYoung),
            (bound, NEW, Outcome::PolicyTooYoung),
            (remembers, old.as_str(), Outcome::PolicyHistory),
        ] {
            let (header, told) =
                world.done(Operation::ResetByAdministrator, guid, &one(text)).await;
            assert_eq!(told, Some(refused), "{case} {text}");
            assert!(world.trail(&header).await.iter().all(|event| event != TOLD), "{case}");
        }
        world.spares();
        for (guid, text) in [(bound, &present), (bound, &present), (remembers, &old)] {
            let (header, told) =
                world.done(Operation::ResetByAdministrator, guid, &one(text)).await;
            assert_eq!(told, Some(Outcome::ResetByAdministrator), "{case}");
            assert!(world.population.domain.is_password(guid, text) && world.must_change(guid));
            // Nothing else of what was not asked for is told beside it.
            let steps = ["begun", "noted", "history_and_age_not_kept", "set", "finished"];
            let steps = steps.map(|step| format!("writeback.{step}"));
            assert_eq!(world.trail(&header).await, steps, "{case}");
        }
        assert!(world.population.domain.journal().iter().all(|set| !set.hints && set.unlocked));
    }
}

#[tokio::test]
async fn nobody_s_own_reset_or_change_is_spared_anything() {
    let mut world = World::new("spared-own").await;
    world.spares();
    let (bound, present) = world.bound("bound");
    let (remembers, old) = world.person(Kind::Ordinary);
    for (operation, guid, text, refused) in [
        (Operation::Reset, bound, present.as_str(), Outcome::PolicyTooYoung),
        (Operation::Reset, bound, NEW, Outcome::PolicyTooYoung),
        (Operation::Reset, remembers, old.as_str(), Outcome::PolicyHistory),
        (Operation::Change, bound, present.as_str(), Outcome::PolicyTooYoung),
    ] {
        let passwords = match operation {
            Operation::Change => change(text),
            _ => one(text),
        };
        let (header, told) = world.done(operation, guid, &passwords).await;
        assert_eq!(told, Some(refused), "{operation:?} {text}");
        assert!(world.trail(&header).await.iter().all(|event| event != TOLD), "{operation:?}");
    }
    let reset = world.outcome(Operation::Reset, remembers, &one(NEW)).await;
    assert_eq!(reset, Outcome::PasswordChanged);
    assert!(world.population.domain.journal()[0].hints);
}

#[tokio::test]
async fn who_is_spared_is_still_told_of_the_rules_that_are_kept_and_of_no_other() {
    let mut world = World::new("spared-kept").await;
    world.spares();
    let (bound, _) = world.bound("bound");
    for (text, refused) in
        [("Ab1!", Outcome::PolicyTooShort), ("aaaaaaaaaaaa", Outcome::PolicyNotComplex)]
    {
        let (header, told) = world.done(Operation::ResetByAdministrator, bound, &one(text)).await;
        assert_eq!(told, Some(refused), "{text}");
        let entry = world.writeback.journal.entry(header.request).await.unwrap().unwrap();
        assert_eq!(entry.answer.unwrap().details.not_before, None, "{text}");
    }
    let (protected, _) = world.person(Kind::ProtectedNested);
    let told = world.outcome(Operation::ResetByAdministrator, protected, &one(NEW)).await;
    assert_eq!(told, Outcome::Protected);

    // What only a password filter can have refused was neither history nor age.
    let mut world = World::new("spared-filter").await;
    let person = somebody(&mut world, Flavour::Windows);
    person.domain.filter(&["Meadow"]);
    for (spares, history) in [(false, true), (true, false)] {
        if spares {
            world.spares();
        }
        let passwords = passwords(Operation::ResetByAdministrator, &person.old);
        let operation = Operation::ResetByAdministrator;
        let (header, told) = world.done(operation, person.guid, &passwords).await;
        assert_eq!(told, Some(Outcome::PolicyOther), "{spares}");
        let entry = world.writeback.journal.entry(header.request).await.unwrap().unwrap();
        let Details { history_length, not_before, .. } = entry.answer.unwrap().details;
        assert_eq!((history_length.is_some(), not_before), (history, None), "{spares}");
    }
}

/// The control that is not sent need not be offered; where it would be sent, it must.
#[tokio::test]
async fn where_no_control_is_offered_administrators_who_are_spared_reset_and_nobody_else_does() {
    let mut world = World::new("spared-uncontrolled").await;
    world.population.domain.offer("dc1", PolicyControls::None).unwrap();
    let (guid, _) = world.person(Kind::Ordinary);
    let kept = world.outcome(Operation::ResetByAdministrator, guid, &one(NEW)).await;
    assert_eq!(kept, Outcome::NoPolicyControl);
    world.spares();
    let own = world.outcome(Operation::Reset, guid, &one(NEW)).await;
    assert_eq!(own, Outcome::NoPolicyControl);
    let spared = world.outcome(Operation::ResetByAdministrator, guid, &one(NEW)).await;
    assert_eq!(spared, Outcome::ResetByAdministrator);
}

/// Audit says it with the note, without which nothing is sent: before an answer is recorded, and where
/// there is none.
#[tokio::test]
async fn audit_says_so_of_a_reset_whose_end_the_agent_does_not_see() {
    let mut world = World::new("spared-unfinished").await;
    world.spares();
    let (guid, present) = world.person(Kind::Ordinary);
    let operation = Operation::ResetByAdministrator;
    let (header, ended) = world.ended(operation, guid, &one(&present)).await;
    assert!(matches!(ended, Ended::Unrecorded(Unrecorded { .. })));
    let steps = ["begun", "noted", "history_and_age_not_kept", "set"];
    assert_eq!(world.trail(&header).await, steps.map(|step| format!("writeback.{step}")));

    let (guid, present) = world.bound("lost");
    world.population.domain.inject(Fault::AnswerLost);
    let (header, doubt) = world.done(operation, guid, &one(&present)).await;
    assert_eq!(doubt, None);
    assert!(world.trail(&header).await.contains(&TOLD.to_owned()));
    // Settled as any other.
    assert_eq!(world.settled(&header).await, Outcome::SettledChanged);
    assert!(world.must_change(guid));
}
