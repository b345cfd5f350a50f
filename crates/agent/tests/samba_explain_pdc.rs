//! A PDC role that has moved, and a PDC emulator without the policy-hints control, are named by `explain`
//! in its first line, and the fix that is printed below it works when it is carried out. Each test has
//! a lab of its own, because it stops or moves what others rely on.
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

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lab::{Forest, LabOptions, NewPerson};
use permissions::{Place, Said, start};

/// A place where the service account has its rights, with a person.
fn someone(name: &str, forest: Forest) -> (Place, String) {
    let place = Place::within(name, forest).granted();
    let person = place.person(NewPerson::default());
    (place, person.login)
}

fn explain(place: &Place, login: &str) -> Said {
    place.agent(&["explain", login])
}

fn good(place: &Place, login: &str) {
    let said = explain(place, login);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert_eq!(said.line(0), format!("corp: {login} can be reset."), "{}", said.out);
}

/// The first line has all of this, and the exit code is that one.
fn named(said: &Said, code: i32, parts: &[&str]) {
    assert_eq!(said.code, code, "{}{}", said.out, said.err);
    for part in parts {
        assert!(said.line(0).contains(part), "{part}: {}", said.out);
    }
}

const UNAVAILABLE: i32 = 3;

/// Where the domain's DNS keeps who the PDC emulator is.
fn record(forest: &Forest) -> (String, Vec<u8>) {
    let node = format!(
        "DC=_ldap._tcp.pdc,DC=_msdcs.{},CN=MicrosoftDNS,DC=ForestDnsZones,{}",
        forest.domain, forest.base_dn
    );
    let found = forest.search(&node, "(objectClass=*)", &["dnsRecord"]).unwrap();
    let value = found[0].value("dnsRecord").unwrap().to_vec();
    (node, value)
}

/// Gives the role away, and leaves DNS as it was.
fn moved_behind_dns(forest: &Forest, to: usize) {
    let (node, before) = record(forest);
    forest.transfer_pdc(to).unwrap();
    let value = STANDARD.encode(before);
    let ldif =
        format!("dn: {node}\nchangetype: modify\nreplace: dnsRecord\ndnsRecord:: {value}\n-\n");
    (0..forest.controllers.len()).for_each(|index| forest.at(index).modify(&ldif).unwrap());
}

#[test]
fn a_role_that_moved_behind_dns_is_named_and_dns_put_right_as_printed() {
    let lab = start(LabOptions { controllers: 2, ..LabOptions::default() });
    let forest = lab.forest().clone();
    let [first, second] = [0, 1].map(|index| forest.controllers[index].name.clone());
    let (place, login) = someone("moved", forest.clone());
    let place = Place::over("moved-seen", forest.at(1), &[&place.unit]);
    good(&place, &login);

    // The former holder is up and says who holds the role: it is followed, and DNS is named.
    moved_behind_dns(&forest, 1);
    let said = explain(&place, &login);
    named(
        &said,
        0,
        &["can be reset; not", "PDC role has moved to", &second, "still names", &first],
    );

    // Gone, it says nothing any more, and the others lead to the new holder; DNS is named as before.
    forest.stop_controller(0).unwrap();
    let said = explain(&place, &login);
    let parts = ["can be reset; not", "PDC role has moved to", &second, "still names", &first];
    named(&said, 0, &parts);
    let json = place.agent(&["explain", &login, "--json"]);
    let value: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let commands = value["verdict"]["fix"]["commands"].as_array().unwrap();
    assert_eq!(said.fixes(), commands.iter().map(|one| one.as_str().unwrap()).collect::<Vec<_>>());
    said.fixes().iter().for_each(|fix| place.carry_out(fix));
    good(&place, &login);
}

#[test]
fn a_role_that_moved_to_where_nobody_answers_is_named_with_the_controller_to_start() {
    let lab = start(LabOptions { controllers: 2, ..LabOptions::default() });
    let forest = lab.forest().clone();
    let [first, second] = [0, 1].map(|index| forest.controllers[index].name.clone());
    let (place, login) = someone("away", forest.clone());
    moved_behind_dns(&forest, 1);
    forest.stop_controller(1).unwrap();
    let said = explain(&place, &login);
    let parts = ["cannot be reset", "PDC role has moved to", &first, "cannot be asked"];
    named(&said, UNAVAILABLE, &parts);
    let fix = format!("Fix: start {second}, or open the way to it; if it is gone for good, give");
    assert!(said.line(1).trim().starts_with(&fix), "{}", said.out);

    // `check` knows it too, and waits for nothing that does not come by itself.
    for wait in [&[][..], &["--wait", "3600", "--pause", "1"]] {
        let check = place.agent(&[&["permissions", "check"], wait].concat());
        let parts = ["cannot be looked at", "PDC role has moved to", &second, "cannot be asked"];
        named(&check, UNAVAILABLE, &parts);
        assert!(check.line(1).trim().starts_with(&fix), "{}", check.out);
    }
    forest.start_controller(1).unwrap();
    let said = explain(&place, &login);
    named(&said, 0, &["can be reset; not as it should be: the PDC role has moved to", &second]);
}

#[test]
fn a_controller_without_policy_hints_is_named_and_the_printed_key_allows_it() {
    let lab = start(LabOptions { old_samba: true, ..LabOptions::default() });
    let (place, login) = someone("no-hints", lab.forest().clone());
    let said = explain(&place, &login);
    let controller = format!("{} offers no policy-hints control", place.forest.controller);
    let numbers = "(1.2.840.113556.1.4.2239 or 1.2.840.113556.1.4.2066)";
    named(&said, 1, &["cannot be reset", &controller, numbers, "history would not be enforced"]);
    let fix = said.line(1).trim();
    assert!(fix.starts_with(&format!("Fix: update {}, or move", place.forest.controller)), "{fix}");
    let check = || place.agent(&["permissions", "check"]);
    let lacking = check();
    named(&lacking, 1, &[&controller, numbers, "history would not be enforced"]);
    assert_eq!(lacking.line(1).trim(), fix, "{}", lacking.out);
    let key = fix.split('`').nth(1).unwrap();
    let port = format!("ldaps_port = {}", place.forest.ldaps_port);
    place.reconfigure(&port, &format!("{key}\n{port}"));
    let said = explain(&place, &login);
    named(&said, 0, &["can be reset; not as it should be", &controller, "history is not enforced"]);
    let allowed = check();
    assert_eq!(allowed.code, 0, "{}{}", allowed.out, allowed.err);
    let told = format!("  {controller} {numbers}: history is not enforced, as the configuration");
    assert!(allowed.out.contains(&told), "{}", allowed.out);
}

/// As the fix says it: the role goes to a controller that is up to date.
#[test]
fn a_role_that_is_moved_to_a_newer_controller_makes_resets_possible() {
    let options = LabOptions { old_samba: true, controllers: 2, ..LabOptions::default() };
    let lab = start(options);
    let forest = lab.forest().clone();
    let [first, second] = [0, 1].map(|index| forest.controllers[index].name.clone());
    let (place, login) = someone("newer", forest.clone());
    let check = || place.agent(&["permissions", "check"]);
    let said = explain(&place, &login);
    named(&said, 1, &["cannot be reset", &first, "offers no policy-hints control"]);
    let way = format!("Fix: update {first}, or move the PDC role to a controller that offers it");
    assert!(said.line(1).trim().starts_with(&way), "{}", said.out);
    named(&check(), 1, &[&first, "offers no policy-hints control"]);

    forest.update_controller(1).unwrap();
    named(&explain(&place, &login), 1, &["cannot be reset", &first]);
    forest.transfer_pdc(1).unwrap();
    good(&place, &login);
    let said = check();
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains(&format!(" at {second}; ")), "{}", said.out);
}

#[test]
fn a_domain_in_front_of_a_login_tells_two_forests_apart() {
    let lab = start(LabOptions { forests: 2, ..LabOptions::default() });
    let forests: Vec<Forest> = lab.forest().whole_lab().cloned().collect();
    let [place, other] = [0, 1].map(|index| {
        let people = format!("OU=People,{}", forests[index].base_dn);
        Place::over(&format!("forests-{index}"), forests[index].clone(), &[&people])
    });
    let file = |place: &Place| place.dir.join("agent.toml");
    let second = std::fs::read_to_string(file(&other)).unwrap();
    let (_, second) = second.split_once("[[directory]]").unwrap();
    let password = other.dir.join("svc.password").display().to_string();
    let second = second.replace("\"corp\"", "\"fabriek\"").replace("svc.password", &password);
    let both = std::fs::read_to_string(file(&place)).unwrap() + "[[directory]]" + &second;
    std::fs::write(file(&place), both).unwrap();

    let [one, twin] = [0, 1].map(|index| forests[index].person_of(lab::Kind::TwoForests).unwrap());
    forests[1].replace(&twin.dn, "sAMAccountName", &one.login).unwrap();
    let login = &one.login;
    let said = explain(&place, login);
    let several = format!("passback-agent: several accounts are called {login} (corp, fabriek)");
    assert!(said.code == 1 && said.err.starts_with(&several), "{}{}", said.out, said.err);
    // The one in the second forest is disabled.
    for (domain, first, dn) in [
        ("CORP", format!("corp: {login} can be reset."), &one.dn),
        ("FABRIEK", format!("fabriek: {login} cannot be reset: the account is"), &twin.dn),
        (&forests[1].domain, format!("fabriek: {login} cannot be reset: the account"), &twin.dn),
    ] {
        let said = explain(&place, &format!("{domain}\\{login}"));
        assert!(said.line(0).starts_with(&first), "{domain}: {}{}", said.out, said.err);
        assert!(said.out.contains(&format!("\n{dn}\n")), "{domain}: {}", said.out);
    }
}
