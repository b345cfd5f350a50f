//! Heartbeats to a cloud service that answers nothing else, beside a directory that is silent, on time
//! that is the test's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use protocol::ManualClock;
use protocol::onboarding::HeartbeatResponse;
use relay::{BoxFuture, ByteStream, Status, Transport, TransportError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::*;
use crate::directories::OverLdaps;
use crate::settings::{AgentSettings, KEYS, TITLE};
use crate::steps::Unwatched;
use crate::surroundings::Surroundings;
use crate::writeback::operations_tests::World;

/// Longer than a request waits for the clocks to be measured.
const SILENT: Duration = Duration::from_secs(15);

#[derive(Clone)]
struct Cloud {
    clock: ManualClock,
    down: Arc<AtomicBool>,
    /// Of each heartbeat, whether the directories were told to be reachable.
    beats: Arc<Mutex<Vec<bool>>>,
}

impl Transport for Cloud {
    fn connect<'a>(
        &'a self,
        _: &'a str,
        _: u16,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, TransportError>> {
        Box::pin(async move {
            let (agents, own) = tokio::io::duplex(64 * 1024);
            let cloud = self.clone();
            tokio::spawn(async move { cloud.serve(own).await });
            Ok(Box::new(agents) as Box<dyn ByteStream>)
        })
    }
}

impl Cloud {
    async fn serve(&self, mut stream: DuplexStream) {
        let mut read = String::new();
        loop {
            let mut some = [0; 4096];
            let Ok(count @ 1..) = stream.read(&mut some).await else { return };
            read.push_str(std::str::from_utf8(&some[..count]).unwrap());
            let Some((head, body)) = read.split_once("\r\n\r\n") else { continue };
            let head = head.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() < length.unwrap().parse::<usize>().unwrap() {
                continue;
            }
            let beat: HeartbeatRequest = serde_json::from_str(body).unwrap();
            read.clear();
            self.told().push(beat.directory_reachable);
            let answer =
                HeartbeatResponse { now: self.clock.now(), oldest_version: 1, nodes: vec![] };
            let body = serde_json::to_string(&answer).unwrap();
            let status = if self.down.load(Ordering::SeqCst) { "503 Down" } else { "200 OK" };
            let length = body.len();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Vec<bool>> {
        self.beats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn has_heard(&self, beats: usize) {
        eventually(|| self.told().len() == beats).await;
    }
}

async fn eventually(holds: impl Fn() -> bool) {
    for _ in 0..5_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("it never came to hold");
}

/// The rest of what is due has been done by then.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

fn cloud_of(world: &World) -> (Cloud, CloudClient) {
    let (down, beats) = (Arc::default(), Arc::default());
    let cloud = Cloud { clock: world.clock.clone(), down, beats };
    let file = world.folder.0.join("agent.toml");
    std::fs::write(&file, ::settings::example(TITLE, KEYS)).unwrap();
    let settings = AgentSettings::load(&file).unwrap();
    let surroundings = Surroundings {
        clock: Arc::new(world.clock.clone()),
        randomness: Arc::new(seal::SystemRandomness::default()),
        watch: Arc::new(Unwatched),
        transport: Arc::new(cloud.clone()),
        relay: Arc::new(cloud.clone()),
        directories: Arc::new(OverLdaps),
    };
    (cloud, CloudClient::anonymous(&settings, &surroundings))
}

#[tokio::test]
async fn a_silent_directory_keeps_nobody_waiting_for_the_clocks_and_neither_does_it_hurry_a_cloud_that_is_down()
 {
    let world = World::new("health").await;
    let (cloud, client) = cloud_of(&world);
    world.population.domain.slow(SILENT);
    let writeback = &world.writeback;
    let (status, channel) = watch::channel(Status::Connecting);
    let health = Health {
        directories: writeback.directories.clone(),
        cloud: Arc::new(client),
        clock: Arc::clone(&writeback.clock),
        clock_difference: Arc::clone(&writeback.clock_difference),
        breaker: Arc::clone(&writeback.breaker),
        journal: writeback.journal.clone(),
        nodes: Arc::new(Nodes::of("https://reset.example.org".parse().unwrap()).0),
        interval: Duration::from_secs(300),
        probe: Duration::from_secs(60),
        tells_channel: false,
    };
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { health.run(channel, stop).await }
    });

    eventually(|| world.clock.until_next().is_some()).await;
    world.clock.advance(FIRST_PROBE);
    cloud.has_heard(1).await;
    // From here on no time passes: one of several channels after the other, while a probe is on its way.
    let difference = &writeback.clock_difference;
    status.send_replace(Status::Connected { since: world.clock.now() });
    cloud.has_heard(2).await;
    for beats in 3..6 {
        eventually(|| difference.is_known_to_be_small()).await;
        difference.channel_opens();
        assert!(!difference.is_known_to_be_small());
        cloud.has_heard(beats).await;
    }
    assert_eq!(*cloud.told(), [false; 5], "silent is not reachable");

    // Who asks does not make a heartbeat that fails come sooner again.
    eventually(|| difference.is_known_to_be_small()).await;
    cloud.down.store(true, Ordering::SeqCst);
    difference.channel_opens();
    cloud.has_heard(6).await;
    settle().await;
    eventually(|| world.clock.until_next() == Some(RETRY)).await;
    let waiting = tokio::spawn({
        let difference = Arc::clone(difference);
        async move { difference.is_small_within(clocks::FIRST_MEASUREMENT).await }
    });
    settle().await;
    assert_eq!(cloud.told().len(), 6);
    cloud.down.store(false, Ordering::SeqCst);
    world.clock.advance(RETRY);
    assert!(waiting.await.unwrap(), "the directory is still silent");

    // The probe comes to its end, and what it has found is told at once.
    world.population.domain.slow(Duration::ZERO);
    eventually(|| {
        world.clock.advance(Duration::from_secs(1));
        cloud.told().last() == Some(&true)
    })
    .await;
    stop.cancel();
    running.await.unwrap();
}
