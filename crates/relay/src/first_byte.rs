//! When the first byte of a request may leave: until then it is nobody's, and may still be given to
//! somebody else; from then on it may not, and what was kept for that can be wiped (SPEC K-4).

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Whether the first byte of a request may have left. Clones are of the same request.
#[derive(Debug, Clone, Default)]
pub struct FirstByte(CancellationToken);

impl FirstByte {
    /// Notes that it leaves. Said before it is tried: of what failed, a part may be on its way.
    pub(crate) fn leaves(&self) {
        self.0.cancel();
    }

    /// Whether it may have left.
    pub fn may_have_left(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Comes at the moment at which it may leave; never, if the request ends before.
    pub fn left(&self) -> WaitForCancellationFutureOwned {
        self.0.clone().cancelled_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_waits_for_it_hears_of_it_also_afterwards() {
        let first_byte = FirstByte::default();
        let mut left = Box::pin(first_byte.left());
        assert!(futures_util::poll!(&mut left).is_pending() && !first_byte.may_have_left());
        first_byte.clone().leaves();
        left.await;
        first_byte.left().await;
        assert!(first_byte.may_have_left());
    }
}
