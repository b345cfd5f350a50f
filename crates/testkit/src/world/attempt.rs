//! What people tried and what they were told: one side of the invariants. The other side is what
//! stands in the directory and in the databases.

use std::sync::{Arc, Mutex, PoisonError};

use protocol::Timestamp;

use crate::Page;

/// What a page said at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The password was changed.
    Changed,
    /// It was not, and why: the outcome's stable name.
    Unchanged(String),
    /// It cannot be known yet.
    Unknown,
    /// The service did not take it: the outcome's stable name.
    Refused(String),
    /// Nobody answered.
    Nothing,
}

impl Told {
    pub(super) fn of(page: &Page) -> Self {
        match (page.changed.as_str(), page.outcome.as_str()) {
            ("yes", _) => Self::Changed,
            ("no", outcome) => Self::Unchanged(outcome.to_owned()),
            ("unknown", _) => Self::Unknown,
            _ => Self::Nothing,
        }
    }

    /// Whether nothing else will be said.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Changed | Self::Unchanged(_) | Self::Refused(_))
    }
}

/// One password that somebody submitted. Every attempt has a password of its own, by which a set
/// in the directory is traced to it.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Who.
    pub login: String,
    /// The request id of the ticket.
    pub request: String,
    /// When it was submitted, by the world's clock.
    pub submitted_at: Timestamp,
    /// What the last page said, and when.
    pub told: Option<(Told, Timestamp)>,
    /// The password.
    pub(super) password: String,
}

impl Attempt {
    /// `sAMAccountName` of whom it is about.
    pub(super) fn account_name(&self) -> &str {
        self.login.split('@').next().unwrap_or_default()
    }
}

impl Attempt {
    pub(super) fn new(login: &str, password: &str, request: &str, now: Timestamp) -> Self {
        Self {
            login: login.to_owned(),
            password: password.to_owned(),
            request: request.to_owned(),
            submitted_at: now,
            told: None,
        }
    }
}

/// All attempts. Clones are the same ledger.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<Vec<Attempt>>>);

impl Ledger {
    pub(super) fn begin(&self, attempt: Attempt) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(attempt);
    }

    /// An attempt that was told *changed* and that nobody knows of: a test of the invariants.
    pub(super) fn plant(&self, login: &str, password: &str, now: Timestamp) {
        let request = "00000000-0000-4000-8000-000000000000";
        let told = Some((Told::Changed, now));
        self.begin(Attempt { told, ..Attempt::new(login, password, request, now) });
    }

    pub(super) fn told(&self, request: &str, told: &Told, now: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for attempt in all.iter_mut().filter(|one| one.request == request) {
            attempt.told = Some((told.clone(), now));
        }
    }

    pub(super) fn all(&self) -> Vec<Attempt> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
