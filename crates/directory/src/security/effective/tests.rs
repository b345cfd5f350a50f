use proptest::prelude::*;

use super::super::samples::{DECIDING, any_descriptor, any_entry, any_list, guid, sid};
use super::*;
use crate::security::rights::{
    LOCKOUT_TIME, PWD_LAST_SET, RESET_PASSWORD, USER, USER_ACCOUNT_RESTRICTIONS,
};

const JAN: &str = "S-1-5-21-1-2-3-1104";
const AGENT: &str = "S-1-5-21-1-2-3-2000";
const INNER: &str = "S-1-5-21-1-2-3-2001";
const OUTER: &str = "S-1-5-21-1-2-3-2002";
const STRANGER: &str = "S-1-5-21-1-2-3-9";
const SELF: &str = "S-1-5-10";
const OWNER_RIGHTS: &str = "S-1-3-4";

fn list(entries: &[Ace]) -> Acl {
    Acl { revision: 4, entries: entries.to_vec() }
}

fn owned_by(owner: &str, entries: &[Ace]) -> SecurityDescriptor {
    SecurityDescriptor { owner: Some(sid(owner)), ..SecurityDescriptor::of_dacl(list(entries)) }
}

/// The agent's account, in a group that is in another one.
fn agent() -> Requester {
    Requester::account(sid(AGENT), [sid(INNER), sid(OUTER)])
}

/// What the agent may do to Jan, whom nobody in question owns.
fn ask(wanted: Wanted, entries: &[Ace]) -> Ruling {
    ask_as(&agent(), wanted, &owned_by(STRANGER, entries))
}

fn ask_as(who: &Requester, wanted: Wanted, descriptor: &SecurityDescriptor) -> Ruling {
    descriptor.effective(wanted, who, &Target { sid: Some(&sid(JAN)), class: Some(USER) })
}

fn allow(mask: u32, who: &str) -> Ace {
    Ace::allow(mask, sid(who))
}

fn deny(mask: u32, who: &str) -> Ace {
    Ace::deny(mask, sid(who))
}

fn inherited(entry: Ace) -> Ace {
    entry.with(AceFlags::INHERITED)
}

use Decision::{Denied, Granted, NotGranted, Unclear};

#[test]
fn a_control_access_right_is_decided_by_the_first_entry_about_it() {
    let reset = Wanted::Control(RESET_PASSWORD);
    let other = guid("ab721a54-1e2f-11d0-9819-00aa0040529b");
    let cr = mask::CONTROL_ACCESS;
    for (what, entries, expected) in [
        ("nothing", vec![], NotGranted),
        ("the right", vec![allow(cr, AGENT).on(RESET_PASSWORD)], Granted),
        ("all rights", vec![allow(cr, AGENT)], Granted),
        ("another right", vec![allow(cr, AGENT).on(other)], NotGranted),
        ("another bit", vec![allow(mask::WRITE_PROPERTY, AGENT).on(RESET_PASSWORD)], NotGranted),
        ("full control, not mapped", vec![allow(mask::GENERIC_ALL, AGENT)], Granted),
        ("writing, not mapped", vec![allow(mask::GENERIC_WRITE, AGENT)], NotGranted),
        ("by a nested group", vec![allow(cr, OUTER).on(RESET_PASSWORD)], Granted),
        ("by being anybody", vec![allow(cr, "S-1-1-0")], Granted),
        ("by having an account", vec![allow(cr, "S-1-5-11")], Granted),
        ("by coming from the network", vec![allow(cr, "S-1-5-2")], Granted),
        ("by being of this forest", vec![allow(cr, "S-1-5-15")], Granted),
        ("to somebody else", vec![allow(cr, STRANGER)], NotGranted),
        ("to Jan", vec![allow(cr, SELF)], NotGranted),
        ("denied first", vec![deny(cr, OUTER), allow(cr, AGENT)], Denied),
        ("granted first", vec![allow(cr, AGENT), deny(cr, OUTER)], Granted),
        ("another right denied", vec![deny(cr, AGENT).on(other), allow(cr, AGENT)], Granted),
        ("denial to be inherited", vec![deny(cr, AGENT).below(None), allow(cr, AGENT)], Granted),
        ("grant to be inherited", vec![allow(cr, AGENT).below(None)], NotGranted),
        ("inherited denial", vec![allow(cr, AGENT), inherited(deny(cr, AGENT))], Granted),
    ] {
        assert_eq!(ask(reset, &entries).decision, expected, "{what}");
    }
}

#[test]
fn an_attribute_is_reached_by_itself_by_its_set_and_by_its_class() {
    let wp = mask::WRITE_PROPERTY;
    let (pwd_last_set, lockout_time) = (PWD_LAST_SET.attribute, LOCKOUT_TIME.attribute);
    let set = USER_ACCOUNT_RESTRICTIONS;
    for (what, entries, pwd, lockout) in [
        ("everything", vec![allow(wp, AGENT)], Granted, Granted),
        ("the class", vec![allow(wp, AGENT).on(USER)], Granted, Granted),
        (
            "another class",
            vec![allow(wp, AGENT).on(guid("bf967a86-0de6-11d0-a285-00aa003049e2"))],
            NotGranted,
            NotGranted,
        ),
        ("the set", vec![allow(wp, AGENT).on(set)], Granted, NotGranted),
        ("one", vec![allow(wp, AGENT).on(pwd_last_set)], Granted, NotGranted),
        ("the other", vec![allow(wp, AGENT).on(lockout_time)], NotGranted, Granted),
        ("reading only", vec![allow(mask::READ_PROPERTY, AGENT)], NotGranted, NotGranted),
        (
            "all but one",
            vec![deny(wp, AGENT).on(pwd_last_set), allow(wp, AGENT).on(set)],
            Denied,
            NotGranted,
        ),
        ("all but the set", vec![deny(wp, INNER).on(set), allow(wp, AGENT)], Denied, Granted),
        (
            "one before the set",
            vec![allow(wp, AGENT).on(pwd_last_set), deny(wp, INNER).on(set)],
            Granted,
            NotGranted,
        ),
    ] {
        assert_eq!(ask(Wanted::Write(PWD_LAST_SET), &entries).decision, pwd, "{what}");
        assert_eq!(ask(Wanted::Write(LOCKOUT_TIME), &entries).decision, lockout, "{what}");
    }
    let read = allow(mask::READ_PROPERTY, AGENT).on(set);
    assert!(ask(Wanted::Read(PWD_LAST_SET), std::slice::from_ref(&read)).is_granted());
    assert!(!ask(Wanted::Read(LOCKOUT_TIME), &[read]).is_granted());
}

#[test]
fn an_entry_for_self_is_about_the_object_s_own_account() {
    let entries = [allow(mask::WRITE_PROPERTY, SELF)];
    let descriptor = owned_by(STRANGER, &entries);
    let jan = Requester::account(sid(JAN), []);
    assert!(ask_as(&jan, Wanted::Write(LOCKOUT_TIME), &descriptor).is_granted());
    assert!(!ask_as(&agent(), Wanted::Write(LOCKOUT_TIME), &descriptor).is_granted());
    // An object that is no account is nobody's self.
    let nobody = descriptor.effective(Wanted::Write(LOCKOUT_TIME), &jan, &Target::default());
    assert_eq!(nobody.decision, NotGranted);
}

#[test]
fn the_owner_may_read_and_change_the_list_unless_owner_rights_say_otherwise() {
    let dacl = Wanted::Whole(mask::READ_CONTROL | mask::WRITE_DACL);
    let rc = mask::READ_CONTROL;
    let owned = |entries: &[Ace], wanted| ask_as(&agent(), wanted, &owned_by(OUTER, entries));
    assert_eq!(owned(&[], dacl).grounds, [Ground::Owner]);
    // Even where it is denied, and nothing more than that.
    assert!(owned(&[deny(mask::FULL_CONTROL, AGENT)], dacl).is_granted());
    assert!(!owned(&[], Wanted::Whole(mask::WRITE_OWNER)).is_granted());
    assert!(!owned(&[], Wanted::Write(LOCKOUT_TIME)).is_granted());
    assert_eq!(ask(dacl, &[]).decision, NotGranted);

    let reading = [allow(rc, OWNER_RIGHTS)];
    assert_eq!(owned(&reading, dacl).decision, NotGranted);
    assert!(owned(&reading, Wanted::Whole(rc)).is_granted());
    assert_eq!(owned(&[deny(rc, OWNER_RIGHTS)], Wanted::Whole(rc)).decision, Denied);
    assert_eq!(ask(Wanted::Whole(rc), &reading).decision, NotGranted, "who does not own it");
    // One that is there to be inherited says nothing about this owner.
    assert!(owned(&[allow(rc, OWNER_RIGHTS).below(None)], dacl).is_granted());
}

#[test]
fn at_samba_the_owner_has_the_same_rights_whatever_is_said_of_owner_rights() {
    let (dacl, reset) =
        (Wanted::Whole(mask::READ_CONTROL | mask::WRITE_DACL), Wanted::Control(RESET_PASSWORD));
    let cr = mask::CONTROL_ACCESS;
    let denied = owned_by(OUTER, &[deny(mask::FULL_CONTROL, OWNER_RIGHTS), allow(cr, AGENT)]);
    let granted = owned_by(OUTER, &[allow(cr, OWNER_RIGHTS)]);
    let said = |descriptor, wanted| {
        [agent(), agent().at_samba()].map(|who| ask_as(&who, wanted, descriptor).decision)
    };
    assert_eq!(said(&denied, reset), [Denied, Granted]);
    assert_eq!(said(&denied, dacl), [Denied, Granted]);
    assert_eq!(said(&granted, reset), [Granted, NotGranted]);
    assert_eq!(said(&granted, dacl), [NotGranted, Granted]);
}

#[test]
fn several_rights_are_granted_together_or_not_at_all() {
    let wanted = Wanted::Whole(mask::GENERIC_READ);
    let (one, two) =
        (mask::LIST_CONTENTS | mask::LIST_OBJECT, mask::READ_PROPERTY | mask::READ_CONTROL);
    let granted =
        ask(wanted, &[allow(one, AGENT), allow(0x100, AGENT), inherited(allow(two, OUTER))]);
    let entry = |index, inherited, who| Ground::Entry { index, inherited, trustee: sid(who) };
    assert_eq!(granted.grounds, [entry(0, false, AGENT), entry(2, true, OUTER)]);
    assert!(granted.is_granted());
    let half = ask(wanted, &[allow(one, AGENT)]);
    assert_eq!((half.decision, half.grounds), (NotGranted, vec![]));
    let denied = ask(wanted, &[deny(mask::READ_CONTROL, INNER), allow(one | two, AGENT)]);
    assert_eq!((denied.decision, denied.grounds), (Denied, vec![entry(0, false, INNER)]));
}

#[test]
fn without_a_list_everything_is_granted_and_by_an_empty_one_nothing() {
    let wanted = Wanted::Control(RESET_PASSWORD);
    let none = SecurityDescriptor { dacl: None, ..owned_by(STRANGER, &[]) };
    assert_eq!(ask_as(&agent(), wanted, &none).grounds, [Ground::NoList]);
    assert!(ask_as(&agent(), wanted, &none).is_granted());
    assert_eq!(ask(wanted, &[]).decision, NotGranted);
}

/// The same with a condition that nobody here can evaluate.
fn conditional(entry: Ace) -> Ace {
    let kind = match entry.kind {
        AceKind::ALLOWED => AceKind::ALLOWED_CALLBACK,
        AceKind::DENIED => AceKind::DENIED_CALLBACK,
        AceKind::ALLOWED_OBJECT => AceKind::ALLOWED_CALLBACK_OBJECT,
        AceKind::DENIED_OBJECT => AceKind::DENIED_CALLBACK_OBJECT,
        kind => kind,
    };
    Ace { kind, ..entry }
}

#[test]
fn what_a_condition_could_turn_is_unclear_and_rests_on_its_entry() {
    let wanted = Wanted::Control(RESET_PASSWORD);
    let cr = mask::CONTROL_ACCESS;
    let (grant, denial) = (allow(cr, AGENT), deny(cr, INNER).on(RESET_PASSWORD));
    let (may_grant, may_deny) = (conditional(grant.clone()), conditional(denial.clone()));
    let elsewhere = conditional(deny(cr, STRANGER));
    let below = conditional(deny(cr, AGENT).below(None));
    let audit = Ace { kind: AceKind::AUDIT, ..allow(cr, AGENT) };
    for (what, entries, expected, ground) in [
        ("a denial before a grant", vec![&may_deny, &grant], Unclear, Some(0)),
        ("a denial behind it", vec![&grant, &may_deny], Granted, Some(0)),
        ("a denial alone", vec![&may_deny], NotGranted, None),
        ("a denial before one without", vec![&may_deny, &denial, &grant], Denied, Some(1)),
        ("a grant alone", vec![&may_grant], Unclear, Some(0)),
        ("a grant before a denial", vec![&may_grant, &denial], Unclear, Some(0)),
        ("a grant behind a denial", vec![&denial, &may_grant], Denied, Some(0)),
        ("a grant before one without", vec![&may_grant, &grant], Granted, Some(1)),
        ("both before a grant", vec![&may_grant, &may_deny, &grant], Unclear, Some(1)),
        ("both before a denial", vec![&may_deny, &may_grant, &denial], Unclear, Some(1)),
        ("both alone", vec![&may_deny, &may_grant], Unclear, Some(1)),
        ("about somebody else", vec![&elsewhere, &grant], Granted, Some(1)),
        ("about what is below", vec![&below, &grant], Granted, Some(1)),
        ("an entry that audits", vec![&audit], NotGranted, None),
    ] {
        let entries: Vec<Ace> = entries.into_iter().cloned().collect();
        let ruling = ask(wanted, &entries);
        let grounds = ruling.grounds.first().map(|one| match one {
            Ground::Entry { index, .. } => *index,
            other => panic!("{what}: {other:?}"),
        });
        assert_eq!((ruling.decision, grounds), (expected, ground), "{what}");
    }
}

#[test]
fn of_several_rights_the_worst_that_is_certain_is_said() {
    let (one, two) = (mask::LIST_CONTENTS, mask::READ_PROPERTY);
    let wanted = Wanted::Whole(one | two);
    let (both, may_deny) = (allow(one | two, AGENT), conditional(deny(one, AGENT)));
    let may_deny_two = conditional(deny(two, AGENT));
    let unclear = ask(wanted, &[may_deny.clone(), both.clone()]);
    assert_eq!((unclear.decision, unclear.grounds.len()), (Unclear, 1));
    assert_eq!(ask(wanted, &[may_deny_two.clone(), both.clone()]).decision, Unclear);
    assert_eq!(ask(wanted, &[may_deny.clone(), allow(one, AGENT)]).decision, NotGranted);
    assert_eq!(ask(wanted, &[may_deny_two, allow(two, AGENT)]).decision, NotGranted);
    assert_eq!(ask(wanted, &[may_deny, deny(two, AGENT), both]).decision, Denied);
}

#[test]
fn an_entry_for_owner_rights_with_a_condition_takes_the_owner_s_own_rights_away() {
    let dacl = Wanted::Whole(mask::WRITE_DACL);
    let entries = [conditional(allow(mask::WRITE_DACL, OWNER_RIGHTS))];
    let owned = owned_by(OUTER, &entries);
    assert!(owned.has_owner_rights());
    assert_eq!(ask_as(&agent(), dacl, &owned).decision, Unclear);
    let reading = owned_by(OUTER, &[conditional(allow(mask::READ_CONTROL, OWNER_RIGHTS))]);
    assert_eq!(ask_as(&agent(), dacl, &reading).decision, NotGranted);
    let below = owned_by(OUTER, &[allow(mask::READ_CONTROL, OWNER_RIGHTS).below(None)]);
    assert!(!below.has_owner_rights() && !owned_by(OUTER, &[]).has_owner_rights());
}

proptest! {
    /// The rule of MS-ADTS 5.1.3.3.2 said the other way round: going through the list once, rights
    /// are added to what is granted unless they are denied by then, and the reverse.
    #[test]
    fn going_through_the_list_once_gives_the_same(
        descriptor in any_descriptor(|| any_list(any_entry(DECIDING, 0xff)), 0),
        owned in any::<bool>(),
    ) {
        let who = Requester::exactly(
            ["S-1-1-0", "S-1-5-11", "S-1-5-21-1-2-3-1104", "S-1-5-21-1-2-3-512"].map(sid),
        );
        let owner = owned.then(|| sid("S-1-5-21-1-2-3-512"));
        let descriptor = SecurityDescriptor { owner, ..descriptor };
        let class = ObjectGuid::from_bytes([1; 16]);
        let jan = sid("S-1-5-21-1-2-3-1104");
        let target = Target { sid: Some(&jan), class: Some(class) };
        let (mut granted, mut denied) = (0, 0);
        let entries = descriptor.dacl.iter().flat_map(|list| &list.entries);
        let effective: Vec<(&Ace, &Access)> = entries
            .filter(|entry| !entry.flags.contains(AceFlags::INHERIT_ONLY))
            .filter_map(|entry| entry.access().map(|access| (entry, access)))
            .collect();
        let about_owner = effective.iter().any(|(_, access)| access.trustee == Sid::owner_rights());
        if owned && !about_owner {
            granted = mask::READ_CONTROL | mask::WRITE_DACL;
        }
        for (entry, access) in effective {
            let is_self = access.trustee == Sid::principal_self();
            let is_owner = owned && access.trustee == Sid::owner_rights();
            if !(who.is(&access.trustee) || is_self || is_owner) {
                continue;
            }
            if access.object_type.is_some_and(|object_type| object_type != class) {
                continue;
            }
            let rights = mask::mapped(access.mask);
            if matches!(entry.kind, AceKind::ALLOWED | AceKind::ALLOWED_OBJECT) {
                granted |= rights & !denied;
            } else {
                denied |= rights & !granted;
            }
        }
        if descriptor.dacl.is_none() {
            granted = u32::MAX;
        }
        for bit in mask::bits(u32::MAX).filter(|bit| !mask::has_generic(*bit)) {
            let ruling = descriptor.effective(Wanted::Whole(bit), &who, &target);
            let expected = match (granted & bit, denied & bit) {
                (0, 0) => NotGranted,
                (0, _) => Denied,
                _ => Granted,
            };
            prop_assert_eq!(ruling.decision, expected, "{:#x}", bit);
        }
    }
}
