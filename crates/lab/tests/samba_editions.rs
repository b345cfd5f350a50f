//! Labs that are unlike the usual one: an old Samba, and a fast one. Each test starts its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

use std::fs;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use lab::{
    Bound, Forest, Kind, Lab, LabOptions, NewPerson, POLICY_HINTS, Watch, Written, reset_ldif,
};

/// LDAP_SERVER_POLICY_HINTS_OID and the number it had before (MS-ADTS 3.1.1.3.4.1.28, .29).
const HINTS: [&str; 2] = ["1.2.840.113556.1.4.2239", "1.2.840.113556.1.4.2066"];
/// unavailableCriticalExtension (RFC 4511 4.1.9).
const CRITICAL_EXTENSION_UNAVAILABLE: i32 = 12;

fn start(options: LabOptions) -> Lab {
    let stop = AtomicBool::new(false);
    Lab::start_with(&options, Watch { progress: &|_| {}, stop: &stop }).unwrap()
}

fn controls(forest: &Forest) -> Vec<String> {
    let found = forest.root(&["supportedControl"]).unwrap();
    let values = found.attributes.iter().filter(|(name, _)| name == "supportedControl");
    values.map(|(_, value)| String::from_utf8(value.clone()).unwrap()).collect()
}

#[test]
fn the_old_samba_has_neither_policy_hints_control_and_the_usual_one_has_both() {
    let usual = controls(&Forest::of_running_lab().unwrap());
    assert!(HINTS.iter().all(|hint| usual.iter().any(|control| control == hint)), "{usual:?}");

    let lab = start(LabOptions { old_samba: true, ..LabOptions::default() });
    let forest = lab.forest();
    let old = controls(forest);
    assert!(old.len() > 10, "{old:?}");
    assert!(!HINTS.iter().any(|hint| old.iter().any(|control| control == hint)), "{old:?}");

    let person = forest.add_person(&NewPerson::default()).unwrap();
    let again = reset_ldif(&person.dn, &person.password);
    let hinted = forest.modify_as(&forest.service, &[POLICY_HINTS], &again).unwrap();
    let Written::Refused { code, .. } = hinted else { panic!("{hinted:?}") };
    assert_eq!(code, CRITICAL_EXTENSION_UNAVAILABLE);
    let plain = forest.modify_as(&forest.service, &[], &again).unwrap();
    assert_eq!(plain, Written::Done, "history is ignored: what an agent must not fall back to");
    let locked = forest.person_of(Kind::Locked).unwrap();
    let bound = forest.bind(&locked.login, &locked.password).unwrap();
    assert_eq!(bound, Bound::Refused { sub_code: "775".to_owned() }, "the same people");
}

/// Processor time that a controller has used, in hundredths of a second: of all programs that
/// have its domain mounted (proc(5): `mountinfo`, and fields 14 and 15 of `stat`).
fn effort(forest: &Forest) -> u64 {
    let domain = forest.controllers[0].switch.with_file_name("domain");
    let domain = domain.to_str().unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let own = processes.filter(|process| {
        let mounts = fs::read_to_string(process.join("mountinfo")).unwrap_or_default();
        mounts.lines().any(|line| line.contains(domain))
    });
    own.filter_map(|process| {
        let stat = fs::read_to_string(process.join("stat")).ok()?;
        let fields: Vec<_> = stat.rsplit_once(") ")?.1.split(' ').map(str::to_owned).collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    })
    .sum()
}

fn effort_of_resets(forest: &Forest) -> u64 {
    let person = forest.add_person(&NewPerson::default()).unwrap();
    let resets: Vec<_> =
        (0..30).map(|turn| reset_ldif(&person.dn, &format!("Turn-{turn}-Password"))).collect();
    let before = effort(forest);
    forest.modify(&resets.join("\n")).unwrap();
    let after = effort(forest);
    let bound = forest.bind(&person.login, "Turn-29-Password").unwrap();
    assert_eq!(bound, Bound::Accepted, "the last one counts");
    after - before
}

#[test]
fn the_fast_controller_resets_with_a_fraction_of_the_effort() {
    let plain = effort_of_resets(start(LabOptions::default()).forest());
    let fast = effort_of_resets(start(LabOptions { fast: true, ..LabOptions::default() }).forest());
    assert!(fast * 2 < plain, "{fast} and {plain} hundredths of a second for 30 resets");
}

/// RFC 6070's way of saying it: PBKDF2 with SHA-1, compared with an implementation that is
/// neither Samba's nor GnuTLS's.
const COMPARE: &str = r#"
import ctypes, hashlib, os, sys
derive = ctypes.CDLL(sys.argv[1]).hc_PKCS5_PBKDF2_HMAC
for length in (1, 7, 16, 64, 65, 300):
    for size in (16, 20, 32):
        password, salt = os.urandom(length), os.urandom(24)
        key = ctypes.create_string_buffer(size)
        done = derive(password, ctypes.c_size_t(length), salt, ctypes.c_size_t(24),
                      ctypes.c_ulong(4096), None, ctypes.c_size_t(size), key)
        assert done == 1
        assert key.raw == hashlib.pbkdf2_hmac("sha1", password, salt, 4096, size), length
print("equal")
"#;

#[test]
fn the_fast_keys_are_the_keys() {
    let lab = start(LabOptions { fast: true, ..LabOptions::default() });
    let switch = &lab.forest().controllers[0].switch;
    let library = switch.with_file_name("domain").join("fast-pbkdf2.so");
    let output = Command::new("python3").arg("-c").arg(COMPARE).arg(&library).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.trim(), "equal", "{}", String::from_utf8_lossy(&output.stderr));
}
