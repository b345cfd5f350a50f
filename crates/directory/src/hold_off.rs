//! What is remembered of connecting that failed: nobody tries again at once what has just failed for
//! somebody else, and no wrong password is tried until the service account is locked out.

use std::time::Duration;

use protocol::Timestamp;

use crate::DirectoryError;

/// How long after a refused bind the next one is tried: every wrong one counts towards locking the
/// service account out, and domains forgive after 10 to 30 minutes.
pub const BIND_HOLD_OFF: Duration = Duration::from_secs(5 * 60);

/// How the last attempt to connect failed, and which attempt that was.
#[derive(Default)]
pub(crate) struct Failure {
    /// How many attempts have failed for which others waited.
    pub(crate) attempt: u64,
    error: Option<DirectoryError>,
    /// When a bind was refused, until one succeeds.
    bind_refused_at: Option<Timestamp>,
}

impl Failure {
    /// The failure of an attempt that came after that one.
    pub(crate) fn since(&self, attempt: u64) -> Option<DirectoryError> {
        if self.attempt == attempt { None } else { self.error.clone() }
    }

    /// Notes how an attempt to reach the PDC emulator ended, for which others may have waited.
    pub(crate) fn note(&mut self, now: Timestamp, outcome: Result<(), &DirectoryError>) {
        self.error = outcome.err().cloned();
        self.bind_refused_at =
            matches!(self.error, Some(DirectoryError::BindRefused { .. })).then_some(now);
        self.attempt += u64::from(outcome.is_err());
    }

    /// Notes how an attempt ended for which nobody waited who wants the PDC emulator: one in the
    /// background, or to another controller. Only a refused bind is everybody's.
    pub(crate) fn note_elsewhere(&mut self, now: Timestamp, outcome: Result<(), &DirectoryError>) {
        match outcome {
            Err(error @ DirectoryError::BindRefused { .. }) => self.note(now, Err(error)),
            Ok(()) => self.bind_refused_at = None,
            Err(_) => {}
        }
    }

    /// The refusal of a bind that is too fresh to try another one.
    pub(crate) fn held_off(&self, now: Timestamp) -> Option<DirectoryError> {
        let fresh = self.bind_refused_at.is_some_and(|at| at.apart(now) < BIND_HOLD_OFF);
        if fresh { self.error.clone() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BindRefusal;

    #[test]
    fn a_refused_bind_is_not_tried_again_until_the_hold_off_is_over() {
        let refused = DirectoryError::BindRefused {
            controller: "dc1".into(),
            name: "svc".into(),
            refusal: BindRefusal::WrongPassword,
            diagnostic: String::new(),
        };
        let now = Timestamp::from_millis(1_000_000);
        let mut failure = Failure::default();
        assert_eq!(failure.held_off(now), None);
        failure.note(now, Err(&refused));
        assert_eq!(failure.held_off(now), Some(refused.clone()));
        assert_eq!(failure.held_off(now.after(BIND_HOLD_OFF)), None);
        failure.note(now, Ok(()));
        assert_eq!(failure.held_off(now), None);
    }

    #[test]
    fn another_failure_is_shared_by_those_who_waited_for_it_and_by_nobody_else() {
        let error = DirectoryError::PdcUnreachable { cause: "DNS".into() };
        let mut failure = Failure::default();
        let waited_since = failure.attempt;
        failure.note(Timestamp::from_millis(0), Err(&error));
        assert_eq!(failure.since(waited_since), Some(error));
        assert_eq!(failure.since(failure.attempt), None);
        assert_eq!(failure.held_off(Timestamp::from_millis(0)), None);
    }
}
