//! A domain, as a test holds it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use directory::{DistinguishedName, InvocationId, ObjectGuid, Sid};
use lab::Bound;
use protocol::{Clock, Randomness, Timestamp};
use tokio::sync::watch;

use crate::builtin;
use crate::error::FakeError;
use crate::journal::Set;
use crate::object::Object;
use crate::replica::Replica;
use crate::rules::{FakePolicy, Flavour};
use crate::state::State;

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
        let mut names = new.controllers.iter();
        let first = names.next().ok_or_else(|| FakeError::Missing("a controller".to_owned()))?;
        let draw = || draw_guid(randomness.as_ref());
        let replica = Replica::new(&new.domain, sid, new.flavour, InvocationId(draw()))?;
        let controller = builtin::controller(&replica.head, &replica.domain, first);
        let mut state = State::new(vec![controller], vec![replica]);
        builtin::fill(&mut state, &new.policy, clock.now(), &draw)?;
        let (changes, _) = watch::channel(0);
        let domain = Self(Arc::new(Inner { state: Mutex::new(state), clock, randomness, changes }));
        names.try_for_each(|name| domain.add_controller(name))?;
        Ok(domain)
    }

    /// Makes another controller, by the first label of its name, with all that the PDC emulator
    /// has. A domain that is being served does not serve it.
    ///
    /// # Errors
    /// If there is one of that name.
    pub fn add_controller(&self, name: &str) -> Result<(), FakeError> {
        let (mut state, now) = self.writing();
        if state.controller_at(name).is_ok() {
            return Err(FakeError::Exists(format!("the controller {name}")));
        }
        let (invocation, draw) = (InvocationId(self.draw_guid()), || self.draw_guid());
        let controller = builtin::controller(&state.here().head, &state.here().domain, name);
        builtin::enrol(&mut state, &controller, invocation, (now, &draw))?;
        state.send();
        let replica = state.here().copied(invocation);
        state.controllers.push(controller);
        state.replicas.push(replica);
        Ok(())
    }

    /// The domain's DNS name.
    pub fn domain(&self) -> String {
        self.state().here().domain.clone()
    }

    /// The domain head.
    pub fn head(&self) -> DistinguishedName {
        self.state().here().head.clone()
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

    /// Which copy of the directory a controller has; it changes with [`FakeDomain::restore`].
    ///
    /// # Errors
    /// If there is none of that name; its first label is enough.
    pub fn invocation_id(&self, controller: &str) -> Result<InvocationId, FakeError> {
        let state = self.state();
        Ok(state.replicas[state.controller_at(controller)?].invocation)
    }

    /// The account or group with this `sAMAccountName`.
    pub fn guid_of(&self, login: &str) -> Option<ObjectGuid> {
        self.state().here().login(login).map(|object| object.guid)
    }

    /// Whether this is the account's password.
    pub fn is_password(&self, guid: ObjectGuid, password: &str) -> bool {
        self.state().here().object(guid).is_some_and(|object| object.secret.is(password))
    }

    /// How often the account's password was set.
    pub fn password_version(&self, guid: ObjectGuid) -> Option<u32> {
        self.state().here().object(guid).map(Object::password_version)
    }

    /// How often an attribute of an object was written; none if the object is gone.
    pub fn writes_of(&self, guid: ObjectGuid, attribute: &str) -> Option<u32> {
        let state = self.state();
        let writes = &state.here().object(guid)?.writes;
        Some(writes.get(&attribute.to_ascii_lowercase()).map_or(0, |write| write.version))
    }

    /// Whether wrong passwords keep the account out at present.
    pub fn is_locked(&self, guid: ObjectGuid) -> bool {
        let (state, now) = self.writing();
        let account = state.here().object(guid);
        account.is_some_and(|account| state.here().is_locked(account, now))
    }

    /// The value of an attribute that is text, as it is stored.
    pub fn attribute(&self, guid: ObjectGuid, name: &str) -> Option<String> {
        self.state().here().object(guid)?.values.text(name).map(str::to_owned)
    }

    /// Every set so far, in order; the passwords that accounts were made with are not among them.
    pub fn journal(&self) -> Vec<Set> {
        self.state().journal.clone()
    }

    /// From when to when a controller worked on those that met [`Fault::Slow`], in their order.
    ///
    /// [`Fault::Slow`]: crate::Fault::Slow
    pub fn held(&self) -> Vec<(Timestamp, Timestamp)> {
        self.state().faults.held.clone()
    }

    /// How many wrong passwords were tried for an account since it was last let in, at all controllers
    /// together. Each one counts its own.
    pub fn wrong_passwords(&self, login: &str) -> i64 {
        let state = self.state();
        let accounts = state.replicas.iter().filter_map(|replica| replica.login(login));
        accounts.map(|account| account.number("badPwdCount")).sum()
    }

    /// How many searches its controllers have answered, without those of a client's own way to one.
    pub fn searches(&self) -> u64 {
        self.state().searches.get()
    }

    /// Signs in at the PDC emulator, with a login or any other name.
    pub fn bind(&self, login: &str, password: &str) -> Bound {
        let owner = self.state().owner;
        self.bind_to(owner, login, password)
    }

    /// The same at that controller, whether it is up or not.
    ///
    /// # Errors
    /// If there is none of that name; its first label is enough.
    pub fn bind_at(
        &self,
        controller: &str,
        login: &str,
        password: &str,
    ) -> Result<Bound, FakeError> {
        let at = self.state().controller_at(controller)?;
        Ok(self.bind_to(at, login, password))
    }

    fn bind_to(&self, at: usize, login: &str, password: &str) -> Bound {
        let name = match login.contains(['@', '=', '\\']) {
            true => login.to_owned(),
            false => format!("{login}@{}", self.domain()),
        };
        let now = self.now();
        match self.state().replicas[at].bind(&name, password, now) {
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

    /// The domain as it is now: what was still under way has arrived if its time has come.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        let now = self.now();
        // Nothing panics while it is held; the tables stay whole.
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.arrive(now);
        state
    }

    /// As [`FakeDomain::state`], and the moment that it is.
    pub(crate) fn writing(&self) -> (MutexGuard<'_, State>, Timestamp) {
        (self.state(), self.now())
    }
}

fn draw_guid(randomness: &dyn Randomness) -> ObjectGuid {
    let mut bytes = [0; 16];
    randomness.fill(&mut bytes);
    ObjectGuid::from_bytes(bytes)
}
