//! Entries with a condition and entries for Owner Rights, compared with Samba: with its library's own
//! access check, and with what its controller allows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test reports a broken expectation by panicking; the module is private and shared"
)]

#[path = "samba_security_oracle/mod.rs"]
mod oracle;
#[path = "samba_security_oracle/server.rs"]
mod server;

use directory::Sid;
use directory::security::rights::{RESET_PASSWORD, USER};
use directory::security::{
    Ace, AceBody, AceKind, Acl, Decision, Requester, SecurityDescriptor, Target, Wanted, mask,
};
use lab::Forest;
use oracle::{Parts, ask, dacl, hex, protected, read, sid, some};
use server::{DACL, Server, WHOLE};

const ACCESS: &str = include_str!("samba_security_oracle/access.py");
/// Conditions (MS-DTYP 2.4.4.17) as Samba compiles them: `Member_of {SID(WD)}` holds for everybody,
/// `Member_of {SID(BO)}` for nobody here, and of `@User.x == 1` nobody knows, because nobody has that claim.
const HOLDS: &str = "617274785011000000510c0000000101000000000001000000008900";
const HOLDS_NOT: &str = "6172747850150000005110000000010200000000000520000000270200008900";
const UNKNOWN: &str = "61727478f902000000780004010000000000000003028000";

/// The list with these conditions on its denials and on its grants that have one.
fn under(list: &Acl, denials: &str, grants: &str) -> Acl {
    let mut list = list.clone();
    for entry in &mut list.entries {
        let condition = match entry.kind {
            AceKind::DENIED_CALLBACK => denials,
            AceKind::ALLOWED_CALLBACK => grants,
            _ => continue,
        };
        let AceBody::Access(access) = &mut entry.body else { continue };
        access.application = oracle::bytes(condition);
    }
    list
}

#[test]
fn what_is_unclear_is_what_samba_grants_or_refuses_as_the_conditions_hold_or_not() {
    let who = ["S-1-5-21-1-2-3-1104", "S-1-5-21-1-2-3-513", "S-1-1-0", "S-1-5-11"];
    let rights = mask::CONTROL_ACCESS | mask::WRITE_PROPERTY | mask::READ_CONTROL;
    let bits: Vec<u32> = (0..32).map(|bit| 1 << bit).filter(|bit| rights & bit != 0).collect();
    let (plain, conditional) = (
        [AceKind::ALLOWED, AceKind::DENIED],
        [AceKind::ALLOWED_CALLBACK, AceKind::DENIED_CALLBACK],
    );
    let parts = Parts {
        kinds: [plain, conditional, conditional].concat(),
        flags: vec![0, 0, 0, 0x02, 0x0a, 0x12],
        masks: bits.clone(),
        types: vec![USER],
        classes: vec![USER],
        trustees: [&who[..], &["S-1-5-21-1-2-3-9"]].concat().into_iter().map(sid).collect(),
    };
    let lists = some(300, dacl(parts.entry(), false));
    let ways = [(HOLDS, HOLDS_NOT), (HOLDS_NOT, HOLDS), (UNKNOWN, UNKNOWN)];
    let mut questions = Vec::new();
    for list in &lists {
        for (denials, grants) in ways {
            let descriptor = SecurityDescriptor {
                owner: Some(sid("S-1-5-32-544")),
                group: Some(sid("S-1-5-32-544")),
                ..SecurityDescriptor::of_dacl(under(list, denials, grants))
            };
            let value = hex(&descriptor.to_value().unwrap());
            questions.extend(bits.iter().map(|bit| format!("{value} {bit} {}", who.join(" "))));
        }
    }
    let forest = Forest::of_running_lab().unwrap();
    let answers = ask(&forest, ACCESS, &[], &questions);
    let requester = Requester::exactly(who.map(sid));
    let mut seen = [0_usize; 3];
    for (list, answers) in lists.iter().zip(answers.chunks(bits.len() * ways.len())) {
        let [worst, best, unknown] = [0, 1, 2].map(|way| &answers[way * bits.len()..]);
        let descriptor = SecurityDescriptor::of_dacl(list.clone());
        for (index, bit) in bits.iter().enumerate() {
            let granted = |answers: &[String]| answers[index] == "1";
            assert_eq!(granted(unknown), granted(worst), "{bit:#x} {list:?}");
            let ruling = descriptor.effective(Wanted::Whole(*bit), &requester, &Target::default());
            let expected = match (granted(worst), granted(best)) {
                (true, true) => 0,
                (false, true) => 1,
                (false, false) => 2,
                (true, false) => panic!("{list:?}"),
            };
            let said = match ruling.decision {
                Decision::Granted => 0,
                Decision::Unclear => 1,
                Decision::Denied | Decision::NotGranted => 2,
            };
            assert_eq!(said, expected, "{bit:#x} {ruling:?} {list:?}");
            seen[said] += 1;
        }
    }
    assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
}

#[test]
fn the_controller_refuses_by_a_condition_that_holds_what_is_called_unclear() {
    let server = Server::new();
    let jan = &server.jan;
    let grant = Ace::allow(mask::CONTROL_ACCESS, server.user.sid.clone()).on(RESET_PASSWORD);
    let denial = Ace::deny(mask::CONTROL_ACCESS, server.inner.sid.clone());
    let denial = Ace { kind: AceKind::DENIED_CALLBACK, ..denial };
    let list = Acl { revision: 4, entries: vec![denial, grant] };
    let list = server.with_administrators(&list);
    let mut resets = Vec::new();
    for condition in [HOLDS, HOLDS_NOT, UNKNOWN] {
        let descriptor = protected(under(&list, condition, condition));
        let answers = server.ask(&[
            format!("set\t{}\t{DACL}\t{}", jan.dn, hex(&descriptor.to_value().unwrap())),
            format!("get\t{}\t{DACL}", jan.dn),
            format!("reset\t{}", jan.dn),
        ]);
        let target = Target { sid: Some(&jan.sid), class: Some(USER) };
        let wanted = Wanted::Control(RESET_PASSWORD);
        let ruling = read(&answers[1]).effective(wanted, &server.requester, &target);
        assert_eq!(ruling.decision, Decision::Unclear);
        resets.push(answers[2].clone());
    }
    assert_eq!(resets, ["50", "53", "50"], "refused, let through, refused");
}

/// MS-DTYP 2.5.3.2 has them say what the owner may do, and so has Samba's own check of files
/// (`samba_security_rights`). Its directory does not look at them.
#[test]
fn entries_for_owner_rights_are_passed_over_by_the_controller_as_is_said_of_samba() {
    let server = Server::new();
    let reset = |entry: Ace| entry.on(RESET_PASSWORD);
    let (user, owner) = (|| server.user.sid.clone(), Sid::owner_rights);
    let (cr, rc) = (mask::CONTROL_ACCESS, mask::READ_CONTROL);
    let lists = [
        vec![reset(Ace::allow(cr, owner()))],
        vec![reset(Ace::deny(cr, owner())), reset(Ace::allow(cr, user()))],
        vec![Ace::allow(rc, owner()), reset(Ace::allow(cr, user()))],
        vec![Ace::deny(rc, owner()), Ace::allow(rc, user())],
        vec![],
    ];
    let (jan, at_samba) = (&server.jan, server.requester.clone().at_samba());
    let owners = [&server.user.sid, &server.outer.sid, &server.admins];
    let each = || lists.iter().flat_map(|list| owners.map(|owner| (list, owner)));
    let mut commands = Vec::new();
    for (entries, owner) in each() {
        let list = server.with_administrators(&Acl { revision: 4, entries: entries.clone() });
        let (owner, group) = (Some(owner.clone()), Some(owner.clone()));
        let descriptor = SecurityDescriptor { owner, group, ..protected(list) };
        let value = hex(&descriptor.to_value().unwrap());
        commands.push(format!("set\t{}\t{WHOLE}\t{value}", jan.dn));
        commands.push(format!("get\t{}\t{WHOLE}", jan.dn));
        commands.push(format!("reset\t{}", jan.dn));
        commands.push(format!("view\t{}\tmail", jan.dn));
    }
    let mut standards_differs = 0;
    for ((entries, owner), answer) in each().zip(server.ask(&commands).chunks(4)) {
        let [_, stored, reset, view] = answer else { panic!("{answer:?}") };
        let stored = read(stored);
        assert_eq!(stored.owner.as_ref(), Some(owner));
        let [.., rights, own] = &view.split('\t').collect::<Vec<_>>()[..] else { panic!("{view}") };
        let dacl = rights.parse::<u32>().unwrap() & 4 != 0;
        for (wanted, seen) in [
            (Wanted::Control(RESET_PASSWORD), reset != "50"),
            (Wanted::Whole(mask::WRITE_DACL), dacl),
            (Wanted::Whole(rc), *own == "1"),
        ] {
            let target = Target { sid: Some(&jan.sid), class: Some(USER) };
            let said = |who| stored.effective(wanted, who, &target).is_granted();
            assert_eq!(said(&at_samba), seen, "{wanted:?}, {owner}: {entries:?}");
            standards_differs += usize::from(said(&server.requester) != seen);
        }
    }
    assert!(standards_differs > 5, "{standards_differs}: Samba looks at them by now");
}
