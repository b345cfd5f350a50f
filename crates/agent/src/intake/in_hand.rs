//! Which requests are carried out in this process at this moment: an open entry that is in nobody's hands is
//! settled by looking, and one that somebody carries out is not looked at meanwhile.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use protocol::RequestId;

use crate::settle::Settler;

/// By request, how many deliveries of it are at work.
#[derive(Default)]
pub(super) struct InHand(Mutex<HashMap<RequestId, usize>>);

/// One delivery, for as long as it is at work.
pub(super) struct Hand<'a> {
    all: &'a InHand,
    settler: &'a Settler,
    request: RequestId,
    has_begun: bool,
}

impl InHand {
    /// Takes a delivery in hand.
    pub(super) fn take<'a>(&'a self, settler: &'a Settler, request: RequestId) -> Hand<'a> {
        *self.lock().entry(request).or_default() += 1;
        Hand { all: self, settler, request, has_begun: false }
    }

    /// Whether any delivery of a request is at work.
    pub(super) fn has(&self, request: RequestId) -> bool {
        self.lock().contains_key(&request)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, usize>> {
        // Nothing panics while it is held; the table stays whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hand<'_> {
    /// Notes that this delivery has begun the entry.
    pub(super) const fn has_begun(&mut self) {
        self.has_begun = true;
    }
}

impl Drop for Hand<'_> {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        if let Some(count) = all.get_mut(&self.request) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.request);
            }
        }
        drop(all);
        // Where what carries it out panics, nobody else would end it before somebody asks. (What is dropped
        // without that goes with the process.)
        if self.has_begun && thread::panicking() {
            self.settler.settle_later(self.request);
        }
    }
}
