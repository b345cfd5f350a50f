//! The gate "code by e-mail".
//!
//! A flow for a name that nobody has runs through the very same statements: it gets a code that
//! nobody is told, and its tries are counted (SPEC G-2, G-7).

use protocol::{Outcome, Timestamp};
use seal::OneTimeCode;
use store::StoreError;
use store::codes::Spent;
use store::flows::Flow;
use store::people::Person;

use crate::app::App;
use crate::gate::{GatePassed, Method};
use crate::locale::Locale;
use crate::notify::{Mail, messages};

/// Why a code did not open the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotPassed {
    /// The outcome that the page shows.
    pub(crate) outcome: Outcome,
    /// How many tries the code has left.
    pub(crate) left: u32,
}

/// Issues a code for a flow and sends it, if there is somebody with an address to send it to.
/// False if the flow has had all the codes that it may have.
pub(crate) async fn issue(
    app: &App,
    flow: &Flow,
    person: Option<&Person>,
    tenant_name: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let settings = &app.settings;
    let code = OneTimeCode::generate(app.randomness.as_ref());
    let hash = app.code_key.hash(&flow.id.to_bytes(), &code);
    let expires_at = now.after(settings.code_lifetime);
    let issued = app.store.issue_code(flow.id, &hash, expires_at, settings.code_sends, now).await?;
    let address = person.and_then(address);
    if let (true, Some(address)) = (issued, address) {
        let locale = Locale::from_tag(&flow.locale).unwrap_or_default();
        let text = messages::code(&locale, tenant_name, &code, settings.code_lifetime);
        // Handing over takes the mailer's time, not this request's: known and unknown names
        // are answered equally fast.
        app.mailer.send(Mail { to: address.to_owned(), message: text });
    }
    Ok(issued)
}

/// Counts a try, compares, consumes.
pub(crate) async fn answer(
    app: &App,
    flow: &Flow,
    typed: &str,
    now: Timestamp,
) -> Result<Result<GatePassed, NotPassed>, StoreError> {
    let not_passed = |outcome, left| Ok(Err(NotPassed { outcome, left }));
    let spent = app.store.spend_code(flow.id, app.settings.code_tries, now).await?;
    let (hash, left) = match spent {
        Spent::Compare { hash, left } => (hash, left),
        Spent::NoneLeft => return not_passed(Outcome::CodeTriesSpent, 0),
        Spent::Expired | Spent::Gone => return not_passed(Outcome::CodeExpired, 0),
    };
    let matches = OneTimeCode::from_typed(typed)
        .is_some_and(|code| app.code_key.matches(&flow.id.to_bytes(), &code, &hash));
    // A decoy's code is drawn like any other and could be guessed; nobody is behind it.
    if !matches || flow.person.is_none() {
        let outcome = if left == 0 { Outcome::CodeTriesSpent } else { Outcome::CodeWrong };
        return not_passed(outcome, left);
    }
    if !app.store.consume_code(flow.id, &hash, now).await? {
        return not_passed(Outcome::CodeExpired, 0);
    }
    Ok(Ok(GatePassed { method: Method::Email, at: now }))
}

/// The one address that codes go to: the primary one, else the first.
pub(crate) fn address(person: &Person) -> Option<&str> {
    let emails = &person.resource.emails;
    let primary = emails.iter().find(|email| email.primary).or_else(|| emails.first());
    primary.map(|email| email.value.as_str())
}
