//! Ours: everything that a browser does before the last request is done before it is measured (the
//! gate, the ticket, the sealing), on one connection that stays open.

use std::sync::Arc;
use std::time::Duration;

use lab::Person;
use rustls::ClientConfig;

use super::connection::{Kept, Took};
use crate::visitor::SealedBody;
use crate::{Mark, Stack, StackError, Visitor};

/// How long a mail may take.
const MAIL: Duration = Duration::from_secs(30);

/// Somebody who has passed the gate and stands at the password page.
#[derive(Debug)]
pub(super) struct Visit {
    visitor: Visitor,
    took: Took,
    mark: Mark,
    address: String,
}

/// The same with a sealed password that has not been sent.
#[derive(Debug)]
pub(super) struct Submission {
    visit: Visit,
    sealed: SealedBody,
}

impl Visit {
    /// Name, mail, code.
    pub(super) fn begin(
        stack: &Stack,
        trust: &Arc<ClientConfig>,
        person: &Person,
    ) -> Result<Self, StackError> {
        let took = Took::default();
        let kept = Box::new(Kept::new(trust, &took));
        let mut visitor = Visitor::over(kept, &stack.cloud_url(), &stack.start_path());
        let (outbox, address) = (stack.outbox(), person.private_mail.clone());
        visitor.open()?;
        let before = outbox.mark();
        visitor.start(&stack.login(person))?;
        let code = outbox.await_code(&before, &address)?;
        let page = visitor.code(&code)?;
        if page.step != "password" {
            let what = format!("the code led to the step {:?}: {}", page.step, page.text);
            return Err(StackError::NotUnderstood(what));
        }
        Ok(Self { visitor, took, mark: outbox.mark(), address })
    }

    /// Ticket and sealing. What follows must follow soon: a sealed password expires.
    pub(super) fn seal(mut self, password: &str) -> Result<Submission, StackError> {
        let sealed = self.visitor.ticket()?.seal(password)?;
        Ok(Submission { visit: self, sealed })
    }

    /// Waits until the mail about the change has been handed over: until then the service still
    /// works on it, and would disturb what is measured next.
    pub(super) fn await_notice(&self, stack: &Stack) -> Result<(), StackError> {
        stack.outbox().await_mail(&self.mark, &self.address, MAIL, |_| true).map(drop)
    }
}

impl Submission {
    /// Sends it; how long it took until the answer, which says that the password was changed, was
    /// there.
    pub(super) fn send(mut self) -> Result<(Duration, Visit), StackError> {
        let answer = self.visit.visitor.post_sealed(&self.sealed)?;
        if answer.changed != "yes" {
            let what = format!("a reset ended with {:?} {}", answer.outcome, answer.message);
            return Err(StackError::NotUnderstood(what));
        }
        Ok((self.visit.took.last(), self.visit))
    }
}
