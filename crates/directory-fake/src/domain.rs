//! A domain, as a test holds it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use directory::{DistinguishedName, ObjectGuid, Sid};
use lab::Bound;
use protocol::{Clock, Randomness, Timestamp};
use tokio::sync::watch;

use crate::builtin;
use crate::error::FakeError;
use crate::journal::Set;
use crate::object::Object;
use crate::rules::{FakePolicy, Flavour};
use crate::state::{Moment, State};

/// What a domain is to be.
#[derive(Debug, Clone)]
pub struct NewDomain {
    /// Its DNS name.
    pub domain: String,
    /// Which directory is imitated.
    pub flavour: Flavour,
    /// The first labels of its controllers' names; the first one is the PDC emulator.
    pub controllers: Vec<String>,
    /// The domain's policy.
    pub policy: FakePolicy,
}

impl NewDomain {
    /// A domain of one controller `dc1` with the lab's policy.
    pub fn new(domain: &str) -> Self {
        Self {
            domain: domain.to_owned(),
            flavour: Flavour::default(),
            controllers: vec!["dc1".to_owned()],
            policy: FakePolicy::default(),
        }
    }
}

/// A domain. Clones are the same one.
#[derive(Clone)]
pub struct FakeDomain(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    /// Tells those who serve it that a controller went down or came up.
    changes: watch::Sender<u64>,
}

impl FakeDomain {
    /// A domain with its controllers, its built-in groups and accounts, and nobody else. Its GUIDs
    /// and its SID are drawn from `randomness`.
    ///
    /// # Errors
    /// For a name that is no domain's, or no controller.
    pub fn new(
        new: &NewDomain,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, FakeError> {
        let mut parts = [0; 12];
        randomness.fill(&mut parts);
        let parts: Vec<u32> = parts
            .chunks_exact(4)
            .map(|four| four.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
            .collect();
        let sid = Sid::nt(&[&[21], parts.as_slice()].concat())?;
        let mut state = State::new(&new.domain, sid, new.flavour)?;
        let draw = || draw_guid(randomness.as_ref());
        for name in &new.controllers {
            let controller = builtin::controller(&state.head, &state.domain, name, &draw);
            state.controllers.push(controller);
        }
        if state.controllers.is_empty() {
            return Err(FakeError::Missing("a controller".to_owned()));
        }
        let moment = state.here(clock.now());
        builtin::fill(&mut state, &new.policy, moment, &draw)?;
        let (changes, _) = watch::channel(0);
        Ok(Self(Arc::new(Inner { state: Mutex::new(state), clock, randomness, changes })))
    }

    /// The domain's DNS name.
    pub fn domain(&self) -> String {
        self.state().domain.clone()
    }

    /// The domain head.
    pub fn head(&self) -> DistinguishedName {
        self.state().head.clone()
    }

    /// The DNS name of the PDC emulator.
    pub fn controller(&self) -> String {
        let state = self.state();
        state.controllers[state.owner].host.clone()
    }

    /// The name of an object from its name relative to the domain; an empty one is the head's.
    ///
    /// # Errors
    /// If it is no name.
    pub fn below(&self, relative: &str) -> Result<DistinguishedName, FakeError> {
        let head = self.head();
        if relative.is_empty() {
            return Ok(head);
        }
        Ok(format!("{relative},{head}").parse()?)
    }

    /// The account or group with this `sAMAccountName`.
    pub fn guid_of(&self, login: &str) -> Option<ObjectGuid> {
        self.state().login(login).map(|object| object.guid)
    }

    /// Whether this is the account's password.
    pub fn is_password(&self, guid: ObjectGuid, password: &str) -> bool {
        self.state().object(guid).is_some_and(|object| object.secret.is(password))
    }

    /// How often the account's password was set.
    pub fn password_version(&self, guid: ObjectGuid) -> Option<u32> {
        self.state().object(guid).map(Object::password_version)
    }

    /// Whether wrong passwords keep the account out at present.
    pub fn is_locked(&self, guid: ObjectGuid) -> bool {
        let state = self.state();
        let account = state.object(guid);
        account.is_some_and(|account| state.is_locked(account, self.now()))
    }

    /// The value of an attribute that is text, as it is stored.
    pub fn attribute(&self, guid: ObjectGuid, name: &str) -> Option<String> {
        self.state().object(guid)?.values.text(name).map(str::to_owned)
    }

    /// Every set so far, in order; the passwords that accounts were made with are not among them.
    pub fn journal(&self) -> Vec<Set> {
        self.state().journal.clone()
    }

    /// Signs in at the PDC emulator, with a login or any other name.
    pub fn bind(&self, login: &str, password: &str) -> Bound {
        let name = match login.contains(['@', '=', '\\']) {
            true => login.to_owned(),
            false => format!("{login}@{}", self.domain()),
        };
        let now = self.now();
        match self.state().bind(&name, password, now) {
            Ok(_) => Bound::Accepted,
            Err(refused) => {
                let code = refused.diagnostic.split("data ").nth(1);
                let code = code.and_then(|rest| rest.split(',').next()).unwrap_or_default();
                Bound::Refused { sub_code: code.to_owned() }
            }
        }
    }
}

/// For the rest of the crate.
impl FakeDomain {
    /// The moment by the clock that the domain was made with.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The clock that the domain was made with, to sleep by it.
    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// A count that rises with each [`FakeDomain::tell`]: whoever serves the domain waits for it to
    /// change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Tells those who serve it to look at the controllers.
    pub(crate) fn tell(&self) {
        self.0.changes.send_modify(|count| *count += 1);
    }

    /// A new GUID out of the domain's randomness: the same seed gives the same ones in the same
    /// order.
    pub(crate) fn draw_guid(&self) -> ObjectGuid {
        draw_guid(self.0.randomness.as_ref())
    }

    /// The domain as it is now: sets that were still under way have arrived if their time has come.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        let now = self.now();
        // Nothing panics while it is held; the tables stay whole.
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.arrive(now);
        state
    }

    /// As [`FakeDomain::state`], to write at the PDC emulator now.
    pub(crate) fn writing(&self) -> (MutexGuard<'_, State>, Moment) {
        let state = self.state();
        let moment = state.here(self.now());
        (state, moment)
    }
}

impl State {
    /// A write at the PDC emulator.
    pub(crate) fn here(&self, at: Timestamp) -> Moment {
        Moment { at, invocation: self.controllers[self.owner].invocation }
    }

    /// The index of the controller with this short name or host name; [`FakeError::Missing`] if
    /// there is none.
    pub(crate) fn controller_at(&self, name: &str) -> Result<usize, FakeError> {
        let found = self.controllers.iter().position(|one| one.name == name || one.host == name);
        found.ok_or_else(|| FakeError::Missing(format!("the controller {name}")))
    }
}

fn draw_guid(randomness: &dyn Randomness) -> ObjectGuid {
    let mut bytes = [0; 16];
    randomness.fill(&mut bytes);
    ObjectGuid::from_bytes(bytes)
}
