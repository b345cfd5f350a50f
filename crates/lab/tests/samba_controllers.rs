//! Labs of more than one controller: each test starts its own, because it stops what others need.
//! Every proof is made by OpenLDAP's clients, which are not ours.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

use std::net::{IpAddr, UdpSocket};
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use lab::{
    Bound, Controller, Forest, Kind, Lab, LabOptions, NewPerson, POLICY_HINTS, Watch, Written,
    process_of, reset_ldif,
};

fn start(options: LabOptions) -> Lab {
    let stop = AtomicBool::new(false);
    Lab::start_with(&options, Watch { progress: &|_| {}, stop: &stop }).unwrap()
}

fn reset(forest: &Forest, dn: &str, password: &str) -> Written {
    let ldif = reset_ldif(dn, password);
    forest.modify_as(&forest.service, &[POLICY_HINTS], &ldif).unwrap()
}

fn holds_soon(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..200 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("not within 20 seconds: {what}");
}

/// What a controller's DNS answers (RFC 1035 4.1), without the question.
fn asked(name: &str, kind: u8, controller: &Controller) -> Vec<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut question = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        question.push(u8::try_from(label.len()).unwrap());
        question.extend(label.bytes());
    }
    question.extend([0, 0, kind, 0, 1]);
    socket.send_to(&question, controller.dns_address).unwrap();
    let mut answer = [0; 512];
    let (length, _) = socket.recv_from(&mut answer).unwrap();
    assert_eq!(answer[3] & 0x0f, 0, "{name}: no error");
    answer[question.len()..length].to_vec()
}

/// The hosts of the answer to a question for SRV (type 33), by their first label, sorted: the
/// name follows priority 0, weight 100 and port 389 (RFC 2782).
fn hosts(name: &str, controller: &Controller) -> Vec<String> {
    let records = asked(name, 33, controller);
    let place = [0, 0, 0, 100, 0x01, 0x85];
    let found = records.windows(6).enumerate().filter(|(_, six)| **six == place);
    let mut hosts: Vec<_> = found
        .map(|(at, _)| {
            let length = usize::from(records[at + 6]);
            String::from_utf8_lossy(&records[at + 7..at + 7 + length]).to_lowercase()
        })
        .collect();
    hosts.sort();
    hosts
}

/// The addresses of the answer to a question for A (type 1), sorted: type, class, time to live,
/// and a length of four.
fn addresses(name: &str, controller: &Controller) -> Vec<IpAddr> {
    let records = asked(name, 1, controller);
    let found =
        records.windows(14).filter(|record| record[..4] == [0, 1, 0, 1] && record[8..10] == [0, 4]);
    let mut addresses: Vec<_> =
        found.map(|record| IpAddr::from(<[u8; 4]>::try_from(&record[10..]).unwrap())).collect();
    addresses.sort();
    addresses
}

fn named_pdc(forest: &Forest, controller: &Controller) -> Vec<String> {
    hosts(&format!("_ldap._tcp.pdc._msdcs.{}", forest.domain), controller)
}

#[test]
fn two_forests_run_side_by_side_and_share_one_person() {
    let mut lab = start(LabOptions { forests: 2, ..LabOptions::default() });
    assert!(lab.is_running());
    let first = lab.forest().clone();
    let [second] = &first.other_forests[..] else { panic!("{first:?}") };
    assert_eq!(first.whole_lab().count(), 2);
    assert_ne!(first.address, second.address);
    assert_ne!(first.realm, second.realm);
    assert_eq!(process_of(second).unwrap(), Some(std::process::id()));

    let own = std::fs::read(&first.ca_file).unwrap();
    assert_ne!(own, std::fs::read(&second.ca_file).unwrap(), "an authority of its own");
    let fooled = Forest { ca_file: first.ca_file.clone(), ..second.clone() };
    let service = &second.service;
    assert!(fooled.bind(&service.login, &service.password).is_err());
    assert_eq!(second.bind(&service.login, &service.password).unwrap(), Bound::Accepted);
    assert_ne!(first.service, second.service);
    assert_ne!(first.administrator, second.administrator);

    let twins = [&first, second].map(|forest| forest.person_of(Kind::TwoForests).unwrap());
    assert_eq!(twins[0].mail, twins[1].mail);
    assert_ne!(twins[0].login, twins[1].login);
    assert!(!twins[0].disabled && twins[1].disabled);
    let bound = first.bind(&twins[0].login, &twins[0].password).unwrap();
    assert_eq!(bound, Bound::Accepted);
    let bound = second.bind(&twins[1].login, &twins[1].password).unwrap();
    assert_eq!(bound, Bound::Refused { sub_code: "533".to_owned() });

    let person = second.add_person(&NewPerson::default()).unwrap();
    assert_eq!(reset(second, &person.dn, "Second-Password-2024"), Written::Done);
    let bound = second.bind(&person.login, "Second-Password-2024").unwrap();
    assert_eq!(bound, Bound::Accepted, "the service account has its rights there too");

    let file = std::env::temp_dir().join(format!("lab-two-{}.json", std::process::id()));
    first.save(&file).unwrap();
    let read = Forest::load(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(read, first, "one file describes both");
}

#[test]
fn both_controllers_and_their_dns_know_both() {
    let lab = start(LabOptions { controllers: 2, ..LabOptions::default() });
    let forest = lab.forest();
    let both: Vec<_> = forest.controllers.iter().map(|controller| controller.address).collect();
    for asked in &forest.controllers {
        for found in &forest.controllers {
            assert_eq!(addresses(&found.name, asked), [found.address]);
        }
        assert_eq!(addresses(&forest.domain, asked), both);
        let all = format!("_ldap._tcp.dc._msdcs.{}", forest.domain);
        assert_eq!(hosts(&all, asked), ["dc1", "dc2"]);
    }
    for index in 0..2 {
        let there = forest.at(index);
        let servers = there.search(&forest.base_dn, "(primaryGroupID=516)", &["cn"]).unwrap();
        assert_eq!(servers.len(), 2, "accounts of domain controllers");
        let root = there.root(&["dnsHostName"]).unwrap();
        let name = root.text("dnsHostName").unwrap();
        assert!(name.eq_ignore_ascii_case(&forest.controllers[index].name), "{name}");
    }
}

#[test]
fn the_pdc_role_moves_and_a_controller_goes_down_and_comes_back() {
    let mut lab = start(LabOptions { controllers: 2, ..LabOptions::default() });
    let forest = lab.forest().clone();
    assert_eq!(forest.controllers.len(), 2);
    let second = forest.at(1);
    for index in 0..2 {
        assert_eq!(forest.pdc_seen_by(index).unwrap(), Some(0));
        assert_eq!(named_pdc(&forest, &forest.controllers[index]), ["dc1"]);
    }

    // What is set on one is soon known to the other, both ways. Not asked by signing in: wrong
    // passwords lock the account.
    let person = forest.add_person(&NewPerson::default()).unwrap();
    let set_at = |there: &Forest| {
        let filter = format!("(sAMAccountName={})", person.login);
        let found = there.search(&forest.base_dn, &filter, &["pwdLastSet"]).unwrap();
        found.first().and_then(|entry| entry.text("pwdLastSet")).map(str::to_owned)
    };
    let agree = || set_at(&forest).is_some() && set_at(&forest) == set_at(&second);
    holds_soon("a new person is at the second controller", agree);
    assert_eq!(second.bind(&person.dn, &person.password).unwrap(), Bound::Accepted);
    assert_eq!(reset(&second, &person.dn, "Second-Password-2024"), Written::Done);
    holds_soon("a password comes from the second controller", agree);
    assert_eq!(forest.bind(&person.dn, "Second-Password-2024").unwrap(), Bound::Accepted);

    forest.transfer_pdc(1).unwrap();
    for index in 0..2 {
        assert_eq!(forest.pdc_seen_by(index).unwrap(), Some(1));
        assert_eq!(named_pdc(&forest, &forest.controllers[index]), ["dc2"]);
    }

    forest.stop_controller(1).unwrap();
    assert!(second.bind(&person.dn, "Second-Password-2024").is_err());
    assert_eq!(forest.bind(&person.dn, "Second-Password-2024").unwrap(), Bound::Accepted);
    assert!(lab.is_running(), "it is down because it was told to be");
    forest.start_controller(1).unwrap();
    let bound = second.bind(&person.dn, "Second-Password-2024").unwrap();
    assert_eq!(bound, Bound::Accepted, "with what it had");
    assert_eq!(forest.pdc_seen_by(1).unwrap(), Some(1));
    forest.transfer_pdc(0).unwrap();
    assert_eq!(forest.pdc_seen_by(1).unwrap(), Some(0));
}
