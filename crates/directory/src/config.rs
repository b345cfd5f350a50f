//! What the agent's configuration says about one directory.

use std::net::SocketAddr;
use std::time::Duration;

use protocol::ClearPassword;

use crate::DistinguishedName;

/// LDAPS (IANA).
pub const LDAPS_PORT: u16 = 636;
/// LDAP (IANA), on which StartTLS is asked for.
pub const LDAP_PORT: u16 = 389;
/// How long DNS, a connection, TLS and bind may each take unless configured otherwise.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a read may take unless configured otherwise.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);

/// How a connection becomes secret. There is no third way, and the certificate is verified in both
/// (SPEC D-1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encryption {
    /// TLS from the first byte, on [`DirectoryConfig::ldaps_port`].
    #[default]
    Ldaps,
    /// StartTLS on [`DirectoryConfig::ldap_port`] (RFC 4511 section 4.14): nothing but the request for
    /// TLS is sent before TLS is up.
    StartTls,
}

/// One directory: a domain, and how to reach and to sign in to it. It has no `Debug`: the password
/// is in it.
#[derive(Clone)]
pub struct DirectoryConfig {
    /// The domain's DNS name.
    pub domain: String,
    /// The domain head, which must be the controller's default naming context.
    pub base_dn: DistinguishedName,
    /// The only certification authorities that are trusted for this directory (SPEC D-1), as PEM.
    pub ca_pem: Vec<u8>,
    /// The service account: a DN, a UPN or `DOMAIN\login`.
    pub bind_name: String,
    /// Its password. The type has no empty value: an empty one would bind anonymously.
    pub bind_password: ClearPassword,
    /// The resolver to ask; the system's if none (SPEC D-5).
    pub dns: Option<SocketAddr>,
    /// The port for LDAPS, [`LDAPS_PORT`] everywhere but in tests.
    pub ldaps_port: u16,
    /// LDAPS or StartTLS.
    pub encryption: Encryption,
    /// The port for StartTLS, [`LDAP_PORT`] everywhere but in tests.
    pub ldap_port: u16,
    /// The DNS names of controllers at which people are read, the most preferred one first; the PDC
    /// emulator if there are none (SPEC D-11). Passwords are set, and what is looked at before and
    /// after that is read, at the PDC emulator all the same (SPEC W-8). A controller whose name is not
    /// below the domain's is believed to be one only if it is among these.
    pub controllers: Vec<String>,
    /// Read people at none but [`DirectoryConfig::controllers`]. Otherwise, where none of them can be
    /// reached, another controller of the domain is asked, and the PDC emulator last. Where DNS does not
    /// lead to the PDC emulator, who holds the role is asked of the same ones.
    pub only_preferred: bool,
    /// How long each step of connecting may take.
    pub connect_timeout: Duration,
    /// How long a read may take.
    pub operation_timeout: Duration,
    /// How long to wait for the answer to a set; then it is unknown. The default is
    /// [`protocol::limits::SET_TIME_LIMIT`].
    pub set_time_limit: Duration,
    /// Set passwords also where the controller offers no policy-hints control, so that history is
    /// not enforced (SPEC D-2). Off unless an administrator asks for it, per directory.
    pub allow_without_policy_control: bool,
    /// Attributes to read of people besides [`crate::people::ATTRIBUTES`]: whatever else the
    /// configuration of the synchronisation names.
    pub people_attributes: Vec<String>,
}

impl DirectoryConfig {
    /// A configuration with the default limits, everything else as given.
    ///
    /// # Errors
    /// [`crate::dn::DnError`] if the domain's name has an empty label.
    pub fn new(
        domain: &str,
        ca_pem: Vec<u8>,
        bind_name: &str,
        bind_password: ClearPassword,
    ) -> Result<Self, crate::dn::DnError> {
        Ok(Self {
            base_dn: DistinguishedName::of_domain(domain)?,
            domain: domain.to_owned(),
            ca_pem,
            bind_name: bind_name.to_owned(),
            bind_password,
            dns: None,
            ldaps_port: LDAPS_PORT,
            encryption: Encryption::default(),
            ldap_port: LDAP_PORT,
            controllers: Vec::new(),
            only_preferred: false,
            connect_timeout: CONNECT_TIMEOUT,
            operation_timeout: OPERATION_TIMEOUT,
            set_time_limit: protocol::limits::SET_TIME_LIMIT,
            allow_without_policy_control: false,
            people_attributes: Vec::new(),
        })
    }

    /// Whether a host that DNS names may be sent the service account's password: its name is below the
    /// domain's, or it is configured. DNS is not signed, and the certificate proves the name that it gave
    /// (decision 0019).
    pub(crate) fn may_be_controller(&self, host: &str) -> bool {
        let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
        let (host, domain) = (plain(host), plain(&self.domain));
        let above = host.strip_suffix(&domain).and_then(|rest| rest.strip_suffix('.'));
        above.is_some_and(|own| !own.is_empty())
            || self.controllers.iter().any(|one| plain(one) == host)
    }

    /// How long a question may take that is as small as those of connecting.
    pub(crate) fn small_timeout(&self) -> Duration {
        self.connect_timeout.min(self.operation_timeout)
    }

    /// The port that goes with [`DirectoryConfig::encryption`].
    pub const fn port(&self) -> u16 {
        match self.encryption {
            Encryption::Ldaps => self.ldaps_port,
            Encryption::StartTls => self.ldap_port,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dns_names_is_below_the_domain_or_configured() {
        let password = ClearPassword::from_text("Service-Password-1").unwrap();
        let config = DirectoryConfig::new("Corp.example", Vec::new(), "svc", password).unwrap();
        let config = DirectoryConfig { controllers: vec!["DC9.hq.test".to_owned()], ..config };
        for host in
            ["dc1.corp.example", "DC1.CORP.EXAMPLE.", "dc1.site.corp.example", "dc9.hq.test"]
        {
            assert!(config.may_be_controller(host), "{host}");
        }
        for host in [
            "corp.example",
            ".corp.example",
            "dc1.example",
            "dc1.evilcorp.example",
            "dc1.corp.example.evil.test",
            "dc8.hq.test",
            "dc1",
            "",
        ] {
            assert!(!config.may_be_controller(host), "{host}");
        }
    }
}
