//! Two controllers of one domain, and what each of them knows: cases that run on the fake and on
//! Samba. The agent's own client sets, and reads at the controller that it is told to prefer.
//!
//! To add a case: a public function here or in a file of its own, and its name in [`for_each_case`].

mod cases;

use std::time::Duration;

use clock::SystemClock;
use directory::{Directory, Entry, InvocationId, ObjectGuid, Witness};
use lab::{Bound, Person};
use protocol::policy::Judge;
use protocol::{ClearPassword, Clock as _, Timestamp};

pub use cases::*;

/// No case lasts that long.
pub const LATER: Timestamp = Timestamp::from_millis(i64::MAX);
/// What is read of people besides what is always read.
pub const MORE: [&str; 2] = ["replPropertyMetaData", "lockoutTime"];

/// Two controllers; the first one is the PDC emulator.
pub trait Pair {
    /// The agent's client.
    fn directory(&self) -> Box<dyn Directory>;
    /// The same, which reads people at one of the two and nowhere else, and [`MORE`] of them.
    fn reader(&self, at: usize) -> Box<dyn Directory>;
    /// A controller's DNS name.
    fn host(&self, at: usize) -> String;
    /// Which copy of the database it has.
    fn invocation_id(&self, at: usize) -> InvocationId;
    /// Makes an account that only this case uses; the second controller may not know it yet.
    fn add(&self) -> Person;
    /// Has neither take in anything from the other from now on, but when it is told to.
    fn hold(&self);
    /// Has each take in what the other one has.
    fn replicate(&self);
    /// Signs in at a controller.
    fn bind(&self, at: usize, who: &Person, password: &str) -> Bound;
    /// Sets a password at a controller as an administrator does.
    fn reset(&self, at: usize, who: &Person, password: &str);
}

/// Calls a macro with the name of each case.
macro_rules! for_each_case {
    ($make:ident) => {
        $make! {
            a_set_is_seen_at_the_other_controller_once_it_has_replicated,
            witnesses_of_two_controllers_compare,
            an_unlock_is_seen_at_the_other_controller_once_it_has_replicated,
            a_lockout_is_seen_at_the_other_controller_once_it_has_replicated,
            a_must_change_is_seen_at_the_other_controller_once_it_has_replicated,
            each_controller_counts_wrong_passwords_for_itself,
            of_as_many_sets_at_each_controller_the_later_one_stands,
            more_sets_at_one_controller_stand_against_a_later_one_at_the_other,
        }
    };
}

/// What a controller says of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub witness: Witness,
    pub is_locked: bool,
}

/// What the agent's client reads of a person at a controller.
pub async fn seen(pair: &dyn Pair, at: usize, person: &Person) -> Seen {
    let mut found = Vec::new();
    let base = person.dn.parse().unwrap();
    pair.reader(at).people(&[base], 100, &mut |entry| found.push(entry)).await.unwrap();
    let [one] = &found[..] else { panic!("{found:?}") };
    let entry = Entry { dn: one.dn.clone(), attributes: one.attributes.clone() };
    let lockout_time: Option<i64> = entry.attributes.parsed("lockoutTime").unwrap();
    Seen {
        witness: Witness::read(&entry, &pair.host(at), pair.invocation_id(at), Judge::Samba)
            .unwrap(),
        is_locked: lockout_time.is_some_and(|steps| steps != 0),
    }
}

/// Somebody whom both controllers know, and nothing that comes after is told to the other one.
pub fn somebody(pair: &dyn Pair) -> Person {
    let person = pair.add();
    pair.hold();
    pair.replicate();
    person
}

pub fn guid(person: &Person) -> ObjectGuid {
    person.object_guid.parse().unwrap()
}

pub fn password(text: &str) -> ClearPassword {
    ClearPassword::from_text(text).unwrap()
}

pub fn refused(sub_code: &str) -> Bound {
    Bound::Refused { sub_code: sub_code.to_owned() }
}

/// Until what is written next is written in another second: that is how exact the times of writes
/// are that controllers compare.
pub async fn another_second() {
    SystemClock.sleep(Duration::from_millis(1_100)).await;
}
