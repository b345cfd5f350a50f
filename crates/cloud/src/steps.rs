//! The steps of one operation, and who watches them: nobody in production, a crash in tests.

use futures_util::future::BoxFuture;

/// A place between two durable steps of one operation, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The operation is in flight, and marked as sent where an agent listened already; the sealed
    /// password is in memory only.
    Submitted,
    /// It is marked as sent; its first byte has not left.
    Marked,
    /// It was given to the relay.
    Asked,
    /// The agent's answer was opened; it is not recorded.
    Answered,
    /// The answer is recorded; the person is not told by mail. On the page a change may have been told
    /// before.
    Recorded,
}

impl Step {
    /// Every step, in order. A test that iterates this list covers a new one by itself.
    pub const ALL: [Self; 5] =
        [Self::Submitted, Self::Marked, Self::Asked, Self::Answered, Self::Recorded];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Marked => "marked",
            Self::Asked => "asked",
            Self::Answered => "answered",
            Self::Recorded => "recorded",
        }
    }
}

/// Is told of every step that an operation has reached.
pub trait StepWatch: Send + Sync {
    /// An operation has reached `step`. It goes on when this is ready; a test that lets the service
    /// die here never is.
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
