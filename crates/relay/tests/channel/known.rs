//! Whom the relay lets listen and send, as a cloud service's store or a configuration would say it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use futures_util::FutureExt as _;
use relay::token::sas::Rule;
use relay::{Authority, AuthorityError, BoxFuture, Entity};

/// Who may listen, as a cloud service's store would say it.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) keys: Mutex<HashMap<Entity, Vec<[u8; 32]>>>,
    /// Rules of shared keys, as a relay that stands alone has them.
    pub(crate) shared: Mutex<HashMap<Entity, Vec<Rule>>>,
    /// Those that hold everywhere.
    pub(crate) everywhere: Mutex<Vec<Rule>>,
    /// The relay's own names.
    pub(crate) names: OnceLock<Vec<String>>,
    /// How often it was asked for keys.
    pub(crate) asked: AtomicUsize,
    pub(crate) broken: AtomicBool,
    /// It never answers.
    pub(crate) silent: AtomicBool,
    /// After so many answers from now it names no key any more; never, if that is 0.
    pub(crate) forget_after: AtomicUsize,
}

impl Authority for Known {
    fn listen_keys(&self, entity: &Entity) -> BoxFuture<'_, Result<Vec<[u8; 32]>, AuthorityError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = if self.broken.load(Ordering::SeqCst) {
            Err(AuthorityError("the database is away".to_owned()))
        } else {
            Ok(self.keys.lock().unwrap().get(entity).cloned().unwrap_or_default())
        };
        let left = self.forget_after.load(Ordering::SeqCst);
        self.forget_after.store(left.saturating_sub(1), Ordering::SeqCst);
        if left == 1 {
            self.forget(entity);
        }
        if self.silent.load(Ordering::SeqCst) {
            return std::future::pending().boxed();
        }
        async { answer }.boxed()
    }

    fn rules(&self, entity: &Entity) -> BoxFuture<'_, Result<Arc<[Rule]>, AuthorityError>> {
        let rules = self.shared.lock().unwrap().get(entity).cloned().unwrap_or_default();
        async { Ok(rules.into()) }.boxed()
    }

    fn rules_everywhere(&self) -> BoxFuture<'_, Result<Arc<[Rule]>, AuthorityError>> {
        let rules = self.everywhere.lock().unwrap().clone();
        async { Ok(rules.into()) }.boxed()
    }

    fn names(&self) -> &[String] {
        self.names.get().map_or(&[], Vec::as_slice)
    }
}

impl Known {
    pub(crate) fn forget(&self, entity: &Entity) {
        self.keys.lock().unwrap().remove(entity);
    }
}
