//! Who asks: over HTTPS through the relay, and over NATS.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use clock::SystemClock;
use protocol::Clock as _;
use tokio::task::JoinSet;

use super::parts::SUBJECT;
use super::servers::{HOST, entity, token};
use crate::StackError;
use crate::bench::in_process::unusable;
use crate::visitor::trusting;

/// As long as a package for an agent, about.
const BODY: [u8; 900] = [7; 900];
/// What an answer may take.
const LIMIT: Duration = Duration::from_secs(10);

/// One of the two that are compared.
#[derive(Clone)]
pub(super) enum Asker {
    /// Through the relay; each caller at a time has a kept connection.
    Ours { client: reqwest::Client, address: String, token: String },
    /// Through the NATS server; all callers share one connection, as its clients do.
    Nats(async_nats::Client),
}

/// A client of the NATS server at that port.
pub(super) async fn nats_client(port: u16, ca: &Path) -> Result<async_nats::Client, StackError> {
    let options = async_nats::ConnectOptions::new()
        .require_tls(true)
        .tls_client_config(trusting(ca)?)
        .request_timeout(Some(LIMIT));
    let client = options.connect(format!("tls://{HOST}:{port}")).await;
    client.map_err(|error| unusable(&error))
}

impl Asker {
    /// A sender to that agent.
    pub(super) fn ours(port: u16, agent: usize, ca: &Path) -> Result<Self, StackError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(trusting(ca)?)
            .tcp_nodelay(true)
            .no_proxy()
            .timeout(LIMIT)
            .build()
            .map_err(|error| unusable(&error))?;
        let address = format!("https://{HOST}:{port}/{}/echo", entity(agent));
        Ok(Self::Ours { client, address, token: token(false).0 })
    }

    /// Asks once; how long it took.
    pub(super) async fn ask(&self) -> Result<Duration, StackError> {
        let began = SystemClock.running();
        let answer = match self {
            Self::Ours { client, address, token } => {
                let asked = client.post(address).header("ServiceBusAuthorization", token);
                let answer = asked.body(BODY.as_slice()).send().await;
                let answer = answer.and_then(reqwest::Response::error_for_status);
                let answer = answer.map_err(|error| refused(&error))?;
                answer.bytes().await.map_err(|error| refused(&error))?
            }
            Self::Nats(client) => {
                let asked = client.request(SUBJECT, Bytes::from_static(&BODY)).await;
                asked.map_err(|error| refused(&error))?.payload
            }
        };
        let took = SystemClock.running() - began;
        if *answer == BODY { Ok(took) } else { Err(refused(&"not what was sent")) }
    }

    /// So many callers at once, each asking so often; how many are answered per second.
    pub(super) async fn rate(&self, callers: usize, each: u32) -> Result<f64, StackError> {
        let began = SystemClock.running();
        let mut all = JoinSet::new();
        for _ in 0..callers {
            let asker = self.clone();
            all.spawn(async move {
                for _ in 0..each {
                    asker.ask().await?;
                }
                Ok::<_, StackError>(())
            });
        }
        while let Some(done) = all.join_next().await {
            done.map_err(|error| refused(&error))??;
        }
        let took = SystemClock.running() - began;
        Ok(super::figures::count(callers) * f64::from(each) / took.as_secs_f64())
    }
}

/// Both, in an order that `nats_first` says: what NATS gave and what ours did.
pub(super) async fn both<T, F: Future<Output = Result<T, StackError>>>(
    nats_first: bool,
    nats: F,
    ours: impl Future<Output = Result<T, StackError>>,
) -> Result<(T, T), StackError> {
    if nats_first {
        let first = nats.await?;
        Ok((first, ours.await?))
    } else {
        let first = ours.await?;
        Ok((nats.await?, first))
    }
}

fn refused(cause: &dyn std::fmt::Display) -> StackError {
    StackError::NotUnderstood(format!("an answer failed: {cause}"))
}
