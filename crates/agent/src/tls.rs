//! Whom the agent trusts: the configured CA, else the system's.

use std::path::Path;
use std::sync::Arc;

use relay::TrustError;
use rustls::ClientConfig;

/// Why no connection can be made. The message names the key of the configuration and the file.
#[derive(Debug, thiserror::Error)]
#[error("cannot trust `{key}` {cause}")]
pub struct TlsError {
    key: &'static str,
    cause: TrustError,
}

/// The configuration of TLS connections that trust what `key` of the configuration names: `ca`, or
/// the system's authorities.
pub(crate) fn config(key: &'static str, ca: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    relay::trust(ca).map(Arc::new).map_err(|cause| TlsError { key, cause })
}
