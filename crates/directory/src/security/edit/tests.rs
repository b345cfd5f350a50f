use proptest::prelude::*;

use super::super::samples::{DECIDING, any_entry, any_list, sid};
use super::*;
use crate::security::{AceFlags, AceKind, mask};

fn inherited(entry: Ace) -> Ace {
    entry.with(AceFlags::INHERITED)
}

fn allow(rid: u32) -> Ace {
    Ace::allow(mask::DELETE, sid("S-1-5-21-1-2-3").with_rid(rid).unwrap())
}

fn deny(rid: u32) -> Ace {
    Ace::deny(mask::DELETE, sid("S-1-5-21-1-2-3").with_rid(rid).unwrap())
}

#[test]
fn an_entry_goes_behind_those_of_its_group() {
    let all = [deny(1), allow(2), inherited(deny(3)), inherited(allow(4))];
    for (entry, at) in
        [(deny(9), 1), (allow(9), 2), (inherited(deny(9)), 3), (inherited(allow(9)), 4)]
    {
        let mut list = Acl { revision: 4, entries: all.to_vec() };
        assert!(list.is_canonical() && list.add(entry.clone()));
        assert_eq!(list.entries.iter().position(|other| *other == entry), Some(at));
        assert!(list.is_canonical());
    }
}

#[test]
fn conditional_and_typed_denials_are_denials() {
    let typed = deny(1).on(crate::ObjectGuid::from_bytes([1; 16]));
    let conditional = Ace { kind: AceKind::DENIED_CALLBACK, ..deny(2) };
    let mut list = Acl { revision: 4, entries: vec![typed, conditional, allow(3)] };
    assert!(list.is_canonical());
    list.add(deny(4));
    assert_eq!(list.entries[2], deny(4));
}

#[test]
fn a_list_in_another_order_keeps_it() {
    let mut list =
        Acl { revision: 4, entries: vec![allow(1), deny(2), inherited(allow(3)), allow(4)] };
    let before = list.entries.clone();
    assert!(!list.is_canonical());
    assert!(list.add(allow(5)) && list.add(deny(6)));
    let others = |list: &Acl| -> Vec<Ace> {
        list.entries.iter().filter(|entry| before.contains(entry)).cloned().collect()
    };
    assert_eq!(others(&list), before);
    // The denial counts before every grant, the grant before what is inherited.
    assert_eq!((&list.entries[0], &list.entries[3]), (&deny(6), &allow(5)));
}

proptest! {
    #[test]
    fn adding_and_removing_do_it_once_and_touch_nothing_else(
        list in any_list(any_entry(DECIDING, 0xff)),
        entry in any_entry(DECIDING, 0xff),
    ) {
        let mut list = list;
        list.remove(&entry);
        let before = list.clone();
        prop_assert!(list.add(entry.clone()));
        let once = list.clone();
        prop_assert!(!list.add(entry.clone()));
        prop_assert_eq!(&list, &once);
        prop_assert!(!before.is_canonical() || list.is_canonical());
        prop_assert!(list.remove(&entry));
        prop_assert!(!list.remove(&entry));
        prop_assert_eq!(list, before);
    }
}
