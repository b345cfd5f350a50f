//! Finding the PDC emulator, staying connected to it, and following the role when it moves (SPEC W-8,
//! D-5).

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
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
    pool: Mutex<Pool>,
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
        let (pool, failure) = (Mutex::default(), std::sync::Mutex::default());
        let (asking, confirmed) = (Mutex::default(), Confirmed::never());
        let unanswered = Unanswered::new(Arc::clone(&clock));
        Ok(Self { config, clock, tls, locator, pool, asking, confirmed, failure, unanswered })
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
    /// on which least is under way.
    pub(crate) async fn session(
        self: &Arc<Self>,
        age: Duration,
    ) -> Result<Arc<Session>, DirectoryError> {
        let before = self.failure().attempt;
        let mut pool = self.pool.lock().await;
        pool.take_back();
        while let Some(session) = pool.idlest() {
            if self.confirmed.within(self.clock.now(), age) {
                self.widen(&mut pool);
                return Ok(session);
            }
            // Whoever needs no word as fresh as that does not wait for it.
            drop(pool);
            let asked = self.ask_again(&session, age).await;
            pool = self.pool.lock().await;
            match asked {
                Asked::Confirmed => {
                    self.widen(&mut pool);
                    return Ok(session);
                }
                Asked::SomethingChanged => {}
            }
        }
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
                    // It was asked who holds the role.
                    Some(session) = pool.next_back() => Ok((session, false)),
                    connected = connecting => ended(connected).map(|session| (session, true)),
                }
            }
        };
        let session = match connected {
            Ok((session, is_new)) => {
                if is_new {
                    pool.restart(Arc::clone(&session));
                }
                session
            }
            // Those that are asked at this moment may be well all the same.
            Err(error) => pool.next_back().await.ok_or(error)?,
        };
        // Its word counts for the connections that lead to it, and for no others.
        self.confirm();
        self.widen(&mut pool);
        Ok(session)
    }

    /// Opens another connection if the pool wants one; nobody waits for it.
    fn widen(self: &Arc<Self>, pool: &mut Pool) {
        if !pool.wants_another() {
            return;
        }
        let pdc = Arc::clone(self);
        tokio::spawn(async move {
            let another = pdc.connect().await;
            let mut pool = pdc.pool.lock().await;
            match another {
                Ok(session) => pool.join(session),
                Err(_) => pool.gave_up(),
            }
        });
    }

    /// Lets go of a connection over which something failed, as [`Pool::let_go`] does.
    pub(crate) async fn forget(&self, session: &Arc<Session>) {
        self.let_go(&mut *self.pool.lock().await, session);
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
        let is_held = self.pool.lock().await.has(session);
        if !is_held || self.confirmed.within(self.clock.now(), age) {
            return Asked::SomethingChanged;
        }
        let said = holds_role(session, &self.config.base_dn, self.config.small_timeout()).await;
        if said == Ok(true) {
            self.confirm();
            return Asked::Confirmed;
        }
        // While it is still this one's turn: the next one shall not ask the same connection.
        let mut pool = self.pool.lock().await;
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
