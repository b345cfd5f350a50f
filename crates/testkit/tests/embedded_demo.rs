//! Without root, without a lab and with nothing installed: the embedded directory under the real
//! programs, and the demo on it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

use std::collections::HashSet;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use directory_fake::FakeDomain;
use lab::Kind;
use protocol::Outcome;
use testkit::ready::Person;
use testkit::{Embedded, MailServer, Options, Port, ReadyFile, Stack, StackError, Visitor};

const NEW: &str = "Meadow-Lantern-2025";

/// Visitors at the same time.
const VISITORS: usize = 4;

fn options() -> Options {
    Options { mail: MailServer::Own, ..Options::default() }
}

/// Resets somebody as a browser with a script does; the stable name of the outcome.
fn reset(stack: &Stack, visitor: &mut Visitor, person: &Person) -> Result<String, StackError> {
    let outbox = stack.outbox();
    let mark = outbox.mark();
    let page = visitor.start(&person.login)?;
    assert_eq!(page.step, "code", "{}: {}", person.login, page.text);
    let code = outbox.await_code(&mark, &person.mail)?;
    let page = visitor.code(&code)?;
    assert_eq!(page.step, "password", "{}: {}", person.login, page.text);
    let page = visitor.password(NEW)?;
    let outcome = Outcome::from_name(&page.outcome).expect("a stable name");
    assert_eq!(page.changed, outcome.changed().word(), "{}: {}", person.login, page.text);
    Ok(page.outcome)
}

/// How often a password was set, by GUID.
fn versions(domains: &[FakeDomain], guid: &str) -> u32 {
    let guid = guid.parse().unwrap();
    domains.iter().find_map(|domain| domain.password_version(guid)).unwrap()
}

#[test]
fn everybody_is_reset_and_the_page_tells_the_expected_outcome() {
    let embedded = Embedded::start(2).unwrap();
    let mut stack = Stack::start(embedded.forest(), options()).unwrap();
    let ready = stack.ready().unwrap();
    assert_eq!(ready.directories.len(), 2);
    let kinds: HashSet<_> = ready.people.iter().map(|person| person.kind).collect();
    assert_eq!(kinds, HashSet::from(Kind::ALL));
    let accounts = |person: &Person| {
        let others = person.also.iter().map(|account| account.object_guid.clone());
        [person.object_guid.clone()].into_iter().chain(others).collect::<Vec<_>>()
    };
    let sets = |person: &Person| -> Vec<u32> {
        accounts(person).iter().map(|guid| versions(embedded.domains(), guid)).collect()
    };
    let before: Vec<_> = ready.people.iter().map(sets).collect();
    let (stack, people) = (&stack, &ready.people);
    let outcomes: Vec<(usize, String)> = thread::scope(|scope| {
        let visitors: Vec<_> = (0..VISITORS)
            .map(|first| {
                scope.spawn(move || {
                    let mine = people.iter().enumerate().skip(first).step_by(VISITORS);
                    mine.map(|(at, person)| {
                        let mut visitor = stack.visitor().unwrap();
                        (at, reset(stack, &mut visitor, person).unwrap())
                    })
                    .collect::<Vec<_>>()
                })
            })
            .collect();
        visitors.into_iter().flat_map(|visitor| visitor.join().unwrap()).collect()
    });
    assert_eq!(outcomes.len(), people.len());
    for (at, outcome) in outcomes {
        let person = &people[at];
        assert_eq!(outcome, person.expected, "{} ({:?})", person.login, person.kind);
        let changed = Outcome::from_name(&outcome).unwrap() == Outcome::PasswordChanged;
        // Of several accounts the first one, and no other.
        let mut expected = before[at].clone();
        expected[0] += u32::from(changed);
        assert_eq!(sets(person), expected, "{}: sets of each account", person.login);
        let guid = person.object_guid.parse().unwrap();
        let holds = embedded.domains().iter().any(|domain| domain.is_password(guid, NEW));
        assert_eq!(holds, changed, "{}", person.login);
    }
}

/// A proxy of Debian's that allows CONNECT to whoever asks; it ends with the test.
struct TinyProxy {
    process: Child,
    folder: PathBuf,
    port: Port,
}

impl TinyProxy {
    fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("passback-roads-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let claimed = Port::claim().unwrap();
        let port = claimed.number();
        let file = folder.join("tinyproxy.conf");
        let log = folder.join("log");
        let text = format!("Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\n");
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new("/usr/bin/tinyproxy");
        command.arg("-d").arg("-c").arg(&file);
        command.stdout(std::fs::File::create(&log).unwrap()).stderr(Stdio::null());
        let process = command.spawn().expect("install Debian's package tinyproxy-bin");
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
        Self { process, folder, port: claimed }
    }

    /// How many tunnels it was asked for.
    fn tunnels(&self) -> usize {
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap();
        log.lines().filter(|line| line.contains("CONNECT ") && line.contains("Request")).count()
    }
}

impl Drop for TinyProxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The agent in a network that lets HTTPS through, by a proxy, and no WebSocket.
#[test]
fn a_reset_comes_through_a_proxy_and_over_requests_that_are_parked() {
    let proxy = TinyProxy::start();
    let embedded = Embedded::start(1).unwrap();
    let agent = format!(
        "[proxy]\nurl = \"http://127.0.0.1:{}\"\n[relay]\ntransport = \"long_polling\"\n",
        proxy.port.number()
    );
    let mut stack = Stack::start(embedded.forest(), Options { agent, ..options() }).unwrap();
    let ready = stack.ready().unwrap();
    let person = ready.people.iter().find(|one| one.kind == Kind::Ordinary).unwrap();
    let outcome = reset(&stack, &mut stack.visitor().unwrap(), person).unwrap();
    assert_eq!(outcome, Outcome::PasswordChanged.name());
    let guid = person.object_guid.parse().unwrap();
    assert!(embedded.domains()[0].is_password(guid, NEW));
    assert!(proxy.tunnels() >= 3, "requests, and the two directions of what is parked");
    let service = stack.ready().unwrap();
    let cloud = service.processes.iter().find(|one| one.name == "cloud").unwrap();
    let log = std::fs::read_to_string(&cloud.log).unwrap();
    assert!(!log.contains("relay.tunnel.silent"), "{log}");
}

#[test]
fn a_person_of_two_forests_is_listed_once_with_the_login_that_can_be_typed() {
    let embedded = Embedded::start(2).unwrap();
    let mut stack = Stack::start(embedded.forest(), options()).unwrap();
    let people = stack.ready().unwrap().people;
    let listed: Vec<_> = people.iter().filter(|one| one.kind == Kind::TwoForests).collect();
    let [tessa] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!(tessa.login, "tessa@corp.passback.test");
    let [other] = tessa.also.as_slice() else { panic!("{tessa:?}") };
    assert_eq!((other.forest.as_str(), other.enabled), ("FABRIEK.PASSBACK.TEST", false));
    assert!(other.dn.ends_with("DC=fabriek,DC=passback,DC=test"), "{other:?}");
    // Nobody else has a second account, and everybody is there.
    let accounts: usize = people.iter().map(|one| 1 + one.also.len()).sum();
    let all: usize = embedded.forest().whole_lab().map(|forest| forest.people.len()).sum();
    assert_eq!((accounts, people.len()), (all, all - 1));

    // What is typed for the account that is off is nobody's name: no code is sent for it.
    let outbox = stack.outbox();
    let mark = outbox.mark();
    let page = stack.visitor().unwrap().start("tessa.fabriek@fabriek.passback.test").unwrap();
    assert_eq!(page.step, "code", "it looks the same");
    let page = stack.visitor().unwrap().start(&tessa.login).unwrap();
    assert_eq!(page.step, "code");
    outbox.await_code(&mark, &tessa.mail).unwrap();
    assert_eq!(outbox.mails_since(&mark, &tessa.mail).len(), 1, "one of the two names");
}

/// The demo with its own directory for temporary files, which shows what it leaves behind.
struct Demo {
    folder: PathBuf,
}

impl Demo {
    fn of(name: &str) -> Self {
        let name = format!("passback-demo-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        Self { folder }
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_passback-demo"));
        command.args(["--embedded", "--ready-file"]).arg(self.ready_file()).args(more);
        command.env("TMPDIR", &self.folder).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn ready_file(&self) -> PathBuf {
        self.folder.join("ready.json")
    }

    fn ready(&self) -> ReadyFile {
        serde_json::from_slice(&std::fs::read(self.ready_file()).unwrap()).unwrap()
    }

    fn await_ready(&self, demo: &mut Child) {
        // A demo that fails ends, and one that hangs is ended with this test.
        while !self.ready_file().exists() {
            assert!(demo.try_wait().unwrap().is_none(), "the demo has ended");
            thread::sleep(Duration::from_millis(50));
        }
    }

    #[track_caller]
    fn assert_nothing_is_left(&self, ready: &ReadyFile) {
        for process in &ready.processes {
            // Its number may be somebody else's by now.
            let command = std::fs::read(format!("/proc/{}/cmdline", process.pid));
            let command = String::from_utf8(command.unwrap_or_default()).unwrap();
            let argv: Vec<_> = command.split_terminator('\0').collect();
            assert_ne!(argv, process.argv, "{} runs", process.name);
        }
        let left = std::fs::read_dir(&self.folder).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        let left: Vec<_> = left.iter().filter(|name| *name != "ready.json").collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn the_embedded_demo_proves_a_reset_and_leaves_nothing_behind() {
    let demo = Demo::of("once");
    let output = demo.command(&["--once"]).output().unwrap();
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.lines().next().unwrap().contains("EMBEDDED"), "the first line says so: {said}");
    assert!(!said.contains('!'), "nothing is loud when it was asked for: {said}");
    for step in ["signs in, old password: refused", "signs in, new password: accepted"] {
        assert!(said.contains(step), "{step}: {said}");
    }
    demo.assert_nothing_is_left(&demo.ready());
}

#[test]
fn the_demo_stays_until_it_is_interrupted_and_leaves_nothing_behind() {
    let demo = Demo::of("stays");
    let mut child = demo.command(&[]).spawn().unwrap();
    demo.await_ready(&mut child);
    let ready = demo.ready();
    assert_eq!(ready.directories.len(), 2);
    for file in ready.directories.iter().map(|directory| &directory.ca_file) {
        assert!(Path::new(file).is_file(), "{}", file.display());
    }
    let mut visitor = Visitor::new(&ready.cloud_url, &ready.ca_file, &ready.start_path).unwrap();
    assert_eq!(visitor.open().unwrap().step, "start");
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupted.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(!demo.ready_file().exists(), "it describes nothing that runs");
    demo.assert_nothing_is_left(&ready);
}
