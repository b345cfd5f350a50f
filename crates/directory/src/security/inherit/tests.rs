use super::super::samples::{guid, sid};
use super::*;
use crate::security::rights::{PWD_LAST_SET, RESET_PASSWORD, USER};
use crate::security::{AceKind, Ground};

const AGENT: &str = "S-1-5-21-1-2-3-2000";
const BOSS: &str = "S-1-5-21-1-2-3-3000";

/// The class `inetOrgPerson`, which is a subclass of `user`.
fn inet_org_person() -> ObjectGuid {
    guid("4828cc14-1437-45bc-9b07-ad6f015e5f28")
}

fn reset() -> Ace {
    Ace::allow(mask::CONTROL_ACCESS, sid(AGENT)).on(RESET_PASSWORD)
}

fn flagged(entry: Ace, flags: u8) -> Ace {
    Ace { flags: AceFlags(flags), ..entry }
}

fn child<'a>(classes: &'a [ObjectGuid], owner: &'a Sid) -> Child<'a> {
    Child { classes, owner: Some(owner), group: Some(owner) }
}

#[test]
fn an_entry_goes_down_as_its_flags_say() {
    let boss = sid(BOSS);
    let users = child(&[USER], &boss);
    // OI, CI, NP, IO; what the child has, as flags of its entries.
    for (flags, expected) in [
        (0x00, vec![]),
        (0x08, vec![]),
        (0x04, vec![]),
        (0x02, vec![0x12]),
        (0x0a, vec![0x12]),
        (0x06, vec![0x10]),
        (0x0e, vec![0x10]),
        (0x01, vec![0x19]),
        (0x05, vec![]),
        (0x03, vec![0x13]),
        (0x1a, vec![0x12]),
    ] {
        let inherited = flagged(reset(), flags).inherited_by(&users);
        let flags_of = |entry: &Ace| entry.flags.0;
        assert_eq!(inherited.iter().map(flags_of).collect::<Vec<_>>(), expected, "{flags:#x}");
    }
}

#[test]
fn an_entry_for_a_class_has_effect_on_that_class_and_passes_the_others() {
    let boss = sid(BOSS);
    let for_users = reset().below(Some(USER));
    let (on_users, on_others) = (
        for_users.inherited_by(&child(&[USER], &boss)),
        for_users.inherited_by(&child(&[inet_org_person()], &boss)),
    );
    assert_eq!((on_users.len(), on_users[0].flags.0), (1, 0x12));
    assert_eq!((on_others.len(), on_others[0].flags.0), (1, 0x1a));
    // An auxiliary class counts.
    let classes = [inet_org_person(), USER];
    let both = child(&classes, &boss);
    assert_eq!(for_users.inherited_by(&both)[0].flags.0, 0x12);
    // For what is right below only: the class is fulfilled, and nothing is left to be inherited.
    let [last] =
        for_users.clone().with(AceFlags::NO_PROPAGATE).inherited_by(&both).try_into().unwrap();
    assert_eq!(last, flagged(reset(), 0x10));
    let whole = Ace::allow(mask::DELETE, sid(AGENT)).below(Some(USER)).with(AceFlags::NO_PROPAGATE);
    assert_eq!(whole.inherited_by(&both)[0].kind, AceKind::ALLOWED);
}

#[test]
fn what_only_the_child_can_fill_in_becomes_two_entries() {
    let boss = sid(BOSS);
    let users = child(&[USER], &boss);
    let creator = Ace::allow(mask::GENERIC_ALL, Sid::creator_owner()).below(None);
    let [effective, further] = creator.inherited_by(&users).try_into().unwrap();
    let filled = Ace::allow(mask::FULL_CONTROL, boss.clone());
    assert_eq!(effective, filled.with(AceFlags::INHERITED));
    assert_eq!(further, creator.clone().with(AceFlags::INHERITED));
    // The owner is not known: nobody has it, and it is passed on.
    let unknown = Child { owner: None, ..users };
    assert_eq!(creator.inherited_by(&unknown), [further]);
    let group = Ace::allow(mask::DELETE, Sid::creator_group()).below(None);
    assert_eq!(group.inherited_by(&users)[0].access().unwrap().trustee, boss);
}

#[test]
fn unknown_kinds_are_inherited_too() {
    let entry = Ace {
        kind: AceKind(0x55),
        flags: AceFlags(0x02),
        body: AceBody::Opaque(b"anything".to_vec()),
    };
    let inherited = entry.inherited_by(&UNNAMED);
    assert_eq!(inherited, [flagged(entry.clone(), 0x12)]);
    let last = flagged(entry.clone(), 0x46).inherited_by(&UNNAMED);
    assert_eq!(last, [flagged(entry, 0x50)]);
}

#[test]
fn a_list_keeps_its_order() {
    let entries = vec![
        Ace::deny(mask::DELETE, sid(AGENT)),
        Ace::deny(mask::DELETE, sid(BOSS)).below(None),
        reset().below(Some(USER)),
    ];
    let list = Acl { revision: 4, entries };
    let users = Child { classes: &[USER], ..UNNAMED };
    let inherited = list.inherited_by(&users);
    let kinds: Vec<AceKind> = inherited.entries.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [AceKind::DENIED, AceKind::ALLOWED_OBJECT]);
}

#[test]
fn what_is_delegated_on_a_unit_is_judged_for_those_below() {
    let who = Requester::account(sid(AGENT), []);
    let right = Wanted::Control(RESET_PASSWORD);
    let by = |entries: &[Ace], class, depth| {
        let dacl = Acl { revision: 4, entries: entries.to_vec() };
        let below = Below { classes: &[class], depth };
        SecurityDescriptor::of_dacl(dacl).effective_below(right, &who, &below)
    };
    let unrelated = Ace::allow(mask::DELETE, sid(BOSS));
    for (what, entry, next, further) in [
        ("for users", reset().below(Some(USER)), true, true),
        ("for everything", reset().below(None), true, true),
        ("for the unit itself", reset(), false, false),
        ("for the unit and below", flagged(reset(), 0x02), true, true),
        (
            "for those right below",
            reset().below(Some(USER)).with(AceFlags::NO_PROPAGATE),
            true,
            false,
        ),
        ("for another class", reset().below(Some(inet_org_person())), false, false),
        ("inherited from above", reset().below(Some(USER)).with(AceFlags::INHERITED), true, true),
        ("full control", Ace::allow(mask::GENERIC_ALL, sid(AGENT)).below(Some(USER)), true, true),
    ] {
        let entries = [unrelated.clone(), entry];
        for (depth, expected) in [(Depth::Next, next), (Depth::Further, further)] {
            let ruling = by(&entries, USER, depth);
            assert_eq!(ruling.is_granted(), expected, "{what}, {depth:?}");
            if expected {
                let [Ground::Entry { index: 1, inherited: true, trustee }] = &ruling.grounds[..]
                else {
                    panic!("{what}: {ruling:?}")
                };
                assert_eq!(*trustee, sid(AGENT));
            }
        }
    }
    let denied =
        [Ace::deny(mask::CONTROL_ACCESS, sid(AGENT)).below(None), reset().below(Some(USER))];
    assert_eq!(by(&denied, USER, Depth::Further).decision, Decision::Denied);
    // A property set is judged below as it is on the object.
    let set =
        Ace::allow(mask::WRITE_PROPERTY, sid(AGENT)).on(PWD_LAST_SET.set.unwrap()).below(None);
    let dacl = Acl { revision: 4, entries: vec![set] };
    let below = Below { classes: &[USER], depth: Depth::Next };
    let descriptor = SecurityDescriptor::of_dacl(dacl);
    assert!(descriptor.effective_below(Wanted::Write(PWD_LAST_SET), &who, &below).is_granted());
    let nothing = SecurityDescriptor { dacl: None, ..descriptor };
    assert!(!nothing.effective_below(right, &who, &below).is_granted());
}
