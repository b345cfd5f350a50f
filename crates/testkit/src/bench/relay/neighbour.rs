//! How much a quiet tenant notices of another one that floods its own agent: its p99 alone, and beside
//! the flood, in turns within the same seconds (relay protocol, "Limits and promises").

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
    pub(super) beside: Vec<f64>,
    /// Answers of the flood, per second.
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
    let place = Place::make()?;
    let relay = place.relay(FLOODED + 1)?;
    // Each agent is a process of its own, as it is at its organisation.
    let mut quiet = start(&place, "listen", relay.port, QUIET + 1)?;
    let mut flooded = start(&place, "beside", relay.port, FLOODED)?;
    all_there(&mut quiet, run)?;
    all_there(&mut flooded, run)?;
    let ca = place.file("ca.pem");
    let (own, floods) = (runtime()?, runtime()?);
    let asker = Asker::ours(relay.port, QUIET, &ca)?;
    own.block_on(asks(&asker, WARM_UP))?;
    let mut found = Vec::with_capacity(count);
    // The first one is not counted: in it the flood's connections come about.
    let flood = Flood::of(Asker::ours(relay.port, FLOODED, &ca)?, &floods);
    for at in 0..=count {
        run.check()?;
        let alone_first = draw.coin();
        let alone = |own: &Runtime| own.block_on(asks(&asker, ASKS));
        let before = if alone_first { Some(alone(&own)?) } else { None };
        let (beside, flood) = flood.while_it_runs(|| own.block_on(asks(&asker, ASKS)))?;
        let alone = before.map_or_else(|| alone(&own), Ok)?;
        if at > 0 {
            found.push(Round { alone, beside, flood });
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

/// One half of a round.
type Half = fn(&Round) -> &Vec<f64>;

/// Tells the quiet tenant's p99 beside the flood over its p99 alone.
pub(super) fn tell(report: &mut Report, rounds: &[Round], draw: &mut Draw) {
    let p99 = |rounds: &[Round], of: Half| {
        let samples: Vec<f64> = rounds.iter().flat_map(|round| of(round).iter().copied()).collect();
        quantile(&samples, 0.99)
    };
    let (alone, beside): (Half, Half) = (|round| &round.alone, |round| &round.beside);
    let ratio = estimate(rounds, draw, |rounds| p99(rounds, beside) / p99(rounds, alone));
    report.estimate("neighbour_p99_ratio", ratio);
    report.figure("neighbour_rounds".to_owned(), count(rounds.len()));
    let mut table = Table::new(["a quiet tenant", "p99", "95 %"]);
    for (name, of) in [("alone", alone), ("beside", beside)] {
        let found = estimate(rounds, draw, |rounds| p99(rounds, of));
        report.figure(format!("neighbour_{name}_ms_p99"), found.value);
        let range = format!("{:.3} – {:.3}", found.low, found.high);
        table.row([name.to_owned(), format!("{:.3} ms", found.value), range]);
    }
    let range = format!("{:.3} – {:.3}", ratio.low, ratio.high);
    table.row(["beside / alone".to_owned(), format!("{:.3}", ratio.value), range]);
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
            Round { alone: vec![1.0; ASKS], beside, flood: 5_000.0 }
        };
        let mut report = Report::new("relay");
        tell(&mut report, &vec![round(4.0); 20], &mut Draw::new(1));
        for (name, expected) in [
            ("neighbour_p99_ratio", 4.0),
            ("neighbour_p99_ratio_low", 4.0),
            ("neighbour_alone_ms_p99", 1.0),
            ("neighbour_beside_ms_p99", 4.0),
            ("neighbour_flood_per_second", 5_000.0),
            ("neighbour_rounds", 20.0),
        ] {
            let found = report.value(name).unwrap();
            assert!((found - expected).abs() < 1e-9, "{name}: {found}");
        }
    }
}
