//! Searches over one connection: what is asked, and the answers, each within its time.

use std::time::Duration;

use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapDerefAliases, LdapExtendedResponse, LdapFilter, LdapOp, LdapResult, LdapResultCode,
    LdapSearchRequest, LdapSearchScope,
};
use tokio::time::timeout;

use crate::answers::{Answer, TooLarge};
use crate::attributes::Entry;
use crate::code::AdCode;
use crate::connection::{Connection, Flight};
use crate::error::Refusal;
use crate::filter::Filter;
use crate::{DirectoryError, security, wire};

/// How much a search finds that is kept as a whole, in bytes: a few answers of the largest size.
pub(crate) const FOUND_MAX: usize = 4 * crate::answers::ANSWER_MAX;

/// The form of LDAP_SERVER_EXTENDED_DN_OID in which a GUID is written as everywhere else (MS-ADTS
/// 3.1.1.3.4.1.5).
pub(crate) const AS_TEXT: i32 = 1;

/// One search: base and scope, what to look for, what to return.
pub(crate) struct Search<'a> {
    pub(crate) base: String,
    pub(crate) scope: LdapSearchScope,
    pub(crate) filter: Filter,
    pub(crate) attributes: &'a [&'a str],
    pub(crate) controls: Vec<LdapControl>,
}

impl<'a> Search<'a> {
    /// Reads one object.
    pub(crate) fn object(base: String, attributes: &'a [&'a str]) -> Self {
        Self {
            base,
            scope: LdapSearchScope::Base,
            filter: Filter::present("objectClass"),
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
            filter: LdapFilter::from(&self.filter),
            attrs: self.attributes.iter().map(|name| (*name).to_owned()).collect(),
        };
        (LdapOp::SearchRequest(request), self.controls)
    }
}

/// All that a search finds; an error if that is more than anybody keeps.
pub(crate) async fn search(
    connection: &Connection,
    search: Search<'_>,
    limit: Duration,
) -> Result<Vec<Entry>, DirectoryError> {
    let (mut found, mut size) = (Vec::new(), 0);
    let each = &mut |one: Found| {
        let entry = one.whole()?;
        size += size_of::<Entry>() + entry.attributes.size();
        if size > FOUND_MAX {
            let limit = format!("{FOUND_MAX} bytes");
            return Err(DirectoryError::TooMuch { attribute: "a search".to_owned(), limit });
        }
        found.push(entry);
        Ok(())
    };
    search_each(connection, search, Limits::of(limit), each).await?;
    Ok(found)
}

/// How long a search may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// All of it, however much comes.
    pub(crate) whole: Duration,
    /// Without anything coming.
    pub(crate) idle: Duration,
}

impl Limits {
    /// So long in all.
    pub(crate) const fn of(whole: Duration) -> Self {
        Self { whole, idle: whole }
    }
}

/// An entry that a search found.
pub(crate) enum Found {
    /// As it is.
    Entry(Entry),
    /// It is more than is taken.
    TooLarge(TooLarge),
}

impl Found {
    /// What tells it from every other entry: its GUID, or else its name.
    pub(crate) fn identity(&self) -> Vec<u8> {
        match self {
            Self::Entry(entry) => {
                let guid = entry.attributes.value("objectGUID").map(<[u8]>::to_vec);
                guid.unwrap_or_else(|| entry.dn.to_string().into_bytes())
            }
            Self::TooLarge(entry) => entry.name.clone().into_bytes(),
        }
    }

    /// The entry.
    ///
    /// # Errors
    /// [`DirectoryError::TooMuch`].
    pub(crate) fn whole(self) -> Result<Entry, DirectoryError> {
        match self {
            Self::Entry(entry) => Ok(entry),
            Self::TooLarge(entry) => Err(entry.into()),
        }
    }
}

impl From<TooLarge> for DirectoryError {
    fn from(entry: TooLarge) -> Self {
        Self::TooMuch { attribute: format!("the entry {}", entry.shown()), limit: entry.limit }
    }
}

/// What is done with each entry; an error ends the search.
pub(crate) type Each<'a> = &'a mut (dyn FnMut(Found) -> Result<(), DirectoryError> + Send);

/// Runs a search and hands over its entries as they come; the controls of its last answer.
pub(crate) async fn search_each(
    connection: &Connection,
    search: Search<'_>,
    limits: Limits,
    each: Each<'_>,
) -> Result<Vec<LdapControl>, DirectoryError> {
    let (op, controls) = search.into_op();
    let flight = connection
        .start(|id| wire::plain(id, op, controls))
        .map_err(|closed| DirectoryError::Lost { cause: closed.0 })?;
    let mut flight = flight.abandoned_when_dropped();
    match timeout(limits.whole, collect(&mut flight, limits.idle, each)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(late()),
    }
}

/// What ends a search when its time is over.
pub(crate) const LATE: &str = "no answer to a search in time";

fn late() -> DirectoryError {
    DirectoryError::Lost { cause: LATE.to_owned() }
}

/// Takes the answers to a request until the last one, and hands over the entries among them; `idle` is how
/// long nothing may come. The controls of the last answer.
pub(crate) async fn collect(
    flight: &mut Flight,
    idle: Duration,
    each: Each<'_>,
) -> Result<Vec<LdapControl>, DirectoryError> {
    loop {
        let answer = match timeout(idle, flight.found()).await.map_err(|_| late())? {
            Some(Answer::Whole(answer)) => answer,
            Some(Answer::TooLarge(entry)) => {
                each(Found::TooLarge(entry))?;
                continue;
            }
            None => return Err(DirectoryError::Lost { cause: flight.cause() }),
        };
        let result = match answer.op {
            LdapOp::SearchResultEntry(entry) => {
                each(Found::Entry(Entry::try_from(entry)?))?;
                continue;
            }
            // Another controller has more: never followed, the connection there would not be ours.
            LdapOp::SearchResultReference(_) | LdapOp::IntermediateResponse(_) => continue,
            LdapOp::SearchResultDone(result) => Some(result),
            LdapOp::ExtendedResponse(response) => refused_in(response),
            _ => None,
        };
        let result = result.ok_or_else(|| DirectoryError::Lost {
            cause: "the controller sent an answer of another kind".to_owned(),
        })?;
        return match result.code {
            LdapResultCode::Success => Ok(answer.ctrl),
            _ => Err(DirectoryError::Refused(refusal(result))),
        };
    }
}

/// The refusal in an ExtendedResponse, in which some controllers refuse a request of another kind, such as
/// one with a control that they do not know; none if it says success: it is then no answer to that request,
/// which has one of its own (RFC 4511 section 4.12).
pub(crate) fn refused_in(response: LdapExtendedResponse) -> Option<LdapResult> {
    Some(response.res).filter(|result| result.code != LdapResultCode::Success)
}

/// An answer that is not success, as it is kept.
pub(crate) fn refusal(result: LdapResult) -> Refusal {
    let code = AdCode::of(&result.message);
    // A result code is a small positive number; the codec has refused any other.
    let number = u32::try_from(result.code as i64).unwrap_or(u32::MAX);
    Refusal { result: number, code, diagnostic: result.message }
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
