//! The steps of one request, and who watches them: nobody in production, a crash in tests.

use futures_util::future::BoxFuture;

/// A place between two durable steps of one request, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The journal's entry is begun.
    Begun,
    /// The state before the set is noted; nothing was sent.
    Noted,
    /// The directory has confirmed the set; the journal does not know yet.
    Applied,
    /// The answer is recorded. It has not left, unless it says that the password was changed: that
    /// one may be on its way.
    Finished,
}

impl Step {
    /// Every step, in order. A test that iterates this list covers a new one by itself.
    pub const ALL: [Self; 4] = [Self::Begun, Self::Noted, Self::Applied, Self::Finished];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Noted => "noted",
            Self::Applied => "applied",
            Self::Finished => "finished",
        }
    }

    /// The step with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }
}

/// Is told of every step that a request has reached.
pub trait StepWatch: Send + Sync {
    /// A request has reached `step`. It goes on when this is ready; a test that lets the agent die
    /// here never is.
    fn reached(&self, step: Step) -> BoxFuture<'_, ()>;
}

/// Watches nothing: for production.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl StepWatch for Unwatched {
    fn reached(&self, _step: Step) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
