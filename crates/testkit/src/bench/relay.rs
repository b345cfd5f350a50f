//! The bench `relay`: `passback relay` beside NATS request-reply, TLS on both sides of both; what an
//! idle agent's channel takes; how agents come back when the relay was away; and what a quiet tenant
//! notices of one that floods its agent.
//!
//! ```text
//! theirs  Debian's nats-server; one subscriber answers, callers share one connection
//! ours    the process `passback relay`; one listener answers, callers POST on kept connections
//! ```
//!
//! Who answers is a process of its own, who asks is this one.

mod asking;
mod figures;
mod neighbour;
mod parts;
mod servers;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use clock::SystemClock;
use protocol::Clock as _;
use tokio::runtime::Runtime;

use self::asking::{Asker, both, nats_client};
use self::figures::{Storm, bytes_per_channel, count, extrapolated};
use self::neighbour::Round;
use self::servers::{Place, Server};
use super::in_process::unusable;
use super::report::{Report, Table};
use super::statistics::{self, Draw, Pair, estimate, median, millis, quantile, ratio_of_medians};
use super::{PAIRS, Run, Wishes};
use crate::program::Program;
use crate::{StackError, wait};

/// Exchanges that are not counted.
const WARM_UP: usize = 20;
const CALLERS: usize = 64;
/// What each caller asks in a round.
const EACH: u32 = 20;
/// How many pairs of the bench make one round.
const PAIRS_EACH: usize = 10;
/// How long the relay is away in a storm.
const AWAY: [u64; 3] = [1, 3, 10];
/// For all channels to come about.
const OPENING: Duration = Duration::from_secs(300);
/// After the relay's return; three times what is promised.
const COMING_BACK: Duration = Duration::from_secs(30);
/// Until memory is looked at: handshakes are over, and pings have begun.
const SETTLING: Duration = Duration::from_secs(25);

pub(in crate::bench) use self::parts::run as part;
pub(in crate::bench) use self::servers::look_for;

struct Sizes {
    channels: usize,
    agents: usize,
}

struct Measured {
    pairs: Vec<Pair>,
    /// Per second, of NATS and of ours.
    rounds: Vec<(f64, f64)>,
    neighbour: Vec<Round>,
    idle: Idle,
    storms: Vec<Storm>,
}

struct Idle {
    channels: usize,
    bytes_each: f64,
    connects_per_second: f64,
}

pub(super) fn run(wishes: &Wishes, run: &Run<'_>) -> Result<Report, StackError> {
    let few = wishes.pairs < PAIRS;
    let sizes = if few {
        Sizes { channels: 200, agents: 50 }
    } else {
        Sizes { channels: 10_000, agents: 1_000 }
    };
    let mut report = Report::new("relay");
    report.note(
        "900 bytes there and back, TLS on both sides of both: theirs by nats-server, one"
            .to_owned(),
    );
    report.note(
        "connection for all callers; ours by `passback relay`, HTTPS, one for each caller."
            .to_owned(),
    );
    report.note(wishes.head("pairs"));
    let mut draw = Draw::new(wishes.seed);
    let (pairs, rounds) = compare(wishes.pairs, &mut draw, run)?;
    let neighbour = neighbour::rounds(wishes.pairs, &mut draw, run)?;
    let idle = idle(sizes.channels, run)?;
    let storms = storms(sizes.agents, run)?;
    tell(&mut report, &Measured { pairs, rounds, neighbour, idle, storms }, &mut draw);
    Ok(report)
}

type Compared = (Vec<Pair>, Vec<(f64, f64)>);

fn compare(pairs: usize, draw: &mut Draw, run: &Run<'_>) -> Result<Compared, StackError> {
    run.step("relay and nats-server start")?;
    let place = Place::make()?;
    let (relay, nats) = (place.relay(1)?, place.nats()?);
    let mut listener = start(&place, "listen", relay.port, 1)?;
    let mut subscriber = start(&place, "answer", nats.port, 1)?;
    for one in [&mut listener, &mut subscriber] {
        all_there(one, run)?;
    }
    let ca = place.file("ca.pem");
    let runtime = Runtime::new().map_err(|error| unusable(&error))?;
    runtime.block_on(async {
        let ours = Asker::ours(relay.port, 0, &ca)?;
        let theirs = Asker::Nats(nats_client(nats.port, &ca).await?);
        run.step(&format!("{pairs} pairs with one caller"))?;
        let mut found = Vec::with_capacity(pairs);
        for at in 0..WARM_UP + pairs {
            run.check()?;
            let (bare, ours) = both(draw.coin(), theirs.ask(), ours.ask()).await?;
            if at >= WARM_UP {
                found.push(Pair { bare: millis(bare), ours: millis(ours) });
            }
        }
        let count = (pairs / PAIRS_EACH).max(2);
        run.step(&format!("{count} rounds with {CALLERS} callers"))?;
        let mut rounds = Vec::with_capacity(count);
        // The first one is not counted: in it connections come about.
        for at in 0..=count {
            run.check()?;
            let (bare, ours) = (theirs.rate(CALLERS, EACH), ours.rate(CALLERS, EACH));
            let round = both(draw.coin(), bare, ours).await?;
            if at > 0 {
                rounds.push(round);
            }
        }
        Ok((found, rounds))
    })
}

fn idle(channels: usize, run: &Run<'_>) -> Result<Idle, StackError> {
    run.step(&format!("{channels} idle channels"))?;
    let place = Place::make()?;
    let relay = place.relay(channels)?;
    let before = relay.resident()?;
    let mut client = start(&place, "listen", relay.port, channels)?;
    let took = all_there(&mut client, run)?;
    let settled = SystemClock.running() + SETTLING;
    while SystemClock.running() < settled {
        run.check()?;
        thread::sleep(Duration::from_millis(100));
    }
    let bytes_each = bytes_per_channel(before, relay.resident()?, channels);
    Ok(Idle { channels, bytes_each, connects_per_second: count(channels) / took.as_secs_f64() })
}

fn storms(agents: usize, run: &Run<'_>) -> Result<Vec<Storm>, StackError> {
    AWAY.into_iter()
        .map(|away| {
            run.step(&format!("{agents} agents, the relay down for {away} s"))?;
            let place = Place::make()?;
            let mut relay = place.relay(agents)?;
            let mut client = start(&place, "listen", relay.port, agents)?;
            all_there(&mut client, run)?;
            storm(&mut relay, &client, (away, agents), run)
        })
        .collect()
}

fn storm(
    relay: &mut Server,
    client: &Program,
    (away, agents): (u64, usize),
    run: &Run<'_>,
) -> Result<Storm, StackError> {
    relay.program.kill();
    thread::sleep(Duration::from_secs(away));
    relay.program.restart()?;
    relay.await_ready()?;
    let returned = SystemClock.now().as_millis();
    let until = SystemClock.running() + COMING_BACK;
    let mut back = Vec::new();
    while back.len() < agents && SystemClock.running() < until {
        run.check()?;
        thread::sleep(Duration::from_millis(100));
        back = backs(&said(&client.plan.log)?, returned);
    }
    Ok(Storm { away_seconds: away, agents, back })
}

/// When each agent was first back, in seconds after `returned`, from the lines of a part.
fn backs(said: &str, returned: i64) -> Vec<f64> {
    let mut first = BTreeMap::new();
    for line in said.lines() {
        let mut words = line.split(' ');
        let (Some("back"), Some(agent), Some(moment)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        if let Ok(moment) = moment.parse::<i64>() {
            first.entry(agent.to_owned()).or_insert(moment);
        }
    }
    // Some may be back between the relay's return and our hearing of it.
    let after = |moment: i64| u64::try_from(moment - returned).unwrap_or(0);
    first.into_values().map(|moment| Duration::from_millis(after(moment)).as_secs_f64()).collect()
}

fn start(
    place: &Place,
    part: &'static str,
    port: u16,
    count: usize,
) -> Result<Program, StackError> {
    let own = Path::new("/proc/self/exe");
    let own = fs::read_link(own).map_err(StackError::io("reading", own))?;
    let (own, ca) = (own.display().to_string(), place.file("ca.pem").display().to_string());
    let (port, count) = (port.to_string(), count.to_string());
    let argv = [&own, "relay", "--part", part, &port, &count, &ca].map(str::to_owned);
    place.program(part, &argv)
}

/// How long it took until all that a part starts was there.
fn all_there(part: &mut Program, run: &Run<'_>) -> Result<Duration, StackError> {
    let log = part.plan.log.clone();
    let there = || said(&log).ok().and_then(|said| all(&said));
    part.await_ready("not everybody was there", OPENING, Some(run.stop), || there().is_some())?;
    wait::until("not everybody was there", OPENING, &log, Some(run.stop), || Ok(there()))
}

fn all(said: &str) -> Option<Duration> {
    let took = said.lines().find_map(|line| line.strip_prefix("all "))?;
    took.parse().ok().map(Duration::from_millis)
}

fn said(log: &Path) -> Result<String, StackError> {
    fs::read_to_string(log).map_err(StackError::io("reading", log))
}

fn tell(report: &mut Report, measured: &Measured, draw: &mut Draw) {
    let Measured { pairs, rounds, neighbour, idle, storms } = measured;
    let (theirs, ours) = statistics::halves(pairs);
    let ratio = ratio_of_medians(pairs, draw);
    report.estimate("p50_ratio_nats", ratio);
    report.figure("pairs".to_owned(), count(pairs.len()));
    let mut table = Table::new(["one caller", "p50", "p99", "95 % of the p50"]);
    for (who, samples) in [("nats", &theirs), ("ours", &ours)] {
        let found = estimate(samples, draw, median);
        report.estimate(&format!("{who}_ms_p50"), found);
        report.figure(format!("{who}_ms_p99"), quantile(samples, 0.99));
        let ms = |value: f64| format!("{value:.3} ms");
        let range = format!("{:.3} – {:.3}", found.low, found.high);
        table.row([who.to_owned(), ms(found.value), ms(quantile(samples, 0.99)), range]);
    }
    let range = format!("{:.3} – {:.3}", ratio.low, ratio.high);
    table.row(["ours / nats".to_owned(), format!("{:.3}", ratio.value), String::new(), range]);
    report.table(table);

    let ratios: Vec<f64> = rounds.iter().map(|(nats, ours)| ours / nats).collect();
    let ratio = estimate(&ratios, draw, median);
    report.estimate("rate64_ratio_nats", ratio);
    let mut table = Table::new(["64 callers", "per second", "95 %"]);
    let (theirs, ours): (Vec<f64>, Vec<f64>) = rounds.iter().copied().unzip();
    for (who, samples) in [("nats", &theirs), ("ours", &ours)] {
        report.figure(format!("rate64_{who}_per_second"), median(samples));
        table.row([who.to_owned(), format!("{:.0}", median(samples))]);
    }
    let range = format!("{:.3} – {:.3}", ratio.low, ratio.high);
    table.row(["ours / nats".to_owned(), format!("{:.3}", ratio.value), range]);
    report.table(table);

    neighbour::tell(report, neighbour, draw);

    report.figure("idle_channels".to_owned(), count(idle.channels));
    report.figure("bytes_per_idle_channel".to_owned(), idle.bytes_each);
    report.figure("connects_per_second".to_owned(), idle.connects_per_second);
    let mut table = Table::new(["idle channels", "bytes each", "connects per second"]);
    let cells = [idle.bytes_each, idle.connects_per_second].map(|value| format!("{value:.0}"));
    table.row(std::iter::once(idle.channels.to_string()).chain(cells));
    table.row([extrapolated(idle.bytes_each, idle.channels)]);
    report.table(table);

    let mut table = Table::new(["the relay was away", "agents", "all back", "worst second"]);
    for storm in storms {
        let (away, share) = (storm.away_seconds, storm.worst_second_share());
        report.figure(format!("storm{away}_back_seconds"), storm.back_seconds());
        report.figure(format!("storm{away}_worst_second_share"), share);
        report.figure(format!("storm{away}_back"), count(storm.back.len()));
        let all = format!("{:.2} s", storm.back_seconds());
        let percent = format!("{:.1} %", share * 100.0);
        table.row([format!("{away} s"), storm.agents.to_string(), all, percent]);
    }
    report.table(table);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_back_when_it_first_says_so_and_never_before_the_return() {
        let said = "all 40\nback 0 1500\nback 1 990\nback 0 4000\nnoise\n";
        assert_eq!(backs(said, 1_000), [0.5, 0.0]);
        assert_eq!(all(said), Some(Duration::from_millis(40)));
        assert_eq!(all("back 0 1\n"), None);
    }

    #[test]
    fn every_figure_of_the_bench_is_told() {
        let storms =
            AWAY.map(|away_seconds| Storm { away_seconds, agents: 2, back: vec![1.0, 3.0] });
        let measured = Measured {
            pairs: vec![Pair { bare: 0.2, ours: 0.3 }; 20],
            rounds: vec![(1_000.0, 500.0); 3],
            neighbour: vec![
                Round {
                    alone: vec![1.0],
                    beside: vec![1.5],
                    elsewhere: vec![1.2],
                    flood: 2_000.0
                };
                3
            ],
            idle: Idle { channels: 200, bytes_each: 20_000.0, connects_per_second: 900.0 },
            storms: storms.into(),
        };
        let mut report = Report::new("relay");
        tell(&mut report, &measured, &mut Draw::new(1));
        for (name, expected) in [
            ("p50_ratio_nats", 1.5),
            ("p50_ratio_nats_high", 1.5),
            ("rate64_ratio_nats", 0.5),
            ("neighbour_p99_ratio", 1.5),
            ("bytes_per_idle_channel", 20_000.0),
            ("connects_per_second", 900.0),
            ("storm1_back_seconds", 3.0),
            ("storm3_worst_second_share", 0.5),
            ("storm10_back_seconds", 3.0),
            ("pairs", 20.0),
        ] {
            let found = report.value(name).unwrap();
            assert!((found - expected).abs() < 1e-9, "{name}: {found}");
        }
        assert!(report.text().contains("not measured"), "{}", report.text());
    }
}
