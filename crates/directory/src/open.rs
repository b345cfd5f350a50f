//! Opening a session: each step has its time, and says what went wrong in it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ldap3_proto::proto::{LdapOp, LdapResult, LdapResultCode};
use protocol::Outcome;
use rustls::ClientConfig;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::code::BindRefusal;
use crate::config::Encryption;
use crate::connection::Connection;
use crate::diagnose::{Fault, Step};
use crate::root::RootDse;
use crate::search::{Search, refusal, refused_in, search};
use crate::session::Session;
use crate::witness::InvocationId;
use crate::{DirectoryConfig, DirectoryError, ObjectGuid, starttls, tls, wire};

/// How long nothing passes before the network is asked whether the other side is still there: well below
/// the minutes after which firewalls forget a connection, which this also keeps from happening.
const ALIVE_AFTER: Duration = Duration::from_secs(30);
/// How long until it is asked again.
const ALIVE_AGAIN: Duration = Duration::from_secs(10);
/// How often it is asked in vain before the connection has ended, where the next limit does not come first.
const ALIVE_TRIES: u32 = 3;
/// How long what was sent may go without the other side's system having taken it before the connection has
/// ended (RFC 5482): for as long, nobody knows of a set whether it arrived.
const TAKEN_WITHIN: Duration = Duration::from_secs(20);

impl Session {
    /// Connects to `host` at `address`, verifies its certificate, binds and reads its rootDSE. Each
    /// step has the configured time.
    pub(crate) async fn open(
        config: &DirectoryConfig,
        tls: Arc<ClientConfig>,
        host: &str,
        address: SocketAddr,
    ) -> Result<Self, DirectoryError> {
        let stream = secured(config, tls, host, address).await;
        let connection = Connection::over(stream.map_err(|fault| fault.of(host, address))?);
        let limit = config.connect_timeout;
        let refused = match bind(&connection, config).await {
            Ok(LdapResult { code: LdapResultCode::Success, .. }) => None,
            Ok(refused) => Some(refused),
            Err(fault) => return Err(fault.of(host, address)),
        };
        let name = &config.bind_name;
        let refused = refused.map(|result| refused_bind(host, address, name, result));
        if let Some(error @ DirectoryError::BindRefused { refusal, .. }) = &refused
            && *refusal != BindRefusal::Other
        {
            return Err(error.clone());
        }
        // A refusal that is not Active Directory's: perhaps this is none.
        let root = root_of(&connection, limit).await;
        let root = root.map_err(|error| match error {
            DirectoryError::Unreadable { attribute } => {
                Fault::NotAController(attribute).of(host, address)
            }
            other => other,
        });
        let root = match (refused, root) {
            (None, root) => root.map_err(|error| of_beginning(host, address, error))?,
            (Some(_), Err(error @ DirectoryError::Unfit { .. })) => return Err(error),
            (Some(refused), _) => return Err(refused),
        };
        let invocation_id = invocation_id(&connection, &root, limit).await;
        let invocation_id = invocation_id.map_err(|error| of_beginning(host, address, error))?;
        Ok(Self { connection, host: host.to_owned(), address, root, invocation_id })
    }
}

/// A stream on which TLS is up and the certificate verified.
async fn secured(
    config: &DirectoryConfig,
    tls: Arc<ClientConfig>,
    host: &str,
    address: SocketAddr,
) -> Result<TlsStream<TcpStream>, Fault> {
    let limit = config.connect_timeout;
    let silent = |step| move |_| Fault::Silent(step);
    let connected = timeout(limit, TcpStream::connect(address)).await;
    let connected = connected.map_err(silent(Step::Connecting))?;
    let mut stream = connected.map_err(|error| Fault::of_connecting(&error))?;
    set_up(&stream).map_err(|error| Fault::of_connecting(&error))?;
    match config.encryption {
        Encryption::Ldaps => {}
        Encryption::StartTls => {
            timeout(limit, starttls::ask(&mut stream)).await.map_err(silent(Step::StartTls))??
        }
    }
    timeout(limit, tls::start(tls, host, stream)).await.map_err(silent(Step::Tls))?
}

/// What holds for the stream as long as it lives.
fn set_up(stream: &TcpStream) -> std::io::Result<()> {
    // Requests are small and answered one by one: waiting to fill a segment costs 40 ms.
    stream.set_nodelay(true)?;
    let keep_alive = TcpKeepalive::new()
        .with_time(ALIVE_AFTER)
        .with_interval(ALIVE_AGAIN)
        .with_retries(ALIVE_TRIES);
    let socket = SockRef::from(stream);
    // Elsewhere the system has limits of its own.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(TAKEN_WITHIN))?;
    socket.set_tcp_keepalive(&keep_alive)
}

/// Binds; what it was answered with.
async fn bind(connection: &Connection, config: &DirectoryConfig) -> Result<LdapResult, Fault> {
    let mut flight = connection
        .start(|id| Ok(wire::bind(id, &config.bind_name, &config.bind_password)))
        .map_err(|closed| Fault::Broken(Step::Binding, closed.0))?;
    let answer = timeout(config.connect_timeout, flight.next()).await;
    match answer.map_err(|_| Fault::Silent(Step::Binding))? {
        Some(answer) => {
            let result = match answer.op {
                LdapOp::BindResponse(response) => Some(response.res),
                LdapOp::ExtendedResponse(response) => refused_in(response),
                _ => None,
            };
            let other = || Fault::NotLdap("it sent an answer of another kind".to_owned());
            result.ok_or_else(other)
        }
        None if flight.is_garbled() => Err(Fault::NotLdap(flight.cause())),
        None => Err(Fault::Broken(Step::Binding, flight.cause())),
    }
}

/// What a bind that was refused says of the service account, or of the controller.
fn refused_bind(host: &str, address: SocketAddr, name: &str, result: LdapResult) -> DirectoryError {
    let of_the_account = result.code == LdapResultCode::InvalidCredentials;
    let refusal = refusal(result);
    if !of_the_account && refusal.outcome() != Outcome::ServiceAccountRefused {
        return Fault::of_beginning(&refusal).of(host, address);
    }
    DirectoryError::BindRefused {
        controller: host.to_owned(),
        name: name.to_owned(),
        refusal: BindRefusal::of(&refusal.diagnostic),
        diagnostic: refusal.diagnostic,
    }
}

/// What a refusal to answer says of the controller: no person was asked about, and none is told of it as of
/// something about an account.
fn of_beginning(host: &str, address: SocketAddr, error: DirectoryError) -> DirectoryError {
    match error {
        DirectoryError::Refused(refusal) => Fault::of_beginning(&refusal).of(host, address),
        other => other,
    }
}

/// What it says about itself, to whoever asks.
async fn root_of(connection: &Connection, limit: Duration) -> Result<RootDse, DirectoryError> {
    let found = search(connection, Search::object(String::new(), RootDse::ATTRIBUTES), limit);
    let root = found.await?.into_iter().next();
    RootDse::try_from(root.ok_or(DirectoryError::Unreadable { attribute: "entry" })?.attributes)
}

/// Which copy of the database it has.
///
/// # Errors
/// [`DirectoryError::Unreadable`] where it is hidden, or its object as a whole: who may not list a site of
/// the configuration is told that nothing is there.
async fn invocation_id(
    connection: &Connection,
    root: &RootDse,
    limit: Duration,
) -> Result<InvocationId, DirectoryError> {
    let settings = Search::object(root.settings.to_string(), &["invocationId"]);
    let found = match search(connection, settings, limit).await {
        Err(DirectoryError::Refused(refusal)) if refusal.is_not_in_the_domain() => Vec::new(),
        found => found?,
    };
    let value = found.first().and_then(|entry| entry.attributes.value("invocationId"));
    value
        .and_then(|value| ObjectGuid::from_value(value).ok())
        .map(InvocationId)
        .ok_or(DirectoryError::Unreadable { attribute: "invocationId" })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_idle_connection_is_asked_whether_it_is_still_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        set_up(&stream).unwrap();
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap() && stream.nodelay().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), ALIVE_AFTER);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), ALIVE_AGAIN);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), ALIVE_TRIES);
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(TAKEN_WITHIN));
    }
}
