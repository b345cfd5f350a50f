//! What keeps the service account from its rights, or `check` from looking, on a real Active Directory:
//! denials that beat what was granted, conditions that nobody can evaluate, owners, and controllers that
//! cannot be reached.
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

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;

use directory::Sid;
use directory::security::rights::RESET_PASSWORD;
use directory::security::{Ace, AceBody, AceKind, mask};
use lab::NewPerson;
use permissions::{Place, Said};
use serde_json::Value;

const CHECK: [&str; 2] = ["permissions", "check"];
const GRANT: [&str; 2] = ["permissions", "grant"];
const UNAVAILABLE: i32 = 3;
/// `Member_of {SID(WD)}` (MS-DTYP 2.4.4.17), which holds for everybody, as Samba compiles it.
const HOLDS: &[u8] = b"artx\x50\x11\0\0\0\x51\x0c\0\0\0\x01\x01\0\0\0\0\0\x01\0\0\0\0\x89\0";

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}{}", said.out, said.err))
}

/// A denial of Reset Password for everybody with an account, for what is below.
fn denial() -> Ace {
    let denial = Ace::deny(mask::CONTROL_ACCESS, Sid::authenticated_users());
    denial.on(RESET_PASSWORD).below(None)
}

fn under_a_condition(entry: Ace) -> Ace {
    let AceBody::Access(access) = entry.body else { panic!("{entry:?}") };
    let access = directory::security::Access { application: HOLDS.to_vec(), ..access };
    let kind = AceKind::DENIED_CALLBACK_OBJECT;
    Ace { kind, body: AceBody::Access(access), ..entry }
}

#[test]
fn what_a_denial_beats_is_not_called_granted_and_the_denial_is_named() {
    let place = Place::new("beaten");
    place.spoil(&place.unit, |_, list| assert!(list.add(denial())));
    let by = "an entry for Authenticated Users";
    let said = place.as_administrator(&GRANT);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(!said.out.contains("Granted"), "{}", said.out);
    assert!(said.out.contains(&format!("and is denied it by {by} all the same")), "{}", said.out);
    let written = "What was to be granted was written, and is denied all the same:\n";
    let (_, told) = said.out.split_once(written).unwrap();
    let named = format!("is denied on the unit {}: Reset Password; by {by}", place.unit);
    assert!(told.contains(&named), "{told}");
    assert_eq!(said.err, "passback-agent: a denial beats what was granted\n");

    // The entries are there by now, and nothing is better for it.
    let again = place.as_administrator(&GRANT);
    assert_eq!(again.code, 1, "{}{}", again.out, again.err);
    assert!(again.out.contains("stands already, and is denied all the same"), "{}", again.out);
    let check = place.agent(&CHECK);
    assert!(check.code == 1 && check.line(0).contains(&named), "{}", check.out);
    check.fixes().iter().for_each(|fix| place.carry_out(fix));
    let good = place.as_administrator(&GRANT);
    assert_eq!((good.code, good.out.as_str()), (0, "There is nothing to do.\n"), "{}", good.err);
    assert_eq!(place.agent(&CHECK).code, 0);
}

#[test]
fn a_denial_under_a_condition_counts_as_one_and_is_named_by_check_and_explain() {
    let place = Place::new("conditional").granted();
    let person = place.person(NewPerson::default());
    assert_eq!(place.agent(&CHECK).code, 0);
    place.spoil(&place.unit, |_, list| assert!(list.add(under_a_condition(denial()))));
    let parts = [
        "may be denied on the unit",
        &place.unit,
        "Reset Password",
        "Authenticated Users",
        "under a condition that cannot be evaluated here",
    ];
    let check = place.agent(&CHECK);
    assert_eq!(check.code, 1, "{}{}", check.out, check.err);
    parts.iter().for_each(|part| assert!(check.line(0).contains(part), "{part}: {}", check.out));
    let finding = &json(&place.agent(&[&CHECK[..], &["--json"]].concat()))["directories"][0];
    assert_eq!(finding["findings"][0]["cause"], "unclear", "{finding}");
    let explain = place.agent(&["explain", &person.login]);
    assert_eq!(explain.code, 1, "{}{}", explain.out, explain.err);
    for part in ["cannot be reset", "may be denied on", "cannot be evaluated here"] {
        assert!(explain.line(0).contains(part), "{part}: {}", explain.out);
    }

    // The fix takes that entry away, and no other one; so does what it prints.
    let before = place.dacl(&place.unit).dacl.unwrap().entries;
    let [fix] = &check.fixes()[..] else { panic!("{}", check.out) };
    assert_eq!(explain.fixes(), [fix.as_str()]);
    let tool = format!("{} --print samba-tool", fix.strip_prefix("passback-agent ").unwrap());
    let no = place.agent(&permissions::words(&tool).iter().map(String::as_str).collect::<Vec<_>>());
    assert!(no.code == 1 && no.err.contains("as ldif alone"), "{}{}", no.out, no.err);
    let by_unit = ["permissions", "grant", "--drop-conditional", &place.unit, "--print", "ldif"];
    let printed = place.agent(&by_unit);
    assert_eq!(printed.code, 0, "{}{}", printed.out, printed.err);
    place.carry_out(fix);
    let after = place.dacl(&place.unit).dacl.unwrap().entries;
    assert_eq!(after.len(), before.len() - 1);
    assert!(after.iter().all(|entry| before.contains(entry)));
    assert_eq!(place.agent(&CHECK).code, 0);
    assert_eq!(place.agent(&["explain", &person.login]).code, 0);
    place.spoil(&place.unit, |_, list| assert!(list.add(under_a_condition(denial()))));
    let who = &place.forest.administrator;
    let written = place.forest.modify_as(who, &[], &printed.out).unwrap();
    assert_eq!((written, place.agent(&CHECK).code), (lab::Written::Done, 0));
}

#[test]
fn an_owner_is_named_with_what_comes_of_it() {
    let place = Place::new("owner").granted();
    let person = place.person(NewPerson::default());
    let explain = || place.agent(&["explain", &person.login]);
    let before = explain();
    assert_eq!(before.code, 0, "{}{}", before.out, before.err);
    assert!(before.out.contains("\n  good  owned by Domain Admins\n"), "{}", before.out);
    place.own(&person.dn, place.service());
    let account = format!("{}@{}", place.forest.service.login, place.forest.domain);
    let own = format!(
        "owned by {}, by which {account} may change who has which rights there: more than it needs",
        place.forest.service.login
    );
    let owned = explain();
    assert!(owned.code == 0 && owned.out.contains(&own), "{}", owned.out);
    // Samba passes such an entry over, and so does what is said of it: the reset stays possible.
    place.spoil(&person.dn, |_, list| {
        let denial = Ace::deny(mask::CONTROL_ACCESS, Sid::owner_rights()).on(RESET_PASSWORD);
        assert!(list.add(denial));
    });
    let said = explain();
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("entries for Owner Rights, which Samba passes over"), "{}", said.out);

    place.own(&place.unit, place.service());
    let show = place.agent(&["permissions", "show"]);
    assert!(show.line(1).contains(&own), "{}", show.out);
    let shown = json(&place.agent(&["permissions", "show", "--json"]));
    let owner = &shown["directories"][0]["owners"][0]["owner"];
    assert_eq!(
        (&owner["name"], &owner["is_account"], &owner["account_may_change_rights"]),
        (&Value::from(&*place.forest.service.login), &true.into(), &true.into()),
        "{shown}"
    );
}

#[test]
fn a_directory_that_cannot_be_looked_at_is_told_of_in_json_and_hides_no_other_one() {
    let place = Place::new("json-down");
    let check = [&CHECK[..], &["--json"]].concat();
    let port = format!("ldaps_port = {}", place.forest.ldaps_port);
    place.reconfigure(&port, "ldaps_port = 1");
    let said = place.agent(&check);
    assert_eq!(said.code, UNAVAILABLE, "{}{}", said.out, said.err);
    let value = json(&said);
    assert_eq!((&value["version"], &value["good"]), (&1.into(), &false.into()));
    let one = &value["directories"][0];
    assert_eq!((&one["directory"], &one["good"]), (&"corp".into(), &false.into()));
    assert_eq!(one["error"]["exit_code"], UNAVAILABLE);
    let text = one["error"]["text"].as_str().unwrap();
    assert!(text.contains("refused") && said.err.contains(text), "{text}: {}", said.err);

    // Beside one that answers.
    let file = place.dir.join("agent.toml");
    let configured = std::fs::read_to_string(&file).unwrap();
    let (head, down) = configured.split_once("[[directory]]").unwrap();
    let up = down.replace("\"corp\"", "\"up\"").replace("ldaps_port = 1", &port);
    std::fs::write(&file, format!("{head}[[directory]]{down}[[directory]]{up}")).unwrap();
    let said = place.agent(&check);
    assert_eq!(said.code, UNAVAILABLE, "{}{}", said.out, said.err);
    let value = json(&said);
    assert_eq!(value["directories"][0]["error"]["exit_code"], UNAVAILABLE);
    let up = &value["directories"][1];
    assert_eq!((&up["error"], &up["findings"][0]["cause"]), (&Value::Null, &"missing".into()));
}

/// A wire to the controller from a port of its address.
fn wire(near: SocketAddr, far: SocketAddr) {
    let listener = TcpListener::bind(near).unwrap();
    std::thread::spawn(move || {
        for near in listener.incoming() {
            let (near, far) = (near.unwrap(), TcpStream::connect(far).unwrap());
            let carry = |from: &TcpStream, to: &TcpStream| {
                let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
            };
            carry(&near, &far);
            carry(&far, &near);
        }
    });
}

#[test]
fn whoever_waits_is_told_why_nothing_can_be_looked_at_and_goes_on_when_that_is_over() {
    let place = Place::new("wait-down").granted();
    let free = TcpListener::bind((place.forest.address, 0)).unwrap().local_addr().unwrap();
    let there = SocketAddr::new(place.forest.address, place.forest.ldaps_port);
    let port = format!("ldaps_port = {}", there.port());
    place.reconfigure(&port, &format!("ldaps_port = {}", free.port()));
    // Its own time is over before anything changes.
    let short = place.agent(&[&CHECK[..], &["--wait", "2", "--pause", "1"]].concat());
    assert_eq!(short.code, UNAVAILABLE, "{}{}", short.out, short.err);
    assert_eq!(short.err.matches("; waiting\n").count(), 1, "told once: {}", short.err);

    let mut waiting = place
        .command(&[&CHECK[..], &["--wait", "120", "--pause", "1"]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(waiting.stderr.take().unwrap()).lines();
    let why = told.find_map(|line| line.ok().filter(|line| line.ends_with("; waiting"))).unwrap();
    assert!(why.starts_with("passback-agent: directory corp: "), "{why}");
    assert!(why.contains(&free.to_string()) && why.contains("refused"), "{why}");
    // All of those that it looks at have the same port.
    for one in &place.forest.controllers {
        let near = SocketAddr::new(one.address, free.port());
        wire(near, SocketAddr::new(one.address, one.ldaps_port));
    }
    let rest: Vec<_> = told.map_while(Result::ok).collect();
    let output = waiting.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{out}{rest:?}");
    assert!(out.starts_with("corp: all rights are there"), "{out}");
}
