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

/// Writes the configuration with one part replaced.
fn reconfigure(place: &Place, from: &str, to: &str) {
    let file = place.dir.join("agent.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(file, text.replace(from, to)).unwrap();
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

/// The first line names all of this, and the exit code says who must act.
fn named(said: &Said, code: i32, parts: &[&str]) {
    assert_eq!((said.code, said.out.as_str()), (code, ""), "{}", said.err);
    let line = said.err.lines().next().unwrap_or_default();
    for part in parts {
        assert!(line.contains(part), "{part}: {}", said.err);
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
    reconfigure(&place, &own, &other);
    let parts =
        ["corp", "certificate", "not issued by", "Put the authority that issued it", "`ca`"];
    named(&explain(&place, &login), CONFIGURATION, &parts);
    let both = stranger.cert.pem() + &std::fs::read_to_string(own).unwrap();
    std::fs::write(&file, both).unwrap();
    good(&explain(&place, &login));
}

#[test]
fn a_wrong_password_of_the_service_account_is_named_with_its_file() {
    let (place, login) = someone("wrong-password");
    bind_password(&place, "Not-The-Password-1");
    named(&explain(&place, &login), CONFIGURATION, &["corp", "52e", "`bind_password_file`"]);
    bind_password(&place, &place.forest.service.password.clone());
    good(&explain(&place, &login));
}

#[test]
fn a_closed_port_is_named_with_its_address() {
    let (place, login) = someone("closed-port");
    reconfigure(&place, &format!("ldaps_port = {}", place.forest.ldaps_port), "ldaps_port = 1");
    let address = format!("{}:1", place.forest.address);
    let parts = ["corp", &place.forest.controller, &address, "refused", "correct the port"];
    named(&explain(&place, &login), UNAVAILABLE, &parts);
    reconfigure(&place, "ldaps_port = 1", &format!("ldaps_port = {}", place.forest.ldaps_port));
    good(&explain(&place, &login));
}

#[test]
fn starttls_is_spoken_where_it_is_configured() {
    let (place, login) = someone("starttls");
    let ldaps = format!("ldaps_port = {}", place.forest.ldaps_port);
    reconfigure(&place, &ldaps, "encryption = \"starttls\"\nldaps_port = 1");
    good(&explain(&place, &login));
}
