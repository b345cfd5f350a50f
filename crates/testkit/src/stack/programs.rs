//! Starting, killing and restarting a stack's processes by name.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use crate::StackError;
use crate::program::{Plan, Program};
use crate::stack::{START, Stack};

impl Stack {
    /// SIGKILL to `cloud`, `agent` or `mail`, and waits until it is gone.
    ///
    /// # Errors
    ///
    /// If there is no such process.
    pub fn kill(&mut self, name: &str) -> Result<(), StackError> {
        self.program(name).map(Program::kill)
    }

    /// SIGTERM, and waits until it has drained.
    ///
    /// # Errors
    ///
    /// If there is no such process.
    pub fn terminate(&mut self, name: &str) -> Result<(), StackError> {
        self.program(name).map(Program::terminate)
    }

    /// Another signal, for example `STOP` or `CONT`.
    ///
    /// # Errors
    ///
    /// If there is no such process.
    pub fn signal(&mut self, name: &str, signal: &str) -> Result<(), StackError> {
        self.program(name).map(|program| program.signal(signal))
    }

    /// Starts a process again that was killed or terminated; does not wait until it answers.
    ///
    /// # Errors
    ///
    /// If there is no such process, or it cannot be started.
    pub fn restart(&mut self, name: &str) -> Result<(), StackError> {
        self.program(name)?.restart()
    }

    /// The configuration of a process.
    ///
    /// # Errors
    ///
    /// If there is no such process, or it has none.
    pub fn config(&mut self, name: &str) -> Result<PathBuf, StackError> {
        let config = self.program(name)?.plan.config.clone();
        config.ok_or_else(|| StackError::NotUnderstood(format!("{name} has no configuration")))
    }

    /// Which processes do not run at the moment.
    pub fn ended(&mut self) -> Vec<&'static str> {
        let ended = self.programs.iter_mut().filter_map(|program| {
            let running = program.running();
            (!running).then_some(program.plan.name)
        });
        ended.collect()
    }

    /// Lets the processes end one after the other, the agent first.
    pub fn stop(&mut self) {
        for program in self.programs.iter_mut().rev() {
            program.terminate();
        }
        self.programs.clear();
    }

    pub(super) fn run(
        &mut self,
        plan: Plan,
        what: &str,
        stop: Option<&AtomicBool>,
        ready: impl FnMut() -> bool,
    ) -> Result<(), StackError> {
        let mut program = Program::start(plan)?;
        program.await_ready(what, START, stop, ready)?;
        self.programs.push(program);
        Ok(())
    }

    fn program(&mut self, name: &str) -> Result<&mut Program, StackError> {
        let found = self.programs.iter_mut().find(|program| program.plan.name == name);
        found.ok_or_else(|| StackError::NotUnderstood(format!("there is no process {name}")))
    }
}
