//! A bound connection to one controller, and what a controller says about itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapDerefAliases, LdapFilter, LdapOp, LdapResult, LdapResultCode, LdapSearchRequest,
    LdapSearchScope,
};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::attributes::Entry;
use crate::code::{AdCode, BindRefusal};
use crate::connection::{Connection, Flight};
use crate::error::Refusal;
use crate::root::RootDse;
use crate::witness::InvocationId;
use crate::{DirectoryConfig, DirectoryError, DistinguishedName, ObjectGuid, security, tls, wire};

/// A connection that is bound, to a controller whose rootDSE was read.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) connection: Connection,
    pub(crate) host: String,
    pub(crate) address: SocketAddr,
    pub(crate) root: RootDse,
    /// Which copy of the database the controller has. It does not change while a connection lives:
    /// a restored controller has been restarted.
    pub(crate) invocation_id: InvocationId,
}

/// One search: base and scope, what to look for, what to return.
pub(crate) struct Search<'a> {
    pub(crate) base: String,
    pub(crate) scope: LdapSearchScope,
    pub(crate) filter: LdapFilter,
    pub(crate) attributes: &'a [&'a str],
    pub(crate) controls: Vec<LdapControl>,
}

impl<'a> Search<'a> {
    /// Reads one object.
    pub(crate) fn object(base: String, attributes: &'a [&'a str]) -> Self {
        Self {
            base,
            scope: LdapSearchScope::Base,
            filter: LdapFilter::Present("objectClass".to_owned()),
            attributes,
            controls: security::controls_for(attributes),
        }
    }

    fn into_op(self) -> (LdapOp, Vec<LdapControl>) {
        let request = LdapSearchRequest {
            base: self.base,
            scope: self.scope,
            aliases: LdapDerefAliases::Never,
            sizelimit: 0,
            timelimit: 0,
            typesonly: false,
            filter: self.filter,
            attrs: self.attributes.iter().map(|name| (*name).to_owned()).collect(),
        };
        (LdapOp::SearchRequest(request), self.controls)
    }
}

impl Session {
    /// Connects to `host` at `address`, verifies its certificate, binds and reads its rootDSE. Each
    /// step has the configured time.
    pub(crate) async fn open(
        config: &DirectoryConfig,
        tls: Arc<ClientConfig>,
        host: &str,
        address: SocketAddr,
    ) -> Result<Self, DirectoryError> {
        let limit = config.connect_timeout;
        let unreachable = |step: &str, problem: &dyn std::fmt::Display| {
            let cause = format!("{step} {host} ({address}): {problem}");
            DirectoryError::PdcUnreachable { cause }
        };
        let in_time = "no answer in time";
        let stream = timeout(limit, TcpStream::connect(address))
            .await
            .map_err(|_| unreachable("connecting to", &in_time))?
            .map_err(|error| unreachable("connecting to", &error))?;
        // Requests are small and answered one by one: waiting to fill a segment costs 40 ms.
        stream.set_nodelay(true).map_err(|error| unreachable("connecting to", &error))?;
        let stream = timeout(limit, tls::start(tls, host, stream))
            .await
            .map_err(|_| unreachable("TLS with", &in_time))??;
        let connection = Connection::over(stream);
        let mut flight = connection
            .start(|id| Ok(wire::bind(id, &config.bind_name, &config.bind_password)))
            .map_err(|closed| unreachable("binding to", &closed.0))?;
        let answer = timeout(limit, flight.next())
            .await
            .map_err(|_| unreachable("binding to", &in_time))?
            .ok_or_else(|| unreachable("binding to", &flight.cause()))?;
        bound(host, &config.bind_name, answer.op)?;
        let root = search(&connection, Search::object(String::new(), RootDse::ATTRIBUTES), limit)
            .await?
            .into_iter()
            .next()
            .ok_or(DirectoryError::Unreadable { attribute: "rootDSE" })?;
        let root = RootDse::try_from(root.attributes)?;
        let invocation_id = invocation_id(&connection, &root, limit).await?;
        Ok(Self { connection, host: host.to_owned(), address, root, invocation_id })
    }

    /// All entries that a search finds. Referrals are not chased.
    pub(crate) async fn search(
        &self,
        search: Search<'_>,
        limit: Duration,
    ) -> Result<Vec<Entry>, DirectoryError> {
        self::search(&self.connection, search, limit).await
    }

    /// One object; none if it is not there.
    pub(crate) async fn object(
        &self,
        base: String,
        attributes: &[&str],
        limit: Duration,
    ) -> Result<Option<Entry>, DirectoryError> {
        match self.search(Search::object(base, attributes), limit).await {
            Ok(found) => Ok(found.into_iter().next()),
            Err(DirectoryError::Refused(refusal)) if refusal.is_no_such_object() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The NTDS Settings object of whoever holds the PDC role, as this controller knows it.
    pub(crate) async fn role_owner(
        &self,
        head: &DistinguishedName,
        limit: Duration,
    ) -> Result<DistinguishedName, DirectoryError> {
        let entry = self.object(head.to_string(), &["fSMORoleOwner"], limit).await?;
        let entry = entry.ok_or_else(|| {
            DirectoryError::Configuration(format!("there is no domain head {head}"))
        })?;
        entry.attributes.required("fSMORoleOwner")
    }

    /// The DNS name of the controller with these NTDS Settings: its server object is one level up.
    pub(crate) async fn host_of(
        &self,
        settings: &DistinguishedName,
        limit: Duration,
    ) -> Result<String, DirectoryError> {
        let hidden = DirectoryError::Unreadable { attribute: "dNSHostName of the role's owner" };
        let server = settings.parent().ok_or(hidden.clone())?;
        let entry = self.object(server.to_string(), &["dNSHostName"], limit).await?;
        let host = entry.and_then(|entry| entry.attributes.text("dNSHostName").map(str::to_owned));
        host.ok_or(hidden)
    }
}

async fn invocation_id(
    connection: &Connection,
    root: &RootDse,
    limit: Duration,
) -> Result<InvocationId, DirectoryError> {
    let settings = Search::object(root.settings.to_string(), &["invocationId"]);
    let found = search(connection, settings, limit).await?;
    let value = found.first().and_then(|entry| entry.attributes.value("invocationId"));
    value
        .and_then(|value| ObjectGuid::from_value(value).ok())
        .map(InvocationId)
        .ok_or(DirectoryError::Unreadable { attribute: "invocationId" })
}

fn bound(host: &str, name: &str, op: LdapOp) -> Result<(), DirectoryError> {
    let result = match op {
        LdapOp::BindResponse(response) => response.res,
        LdapOp::ExtendedResponse(response) => response.res,
        _ => return Err(unexpected(host)),
    };
    match result.code {
        LdapResultCode::Success => Ok(()),
        LdapResultCode::InvalidCredentials => Err(DirectoryError::BindRefused {
            controller: host.to_owned(),
            name: name.to_owned(),
            refusal: BindRefusal::of(&result.message),
        }),
        _ => Err(DirectoryError::Refused(refusal(result))),
    }
}

fn unexpected(host: &str) -> DirectoryError {
    DirectoryError::Lost { cause: format!("{host} sent an answer of another kind") }
}

/// An answer that is not success, as it is kept.
pub(crate) fn refusal(result: LdapResult) -> Refusal {
    let code = AdCode::of(&result.message);
    // A result code is a small positive number; the codec has refused any other.
    let number = u32::try_from(result.code as i64).unwrap_or(u32::MAX);
    Refusal { result: number, code, diagnostic: result.message }
}

async fn search(
    connection: &Connection,
    search: Search<'_>,
    limit: Duration,
) -> Result<Vec<Entry>, DirectoryError> {
    let mut found = Vec::new();
    let each = &mut |entry| found.push(entry);
    search_each(connection, search, limit, each).await?;
    Ok(found)
}

/// Runs a search and hands over its entries as they come; the controls of its last answer.
pub(crate) async fn search_each(
    connection: &Connection,
    search: Search<'_>,
    limit: Duration,
    each: &mut (dyn FnMut(Entry) + Send),
) -> Result<Vec<LdapControl>, DirectoryError> {
    let (op, controls) = search.into_op();
    let flight = connection
        .start(|id| wire::plain(id, op, controls))
        .map_err(|closed| DirectoryError::Lost { cause: closed.0 })?;
    let mut flight = flight.abandoned_when_dropped();
    match timeout(limit, collect(&mut flight, each)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(DirectoryError::Lost { cause: "no answer to a search in time".to_owned() }),
    }
}

async fn collect(
    flight: &mut Flight,
    each: &mut (dyn FnMut(Entry) + Send),
) -> Result<Vec<LdapControl>, DirectoryError> {
    loop {
        let Some(answer) = flight.next().await else {
            return Err(DirectoryError::Lost { cause: flight.cause() });
        };
        let result = match answer.op {
            LdapOp::SearchResultEntry(entry) => {
                each(Entry::try_from(entry)?);
                continue;
            }
            // Another controller has more: never followed, the connection there would not be ours.
            LdapOp::SearchResultReference(_) | LdapOp::IntermediateResponse(_) => continue,
            LdapOp::SearchResultDone(result) => result,
            LdapOp::ExtendedResponse(response) => response.res,
            _ => return Err(unexpected("the controller")),
        };
        return match result.code {
            LdapResultCode::Success => Ok(answer.ctrl),
            _ => Err(DirectoryError::Refused(refusal(result))),
        };
    }
}
