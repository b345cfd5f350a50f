//! How soon a client writes again after its controller was away. Somebody calls all the time; what
//! counts is from the moment at which the controller takes connections, to LDAPS and to its DNS, until
//! a write is done.

use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use clock::SystemClock;
use lab::Forest;
use protocol::Clock as _;

use super::ours::Ours;
use super::subjects::{Teams, Work};
use crate::StackError;
use crate::bench::Run;
use crate::bench::bare::{Bare, Step};
use crate::bench::statistics::millis;

/// How many pairs of the bench make one restart.
const PAIRS_EACH: usize = 40;
/// Of a caller whose request failed, until the next one.
const PAUSE: Duration = Duration::from_millis(20);
/// Between two looks at whether the controller listens.
const LOOK: Duration = Duration::from_millis(2);
/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(90);

/// Milliseconds of each restart.
#[derive(Debug, Default)]
pub(super) struct Recoveries {
    pub(super) bare: Vec<f64>,
    pub(super) ours: Vec<f64>,
}

/// Stops and starts the controller, so often for each client, in turns: while one is timed the other
/// one does not call.
pub(super) fn measure(
    forest: &Forest,
    (bare, ours): (&mut Bare, &Ours),
    teams: &Teams,
    pairs: usize,
    run: &Run<'_>,
) -> Result<Recoveries, StackError> {
    let count = restarts(pairs);
    let (theirs, mine) = teams
        .bare
        .first()
        .zip(teams.ours.first())
        .ok_or_else(|| StackError::NotUnderstood("there is nobody to write to".to_owned()))?;
    let mut recoveries = Recoveries::default();
    for at in 0..count {
        run.step(&format!("restart {} of {count}", at + 1))?;
        let took = restart(forest, || {
            bare.perform(&[Step::Reconnect { target: theirs.target() }])?;
            Ok(SystemClock.running())
        })?;
        recoveries.bare.push(millis(took));
        let request = mine.request(Work::Unlock)?;
        let took = restart(forest, || ours.write_until_done(request, PAUSE, LIMIT))?;
        recoveries.ours.push(millis(took));
    }
    Ok(recoveries)
}

fn restarts(pairs: usize) -> usize {
    (pairs / PAIRS_EACH).max(2)
}

/// Restarts the controller while `call` tries to get through to it, and says when it did; how long
/// after the controller listened that was.
fn restart(
    forest: &Forest,
    call: impl FnOnce() -> Result<Duration, StackError> + Send,
) -> Result<Duration, StackError> {
    forest.stop_controller(0)?;
    thread::scope(|scope| {
        let caller = scope.spawn(call);
        let listens = scope.spawn(|| listens(forest));
        let started = forest.start_controller(0);
        let gone = |_| StackError::NotUnderstood("a caller ended before it was done".to_owned());
        let (done, listens) = (caller.join().map_err(gone), listens.join().map_err(gone));
        started?;
        let (done, listens) = (done??, listens??);
        Ok(done.saturating_sub(listens))
    })
}

/// When the controller took a connection at both places.
fn listens(forest: &Forest) -> Result<Duration, StackError> {
    let began = SystemClock.running();
    for place in [SocketAddr::new(forest.address, forest.ldaps_port), forest.dns_address] {
        while TcpStream::connect_timeout(&place, Duration::from_secs(1)).is_err() {
            if SystemClock.running() - began > LIMIT {
                return Err(StackError::Late {
                    what: format!("nobody listens at {place}"),
                    seconds: LIMIT.as_secs(),
                    log: forest.log.clone(),
                });
            }
            thread::sleep(LOOK);
        }
    }
    Ok(SystemClock.running())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_restarts_also_in_the_shortest_run() {
        assert_eq!((restarts(10), restarts(200)), (2, 5));
    }
}
