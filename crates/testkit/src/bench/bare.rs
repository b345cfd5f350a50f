//! The client that is not ours: Debian's python3-ldap in a process of its own, with a kept
//! connection, bound as the service account.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use lab::{Forest, Person};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::StackError;

/// The interpreter of Debian's own packages, whatever else is called python3.
const PYTHON: &str = "/usr/bin/python3";
/// What shows that the client is installed.
const PYTHON_LDAP: &str = "/usr/lib/python3/dist-packages/ldap";
const SCRIPT: &str = include_str!("bare.py");

/// A bound connection; it ends when this value is dropped.
#[derive(Debug)]
pub(super) struct Bare {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What it can do. A target is a DN, or what stands for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// As an administrator does it, under the policy, and unlocks.
    Reset { target: String, new: &'a str },
    /// With the present password.
    Change { target: String, old: &'a str, new: &'a str },
    /// The account is unlocked.
    Unlock { target: String },
    /// The account of this name is locked by wrong passwords.
    Lock { name: String },
    /// Its connection is lost: it connects until that succeeds, and unlocks.
    Reconnect { target: String },
}

impl Step<'_> {
    fn written(&self) -> Value {
        match self {
            Self::Reset { target, new } => json!(["reset", target, new]),
            Self::Change { target, old, new } => json!(["change", target, old, new]),
            Self::Unlock { target } => json!(["unlock", target]),
            Self::Lock { name } => json!(["lock", name]),
            Self::Reconnect { target } => json!(["reconnect", target]),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Nanos(Vec<u64>),
    Error(String),
}

/// Whether the client is installed.
pub(super) fn look_for() -> Result<(), StackError> {
    let found = Path::new(PYTHON_LDAP).exists();
    if found { Ok(()) } else { Err(StackError::Missing("python3-ldap")) }
}

impl Bare {
    /// Connects and binds.
    pub(super) fn connect(forest: &Forest) -> Result<Self, StackError> {
        look_for()?;
        // setpriv becomes the interpreter, which then dies with the thread that started it.
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", PYTHON, "-c", SCRIPT])
            .env("BARE_URL", forest.ldaps_url())
            .env("BARE_CA", &forest.ca_file)
            .env("BARE_LOGIN", format!("{}@{}", forest.service.login, forest.domain))
            .env("BARE_PASSWORD", &forest.service.password)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(StackError::io("starting", Path::new("setpriv")))?;
        let (requests, answers) = child.stdin.take().zip(child.stdout.take()).ok_or_else(gone)?;
        let mut bare = Self { child, requests, answers: BufReader::new(answers) };
        // It speaks first, when it is bound.
        bare.answer(0)?;
        Ok(bare)
    }

    /// Sets one password after the other; how long each took.
    pub(super) fn set(&mut self, sets: &[(&Person, &str)]) -> Result<Vec<Duration>, StackError> {
        let reset = |&(person, new): &(&Person, _)| Step::Reset { target: person.dn.clone(), new };
        self.perform(&sets.iter().map(reset).collect::<Vec<_>>())
    }

    /// Takes one step after the other; how long each took.
    pub(super) fn perform(&mut self, steps: &[Step<'_>]) -> Result<Vec<Duration>, StackError> {
        let list: Vec<Value> = steps.iter().map(Step::written).collect();
        let line = format!("{}\n", Value::from(list));
        let pipe = Path::new("the pipe of the bare client");
        self.requests
            .write_all(line.as_bytes())
            .and_then(|()| self.requests.flush())
            .map_err(StackError::io("writing to", pipe))?;
        self.answer(steps.len())
    }

    fn answer(&mut self, count: usize) -> Result<Vec<Duration>, StackError> {
        let mut line = String::new();
        let pipe = Path::new("the pipe of the bare client");
        self.answers.read_line(&mut line).map_err(StackError::io("reading", pipe))?;
        match serde_json::from_str(&line) {
            Ok(Answer::Nanos(nanos)) if nanos.len() == count => {
                Ok(nanos.into_iter().map(Duration::from_nanos).collect())
            }
            Ok(Answer::Error(error)) => {
                Err(StackError::NotUnderstood(format!("the bare client was refused: {error}")))
            }
            _ => Err(gone()),
        }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // One that has ended already is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn gone() -> StackError {
    StackError::NotUnderstood("the bare client ended before it answered".to_owned())
}
