//! Pairs: one bare set and one of ours, in random order, each when nothing else is going on.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::ClientConfig;

use super::WARM_UP;
use crate::bench::Run;
use crate::bench::bare::Bare;
use crate::bench::crowd::Crowd;
use crate::bench::statistics::{Draw, Pair, millis};
use crate::bench::submission::{Submission, Visit};
use crate::{Stack, StackError};

/// Before each of the two, so that both begin on a machine that is at rest.
const REST: Duration = Duration::from_millis(30);
/// How many pairs pass until the progress is told.
const TOLD_EVERY: usize = 50;

pub(super) fn measure(
    stack: &Stack,
    trust: &Arc<ClientConfig>,
    crowd: &mut Crowd,
    count: usize,
    draw: &mut Draw,
    run: &Run<'_>,
) -> Result<Vec<Pair>, StackError> {
    let mut bare = Bare::connect(stack.forest())?;
    let mut pairs = Vec::with_capacity(count);
    for at in 0..WARM_UP + count {
        if at % TOLD_EVERY == 0 {
            run.step(&format!("pair {at} of {}", WARM_UP + count))?;
        }
        run.check()?;
        let (person, password) = crowd.next()?;
        let submission = Visit::begin(stack, trust, &person)?.seal(&password)?;
        let theirs = crowd.next()?;
        let mut set_bare = || {
            thread::sleep(REST);
            let took = bare.set(&[(&theirs.0, &theirs.1)])?;
            Ok::<_, StackError>(took.into_iter().sum::<Duration>())
        };
        let (first, ours);
        if draw.coin() {
            first = set_bare()?;
            ours = send(submission, stack)?;
        } else {
            ours = send(submission, stack)?;
            first = set_bare()?;
        }
        if at >= WARM_UP {
            pairs.push(Pair { bare: millis(first), ours: millis(ours) });
        }
    }
    Ok(pairs)
}

/// Ours, until its mail has left, too; the mail is not counted: the person has the answer before.
fn send(submission: Submission, stack: &Stack) -> Result<Duration, StackError> {
    thread::sleep(REST);
    let (took, visit) = submission.send()?;
    visit.await_notice(stack)?;
    Ok(took)
}
