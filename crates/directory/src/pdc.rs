//! Finding the PDC emulator, staying connected to it, and following the role when it moves (SPEC W-8,
//! D-5).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::{Clock, Timestamp};
use rustls::ClientConfig;
use tokio::sync::Mutex;
use tracing::{debug, info, warn};

use crate::locate::Locator;
use crate::pool::Pool;
use crate::session::Session;
use crate::{DirectoryConfig, DirectoryError, tls};

/// How old the controller's word that it holds the PDC role may be. SPEC D-5: "a moved role is
/// followed without a restart".
pub const ROLE_CHECK: Duration = Duration::from_secs(60);
/// How long after a refused bind the next one is tried: every wrong one counts towards locking the
/// service account out, and domains forgive after 10 to 30 minutes.
pub const BIND_HOLD_OFF: Duration = Duration::from_secs(5 * 60);
/// How many controllers are asked who holds the role, after the one that DNS named.
const HOPS_MAX: usize = 3;

/// Where the PDC emulator is and the connections to it, made when they are first needed and again
/// whenever they break.
pub(crate) struct Pdc {
    config: DirectoryConfig,
    clock: Arc<dyn Clock>,
    tls: Arc<ClientConfig>,
    locator: Locator,
    pool: Mutex<Pool>,
    confirmed: Confirmed,
    /// How the last attempt to connect failed, and which attempt that was.
    failure: std::sync::Mutex<Failure>,
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

#[derive(Default)]
struct Failure {
    attempt: u64,
    error: Option<DirectoryError>,
    /// When a bind was refused, until one succeeds.
    bind_refused_at: Option<Timestamp>,
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
        let confirmed = Confirmed::never();
        Ok(Self { config, clock, tls, locator, pool, confirmed, failure })
    }

    /// The directory's configuration.
    pub(crate) const fn config(&self) -> &DirectoryConfig {
        &self.config
    }

    /// The present moment, by the directory's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A connection to the PDC emulator, which said within `age` that it holds the role: the one
    /// on which least is under way.
    pub(crate) async fn session(
        self: &Arc<Self>,
        age: Duration,
    ) -> Result<Arc<Session>, DirectoryError> {
        let before = self.failure().attempt;
        let mut pool = self.pool.lock().await;
        let now = self.clock.now();
        if let Some(session) = pool.idlest() {
            if self.confirmed.within(now, age) || self.still_holds_role(&session).await {
                self.widen(&mut pool);
                return Ok(session);
            }
            pool.drop_all();
        }
        if let Some(error) = self.failure().since(before) {
            // Somebody else tried while this one waited: it would only take as long again.
            return Err(error);
        }
        let session = self.connect().await?;
        pool.restart(Arc::clone(&session));
        self.widen(&mut pool);
        Ok(session)
    }

    /// Two connections to the PDC emulator, to ask over both at the same time; twice the same where
    /// there is only one.
    pub(crate) async fn pair(
        self: &Arc<Self>,
        age: Duration,
    ) -> Result<(Arc<Session>, Arc<Session>), DirectoryError> {
        let one = self.session(age).await?;
        let other = self.pool.lock().await.beside(&one);
        Ok((one, other))
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

    /// Lets go of a connection that misbehaved; whoever still waits on it may do so.
    pub(crate) async fn forget(&self, session: &Arc<Session>) {
        self.pool.lock().await.drop_one(session);
    }

    /// Lets go of all connections: the controller has no longer the role.
    pub(crate) async fn forget_all(&self) {
        self.pool.lock().await.drop_all();
    }

    /// Notes that the controller has just said that it holds the role.
    pub(crate) fn confirm(&self) {
        self.confirmed.0.store(self.clock.now().as_millis(), Ordering::SeqCst);
    }

    fn failure(&self) -> MutexGuard<'_, Failure> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects to the PDC emulator, unless the service account was refused a moment ago.
    pub(crate) async fn connect(&self) -> Result<Arc<Session>, DirectoryError> {
        if let Some(error) = self.failure().held_off(self.clock.now()) {
            return Err(error);
        }
        let connected = self.find_and_connect().await;
        self.failure().note(self.clock.now(), connected.as_ref().map(|_| ()));
        if let Err(error) = &connected {
            warn!(%error, "directory.connect.failed");
        }
        connected
    }

    async fn still_holds_role(&self, session: &Session) -> bool {
        let owner = session.role_owner(&self.config.base_dn, self.config.operation_timeout).await;
        match owner {
            Ok(owner) if owner == session.root.settings => {
                self.confirm();
                true
            }
            Ok(owner) => {
                warn!(controller = session.host, %owner, "directory.pdc.moved");
                false
            }
            Err(error) => {
                debug!(controller = session.host, %error, "directory.pdc.check_failed");
                false
            }
        }
    }

    /// Finds the PDC emulator by DNS and by the word of the controllers, and binds to it.
    async fn find_and_connect(&self) -> Result<Arc<Session>, DirectoryError> {
        let mut hosts = self.locator.pdc_hosts(&self.config.domain).await?;
        hosts.reverse();
        let mut asked: Vec<String> = Vec::new();
        let mut last = None;
        while let Some(host) = hosts.pop() {
            if asked.iter().any(|other| other.eq_ignore_ascii_case(&host)) {
                continue;
            }
            if asked.len() > HOPS_MAX {
                break;
            }
            asked.push(host.clone());
            match self.connect_to(&host).await {
                Ok(Arrival::Here(session)) => {
                    let (host, address) = (&session.host, session.address);
                    info!(controller = %host, %address, "directory.pdc.connected");
                    return Ok(session);
                }
                // DNS lags behind: the controllers know better.
                Ok(Arrival::Elsewhere(owner)) => hosts.push(owner),
                Err(error @ DirectoryError::BindRefused { .. }) => return Err(error),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| {
            let cause =
                format!("none of {} says of itself that it holds the PDC role", asked.join(", "));
            DirectoryError::PdcUnreachable { cause }
        }))
    }

    async fn connect_to(&self, host: &str) -> Result<Arrival, DirectoryError> {
        let mut last = None;
        for address in self.locator.addresses(host).await? {
            let address = SocketAddr::new(address, self.config.ldaps_port);
            let tls = Arc::clone(&self.tls);
            match Session::open(&self.config, tls, host, address).await {
                Ok(session) => return self.arrive(session).await,
                // The same answer everywhere, and each one counts towards a lockout.
                Err(error @ DirectoryError::BindRefused { .. }) => return Err(error),
                Err(error) => {
                    debug!(controller = host, %address, %error, "directory.connect.address_failed");
                    last = Some(error);
                }
            }
        }
        Err(last.unwrap_or_else(|| DirectoryError::PdcUnreachable {
            cause: format!("{host} has no address"),
        }))
    }

    async fn arrive(&self, session: Session) -> Result<Arrival, DirectoryError> {
        let head = &self.config.base_dn;
        if session.root.domain_head != *head {
            return Err(DirectoryError::Configuration(format!(
                "{} serves {}, not the configured {head}",
                session.host, session.root.domain_head
            )));
        }
        let limit = self.config.operation_timeout;
        let owner = session.role_owner(head, limit).await?;
        if owner == session.root.settings {
            self.confirm();
            return Ok(Arrival::Here(Arc::new(session)));
        }
        session.host_of(&owner, limit).await.map(Arrival::Elsewhere)
    }
}

/// Where a connection led.
enum Arrival {
    /// To the PDC emulator.
    Here(Arc<Session>),
    /// To a controller that says that this host is.
    Elsewhere(String),
}

impl Failure {
    fn since(&self, attempt: u64) -> Option<DirectoryError> {
        if self.attempt == attempt { None } else { self.error.clone() }
    }

    fn note(&mut self, now: Timestamp, outcome: Result<(), &DirectoryError>) {
        self.error = outcome.err().cloned();
        self.bind_refused_at =
            matches!(self.error, Some(DirectoryError::BindRefused { .. })).then_some(now);
        self.attempt += u64::from(outcome.is_err());
    }

    /// The refusal of a bind that is too fresh to try another one.
    fn held_off(&self, now: Timestamp) -> Option<DirectoryError> {
        let fresh = self.bind_refused_at.is_some_and(|at| at.apart(now) < BIND_HOLD_OFF);
        if fresh { self.error.clone() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BindRefusal;

    #[test]
    fn a_refused_bind_is_not_tried_again_until_the_hold_off_is_over() {
        let refused = DirectoryError::BindRefused {
            controller: "dc1".into(),
            name: "svc".into(),
            refusal: BindRefusal::WrongPassword,
        };
        let now = Timestamp::from_millis(1_000_000);
        let mut failure = Failure::default();
        assert_eq!(failure.held_off(now), None);
        failure.note(now, Err(&refused));
        assert_eq!(failure.held_off(now), Some(refused.clone()));
        assert_eq!(failure.held_off(now.after(BIND_HOLD_OFF)), None);
        failure.note(now, Ok(()));
        assert_eq!(failure.held_off(now), None);
    }

    #[test]
    fn another_failure_is_shared_by_those_who_waited_for_it_and_by_nobody_else() {
        let error = DirectoryError::PdcUnreachable { cause: "DNS".into() };
        let mut failure = Failure::default();
        let waited_since = failure.attempt;
        failure.note(Timestamp::from_millis(0), Err(&error));
        assert_eq!(failure.since(waited_since), Some(error));
        assert_eq!(failure.since(failure.attempt), None);
        assert_eq!(failure.held_off(Timestamp::from_millis(0)), None);
    }
}
