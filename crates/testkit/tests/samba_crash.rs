//! The agent is killed with SIGKILL at each durable step of a reset on the real Active Directory:
//! never two sets, and what the person is told is true (SPEC PR-2, W-12).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use agent::steps::Step;
use clock::SystemClock;
use directory::{Directory as _, DirectoryConfig, LdapDirectory, ObjectGuid};
use lab::{Bound, Forest, NewPerson, Person};
use protocol::ClearPassword;
use testkit::{Options, Stack, Visitor};

const OLD: &str = "First-Password-2024";
const NEW: &str = "Second-Password-2025";
/// THREATS I7: settled within 60 seconds of the agent's return.
const SETTLED: Duration = Duration::from_secs(60);

/// What must be true after a crash at that step.
struct Truth {
    outcome: &'static str,
    changed: bool,
}

fn truth(step: Step) -> Truth {
    match step {
        // Nothing was sent to the directory.
        Step::Begun | Step::Noted => Truth { outcome: "settled_unchanged", changed: false },
        // The directory had confirmed the set; only the agent did not live to say so.
        Step::Applied => Truth { outcome: "settled_changed", changed: true },
        // The answer was recorded, and is given as it stands.
        Step::Finished => Truth { outcome: "password_changed", changed: true },
    }
}

struct World {
    forest: Forest,
    stack: Stack,
    person: Person,
    visitor: Visitor,
}

impl World {
    /// A person of its own at the password page.
    fn at_the_password_page() -> Self {
        let forest = Forest::of_running_lab().unwrap();
        let new = NewPerson { password: OLD.to_owned(), ..NewPerson::default() };
        let person = forest.add_person(&new).unwrap();
        let stack = Stack::start(&forest, Options::default()).unwrap();
        let mut visitor = stack.visitor().unwrap();
        visitor.open().unwrap();
        let outbox = stack.outbox();
        let mark = outbox.mark();
        visitor.start(&stack.login(&person)).unwrap();
        let code = outbox.await_code(&mark, &person.private_mail).unwrap();
        assert_eq!(visitor.code(&code).unwrap().step, "password");
        Self { forest, stack, person, visitor }
    }

    /// The agent's program replaced by the one that is killed at `step`.
    fn crash_at(&mut self, step: Step) -> Child {
        let ready = self.stack.ready().unwrap();
        let agent = ready.processes.iter().find(|one| one.name == "agent").unwrap();
        self.stack.terminate("agent").unwrap();
        self.stack.await_step("unavailable", None).unwrap();
        let log = OpenOptions::new().append(true).create(true).open(&agent.log).unwrap();
        let mut killed = Command::new("setpriv");
        killed.args(["--pdeathsig", "KILL", "--"]).arg(crashing()).arg(step.name());
        killed.args(&agent.argv[1..]).env_clear().envs(&agent.env);
        let child = killed.stderr(log).spawn().unwrap();
        self.stack.await_step("start", None).unwrap();
        child
    }

    /// How often the directory has taken a password for the person.
    fn version(&self) -> u32 {
        let forest = &self.forest;
        let ca = std::fs::read(&forest.ca_file).unwrap();
        let name = format!("{}@{}", forest.service.login, forest.domain);
        let password = ClearPassword::from_text(&forest.service.password).unwrap();
        let config = DirectoryConfig::new(&forest.domain, ca, &name, password).unwrap();
        let dns = Some(forest.dns_address);
        let config = DirectoryConfig { dns, ..config };
        let guid: ObjectGuid = self.person.object_guid.parse().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let directory = LdapDirectory::new(config, Arc::new(SystemClock)).unwrap();
            directory.witness(guid).await.unwrap().unwrap().version
        })
    }

    fn accepts(&self, password: &str) -> bool {
        let login = self.stack.login(&self.person);
        matches!(self.forest.bind(&login, password).unwrap(), Bound::Accepted)
    }
}

fn crashing() -> PathBuf {
    env!("CARGO_BIN_EXE_passback-agent-crashing").into()
}

fn killed_at(step: Step) {
    let mut world = World::at_the_password_page();
    let before = world.version();
    let mut agent = world.crash_at(step);

    let first = world.visitor.password(NEW).unwrap();
    let said = (first.outcome.as_str(), first.changed.as_str());
    // A change is recorded while its answer is on its way: it may have arrived.
    let may_be_told = step == Step::Finished && said == ("password_changed", "yes");
    assert!(may_be_told || said == ("in_doubt", "unknown"), "{said:?}");
    assert!(!agent.wait().unwrap().success(), "the agent was killed");
    // The same page again does not set anything, it says the same.
    assert_eq!(world.visitor.get("/result").unwrap().outcome, first.outcome);

    world.stack.restart("agent").unwrap();
    let told = world.visitor.settled(SETTLED).unwrap();
    let truth = truth(step);
    assert_eq!(told.outcome, truth.outcome);
    assert_eq!(told.changed, if truth.changed { "yes" } else { "no" });
    assert_eq!(world.version() - before, u32::from(truth.changed), "sets in the directory");
    assert_eq!(world.accepts(NEW), truth.changed);
    assert_eq!(world.accepts(OLD), !truth.changed);

    if !truth.changed {
        // What was not applied can be asked for again, with the same password.
        let again = world.visitor.password(NEW).unwrap();
        assert_eq!(again.outcome, "password_changed");
        assert_eq!(world.version() - before, 1, "sets in the directory");
        assert!(world.accepts(NEW));
    }
}

/// One test per step, so that they run side by side and one can be run alone.
macro_rules! crash_points {
    ($($name:ident = $step:ident,)+) => {
        $(#[test] fn $name() { killed_at(Step::$step); })+

        #[test]
        fn every_step_has_its_crash() {
            assert_eq!([$(Step::$step),+], Step::ALL);
        }
    };
}

crash_points! {
    killed_when_the_entry_is_begun = Begun,
    killed_when_the_state_before_is_noted = Noted,
    killed_when_the_directory_has_confirmed_the_set = Applied,
    killed_when_the_answer_is_recorded = Finished,
}
