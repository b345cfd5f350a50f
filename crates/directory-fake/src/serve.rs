//! A fake domain on real sockets: LDAPS for each controller, and DNS to find them by.
//!
//! ```text
//! Served   binds everything, and gives it up when it is dropped
//!   names  DNS: SRV records of the domain, addresses of the controllers
//!   talk   one connection: messages in, answers out, as the domain is at that moment
//!   ask    from LDAP's requests to what the domain understands
//! ```
//!
//! Each controller has an address of its own, 127.0.0.1 and up, and all have the same port: a
//! client's configuration has one.

mod ask;
mod names;
mod talk;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use directory::DirectoryConfig;
use lab::Authority;
use protocol::ClearPassword;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use crate::domain::FakeDomain;
use crate::error::FakeError;
use crate::population::Population;

/// How many ports are tried until one is free at the addresses of all controllers.
const PORTS_TRIED: usize = 50;

/// A domain that is being served. Nothing of it is left when this is dropped.
pub struct Served {
    domain: FakeDomain,
    ca_pem: String,
    controllers: Vec<SocketAddr>,
    dns: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Served {
    /// Serves a domain, with certificates of that authority, until this is dropped.
    ///
    /// # Errors
    /// [`FakeError::Serve`] if there is no port, or no certificate can be made.
    pub async fn start(domain: &FakeDomain, authority: &Authority) -> Result<Self, FakeError> {
        let hosts: Vec<String> =
            domain.state().controllers.iter().map(|controller| controller.host.clone()).collect();
        let listeners = listeners(hosts.len()).await?;
        let controllers = listeners.iter().map(TcpListener::local_addr).collect::<Result<_, _>>();
        let controllers: Vec<SocketAddr> = controllers.map_err(serving)?;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(serving)?;
        let dns = socket.local_addr().map_err(serving)?;
        let mut tasks = JoinSet::new();
        let addresses: Vec<IpAddr> = controllers.iter().map(SocketAddr::ip).collect();
        tasks.spawn(names::answer(socket, domain.clone(), addresses.clone()));
        for (at, (listener, host)) in listeners.into_iter().zip(&hosts).enumerate() {
            let acceptor = acceptor(authority, host, &domain.domain(), addresses[at])?;
            tasks.spawn(accept(listener, acceptor, domain.clone(), at));
        }
        let ca_pem = authority.pem().to_owned();
        Ok(Self { domain: domain.clone(), ca_pem, controllers, dns, _tasks: tasks })
    }

    /// Where the first controller listens.
    pub fn address(&self) -> SocketAddr {
        self.controllers[0]
    }

    /// The DNS server that names the controllers.
    pub const fn dns(&self) -> SocketAddr {
        self.dns
    }

    /// The certificate of the authority, as PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The configuration of a client that signs in with a login of the domain.
    ///
    /// # Errors
    /// [`FakeError::Serve`] if the password is none.
    pub fn config(&self, who: &lab::Credentials) -> Result<DirectoryConfig, FakeError> {
        let domain = self.domain.domain();
        let password = ClearPassword::from_text(&who.password).map_err(serving)?;
        let name = format!("{}@{domain}", who.login);
        let ca_pem = self.ca_pem.clone().into_bytes();
        Ok(DirectoryConfig {
            dns: Some(self.dns),
            ldaps_port: self.address().port(),
            ..DirectoryConfig::new(&domain, ca_pem, &name, password)?
        })
    }

    /// The domain as the lab describes one: for the demo, and for programs that expect a lab. The
    /// authority's certificate is written to `ca_file`, and the log is a file that is never there.
    ///
    /// # Errors
    /// [`FakeError::Serve`] if the file cannot be written.
    pub fn forest(
        &self,
        population: &Population,
        ca_file: &Path,
    ) -> Result<lab::Forest, FakeError> {
        std::fs::write(ca_file, &self.ca_pem).map_err(serving)?;
        let directory = ca_file.parent().unwrap_or(Path::new("."));
        let (log, switch) = (directory.join("no.log"), directory.join("no.switch"));
        let (domain, dns_address) = (self.domain.domain(), self.dns);
        let state = self.domain.state();
        let controllers: Vec<_> = state
            .controllers
            .iter()
            .zip(&self.controllers)
            .map(|(controller, at)| lab::Controller {
                name: controller.host.clone(),
                address: at.ip(),
                ldaps_port: at.port(),
                dns_address,
                log: log.clone(),
                switch: switch.clone(),
            })
            .collect();
        Ok(lab::Forest {
            realm: domain.to_uppercase(),
            base_dn: state.here().head.to_string(),
            controller: state.controllers[0].host.clone(),
            address: self.address().ip(),
            ldaps_port: self.address().port(),
            dns_address,
            ca_file: ca_file.to_owned(),
            administrator: population.administrator.clone(),
            service: population.service.clone(),
            people: population.people.iter().map(lab::Person::from).collect(),
            log,
            controllers,
            other_forests: Vec::new(),
            domain,
        })
    }
}

/// A [`FakeError::Serve`] with the text of any failure to make certificates, files or listeners.
pub(crate) fn serving(error: impl std::fmt::Display) -> FakeError {
    FakeError::Serve(error.to_string())
}

/// A listener for each controller: 127.0.0.1, 127.0.0.2 and so on, all on one port.
async fn listeners(count: usize) -> Result<Vec<TcpListener>, FakeError> {
    let mut last = None;
    for _ in 0..PORTS_TRIED {
        match on_one_port(count).await {
            Ok(listeners) => return Ok(listeners),
            Err(error) => last = Some(error),
        }
    }
    Err(FakeError::Serve(last.map_or_else(String::new, |error| error.to_string())))
}

async fn on_one_port(count: usize) -> std::io::Result<Vec<TcpListener>> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut port = 0;
    for at in 0..count {
        let last = u8::try_from(at + 1).unwrap_or(u8::MAX);
        let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, last), port)).await?;
        port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(listeners)
}

fn acceptor(
    authority: &Authority,
    host: &str,
    domain: &str,
    address: IpAddr,
) -> Result<TlsAcceptor, FakeError> {
    let made = authority.server(&[host, domain, &address.to_string()]).map_err(serving)?;
    let certificate =
        CertificateDer::from_pem_slice(made.certificate.as_bytes()).map_err(serving)?;
    let key = PrivateKeyDer::from_pem_slice(made.key.as_bytes()).map_err(serving)?;
    // The provider is an argument: nothing here depends on what the process installed first.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(serving)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .map_err(serving)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, domain: FakeDomain, at: usize) {
    // Dropped with this task, and everybody is hung up on.
    let mut talks = JoinSet::new();
    while let Ok((stream, from)) = listener.accept().await {
        while talks.try_join_next().is_some() {}
        if !domain.state().controllers[at].up {
            continue;
        }
        let _ = stream.set_nodelay(true);
        let (acceptor, domain) = (acceptor.clone(), domain.clone());
        talks.spawn(async move {
            match acceptor.accept(stream).await {
                Ok(stream) => talk::talk(stream, domain, at).await,
                Err(error) => debug!(%from, %error, "fake.tls.refused"),
            }
        });
    }
}
