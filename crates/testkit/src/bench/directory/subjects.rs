//! Who is written to: two teams of the same size, one for each client. Whatever happens to a member of
//! one happens to the member of the other that stands at the same place, so that both have the same
//! history when they meet.

use std::collections::HashMap;

use directory::ObjectGuid;
use lab::{Bound, Entry, Forest};

use super::ours::Request;
use crate::StackError;
use crate::bench::Run;
use crate::bench::bare::Step;
use crate::bench::crowd::Crowd;
use crate::bench::statistics::Draw;

/// How many are looked up by one search.
const AT_ONCE: usize = 50;
/// How many of each team have to sign in at the end.
const SIGNING_IN: usize = 3;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// A new password with the policy-hints control, and the account is unlocked.
    Set,
    /// A new password for the present one.
    Change,
    /// The account is unlocked.
    Unlock,
}

impl Work {
    /// For people.
    pub(super) const fn told(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Change => "change with the old one",
            Self::Unlock => "unlock",
        }
    }
}

/// One of a team.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    login: String,
    guid: ObjectGuid,
    /// The password that it has, or gets by what is written next.
    password: String,
    /// The one before.
    before: String,
}

impl Subject {
    /// Has a new password from the next write on.
    pub(super) fn renew(&mut self, draw: &mut Draw) {
        let new = format!("Measured-{:016x}", draw.next());
        self.before = std::mem::replace(&mut self.password, new);
    }

    /// The work as the bare client is told it.
    pub(super) fn step(&self, work: Work) -> Step<'_> {
        let (target, new) = (self.target(), self.password.as_str());
        match work {
            Work::Set => Step::Reset { target, new },
            Work::Change => Step::Change { target, old: &self.before, new },
            Work::Unlock => Step::Unlock { target },
        }
    }

    /// The same as ours is told it.
    pub(super) fn request(&self, work: Work) -> Result<Request, StackError> {
        Request::of(work, self.guid, &self.before, &self.password)
    }

    /// What stands for its DN, in the form that our client uses (MS-ADTS 3.1.1.3.1.2.4).
    pub(super) fn target(&self) -> String {
        format!("<GUID={}>", self.guid)
    }
}

/// Both teams.
#[derive(Debug)]
pub(super) struct Teams {
    pub(super) bare: Vec<Subject>,
    pub(super) ours: Vec<Subject>,
    pub(super) draw: Draw,
    domain: String,
}

impl Teams {
    /// Makes `each` people for each team.
    pub(super) fn make(
        forest: &Forest,
        each: usize,
        mut draw: Draw,
        run: &Run<'_>,
    ) -> Result<Self, StackError> {
        let mut crowd = Crowd::make(forest, 2 * each, Draw::new(draw.next()), run.say)?;
        let people = crowd.several(2 * each)?;
        let mut guids = HashMap::new();
        for some in people.chunks(AT_ONCE) {
            let one = |(person, _): &(lab::Person, _)| format!("(sAMAccountName={})", person.login);
            let filter = format!("(|{})", some.iter().map(one).collect::<String>());
            let attributes = ["sAMAccountName", "objectGUID"];
            let found = forest.search(&forest.base_dn, &filter, &attributes)?;
            guids.extend(found.iter().filter_map(guid_by_login));
        }
        let mut subjects = Vec::with_capacity(people.len());
        for (person, _) in people {
            let lost = || StackError::NotUnderstood(format!("{} has no GUID", person.login));
            let guid = *guids.get(&person.login).ok_or_else(lost)?;
            let (login, password) = (person.login, person.password);
            subjects.push(Subject { login, guid, before: password.clone(), password });
        }
        let ours = subjects.split_off(each);
        Ok(Self { bare: subjects, ours, draw, domain: forest.domain.clone() })
    }

    /// The first `count` of both teams have new passwords from the next write on.
    pub(super) fn renew(&mut self, count: usize) {
        for team in [&mut self.bare, &mut self.ours] {
            team.iter_mut().take(count).for_each(|subject| subject.renew(&mut self.draw));
        }
    }

    /// The steps that lock the first `count` of both teams.
    pub(super) fn locks(&self, count: usize) -> Vec<Step<'static>> {
        let teams = [&self.bare, &self.ours].map(|team| team.iter().take(count));
        let name = |subject: &Subject| format!("{}@{}", subject.login, self.domain);
        teams.into_iter().flatten().map(|subject| Step::Lock { name: name(subject) }).collect()
    }

    /// That what was said to be written was: some of both teams sign in with what they have now.
    pub(super) fn prove(&self, forest: &Forest) -> Result<(), StackError> {
        for team in [&self.bare, &self.ours] {
            for subject in team.iter().take(SIGNING_IN) {
                let bound = forest.bind(&subject.login, &subject.password)?;
                if bound != Bound::Accepted {
                    let what = format!("{} does not sign in: {bound:?}", subject.login);
                    return Err(StackError::NotUnderstood(what));
                }
            }
        }
        Ok(())
    }
}

fn guid_by_login(entry: &Entry) -> Option<(String, ObjectGuid)> {
    let login = entry.text("sAMAccountName")?.to_owned();
    Some((login, entry.object_guid()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID: &str = "03020100-0504-0706-0809-0a0b0c0d0e0f";

    fn subject(login: &str) -> Subject {
        Subject {
            login: login.to_owned(),
            guid: GUID.parse().unwrap(),
            password: "Before-Measuring-2024".to_owned(),
            before: "Before-Measuring-2024".to_owned(),
        }
    }

    fn teams(each: usize) -> Teams {
        let team = |name: &str| (0..each).map(|at| subject(&format!("{name}{at}"))).collect();
        let (bare, ours) = (team("a"), team("b"));
        Teams { bare, ours, draw: Draw::new(1), domain: "corp.test".to_owned() }
    }

    #[test]
    fn a_change_gives_the_password_of_the_set_before_it() {
        let mut teams = teams(1);
        teams.renew(1);
        let first = teams.bare[0].password.clone();
        let target = format!("<GUID={GUID}>");
        let set = Step::Reset { target: target.clone(), new: &first };
        assert_eq!(teams.bare[0].step(Work::Set), set);
        teams.renew(1);
        let second = &teams.bare[0].password;
        assert_ne!(&first, second);
        let change = Step::Change { target: target.clone(), old: &first, new: second };
        assert_eq!(teams.bare[0].step(Work::Change), change);
        assert_eq!(teams.bare[0].step(Work::Unlock), Step::Unlock { target });
    }

    #[test]
    fn both_teams_are_renewed_and_locked_alike_and_the_rest_is_left_alone() {
        let mut teams = teams(3);
        teams.renew(2);
        for team in [&teams.bare, &teams.ours] {
            let renewed = team.iter().map(|one| one.password != one.before).collect::<Vec<_>>();
            assert_eq!(renewed, [true, true, false]);
        }
        let names = ["a0@corp.test", "a1@corp.test", "b0@corp.test", "b1@corp.test"];
        let locks = names.map(|name| Step::Lock { name: name.to_owned() });
        assert_eq!(teams.locks(2), locks);
    }
}
