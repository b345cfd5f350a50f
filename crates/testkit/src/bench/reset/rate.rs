//! Eight callers of ours against eight bare connections, at the same controller, in turns: how much
//! of what the controller can do at most is left.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use clock::SystemClock;
use lab::Person;
use protocol::Clock as _;
use rustls::ClientConfig;

use crate::bench::Run;
use crate::bench::bare::Bare;
use crate::bench::crowd::Crowd;
use crate::bench::statistics::{Draw, Estimate, estimate, median};
use crate::bench::submission::Visit;
use crate::{Stack, StackError};

const CALLERS: usize = 8;
/// How many sets each caller makes in a round: few enough that none of the sealed passwords, and no
/// connection, is old when its turn comes.
const SETS: usize = 6;
/// How many pairs of the bench make one round.
const PAIRS_EACH: usize = 40;

/// Rounds: sets per second of the bare clients and of ours.
#[derive(Debug, Clone)]
pub(super) struct Rates(Vec<(f64, f64)>);

impl Rates {
    #[cfg(test)]
    pub(super) fn of(rounds: &[(f64, f64)]) -> Self {
        Self(rounds.to_vec())
    }

    pub(super) fn bare(&self) -> f64 {
        median(&self.0.iter().map(|round| round.0).collect::<Vec<_>>())
    }

    pub(super) fn ours(&self) -> f64 {
        median(&self.0.iter().map(|round| round.1).collect::<Vec<_>>())
    }

    /// Ours over bare: the median of the rounds.
    pub(super) fn ratio(&self, draw: &mut Draw) -> Estimate {
        let ratios: Vec<f64> = self.0.iter().map(|(bare, ours)| ours / bare).collect();
        estimate(&ratios, draw, median)
    }
}

/// How many people are needed.
pub(super) fn people(pairs: usize) -> usize {
    2 * rounds(pairs) * CALLERS * SETS
}

fn rounds(pairs: usize) -> usize {
    (pairs / PAIRS_EACH).max(2)
}

pub(super) fn measure(
    stack: &Stack,
    trust: &Arc<ClientConfig>,
    crowd: &mut Crowd,
    pairs: usize,
    draw: &mut Draw,
    run: &Run<'_>,
) -> Result<Rates, StackError> {
    let mut bare =
        (0..CALLERS).map(|_| Bare::connect(stack.forest())).collect::<Result<Vec<_>, _>>()?;
    let count = rounds(pairs);
    let mut rates = Vec::with_capacity(count);
    for at in 0..count {
        run.step(&format!("round {} of {count} with {CALLERS} callers", at + 1))?;
        let (theirs, mine) = (shares(crowd)?, shares(crowd)?);
        let ours_first = draw.coin();
        let mut ours = if ours_first { Some(round_of_ours(stack, trust, &mine)?) } else { None };
        let of_bare = round_of_bare(&mut bare, &theirs)?;
        let ours = match ours.take() {
            Some(done) => done,
            None => round_of_ours(stack, trust, &mine)?,
        };
        rates.push((of_bare, ours));
    }
    Ok(Rates(rates))
}

type Share = Vec<(Person, String)>;

fn shares(crowd: &mut Crowd) -> Result<Vec<Share>, StackError> {
    (0..CALLERS).map(|_| crowd.several(SETS)).collect()
}

fn round_of_bare(clients: &mut [Bare], shares: &[Share]) -> Result<f64, StackError> {
    let gate = Barrier::new(CALLERS + 1);
    at_once(&gate, clients.iter_mut().zip(shares), |(client, share)| {
        let sets: Vec<(&Person, &str)> =
            share.iter().map(|(person, password)| (person, password.as_str())).collect();
        gate.wait();
        client.set(&sets).map(drop)
    })
}

fn round_of_ours(
    stack: &Stack,
    trust: &Arc<ClientConfig>,
    shares: &[Share],
) -> Result<f64, StackError> {
    let visits = parallel(shares.iter(), |share| {
        share.iter().map(|(person, _)| Visit::begin(stack, trust, person)).collect()
    })?;
    let ready = parallel(visits.into_iter().zip(shares), |(visits, share): (Vec<Visit>, _)| {
        let pairs = visits.into_iter().zip(share);
        pairs.map(|(visit, (_, password))| visit.seal(password)).collect()
    })?;
    let told = std::sync::Mutex::new(Vec::new());
    let gate = Barrier::new(CALLERS + 1);
    let rate = at_once(&gate, ready.into_iter(), |submissions: Vec<_>| {
        gate.wait();
        for submission in submissions {
            let (_, visit) = submission.send()?;
            told.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(visit);
        }
        Ok(())
    })?;
    for visit in told.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        visit.await_notice(stack)?;
    }
    Ok(rate)
}

/// Lets every caller do its share from the opened gate on; sets per second until the last is done.
fn at_once<T: Send>(
    gate: &Barrier,
    callers: impl Iterator<Item = T>,
    work: impl Fn(T) -> Result<(), StackError> + Sync,
) -> Result<f64, StackError> {
    let clock = SystemClock;
    let work = &work;
    let took = thread::scope(|scope| {
        let callers: Vec<_> = callers.map(|one| scope.spawn(move || work(one))).collect();
        gate.wait();
        let began = clock.running();
        for caller in callers {
            caller.join().map_err(|_| gone())??;
        }
        Ok::<Duration, StackError>(clock.running() - began)
    })?;
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let sets = (CALLERS * SETS) as f64;
    Ok(sets / took.as_secs_f64())
}

/// What each gives, all at the same time.
fn parallel<T: Send, R: Send>(
    all: impl Iterator<Item = T>,
    work: impl Fn(T) -> Result<R, StackError> + Sync,
) -> Result<Vec<R>, StackError> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = all.map(|one| scope.spawn(move || work(one))).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| gone())?).collect()
    })
}

fn gone() -> StackError {
    StackError::NotUnderstood("a caller ended before it was done".to_owned())
}
