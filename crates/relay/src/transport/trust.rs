//! Whom connections believe: a configured authority, else the system's.

use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

/// Why nobody can be believed. The message names the file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", path.as_deref().unwrap_or(Path::new("(the system's)")).display())]
pub struct TrustError {
    path: Option<PathBuf>,
    cause: String,
}

/// The configuration of TLS connections that believe the authorities in `ca` (PEM) and nobody else;
/// without it, those of the system.
///
/// # Errors
/// [`TrustError`], also for a file without a certificate.
pub fn trust(ca: Option<&Path>) -> Result<ClientConfig, TrustError> {
    let failed = |cause: String| TrustError { path: ca.map(Path::to_owned), cause };
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| failed(cause.to_string()))?;
    let Some(file) = ca else {
        let builder =
            builder.with_platform_verifier().map_err(|cause| failed(cause.to_string()))?;
        return Ok(builder.with_no_client_auth());
    };
    let mut roots = RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(file).map_err(|cause| failed(cause.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|cause| failed(cause.to_string()))?;
        roots.add(certificate).map_err(|cause| failed(cause.to_string()))?;
    }
    if roots.is_empty() {
        return Err(failed("there is no certificate in it".to_owned()));
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
