//! In which order the sets of one person are made.

use super::{Evidence, Set, World};

/// I3: no set is made after one that was asked for later: what its person was told last is what counts. A
/// controller may work on one for minutes, over a connection that its agent keeps; so long nobody begins another.
pub(super) fn i3_no_set_is_overtaken(world: &World, evidence: &Evidence, found: &mut Vec<String>) {
    let asked_at = |set: &Set| evidence.attempts_of(set).map(|one| one.submitted_at).min();
    for (at, set) in evidence.sets.iter().enumerate() {
        let before = evidence.sets[..at].iter().filter(|other| other.guid == set.guid);
        let newest = before.filter_map(&asked_at).max();
        let asked = asked_at(set);
        if let (Some(asked), Some(newest)) = (asked, newest)
            && asked < newest
            && !evidence.attempts_of(set).any(|of| evidence.nobody_saw_it_made(world, of, set))
        {
            found.push(format!(
                "I3: the password of {} was set again by what was asked for at {asked}, and by then one of \
                 {newest} had been set",
                set.guid
            ));
        }
    }
}
