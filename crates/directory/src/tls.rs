//! TLS to a controller: verified against the configured authorities, always (SPEC D-1).

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::DirectoryError;
use crate::certificate::Verifier;
use crate::diagnose::{Fault, Step};

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
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
        .build()
        .map_err(|error| configuration(error.to_string()))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| configuration(error.to_string()))?
        // Verifies as webpki does, which is what is behind it, and says who issued what it refuses.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier(verifier)))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Starts TLS; the certificate must be for `controller`, the name that DNS gave.
pub(crate) async fn start(
    config: Arc<ClientConfig>,
    controller: &str,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, Fault> {
    let name = ServerName::try_from(controller.to_owned())
        .map_err(|_| Fault::Broken(Step::Tls, format!("{controller} is no DNS name")))?;
    let connected = TlsConnector::from(config).connect(name, stream).await;
    connected.map_err(|error| Fault::of_handshake(&error))
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
}
