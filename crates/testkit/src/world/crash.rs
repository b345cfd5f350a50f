//! Where a process may die: after every durable step of cloud service and agent. A test iterates
//! [`CrashPoint::all`]; a new step is a new crash point by itself.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;

/// A step at which a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashPoint {
    /// A step of the cloud service.
    Cloud(cloud::steps::Step),
    /// A step of an agent.
    Agent(agent::steps::Step),
}

impl CrashPoint {
    /// Every one there is, in the order of a reset.
    pub fn all() -> Vec<Self> {
        let cloud = cloud::steps::Step::ALL.map(Self::Cloud);
        let agent = agent::steps::Step::ALL.map(Self::Agent);
        cloud.into_iter().chain(agent).collect()
    }
}

impl fmt::Display for CrashPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cloud(step) => write!(f, "cloud: {}", step.name()),
            Self::Agent(step) => write!(f, "agent: {}", step.name()),
        }
    }
}

/// Lets one process die at a step: whoever reaches it never goes on, and the world is told.
/// Clones are of the same process.
#[derive(Debug, Clone, Default)]
pub(super) struct Doom(Arc<Mutex<Fate>>);

#[derive(Debug, Default)]
struct Fate {
    at: Option<CrashPoint>,
    reached: Option<CrashPoint>,
}

impl Doom {
    /// The next one who reaches this step dies there.
    pub(super) fn at(&self, point: CrashPoint) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).at = Some(point);
    }

    /// The step that was reached; the process is to be killed.
    pub(super) fn take_reached(&self) -> Option<CrashPoint> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).reached.take()
    }

    fn reached(&self, point: CrashPoint) -> BoxFuture<'_, ()> {
        let mut fate = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if fate.at != Some(point) {
            return Box::pin(std::future::ready(()));
        }
        fate.at = None;
        fate.reached = Some(point);
        Box::pin(std::future::pending())
    }
}

impl cloud::steps::StepWatch for Doom {
    fn reached(&self, step: cloud::steps::Step) -> BoxFuture<'_, ()> {
        self.reached(CrashPoint::Cloud(step))
    }
}

impl agent::steps::StepWatch for Doom {
    fn reached(&self, step: agent::steps::Step) -> BoxFuture<'_, ()> {
        self.reached(CrashPoint::Agent(step))
    }
}
