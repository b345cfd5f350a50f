//! The page on which a password is chosen. With scripting the form has no action and no named
//! field, so that a slow script can never post clear text (SPEC W-4); without scripting the form
//! inside `<noscript>` posts it here, and this service seals it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use protocol::policy::AccountNames;
use protocol::scim::User;
use protocol::{ClearPassword, Details, Outcome, PasswordPolicy, Passwords};
use seal::PublicKey;
use store::StoreError;
use store::flows::Flow;
use store::operations::OperationRecord;
use zeroize::Zeroizing;

use crate::dispatch::{self, SealedPassword, Ticket};
use crate::flow::{Cleared, Step};
use crate::http::cookies;
use crate::http::form::Form;
use crate::http::view::{self, Frame, Plain};
use crate::http::visit::{Standing, Visit};
use crate::support;

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    frame: Frame,
    rules: Option<PasswordPolicy>,
    /// The same for the script, as JSON.
    shown: Option<String>,
    /// For password keepers: which account the new password belongs to. Only after the gates.
    user_name: String,
}

/// What this page finds by itself, before anything is sealed.
const MISTAKES: [Outcome; 2] = [Outcome::PasswordsDiffer, Outcome::PasswordMalformed];

impl PasswordPage {
    fn new(frame: Frame, cleared: &Cleared) -> Self {
        let resource = &cleared.person().resource;
        let rules = resource.passback.policy.rules.clone();
        let shown = rules.as_ref().map(|rules| rules.shown(&names_of(resource)));
        let shown = shown.and_then(|shown| serde_json::to_string(&shown).ok());
        Self { frame, rules, shown, user_name: resource.user_name.clone() }
    }
}

/// The names of a person, as far as the cloud service knows them: the login is the
/// `sAMAccountName` where it is no `userPrincipalName`.
fn names_of(resource: &User) -> AccountNames {
    let account = Some(&resource.user_name).filter(|name| !name.contains('@'));
    AccountNames {
        account_name: account.cloned().unwrap_or_default(),
        display_name: resource.display_name.clone(),
    }
}

/// `GET …/reset/password`.
pub(super) async fn page(visit: Visit) -> Response {
    view::answer(&visit, show(&visit)).await
}

async fn show(visit: &Visit) -> Result<Response, StoreError> {
    let (flow, known) = match visit.standing().await? {
        Standing::Open(flow, Step::Password, known) => (flow, known),
        Standing::Open(_, Step::Gate(_), _) => return Ok(to(visit, "code")),
        Standing::Ended(_) => return Ok(to(visit, "result")),
        Standing::None => return Ok(view::not_taken(visit, Outcome::FlowExpired)),
    };
    let Some(cleared) = visit.clear(&flow, *known) else {
        return Ok(view::not_taken(visit, Outcome::FlowExpired));
    };
    let last = visit.app.store.last_operation(flow.id).await?;
    let mistakes = MISTAKES.map(Outcome::name);
    let told = visit.told(&mistakes).and_then(Outcome::from_name);
    match last.as_ref().map(|operation| (operation, operation.result)) {
        // In flight or in doubt: the result page follows it.
        Some((_, None)) => Ok(to(visit, "result")),
        _ if told.is_some() => Ok(with_outcome(visit, &cleared, &flow, told)),
        Some((operation, Some((outcome, details)))) if outcome.asks_for_another_password() => {
            Ok(render(visit, &cleared, &flow, Some((operation, outcome, details))))
        }
        _ => Ok(render(visit, &cleared, &flow, None)),
    }
}

/// `POST …/reset/password` with `password` and `password_again`: the form without scripting.
pub(super) async fn submit(visit: Visit, body: Bytes) -> Response {
    let form = Form::read(body);
    let answer = view::answer(&visit, seal_here(&visit, &form)).await;
    // The page that is left has the password in its fields.
    let turned = cookies::turned_header(visit.app.randomness.as_ref(), &visit.base());
    view::with_cookie(answer, &turned)
}

async fn seal_here(visit: &Visit, form: &Form) -> Result<Response, StoreError> {
    let mistake = |outcome: Outcome| Ok(visit.see("password", Some(outcome.name())));
    let (flow, cleared) = match cleared(visit, form.only("flow")).await? {
        Ok(cleared) => cleared,
        Err(refused) => return Ok(refused),
    };
    let (one, again) = (form.only("password"), form.only("password_again"));
    let (Some(one), Some(again)) = (one, again) else {
        return mistake(Outcome::PasswordMalformed);
    };
    if one != again {
        return mistake(Outcome::PasswordsDiffer);
    }
    let Ok(password) = ClearPassword::from_text(one) else {
        return mistake(Outcome::PasswordMalformed);
    };
    let ticket = match dispatch::issue(&visit.app, &cleared).await? {
        Ok(ticket) => ticket,
        Err(outcome) => return Ok(not_submitted(visit, &flow, outcome)),
    };
    let sealed = seal_for_each(visit, &ticket, &Passwords::New(password));
    let prepared = dispatch::prepare(&visit.app, ticket.operation.request, sealed).await?;
    let submitted = match dispatch::submit(&visit.app, &cleared, prepared).await? {
        Ok(submitted) => submitted,
        Err(outcome) => return not_submitted_now(visit, &flow, outcome).await,
    };
    let limit = visit.app.settings.wait_for_answer;
    // From here on only the result page may say what happened.
    let record = dispatch::follow(&visit.app, submitted, limit).await.ok().flatten();
    Ok(view::see_other(&location(visit, record.as_ref())))
}

/// Another operation of the very same flow is in flight: this is the same form, posted twice.
async fn not_submitted_now(
    visit: &Visit,
    flow: &Flow,
    outcome: Outcome,
) -> Result<Response, StoreError> {
    let last = visit.app.store.last_operation(flow.id).await?;
    if outcome == Outcome::AlreadyInFlight && last.is_some_and(|one| one.result.is_none()) {
        return Ok(to(visit, "result"));
    }
    Ok(not_submitted(visit, flow, outcome))
}

/// Seals the passwords for every agent of the ticket, as the browser does with scripting.
fn seal_for_each(visit: &Visit, ticket: &Ticket, passwords: &Passwords) -> Vec<SealedPassword> {
    let random = visit.app.randomness.as_ref();
    ticket
        .agents
        .iter()
        .filter_map(|one| {
            let header = ticket.operation.header(one.agent);
            let sealed = PublicKey::from_spki(&one.spki)
                .and_then(|key| seal::seal_passwords(&key, &header, passwords, random));
            match sealed {
                Ok(inner) => {
                    Some(SealedPassword { agent: one.agent.agent, inner: Zeroizing::new(inner) })
                }
                Err(error) => {
                    tracing::error!(event = "password.not_sealed", cause = %error);
                    None
                }
            }
        })
        .collect()
}

/// The flow and the proof of its gates for a posted step, or the page that says what is missing.
pub(super) async fn cleared(
    visit: &Visit,
    handle: Option<&str>,
) -> Result<Result<(Flow, Cleared), Response>, StoreError> {
    let (flow, step, known) = match visit.posted(handle).await? {
        Ok(standing) => standing,
        Err(refused) => return Ok(Err(refused.page(visit))),
    };
    if step != Step::Password {
        return Ok(Err(to(visit, "code")));
    }
    match visit.clear(&flow, known) {
        Some(cleared) => Ok(Ok((flow, cleared))),
        None => Ok(Err(view::not_taken(visit, Outcome::FlowExpired))),
    }
}

/// Where the browser goes after a submission: back to the form if another password helps, else to
/// the result.
pub(super) fn location(visit: &Visit, record: Option<&OperationRecord>) -> String {
    let outcome = record.and_then(|record| record.result).map(|(outcome, _)| outcome);
    let step = match outcome {
        Some(outcome) if outcome.asks_for_another_password() => "password",
        _ => "result",
    };
    format!("{}/{step}", visit.base())
}

fn with_outcome(
    visit: &Visit,
    cleared: &Cleared,
    flow: &Flow,
    outcome: Option<Outcome>,
) -> Response {
    let mut frame = frame(visit, flow);
    frame.message =
        outcome.map(|outcome| view::message(&visit.locale, outcome, &Details::default(), "UTC"));
    view::render(StatusCode::OK, &PasswordPage::new(frame, cleared))
}

fn render(
    visit: &Visit,
    cleared: &Cleared,
    flow: &Flow,
    last: Option<(&OperationRecord, Outcome, Details)>,
) -> Response {
    let mut frame = frame(visit, flow);
    if let Some((operation, outcome, details)) = last {
        let zone = &visit.app.settings.time_zone;
        frame.message = Some(view::message(&visit.locale, outcome, &details, zone));
        frame.support_code = support::of_request(operation.request);
    }
    view::render(StatusCode::OK, &PasswordPage::new(frame, cleared))
}

fn frame(visit: &Visit, flow: &Flow) -> Frame {
    let mut frame = Frame::new(visit, "password", "password-title");
    frame.flow = support::handle(flow);
    frame.support_code = support::of_flow(flow.id);
    frame
}

/// Nothing was submitted: another operation is in flight, or nobody is there to take it.
fn not_submitted(visit: &Visit, flow: &Flow, outcome: Outcome) -> Response {
    view::plain(
        visit,
        Plain {
            step: "result",
            title: "result-title-unchanged",
            outcome,
            details: Details::default(),
            support_code: support::of_flow(flow.id),
            try_again: Some(format!("{}/password", visit.base())),
            status: StatusCode::OK,
        },
    )
}

fn to(visit: &Visit, step: &str) -> Response {
    view::see_other(&format!("{}/{step}", visit.base()))
}
