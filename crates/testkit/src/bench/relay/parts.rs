//! What runs in processes of its own: who answers, idle channels, and the agents of a storm. Each says
//! on standard output what it has seen, and lives until it is killed.

use std::io::Write as _;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use clock::SystemClock;
use futures_util::StreamExt as _;
use protocol::{Clock as _, Timestamp};
use relay::{
    BoxFuture, Entity, Handler, ListenerConfig, Request, Response, Status, TlsTransport,
    TokenSource, Transport,
};
use seal::SystemRandomness;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::asking::nats_client;
use super::servers::{HOST, entity, token};
use crate::StackError;
use crate::bench::in_process::unusable;
use crate::visitor::trusting;

/// How many handshakes are under way at a time.
const AT_ONCE: usize = 64;
/// What the NATS side answers to.
pub(super) const SUBJECT: &str = "bench.echo";

struct Echo;

impl Handler for Echo {
    fn handle(&self, request: Request) -> BoxFuture<'_, Response> {
        Box::pin(async move { Response { body: request.body, ..Response::empty(200) } })
    }
}

struct Tokens;

impl TokenSource for Tokens {
    fn token(&self) -> Result<(String, Timestamp), String> {
        Ok(token(true))
    }
}

/// Becomes a part: `listen RELAY-PORT COUNT CA`, `beside RELAY-PORT AGENT CA` with that agent only, or
/// `answer NATS-PORT 1 CA`.
///
/// # Errors
/// [`StackError::NotUnderstood`] if it cannot start.
pub(in crate::bench) fn run(arguments: &[String]) -> Result<(), StackError> {
    let [part, port, count, ca] = arguments else {
        return Err(StackError::NotUnderstood("a part has four arguments".to_owned()));
    };
    let port: u16 = port.parse().map_err(|error| unusable(&error))?;
    let count: usize = count.parse().map_err(|error| unusable(&error))?;
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| unusable(&error))?;
    runtime.block_on(async {
        match part.as_str() {
            "answer" => answer(port, Path::new(ca)).await,
            "beside" => listen(port, count..count + 1, Path::new(ca)).await,
            _ => listen(port, 0..count, Path::new(ca)).await,
        }
    })
}

async fn answer(port: u16, ca: &Path) -> Result<(), StackError> {
    let client = nats_client(port, ca).await?;
    let subscribed = client.subscribe(SUBJECT).await;
    let mut asked = subscribed.map_err(|error| unusable(&error))?;
    client.flush().await.map_err(|error| unusable(&error))?;
    say("all 0");
    while let Some(message) = asked.next().await {
        if let Some(reply) = message.reply {
            client.publish(reply, message.payload).await.map_err(|error| unusable(&error))?;
        }
    }
    Ok(())
}

/// These agents' listeners; says when all are there, in milliseconds since the first, and whenever one
/// is back.
async fn listen(port: u16, agents: Range<usize>, ca: &Path) -> Result<(), StackError> {
    let url: reqwest::Url =
        format!("wss://{HOST}:{port}/").parse().map_err(|error| unusable(&error))?;
    let transport: Arc<dyn Transport> = Arc::new(TlsTransport::new(&trusting(ca)?));
    let began = SystemClock.running();
    let started = futures_util::stream::iter(agents).map(|agent| {
        let (url, transport) = (url.clone(), Arc::clone(&transport));
        async move {
            let entity = Entity::parse(&entity(agent)).map_err(|error| unusable(&error))?;
            let (status, mut seen) = watch::channel(Status::Connecting);
            tokio::spawn(relay::listen(
                ListenerConfig::new(url, entity, transport),
                Arc::new(Tokens),
                Arc::new(Echo),
                Arc::new(SystemClock),
                Arc::new(SystemRandomness::default()),
                status,
                CancellationToken::new(),
            ));
            let there = seen.wait_for(connected).await.is_ok();
            tokio::spawn(tell(agent, seen));
            if there { Ok(()) } else { Err(unusable(&"a listener ended")) }
        }
    });
    let mut started = started.buffer_unordered(AT_ONCE);
    while let Some(one) = started.next().await {
        one?;
    }
    say(&format!("all {}", (SystemClock.running() - began).as_millis()));
    std::future::pending().await
}

async fn tell(agent: usize, mut seen: watch::Receiver<Status>) {
    seen.mark_unchanged();
    while seen.changed().await.is_ok() {
        if connected(&seen.borrow_and_update()) {
            say(&format!("back {agent} {}", SystemClock.now().as_millis()));
        }
    }
}

const fn connected(status: &Status) -> bool {
    matches!(status, Status::Connected { .. })
}

fn say(line: &str) {
    // One write, so that lines of several threads do not mix.
    let _ = std::io::stdout().lock().write_all(format!("{line}\n").as_bytes());
}
