//! The page that asks for the code.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use protocol::{CloudAnchor, Details, Outcome};
use serde_json::json;
use store::StoreError;
use store::audit::Event;
use store::flows::Flow;

use crate::flow::Step;
use crate::gate::email::{self, NotPassed};
use crate::http::form::Form;
use crate::http::view::{self, Frame, Plain};
use crate::http::visit::{Standing, Visit};
use crate::support;

/// What is told after another code was asked for.
const RESENT: &str = "resent";

#[derive(Template)]
#[template(path = "code.html")]
struct CodePage {
    frame: Frame,
    minutes: u32,
    left: Option<u32>,
    resent: bool,
}

/// `GET …/reset/code`.
pub(super) async fn page(visit: Visit) -> Response {
    view::answer(&visit, show(&visit)).await
}

async fn show(visit: &Visit) -> Result<Response, StoreError> {
    Ok(match visit.standing().await? {
        Standing::Open(flow, Step::Gate(_), _) => {
            let not_passed = told(visit, &flow).await?;
            render(visit, &flow, not_passed, visit.told(&[RESENT]).is_some())
        }
        Standing::Open(_, Step::Password, _) => to(visit, "password"),
        Standing::Ended(_) => to(visit, "result"),
        Standing::None => view::not_taken(visit, Outcome::FlowExpired),
    })
}

/// Why the last code that was posted did not count.
async fn told(visit: &Visit, flow: &Flow) -> Result<Option<NotPassed>, StoreError> {
    let outcomes = [Outcome::CodeWrong, Outcome::CodeExpired].map(Outcome::name);
    let Some(outcome) = visit.told(&outcomes).and_then(Outcome::from_name) else {
        return Ok(None);
    };
    let left = visit.app.store.tries_left(flow.id, visit.app.settings.code_tries).await?;
    Ok(Some(NotPassed { outcome, left }))
}

/// `POST …/reset/code` with the field `code`.
pub(super) async fn submit(visit: Visit, body: Bytes) -> Response {
    let form = Form::read(body);
    view::answer(&visit, spend(&visit, &form)).await
}

async fn spend(visit: &Visit, form: &Form) -> Result<Response, StoreError> {
    let (flow, step, _) = match visit.posted(form.only("flow")).await? {
        Ok(standing) => standing,
        Err(refused) => return Ok(refused.page(visit)),
    };
    if step == Step::Password {
        return Ok(to(visit, "password"));
    }
    // A repeated or missing field is a wrong code, and costs a try like one.
    let typed = form.only("code").unwrap_or("");
    match email::answer(&visit.app, &flow, typed, visit.now).await? {
        Ok(_passed) => {
            audit(visit, &flow, "gate.email.passed", json!({})).await;
            Ok(to(visit, "password"))
        }
        Err(not_passed) => {
            // Posted twice: the first one has passed the gate.
            if let Standing::Open(_, Step::Password, _) = visit.standing().await? {
                return Ok(to(visit, "password"));
            }
            let detail = json!({ "outcome": not_passed.outcome.name(), "left": not_passed.left });
            audit(visit, &flow, "gate.email.not_passed", detail).await;
            Ok(refused(visit, &flow, not_passed))
        }
    }
}

/// `POST …/reset/resend`.
pub(super) async fn resend(visit: Visit, body: Bytes) -> Response {
    let form = Form::read(body);
    view::answer(&visit, issue_again(&visit, &form)).await
}

async fn issue_again(visit: &Visit, form: &Form) -> Result<Response, StoreError> {
    let (flow, step, _) = match visit.posted(form.only("flow")).await? {
        Ok(standing) => standing,
        Err(refused) => return Ok(refused.page(visit)),
    };
    if step == Step::Password {
        return Ok(to(visit, "password"));
    }
    // Looked up for a decoy too: with an anchor that nobody has.
    let anchor = flow.person.clone();
    let anchor = anchor.unwrap_or_else(|| CloudAnchor::random(visit.app.randomness.as_ref()));
    let person = visit.app.store.person(visit.tenant.id, &anchor).await?;
    let name = &visit.tenant.name;
    let issued = email::issue(&visit.app, &flow, person.as_ref(), name, visit.now).await?;
    audit(visit, &flow, "gate.email.issued_again", json!({ "issued": issued })).await;
    if issued {
        return Ok(visit.see("code", Some(RESENT)));
    }
    let again = flow.expires_at;
    Ok(view::plain(
        visit,
        Plain {
            step: "error",
            title: "error-title",
            outcome: Outcome::Throttled,
            details: Details { not_before: Some(again), ..Details::default() },
            support_code: support::of_flow(flow.id),
            try_again: Some(format!("{}/code", visit.base())),
            status: StatusCode::TOO_MANY_REQUESTS,
        },
    ))
}

fn refused(visit: &Visit, flow: &Flow, not_passed: NotPassed) -> Response {
    if not_passed.outcome != Outcome::CodeTriesSpent {
        return visit.see("code", Some(not_passed.outcome.name()));
    }
    view::plain(
        visit,
        Plain {
            step: "error",
            title: "error-title",
            outcome: not_passed.outcome,
            details: Details::default(),
            support_code: support::of_flow(flow.id),
            try_again: None,
            status: StatusCode::OK,
        },
    )
}

fn render(visit: &Visit, flow: &Flow, not_passed: Option<NotPassed>, resent: bool) -> Response {
    let mut frame = Frame::new(visit, "code", "code-title");
    frame.flow = support::handle(flow);
    frame.support_code = support::of_flow(flow.id);
    frame.message =
        not_passed.map(|one| view::message(&visit.locale, one.outcome, &Details::default(), "UTC"));
    let minutes = visit.app.settings.code_lifetime.as_secs().div_ceil(60);
    let page = CodePage {
        frame,
        minutes: u32::try_from(minutes).unwrap_or(u32::MAX),
        left: not_passed.filter(|one| one.outcome == Outcome::CodeWrong).map(|one| one.left),
        resent,
    };
    view::render(StatusCode::OK, &page)
}

fn to(visit: &Visit, step: &str) -> Response {
    view::see_other(&format!("{}/{step}", visit.base()))
}

async fn audit(visit: &Visit, flow: &Flow, name: &str, detail: serde_json::Value) {
    visit
        .app
        .audit(Event {
            tenant: Some(visit.tenant.id),
            flow: Some(flow.id),
            name: name.to_owned(),
            detail,
            ..Event::default()
        })
        .await;
}
