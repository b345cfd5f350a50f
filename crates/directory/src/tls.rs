//! TLS to a controller: verified against the configured authorities, always (SPEC D-1).

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::DirectoryError;

/// Makes the configuration for one directory: its own authorities and no others.
pub(crate) fn client_config(ca_pem: &[u8]) -> Result<Arc<ClientConfig>, DirectoryError> {
    let configuration = |problem: String| {
        DirectoryError::Configuration(format!("certification authority: {problem}"))
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem) {
        let certificate = certificate.map_err(|error| configuration(error.to_string()))?;
        roots.add(certificate).map_err(|error| configuration(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(configuration("no certificate in the file".to_owned()));
    }
    // The provider is an argument: nothing here depends on what the process installed first.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| configuration(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Starts TLS; the certificate must be for `controller`, the name that DNS gave.
pub(crate) async fn start(
    config: Arc<ClientConfig>,
    controller: &str,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, DirectoryError> {
    let name = ServerName::try_from(controller.to_owned()).map_err(|_| {
        DirectoryError::PdcUnreachable { cause: format!("{controller} is no DNS name") }
    })?;
    TlsConnector::from(config)
        .connect(name, stream)
        .await
        .map_err(|error| diagnose(controller, &error))
}

/// Tells a certificate that is refused, which somebody must repair, from a connection that broke.
fn diagnose(controller: &str, error: &std::io::Error) -> DirectoryError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(problem)) = inner else {
        let cause = format!("TLS with {controller}: {error}");
        return DirectoryError::PdcUnreachable { cause };
    };
    let cause = match problem {
        // The second one: an authority of the same name, with another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "it is not issued by the certification authority that is configured for this directory"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; is this machine's clock right?".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name; it must name the controller's DNS name as subjectAltName"
                .to_owned()
        }
        other => other.to_string(),
    };
    DirectoryError::Certificate { controller: controller.to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_no_authority() {
        for pem in
            [&b""[..], b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
        {
            assert!(matches!(client_config(pem), Err(DirectoryError::Configuration(_))));
        }
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_said_in_words() {
        let wrap = |problem| {
            let error = rustls::Error::InvalidCertificate(problem);
            diagnose("dc1.corp.example", &std::io::Error::other(error)).to_string()
        };
        for problem in [CertificateError::UnknownIssuer, CertificateError::BadSignature] {
            assert!(wrap(problem).contains("configured for this directory"));
        }
        assert!(wrap(CertificateError::NotValidForName).contains("subjectAltName"));
        assert!(wrap(CertificateError::NotValidYet).contains("clock"));
        let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert!(matches!(
            diagnose("dc1.corp.example", &broken),
            DirectoryError::PdcUnreachable { .. }
        ));
    }
}
