//! What is wrong on the way to the directory is named by `explain` in its first line, and putting right
//! what the line names makes it good.
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

use lab::NewPerson;
use permissions::{Place, Said};

/// A person with all rights on them, in a place of their own.
fn someone(name: &str) -> (Place, String) {
    let place = Place::new(name).granted();
    let person = place.person(NewPerson::default());
    (place, person.login)
}

/// Changes what the agent takes for the service account's password.
fn bind_password(place: &Place, password: &str) {
    std::fs::write(place.dir.join("svc.password"), password).unwrap();
}

fn explain(place: &Place, login: &str) -> Said {
    place.agent(&["explain", login])
}

fn good(said: &Said) {
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

const UNAVAILABLE: i32 = 3;
const CONFIGURATION: i32 = 4;

/// The first line names all of this, to programs too, and the exit code says who must act.
fn named(place: &Place, login: &str, code: i32, parts: &[&str]) {
    let said = explain(place, login);
    assert_eq!(said.code, code, "{}{}", said.out, said.err);
    let line = format!("corp: {login} cannot be reset: ");
    assert!(said.line(0).starts_with(&line), "{}", said.out);
    let short = format!("passback-agent: the directory corp cannot be asked about {login}\n");
    assert_eq!(said.err, short);
    let json = place.agent(&["explain", login, "--json"]);
    let value: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((json.code, &json.err), (code, &short));
    assert_eq!((&value["can_be_reset"], &value["dn"]), (&false.into(), &serde_json::Value::Null));
    let verdict = format!("{} {}", value["verdict"]["text"], value["verdict"]["fix"]["note"]);
    let head: String = said.out.lines().take(2).collect();
    for part in parts {
        assert!(head.contains(part), "{part}: {}", said.out);
        assert!(verdict.contains(part), "{part}: {verdict}");
    }
}

#[test]
fn a_ca_of_another_directory_is_named_with_the_key_of_its_file() {
    let (place, login) = someone("wrong-ca");
    let own = place.forest.ca_file.display().to_string();
    let stranger = rcgen::generate_simple_self_signed(["stranger.example".to_owned()]).unwrap();
    let file = place.dir.join("stranger.pem");
    std::fs::write(&file, stranger.cert.pem()).unwrap();
    let other = file.display().to_string();
    place.reconfigure(&own, &other);
    let parts = ["certificate", "not issued by", "Put the authority that issued it", "`ca`"];
    named(&place, &login, CONFIGURATION, &parts);
    let both = stranger.cert.pem() + &std::fs::read_to_string(own).unwrap();
    std::fs::write(&file, both).unwrap();
    good(&explain(&place, &login));
}

#[test]
fn a_wrong_password_of_the_service_account_is_named_with_its_file() {
    let (place, login) = someone("wrong-password");
    bind_password(&place, "Not-The-Password-1");
    named(&place, &login, CONFIGURATION, &["52e", "`bind_password_file`"]);
    bind_password(&place, &place.forest.service.password.clone());
    good(&explain(&place, &login));
}

#[test]
fn a_closed_port_is_named_with_its_address() {
    let (place, login) = someone("closed-port");
    place.reconfigure(&format!("ldaps_port = {}", place.forest.ldaps_port), "ldaps_port = 1");
    let address = format!("{}:1", place.forest.address);
    let parts = [&*place.forest.controller, &address, "refused", "correct the port"];
    named(&place, &login, UNAVAILABLE, &parts);
    place.reconfigure("ldaps_port = 1", &format!("ldaps_port = {}", place.forest.ldaps_port));
    good(&explain(&place, &login));
}

#[test]
fn a_directory_that_cannot_be_asked_hides_nobody_of_another_one() {
    let (place, login) = someone("one-down");
    let file = place.dir.join("agent.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let (head, corp) = text.split_once("[[directory]]").unwrap();
    let port = format!("ldaps_port = {}", place.forest.ldaps_port);
    let down = corp.replace("\"corp\"", "\"down\"").replace(&port, "ldaps_port = 1");
    std::fs::write(&file, format!("{head}[[directory]]{down}[[directory]]{corp}")).unwrap();
    good(&explain(&place, &login));
    let nobody = explain(&place, "nobody-is-called-that");
    assert_eq!(nobody.code, UNAVAILABLE, "{}{}", nobody.out, nobody.err);
    assert!(nobody.line(0).starts_with("down: nobody-is-called-that cannot"), "{}", nobody.out);
}

#[test]
fn starttls_is_spoken_where_it_is_configured() {
    let (place, login) = someone("starttls");
    let ldaps = format!("ldaps_port = {}", place.forest.ldaps_port);
    place.reconfigure(&ldaps, "encryption = \"starttls\"\nldaps_port = 1");
    good(&explain(&place, &login));
}
