//! What another controller is said to lack of what the PDC emulator has.

use directory::DistinguishedName;
use directory::security::rights::{Permission, RESET_PASSWORD, USER};

use super::arrived::{State, compared, seen_at};
use super::cause::Cause;
use super::judge::Kind;
use super::tests::{ABOVE, SERVICE, WRITEBACK, dn, domain, person, rights, seen};
use super::*;

const UNIT: &str = "OU=P,DC=corp,DC=example";
const Q: &str = "OU=Q,OU=P,DC=corp,DC=example";
const JAN: &str = "CN=Jan,OU=Q,OU=P,DC=corp,DC=example";

/// The unit in scope grants everything; these are the lists of a unit below it and of a person in that.
fn unit_below(q: &str, jan: &str) -> Observed {
    let mut observed = domain("", &format!("D:AI{}", rights("CIIO", SERVICE)));
    observed.below.push(seen(Q, q));
    observed.people.push(person(JAN, jan));
    observed
}

/// Compares with a controller that has what this is, but for what `change` takes away; and which objects of
/// it were asked for.
async fn at_another(
    observed: &Observed,
    held: &Observed,
    change: impl Fn(&DistinguishedName) -> bool,
) -> (State, Vec<DistinguishedName>) {
    let looked = std::cell::RefCell::new(Vec::new());
    let look = async |at: &DistinguishedName| {
        looked.borrow_mut().push(at.clone());
        Ok(held.object(at).filter(|_| !change(at)).cloned())
    };
    let (there, absent) = seen_at(held.asker.clone(), look, observed).await.unwrap();
    (compared(observed, &there, absent, WRITEBACK), looked.into_inner())
}

/// Whoever waits would wait for ever, and replicating would change nothing.
#[tokio::test]
async fn a_fault_below_a_unit_that_is_everywhere_the_same_puts_nobody_behind() {
    let deny = |flags: &str| format!("(OD;{flags};CR;{RESET_PASSWORD};{USER};{SERVICE})");
    let (above, own) = (rights("CIIOID", SERVICE), rights("CIID", SERVICE));
    let off = unit_below("D:PAI", "D:AI");
    let denied =
        unit_below(&format!("D:AI{}{above}", deny("CIIO")), &format!("D:AI{}{own}", deny("CIID")));
    for (observed, cause) in [(off, "inheritance"), (denied, "denial")] {
        let here = judge(&observed, WRITEBACK).findings;
        let [finding] = &here[..] else { panic!("{cause}: {here:?}") };
        assert_eq!((finding.kind, &finding.object), (Kind::Unit, &dn(Q)), "{cause}");
        let (state, _) = at_another(&observed, &observed, |_| false).await;
        assert_eq!(state, State::Complete, "{cause}");
    }
}

#[tokio::test]
async fn a_unit_below_that_lacks_there_what_it_has_here_is_told_with_whoever_is_in_it() {
    let (above, own) = (rights("CIIOID", SERVICE), rights("CIID", SERVICE));
    let here = unit_below(&format!("D:AI{above}"), &format!("D:AI{own}"));
    let there = unit_below("D:AI", "D:AI");
    let (state, looked) = at_another(&here, &there, |_| false).await;
    let State::Behind { findings, absent } = &state else { panic!("{state:?}") };
    assert_eq!(absent, &[]);
    let [of_unit] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((of_unit.kind, &of_unit.object), (Kind::Unit, &dn(Q)));
    assert_eq!(of_unit.cause, Cause::NotArrived { from: dn(UNIT) });
    assert_eq!(looked.iter().filter(|at| **at == dn(Q)).count(), 1);

    // The unit has it already, and the person in it has not.
    let late = unit_below(&format!("D:AI{above}"), "D:AI");
    let (state, _) = at_another(&here, &late, |_| false).await;
    let State::Behind { findings, .. } = &state else { panic!("{state:?}") };
    let [of_person] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((of_person.kind, &of_person.object), (Kind::Person, &dn(JAN)));
    assert_eq!(of_person.cause, Cause::NotArrived { from: dn(Q) });

    // Neither has come.
    let (state, _) = at_another(&here, &here, |at| [Q, JAN].map(dn).contains(at)).await;
    let absent = [Q, JAN].map(dn).to_vec();
    assert_eq!(state, State::Behind { findings: Vec::new(), absent });
}

#[tokio::test]
async fn units_below_with_nobody_who_was_looked_at_are_not_looked_at_elsewhere() {
    let empty = "OU=Empty,OU=P,DC=corp,DC=example";
    let (above, own) = (rights("CIIOID", SERVICE), rights("CIID", SERVICE));
    let mut observed = unit_below(&format!("D:AI{above}"), &format!("D:AI{own}"));
    observed.below.push(seen(empty, "D:AI"));
    let (state, looked) = at_another(&observed, &observed, |_| false).await;
    assert_eq!(state, State::Complete);
    assert!(looked.contains(&dn(Q)) && !looked.contains(&dn(empty)), "{looked:?}");
}

#[tokio::test]
async fn who_lacks_less_there_than_here_is_not_behind_and_who_lacks_more_is_by_what_is_more() {
    let entry = |permission: Permission| {
        let all = rights("CIID", SERVICE);
        let all: Vec<_> = all.split_inclusive(')').map(str::to_owned).collect();
        let place = ABOVE.iter().position(|one| *one == permission).unwrap();
        all[place].clone()
    };
    let some = format!("D:AI{}", entry(Permission::ResetPassword));
    let more = format!("{some}{}", entry(Permission::WriteLockoutTime));
    let above = format!("D:AI{}", rights("CIIOID", SERVICE));
    let (little, much) = (unit_below(&above, &some), unit_below(&above, &more));
    let (state, _) = at_another(&little, &much, |_| false).await;
    assert_eq!(state, State::Complete);
    let (state, _) = at_another(&much, &little, |_| false).await;
    let State::Behind { findings, .. } = &state else { panic!("{state:?}") };
    assert_eq!(findings[0].permissions, [Permission::WriteLockoutTime]);
}
