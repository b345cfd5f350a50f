//! Finding a controller and connecting to it: the PDC emulator for everything about passwords (SPEC
//! W-8), the preferred ones for reading people (SPEC D-11).

use std::net::SocketAddr;
use std::sync::Arc;

use tracing::{debug, info, warn};

use crate::DirectoryError;
use crate::pdc::Pdc;
use crate::session::Session;

/// How many controllers are asked who holds the role, one by the word of the other, after the first.
const HOPS_MAX: usize = 3;
/// How many controllers are tried one after another, besides those that are configured, before the PDC
/// emulator is asked for people.
const OTHERS_MAX: usize = 4;

impl Pdc {
    /// Finds the PDC emulator by DNS and by the word of the controllers, and binds to it. Where nobody
    /// that DNS names leads to it, the other controllers are asked (`role`).
    pub(crate) async fn find_and_connect(&self) -> Result<Arc<Session>, DirectoryError> {
        let mut asked = Asked::default();
        let found = match self.pdc_by_dns().await {
            Ok(hosts) => self.follow(hosts, &mut asked).await,
            Err(error) => Err(error),
        };
        match found {
            Err(error @ DirectoryError::BindRefused { .. }) => Err(error),
            Err(error) => match self.find_by_others(&asked).await {
                Ok(Some(session)) => {
                    let host = &session.host;
                    warn!(controller = %host, cause = %error, "directory.pdc.not_by_dns");
                    Ok(session)
                }
                Ok(None) => Err(error),
                // About the holder, and not about whomever DNS names.
                Err(other) => Err(other),
            },
            found => found,
        }
    }

    /// Whom DNS names as the PDC emulator, most preferred first.
    async fn pdc_by_dns(&self) -> Result<Vec<String>, DirectoryError> {
        self.of_those(self.locator.pdc_hosts(&self.config.domain).await?)
    }

    /// Whom DNS names as controllers of the domain, most preferred first.
    pub(crate) async fn all_by_dns(&self) -> Result<Vec<String>, DirectoryError> {
        self.of_those(self.locator.hosts(&self.config.domain).await?)
    }

    /// Of the hosts that DNS names, those that may be sent the service account's password.
    fn of_those(&self, named: Vec<String>) -> Result<Vec<String>, DirectoryError> {
        let (own, others): (Vec<_>, Vec<_>) =
            named.into_iter().partition(|host| self.config.may_be_controller(host));
        if others.is_empty() {
            return Ok(own);
        }
        let (domain, others) = (&self.config.domain, others.join(", "));
        warn!(domain, others, "directory.dns.names_of_elsewhere");
        if own.is_empty() {
            let cause = format!(
                "DNS names it as a controller of {domain}, and its name is not below that domain. Put \
                 it into `controllers` if it is one; else look at who answers in place of DNS"
            );
            return Err(DirectoryError::Unfit { controller: others, cause });
        }
        Ok(own)
    }

    /// Asks these hosts, most preferred first, and whoever they name, until one says of itself that it
    /// holds the role.
    async fn follow(
        &self,
        mut hosts: Vec<String>,
        asked: &mut Asked,
    ) -> Result<Arc<Session>, DirectoryError> {
        hosts.reverse();
        let mut last = None;
        while let Some(host) = hosts.pop() {
            if knows(&asked.all, &host) {
                continue;
            }
            if asked.all.len() > HOPS_MAX {
                break;
            }
            asked.all.push(host.clone());
            let opened = match self.open_at(&host).await {
                Err(error @ DirectoryError::BindRefused { .. }) => return Err(error),
                Err(error) => {
                    asked.silent.push(host);
                    last = Some(error);
                    continue;
                }
                Ok(session) => self.arrive(session).await,
            };
            match opened {
                Ok(Arrival::Here(session)) => {
                    let (host, address) = (&session.host, session.address);
                    info!(controller = %host, %address, "directory.pdc.connected");
                    return Ok(session);
                }
                // DNS lags behind: the controllers know better.
                Ok(Arrival::Elsewhere(owner)) => {
                    asked.elsewhere.push(host);
                    hosts.push(owner);
                }
                Err(error @ DirectoryError::BindRefused { .. }) => return Err(error),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| {
            let cause = format!(
                "none of {} says of itself that it holds the PDC role",
                asked.all.join(", ")
            );
            DirectoryError::PdcUnreachable { cause }
        }))
    }

    /// Connects to whichever controller people are read at, unless the service account was refused a
    /// moment ago: a preferred one; if none can be used, another one of the domain; at last, and where
    /// none is preferred, the PDC emulator.
    pub(crate) async fn connect_for_people(&self) -> Result<Arc<Session>, DirectoryError> {
        let preferred = &self.config.controllers;
        if preferred.is_empty() {
            return self.connect().await;
        }
        if let Some(error) = self.failure().held_off(self.now()) {
            return Err(error);
        }
        let mut failed = Vec::new();
        if let Some(found) = self.first_of(preferred, &mut failed).await {
            return found;
        }
        if self.config.only_preferred {
            return Err(DirectoryError::NoPreferred { cause: failed.join("; ") });
        }
        warn!(cause = failed.join("; "), "directory.preferred.unreachable");
        let mut others = self.all_by_dns().await.unwrap_or_default();
        others.retain(|host| !preferred.iter().any(|tried| tried.eq_ignore_ascii_case(host)));
        others.truncate(OTHERS_MAX);
        match self.first_of(&others, &mut failed).await {
            Some(found) => found,
            None => self.connect().await,
        }
    }

    /// The first of these hosts that can be used. Also a refused bind is final: it would be the same
    /// everywhere, and counts towards a lockout.
    async fn first_of(
        &self,
        hosts: &[String],
        failed: &mut Vec<String>,
    ) -> Option<Result<Arc<Session>, DirectoryError>> {
        for host in hosts {
            match self.connect_at(host).await {
                Ok(session) => {
                    info!(controller = session.host, "directory.people.connected");
                    return Some(Ok(Arc::new(session)));
                }
                Err(error @ DirectoryError::BindRefused { .. }) => return Some(Err(error)),
                Err(error) => failed.push(error.to_string()),
            }
        }
        None
    }

    /// Connects to this controller of the domain, whichever role it has, unless the service account was
    /// refused a moment ago.
    pub(crate) async fn connect_at(&self, host: &str) -> Result<Session, DirectoryError> {
        if let Some(error) = self.failure().held_off(self.now()) {
            return Err(error);
        }
        let opened = match self.open_at(host).await {
            Ok(session) => self.of_this_domain(session),
            Err(error) => Err(error),
        };
        self.failure().note_elsewhere(self.now(), opened.as_ref().map(|_| ()));
        opened
    }

    /// Connects to a controller, which says whether it holds the role.
    pub(crate) async fn connect_to(&self, host: &str) -> Result<Arrival, DirectoryError> {
        let session = self.open_at(host).await?;
        self.arrive(session).await
    }

    /// Binds to a host at the first of its addresses that answers.
    pub(crate) async fn open_at(&self, host: &str) -> Result<Session, DirectoryError> {
        let mut last = None;
        for address in self.locator.addresses(host).await? {
            let address = SocketAddr::new(address, self.config.port());
            let tls = Arc::clone(&self.tls);
            match Session::open(&self.config, tls, host, address).await {
                Ok(session) => return Ok(session),
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

    /// A session, if it is with a controller of the configured domain.
    pub(crate) fn of_this_domain(&self, session: Session) -> Result<Session, DirectoryError> {
        let head = &self.config.base_dn;
        if session.root.domain_head == *head {
            return Ok(session);
        }
        Err(DirectoryError::Configuration(format!(
            "{} serves {}, not the configured {head}",
            session.host, session.root.domain_head
        )))
    }

    async fn arrive(&self, session: Session) -> Result<Arrival, DirectoryError> {
        let session = self.of_this_domain(session)?;
        let head = &self.config.base_dn;
        let limit = self.config.operation_timeout;
        let owner = session.role_owner(head, limit).await?;
        if owner == session.root.settings {
            return Ok(Arrival::Here(Arc::new(session)));
        }
        session.host_of(&owner, limit).await.map(Arrival::Elsewhere)
    }
}

/// Whether a host is one of these.
pub(crate) fn knows(hosts: &[String], host: &str) -> bool {
    hosts.iter().any(|other| other.eq_ignore_ascii_case(host))
}

/// Who was asked for the role, one by the word of the other.
#[derive(Default)]
pub(crate) struct Asked {
    /// All of them.
    pub(crate) all: Vec<String>,
    /// Those that could not be connected to: they are not asked again.
    pub(crate) silent: Vec<String>,
    /// Those that named somebody else.
    pub(crate) elsewhere: Vec<String>,
}

/// Where a connection led.
pub(crate) enum Arrival {
    /// To the PDC emulator.
    Here(Arc<Session>),
    /// To a controller that says that this host is.
    Elsewhere(String),
}
