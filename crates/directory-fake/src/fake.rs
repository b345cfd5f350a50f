//! The agent's view of a fake domain, without any socket.
//!
//! It goes the way of the LDAP client: DNS, bind, role, then the request; and it reads what a
//! search returns with the client's own code.

mod find;
mod late;
mod people;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use directory::{
    Account, BoundAs, Directory, DirectoryError, DistinguishedName, EffectivePolicy, Entry, Holder,
    InvocationId, LDAPS_PORT, Late, OPERATION_TIMEOUT, ObjectGuid, PeopleRead, PersonEntry,
    PolicyControl, Probe, ROLE_CHECK, SetError, Sid, Standing, Terms, Witness, Write,
};
use futures_util::future::BoxFuture;
use ldap3_proto::proto::{LdapFilter, LdapResultCode, LdapSearchScope};
use protocol::limits::SET_TIME_LIMIT;
use protocol::{ClearPassword, Timestamp};
use tokio::sync::oneshot;

use crate::answer::Refused;
use crate::domain::FakeDomain;
use crate::faults::Sent;
use crate::modify::Modification;
use crate::render::Row;
use crate::rules::Flavour;
use crate::search::{Found, Query};

use find::{Connection, Held};
use late::{Kept, Noted};

/// What is read of an object: everything, with what is only computed on request, and of its
/// security descriptor all but the SACL (MS-ADTS 3.1.1.3.4.1.11).
const EVERYTHING: &[&str] = &[
    "*",
    "tokenGroups",
    "msDS-ResultantPSO",
    "msDS-User-Account-Control-Computed",
    "replPropertyMetaData",
    "nTSecurityDescriptor",
];
const WITHOUT_SACL: u32 = 1 | 2 | 4;

/// A client of a fake domain, signed in with an account of it. Clones share one connection.
#[derive(Clone)]
pub struct FakeDirectory(Arc<Client>);

struct Client {
    domain: FakeDomain,
    settings: Settings,
    connection: Mutex<Connection>,
    /// The last set of each account whose answer did not come in time.
    unanswered: Mutex<HashMap<ObjectGuid, Kept>>,
}

/// As an administrator configures a client.
#[derive(Clone)]
struct Settings {
    bind_name: String,
    bind_password: ClearPassword,
    allow_without_policy_control: bool,
    people_attributes: Vec<String>,
    /// At which controllers people are read, and whether at no other (SPEC D-11).
    preferred: Vec<String>,
    only_preferred: bool,
}

impl FakeDirectory {
    /// A client that signs in with a login of the domain, or any other name, when it is first used.
    pub fn new(domain: &FakeDomain, login: &str, password: ClearPassword) -> Self {
        let bind_name = match login.contains(['@', '=', '\\']) {
            true => login.to_owned(),
            false => format!("{login}@{}", domain.domain()),
        };
        let settings = Settings {
            bind_name,
            bind_password: password,
            allow_without_policy_control: false,
            people_attributes: Vec::new(),
            preferred: Vec::new(),
            only_preferred: false,
        };
        Self::with(domain, settings)
    }

    fn with(domain: &FakeDomain, settings: Settings) -> Self {
        let (connection, unanswered) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Client { domain: domain.clone(), settings, connection, unanswered }))
    }

    /// The same client, but with what an administrator may configure: sets without the
    /// policy-hints control (SPEC D-2), more attributes of people. It connects anew.
    #[must_use]
    pub fn configured(&self, without_policy_control: bool, people_attributes: &[&str]) -> Self {
        let settings = Settings {
            allow_without_policy_control: without_policy_control,
            people_attributes: people_attributes.iter().map(|name| (*name).to_owned()).collect(),
            ..self.0.settings.clone()
        };
        Self::with(&self.0.domain, settings)
    }

    /// The same client, but people are read at these controllers, by their DNS names and the most
    /// preferred one first, and at `only` these or, where none can be used, at others (SPEC D-11).
    /// It connects anew.
    #[must_use]
    pub fn preferring(&self, controllers: &[&str], only: bool) -> Self {
        let settings = Settings {
            preferred: controllers.iter().map(|name| (*name).to_owned()).collect(),
            only_preferred: only,
            ..self.0.settings.clone()
        };
        Self::with(&self.0.domain, settings)
    }

    /// The domain that it asks.
    pub fn domain(&self) -> &FakeDomain {
        &self.0.domain
    }
}

impl Directory for FakeDirectory {
    fn probe(&self) -> BoxFuture<'_, Result<Probe, DirectoryError>> {
        Box::pin(async move {
            self.0.pause().await?;
            // The role is asked about however lately it was.
            let held = self.0.session(None)?;
            let state = self.0.domain.state();
            let controls: Vec<String> = state.controllers[held.controller]
                .controls()
                .into_iter()
                .map(str::to_owned)
                .collect();
            Ok(Probe {
                controller: held.host,
                address: address(held.controller),
                bound_as: BoundAs::of(held.token.sids),
                policy_control: PolicyControl::among(&controls),
                controls,
            })
        })
    }

    fn account(&self, guid: ObjectGuid) -> BoxFuture<'_, Result<Option<Account>, DirectoryError>> {
        Box::pin(async move {
            let found = self.0.read(&format!("<GUID={guid}>")).await?;
            let samba = self.0.domain.state().here().flavour == Flavour::Samba;
            let read = |(held, entry): (Held, Entry)| {
                let who = BoundAs::of(held.token.sids).map(|bound| bound.requester().at(samba));
                Account::read(entry, who.as_ref())
            };
            found.map(read).transpose()
        })
    }

    fn policy<'a>(
        &'a self,
        fine_grained: Option<&'a DistinguishedName>,
    ) -> BoxFuture<'a, Result<EffectivePolicy, DirectoryError>> {
        Box::pin(async move {
            let head = self.0.domain.head();
            let judge = self.0.domain.state().here().flavour.judge();
            let found = self.0.read(&fine_grained.unwrap_or(&head).to_string()).await?;
            let found = found.map(|(_, entry)| entry.attributes);
            match (fine_grained, found) {
                (Some(settings), found) => {
                    Ok(EffectivePolicy::fine_grained(settings.clone(), found.as_ref(), judge))
                }
                (None, Some(found)) => EffectivePolicy::of_domain(head, &found, judge),
                (None, None) => Err(DirectoryError::Unreadable { attribute: "the domain head" }),
            }
        })
    }

    fn resultant_pso(
        &self,
        guid: ObjectGuid,
    ) -> BoxFuture<'_, Result<Option<DistinguishedName>, DirectoryError>> {
        Box::pin(async move {
            let found = self.0.read(&format!("<GUID={guid}>")).await?;
            let read = |(_, entry): (Held, Entry)| entry.attributes.parsed("msDS-ResultantPSO");
            Ok(found.map(read).transpose()?.flatten())
        })
    }

    fn holder<'a>(&'a self, sid: &'a Sid) -> BoxFuture<'a, Result<Holder, DirectoryError>> {
        Box::pin(async move {
            let head = self.0.read(&self.0.domain.head().to_string()).await?;
            let head = head.map(|(_, entry)| entry.attributes).unwrap_or_default();
            if Holder::is_elsewhere(sid, &head)? {
                return Ok(Holder::OfAnotherDomain);
            }
            let found = self.0.read(&format!("<SID={sid}>")).await?;
            Holder::read(found.map(|(_, entry)| entry))
        })
    }

    fn standing(
        &self,
        guid: ObjectGuid,
    ) -> BoxFuture<'_, Result<Option<Standing<'_>>, DirectoryError>> {
        Box::pin(async move {
            let found = self.0.read(&format!("<GUID={guid}>")).await?;
            let Some((held, entry)) = found else { return Ok(None) };
            let witness = self.0.witness(&held, &entry)?;
            let controls = self.0.domain.state().controllers[held.controller].controls();
            let controls: Vec<_> = controls.into_iter().map(str::to_owned).collect();
            let policy_control = PolicyControl::among(&controls);
            let bound_as = BoundAs::of(held.token.sids);
            let account = self.account(guid);
            Ok(Some(Standing { bound_as, witness, policy_control, account }))
        })
    }

    fn witness(&self, guid: ObjectGuid) -> BoxFuture<'_, Result<Option<Witness>, DirectoryError>> {
        Box::pin(async move {
            let found = self.0.read(&format!("<GUID={guid}>")).await?;
            found.map(|(held, entry)| self.0.witness(&held, &entry)).transpose()
        })
    }

    fn witness_at<'a>(
        &'a self,
        controller: &'a str,
        guid: ObjectGuid,
    ) -> BoxFuture<'a, Result<Option<Witness>, DirectoryError>> {
        Box::pin(async move {
            self.0.pause().await?;
            let held = self.0.at(controller)?;
            let found = self.0.read_over(held, &format!("<GUID={guid}>"))?;
            found.map(|(held, entry)| self.0.witness(&held, &entry)).transpose()
        })
    }

    fn time(&self) -> BoxFuture<'_, Result<Timestamp, DirectoryError>> {
        Box::pin(async move {
            self.0.pause().await?;
            self.0.session(Some(ROLE_CHECK))?;
            // A controller says it in whole seconds.
            Ok(Timestamp::from_millis(self.0.domain.now().as_seconds() * 1_000))
        })
    }

    fn role_given(&self) -> BoxFuture<'_, Result<Option<Timestamp>, DirectoryError>> {
        Box::pin(async move {
            let head = self.0.read(&self.0.domain.head().to_string()).await?;
            Ok(head.and_then(|(_, head)| directory::role_given(&head.attributes)))
        })
    }

    fn write<'a>(
        &'a self,
        guid: ObjectGuid,
        write: Write<'a>,
        terms: Terms<'a>,
    ) -> BoxFuture<'a, Result<(), SetError>> {
        Box::pin(self.0.write(guid, write, terms))
    }

    fn late(&self, guid: ObjectGuid, noted: (InvocationId, u32)) -> Late {
        self.0.late(guid, noted)
    }

    fn people<'a>(
        &'a self,
        bases: &'a [DistinguishedName],
        page: u32,
        each: &'a mut (dyn FnMut(PersonEntry) + Send),
    ) -> BoxFuture<'a, Result<PeopleRead, DirectoryError>> {
        Box::pin(self.0.people(bases, page, each))
    }
}

impl Client {
    /// As long as every answer takes; too long is no answer.
    async fn pause(&self) -> Result<(), DirectoryError> {
        let slow = self.domain.state().faults.slow;
        if slow.is_zero() {
            return Ok(());
        }
        self.domain.clock().sleep(slow.min(OPERATION_TIMEOUT)).await;
        if slow < OPERATION_TIMEOUT { Ok(()) } else { Err(lost("no answer in time")) }
    }

    /// Reads one object; none if it is not there, or its name is no name.
    async fn read(&self, base: &str) -> Result<Option<(Held, Entry)>, DirectoryError> {
        self.pause().await?;
        self.read_over(self.session(Some(ROLE_CHECK))?, base)
    }

    fn read_over(&self, held: Held, base: &str) -> Result<Option<(Held, Entry)>, DirectoryError> {
        let filter = LdapFilter::Present("objectClass".to_owned());
        let attributes: Vec<String> = EVERYTHING.iter().map(|name| (*name).to_owned()).collect();
        let query = Query {
            base,
            scope: &LdapSearchScope::Base,
            filter: &filter,
            attributes: &attributes,
            sd_parts: Some(WITHOUT_SACL),
        };
        let now = self.domain.now();
        let found = self.domain.state().search(held.controller, Some(&held.token), &query, now);
        match found {
            Ok(found) => Ok(found.into_iter().next().and_then(entry).map(|entry| (held, entry))),
            Err(refused) => match refused.into_refusal() {
                refusal if refusal.is_not_in_the_domain() => Ok(None),
                refusal => Err(DirectoryError::Refused(refusal)),
            },
        }
    }

    /// How a password stands by an entry that was read there.
    fn witness(&self, held: &Held, entry: &Entry) -> Result<Witness, DirectoryError> {
        let judge = self.domain.state().here().flavour.judge();
        Witness::read(entry, &held.host, held.invocation, judge)
    }

    async fn write(
        &self,
        guid: ObjectGuid,
        write: Write<'_>,
        Terms { not_after, noted }: Terms<'_>,
    ) -> Result<(), SetError> {
        let held = self.session(Some(ROLE_CHECK)).map_err(SetError::NotSent)?;
        if noted.is_some_and(|noted| noted.invocation_id != held.invocation) {
            return Err(SetError::ControllerMoved);
        }
        self.unanswered().remove(&guid);
        let waiting = {
            let mut state = self.domain.state();
            let controls = state.controllers[held.controller].controls();
            let controls: Vec<_> = controls.into_iter().map(str::to_owned).collect();
            let is_reset = matches!(write, Write::Reset(_));
            let hints = is_reset && PolicyControl::among(&controls).is_some();
            if is_reset && !hints && !self.settings.allow_without_policy_control {
                return Err(SetError::NoPolicyControl);
            }
            let now = self.domain.now();
            if not_after.since(now).is_zero() {
                return Err(SetError::TooLate);
            }
            let modification = Modification::of(write, hints);
            match state.deliver((held.controller, &held.token), guid, modification, now) {
                Sent::Answered(answer) => return judge(answer),
                Sent::Refused(refusal) => return Err(SetError::Refused(refusal)),
                Sent::Lost(cause) => {
                    drop(state);
                    self.forget();
                    return Err(SetError::Unknown { cause: cause.to_owned() });
                }
                Sent::Waiting(answer, slow) => (answer, slow),
            }
        };
        let noted = noted.map(|noted| (guid, (noted.invocation_id, noted.version)));
        self.answer(waiting, (held, noted, write.is_of_a_password())).await
    }

    /// Waits for the answer of a controller that is slow, and keeps the connection if it does not come in
    /// time. The request has left: dropping this does not call it back.
    async fn answer(
        &self,
        (mut answer, slow): (oneshot::Receiver<Result<(), Refused>>, std::time::Duration),
        (held, noted, is_password): (Held, Option<(ObjectGuid, Noted)>, bool),
    ) -> Result<(), SetError> {
        self.domain.clock().sleep(slow.min(SET_TIME_LIMIT)).await;
        // What is due arrives.
        drop(self.domain.state());
        if slow < SET_TIME_LIMIT
            && let Ok(answer) = answer.try_recv()
        {
            return judge(answer);
        }
        if let Some((guid, noted)) = noted {
            let since = self.domain.clock().running();
            let kept = Kept { noted, held, since, answer, is_password, end: None };
            self.unanswered().insert(guid, kept);
        }
        self.forget();
        let cause = format!("no answer within {} s", SET_TIME_LIMIT.as_secs());
        Err(SetError::Unknown { cause })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of the connection. Never while the domain is held: [`Client::session`] takes the
    /// two the other way round.
    fn forget(&self) {
        self.connection().held = None;
    }
}

fn judge(answer: Result<(), Refused>) -> Result<(), SetError> {
    answer.map_err(|refused| match refused.code {
        LdapResultCode::UnavailableCriticalExtension => SetError::NoPolicyControl,
        _ => SetError::Refused(refused.into_refusal()),
    })
}

/// The entry that was found; none for the rootDSE, which has no name.
fn entry((dn, row): Found) -> Option<Entry> {
    let row: Row = row;
    let mut attributes = directory::Attributes::default();
    for (name, values) in row {
        values.into_iter().for_each(|value| attributes.insert(&name, value));
    }
    Some(Entry { dn: dn?, attributes })
}

fn lost(cause: &str) -> DirectoryError {
    DirectoryError::Lost { cause: cause.to_owned() }
}

/// Where a controller would be.
fn address(controller: usize) -> SocketAddr {
    let last = u8::try_from(controller + 1).unwrap_or(u8::MAX);
    SocketAddr::new(Ipv4Addr::new(127, 0, 0, last).into(), LDAPS_PORT)
}
