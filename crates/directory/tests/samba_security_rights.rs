//! Who may do what, compared with Samba: with its library's own access check, and with what its
//! controller allows a user to do to an object whose list was made by chance.
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

use directory::security::rights::{
    self, CHANGE_PASSWORD, CONSISTENCY_GUID, LOCKOUT_TIME, PWD_LAST_SET, Permission,
    RESET_PASSWORD, Stand, USER, USER_ACCOUNT_RESTRICTIONS,
};
use directory::security::{
    Ace, AceBody, AceKind, Acl, Aliases, Below, Child, Depth, Requester, SecurityDescriptor,
    Target, Wanted, mask,
};
use directory::{ObjectGuid, Sid};
use lab::Forest;
use oracle::{Parts, ask, dacl, hex, protected, read, sid, some};
use proptest::prelude::*;
use server::{DACL, Server, WHOLE};

const ACCESS: &str = include_str!("samba_security_oracle/access.py");
/// Attributes that are in the property sets Account Restrictions, General, Personal, Public and Web
/// Information, and in none.
const ATTRIBUTES: [&str; 8] = [
    "pwdLastSet",
    "lockoutTime",
    "displayName",
    "telephoneNumber",
    "mail",
    "wWWHomePage",
    "mS-DS-ConsistencyGuid",
    "department",
];

#[test]
fn lists_without_types_are_judged_as_samba_s_own_check_does() {
    const OWNER: u32 = mask::READ_CONTROL | mask::WRITE_DACL | mask::WRITE_OWNER;
    let who = ["S-1-5-21-1-2-3-1104", "S-1-5-21-1-2-3-513", "S-1-1-0", "S-1-5-11"];
    let others = ["S-1-5-21-1-2-3-9", "S-1-5-32-544"];
    let bits = |of: u32| (0..32).map(|bit| 1 << bit).filter(move |bit| of & bit != 0);
    let parts = |masks: u32, trustees: &[&str]| Parts {
        kinds: vec![AceKind::ALLOWED, AceKind::DENIED],
        flags: vec![0, 0, 0x02, 0x0a, 0x10, 0x12, 0x1a],
        masks: bits(masks).collect(),
        types: vec![USER],
        classes: vec![USER],
        trustees: trustees.iter().map(|text| sid(text)).collect(),
    };
    // Samba weighs entries for Owner Rights against the others in an order of its own, so that here
    // they speak of different rights.
    let plain = parts(mask::FULL_CONTROL & !OWNER, &[&who[..], &others].concat());
    let of_owner = parts(OWNER, &["S-1-3-4", who[0], others[0]]);
    let owner = prop::sample::select(vec![who[1], others[0]]);
    let lists = dacl(prop_oneof![plain.entry(), of_owner.entry()], true);
    let no_conflict = |list: &Acl| {
        let about = |owner: bool| {
            list.entries.iter().filter_map(Ace::access).any(|access| {
                access.mask & OWNER != 0 && (access.trustee == Sid::owner_rights()) == owner
            })
        };
        !(about(true) && about(false))
    };
    let lists = lists.prop_filter("owner's rights by one kind of entries", no_conflict);
    let all: Vec<(SecurityDescriptor, u32)> = some(400, (lists, owner))
        .into_iter()
        .map(|(list, owner)| {
            let owner = Some(sid(owner));
            let group = owner.clone();
            SecurityDescriptor { owner, group, ..SecurityDescriptor::of_dacl(list) }
        })
        .flat_map(|one| bits(mask::FULL_CONTROL).map(move |bit| (one.clone(), bit)))
        .collect();
    let question = |(descriptor, bit): &(SecurityDescriptor, u32)| {
        format!("{} {bit} {}", hex(&descriptor.to_value().unwrap()), who.join(" "))
    };
    let forest = Forest::of_running_lab().unwrap();
    let answers = ask(&forest, ACCESS, &[], &all.iter().map(question).collect::<Vec<_>>());
    let requester = Requester::exactly(who.map(sid));
    let mut granted = 0;
    for ((descriptor, bit), answer) in all.iter().zip(answers) {
        let ruling = descriptor.effective(Wanted::Whole(*bit), &requester, &Target::default());
        assert_eq!(ruling.is_granted(), answer == "1", "{bit:#x} {ruling:?} {descriptor:?}");
        granted += usize::from(ruling.is_granted());
    }
    assert!(granted > all.len() / 10 && granted < all.len() * 9 / 10, "{granted}");
}

/// Everything that entries on Jan's account can be about, and everybody.
fn parts(server: &Server) -> Parts {
    let mut types = vec![RESET_PASSWORD, CHANGE_PASSWORD, USER, USER_ACCOUNT_RESTRICTIONS];
    types.extend(ATTRIBUTES.iter().map(|name| server.property(name).attribute));
    types.extend(ATTRIBUTES.iter().filter_map(|name| server.property(name).set));
    // A class that Jan is not of.
    types.push("bf967a86-0de6-11d0-a285-00aa003049e2".parse().unwrap());
    let [user, inner, outer] =
        [&server.user, &server.inner, &server.outer].map(|one| one.sid.clone());
    Parts {
        kinds: vec![
            AceKind::ALLOWED,
            AceKind::DENIED,
            AceKind::ALLOWED_OBJECT,
            AceKind::ALLOWED_OBJECT,
            AceKind::ALLOWED_OBJECT,
            AceKind::DENIED_OBJECT,
            AceKind::DENIED_OBJECT,
        ],
        flags: vec![0, 0, 0, 0x02, 0x0a],
        masks: vec![
            mask::READ_PROPERTY,
            mask::READ_PROPERTY,
            mask::WRITE_PROPERTY,
            mask::WRITE_PROPERTY,
            mask::CONTROL_ACCESS,
            mask::CONTROL_ACCESS,
            mask::READ_CONTROL,
            mask::WRITE_DACL,
            mask::WRITE_OWNER,
            mask::GENERIC_READ,
            mask::GENERIC_WRITE,
        ],
        types,
        classes: vec![USER],
        trustees: vec![
            user.clone(),
            user,
            inner,
            outer,
            Sid::everyone(),
            Sid::authenticated_users(),
            Sid::network(),
            Sid::principal_self(),
            server.jan.sid.clone(),
            sid("S-1-5-32-544"),
        ],
    }
}

/// Samba 4.24 takes an object entry that grants control access to anything but a control access right
/// for a grant of everything there: with `(OA;;CR;;;WD)` anybody changes any attribute, and the DACL.
/// By MS-ADTS 5.1.3.3.4, and for the entry without types in Samba too, it grants control access rights
/// and nothing else. Such entries are not compared.
fn within_the_standard(mut entry: Ace) -> Ace {
    let AceBody::Access(access) = &mut entry.body else { return entry };
    let right = access.object_type.filter(|one| [RESET_PASSWORD, CHANGE_PASSWORD].contains(one));
    if entry.kind == AceKind::ALLOWED_OBJECT && right.is_none() {
        access.mask &= !mask::CONTROL_ACCESS;
    }
    entry
}

#[test]
fn what_the_user_can_do_on_the_controller_is_what_is_said() {
    let server = Server::new();
    let lists = dacl(parts(&server).entry().prop_map(within_the_standard), false);
    let owners = [&server.user.sid, &server.outer.sid, &server.admins].map(Sid::clone);
    let owner = prop::sample::select(owners.to_vec());
    let all = some(120, (lists, owner));
    let mut commands = Vec::new();
    for (list, owner) in &all {
        let list = server.with_administrators(list);
        let owned = SecurityDescriptor { owner: Some(owner.clone()), ..protected(list) };
        let descriptor = SecurityDescriptor { group: owned.owner.clone(), ..owned };
        let (jan, value) = (&server.jan.dn, hex(&descriptor.to_value().unwrap()));
        commands.push(format!("set\t{jan}\t{WHOLE}\t{value}"));
        commands.push(format!("get\t{jan}\t{WHOLE}"));
        commands.push(format!("view\t{jan}\t{}", ATTRIBUTES.join("\t")));
        commands.push(format!("reset\t{jan}"));
        commands.push(format!("swap\t{jan}"));
    }
    let answers = server.ask(&commands);
    let (mut granted, mut refused) = (0, 0);
    for (number, answer) in answers.chunks(5).enumerate() {
        let [set, value, view, reset, change] = answer else { panic!("{answer:?}") };
        assert_eq!(set, "0", "descriptor {number}");
        // As it is stored: with generic rights filled in.
        let stored = read(value);
        let may = |wanted| {
            let target = Target { sid: Some(&server.jan.sid), class: Some(USER) };
            stored.effective(wanted, &server.requester, &target).is_granted()
        };
        let mut check = |what: &str, wanted: Wanted, seen: bool| {
            let said = may(wanted);
            let text = stored.to_sddl(&Aliases::without_domain()).unwrap();
            assert_eq!(said, seen, "descriptor {number}, {what} ({wanted:?}): {text}");
            *(if said { &mut granted } else { &mut refused }) += 1;
        };
        // 50 is insufficientAccessRights; with the right, the password is what is refused.
        assert!(["50", "53"].contains(&reset.as_str()), "{reset}");
        check("reset", Wanted::Control(RESET_PASSWORD), reset != "50");
        assert!(["0", "1"].contains(&change.as_str()), "{change}");
        check("change", Wanted::Control(CHANGE_PASSWORD), change == "1");
        let [writable, readable, rights, own] = &view.split('\t').collect::<Vec<_>>()[..] else {
            panic!("descriptor {number}: {view}")
        };
        for name in ATTRIBUTES {
            let property = server.property(name);
            check(name, Wanted::Write(property), writable.split(' ').any(|one| one == name));
            check(name, Wanted::Read(property), readable.split(' ').any(|one| one == name));
        }
        // sDRightsEffective (MS-ADTS 3.1.1.4.5.4): 1 is the owner, 4 the DACL.
        let rights: u32 = rights.parse().unwrap();
        check("the owner", Wanted::Whole(mask::WRITE_OWNER), rights & 1 != 0);
        check("the DACL", Wanted::Whole(mask::WRITE_DACL), rights & 4 != 0);
        check("the descriptor", Wanted::Whole(mask::READ_CONTROL), *own == "1");
    }
    assert!(granted > 300 && refused > 300, "{granted} granted, {refused} refused");
}

#[test]
fn what_is_inherited_below_is_what_the_controller_makes_of_it() {
    let server = Server::new();
    let all_flags = (0..32).filter(|flags| flags & 0x10 == 0).collect();
    let ou = "bf967aa5-0de6-11d0-a285-00aa003049e2".parse().unwrap();
    let mut parts = Parts { flags: all_flags, classes: vec![USER, ou], ..parts(&server) };
    parts.masks.push(mask::GENERIC_ALL);
    parts.trustees.extend([Sid::creator_owner(), Sid::creator_group()]);
    let lists = some(60, dacl(parts.entry(), true));
    let (unit, mut commands) = (&server.unit, Vec::new());
    let below = format!("OU=Below,{unit}");
    let people = [format!("CN=near,{unit}"), format!("CN=far,{below}")];
    for list in &lists {
        let value = hex(&protected(server.with_administrators(list)).to_value().unwrap());
        commands.push(format!("set\t{unit}\t{DACL}\t{value}"));
        commands.push(format!("make\torganizationalUnit\t{below}"));
        commands.extend(people.iter().map(|dn| format!("make\tuser\t{dn}")));
        let objects = [unit, &below].into_iter().chain(&people);
        commands.extend(objects.map(|dn| format!("get\t{dn}\t{WHOLE}")));
        commands.extend(people.iter().chain([&below]).map(|dn| format!("delete\t{dn}")));
    }
    let mut inherited = 0;
    for (number, answer) in server.ask(&commands).chunks(11).enumerate() {
        let done = answer[..4].iter().chain(&answer[8..]).all(|code| code == "0");
        assert!(done, "list {number}: {answer:?}");
        let found: Vec<SecurityDescriptor> = answer[4..8].iter().map(|value| read(value)).collect();
        let [unit, below, near, far] = &found[..] else { panic!() };
        for (above, object, class) in [(unit, below, ou), (unit, near, USER), (below, far, USER)] {
            let (owner, group) = (object.owner.as_ref(), object.group.as_ref());
            let child = Child { classes: &[class], owner, group };
            let expected = above.dacl.as_ref().unwrap().inherited_by(&child).entries;
            let entries = &object.dacl.as_ref().unwrap().entries;
            let got: Vec<Ace> = entries.iter().filter(|one| one.is_inherited()).cloned().collect();
            assert_eq!(got, expected, "list {number}");
            inherited += got.len();
        }
        judged_below_as_there(&server, unit, near, far);
    }
    assert!(inherited > 300, "{inherited}");
}

/// What is said of those below by the unit alone is what their inherited entries say.
fn judged_below_as_there(
    server: &Server,
    unit: &SecurityDescriptor,
    near: &SecurityDescriptor,
    far: &SecurityDescriptor,
) {
    for (object, depth) in [(near, Depth::Next), (far, Depth::Further)] {
        let entries = &object.dacl.as_ref().unwrap().entries;
        // Entries for the owner are not looked at from above.
        let inherited = entries.iter().filter(|one| one.is_inherited()).cloned().collect();
        let there = SecurityDescriptor::of_dacl(Acl { revision: 4, entries: inherited });
        for permission in Permission::ALL {
            if permission.stand() == Stand::AboveUsers {
                let below = Below { classes: &[USER], depth };
                let said = unit.effective_below(permission.wanted(), &server.requester, &below);
                let target = Target { sid: None, class: Some(USER) };
                let seen = there.effective(permission.wanted(), &server.requester, &target);
                assert_eq!(said.decision, seen.decision, "{permission:?}, {depth:?}");
            }
        }
    }
}

#[test]
fn the_numbers_are_those_of_the_controller_s_schema() {
    let server = Server::new();
    for (name, property) in [
        ("pwdLastSet", PWD_LAST_SET),
        ("lockoutTime", LOCKOUT_TIME),
        ("mS-DS-ConsistencyGuid", CONSISTENCY_GUID),
    ] {
        assert_eq!(server.property(name), property, "{name}");
    }
    for judged in rights::Judged::ALL {
        assert_eq!(server.property(judged.name()), judged.property(), "{judged:?}");
    }
    for (class, guid) in [
        ("user", USER),
        ("inetOrgPerson", rights::INET_ORG_PERSON),
        ("msDS-PasswordSettings", rights::PASSWORD_SETTINGS),
    ] {
        assert_eq!(server.property(class).attribute, guid, "{class}");
    }
    let named = [
        ("User-Force-Change-Password", RESET_PASSWORD),
        ("User-Change-Password", CHANGE_PASSWORD),
        ("Unexpire-Password", rights::UNEXPIRE_PASSWORD),
        ("DS-Replication-Get-Changes", rights::REPLICATION_GET_CHANGES),
        ("User-Account-Restrictions", USER_ACCOUNT_RESTRICTIONS),
    ];
    let answers = server.ask(&named.map(|(name, _)| format!("right\t{name}")));
    for ((name, guid), answer) in named.into_iter().zip(answers) {
        assert_eq!(answer.parse::<ObjectGuid>().unwrap(), guid, "{name}");
    }
}

#[test]
fn what_is_granted_on_a_unit_works_below_and_is_gone_when_it_is_revoked() {
    let server = Server::new();
    let unit = &server.unit;
    let users: Vec<Permission> =
        Permission::ALL.into_iter().filter(|one| one.stand() == Stand::AboveUsers).collect();
    let person = format!("CN=person,{unit}");
    let made = server.ask(&[format!("make\tuser\t{person}"), format!("get\t{unit}\t{DACL}")]);
    assert_eq!(made[0], "0");
    let before = read(&made[1]);
    let standing = |unit: &SecurityDescriptor| {
        users
            .iter()
            .map(|one| one.standing(unit, &server.requester).is_granted())
            .collect::<Vec<_>>()
    };
    let look = |value: &SecurityDescriptor| {
        let answers = server.ask(&[
            format!("set\t{unit}\t{DACL}\t{}", hex(&value.to_value().unwrap())),
            format!("get\t{unit}\t{DACL}"),
            format!("reset\t{person}"),
            format!("swap\t{person}"),
            format!("view\t{person}\t{}", ATTRIBUTES.join("\t")),
        ]);
        assert_eq!(answers[0], "0");
        let writable = answers[4].split('\t').next().unwrap();
        let writes = |name: &str| writable.split(' ').any(|one| one == name);
        let seen = [
            answers[2] != "50",
            answers[3] == "1",
            writes("lockoutTime"),
            writes("pwdLastSet"),
            writes("mS-DS-ConsistencyGuid"),
        ];
        (read(&answers[1]), seen)
    };
    assert_eq!(standing(&before), [false; 5]);
    assert_eq!(look(&before), (before.clone(), [false, true, false, false, false]));

    let mut granted = before.clone();
    let added = rights::grant(granted.dacl.as_mut().unwrap(), &users, &server.user.sid);
    assert_eq!(added.len(), users.len());
    assert_eq!(standing(&granted), [true; 5]);
    let (stored, seen) = look(&granted);
    // A controller may put entries of one group into another order (MS-ADTS 6.1.3.1).
    assert_eq!(sorted(&stored), sorted(&granted));
    assert_eq!(seen, [true; 5]);

    let mut revoked = stored;
    rights::revoke(revoked.dacl.as_mut().unwrap(), &users, &server.user.sid);
    assert_eq!(sorted(&revoked), sorted(&before));
    assert_eq!(look(&revoked).1, [false, true, false, false, false]);
}

fn sorted(descriptor: &SecurityDescriptor) -> Vec<String> {
    let entries = &descriptor.dacl.as_ref().unwrap().entries;
    let mut texts: Vec<String> =
        entries.iter().map(|entry| entry.to_sddl(&Aliases::without_domain()).unwrap()).collect();
    texts.sort();
    texts
}

#[test]
fn a_protected_descriptor_inherits_nothing() {
    let server = Server::new();
    let empty = Acl { revision: 4, entries: vec![] };
    let mut unit = protected(server.with_administrators(&empty));
    let dacl = unit.dacl.as_mut().unwrap();
    rights::grant(dacl, &[Permission::ResetPassword], &server.user.sid);
    let person = format!("CN=person,{}", server.unit);
    let own = protected(server.with_administrators(&empty));
    let answers = server.ask(&[
        format!("set\t{}\t{DACL}\t{}", server.unit, hex(&unit.to_value().unwrap())),
        format!("make\tuser\t{person}"),
        format!("reset\t{person}"),
        format!("get\t{person}\t{DACL}"),
        format!("set\t{person}\t{DACL}\t{}", hex(&own.to_value().unwrap())),
        format!("reset\t{person}"),
        format!("get\t{person}\t{DACL}"),
    ]);
    assert_eq!(answers[2], "53", "{answers:?}");
    assert_eq!(
        ["0", "0", "0", "50"],
        [&answers[0], &answers[1], &answers[4], &answers[5]].map(String::as_str)
    );
    assert!(!read(&answers[3]).is_protected() && read(&answers[6]).is_protected());
    let wanted = Permission::ResetPassword.wanted();
    let by = |value: &str| read(value).effective(wanted, &server.requester, &Target::default());
    assert!(by(&answers[3]).is_granted() && !by(&answers[6]).is_granted());
}
