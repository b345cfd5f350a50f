//! Pairs: one bare write and one of ours, in random order, each when nothing else is going on.

use std::thread;
use std::time::Duration;

use super::WARM_UP;
use super::ours::Ours;
use super::subjects::{Teams, Work};
use crate::StackError;
use crate::bench::Run;
use crate::bench::bare::Bare;
use crate::bench::statistics::{Draw, Pair, millis};

/// Before each of the two, so that both begin on a machine that is at rest.
const REST: Duration = Duration::from_millis(30);
/// How many pairs pass until the progress is told.
const TOLD_EVERY: usize = 50;

/// Measures one kind of work, on each member of both teams once.
pub(super) fn measure(
    (work, name): (Work, &str),
    (bare, ours): (&mut Bare, &Ours),
    teams: &mut Teams,
    count: usize,
    draw: &mut Draw,
    run: &Run<'_>,
) -> Result<Vec<Pair>, StackError> {
    let all = WARM_UP + count;
    if work == Work::Unlock {
        run.step("accounts are locked")?;
        bare.perform(&teams.locks(all))?;
    } else {
        teams.renew(all);
    }
    let mut pairs = Vec::with_capacity(count);
    for (at, (theirs, mine)) in teams.bare.iter().zip(&teams.ours).take(all).enumerate() {
        if at % TOLD_EVERY == 0 {
            run.step(&format!("{name}: pair {at} of {all}"))?;
        }
        run.check()?;
        let mut by_bare = || {
            thread::sleep(REST);
            let took = bare.perform(&[theirs.step(work)])?;
            Ok::<_, StackError>(took.into_iter().sum::<Duration>())
        };
        let by_ours = || {
            let request = mine.request(work)?;
            thread::sleep(REST);
            ours.write(request)
        };
        let (bare, ours);
        if draw.coin() {
            bare = by_bare()?;
            ours = by_ours()?;
        } else {
            ours = by_ours()?;
            bare = by_bare()?;
        }
        if at >= WARM_UP {
            pairs.push(Pair { bare: millis(bare), ours: millis(ours) });
        }
    }
    Ok(pairs)
}
