//! One process of a stack: started so that it dies with us, killed and started again by name.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::{StackError, wait};

/// How long a process gets to end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(40);

/// What a process is started from.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// What it is called in the ready file.
    pub(crate) name: &'static str,
    /// The program and its arguments.
    pub(crate) argv: Vec<String>,
    /// The whole environment.
    pub(crate) env: BTreeMap<String, String>,
    /// Its configuration.
    pub(crate) config: Option<PathBuf>,
    /// Where it keeps what must survive it.
    pub(crate) state_dir: PathBuf,
    /// Where its output goes; appended to.
    pub(crate) log: PathBuf,
}

/// A process, running or not.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) plan: Plan,
    child: Child,
}

impl Program {
    pub(crate) fn start(plan: Plan) -> Result<Self, StackError> {
        let child = spawn(&plan)?;
        Ok(Self { plan, child })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGKILL, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        // One that has ended already is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM, and waits until it has drained; killed if it does not end.
    pub(crate) fn terminate(&mut self) {
        if self.running() {
            self.signal("TERM");
            let ended = wait::until("did not end", PATIENCE, &self.plan.log, None, || {
                Ok((!matches!(self.child.try_wait(), Ok(None))).then_some(()))
            });
            if ended.is_err() {
                self.kill();
            }
        }
    }

    /// Sends a signal by its name; one to a process that has ended goes nowhere.
    pub(crate) fn signal(&self, name: &str) {
        let (name, pid) = (format!("-{name}"), self.pid().to_string());
        let _ =
            Command::new("sh").args(["-c", "kill \"$1\" \"$2\" 2>&-", "sh", &name, &pid]).status();
    }

    /// Starts it again after it was killed or terminated.
    pub(crate) fn restart(&mut self) -> Result<(), StackError> {
        self.kill();
        self.child = spawn(&self.plan)?;
        Ok(())
    }

    /// Waits until `ready`; an end meanwhile is an error with the log's last line.
    pub(crate) fn await_ready(
        &mut self,
        what: &str,
        limit: Duration,
        stop: Option<&AtomicBool>,
        mut ready: impl FnMut() -> bool,
    ) -> Result<(), StackError> {
        let log = self.plan.log.clone();
        wait::until(what, limit, &log, stop, || {
            if !self.running() {
                return Err(self.ended());
            }
            Ok(ready().then_some(()))
        })
    }

    fn ended(&self) -> StackError {
        let log = self.plan.log.clone();
        StackError::Ended { name: self.plan.name.to_owned(), last: last_line(&log), log }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a command of one of our programs said; an error if it was refused.
pub(crate) fn run(argv: &[String], env: &BTreeMap<String, String>) -> Result<String, StackError> {
    let (program, arguments) = argv.split_first().ok_or_else(no_program)?;
    let output = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(env)
        .stdin(Stdio::null())
        .output()
        .map_err(StackError::io("starting", Path::new(program)))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(StackError::Command {
        command: argv.join(" "),
        code: output.status.code().unwrap_or(-1),
        text: said.lines().last().unwrap_or_default().to_owned(),
    })
}

fn spawn(plan: &Plan) -> Result<Child, StackError> {
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&plan.log)
        .map_err(StackError::io("opening the log", &plan.log))?;
    let errors = log.try_clone().map_err(StackError::io("opening the log", &plan.log))?;
    // setpriv becomes the program, so that its number is the program's.
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "--"])
        .args(&plan.argv)
        .env_clear()
        .envs(&plan.env)
        // Ctrl-C at a terminal reaches a whole group: only we should hear it, and end the others.
        .process_group(0)
        .current_dir(&plan.state_dir)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .map_err(StackError::io("starting", Path::new("setpriv")))
}

fn last_line(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned()
}

fn no_program() -> StackError {
    StackError::NotUnderstood("there is no program to run".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(script: &str) -> Plan {
        let directory = std::env::temp_dir();
        let random = format!("passback-program-{}-{}.log", std::process::id(), script.len());
        Plan {
            name: "test",
            argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
            env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
            config: None,
            log: directory.join(random),
            state_dir: directory,
        }
    }

    #[test]
    fn an_early_end_is_told_with_the_last_line_of_the_log() {
        let plan = plan("echo one; echo the port is taken >&2; exit 3");
        let log = plan.log.clone();
        let mut program = Program::start(plan).unwrap();
        let limit = Duration::from_secs(10);
        let error = program.await_ready("it did not start", limit, None, || false).unwrap_err();
        fs::remove_file(log).unwrap();
        assert!(error.to_string().contains("the port is taken"), "{error}");
    }

    #[test]
    fn a_program_is_terminated_killed_and_started_again() {
        let plan = plan("trap 'exit 0' TERM; while :; do sleep 0.05; done");
        let log = plan.log.clone();
        let mut program = Program::start(plan).unwrap();
        assert!(program.running());
        program.terminate();
        assert!(!program.running());
        program.restart().unwrap();
        assert!(program.running());
        let pid = program.pid();
        drop(program);
        fs::remove_file(log).unwrap();
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn a_refused_command_is_an_error_with_its_code() {
        let argv = ["/bin/sh", "-c", "echo no such organisation >&2; exit 1"].map(str::to_owned);
        let error = run(&argv, &BTreeMap::new()).unwrap_err().to_string();
        assert!(error.contains("code 1: no such organisation"), "{error}");
    }
}
