//! What is said late: who has the wrong key is told so after a while, because some clients try again
//! at once (relay protocol, "Limits and promises"). Each of them costs a look at its token, and at the
//! keys it could be of; they must not be what everybody else stands behind.

use super::Inner;
use super::access::Refusal;

impl Inner {
    /// Waits before a refusal is said, and gives back what is to be said: if so many wait already that
    /// there is no room for another one, "not now", and at once.
    pub(super) async fn hold_back(&self, refusal: Refusal) -> Refusal {
        let Ok(_room) = self.refused.try_acquire() else { return Refusal::Unavailable };
        self.clock.sleep(self.limits.refused_listen).await;
        refusal
    }

    /// The same for senders, of whom only those are held back who have the wrong token.
    pub(super) async fn hold_back_sender(&self, refusal: Refusal) -> Refusal {
        match refusal {
            Refusal::Token | Refusal::Forbidden => self.hold_back(refusal).await,
            Refusal::Malformed | Refusal::UnknownEntity | Refusal::Unavailable => refusal,
        }
    }
}
