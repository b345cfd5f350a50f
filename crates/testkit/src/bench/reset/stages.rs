//! Where the time of a reset goes: cloud service and agent run in this process, and say at each of
//! their steps what time it is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clock::SystemClock;
use futures_util::future::BoxFuture;
use protocol::Clock as _;
use rustls::ClientConfig;

use super::WARM_UP;
use crate::bench::Run;
use crate::bench::crowd::Crowd;
use crate::bench::in_process::{Running, agent_at};
use crate::bench::statistics::millis;
use crate::bench::submission::Visit;
use crate::{Stack, StackError};

/// How many stages there are.
pub(super) const COUNT: usize = 7;

/// The step that ends each stage, as it is called in figures, and what happens until then.
const STAGES: [(&str, &str); COUNT] = [
    ("marked", "the cloud reads the posting, checks flow and ticket, seals, audits, marks as sent"),
    ("asked", "the package is handed to the relay"),
    ("begun", "relay to agent; opened, begun; resolved, guarded, policy and witness read"),
    ("noted", "what was read is noted"),
    ("applied", "the directory sets the password"),
    ("answered", "answer sealed and signed; relay to cloud; opened"),
    ("told", "the browser has the answer; both sides write it down meanwhile"),
];

/// Steps that end no stage: one coincides with the next, and two are taken while the answer is on
/// its way.
#[cfg(test)]
const APART: [&str; 3] = ["submitted", "finished", "recorded"];

/// Milliseconds, by stage.
#[derive(Debug, Clone)]
pub(super) struct Stages([Vec<f64>; COUNT]);

impl Stages {
    /// From one row of stages for each reset.
    pub(super) fn of(resets: &[[f64; COUNT]]) -> Self {
        Self(std::array::from_fn(|at| resets.iter().map(|reset| reset[at]).collect()))
    }

    /// Name, description, samples.
    pub(super) fn each(&self) -> impl Iterator<Item = (&'static str, &'static str, &[f64])> {
        STAGES.iter().zip(&self.0).map(|((name, what), samples)| (*name, *what, samples.as_slice()))
    }
}

/// When each step of the reset that is going on was reached.
#[derive(Default)]
struct Stamps(Mutex<Vec<(&'static str, Duration)>>);

impl Stamps {
    fn stamp(&self, stage: &'static str) {
        let now = SystemClock.running();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((stage, now));
    }

    /// The stages of one reset that ended at `ended` and took `took`; clears.
    fn take(&self, ended: Duration, took: Duration) -> Option<[f64; COUNT]> {
        let stamps = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut last = ended.saturating_sub(took);
        let mut row = [0.0; COUNT];
        for (at, (name, _)) in STAGES.iter().enumerate() {
            let reached = match stamps.iter().find(|(stage, _)| stage == name) {
                Some((_, when)) => *when,
                None if *name == "told" => ended,
                None => return None,
            };
            row[at] = millis(reached.saturating_sub(last));
            last = reached;
        }
        Some(row)
    }
}

impl cloud::steps::StepWatch for Stamps {
    fn reached(&self, step: cloud::steps::Step) -> BoxFuture<'_, ()> {
        self.stamp(step.name());
        Box::pin(std::future::ready(()))
    }
}

impl agent::steps::StepWatch for Stamps {
    fn reached(&self, step: agent::steps::Step) -> BoxFuture<'_, ()> {
        self.stamp(step.name());
        Box::pin(std::future::ready(()))
    }
}

/// Puts cloud service and agent into this process; the stack has none of them afterwards.
pub(super) fn measure(
    stack: &mut Stack,
    trust: &Arc<ClientConfig>,
    crowd: &mut Crowd,
    count: usize,
    run: &Run<'_>,
) -> Result<Stages, StackError> {
    run.step("where the time goes")?;
    let (cloud, agent) = (stack.config("cloud")?, stack.config("agent")?);
    stack.terminate("agent")?;
    stack.terminate("cloud")?;
    let stamps = Arc::new(Stamps::default());
    let cloud_watch: Arc<dyn cloud::steps::StepWatch> = Arc::clone(&stamps) as _;
    let agent_watch: Arc<dyn agent::steps::StepWatch> = Arc::clone(&stamps) as _;
    let _cloud = Running::cloud(&cloud, cloud_watch)?;
    let (settings, surroundings) = agent_at(&agent, agent_watch, |transport| transport)?;
    // Dropped before the cloud service, which it would otherwise dial in vain.
    let _agent = Running::agent(settings, surroundings)?;
    stack.await_step("start", None)?;
    let mut rows = Vec::with_capacity(count);
    for at in 0..count {
        run.check()?;
        let (person, password) = crowd.next()?;
        let submission = Visit::begin(stack, trust, &person)?.seal(&password)?;
        let (took, visit) = submission.send()?;
        let ended = SystemClock.running();
        visit.await_notice(stack)?;
        let row = stamps.take(ended, took).ok_or_else(|| {
            StackError::NotUnderstood("a reset did not reach all of its steps".to_owned())
        })?;
        if at >= WARM_UP {
            rows.push(row);
        }
    }
    Ok(Stages::of(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stages_of_a_reset_add_up_to_what_it_took() {
        let stamps = Stamps::default();
        let ms = Duration::from_millis;
        {
            let mut all = stamps.0.lock().unwrap();
            for (at, (name, _)) in STAGES[..COUNT - 1].iter().enumerate() {
                all.push((name, ms(1_000 + 5 * (u64::try_from(at).unwrap() + 1))));
            }
        }
        let row = stamps.take(ms(1_060), ms(60)).unwrap();
        assert!(row[..COUNT - 1].iter().all(|stage| (stage - 5.0).abs() < 1e-9), "{row:?}");
        assert!((row.iter().sum::<f64>() - 60.0).abs() < 1e-9);
        assert!(stamps.take(ms(1_060), ms(60)).is_none(), "they were taken");
    }

    #[test]
    fn every_step_of_both_programs_ends_a_stage() {
        let known: Vec<_> = STAGES.iter().map(|(name, _)| *name).collect();
        let stamps = Stamps::default();
        for step in cloud::steps::Step::ALL {
            drop(cloud::steps::StepWatch::reached(&stamps, step));
        }
        for step in agent::steps::Step::ALL {
            drop(agent::steps::StepWatch::reached(&stamps, step));
        }
        let stamped: Vec<_> = stamps.0.lock().unwrap().iter().map(|(name, _)| *name).collect();
        assert_eq!(stamped.len(), COUNT - 1 + APART.len());
        let told = |name: &&str| known.contains(name) != APART.contains(name);
        assert!(stamped.iter().all(told), "{stamped:?}");
    }
}
