//! What brings a visitor's requests to the service and the answers back: HTTPS to a running stack,
//! or, in a world in one process, its memory.

use std::fmt::Debug;
use std::path::Path;
use std::time::Duration;

use hyper::{Request, Response};
use reqwest::{Client, redirect};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::{self, Runtime};

use crate::StackError;

/// Brings requests to the service and answers back, one at a time.
pub trait Carrier: Debug + Send {
    /// One request and its answer.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    fn exchange(&mut self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, String>;
}

/// HTTPS, with exactly one authority.
#[derive(Debug)]
pub(super) struct OverHttps {
    runtime: Runtime,
    client: Client,
}

impl OverHttps {
    pub(super) fn new(ca_file: &Path) -> Result<Self, StackError> {
        let broken = |cause: &dyn ToString| StackError::NotUnderstood(cause.to_string());
        let client = Client::builder()
            .tls_backend_preconfigured(trusting(ca_file)?)
            .redirect(redirect::Policy::none())
            .no_proxy()
            // Our runtime stands still between requests; an idle connection would go unnoticed.
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(90))
            .build()
            .map_err(|error| broken(&error))?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        Ok(Self { runtime: runtime.map_err(|error| broken(&error))?, client })
    }
}

impl Carrier for OverHttps {
    fn exchange(&mut self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, String> {
        let answered = self.runtime.block_on(async {
            let response = self.client.execute(request.try_into()?).await?;
            let mut answer = Response::new(Vec::new());
            *answer.status_mut() = response.status();
            *answer.headers_mut() = response.headers().clone();
            *answer.body_mut() = response.bytes().await?.to_vec();
            Ok(answer)
        });
        answered.map_err(|error: reqwest::Error| causes(&error))
    }
}

/// TLS that trusts exactly one authority.
pub(crate) fn trusting(ca_file: &Path) -> Result<ClientConfig, StackError> {
    let unusable = |cause: &dyn ToString| {
        StackError::NotUnderstood(format!("{}: {}", ca_file.display(), cause.to_string()))
    };
    let certificate = CertificateDer::from_pem_file(ca_file).map_err(|error| unusable(&error))?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).map_err(|error| unusable(&error))?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
