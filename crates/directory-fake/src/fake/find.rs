//! Finding the PDC emulator and connecting to it, as the LDAP client does.

use directory::{BIND_HOLD_OFF, BindRefusal, DirectoryError, InvocationId};
use protocol::Timestamp;

use super::{Client, Settings};
use crate::modify::Token;
use crate::state::State;

/// How many controllers are asked who holds the role, after the one that DNS named.
const HOPS_MAX: usize = 3;

#[derive(Default)]
pub(super) struct Connection {
    pub(super) held: Option<Held>,
    /// When the last bind was refused, and how.
    refused: Option<(Timestamp, DirectoryError)>,
}

impl Connection {
    /// Nobody is asked again so soon after a refused bind: each one counts towards a lockout.
    pub(super) fn hold_off(&mut self, now: Timestamp) -> Result<(), DirectoryError> {
        match &self.refused {
            Some((at, error)) if at.apart(now) < BIND_HOLD_OFF => Err(error.clone()),
            _ => {
                self.refused = None;
                Ok(())
            }
        }
    }
}

/// A bound connection to a controller.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) controller: usize,
    pub(super) host: String,
    pub(super) run: u64,
    pub(super) invocation: InvocationId,
    pub(super) token: Token,
    /// When the controller last said that it holds the role.
    confirmed: Timestamp,
}

impl Client {
    /// The connection to the PDC emulator, which said within `age` that it holds the role.
    pub(super) fn session(&self, age: Option<std::time::Duration>) -> Result<Held, DirectoryError> {
        let (now, mut connection) = (self.domain.now(), self.connection());
        let mut state = self.domain.state();
        if let Some(held) = connection.held.as_mut().filter(|held| state.is_alive(held)) {
            let fresh = age.is_some_and(|age| held.confirmed.apart(now) < age);
            let holds = state.owner_seen_by(held.controller) == Some(held.controller);
            if !fresh && holds {
                held.confirmed = now;
            }
            if fresh || holds {
                return Ok(held.clone());
            }
        }
        connection.held = None;
        let held = self.connect(&mut connection, &mut state, now)?;
        connection.held = Some(held.clone());
        Ok(held)
    }

    /// Finds the PDC emulator by DNS and by the word of the controllers, and binds to each one on
    /// the way.
    pub(super) fn connect(
        &self,
        connection: &mut Connection,
        state: &mut State,
        now: Timestamp,
    ) -> Result<Held, DirectoryError> {
        connection.hold_off(now)?;
        let (mut at, mut asked) = (state.in_dns, Vec::new());
        while !asked.contains(&at) && asked.len() <= HOPS_MAX {
            asked.push(at);
            let held = self.connect_at(at, connection, state, now)?;
            // The controllers know better than DNS, and each only what it was told.
            match state.owner_seen_by(at) {
                Some(owner) if owner == at => return Ok(held),
                Some(owner) => at = owner,
                None => break,
            }
        }
        let asked: Vec<_> = asked.iter().map(|at| state.controllers[*at].host.as_str()).collect();
        let cause = format!("none of {} says of itself that it holds the role", asked.join(", "));
        Err(DirectoryError::PdcUnreachable { cause })
    }

    /// A connection to the controller of that name, whichever role it has.
    pub(super) fn at(&self, host: &str) -> Result<Held, DirectoryError> {
        let (now, mut connection) = (self.domain.now(), self.connection());
        let mut state = self.domain.state();
        connection.hold_off(now)?;
        let found = state.controllers.iter().position(|one| one.host.eq_ignore_ascii_case(host));
        let at = found.ok_or_else(|| DirectoryError::PdcUnreachable {
            cause: format!("DNS has no address of {host}"),
        })?;
        self.connect_at(at, &mut connection, &mut state, now)
    }

    /// Binds to one controller, whichever role it has.
    pub(super) fn connect_at(
        &self,
        at: usize,
        connection: &mut Connection,
        state: &mut State,
        now: Timestamp,
    ) -> Result<Held, DirectoryError> {
        let controller = state.controllers[at].clone();
        if !controller.up {
            let cause = format!("connecting to {}: connection refused", controller.host);
            return Err(DirectoryError::PdcUnreachable { cause });
        }
        let Settings { bind_name, bind_password, .. } = &self.settings;
        let bound = state.replicas[at].bind(bind_name, &bind_password.to_text(), now);
        let token = bound.map_err(|refused| {
            let error = DirectoryError::BindRefused {
                controller: controller.host.clone(),
                name: bind_name.clone(),
                refusal: BindRefusal::of(&refused.diagnostic),
                diagnostic: refused.diagnostic,
            };
            connection.refused = Some((now, error.clone()));
            error
        })?;
        let (run, invocation) = (controller.run, state.replicas[at].invocation);
        Ok(Held { controller: at, host: controller.host, run, invocation, token, confirmed: now })
    }
}

impl State {
    pub(super) fn is_alive(&self, held: &Held) -> bool {
        let controller = &self.controllers[held.controller];
        controller.up && controller.run == held.run
    }
}
