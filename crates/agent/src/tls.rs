//! Whom the agent trusts as the cloud service: the configured CA, else the system's.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

/// Why no connection to the cloud service can be made. The message names the file.
#[derive(Debug, thiserror::Error)]
#[error("cannot trust `cloud.ca` {path}: {cause}")]
pub struct TlsError {
    path: String,
    cause: String,
}

/// The configuration of TLS connections to the cloud service and its relay.
pub(crate) fn config(ca: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let path = ca.map_or("(the system's)".to_owned(), |path| path.display().to_string());
    let error = |cause: String| TlsError { path: path.clone(), cause };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| error(cause.to_string()))?;
    let config = match ca {
        None => builder
            .with_platform_verifier()
            .map_err(|cause| error(cause.to_string()))?
            .with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            let certificates =
                CertificateDer::pem_file_iter(file).map_err(|cause| error(cause.to_string()))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|cause| error(cause.to_string()))?;
                roots.add(certificate).map_err(|cause| error(cause.to_string()))?;
            }
            if roots.is_empty() {
                return Err(error("there is no certificate in it".to_owned()));
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        }
    };
    Ok(Arc::new(config))
}
