//! What the agent does beside listening, again and again until told to stop: keeps its health
//! known, synchronises, forgets what is old in the journal.

use std::sync::Arc;
use std::time::Duration;

use protocol::Clock;
use relay::Status;
use sync::SyncState;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clocks::{ClockDifference, FIRST_MEASUREMENT};
use crate::cloud::CloudClient;
use crate::cycle::Cycle;
use crate::directories::Directories;
use crate::guard::breaker::Breaker;
use crate::guard::groups;
use crate::health::Health;
use crate::journal::Journal;
use crate::nodes::Nodes;
use crate::settings::AgentSettings;

/// How often old journal entries are forgotten.
const PRUNE: Duration = Duration::from_secs(60 * 60);

/// The duties, with what they need.
pub(crate) struct Duties {
    /// How often each is done, and how long entries of the journal are kept.
    pub(crate) settings: AgentSettings,
    /// What the cycles synchronise by way of.
    pub(crate) sync: SyncState,
    /// Read by the cycles, and tried by the probe.
    pub(crate) directories: Directories,
    /// Where heartbeats and exports go.
    pub(crate) cloud: Arc<CloudClient>,
    /// What old entries are forgotten of.
    pub(crate) journal: Journal,
    /// Told of by the heartbeat.
    pub(crate) breaker: Arc<Breaker>,
    /// The time, to wait by as well.
    pub(crate) clock: Arc<dyn Clock>,
    /// Measured by the heartbeat; nothing is forgotten by a clock that is wrong.
    pub(crate) clock_difference: Arc<ClockDifference>,
    /// Told by the heartbeat.
    pub(crate) nodes: Arc<Nodes>,
    /// Ends all of them.
    pub(crate) stop: CancellationToken,
}

impl Duties {
    /// Starts them as `tasks`; `channel` is how the relay's channel stands, for the heartbeat.
    pub(crate) fn start(self, tasks: &TaskTracker, channel: watch::Receiver<Status>) {
        let health = Health {
            directories: self.directories.clone(),
            cloud: Arc::clone(&self.cloud),
            clock: Arc::clone(&self.clock),
            clock_difference: Arc::clone(&self.clock_difference),
            breaker: Arc::clone(&self.breaker),
            journal: self.journal.clone(),
            nodes: Arc::clone(&self.nodes),
            interval: self.settings.heartbeat_interval,
            probe: self.settings.probe_interval,
            tells_channel: self.settings.relay.is_some(),
        };
        let stop = self.stop.clone();
        tasks.spawn(async move { health.run(channel, stop).await });
        let (directories, clock) = (self.directories.clone(), Arc::clone(&self.clock));
        let stop = self.stop.clone();
        tasks.spawn(async move { groups::tell(directories, &*clock, &stop).await });
        let duties = Arc::new(self);
        let synchronising = Arc::clone(&duties);
        tasks.spawn(async move { synchronising.synchronise().await });
        tasks.spawn(async move { duties.prune().await });
    }

    async fn synchronise(&self) {
        let cycle = Cycle {
            sync: &self.sync,
            directories: &self.directories,
            cloud: &self.cloud,
            clock: self.clock.as_ref(),
            page: self.settings.sync_page,
        };
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                done = cycle.run() => if let Err(error) = done {
                    tracing::error!(event = "sync.cycle_failed", cause = %error);
                },
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.clock.sleep(self.settings.sync_interval) => {}
            }
        }
    }

    async fn prune(&self) {
        let (journal, clock) = (&self.journal, &self.clock);
        loop {
            // By a clock that runs ahead, what is fresh would be forgotten.
            let clock_is_right = tokio::select! {
                () = self.stop.cancelled() => return,
                small = self.clock_difference.is_small_within(FIRST_MEASUREMENT) => small,
            };
            if clock_is_right {
                let (entries, trail) =
                    (self.settings.journal_retention, self.settings.audit_retention);
                if let Err(error) = journal.prune(entries, clock.now()).await {
                    tracing::error!(event = "journal.prune_failed", cause = %error);
                }
                if let Err(error) = journal.forget_trail(trail, clock.now()).await {
                    tracing::error!(event = "audit.prune_failed", cause = %error);
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = clock.sleep(PRUNE) => {}
            }
        }
    }
}
