//! The gate "code by e-mail".
//!
//! A flow for a name that nobody has runs through the very same statements: it gets a code that
//! nobody is told, and its tries are counted (SPEC G-2, G-7).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::{Outcome, Timestamp};
use seal::OneTimeCode;
use store::StoreError;
use store::codes::Spent;
use store::flows::Flow;
use store::people::Person;
use store::throttle::Throttle;

use crate::app::App;
use crate::gate::{GatePassed, Method};
use crate::locale::Locale;
use crate::notify::{Content, Mail};

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
    let mails = Throttle {
        name: "mails_per_name",
        most: settings.throttles.mails_per_name,
        window: settings.throttles.long_window,
    };
    if app.store.spend(mails, &per_name(flow), now).await?.is_err() {
        return Ok(false);
    }
    let code = OneTimeCode::generate(app.randomness.as_ref());
    let hash = app.code_key.hash(&flow.id.to_bytes(), &code);
    let expires_at = now.after(settings.code_lifetime);
    let issued = app.store.issue_code(flow.id, &hash, expires_at, settings.code_sends, now).await?;
    let address = person.and_then(address);
    if let (true, Some(address)) = (issued, address) {
        app.mailer.send(Mail {
            to: address.to_owned(),
            locale: Locale::from_tag(&flow.locale).unwrap_or_default(),
            tenant: tenant_name.to_owned(),
            content: Content::Code { code, lifetime: settings.code_lifetime },
        });
    }
    Ok(issued)
}

/// Counts a try, compares, consumes; the passed gate is recorded with the consumption.
pub(crate) async fn answer(
    app: &App,
    flow: &Flow,
    typed: &str,
    now: Timestamp,
) -> Result<Result<GatePassed, NotPassed>, StoreError> {
    let not_passed = |outcome, left| Ok(Err(NotPassed { outcome, left }));
    let tries = Throttle {
        name: "tries_per_name",
        most: app.settings.throttles.tries_per_name,
        window: app.settings.throttles.long_window,
    };
    // Over all flows of a name, whether anybody has it or not; counted before anything is compared.
    if app.store.spend(tries, &per_name(flow), now).await?.is_err() {
        return not_passed(Outcome::CodeTriesSpent, 0);
    }
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
    let passed = GatePassed { method: Method::Email, at: now };
    if !app.store.consume_code(flow.id, &hash, &passed.fact(), now).await? {
        return not_passed(Outcome::CodeExpired, 0);
    }
    Ok(Ok(passed))
}

/// Under what a name is counted.
fn per_name(flow: &Flow) -> String {
    URL_SAFE_NO_PAD.encode(flow.name)
}

/// The one address that codes go to: the primary one, else the first.
pub(crate) fn address(person: &Person) -> Option<&str> {
    let emails = &person.resource.emails;
    let primary = emails.iter().find(|email| email.primary).or_else(|| emails.first());
    primary.map(|email| email.value.as_str())
}
