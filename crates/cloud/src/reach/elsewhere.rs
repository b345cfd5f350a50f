//! A relay that is somebody else's: Azure Relay, or `passback relay` on another machine.
//!
//! Who listens there shows when it is tried. Where it came out that nobody does, or that there is no
//! way there, nothing is tried for a while, longer each time, and until then agents count as away:
//! for the dispatcher, which takes another agent meanwhile or waits, and for the pages. Those believe
//! the agents themselves as well, who say with each heartbeat whether their channel is open.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use futures_util::future::BoxFuture;
use protocol::{Clock, InstanceId};
use relay::token::KeyFile;
use relay::{
    Delivered, DeliveryErrorKind, Entity, FirstByte, HttpSender, Request, SendError, SendErrorKind,
    TlsTransport, Transport,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::processes::Processes;
use super::{Asked, Reach};
use crate::app::StartError;
use crate::settings::RelayElsewhere;

/// How long nothing is tried after the first try that did not arrive; twice as long after each
/// further one in a row.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest such time. An agent that is back is reached within it.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long nothing is tried after the token was refused: it passes with somebody who corrects it
/// (relay protocol, "Limits and promises": at least 30 s after 401 or 403).
const PAUSE_REFUSED: Duration = Duration::from_secs(30);
/// How long an answer is no news after one that showed that an agent was back.
const BACK_AGAIN: Duration = Duration::from_secs(60);

/// The way there, and where nobody is known to listen.
pub(crate) struct Elsewhere {
    sender: HttpSender,
    clock: Arc<dyn Clock>,
    away: Mutex<HashMap<Entity, Away>>,
    /// Those who said that they have no channel.
    without_channel: Mutex<HashSet<Entity>>,
    /// Who was found to be there, or said so, after nothing was known of them or they were away: as the
    /// how-manieth of all.
    heard: watch::Sender<Heard>,
    /// When an answer last showed that somebody was back, by `Clock::running`.
    back: Mutex<HashMap<Entity, Duration>>,
    /// The processes of each agent, as far as they have been heard.
    processes: Mutex<HashMap<Entity, Processes>>,
    /// What ends whatever is under way to an agent, of those that were ever asked something.
    cuts: Mutex<HashMap<Entity, CancellationToken>>,
}

/// Agents that have come.
#[derive(Default)]
struct Heard {
    count: u64,
    last: HashMap<Entity, u64>,
}

/// That a try did not arrive.
#[derive(Debug, Clone, Copy)]
struct Away {
    /// Nothing is tried before, by `Clock::running`.
    until: Duration,
    /// How long that is.
    pause: Duration,
    /// The relay did not take our own token, or we have none: no agent's word is about that.
    refused: bool,
}

/// Whether the files that `[relay]` names can be used.
pub(crate) fn check(settings: &RelayElsewhere) -> Result<(), StartError> {
    sender_key(settings)?;
    transport(settings).map(drop)
}

fn sender_key(settings: &RelayElsewhere) -> Result<KeyFile, StartError> {
    let wrong = |error| StartError::new(format!("cannot use `relay.send_key_file`: {error}"));
    settings.send_key.check().map_err(wrong)?;
    Ok(settings.send_key.clone())
}

fn transport(settings: &RelayElsewhere) -> Result<TlsTransport, StartError> {
    let wrong = |error| StartError::new(format!("cannot trust `relay.ca` {error}"));
    Ok(TlsTransport::new(&relay::trust(settings.ca.as_deref()).map_err(wrong)?))
}

impl Elsewhere {
    /// The relay of these settings, by the way that was `given`, or over TLS. Connects to nothing yet.
    pub(crate) fn new(
        settings: &RelayElsewhere,
        given: Option<Arc<dyn Transport>>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let transport = match given {
            Some(given) => given,
            None => Arc::new(transport(settings)?),
        };
        let sender = HttpSender {
            address: settings.address.clone(),
            key: sender_key(settings)?,
            transport,
            clock: Arc::clone(clock),
            connect: settings.connect,
        };
        Ok(Self::of(sender))
    }

    fn of(sender: HttpSender) -> Self {
        let clock = Arc::clone(&sender.clock);
        Self {
            sender,
            clock,
            away: Mutex::default(),
            without_channel: Mutex::default(),
            heard: watch::Sender::default(),
            back: Mutex::default(),
            processes: Mutex::default(),
            cuts: Mutex::default(),
        }
    }

    /// For how long nothing is tried yet.
    fn left(&self, entity: &Entity) -> Duration {
        let until = self.all(|all| all.get(entity).map(|away| away.until));
        until.map_or(Duration::ZERO, |until| until.saturating_sub(self.clock.running()))
    }

    /// Tells whoever waits for it that an agent is there again.
    fn comes(&self, entity: &Entity) {
        self.heard.send_modify(|heard| {
            heard.count += 1;
            heard.last.insert(entity.clone(), heard.count);
        });
    }

    /// Whether an answer that shows that an agent is back is told: now and then only, because whoever is
    /// told asks at once, and the relay can answer by turns that nobody is there and that somebody is.
    fn is_news(&self, entity: &Entity) -> bool {
        let now = self.clock.running();
        let mut back = self.back.lock().unwrap_or_else(PoisonError::into_inner);
        let told = back.get(entity).is_some_and(|last| now.saturating_sub(*last) < BACK_AGAIN);
        if !told {
            back.insert(entity.clone(), now);
        }
        !told
    }

    /// Learns from how a try ended.
    fn learn(&self, entity: &Entity, error: Option<&SendError>) {
        let Some(error) = error.filter(|error| error.delivered == Delivered::No) else {
            // Somebody listened there, or may have.
            let was_away = self.all(|all| all.remove(entity).is_some());
            if was_away && error.is_none() && self.is_news(entity) {
                // Others who wait for this agent need not wait for its next heartbeat.
                self.comes(entity);
            }
            return;
        };
        let refused = matches!(error.kind, SendErrorKind::Refused(_) | SendErrorKind::Key(_));
        let now = self.clock.running();
        self.all(|all| {
            let pause = match all.get(entity) {
                _ if refused => PAUSE_REFUSED,
                // One of several that were tried at the same time.
                Some(away) if now < away.until => away.pause.min(PAUSE_MAX),
                Some(away) => (away.pause * 2).min(PAUSE_MAX),
                None => PAUSE,
            };
            all.insert(entity.clone(), Away { until: now.saturating_add(pause), pause, refused });
        });
    }

    /// Tells the operator what only the operator can put right.
    fn tell(&self, entity: &Entity, error: &SendError) {
        let (key, relay) = (&self.sender.key, self.sender.address.host());
        match &error.kind {
            SendErrorKind::Refused(_) | SendErrorKind::Key(_) => tracing::error!(
                event = "relay.send_refused",
                relay,
                %entity,
                rule = key.rule(),
                key_file = %key.path().display(),
                cause = %error.kind,
                "no password can be written back: compare `relay.send_rule`, the key in `relay.send_key_file` and the right Send with the relay's, and the clocks; a corrected key is used with the next try, within 30 s"
            ),
            SendErrorKind::NoEndpoint => tracing::error!(
                event = "relay.no_entity",
                relay,
                %entity,
                "this agent cannot be reached: make its entity at the relay (docs/relay.md)"
            ),
            SendErrorKind::Delivery(DeliveryErrorKind::NoListener) => tracing::warn!(
                event = "relay.nobody_listens",
                relay,
                %entity,
                "the agent is away, or the relay has no such entity"
            ),
            SendErrorKind::Unreachable(_) | SendErrorKind::Late => {
                tracing::error!(event = "relay.unreachable", relay, %entity, cause = %error.kind);
            }
            _ => {}
        }
    }

    fn cut_of(&self, entity: &Entity) -> CancellationToken {
        let mut cuts = self.cuts.lock().unwrap_or_else(PoisonError::into_inner);
        cuts.entry(entity.clone()).or_default().clone()
    }

    fn all<T>(&self, look: impl FnOnce(&mut HashMap<Entity, Away>) -> T) -> T {
        look(&mut self.away.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What becomes of a request to an agent that is cut off.
fn lost(first_byte: &FirstByte) -> SendError {
    let delivered = if first_byte.may_have_left() { Delivered::Unknown } else { Delivered::No };
    let kind = SendErrorKind::Delivery(DeliveryErrorKind::ListenerLost);
    SendError { kind, delivered, hearsay: false }
}

impl Reach for Elsewhere {
    fn may_listen(&self, entity: &Entity) -> bool {
        self.left(entity).is_zero()
    }

    fn is_up(&self, entity: &Entity) -> bool {
        let silent = self.without_channel.lock().unwrap_or_else(PoisonError::into_inner);
        !silent.contains(entity) && self.may_listen(entity)
    }

    fn has_failed(&self, entity: &Entity) -> bool {
        self.all(|all| all.contains_key(entity))
    }

    fn told(&self, entity: &Entity, listening: Option<bool>) {
        let mut silent = self.without_channel.lock().unwrap_or_else(PoisonError::into_inner);
        if listening == Some(false) {
            silent.insert(entity.clone());
            return;
        }
        let was_silent = silent.remove(entity);
        let was_away = listening == Some(true)
            && self.all(|all| all.extract_if(|of, away| of == entity && !away.refused).count() > 0);
        // That somebody goes on listening is no news.
        let is_known = self.heard.borrow().last.contains_key(entity);
        if was_silent || was_away || !is_known {
            self.comes(entity);
        }
    }

    fn heard(&self, entity: &Entity, instance: InstanceId) {
        let mut processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        processes.entry(entity.clone()).or_default().hear(instance, self.clock.running());
    }

    fn wait_for_listener<'a>(&'a self, entity: &'a Entity) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let mut heard = self.heard.subscribe();
            loop {
                let left = self.left(entity);
                if left.is_zero() {
                    return;
                }
                // Whoever says meanwhile that the channel is open need not be waited for.
                tokio::select! {
                    () = self.clock.sleep(left) => {}
                    _ = heard.changed() => {}
                }
            }
        })
    }

    fn newest(&self) -> u64 {
        self.heard.borrow().count
    }

    /// With the agent's next heartbeat; it sends one as soon as its channel is open.
    fn wait_for_newer<'a>(&'a self, entity: &'a Entity, than: u64) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let mut heard = self.heard.subscribe();
            let newer = |heard: &Heard| heard.last.get(entity).is_some_and(|last| *last > than);
            if heard.wait_for(newer).await.is_err() {
                // It lives as long as this does; without it nobody is heard any more.
                std::future::pending::<()>().await;
            }
        })
    }

    fn ask<'a>(
        &'a self,
        entity: &'a Entity,
        request: Request,
        limit: Duration,
    ) -> Result<Asked<'a>, SendError> {
        let (first_byte, cut) = (FirstByte::default(), self.cut_of(entity));
        let leaves = first_byte.clone();
        let answer = Box::pin(async move {
            let sent = self.sender.send(entity, request, limit, &leaves);
            let Some(answer) = cut.run_until_cancelled(sent).await else {
                return Err(lost(&leaves));
            };
            let error = answer.as_ref().err();
            self.learn(entity, error);
            error.into_iter().for_each(|error| self.tell(entity, error));
            answer
        });
        Ok(Asked { first_byte, answer })
    }

    /// By their heartbeats: who listens is not said there.
    fn instances(&self, entity: &Entity) -> Vec<InstanceId> {
        let processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        processes.get(entity).map_or(Vec::new(), |known| known.living(self.clock.running()))
    }

    /// Nobody is sent anything any more; whoever has a key may go on listening to nothing.
    fn disconnect(&self, _: &Entity) {}

    /// Its channel stands, but whatever it says from now on is heard by nobody: what is under way to it
    /// ends as if it had been cut. Whether it was ever asked something.
    fn revoke(&self, entity: &Entity) -> bool {
        let cut = self.cuts.lock().unwrap_or_else(PoisonError::into_inner).remove(entity);
        cut.inspect(CancellationToken::cancel).is_some()
    }

    /// Nothing: no agent listens here.
    fn router(&self) -> Router {
        Router::new()
    }

    fn drain(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

#[cfg(test)]
#[path = "elsewhere_tests.rs"]
mod tests;
