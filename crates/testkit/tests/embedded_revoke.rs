//! `passback agent revoke` while the service runs: two processes that know nothing of each other but
//! the database. The directory is the embedded one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use testkit::{Embedded, MailServer, Options, Stack};

/// What the command says: its exit code, standard output, standard error.
fn revoke(stack: &Stack, arguments: &[&str]) -> (Option<i32>, String, String) {
    let slug = stack.start_path().split('/').nth(2).unwrap().to_owned();
    let (passback, _) = testkit::stack::binaries().unwrap();
    let mut command = Command::new(passback);
    command.arg("--config").arg(stack.directory().join("cloud/passback.toml"));
    command.args(["agent", "revoke", "--tenant", &slug]).args(arguments);
    let said = command.env_clear().stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (said.status.code(), text(said.stdout), text(said.stderr))
}

/// Waits until a program has logged a line with all of these words.
fn await_line(stack: &Stack, program: &str, words: &[&str]) {
    for _ in 0..400 {
        let log = fs::read_to_string(stack.directory().join(format!("{program}.log"))).unwrap();
        if log.lines().any(|line| words.iter().all(|word| line.contains(word))) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{program} does not log {words:?}");
}

#[test]
fn a_revocation_cuts_the_agent_off_in_the_process_that_serves_and_mistakes_are_named() {
    let embedded = Embedded::start(1).unwrap();
    let options = Options { mail: MailServer::Own, ..Options::default() };
    let stack = Stack::start(embedded.forest(), options).unwrap();
    let slug = stack.start_path().split('/').nth(2).unwrap().to_owned();

    let (code, _, error) = revoke(&stack, &["agent-9", "--yes"]);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("there is no agent agent-9"), "{error}");
    assert!(error.contains(&format!("passback agent list --tenant {slug}")), "{error}");
    let (code, _, error) = revoke(&stack, &["agent-1", "--last"]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("add --yes"), "{error}");
    let (code, _, error) = revoke(&stack, &["agent-1", "--yes"]);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("is the last agent") && error.contains("--last"), "{error}");
    stack.await_step("start", None).unwrap();

    let (code, said, error) = revoke(&stack, &["agent-1", "--yes", "--last", "--json"]);
    assert_eq!(code, Some(0), "{error}");
    let said: Value = serde_json::from_str(&said).unwrap();
    assert!(said["name"] == "agent-1" && said["revoked_at"].is_i64(), "{said}");
    await_line(&stack, "cloud", &["agent.cut_off", "agent-1", "34049"]);
    await_line(&stack, "agent", &["the relay closed the channel: 1001 agent revoked"]);
    await_line(&stack, "agent", &["relay.listener.waiting", "401"]);
    stack.await_step("unavailable", None).unwrap();

    // By its id, too; a second time it is said that there is nothing to do.
    let id = said["id"].as_str().unwrap();
    for named in ["agent-1", id] {
        let (code, _, error) = revoke(&stack, &[named, "--yes"]);
        assert_eq!((code, error.contains("was revoked before")), (Some(1), true), "{error}");
    }
    let list = stack.passback(&["agent", "list", "--tenant", &slug]).unwrap();
    assert!(list.contains("agent-1") && list.contains("  revoked 20"), "{list}");
    let trail = stack.passback(&["audit", "export"]).unwrap();
    let line = trail.lines().find(|line| line.contains("agent.revoked")).expect("an entry");
    let entry: Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&entry["detail"]["agent"], &entry["detail"]["number"]),
        (&said["id"], &"34049".into())
    );
    stack.passback(&["audit", "verify"]).unwrap();
}
