//! The heartbeat (SPEC A-4) with the probe of the LDAP path, the breaker and the measurement of the
//! clocks (W-11). One every five minutes; a change is told at once, and so is a new channel.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::OptionFuture;
use protocol::onboarding::HeartbeatRequest;
use protocol::{Clock, Timestamp, timeout, version};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clocks::{self, ClockDifference, Measuring};
use crate::cloud::{CloudClient, CloudError};
use crate::directories::Directories;
use crate::guard::breaker::Breaker;
use crate::journal::Journal;
use crate::nodes::Nodes;

/// After a heartbeat that did not arrive, the next one is tried this much later.
const RETRY: Duration = Duration::from_secs(5);
/// How long the first heartbeat waits for the directories at most. Requests wait for it
/// ([`clocks::FIRST_MEASUREMENT`]).
const FIRST_PROBE: Duration = Duration::from_secs(5);

/// What a heartbeat tells of the agent, and what is told at once where it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Vitals {
    directory_reachable: bool,
    /// None: it cannot be read.
    breaker_open: Option<bool>,
}

/// What ended a wait.
enum Woken {
    /// A probe has ended.
    Probed(Vitals),
    /// Somebody waits for the clocks to be measured.
    Asked,
    /// It is time, or the channel has changed.
    InTime,
}

/// The next heartbeat.
struct Next {
    /// When it is due, by [`Clock::running`].
    at: Duration,
    /// The last one did not arrive.
    again: bool,
}

/// Sends heartbeats.
pub(crate) struct Health {
    /// What is probed.
    pub(crate) directories: Directories,
    /// Where heartbeats go.
    pub(crate) cloud: Arc<CloudClient>,
    /// What time it is here.
    pub(crate) clock: Arc<dyn Clock>,
    /// Where the measured difference is kept.
    pub(crate) clock_difference: Arc<ClockDifference>,
    /// Whether it is open is told.
    pub(crate) breaker: Arc<Breaker>,
    /// Where the breaker stands written.
    pub(crate) journal: Journal,
    /// Where the cloud's nodes are told.
    pub(crate) nodes: Arc<Nodes>,
    /// One heartbeat every so often.
    pub(crate) interval: Duration,
    /// One probe every so often.
    pub(crate) probe: Duration,
    /// Whether it listens at a relay that the cloud service cannot ask: then it is told how the
    /// channel stands, and at once when it is lost.
    pub(crate) tells_channel: bool,
}

impl Health {
    /// Runs until `stop`. `channel` changes whenever the relay channel does.
    ///
    /// A heartbeat that is waited for, because requests come over a new channel, tells what was seen
    /// last: a directory that is silent keeps those of the others waiting no longer than it must.
    pub(crate) async fn run(
        &self,
        mut channel: watch::Receiver<relay::Status>,
        stop: CancellationToken,
    ) {
        let mut told = self.first_vitals().await;
        // Moments, by [`Clock::running`]: a channel that comes and goes puts neither of them off.
        let mut probe_at = self.in_time(self.probe);
        let mut next = self.beat(told, false).await;
        let mut connected = false;
        let mut probing = None;
        loop {
            let is_probing = probing.is_some();
            let wake_at = if is_probing { next.at } else { probe_at.min(next.at) };
            let left = wake_at.saturating_sub(self.clock.running());
            let probed: OptionFuture<_> = probing.as_mut().into();
            let woken = tokio::select! {
                () = stop.cancelled() => return,
                Some(seen) = probed => Woken::Probed(seen),
                () = self.clock.sleep(left), if !is_probing || next.again => Woken::InTime,
                changed = channel.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    Woken::InTime
                }
                // One of several channels has opened, or one came and went while something else was
                // done, and left a request here.
                () = self.clock_difference.is_asked_for() => Woken::Asked,
            };
            let is_connected = matches!(*channel.borrow(), relay::Status::Connected { .. });
            let opened = is_connected && !connected;
            let lost = connected && !is_connected;
            if lost {
                self.clock_difference.grow_old();
            }
            connected = is_connected;
            let is_due = self.clock.running() >= next.at;
            let at_once = opened
                || lost && self.tells_channel
                || matches!(woken, Woken::Asked) && !next.again
                || is_due && next.again;
            if let Woken::Probed(seen) = woken {
                probing = None;
                probe_at = self.in_time(self.probe);
                if seen != told || is_due || at_once {
                    told = seen;
                    next = self.beat(told, connected).await;
                }
                continue;
            }
            if at_once {
                next = self.beat(told, connected).await;
            }
            probing.get_or_insert_with(|| Box::pin(self.vitals()));
        }
    }

    /// What the first heartbeat tells: a directory that is silent for so long cannot be reached, until
    /// the next probe finds that it can.
    async fn first_vitals(&self) -> Vitals {
        match timeout(&*self.clock, FIRST_PROBE, self.vitals()).await {
            Ok(vitals) => vitals,
            Err(_) => {
                Vitals { directory_reachable: false, breaker_open: self.breaker_open().await }
            }
        }
    }

    /// The moment that is so far ahead.
    fn in_time(&self, ahead: Duration) -> Duration {
        self.clock.running().saturating_add(ahead)
    }

    /// One heartbeat; when the next is due.
    async fn beat(&self, vitals: Vitals, connected: bool) -> Next {
        let Vitals { directory_reachable, breaker_open } = vitals;
        let measuring = self.clock_difference.measures();
        let (before, began) = (self.clock.now(), self.clock.running());
        let request = HeartbeatRequest {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now: before,
            directory_reachable,
            breaker_open,
            listening: self.tells_channel.then_some(connected),
        };
        match self.cloud.heartbeat(&request).await {
            Ok(answer) => {
                self.measured(measuring, (before, began), answer.now);
                if answer.oldest_version > version::CURRENT {
                    tracing::error!(
                        event = "heartbeat.too_old",
                        "the cloud service no longer accepts this version; update the agent"
                    );
                }
                self.nodes.told(answer.nodes);
                tracing::info!(event = "heartbeat.sent", directory_reachable, breaker_open);
                Next { at: self.in_time(self.interval), again: false }
            }
            Err(error) => {
                tracing::error!(event = "heartbeat.failed", cause = %error);
                if let CloudError::Refused { now: Some(there), .. } = error {
                    // Too far apart for the token, so that nothing is recorded there either.
                    self.measured(measuring, (before, began), there);
                }
                Next { at: self.in_time(RETRY.min(self.interval)), again: true }
            }
        }
    }

    /// Takes down how far the clocks differ, by what the cloud's said after `before`, when this one had run
    /// for so long.
    fn measured(
        &self,
        measuring: Measuring,
        (before, began): (Timestamp, Duration),
        there: Timestamp,
    ) {
        // The cloud read its clock somewhere between the two.
        let here = clocks::midway(before, self.clock.now());
        let difference = here.as_millis() - there.as_millis();
        let uncertain = self.clock.running().saturating_sub(began) / 2;
        self.clock_difference.measured_since(measuring, (difference, uncertain));
        if !clocks::is_small(difference) {
            tracing::error!(
                event = "heartbeat.clock_difference",
                difference_ms = difference,
                "passwords are not set until one of the clocks is corrected"
            );
        }
    }

    async fn vitals(&self) -> Vitals {
        let directory_reachable = self.directory_reachable().await;
        Vitals { directory_reachable, breaker_open: self.breaker_open().await }
    }

    async fn breaker_open(&self) -> Option<bool> {
        let open = self.breaker.is_open(&self.journal).await;
        open.inspect_err(|error| {
            tracing::error!(event = "health.breaker_unknown", cause = %error);
        })
        .ok()
    }

    /// Whether every directory's PDC emulator can be reached and bound to.
    pub(crate) async fn directory_reachable(&self) -> bool {
        let mut all = true;
        for connected in self.directories.all() {
            match connected.directory.probe().await {
                Ok(probe) => self.directories.heard(connected, probe.bound_as.as_ref()),
                Err(error) => {
                    let name = connected.settings.name.as_str();
                    tracing::warn!(event = "health.directory_unreachable", name, cause = %error);
                    all = false;
                }
            }
        }
        all
    }
}

#[cfg(test)]
mod tests;
