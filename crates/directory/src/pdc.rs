//! Finding the PDC emulator, staying connected to it, and following the role when it moves (SPEC W-8,
//! D-5).

use std::future::poll_fn;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use protocol::{Clock, Timestamp};
use rustls::ClientConfig;
use tokio::sync::Mutex;
use tokio::task::JoinError;
use tracing::{debug, warn};

use crate::hold_off::Failure;
use crate::locate::Locator;
use crate::pool::Pool;
use crate::session::Session;
use crate::unanswered::Unanswered;
use crate::{DirectoryConfig, DirectoryError, DistinguishedName, tls};

/// How old the controller's word that it holds the PDC role may be. SPEC D-5: "a moved role is
/// followed without a restart". A probe renews it, so that nobody waits for it while the agent's
/// health is looked after.
pub const ROLE_CHECK: Duration = Duration::from_secs(60);

/// Where the PDC emulator is and the connections to it, made when they are first needed and again
/// whenever they break.
pub(crate) struct Pdc {
    pub(crate) config: DirectoryConfig,
    clock: Arc<dyn Clock>,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) locator: Locator,
    /// Held for a moment at a time, and never while something is waited for.
    pool: std::sync::Mutex<Pool>,
    /// Held by whoever connects because the pool has nothing: one at a time.
    connecting: Mutex<()>,
    /// Held by whoever asks the controller whether it still holds the role.
    asking: Mutex<()>,
    confirmed: Confirmed,
    /// How the last attempt to connect failed, and which attempt that was.
    failure: std::sync::Mutex<Failure>,
    /// Sets whose answer did not come in time.
    pub(crate) unanswered: Unanswered,
}

/// When the controller last said that it holds the PDC role.
struct Confirmed(AtomicI64);

impl Confirmed {
    const NEVER: i64 = i64::MIN;

    const fn never() -> Self {
        Self(AtomicI64::new(Self::NEVER))
    }

    /// Whether it was within `age` of `now`, on whichever side a corrected clock has put it.
    fn within(&self, now: Timestamp, age: Duration) -> bool {
        let at = self.0.load(Ordering::SeqCst);
        at != Self::NEVER && Timestamp::from_millis(at).apart(now) < age
    }
}

/// What came of asking about the role.
enum Asked {
    /// The controller says that it holds it.
    Confirmed,
    /// It does not say so, or nothing at all, and nobody uses the connection any more; or somebody else
    /// has asked.
    SomethingChanged,
}

impl Pdc {
    /// Nothing is connected yet.
    pub(crate) fn new(
        config: DirectoryConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, DirectoryError> {
        let tls = tls::client_config(&config.ca_pem)?;
        let locator = Locator::new(config.dns, config.connect_timeout)?;
        let unanswered = Unanswered::new(Arc::clone(&clock));
        Ok(Self {
            config,
            clock,
            tls,
            locator,
            pool: std::sync::Mutex::default(),
            connecting: Mutex::default(),
            asking: Mutex::default(),
            confirmed: Confirmed::never(),
            failure: std::sync::Mutex::default(),
            unanswered,
        })
    }

    /// The directory's configuration.
    pub(crate) const fn config(&self) -> &DirectoryConfig {
        &self.config
    }

    /// The directory's clock.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The present moment, by the directory's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How long the directory's clock has been running.
    pub(crate) fn running(&self) -> Duration {
        self.clock.running()
    }

    /// A connection to the PDC emulator, which said within `age` that it holds the role: the one
    /// on which least is under way. Whoever finds none waits until the one who connects has done so.
    pub(crate) async fn session(
        self: &Arc<Self>,
        age: Duration,
    ) -> Result<Arc<Session>, DirectoryError> {
        let before = self.failure().attempt;
        let mut turn = None;
        self.pool().take_back();
        loop {
            let (held, is_fresh) = {
                let mut pool = self.pool();
                // One look: the word counts for the connections that are there with it.
                (pool.idlest(), self.confirmed.within(self.clock.now(), age))
            };
            let Some(session) = held else {
                match turn {
                    None => turn = Some(self.connecting.lock().await),
                    Some(_) => return self.connect_in_turn(before).await,
                }
                continue;
            };
            // Whoever needs no word as fresh as that does not wait for it.
            turn = None;
            if is_fresh || matches!(self.ask_again(&session, age).await, Asked::Confirmed) {
                self.widen();
                return Ok(session);
            }
        }
    }

    /// Connects for whoever has the turn, and found nothing in the pool; or finds one there that was asked
    /// who holds the role, and has answered. So many attempts had failed `before` it asked.
    async fn connect_in_turn(
        self: &Arc<Self>,
        before: u64,
    ) -> Result<Arc<Session>, DirectoryError> {
        let failed = self.failure().since(before);
        let connected = match failed {
            // Somebody else tried while this one waited: it would only take as long again.
            Some(error) => Err(error),
            None => {
                // It notes how it ended also where it is not needed any more.
                let pdc = Arc::clone(self);
                let connecting =
                    tokio::spawn(async move { pdc.connect_noting(Failure::note).await });
                tokio::select! {
                    biased;
                    Some(session) = self.next_back() => Ok((session, false)),
                    connected = connecting => ended(connected).map(|session| (session, true)),
                }
            }
        };
        let (session, is_new) = match connected {
            Ok(connected) => connected,
            // Those that are asked at this moment may be well all the same.
            Err(error) => (self.next_back().await.ok_or(error)?, false),
        };
        {
            let mut pool = self.pool();
            if is_new {
                pool.restart(Arc::clone(&session));
            }
            // Its word counts for the connections that lead to it, and for no others.
            self.confirm();
        }
        self.widen();
        Ok(session)
    }

    /// Waits for the next of those that are asked who holds the role to answer; none if none is left that
    /// could.
    async fn next_back(&self) -> Option<Arc<Session>> {
        poll_fn(|context| {
            let mut pool = self.pool();
            // Somebody else may have looked first, and taken it back.
            match pool.idlest() {
                Some(session) => Poll::Ready(Some(session)),
                None => pool.poll_back(context),
            }
        })
        .await
    }

    /// Opens another connection if the pool wants one; nobody waits for it.
    fn widen(self: &Arc<Self>) {
        if !self.pool().wants_another() {
            return;
        }
        let pdc = Arc::clone(self);
        tokio::spawn(async move {
            let another = pdc.connect().await;
            // Noted at once: whoever connects at this moment opens the next one when that is done.
            let mut pool = pdc.pool();
            match another {
                Ok(session) => pool.join(session),
                Err(_) => pool.gave_up(),
            }
        });
    }

    /// The pool, for a moment.
    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of a connection over which something failed, as [`Pool::let_go`] does. Whoever has an answer
    /// to tell, or none in time, tells it at once, whoever connects meanwhile.
    pub(crate) fn forget(&self, session: &Arc<Session>) {
        self.let_go(&mut self.pool(), session);
    }

    fn let_go(&self, pool: &mut Pool, session: &Arc<Session>) {
        let limit = self.config.small_timeout();
        pool.let_go(session, |other| {
            let head = self.config.base_dn.clone();
            async move {
                let said = holds_role(&other, &head, limit).await;
                (said == Ok(true)).then_some(other)
            }
        });
    }

    /// Notes that the controller has just said that it holds the role.
    fn confirm(&self) {
        self.confirmed.0.store(self.clock.now().as_millis(), Ordering::SeqCst);
    }

    /// How the last attempt failed.
    pub(crate) fn failure(&self) -> MutexGuard<'_, Failure> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects to the PDC emulator, unless the service account was refused a moment ago: beside the
    /// connections that are used for sets. Whoever waits for one of these is not told how it ended.
    pub(crate) async fn connect(&self) -> Result<Arc<Session>, DirectoryError> {
        self.connect_noting(Failure::note_elsewhere).await
    }

    async fn connect_noting(
        &self,
        note: impl FnOnce(&mut Failure, Timestamp, Result<(), &DirectoryError>),
    ) -> Result<Arc<Session>, DirectoryError> {
        if let Some(error) = self.failure().held_off(self.clock.now()) {
            return Err(error);
        }
        let connected = self.find_and_connect().await;
        note(&mut self.failure(), self.clock.now(), connected.as_ref().map(|_| ()));
        if let Err(error) = &connected {
            warn!(%error, "directory.connect.failed");
        }
        connected
    }

    /// Asks over this connection whether the controller still holds the role, unless somebody else has
    /// just done so. One asks at a time, so that nobody else waits for a connection that is dead.
    async fn ask_again(&self, session: &Arc<Session>, age: Duration) -> Asked {
        let _turn = self.asking.lock().await;
        let is_held = self.pool().has(session);
        if !is_held || self.confirmed.within(self.clock.now(), age) {
            return Asked::SomethingChanged;
        }
        let said = holds_role(session, &self.config.base_dn, self.config.small_timeout()).await;
        if said == Ok(true) {
            self.confirm();
            return Asked::Confirmed;
        }
        // While it is still this one's turn: the next one shall not ask the same connection.
        let mut pool = self.pool();
        match said {
            Err(DirectoryError::Lost { .. }) => self.let_go(&mut pool, session),
            _ => pool.drop_all_with(session),
        }
        Asked::SomethingChanged
    }
}

/// What came of connecting.
fn ended(
    connecting: Result<Result<Arc<Session>, DirectoryError>, JoinError>,
) -> Result<Arc<Session>, DirectoryError> {
    let given_up = |error: JoinError| DirectoryError::Lost { cause: error.to_string() };
    connecting.unwrap_or_else(|error| Err(given_up(error)))
}

/// Whether the controller says over this connection that it holds the role.
async fn holds_role(
    session: &Session,
    head: &DistinguishedName,
    limit: Duration,
) -> Result<bool, DirectoryError> {
    let owner = session.role_owner(head, limit).await;
    match &owner {
        Ok(owner) if *owner == session.root.settings => {}
        Ok(owner) => warn!(controller = session.host, %owner, "directory.pdc.moved"),
        Err(error) => {
            debug!(controller = session.host, %error, "directory.pdc.check_failed");
        }
    }
    owner.map(|owner| owner == session.root.settings)
}

#[cfg(test)]
#[path = "pdc_tests.rs"]
pub(crate) mod tests;
