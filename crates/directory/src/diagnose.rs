//! What stands between the agent and a controller, as far as it can be told from here, and what an
//! operator does about it.
//!
//! Each fault has a cause, which is what was seen, and one sentence that says what to do. Both stand in
//! the text of the [`DirectoryError`] that is made of it.

mod certificate;

use std::fmt;
use std::io;
use std::net::SocketAddr;

use rustls::{AlertDescription, PeerIncompatible};

use protocol::Outcome;

use crate::DirectoryError;
use crate::error::Refusal;

/// Why a controller cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing listens on the port.
    Closed,
    /// There is no answer at all to this step.
    Silent(Step),
    /// The network said something else while connecting, or the connection broke.
    Broken(Step, String),
    /// The connection was ended instead of a TLS handshake.
    NoHandshake,
    /// It offers only TLS 1.0 or 1.1.
    OldTls,
    /// What answered does not speak TLS on this port.
    NotTls,
    /// TLS failed in another way.
    Tls(String),
    /// The certificate is for these names only.
    OtherName(Vec<String>),
    /// The certificate was issued by an authority that is not trusted; its name, if it has one.
    UnknownIssuer(Option<String>),
    /// The certificate has expired, so many days ago.
    Expired(Option<u64>),
    /// The certificate is not valid yet.
    NotValidYet,
    /// The certificate is for these purposes only; none where that is not known.
    OtherPurpose(Vec<String>),
    /// The certificate, or one above it, is signed by an algorithm that is not accepted.
    SignedBy(String),
    /// The certificate has a critical extension that is not known.
    CriticalExtension,
    /// The certificate is an authority's own.
    AnAuthoritys,
    /// What the controller signed the handshake with does not go with the certificate's key.
    UnfitKey,
    /// The certificate is refused for another reason.
    OtherCertificate(String),
    /// It answered a request with something that is not LDAP.
    NotLdap(String),
    /// It speaks LDAP and its rootDSE lacks what every domain controller's has.
    NotAController(&'static str),
    /// It refuses for now what every session begins with, and says this.
    Busy(String),
    /// It refuses what every session begins with, and says this.
    Refuses(String),
    /// It does not begin TLS when it is asked to, and says this.
    StartTlsRefused(String),
    /// There was more behind the answer to StartTLS, in clear: somebody may have put it there.
    StartTlsInjected,
}

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// TCP.
    Connecting,
    /// Asking for TLS.
    StartTls,
    /// The TLS handshake.
    Tls,
    /// The bind.
    Binding,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting to",
            Self::StartTls => "StartTLS with",
            Self::Tls => "TLS with",
            Self::Binding => "binding to",
        })
    }
}

impl Fault {
    /// Reads why connecting failed.
    pub(crate) fn of_connecting(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Closed,
            io::ErrorKind::TimedOut => Self::Silent(Step::Connecting),
            _ => Self::Broken(Step::Connecting, error.to_string()),
        }
    }

    /// Reads why a controller refused what every session begins with. Nobody's account was asked about: it is
    /// never told as something about a person.
    pub(crate) fn of_beginning(refusal: &Refusal) -> Self {
        match refusal.outcome() {
            Outcome::PdcUnreachable => Self::Busy(refusal.to_string()),
            _ => Self::Refuses(refusal.to_string()),
        }
    }

    /// Reads why a TLS handshake failed.
    pub(crate) fn of_handshake(error: &io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match inner {
            Some(rustls::Error::InvalidCertificate(problem)) => Self::of_certificate(problem),
            Some(
                rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
                | rustls::Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
            ) => Self::OldTls,
            Some(rustls::Error::InvalidMessage(_)) => Self::NotTls,
            Some(other) => Self::Tls(other.to_string()),
            None => match error.kind() {
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe => Self::NoHandshake,
                _ => Self::Broken(Step::Tls, error.to_string()),
            },
        }
    }

    /// What was seen.
    pub(crate) fn cause(&self) -> String {
        match self {
            Self::Closed => "nothing listens on that port (connection refused)".to_owned(),
            Self::Silent(_) => "no answer in time".to_owned(),
            Self::Broken(_, problem) => problem.clone(),
            Self::NoHandshake => "it ended the connection instead of beginning TLS".to_owned(),
            Self::OldTls => "it offers no TLS version above 1.1".to_owned(),
            Self::NotTls => "what answers on that port does not speak TLS there".to_owned(),
            Self::Tls(problem) => format!("the TLS handshake failed: {problem}"),
            Self::OtherName(names) if names.is_empty() => {
                "it is for another name: it has no DNS name at all".to_owned()
            }
            Self::OtherName(names) => format!("it is for another name: {}", names.join(", ")),
            Self::UnknownIssuer(issuer) => {
                let by =
                    issuer.as_deref().map_or_else(String::new, |name| format!(" but by {name}"));
                let trusted = "the certification authority that is configured for this directory";
                format!("it is not issued by {trusted}{by}")
            }
            Self::Expired(days) => {
                let ago = days.map_or_else(String::new, |days| format!(" {days} days ago"));
                format!("it has expired{ago}")
            }
            Self::NotValidYet => "it is not valid yet".to_owned(),
            Self::OtherPurpose(purposes) if purposes.is_empty() => {
                "it is not for server authentication".to_owned()
            }
            Self::OtherPurpose(purposes) => {
                format!("it is not for server authentication but for {}", purposes.join(", "))
            }
            Self::SignedBy(algorithm) => {
                format!("it, or the one that it was issued by, is signed with {algorithm}")
            }
            Self::CriticalExtension => {
                "it has a critical extension that is not known here".to_owned()
            }
            Self::AnAuthoritys => "it is an authority's own, and no server's".to_owned(),
            Self::UnfitKey => {
                "the controller's signature does not go with its key: mostly an RSA key of less than 2,048 bits".to_owned()
            }
            Self::OtherCertificate(problem) => problem.clone(),
            Self::NotLdap(problem) => format!("what answers there does not speak LDAP: {problem}"),
            Self::NotAController(missing) => {
                format!(
                    "it is no domain controller of an Active Directory: its rootDSE has no {missing}"
                )
            }
            Self::Busy(problem) => {
                format!("it refuses for now what every session begins with: {problem}")
            }
            Self::Refuses(problem) => {
                format!("it refuses what every session begins with: {problem}")
            }
            Self::StartTlsRefused(problem) => format!("it does not begin TLS: {problem}"),
            Self::StartTlsInjected => {
                "something in clear stood behind its answer to StartTLS".to_owned()
            }
        }
    }

    /// What an operator does about it, in one sentence.
    pub(crate) const fn fix(&self) -> &'static str {
        match self {
            Self::Closed => "Start the directory service there, or correct the port",
            Self::Silent(Step::Connecting) => {
                "Open the port in the firewalls between this machine and the controller, or start \
                 the controller"
            }
            Self::Silent(_) | Self::Broken(..) => {
                "Look at the controller's load and at what stands in the network in between"
            }
            Self::NoHandshake => {
                "Give the controller a certificate for server authentication with its private key, \
                 and TLS 1.2 or later with a cipher suite of ECDHE and AES-GCM (such as \
                 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384)"
            }
            Self::OldTls => "Enable TLS 1.2 or later on the controller",
            Self::NotTls => {
                "Use the port for LDAPS (636), or choose StartTLS for the port for LDAP (389)"
            }
            Self::Tls(_) => "Look at the TLS settings of the controller",
            Self::OtherName(_) => "Issue one that has the controller's DNS name as subjectAltName",
            Self::UnknownIssuer(_) => {
                "Put the authority that issued it into the directory's CA file (`ca`), if it is yours"
            }
            Self::Expired(_) => "Renew it, or set this machine's clock if that is wrong",
            Self::NotValidYet => "Set this machine's clock, or issue one that is valid already",
            Self::OtherPurpose(_) => "Issue one for server authentication",
            Self::SignedBy(_) => {
                "Let the authority sign with SHA-256 or better and without parameters of its own (AD CS: \
                 `certutil -setreg ca\\csp\\CNGHashAlgorithm SHA256`, `AlternateSignatureAlgorithm` 0), \
                 then issue it anew"
            }
            Self::CriticalExtension => {
                "Issue one from a template whose own extensions are not critical"
            }
            Self::AnAuthoritys => "Issue one for the controller by that authority",
            Self::UnfitKey => {
                "Issue one for an RSA key of 2,048 bits at least, or for one of a P-256 or P-384 curve"
            }
            Self::OtherCertificate(_) => {
                "Issue one for server authentication, of version 3, signed with SHA-256"
            }
            Self::NotLdap(_) => "Correct the controller's name and port",
            Self::NotAController(_) => {
                "Correct the controller's name and port: it must be a domain controller"
            }
            Self::Busy(_) => {
                "Look at the controller's load, and whether it is being started, restored or taken out of \
                 service"
            }
            Self::Refuses(_) => {
                "Look into the controller's log of the directory service: whether it takes simple binds over \
                 TLS, and whether the service account may read its rootDSE and its NTDS Settings"
            }
            Self::StartTlsRefused(_) => {
                "Give the controller a certificate for server authentication, or use LDAPS"
            }
            Self::StartTlsInjected => "Look at what stands in the network in between, or use LDAPS",
        }
    }

    /// The error that says so of a controller.
    pub(crate) fn of(self, host: &str, address: SocketAddr) -> DirectoryError {
        let controller = host.to_owned();
        let said = format!("{}. {}", self.cause(), self.fix());
        match self {
            Self::Closed | Self::Silent(Step::Connecting) => {
                unreachable(Step::Connecting, host, address, &said)
            }
            Self::Silent(step) | Self::Broken(step, _) => unreachable(step, host, address, &said),
            Self::Busy(_) => unreachable(Step::Binding, host, address, &said),
            Self::NoHandshake => unreachable(Step::Tls, host, address, &said),
            Self::OtherName(_)
            | Self::UnknownIssuer(_)
            | Self::Expired(_)
            | Self::NotValidYet
            | Self::OtherPurpose(_)
            | Self::SignedBy(_)
            | Self::CriticalExtension
            | Self::AnAuthoritys
            | Self::UnfitKey
            | Self::OtherCertificate(_) => DirectoryError::Certificate { controller, cause: said },
            Self::OldTls
            | Self::NotTls
            | Self::Tls(_)
            | Self::NotLdap(_)
            | Self::NotAController(_)
            | Self::Refuses(_)
            | Self::StartTlsRefused(_)
            | Self::StartTlsInjected => {
                DirectoryError::Unfit { controller: format!("{host} ({address})"), cause: said }
            }
        }
    }
}

/// A fault of each kind, for what can be said of it.
const KINDS: [Fault; 24] = [
    Fault::Closed,
    Fault::Silent(Step::Connecting),
    Fault::Silent(Step::Tls),
    Fault::NoHandshake,
    Fault::OldTls,
    Fault::NotTls,
    Fault::Tls(String::new()),
    Fault::OtherName(Vec::new()),
    Fault::UnknownIssuer(None),
    Fault::Expired(None),
    Fault::NotValidYet,
    Fault::OtherPurpose(Vec::new()),
    Fault::SignedBy(String::new()),
    Fault::CriticalExtension,
    Fault::AnAuthoritys,
    Fault::UnfitKey,
    Fault::OtherCertificate(String::new()),
    Fault::NotLdap(String::new()),
    Fault::NotAController(""),
    Fault::Busy(String::new()),
    Fault::Refuses(String::new()),
    Fault::StartTlsRefused(String::new()),
    Fault::StartTlsInjected,
    Fault::Broken(Step::Tls, String::new()),
];

impl DirectoryError {
    /// The text, and apart from it the sentence that says what an operator does about it, which the text
    /// ends with; none where it has no such sentence.
    pub fn and_its_fix(&self) -> (String, Option<&'static str>) {
        let text = self.to_string();
        let fix = KINDS.iter().map(Fault::fix).find(|fix| text.ends_with(fix));
        let seen = fix.and_then(|fix| text.strip_suffix(fix)).unwrap_or(&text);
        (seen.trim_end_matches(". ").to_owned(), fix)
    }
}

fn unreachable(step: Step, host: &str, address: SocketAddr, said: &str) -> DirectoryError {
    DirectoryError::PdcUnreachable { cause: format!("{step} {host} ({address}): {said}") }
}

/// A name of a certificate without the kind that is written around it.
fn bare(name: &str) -> String {
    let inside = name.split_once("(\"").and_then(|(_, rest)| rest.strip_suffix("\")"));
    inside.unwrap_or(name).chars().filter(|c| !c.is_control()).take(255).collect()
}

#[cfg(test)]
mod tests {
    use rustls::CertificateError;

    use super::*;

    #[test]
    fn names_are_shown_as_they_are() {
        assert_eq!(bare("DnsName(\"dc2.corp.example\")"), "dc2.corp.example");
        assert_eq!(bare("dc2.corp.example"), "dc2.corp.example");
        assert_eq!(bare("a\nb"), "ab");
    }

    #[test]
    fn what_is_to_be_done_can_be_told_apart_from_what_was_seen() {
        let address = SocketAddr::from(([127, 0, 0, 1], 636));
        for kind in KINDS {
            let (seen, expected) = (kind.cause(), kind.fix());
            let error = kind.of("dc1.corp.example", address);
            let (text, fix) = error.and_its_fix();
            assert_eq!(fix, Some(expected));
            assert!(text.ends_with(seen.trim_end_matches(". ")), "{text}");
            assert!(!text.contains(expected), "{text}");
        }
        let plain = DirectoryError::Lost { cause: "no answer in time".to_owned() };
        assert_eq!(plain.and_its_fix(), (plain.to_string(), None));
    }

    #[test]
    fn a_certificate_of_another_key_is_of_another_authority() {
        let error = rustls::Error::InvalidCertificate(CertificateError::BadSignature);
        let fault = Fault::of_handshake(&io::Error::other(error));
        assert_eq!(fault, Fault::UnknownIssuer(None));
    }
}
