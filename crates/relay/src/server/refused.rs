//! What is said late: who has the wrong key is told so after a while, because some clients try again
//! at once (relay protocol, "Limits and promises"). Each of them costs a look at its token, and at the
//! keys it could be of; they must not be what everybody else stands behind.

use super::Inner;
use super::access::Refusal;

impl Inner {
    /// Waits before a listener is refused. If so many of them wait already that there is no room for
    /// another one, it is told at once, and the truth all the same: "not now" would send whoever has to
    /// mend its key looking elsewhere.
    pub(super) async fn hold_back_listener(&self, refusal: Refusal) -> Refusal {
        if let Ok(_room) = self.refused_listeners.try_acquire() {
            self.clock.sleep(self.limits.refused_listen).await;
        }
        refusal
    }

    /// Waits before a sender is refused who has the wrong token; others are told at once. Gives back what
    /// is to be said: if there is no room for another one, "not now", and at once.
    pub(super) async fn hold_back_sender(&self, refusal: Refusal) -> Refusal {
        match refusal {
            Refusal::Token | Refusal::Forbidden => {}
            Refusal::Malformed | Refusal::UnknownEntity | Refusal::Unavailable => return refusal,
        }
        let Ok(_room) = self.refused_senders.try_acquire() else { return Refusal::Unavailable };
        self.clock.sleep(self.limits.refused_listen).await;
        refusal
    }
}
