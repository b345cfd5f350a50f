//! How long, and how often, something is read that may be read again.

use std::sync::Arc;

use protocol::timeout;
use tracing::debug;

use crate::client::LdapDirectory;
use crate::pdc::ROLE_CHECK;
use crate::session::Session;
use crate::{DirectoryError, pool};

/// How often something is read while connections turn out to have ended: over each one that is kept,
/// and over a new one.
const READ_TRIES: usize = pool::MOST + 1;

/// How long is waited for an answer, and what comes after silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As long as the question may take, and then [`Patience::Little`]: somebody waits at a page, and
    /// nobody waits for two whole answers.
    Whole,
    /// No longer than for a small question, and once: somebody has waited for long already.
    Little,
    /// As long as the question may take, and then [`Patience::Last`]: an administrator asks for much, and
    /// where one answer takes long, so does the next.
    Unhurried,
    /// As long as the question may take, and once.
    Last,
}

impl Patience {
    /// What is left after something was lost over this connection: there was no answer, unless it has
    /// ended.
    pub(crate) fn after(self, session: &Session) -> Self {
        if session.connection.has_ended() { self } else { self.after_silence() }
    }

    const fn after_silence(self) -> Self {
        match self {
            Self::Whole | Self::Little => Self::Little,
            Self::Unhurried | Self::Last => Self::Last,
        }
    }

    const fn is_last(self) -> bool {
        matches!(self, Self::Little | Self::Last)
    }
}

impl LdapDirectory {
    /// Reads over a connection to the PDC emulator. One that turns out to be dead is replaced: a read
    /// may be repeated, a set never. Where there was no answer it is repeated once, over a connection that
    /// is new or has just answered something else, and for a shorter time: nobody waits for two whole ones.
    pub(crate) async fn reading<T, F>(
        &self,
        ask: impl Fn(Arc<Session>) -> F,
    ) -> Result<(Arc<Session>, T), DirectoryError>
    where
        F: Future<Output = Result<T, DirectoryError>>,
    {
        self.reading_with(Patience::Whole, ask).await
    }

    /// The same for an administrator's question: also the second time it may take as long as it takes.
    pub(crate) async fn reading_unhurried<T, F>(
        &self,
        ask: impl Fn(Arc<Session>) -> F,
    ) -> Result<(Arc<Session>, T), DirectoryError>
    where
        F: Future<Output = Result<T, DirectoryError>>,
    {
        self.reading_with(Patience::Unhurried, ask).await
    }

    /// The same with that patience for the first try.
    pub(crate) async fn reading_with<T, F>(
        &self,
        mut patience: Patience,
        ask: impl Fn(Arc<Session>) -> F,
    ) -> Result<(Arc<Session>, T), DirectoryError>
    where
        F: Future<Output = Result<T, DirectoryError>>,
    {
        let small = self.0.config().small_timeout();
        let mut tries = 0;
        loop {
            tries += 1;
            let session = self.0.session(ROLE_CHECK).await?;
            let (asked, began) = (ask(Arc::clone(&session)), self.0.running());
            let found = match patience {
                Patience::Whole | Patience::Unhurried | Patience::Last => asked.await,
                Patience::Little => {
                    timeout(self.0.clock(), small, asked).await.unwrap_or_else(|_| {
                        Err(DirectoryError::Lost { cause: "no answer to a second try".to_owned() })
                    })
                }
            };
            let cause = match found {
                Err(DirectoryError::Lost { cause }) => cause,
                found => return found.map(|found| (session, found)),
            };
            let last = patience.is_last() || tries == READ_TRIES;
            // One that ended late has kept somebody waiting as one that is silent.
            let late = self.0.running().saturating_sub(began) >= small;
            patience = if late { patience.after_silence() } else { patience.after(&session) };
            self.0.forget(&session);
            if last {
                return Err(DirectoryError::Lost { cause });
            }
            debug!(controller = session.host, cause, "directory.read.again");
        }
    }
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
