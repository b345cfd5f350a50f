//! Finding controllers by DNS (SPEC D-5), with the configured resolver or the system's.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::{Resolver, TokioResolver};
use tokio::time::timeout;

use crate::DirectoryError;

/// How many addresses of one host are tried, each for as long as connecting may take, while people wait.
const ADDRESSES_MAX: usize = 4;

/// Asks DNS.
#[derive(Clone)]
pub(crate) struct Locator {
    resolver: TokioResolver,
    time_limit: Duration,
}

impl Locator {
    /// A locator that asks `server`, or what the system is configured to ask.
    pub(crate) fn new(
        server: Option<SocketAddr>,
        time_limit: Duration,
    ) -> Result<Self, DirectoryError> {
        let configuration = |error| DirectoryError::Configuration(format!("the resolver: {error}"));
        let mut builder = match server {
            None => TokioResolver::builder_tokio().map_err(configuration)?,
            Some(server) => {
                let provider = TokioRuntimeProvider::default();
                let mut builder = Resolver::builder_with_config(asking(server), provider);
                // A resolver that is named is the one that is asked, whatever /etc/hosts says.
                builder.options_mut().use_hosts_file = ResolveHosts::Never;
                builder
            }
        };
        limit(builder.options_mut(), time_limit);
        Ok(Self { resolver: builder.build().map_err(configuration)?, time_limit })
    }

    /// The host names of the PDC emulator, most preferred first. There is one, but a record of the
    /// previous one may still be there.
    pub(crate) async fn pdc_hosts(&self, domain: &str) -> Result<Vec<String>, DirectoryError> {
        self.named(format!("_ldap._tcp.pdc._msdcs.{}.", domain.trim_end_matches('.'))).await
    }

    /// The host names of all controllers of a domain, most preferred first.
    pub(crate) async fn hosts(&self, domain: &str) -> Result<Vec<String>, DirectoryError> {
        self.named(format!("_ldap._tcp.dc._msdcs.{}.", domain.trim_end_matches('.'))).await
    }

    /// The targets of an SRV record.
    async fn named(&self, name: String) -> Result<Vec<String>, DirectoryError> {
        let question = self.resolver.srv_lookup(name.as_str());
        let answer = self.ask(&name, question).await?;
        let mut hosts: Vec<_> = answer
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::SRV(srv) => Some((srv.priority, srv.target.to_ascii())),
                _ => None,
            })
            .collect();
        hosts.sort();
        hosts.dedup();
        let hosts: Vec<_> =
            hosts.into_iter().map(|(_, host)| host.trim_end_matches('.').to_owned()).collect();
        if hosts.is_empty() {
            return Err(unreachable(format!("DNS has no SRV record {name}")));
        }
        Ok(hosts)
    }

    /// The addresses of a host that are tried, in this order, at most [`ADDRESSES_MAX`].
    pub(crate) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, DirectoryError> {
        let name = format!("{}.", host.trim_end_matches('.'));
        let answer = self.ask(&name, self.resolver.lookup_ip(name.as_str())).await?;
        let addresses = tried(answer.iter());
        if addresses.is_empty() {
            return Err(unreachable(format!("DNS has no address of {name}")));
        }
        Ok(addresses)
    }

    async fn ask<T, E: std::fmt::Display>(
        &self,
        name: &str,
        question: impl Future<Output = Result<T, E>>,
    ) -> Result<T, DirectoryError> {
        match timeout(self.time_limit, question).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(unreachable(format!("DNS lookup of {name}: {error}"))),
            Err(_) => Err(unreachable(format!("DNS lookup of {name}: no answer in time"))),
        }
    }
}

/// Those that are tried: the two kinds in turn (RFC 8305 section 4), so that one that leads nowhere does not
/// keep the other from being tried.
fn tried(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let (first, second): (Vec<_>, Vec<_>) = {
        let mut addresses = addresses.peekable();
        let kind = addresses.peek().is_some_and(IpAddr::is_ipv6);
        addresses.partition(|address| address.is_ipv6() == kind)
    };
    let longer = first.len().max(second.len());
    let in_turn = (0..longer).flat_map(|place| [first.get(place), second.get(place)]);
    in_turn.flatten().copied().take(ADDRESSES_MAX).collect()
}

fn unreachable(cause: String) -> DirectoryError {
    DirectoryError::PdcUnreachable { cause }
}

fn asking(server: SocketAddr) -> ResolverConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    let server = NameServerConfig::new(server.ip(), true, connections.to_vec());
    ResolverConfig::from_parts(None, Vec::new(), vec![server])
}

fn limit(options: &mut ResolverOpts, time_limit: Duration) {
    // A moved role must be seen at once; the record's own time to live is 15 minutes.
    options.cache_size = 0;
    options.positive_max_ttl = Some(Duration::ZERO);
    options.negative_max_ttl = Some(Duration::ZERO);
    // Two tries within the limit.
    options.attempts = 2;
    options.timeout = time_limit / 3;
}

#[cfg(test)]
mod tests {
    use tokio::net::UdpSocket;

    use super::*;

    #[test]
    fn a_few_addresses_are_tried_of_both_kinds_in_turn() {
        let in_order = |texts: &[&str]| {
            let tried = tried(texts.iter().map(|text| text.parse().unwrap()));
            tried.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(in_order(&[]), [""; 0]);
        assert_eq!(in_order(&["10.0.0.1"]), ["10.0.0.1"]);
        assert_eq!(
            in_order(&["fd00::1", "fd00::2", "fd00::3", "fd00::4", "fd00::5", "10.0.0.1"]),
            ["fd00::1", "10.0.0.1", "fd00::2", "fd00::3"]
        );
        assert_eq!(
            in_order(&["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "fd00::1"]),
            ["10.0.0.1", "fd00::1", "10.0.0.2", "10.0.0.3"]
        );
    }

    #[tokio::test]
    async fn a_resolver_that_is_not_there_makes_the_pdc_unreachable_in_time() {
        // Bound and never answering: no error comes back from the network.
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let limit = Duration::from_millis(300);
        let locator = Locator::new(Some(silent.local_addr().unwrap()), limit).unwrap();
        let started = tokio::time::Instant::now();
        let error = locator.pdc_hosts("corp.example").await.unwrap_err();
        assert!(
            matches!(&error, DirectoryError::PdcUnreachable { cause } if cause.contains("_ldap._tcp.pdc._msdcs.corp.example.")),
            "{error}"
        );
        assert!(started.elapsed() < Duration::from_secs(3));
    }
}
