//! Many callers of ours against as many bare connections, at the same controller, in turns: how much
//! of what the controller can do at most is left. Ours share the few connections of the pool.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use clock::SystemClock;
use lab::Forest;
use protocol::Clock as _;

use super::ours::Ours;
use super::subjects::{Subject, Teams, Work};
use crate::StackError;
use crate::bench::Run;
use crate::bench::bare::Bare;
use crate::bench::statistics::{Draw, Estimate, estimate, median};

/// Callers, and how many sets each of them makes in a round.
const CROWDS: [(usize, usize); 2] = [(8, 6), (64, 2)];
/// How many pairs of the bench make one round.
const PAIRS_EACH: usize = 25;

/// Rounds of so many callers: sets per second of the bare clients and of ours.
#[derive(Debug, Clone)]
pub(super) struct Rates {
    pub(super) callers: usize,
    rounds: Vec<(f64, f64)>,
}

impl Rates {
    #[cfg(test)]
    pub(super) fn of(callers: usize, rounds: &[(f64, f64)]) -> Self {
        Self { callers, rounds: rounds.to_vec() }
    }

    /// The median of the rounds.
    pub(super) fn bare(&self) -> f64 {
        median(&self.rounds.iter().map(|round| round.0).collect::<Vec<_>>())
    }

    /// The median of the rounds.
    pub(super) fn ours(&self) -> f64 {
        median(&self.rounds.iter().map(|round| round.1).collect::<Vec<_>>())
    }

    /// Ours over bare: the median of the rounds.
    pub(super) fn ratio(&self, draw: &mut Draw) -> Estimate {
        let ratios: Vec<f64> = self.rounds.iter().map(|(bare, ours)| ours / bare).collect();
        estimate(&ratios, draw, median)
    }
}

/// How many people each team must have.
pub(super) fn people() -> usize {
    CROWDS.iter().map(|(callers, sets)| callers * sets).max().unwrap_or_default()
}

fn rounds(pairs: usize) -> usize {
    (pairs / PAIRS_EACH).max(2)
}

/// Measures with few callers, then with many.
pub(super) fn measure(
    forest: &Forest,
    ours: &Ours,
    teams: &mut Teams,
    pairs: usize,
    draw: &mut Draw,
    run: &Run<'_>,
) -> Result<Vec<Rates>, StackError> {
    let most = CROWDS.iter().map(|(callers, _)| *callers).max().unwrap_or_default();
    run.step(&format!("{most} bare clients connect"))?;
    let mut bare = (0..most).map(|_| Bare::connect(forest)).collect::<Result<Vec<_>, _>>()?;
    let count = rounds(pairs);
    let mut all = Vec::new();
    for (callers, sets) in CROWDS {
        let clients = bare.get_mut(..callers).unwrap_or_default();
        let mut rounds = Vec::with_capacity(count);
        // The first one is not counted: in it the pool opens as many connections as it will have.
        for at in 0..=count {
            run.step(&format!("round {at} of {count} with {callers} callers"))?;
            teams.renew(callers * sets);
            let mut of_bare = || round_of_bare(clients, &teams.bare, sets);
            let of_ours = || round_of_ours(ours, &teams.ours, callers, sets);
            let took = if draw.coin() {
                let first = of_bare()?;
                (first, of_ours()?)
            } else {
                let first = of_ours()?;
                (of_bare()?, first)
            };
            if at > 0 {
                rounds.push((rate(callers * sets, took.0), rate(callers * sets, took.1)));
            }
        }
        all.push(Rates { callers, rounds });
    }
    Ok(all)
}

/// So many in that time, per second.
#[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 sets")]
fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

fn round_of_bare(
    clients: &mut [Bare],
    team: &[Subject],
    sets: usize,
) -> Result<Duration, StackError> {
    let gate = Barrier::new(clients.len() + 1);
    let (clock, gate) = (SystemClock, &gate);
    thread::scope(|scope| {
        let callers: Vec<_> = clients
            .iter_mut()
            .zip(team.chunks(sets))
            .map(|(client, share)| {
                scope.spawn(move || {
                    let steps: Vec<_> = share.iter().map(|one| one.step(Work::Set)).collect();
                    gate.wait();
                    client.perform(&steps).map(drop)
                })
            })
            .collect();
        gate.wait();
        let began = clock.running();
        for caller in callers {
            let gone =
                |_| StackError::NotUnderstood("a caller ended before it was done".to_owned());
            caller.join().map_err(gone)??;
        }
        Ok(clock.running() - began)
    })
}

fn round_of_ours(
    ours: &Ours,
    team: &[Subject],
    callers: usize,
    sets: usize,
) -> Result<Duration, StackError> {
    let shares = team
        .chunks(sets)
        .take(callers)
        .map(|share| share.iter().map(|one| one.request(Work::Set)).collect::<Result<Vec<_>, _>>());
    ours.write_all(shares.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_the_median_of_rounds_and_its_ratio_is_that_of_each_round() {
        // The second round ran on a slower machine: that is no difference between the two.
        let rates = Rates::of(8, &[(20.0, 19.0), (10.0, 9.5), (21.0, 21.0)]);
        assert!((rates.bare() - 20.0).abs() < 1e-9);
        assert!((rates.ours() - 19.0).abs() < 1e-9);
        let ratio = rates.ratio(&mut Draw::new(1));
        assert!((ratio.value - 0.95).abs() < 1e-9, "{ratio:?}");
        assert!(ratio.low >= 0.95 && ratio.high <= 1.0, "{ratio:?}");
    }

    #[test]
    fn every_caller_of_every_crowd_has_people_of_its_own() {
        for (callers, sets) in CROWDS {
            assert!(callers * sets <= people(), "{callers}");
        }
        assert_eq!((rounds(10), rounds(200)), (2, 8));
        assert!((rate(48, Duration::from_millis(1_500)) - 32.0).abs() < 1e-9);
    }
}
