//! `passback relay` by itself, with shared keys, in the place of the relay inside the cloud service: what
//! an organisation has that puts Azure Relay there. All three programs are real; the directory is the
//! embedded one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use lab::Forest;
use protocol::Outcome;
use serde_json::Value;
use testkit::ready::Person;
use testkit::{Embedded, MailServer, Options, Page, Port, Stack, Visitor};

const NEW: &str = "Meadow-Lantern-2025";
const LISTEN_KEY: &str = "cGFzc2JhY2sgcmVsYXkgdGVzdCBsaXN0ZW4ga2V5";
const SEND_KEY: &str = "cGFzc2JhY2sgcmVsYXkgdGVzdCBzZW5kIGtleSAx";
const OTHER_KEY: &str = "cGFzc2JhY2sgcmVsYXkgdGVzdCBvdGhlciBrZXkg";

/// Longer than anything takes that these tests wait for.
const SOON: Duration = Duration::from_secs(30);

/// A stack whose relay is a process of its own.
struct World {
    // Dropped first: nobody is left who asks the relay.
    stack: Stack,
    relay: RelayProcess,
}

struct RelayProcess {
    process: Child,
    folder: PathBuf,
    port: Port,
}

impl World {
    /// Starts everything; `send_key` is what the cloud service has. The relay has [`SEND_KEY`].
    fn start(forest: &Forest, send_key: &str, cloud: &str) -> Self {
        let claimed = Port::claim().unwrap();
        let port = claimed.number();
        let relay = |scheme, who| {
            format!(
                "[relay]\nurl = \"{scheme}://127.0.0.1:{port}/prod\"\n{who}_rule = \"{who}-rule\"\n\
                 {who}_key_file = \"{who}.key\"\nca = \"../ca.pem\"\n"
            )
        };
        let options = Options {
            mail: MailServer::Own,
            cloud: relay("sb", "send") + cloud,
            agent: relay("https", "listen"),
            ..Options::default()
        };
        let mut stack = Stack::lay_out(forest, options).unwrap();
        let folder = stack.directory().to_owned();
        fs::write(folder.join("cloud/send.key"), format!("{send_key}\n")).unwrap();
        fs::write(folder.join("agent/listen.key"), format!("{LISTEN_KEY}\r\n")).unwrap();
        stack.start_mail(None).unwrap();
        stack.start_cloud(None).unwrap();
        stack.enrol_agent().unwrap();
        let state = fs::read_to_string(folder.join("agent/state/agent.json")).unwrap();
        let state: Value = serde_json::from_str(&state).unwrap();
        let id = |name: &str| state[name].as_str().unwrap().to_owned();
        let told = format!("wss://127.0.0.1:{port}/prod");
        assert_eq!(state["relay_url"], told, "the cloud service says where it sends");
        let entity = format!("prod/t/{}/a/{}", id("tenant"), id("agent"));
        let rule = |name: &str, key: &str, right: &str| {
            format!("[[rule]]\nname = \"{name}\"\nkey = \"{key}\"\nrights = [\"{right}\"]\n")
        };
        let config = format!(
            "listen = \"127.0.0.1:{port}\"\ncertificate = \"server.pem\"\nkey = \"server.key\"\n\
             [[entity]]\npath = \"{entity}\"\n{}{}",
            rule("listen-rule", LISTEN_KEY, "Listen"),
            rule("send-rule", SEND_KEY, "Send"),
        );
        fs::write(folder.join("relay.toml"), config).unwrap();
        let relay = RelayProcess::start(folder, claimed);
        stack.synchronise().unwrap();
        stack.start_agent(None).unwrap();
        Self { stack, relay }
    }

    /// Somebody who has come as far as choosing a password.
    fn choosing(&self, person: &Person) -> Visitor {
        let (outbox, mut visitor) = (self.stack.outbox(), self.stack.visitor().unwrap());
        let mark = outbox.mark();
        assert_eq!(visitor.start(&person.login).unwrap().step, "code");
        let code = outbox.await_code(&mark, &person.mail).unwrap();
        assert_eq!(visitor.code(&code).unwrap().step, "password");
        visitor
    }

    /// Resets somebody as a browser with a script does; the page that tells how it ended.
    fn reset(&self, person: &Person) -> Page {
        let mut visitor = self.choosing(person);
        let page = visitor.password(NEW).unwrap();
        if page.step == "waiting" { visitor.settled(SOON).unwrap() } else { page }
    }

    /// What a program has logged.
    fn log(&self, name: &str) -> String {
        fs::read_to_string(self.stack.directory().join(format!("{name}.log"))).unwrap()
    }

    /// People who can be reset.
    fn people(&mut self) -> Vec<Person> {
        let people = self.stack.ready().unwrap().people.into_iter();
        people.filter(|one| one.expected == Outcome::PasswordChanged.name()).collect()
    }
}

impl RelayProcess {
    fn start(folder: PathBuf, port: Port) -> Self {
        let process = Self::spawn(&folder);
        let mut relay = Self { process, folder, port };
        relay.await_port();
        relay
    }

    fn spawn(folder: &std::path::Path) -> Child {
        let (passback, _) = testkit::stack::binaries().unwrap();
        let log = File::options().create(true).append(true).open(folder.join("relay.log")).unwrap();
        // It becomes the program, and ends with this test, however that ends.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(passback);
        command.args(["relay", "--config"]).arg(folder.join("relay.toml"));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        command.spawn().unwrap()
    }

    fn await_port(&mut self) {
        for _ in 0..400 {
            assert!(self.process.try_wait().unwrap().is_none(), "the relay has ended");
            if TcpStream::connect(("127.0.0.1", self.port.number())).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(25));
        }
        panic!("the relay does not answer");
    }

    /// SIGTERM.
    fn stop(&mut self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success(), "it ends in good order");
    }

    fn start_again(&mut self) {
        self.process = Self::spawn(&self.folder);
        self.await_port();
    }
}

impl Drop for RelayProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn holds_new(embedded: &Embedded, person: &Person) -> bool {
    let guid = person.object_guid.parse().unwrap();
    embedded.domains().iter().any(|domain| domain.is_password(guid, NEW))
}

#[test]
fn resets_go_through_a_relay_elsewhere_also_after_it_was_restarted() {
    let embedded = Embedded::start(1).unwrap();
    let mut world = World::start(embedded.forest(), SEND_KEY, "");
    let people = world.people();
    let [first, second, ..] = people.as_slice() else { panic!("{people:?}") };
    let page = world.reset(first);
    assert_eq!((page.outcome.as_str(), page.changed.as_str()), ("password_changed", "yes"));
    assert!(holds_new(&embedded, first));

    // The agent tells the service at once, which cannot ask the relay.
    world.relay.stop();
    world.stack.await_step("unavailable", None).unwrap();
    world.relay.start_again();
    world.stack.await_step("start", None).unwrap();
    let page = world.reset(second);
    assert_eq!((page.outcome.as_str(), page.changed.as_str()), ("password_changed", "yes"));
    assert!(holds_new(&embedded, second));

    let logs = ["relay", "cloud", "agent"].map(|name| world.log(name));
    assert_eq!(logs[0].matches("relay.channel.opened").count(), 2, "{}", logs[0]);
    for log in logs {
        for secret in [LISTEN_KEY, SEND_KEY, "SharedAccessSignature", "sig=", NEW] {
            assert!(!log.contains(secret), "{secret}: {log}");
        }
    }
}

/// The relay could have handed it over and denied it: its word alone is no reason to say that nothing
/// was changed, also where there is no way to it afterwards.
#[test]
fn what_a_relay_elsewhere_denies_is_not_known_until_the_agent_says_so() {
    let embedded = Embedded::start(1).unwrap();
    let short = "[message]\nlifetime_seconds = 8\n";
    let mut world = World::start(embedded.forest(), SEND_KEY, short);
    let people = world.people();
    let mut visitor = world.choosing(&people[0]);
    world.stack.kill("agent").unwrap();
    let page = thread::scope(|scope| {
        let waits = scope.spawn(|| visitor.password(NEW).unwrap());
        // It was denied at least once before there is no way to the relay any more.
        while !world.log("cloud").contains("relay.nobody_listens") {
            assert!(!waits.is_finished(), "{}", world.log("cloud"));
            thread::sleep(Duration::from_millis(25));
        }
        world.relay.stop();
        waits.join().unwrap()
    });
    let page = if page.step == "waiting" { visitor.settled(SOON).unwrap() } else { page };
    assert!(world.log("cloud").contains("relay.unreachable"), "{}", world.log("cloud"));
    assert_eq!((page.outcome.as_str(), page.changed.as_str()), ("in_doubt", "unknown"));
    assert!(!holds_new(&embedded, &people[0]));
}

#[test]
fn a_wrong_key_to_send_with_is_named_to_the_operator_and_nothing_is_set() {
    let embedded = Embedded::start(1).unwrap();
    let short = "[message]\nlifetime_seconds = 4\n";
    let mut world = World::start(embedded.forest(), OTHER_KEY, short);
    let people = world.people();
    let page = world.reset(&people[0]);
    assert_eq!(
        (page.outcome.as_str(), page.changed.as_str()),
        ("in_doubt", "unknown"),
        "{}",
        page.text
    );
    assert!(!holds_new(&embedded, &people[0]));
    // Whoever comes next hears it before a name is asked.
    let page = world.stack.visitor().unwrap().open().unwrap();
    assert_eq!(
        (page.step.as_str(), page.outcome.as_str()),
        ("unavailable", "on_premises_unreachable")
    );
    let log = world.log("cloud");
    let told = log.lines().find(|line| line.contains("relay.send_refused")).expect("a line");
    for word in ["ERROR", "send-rule", "send.key", "401"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    for secret in [OTHER_KEY, "SharedAccessSignature", "sig=", NEW] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[test]
fn what_is_missing_for_a_relay_elsewhere_is_said_by_name_with_exit_code_4() {
    let embedded = Embedded::start(1).unwrap();
    let relay = "[relay]\nurl = \"sb://127.0.0.1:9/\"\n";
    let options = Options {
        mail: MailServer::Own,
        cloud: format!("{relay}send_rule = \"r\"\nsend_key_file = \"send.key\"\n"),
        agent: format!("{relay}listen_rule = \"r\"\nlisten_key_file = \"listen.key\"\n"),
        ..Options::default()
    };
    let stack = Stack::lay_out(embedded.forest(), options).unwrap();
    let (cloud, agent) = testkit::stack::binaries().unwrap();
    for (program, folder, config, key) in
        [(cloud, "cloud", "passback.toml", "send"), (agent, "agent", "agent.toml", "listen")]
    {
        let folder = stack.directory().join(folder);
        let check = || {
            let mut command = Command::new(&program);
            command.arg("--config").arg(folder.join(config)).args(["config", "check"]);
            let output = command.env_clear().output().unwrap();
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let file = folder.join(format!("{key}.key"));
        let named = format!("`relay.{key}_key_file`");
        let (code, said) = check();
        assert!(code == Some(4) && said.contains(&named), "missing: {code:?} {said}");
        for (content, what) in [("\n", "is empty"), ("one\ntwo\n", "one line")] {
            fs::write(&file, content).unwrap();
            let (code, said) = check();
            assert_eq!(code, Some(4), "{said}");
            assert!(said.contains(&named) && said.contains(what), "{said}");
        }
        fs::write(&file, "a key\r\n").unwrap();
        let (code, said) = check();
        assert_eq!(code, Some(0), "{said}");
    }
}
