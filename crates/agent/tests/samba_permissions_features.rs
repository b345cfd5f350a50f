//! The rights of features besides writeback, and what is left of rights that were taken back, on a real
//! Active Directory. Each test that touches the root of the domain has a lab of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a test reports a broken expectation by panicking; the module is private, and shared"
)]

mod permissions;

use directory::Sid;
use directory::security::rights::{LOCKOUT_TIME, RESET_PASSWORD, UNEXPIRE_PASSWORD, USER};
use directory::security::{Ace, Control, mask};
use lab::{Credentials, Kind, LabOptions, NewPerson, Written};
use permissions::{Place, Said, add_unit, start};

const CHECK: [&str; 2] = ["permissions", "check"];
const REVOKE: [&str; 2] = ["permissions", "revoke"];

fn good(said: &Said) {
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

fn of(feature: &str, command: &'static str) -> Vec<String> {
    ["permissions", command, "--feature", feature].map(str::to_owned).into()
}

/// Runs a command with its words.
fn run(place: &Place, words: &[String]) -> Said {
    place.agent(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn run_as_administrator(place: &Place, words: &[String]) -> Said {
    place.as_administrator(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn the_rights_of_a_feature_are_named_granted_and_taken_back() {
    let lab = start(LabOptions::default());
    let place = Place::within("features", lab.forest().clone()).granted();
    let settings = format!("CN=Password Settings Container,CN=System,{}", place.forest.base_dn);
    // As the container is on Windows, where only administrators read it.
    place.spoil(&settings, |descriptor, list| {
        descriptor.control = Control(descriptor.control.0 | Control::DACL_PROTECTED.0);
        let everybody = [Sid::everyone(), Sid::authenticated_users(), place.service()];
        list.entries.retain(|entry| {
            entry.access().is_none_or(|access| !everybody.contains(&access.trustee))
        });
    });
    for (feature, on, right) in [
        ("fine-grained-rules", &settings, "read the Password Settings container"),
        ("anchor", &place.unit, "write mS-DS-ConsistencyGuid"),
    ] {
        let (check, grant, revoke) =
            (of(feature, "check"), of(feature, "grant"), of(feature, "revoke"));
        good(&place.agent(&CHECK));
        let said = run(&place, &check);
        assert_eq!(said.code, 1, "{feature}: {}{}", said.out, said.err);
        for part in [on.as_str(), right] {
            assert!(said.line(0).contains(part), "{feature}: {part}: {}", said.out);
        }
        assert!(said.line(1).contains(&format!("--feature {feature}")), "{}", said.out);
        let granted = run_as_administrator(&place, &grant);
        good(&granted);
        assert!(granted.out.contains(&format!("On {on}:\n  + ")), "{}", granted.out);
        assert!(granted.out.contains(&format!(" may: {right}\n")), "{}", granted.out);
        let there = run(&place, &check);
        good(&there);
        assert!(there.out.contains(&format!("\n  {feature}: has its rights\n")), "{}", there.out);

        // What was granted goes again, and nothing of writeback's with it.
        let back = run_as_administrator(&place, &revoke);
        good(&back);
        assert!(back.out.contains(&format!(" may no longer, by this entry: {right}\n")));
        assert_eq!(back.out.matches("\n  - ").count(), 1, "{}", back.out);
        assert_eq!(run(&place, &check).code, 1, "{feature}");
        good(&place.agent(&CHECK));
    }
}

/// Of two units, the one that keeps writeback keeps what stands on the root for it, as long as it does.
#[test]
fn a_revoke_on_one_unit_leaves_the_other_all_that_it_is_reset_with() {
    let lab = start(LabOptions::default());
    let place = Place::within("one-of-two", lab.forest().clone());
    let other = format!("OU=Other units {},{}", std::process::id(), place.forest.base_dn);
    add_unit(&place.forest, &other);
    place.configure(&[&place.unit, &other], place.forest.ldaps_port);
    // As where nobody who signs in has it by that alone.
    let root = place.forest.base_dn.clone();
    let unexpires = |entry: &Ace| {
        entry.access().and_then(|access| access.object_type) == Some(UNEXPIRE_PASSWORD)
    };
    place.spoil(&root, |_, list| list.entries.retain(|entry| !unexpires(entry)));
    let has_it = || place.dacl(&root).dacl.unwrap().entries.iter().any(unexpires);
    let place = &place;
    assert_eq!(place.agent(&CHECK).code, 1);
    good(&place.as_administrator(&["permissions", "grant"]));
    good(&place.agent(&CHECK));
    // What else the account has on the root is nobody's to take: nothing is printed that would.
    good(&run_as_administrator(place, &of("deletions", "grant")));
    let printed = place.agent(&["permissions", "revoke", "--print", "dsacls"]);
    good(&printed);
    assert!(!printed.out.contains(&format!("dsacls \"{root}\" /R")), "{}", printed.out);
    let line = printed.out.lines().find(|line| line.contains(&format!("LDAP://{root}'"))).unwrap();
    assert!(line.contains(&format!("[guid]'{UNEXPIRE_PASSWORD}'")), "{line}");
    assert_eq!(line.matches("RemoveAccessRuleSpecific").count(), 1, "{line}");

    let back = place.as_administrator(&["permissions", "revoke", "--ou", &place.unit]);
    good(&back);
    let stays = format!("may still: Unexpire Password; {other} keeps writeback, which needs it\n");
    assert!(back.out.contains(&stays), "{}", back.out);
    assert!(has_it());
    place.configure(&[&other], place.forest.ldaps_port);
    good(&place.agent(&CHECK));
    let last = place.as_administrator(&["permissions", "revoke", "--ou", &other]);
    good(&last);
    assert!(last.out.contains("may no longer, by this entry: Unexpire Password"), "{}", last.out);
    assert!(!has_it());
    place.forest.remove(&other).unwrap();
}

/// As guides to hardening advise: nobody reads people by having signed in alone.
#[test]
fn whose_people_may_not_be_read_is_named_before_anybody_is_refused_and_put_right() {
    let lab = start(LabOptions::default());
    let place = Place::within("reading", lab.forest().clone()).granted();
    let person = place.person(NewPerson::default());
    let explain = ["explain", &person.login];
    good(&place.agent(&CHECK));
    good(&place.agent(&explain));
    let compatible =
        format!("CN=Pre-Windows 2000 Compatible Access,CN=Builtin,{}", place.forest.base_dn);
    place
        .forest
        .modify(&format!("dn: {compatible}\nchangetype: modify\ndelete: member\n-\n"))
        .unwrap();

    let all = "tokenGroups, replPropertyMetaData, userAccountControl, adminCount, accountExpires, \
               lockoutTime, pwdLastSet, msDS-ResultantPSO";
    let named = format!("may not read of people below the unit {}: {all}; ", place.unit);
    let said = place.agent(&explain);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    for part in ["cannot be reset: ", &named, "is hidden from the service account"] {
        assert!(said.line(0).contains(part), "{part}: {}", said.out);
    }
    let said = place.agent(&CHECK);
    assert!(said.out.contains(" 1 person looked at, 0 of them good"), "{}", said.out);
    place.named_and_fixed(&CHECK, &[&named, "Pre-Windows 2000 Compatible Access"]);
    let said = place.agent(&explain);
    good(&said);
    assert!(
        said.out.contains("\n  good  reads all that the person is judged by\n"),
        "{}",
        said.out
    );

    // One of them by itself, which the account's other attributes do not show.
    place.spoil(&place.unit, |_, list| {
        let denial = Ace::deny(mask::READ_PROPERTY, place.service());
        list.add(denial.on(LOCKOUT_TIME.attribute).below(Some(USER)));
    });
    let said = place.agent(&CHECK);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    let denied =
        format!("is denied on the person {}: read lockoutTime; by an entry for", person.dn);
    assert!(said.line(0).contains(&denied), "{}", said.out);
    said.fixes().iter().for_each(|fix| place.carry_out(fix));
    good(&place.agent(&CHECK));
    good(&run_as_administrator(&place, &of("reading", "revoke")));
    assert_eq!(place.agent(&CHECK).code, 1);
}

#[test]
fn people_of_another_class_are_told_as_that_and_are_granted_for() {
    let lab = start(LabOptions::default());
    let place = Place::within("class", lab.forest().clone()).granted();
    let dn = format!("CN=Inez,{}", place.unit);
    place
        .forest
        .modify(&format!(
            "dn: {dn}\nchangetype: add\nobjectClass: inetOrgPerson\nsn: Inez\nsAMAccountName: inez\nuserAccountControl: 544\n"
        ))
        .unwrap();
    let named = format!("lacks on people of class inetOrgPerson below the unit {}, ", place.unit);
    let said = place.agent(&["explain", "inez"]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.line(0).contains(&named), "{}", said.out);
    let fix = &said.fixes()[0];
    assert!(fix.ends_with(" --inet-org-person"), "{fix}");
    let printed = place.agent(&["permissions", "grant", "--inet-org-person", "--print", "dsacls"]);
    good(&printed);
    assert!(printed.out.contains(":WP;lockoutTime;inetOrgPerson\""), "{}", printed.out);
    let such_as = format!("such as {dn}: Reset Password, write lockoutTime, write pwdLastSet;");
    place.named_and_fixed(&CHECK, &[&named, &such_as]);
    good(&place.agent(&["explain", "inez"]));
    let back = place.as_administrator(&["permissions", "revoke"]);
    good(&back);
    let right = " may no longer, by this entry: Reset Password, on people of class inetOrgPerson\n";
    assert!(back.out.contains(right), "{}", back.out);
    assert_eq!(place.agent(&["explain", "inez"]).code, 1);
}

#[test]
fn rules_of_a_policy_are_shown_once_they_may_be_read() {
    let lab = start(LabOptions::default());
    let forest = lab.forest().clone();
    let people = format!("OU=People,{}", forest.base_dn);
    let place = Place::over("rules", forest.clone(), &[&people]);
    let settings = format!("CN=Password Settings Container,CN=System,{}", forest.base_dn);
    let service = place.service();
    place.spoil(&settings, |_, list| {
        let before = list.entries.len();
        list.entries.retain(|entry| entry.access().is_none_or(|one| one.trustee != service));
        assert_eq!(list.entries.len(), before - 1, "the lab had granted it");
    });
    let young = forest.person_of(Kind::Pso).unwrap();
    let explain = ["explain", &young.login];
    let hidden = place.agent(&explain);
    let line = "its rules are hidden from the service account: a refusal cannot be explained";
    assert!(hidden.out.contains(line), "{}", hidden.out);
    let fix = hidden.out.lines().find_map(|line| {
        line.trim().strip_prefix("Fix: ").filter(|fix| fix.contains("fine-grained-rules"))
    });
    place.carry_out(fix.unwrap());
    let shown = place.agent(&explain);
    assert!(shown.out.contains("at least 86400 s between two changes"), "{}", shown.out);
    assert!(shown.line(0).contains("is too young"), "{}", shown.out);
}

/// What the rights of the other two features are for: an anchor is written, and a deletion is seen.
#[test]
fn what_a_feature_is_for_can_be_done_once_it_is_granted_and_not_before() {
    let lab = start(LabOptions::default());
    let place = Place::within("purpose", lab.forest().clone()).granted();
    let person = place.person(NewPerson::default());
    let service = &place.forest.service;
    let anchor = format!(
        "dn: {}\nchangetype: modify\nreplace: mS-DS-ConsistencyGuid\nmS-DS-ConsistencyGuid:: AAECAwQFBgcICQoLDA0ODw==\n-\n",
        person.dn
    );
    let written = || place.forest.modify_as(service, &[], &anchor).unwrap();
    assert!(matches!(written(), Written::Refused { code: 50, .. }));
    good(&run_as_administrator(&place, &of("anchor", "grant")));
    assert_eq!(written(), Written::Done);
    let found = place.forest.search(&person.dn, "(objectClass=*)", &["mS-DS-ConsistencyGuid"]);
    assert_eq!(
        found.unwrap()[0].value("mS-DS-ConsistencyGuid").unwrap(),
        (0..16).collect::<Vec<u8>>()
    );

    // A cookie from before, then a change and a deletion.
    let (_, cookie) = changes(&place, &place.forest.administrator, "0", None);
    let gone = place.person(NewPerson::default());
    place.forest.remove(&gone.dn).unwrap();
    place.forest.replace(&person.dn, "description", "Changed").unwrap();
    let heard = |flags| changes(&place, service, flags, Some(&cookie));
    let deleted = format!("{} deleted", gone.object_guid);
    let check = || run(&place, &of("deletions", "check"));
    assert_eq!(heard(REPLICATING), (vec![], "refused".to_owned()));
    assert!(!heard(READING).0.contains(&deleted));
    // By the right to replicate, Samba tells of changes, and of no deletion to whoever may not read it.
    good(&run_as_administrator(&place, &of("deletions", "grant")));
    let (changed, next) = heard(REPLICATING);
    assert!(changed.contains(&person.object_guid), "{changed:?}, {next}");
    assert!(!changed.contains(&deleted), "{changed:?}");
    let said = check();
    let container = format!("CN=Deleted Objects,{}", place.forest.base_dn);
    let lacking = format!("lacks on the container {container}: read Deleted Objects;");
    assert!(said.code == 1 && said.line(0).contains(&lacking), "{}", said.out);
    assert!(said.line(1).contains("Fix: on the controller itself"), "{}", said.out);
    // The right to read them is what it takes, alone as well.
    read_deleted(&place);
    assert!(heard(REPLICATING).0.contains(&deleted));
    good(&check());
    good(&run_as_administrator(&place, &of("deletions", "revoke")));
    good(&place.agent(&CHECK));
    assert_eq!(heard(REPLICATING).1, "refused");
    assert!(heard(READING).0.contains(&deleted));
    good(&check());
}

/// Lets the service account read what was deleted, as the fix says: by the controller's own files.
fn read_deleted(place: &Place) {
    let program = "import sys, json, ldb\n\
        from samba.samdb import SamDB\n\
        from samba.auth import system_session\n\
        from samba.param import LoadParm\n\
        from samba.ndr import ndr_pack, ndr_unpack\n\
        from samba.dcerpc import security\n\
        asked = json.loads(sys.stdin.read())\n\
        lp = LoadParm()\n\
        lp.load('/domain/etc/smb.conf')\n\
        there = SamDB(url='/domain/private/sam.ldb', session_info=system_session(), lp=lp)\n\
        flags = ['show_deleted:1', 'sd_flags:1:4']\n\
        name = 'nTSecurityDescriptor'\n\
        found = there.search(asked['on'], scope=ldb.SCOPE_BASE, attrs=[name], controls=flags)\n\
        list = ndr_unpack(security.descriptor, found[0][name][0])\n\
        new = security.descriptor.from_sddl('D:' + asked['entry'], security.dom_sid('S-1-5-21-1-2-3'))\n\
        list.dacl_add(new.dacl.aces[0])\n\
        change = ldb.Message(found[0].dn)\n\
        change['list'] = ldb.MessageElement(ndr_pack(list), ldb.FLAG_MOD_REPLACE, name)\n\
        there.modify(change, flags)\n";
    let said = run(place, &of("deletions", "check"));
    let (_, entry) = said.line(1).split_once(" as root, add ").unwrap();
    let (entry, _) = entry.split_once(" to the list of ").unwrap();
    let on = format!("CN=Deleted Objects,{}", place.forest.base_dn);
    let asked = serde_json::json!({ "on": on, "entry": entry });
    place.forest.python(program, &asked.to_string()).unwrap();
}

/// DirSync by the right to replicate, and by the right to read each object (MS-ADTS 3.1.1.3.4.1.3).
const REPLICATING: &str = "0";
const READING: &str = "1";

/// The GUIDs of what has changed since a cookie, to an account that asks with these flags of DirSync, and
/// the next cookie. Nothing, where that is refused.
fn changes(
    place: &Place,
    who: &Credentials,
    flags: &str,
    cookie: Option<&str>,
) -> (Vec<String>, String) {
    let program = "import sys, json, ldb\n\
        from samba.samdb import SamDB\n\
        from samba.credentials import Credentials\n\
        from samba.param import LoadParm\n\
        from samba.ndr import ndr_unpack\n\
        from samba.dcerpc import misc\n\
        asked = json.loads(sys.stdin.read())\n\
        lp = LoadParm()\n\
        lp.load_default()\n\
        creds = Credentials()\n\
        creds.guess(lp)\n\
        creds.set_username(asked['login'])\n\
        creds.set_password(asked['password'])\n\
        creds.set_domain(asked['domain'])\n\
        there = SamDB(url='ldap://' + asked['address'], credentials=creds, lp=lp)\n\
        control = 'dirsync:1:' + asked['flags'] + ':10000' + (':' + asked['cookie'] if asked['cookie'] else '')\n\
        try:\n\
        \x20   found = there.search(asked['base'], attrs=['isDeleted', 'description'], controls=[control])\n\
        except ldb.LdbError as error:\n\
        \x20   if error.args[0] != ldb.ERR_INSUFFICIENT_ACCESS_RIGHTS: raise\n\
        \x20   print('refused')\n\
        \x20   sys.exit(0)\n\
        print(str(found.controls[0]).split(':')[-1])\n\
        for one in found:\n\
        \x20   print(str(ndr_unpack(misc.GUID, one['objectGUID'][0])) + (' deleted' if 'isDeleted' in one else ''))\n";
    let asked = serde_json::json!({
        "login": who.login, "password": who.password, "cookie": cookie, "flags": flags,
        "domain": place.forest.domain, "address": place.forest.address.to_string(),
        "base": place.forest.base_dn,
    });
    let said = place.forest.python(program, &asked.to_string()).unwrap();
    let mut lines = said.lines().map(str::to_owned);
    let cookie = lines.next().unwrap();
    (lines.collect(), cookie)
}

#[test]
fn a_right_that_stands_after_a_revoke_is_named_with_its_entry_and_the_fix_takes_it_away() {
    let lab = start(LabOptions::default());
    let place = Place::within("still", lab.forest().clone()).granted();
    let below = format!("OU=Below,{}", place.unit);
    add_unit(&place.forest, &below);
    let account = format!("{}@{}", place.forest.service.login, place.forest.domain);

    // By an entry of the account's that `grant` does not make.
    let service = place.service();
    place.spoil(&place.unit, |_, list| {
        let more = Ace::allow(mask::CONTROL_ACCESS | mask::WRITE_PROPERTY, service.clone());
        assert!(list.add(more.on(RESET_PASSWORD).below(Some(USER))));
    });
    let said = place.as_administrator(&REVOKE);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(!said.out.contains("Taken back"), "{}", said.out);
    let stands = format!(
        "corp: {account} has on {} all the same: Reset Password; by an entry for {}, of the object's own.\n",
        place.unit, place.forest.service.login
    );
    assert!(said.out.contains(&stands), "{}", said.out);
    assert_eq!(said.err, "passback-agent: a right stands all the same\n");
    let fix = said.out.lines().find_map(|line| line.trim().strip_prefix("Fix: "));
    place.carry_out(fix.unwrap());
    let again = place.as_administrator(&REVOKE);
    assert_eq!((again.code, again.out.as_str()), (0, "There is nothing to do.\n"), "{}", again.err);

    // From the unit above the one that is named.
    good(&place.as_administrator(&["permissions", "grant"]));
    let inner = place.as_administrator(&["permissions", "revoke", "--ou", &below]);
    assert_eq!(inner.code, 1, "{}{}", inner.out, inner.err);
    let above = format!("inherited from {}.\n", place.unit);
    assert!(inner.out.contains(&above), "{}", inner.out);
    let fix = inner.out.lines().find_map(|line| line.trim().strip_prefix("Fix: ")).unwrap();
    assert!(fix.ends_with(&format!(" --ou '{}'", place.unit)), "{fix}");
    place.carry_out(fix);
    let again = place.as_administrator(&["permissions", "revoke", "--ou", &below]);
    assert_eq!((again.code, again.out.as_str()), (0, "There is nothing to do.\n"), "{}", again.err);

    // What is printed for another tool is kept apart from what would stand.
    good(&place.as_administrator(&["permissions", "grant"]));
    place.spoil(&place.unit, |_, list| {
        let more = Ace::allow(mask::CONTROL_ACCESS | mask::WRITE_PROPERTY, service.clone());
        assert!(list.add(more.on(RESET_PASSWORD).below(Some(USER))));
    });
    let printed = place.agent(&["permissions", "revoke", "--print", "samba-tool"]);
    good(&printed);
    assert!(printed.out.lines().all(|line| line.starts_with("samba-tool ")), "{}", printed.out);
    assert!(printed.err.contains("all the same: Reset Password"), "{}", printed.err);
}
