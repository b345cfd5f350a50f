//! How much a quiet tenant notices of another one that floods its own agent: its p99 alone, beside a
//! flood through the same relay, and beside the same flood through another relay, in turns within the
//! same seconds (relay protocol, "Limits and promises"). Who floods, who answers the flood and the
//! relay share the processors of one machine here: the last of the three tells how much of what the
//! quiet tenant notices is the machine's doing, the rest is the relay's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use clock::SystemClock;
use protocol::Clock as _;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::asking::Asker;
use super::figures::count;
use super::servers::Place;
use super::{CALLERS, PAIRS_EACH, WARM_UP, all_there, start};
use crate::StackError;
use crate::bench::Run;
use crate::bench::in_process::unusable;
use crate::bench::report::{Report, Table};
use crate::bench::statistics::{Draw, estimate, millis, quantile};

/// How often the quiet tenant asks in each half of a round.
const ASKS: usize = 50;
/// The agents: the quiet tenant's, and the one that is flooded.
const QUIET: usize = 0;
const FLOODED: usize = 1;

/// One round: how long the quiet tenant's answers took, in milliseconds.
#[derive(Debug, Clone)]
pub(super) struct Round {
    pub(super) alone: Vec<f64>,
    /// With the flood on the same relay.
    pub(super) beside: Vec<f64>,
    /// With the flood on another relay of the same machine.
    pub(super) elsewhere: Vec<f64>,
    /// Answers of the flood on the same relay, per second.
    pub(super) flood: f64,
}

/// As many rounds as those pairs make.
pub(super) fn rounds(
    pairs: usize,
    draw: &mut Draw,
    run: &Run<'_>,
) -> Result<Vec<Round>, StackError> {
    let count = (pairs / PAIRS_EACH).max(2);
    run.step(&format!("{count} rounds of a quiet tenant beside {CALLERS} callers of another"))?;
    let (place, other_place) = (Place::make()?, Place::make()?);
    let (relay, other) = (place.relay(FLOODED + 1)?, other_place.relay(FLOODED + 1)?);
    // Each agent is a process of its own, as it is at its organisation.
    let mut quiet = start(&place, "listen", relay.port, QUIET + 1)?;
    let mut flooded = start(&place, "beside", relay.port, FLOODED)?;
    let mut away = start(&other_place, "beside", other.port, FLOODED)?;
    for agent in [&mut quiet, &mut flooded, &mut away] {
        all_there(agent, run)?;
    }
    let (ca, other_ca) = (place.file("ca.pem"), other_place.file("ca.pem"));
    let (own, floods) = (runtime()?, runtime()?);
    let asker = Asker::ours(relay.port, QUIET, &ca)?;
    own.block_on(asks(&asker, WARM_UP))?;
    let mut found = Vec::with_capacity(count);
    // The first one is not counted: in it the floods' connections come about.
    let beside = Flood::of(Asker::ours(relay.port, FLOODED, &ca)?, &floods);
    let elsewhere = Flood::of(Asker::ours(other.port, FLOODED, &other_ca)?, &floods);
    for at in 0..=count {
        let mut round = Round { alone: vec![], beside: vec![], elsewhere: vec![], flood: 0.0 };
        let first = draw.below(3);
        for part in (first..first + 3).map(|part| part % 3) {
            run.check()?;
            let work = || own.block_on(asks(&asker, ASKS));
            match part {
                0 => round.alone = work()?,
                1 => (round.beside, round.flood) = beside.while_it_runs(work)?,
                _ => (round.elsewhere, _) = elsewhere.while_it_runs(work)?,
            }
        }
        if at > 0 {
            found.push(round);
        }
    }
    Ok(found)
}

fn runtime() -> Result<Runtime, StackError> {
    Runtime::new().map_err(|error| unusable(&error))
}

async fn asks(asker: &Asker, often: usize) -> Result<Vec<f64>, StackError> {
    let mut took = Vec::with_capacity(often);
    for _ in 0..often {
        took.push(millis(asker.ask().await?));
    }
    Ok(took)
}

/// Callers of another tenant, on threads of their own.
struct Flood<'a> {
    asker: Asker,
    runtime: &'a Runtime,
}

impl<'a> Flood<'a> {
    const fn of(asker: Asker, runtime: &'a Runtime) -> Self {
        Self { asker, runtime }
    }

    /// Does something while all callers ask without a pause; with how many answers they had per second.
    fn while_it_runs<T>(
        &self,
        work: impl FnOnce() -> Result<T, StackError>,
    ) -> Result<(T, f64), StackError> {
        let (stop, answered) = (CancellationToken::new(), Arc::new(AtomicU32::new(0)));
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let (asker, stop, answered) = (self.asker.clone(), stop.clone(), Arc::clone(&answered));
            let call = async move {
                while !stop.is_cancelled() {
                    asker.ask().await?;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, StackError>(())
            };
            callers.spawn_on(call, self.runtime.handle());
        }
        // It is a flood once as many answers have come as there are callers.
        let callers_are_there = async {
            while (answered.load(Ordering::Relaxed) as usize) < CALLERS {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let limit = Duration::from_secs(30);
        let there =
            self.runtime.block_on(async { tokio::time::timeout(limit, callers_are_there).await });
        there.map_err(|_| unusable(&"the flood does not come about"))?;
        let (began, before) = (SystemClock.running(), answered.load(Ordering::Relaxed));
        let done = work();
        let took = SystemClock.running() - began;
        let flood = f64::from(answered.load(Ordering::Relaxed) - before) / took.as_secs_f64();
        stop.cancel();
        self.runtime.block_on(async {
            while let Some(ended) = callers.join_next().await {
                ended.map_err(|error| unusable(&error))??;
            }
            Ok::<_, StackError>(())
        })?;
        Ok((done?, flood))
    }
}

/// One part of a round.
type Part = fn(&Round) -> &Vec<f64>;

/// Tells the quiet tenant's p99 beside the flood over its p99 alone, and how much of that is the
/// relay's doing.
pub(super) fn tell(report: &mut Report, rounds: &[Round], draw: &mut Draw) {
    let p99 = |rounds: &[Round], of: Part| {
        let samples: Vec<f64> = rounds.iter().flat_map(|round| of(round).iter().copied()).collect();
        quantile(&samples, 0.99)
    };
    let parts: [(&str, Part); 3] = [
        ("alone", |round| &round.alone),
        ("beside", |round| &round.beside),
        ("elsewhere", |round| &round.elsewhere),
    ];
    let [(_, alone), (_, beside), (_, elsewhere)] = parts;
    report.figure("neighbour_rounds".to_owned(), count(rounds.len()));
    let mut table = Table::new(["a quiet tenant", "p99", "95 %"]);
    for (name, of) in parts {
        let found = estimate(rounds, draw, |rounds| p99(rounds, of));
        report.figure(format!("neighbour_{name}_ms_p99"), found.value);
        let range = format!("{:.3} – {:.3}", found.low, found.high);
        table.row([name.to_owned(), format!("{:.3} ms", found.value), range]);
    }
    for (figure, title, over, under) in [
        ("neighbour_p99_ratio", "beside / alone", beside, alone),
        ("neighbour_relay_p99_ratio", "beside / elsewhere", beside, elsewhere),
    ] {
        let ratio = estimate(rounds, draw, |rounds| p99(rounds, over) / p99(rounds, under));
        report.estimate(figure, ratio);
        let range = format!("{:.3} – {:.3}", ratio.low, ratio.high);
        table.row([title.to_owned(), format!("{:.3}", ratio.value), range]);
    }
    let floods: Vec<f64> = rounds.iter().map(|round| round.flood).collect();
    let flood = quantile(&floods, 0.5);
    report.figure("neighbour_flood_per_second".to_owned(), flood);
    table.row(["the flood, per second".to_owned(), format!("{flood:.0}"), String::new()]);
    report.table(table);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_that_of_the_slowest_answers_and_not_of_the_usual_ones() {
        let round = |slow: f64| {
            let mut beside = vec![1.0; ASKS - 2];
            beside.extend([slow, slow]);
            let elsewhere = beside.iter().map(|took| took / 2.0).collect();
            Round { alone: vec![1.0; ASKS], beside, elsewhere, flood: 5_000.0 }
        };
        let mut report = Report::new("relay");
        tell(&mut report, &vec![round(4.0); 20], &mut Draw::new(1));
        for (name, expected) in [
            ("neighbour_p99_ratio", 4.0),
            ("neighbour_p99_ratio_low", 4.0),
            ("neighbour_relay_p99_ratio", 2.0),
            ("neighbour_alone_ms_p99", 1.0),
            ("neighbour_beside_ms_p99", 4.0),
            ("neighbour_elsewhere_ms_p99", 2.0),
            ("neighbour_flood_per_second", 5_000.0),
            ("neighbour_rounds", 20.0),
        ] {
            let found = report.value(name).unwrap();
            assert!((found - expected).abs() < 1e-9, "{name}: {found}");
        }
    }
}
